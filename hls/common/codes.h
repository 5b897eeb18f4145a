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

// Decimal text of integers: types that fit a machine word, and wider ones.
template <class C, bool Small> struct decimal;

template <class C> struct decimal<C, true> {
    // False when the number does not fit C.
    static bool parse(bool negative, const std::string &digits, C &result) {
        if (digits.size() > 18) {
            return false;
        }
        long long value = 0;
        for (std::size_t i = 0; i < digits.size(); i++) {
            value = value * 10 + (digits[i] - '0');
        }
        value = negative ? -value : value;
        result = value;
        return result.to_int64() == value;
    }
    static std::string print(const C &code) { return std::to_string(code.to_int64()); }
};

template <class C> struct decimal<C, false> {
    typedef typename integer_of<160, true>::type number;

    static bool parse(bool negative, const std::string &digits, C &result) {
        const number ten = 10;
        const number zero = 0;
        number value = 0;
        for (std::size_t i = 0; i < digits.size(); i++) {
            const number digit = digits[i] - '0';
            value = value * ten + digit;
        }
        value = negative ? number(zero - value) : value;
        result = value;
        const number back = result;
        return back == value;
    }
    static std::string print(const C &code) {
        const number zero = 0;
        const number value = code;
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
        return (negative ? "-" : "") + std::string(digits.rbegin(), digits.rend());
    }
};

template <class T> std::string to_decimal(const T &x) {
    typedef typename code_of<T>::type C;
    return decimal<C, (format<T>::width < 59)>::print(code(x));
}

// Reads n codes. `read_end` only when the file ends before the first one.
template <class T> read_result read_codes(std::FILE *file, T *x, unsigned n) {
    typedef typename code_of<T>::type C;
    std::string digits;
    for (unsigned i = 0; i < n; i++) {
        bool negative = false;
        const read_result found = read_word(file, negative, digits);
        if (found != read_value) {
            return found == read_end && i == 0 ? read_end : read_bad;
        }
        C raw = 0;
        if (!decimal<C, (format<T>::width < 59)>::parse(negative, digits, raw)) {
            return read_bad;
        }
        x[i] = from_code<T>(raw);
    }
    return read_value;
}

// Writes n codes, a space after each.
template <class T> void write_codes(std::FILE *file, const T *x, std::size_t n) {
    for (std::size_t i = 0; i < n; i++) {
        std::fprintf(file, "%s ", to_decimal(x[i]).c_str());
    }
}

// Number of differing codes; the first one is reported when `report` says so.
template <class T>
unsigned long count_mismatches(const char *port, unsigned long sample, const T *got, const T *expected, unsigned n,
                               bool report) {
    unsigned long mismatches = 0;
    for (unsigned i = 0; i < n; i++) {
        if (code(got[i]) != code(expected[i])) {
            if (report && mismatches == 0) {
                std::printf("MISMATCH: sample %lu, output %s[%u]: code %s, expected %s\n", sample, port, i,
                            to_decimal(got[i]).c_str(), to_decimal(expected[i]).c_str());
            }
            mismatches++;
        }
    }
    return mismatches;
}

} // namespace nnet
} // namespace QK_PROJECT

#endif
