// Fixed-point values from doubles and back, for the bridge and for traces: the vendors' conversions
// give the same and compile longer.
#ifndef QK_PROJECT_DOUBLES_H_
#define QK_PROJECT_DOUBLES_H_

#include <cfloat>
#include <cmath>

#include "types.h"

namespace QK_PROJECT {
namespace nnet {

// The code for x in a type of so many bits and fraction bits, before bits above its width are
// dropped. 0 for what is not a number.
inline long long code_of_double(double x, int width, int frac_bits, bool is_signed, rounding_kind rounding,
                                overflow_kind overflow) {
    double scaled = std::ldexp(x, frac_bits);
    if (scaled == 0 && x != 0) {
        scaled = x < 0 ? -DBL_MIN : DBL_MIN; // only its sign matters
    }
    double code = std::floor(scaled);
    const double rest = scaled - code;
    if (rounding == round_half_up) {
        code += rest >= 0.5;
    } else if (rounding == round_half_to_even) {
        code += rest > 0.5 || (rest == 0.5 && std::fmod(code, 2) != 0);
    }
    const double largest = std::ldexp(1.0, is_signed ? width - 1 : width) - 1;
    const double least = is_signed ? -largest - 1 : 0;
    if (overflow == overflow_saturates) {
        code = code > largest ? largest : code < least ? least : code;
    } else {
        code = std::fmod(code, std::ldexp(1.0, width));
    }
    return code == code ? static_cast<long long>(code) : 0;
}

template <class T, bool Known> struct conversion {
    static T from(double x) { return T(x); }
    static double to(const T &x) { return x.to_double(); }
};
template <class T> struct conversion<T, true> {
    static T from(double x) {
        typedef format<T> to;
        return from_machine<T>(
            code_of_double(x, to::width, to::width - to::int_bits, to::is_signed, to::rounding, to::overflow));
    }
    static double to(const T &x) {
        return std::ldexp(static_cast<double>(machine_code(x)), format<T>::int_bits - format<T>::width);
    }
};

// Limits of more than 52 bits are no doubles.
template <class T>
struct doubles : conversion<T, (format<T>::width <= 52) && format<T>::rounding != round_otherwise &&
                                   format<T>::overflow != overflow_otherwise> {};

template <class T> T from_double(double x) { return doubles<T>::from(x); }
template <class T> double to_double(const T &x) { return doubles<T>::to(x); }

} // namespace nnet
} // namespace QK_PROJECT

#endif
