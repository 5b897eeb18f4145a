// Products of constant weights and codes, by how the weights of a layer are stored.
#ifndef QK_PROJECT_PRODUCT_H_
#define QK_PROJECT_PRODUCT_H_

#include "constants.h"
#include "machine.h"

namespace QK_PROJECT {
namespace nnet {

// How a kernel adds up: types of sums, weights and operands, the value of an operand, and the result
// of a sum, which is y = ((sum << shift) + bias) << place on codes.
//
// In hardware all types are the narrowest. C simulation takes machine integers where they hold every
// product: sums modulo 2^width are the same in any wider type, and every sum goes through its own
// width once.
template <class C, class X, class Y, int Bits> struct exact_types {
    typedef typename C::accum_t sum_t;
    typedef typename C::weight_t weight_t;
    typedef typename code_of<X>::type value_t;

    static value_t value(const X &x) {
        QK_INLINE
        return code(x);
    }
    template <class B> static Y result(const sum_t &sum, const B &bias, unsigned shift, unsigned place) {
        QK_INLINE
        const sum_t total = (sum << shift) + load<typename C::bias_t>(bias);
        const typename code_of<Y>::type result = total;
        return from_code<Y>(result << place);
    }
};
template <class C, class X, class Y, class T> struct machine_types {
    typedef T sum_t;
    typedef T weight_t;
    typedef T value_t;

    static value_t value(const X &x) { return static_cast<T>(machine_code(x)); }
    template <class B> static Y result(const sum_t &sum, const B &bias, unsigned shift, unsigned place) {
        const long long all = wrapped<typename C::accum_t>(sum) * (1LL << shift);
        const long long total = wrapped<typename C::accum_t>(all + wrapped<typename C::bias_t>(bias));
        return from_machine<Y>(total * (1LL << place));
    }
};
template <class C, class X, class Y> struct exact_types<C, X, Y, 32> : machine_types<C, X, Y, int> {};
template <class C, class X, class Y> struct exact_types<C, X, Y, 64> : machine_types<C, X, Y, long long> {};

template <int A, int B> struct larger {
    static const int value = A > B ? A : B;
};
// Bits of the widest type that a kernel meets.
template <class C, class X, class Y> struct widest {
    static const int bits = larger<larger<C::accum_t::width, C::weight_t::width>::value,
                                   larger<format<X>::width, format<Y>::width>::value>::value;
};
template <class C, class X, class Y>
struct working
    : exact_types<C, X, Y, !fits_machine<widest<C, X, Y>::bits>::value ? 0 : widest<C, X, Y>::bits < 31 ? 32 : 64> {};

// A code as an integer of type T, a vendor's or the machine's.
template <class T> struct number {
    template <class N> static T of(const N &n) {
        QK_INLINE
        return T(n);
    }
};
template <> struct number<int> {
    static int of(int n) { return n; }
    static int of(long long n) { return static_cast<int>(n); }
    template <class N> static int of(const N &n) { return n.to_int(); }
};
template <> struct number<long long> {
    template <class N> static long long of(const N &n) { return n.to_int64(); }
};

// The kinds of weights; `of` is weight * value, but for `agreement`. With constant weights (unrolled
// loops) all but `multiply` are wiring, inverters or nothing; with weights from a memory they are
// selections.

// A weight is its code; the tool decides between DSPs and fabric.
struct multiply {
    template <class W, class N, class V> static typename W::sum_t of(const N &n, const V &value) {
        QK_INLINE
        const typename W::sum_t product = load<typename W::weight_t>(n) * value;
        return product;
    }
};

// The same, in DSPs.
struct multiply_dsp {
    template <class W, class N, class V> static typename W::sum_t of(const N &n, const V &value) {
        QK_INLINE
        const typename W::sum_t product = load<typename W::weight_t>(n) * value;
        QK_MULTIPLIER(product, dsp, DSP48)
        return product;
    }
};

// The same, in fabric.
struct multiply_fabric {
    template <class W, class N, class V> static typename W::sum_t of(const N &n, const V &value) {
        QK_INLINE
        const typename W::sum_t product = load<typename W::weight_t>(n) * value;
        QK_MULTIPLIER(product, fabric, Mul_LUT)
        return product;
    }
};

// A weight is its code, a constant: weights of equal magnitude on one operand are one product, which
// the sums add or subtract.
struct constant {
    template <class W, class N, class V> static typename W::sum_t of(const N &n, const V &value) {
        QK_INLINE
        const typename W::weight_t weight = load<typename W::weight_t>(n);
        const bool negative = weight < 0;
        const typename W::sum_t factor = weight;
        const typename W::sum_t magnitude = negative ? typename W::sum_t(-factor) : factor;
        const typename W::sum_t product = magnitude * value;
        QK_MULTIPLIER(product, fabric, Mul_LUT)
        return negative ? typename W::sum_t(-product) : product;
    }
};

// A weight is 0 or a power of two with a sign: stored is its exponent plus one, with that sign.
struct power_of_two {
    template <class W, class N, class V> static typename W::sum_t of(const N &n, const V &value) {
        QK_INLINE
        const int weight = number<int>::of(load<typename W::weight_t>(n));
        const int exponent = (weight < 0 ? -weight : weight) - 1;
        const typename W::sum_t term = value;
        const typename W::sum_t none = 0;
        const typename W::sum_t shifted = weight == 0 ? none : typename W::sum_t(term << exponent);
        return weight < 0 ? typename W::sum_t(-shifted) : shifted;
    }
};

// A weight is -1, 0 or 1.
struct ternary {
    template <class W, class N, class V> static typename W::sum_t of(const N &n, const V &value) {
        QK_INLINE
        const typename W::weight_t weight = load<typename W::weight_t>(n);
        const typename W::sum_t term = value;
        const typename W::sum_t none = 0;
        return weight == 1 ? term : weight == -1 ? typename W::sum_t(-term) : none;
    }
};

// A weight is -1 or 1, stored as 0 or 1.
struct sign {
    template <class W, class N, class V> static typename W::sum_t of(const N &n, const V &value) {
        QK_INLINE
        const typename W::weight_t positive = load<typename W::weight_t>(n);
        const typename W::sum_t term = value;
        return positive == 0 ? typename W::sum_t(-term) : term;
    }
};

// Weight and operand are -1 or 1, the weight stored as 0 or 1: 1 where they have the same sign. The
// product is twice that less one; the factor is in the shift of the sum, the ones are in the bias.
struct agreement {
    template <class W, class N, class V> static typename W::sum_t of(const N &n, const V &value) {
        QK_INLINE
        const typename W::weight_t positive = load<typename W::weight_t>(n);
        const typename W::sum_t same = (positive == 0) == (value < 0) ? 1 : 0;
        return same;
    }
};

} // namespace nnet
} // namespace QK_PROJECT

#endif
