// Codes on their way through C simulation: integers of the machine where these hold them, which
// compile and run many times faster than the vendors' types. Synthesis sees the vendors' types only.
#ifndef QK_PROJECT_MACHINE_H_
#define QK_PROJECT_MACHINE_H_

#include "types.h"

namespace QK_PROJECT {
namespace nnet {

// Whether C simulation may hold an integer of so many bits in a long long, with room for a sign and
// for one addition.
template <int Bits> struct fits_machine {
#ifdef __SYNTHESIS__
    static const bool value = false;
#else
    static const bool value = Bits < 62;
#endif
};

// The integer as the vendor's type T holds it: modulo 2^width.
template <class T> long long wrapped(long long n) { return T(n).to_int64(); }

template <class A, class X, class Y, bool Machine> struct totals_of {
    typedef A total_t;
    static total_t value(const X &x) {
        QK_INLINE
        return code(x);
    }
    static Y result(const total_t &total) {
        QK_INLINE
        const typename code_of<Y>::type result = total;
        return from_code<Y>(result);
    }
};
template <class A, class X, class Y> struct totals_of<A, X, Y, true> {
    typedef long long total_t;
    static total_t value(const X &x) { return machine_code(x); }
    static Y result(total_t total) { return from_machine<Y>(wrapped<A>(total)); }
};

// Integers that hold codes of X and what becomes of them, as A does, until the result of type Y.
template <class A, class X, class Y>
struct totals : totals_of<A, X, Y,
                          fits_machine<A::width>::value && fits_machine<format<X>::width>::value &&
                              fits_machine<format<Y>::width>::value> {};

template <class T, class X, bool Machine> struct recoding {
    static T of(const X &x) {
        QK_INLINE
        return from_code<T>(code(x));
    }
};
template <class T, class X> struct recoding<T, X, true> {
    static T of(const X &x) { return from_machine<T>(machine_code(x)); }
};

// The value of type T with the code of x; bits above the width of T are dropped.
template <class T, class X> T recode(const X &x) {
    QK_INLINE
    return recoding<T, X, fits_machine<format<T>::width>::value && fits_machine<format<X>::width>::value>::of(x);
}

template <class T, class X, bool Same> struct holding {
    static T of(const X &x) {
        QK_INLINE
        return T(x);
    }
};
template <class T, class X> struct holding<T, X, true> {
    static T of(const X &x) {
        QK_INLINE
        return recode<T>(x);
    }
};

// The value x, which type T holds exactly.
template <class T, class X> T held(const X &x) {
    QK_INLINE
    return holding<T, X,
                   format<T>::width == format<X>::width && format<T>::int_bits == format<X>::int_bits &&
                       format<T>::is_signed == format<X>::is_signed>::of(x);
}

} // namespace nnet
} // namespace QK_PROJECT

#endif
