// Integer codes in text files, for test benches only.
#ifndef QK_PROJECT_CODES_H_
#define QK_PROJECT_CODES_H_

#include <cstdio>
#include <string>

#include "types.h"

namespace QK_PROJECT {
namespace nnet {

// What reading a code came to.
enum read_result { read_value, read_end, read_bad };

// The next word of the file, an integer; the sign apart from the digits.
inline read_result read_word(std::FILE *file, bool &negative, std::string &digits) {
    int c = std::getc(file);
    while (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
        c = std::getc(file);
    }
    if (c == EOF) {
        return read_end;
    }
    negative = c == '-';
    if (negative) {
        c = std::getc(file);
    }
    digits.clear();
    while (c >= '0' && c <= '9') {
        digits += static_cast<char>(c);
        c = std::getc(file);
    }
    const bool ends = c == EOF || c == ' ' || c == '\n' || c == '\t' || c == '\r';
    return ends && !digits.empty() && digits.size() <= 40 ? read_value : read_bad;
}

// Decimal text of codes: those that fit a machine word, and wider ones.
template <class T, bool Machine> struct decimal;

template <class T> struct decimal<T, true> {
    // False when the number is no code of T.
    static bool parse(bool negative, const std::string &digits, T &x) {
        if (digits.size() > 18) {
            return false;
        }
        long long value = 0;
        for (std::size_t i = 0; i < digits.size(); i++) {
            value = value * 10 + (digits[i] - '0');
        }
        value = negative ? -value : value;
        x = from_machine<T>(value);
        return machine_code(x) == value;
    }
    static void print(std::FILE *file, const T &x) { std::fprintf(file, "%lld", machine_code(x)); }
    static bool equal(const T &a, const T &b) { return machine_code(a) == machine_code(b); }
};

template <class T> struct decimal<T, false> {
    typedef typename code_of<T>::type C;
    typedef typename integer_of<160, true>::type number;

    static bool parse(bool negative, const std::string &digits, T &x) {
        const number ten = 10;
        const number zero = 0;
        number value = 0;
        for (std::size_t i = 0; i < digits.size(); i++) {
            const number digit = digits[i] - '0';
            value = value * ten + digit;
        }
        value = negative ? number(zero - value) : value;
        const C raw = value;
        const number back = raw;
        x = from_code<T>(raw);
        return back == value;
    }
    static void print(std::FILE *file, const T &x) {
        const number zero = 0;
        const number value = code(x);
        const bool negative = value < zero;
        const number magnitude = negative ? number(zero - value) : value;
        // Bit by bit from the top: digits = 2 * digits + bit.
        std::string digits = "0";
        for (int bit = 159; bit >= 0; bit--) {
            int carry = magnitude[bit] ? 1 : 0;
            for (std::size_t i = 0; i < digits.size(); i++) {
                const int twice = 2 * (digits[i] - '0') + carry;
                digits[i] = static_cast<char>('0' + twice % 10);
                carry = twice / 10;
            }
            if (carry != 0) {
                digits += static_cast<char>('0' + carry);
            }
        }
        std::fprintf(file, "%s%s", negative ? "-" : "", std::string(digits.rbegin(), digits.rend()).c_str());
    }
    static bool equal(const T &a, const T &b) { return code(a) == code(b); }
};

template <class T> struct text : decimal<T, (format<T>::width < 59)> {};

// Reads n codes. `read_end` only when the file ends before the first one.
template <class T> read_result read_codes(std::FILE *file, T *x, unsigned n) {
    std::string digits;
    for (unsigned i = 0; i < n; i++) {
        bool negative = false;
        const read_result found = read_word(file, negative, digits);
        if (found != read_value) {
            return found == read_end && i == 0 ? read_end : read_bad;
        }
        if (!text<T>::parse(negative, digits, x[i])) {
            return read_bad;
        }
    }
    return read_value;
}

// Writes n codes, a space after each.
template <class T> void write_codes(std::FILE *file, const T *x, std::size_t n) {
    for (std::size_t i = 0; i < n; i++) {
        text<T>::print(file, x[i]);
        std::fputc(' ', file);
    }
}

// Number of differing codes; the first one is reported when `report` says so.
template <class T>
unsigned long count_mismatches(const char *port, unsigned long sample, const T *got, const T *expected, unsigned n,
                               bool report) {
    unsigned long mismatches = 0;
    for (unsigned i = 0; i < n; i++) {
        if (!text<T>::equal(got[i], expected[i])) {
            if (report && mismatches == 0) {
                std::printf("MISMATCH: sample %lu, output %s[%u]: code ", sample, port, i);
                text<T>::print(stdout, got[i]);
                std::printf(", expected ");
                text<T>::print(stdout, expected[i]);
                std::printf("\n");
            }
            mismatches++;
        }
    }
    return mismatches;
}

} // namespace nnet
} // namespace QK_PROJECT

#endif
