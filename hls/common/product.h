// Products of constant weights and codes, by how the weights of a layer are stored.
#ifndef QK_PROJECT_PRODUCT_H_
#define QK_PROJECT_PRODUCT_H_

#include "constants.h"

namespace QK_PROJECT {
namespace nnet {

// Types of sums, weights and operands while a kernel adds up. In hardware they are the narrowest.
// C simulation takes machine integers where they hold every product: sums modulo 2^width are the
// same in any wider type.
template <class C, class X, int Bits> struct exact_types {
    typedef typename C::accum_t sum;
    typedef typename C::weight_t weight;
    typedef typename code_of<X>::type value;
};
template <class T> struct machine_types {
    typedef T sum;
    typedef T weight;
    typedef T value;
};
template <class C, class X> struct exact_types<C, X, 32> : machine_types<int> {};
template <class C, class X> struct exact_types<C, X, 64> : machine_types<long long> {};

template <class C, class X> struct working {
    static const int bits = C::accum_t::width > format<X>::width ? C::accum_t::width : format<X>::width;
    static const int widest = bits > C::weight_t::width ? bits : C::weight_t::width;
#ifdef __SYNTHESIS__
    typedef exact_types<C, X, 0> types;
#else
    typedef exact_types<C, X, (widest < 31 ? 32 : widest < 62 ? 64 : 0)> types;
#endif
    typedef typename types::sum sum_t;
    typedef typename types::weight weight_t;
    typedef typename types::value value_t;
};

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
        return weight == 0 ? none : weight < 0 ? typename W::sum_t(-term) : term;
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
