// Element-wise combination of tensors, operand by operand:
// merge_first(a), merge_next(b), ..., merge_last(y).
#ifndef QK_PROJECT_MERGE_H_
#define QK_PROJECT_MERGE_H_

#include "types.h"

namespace QK_PROJECT {
namespace nnet {

struct merge_add {
    template <class T> static T join(const T &a, const T &b) {
        QK_INLINE
        const T result = a + b;
        return result;
    }
};
struct merge_sub {
    template <class T> static T join(const T &a, const T &b) {
        QK_INLINE
        const T result = a - b;
        return result;
    }
};
struct merge_mul {
    template <class T> static T join(const T &a, const T &b) {
        QK_INLINE
        const T result = a * b;
        return result;
    }
};
struct merge_max {
    template <class T> static T join(const T &a, const T &b) {
        QK_INLINE
        return b > a ? b : a;
    }
};
struct merge_min {
    template <class T> static T join(const T &a, const T &b) {
        QK_INLINE
        return b < a ? b : a;
    }
};

// Total after the first operand: x << shift, on codes. Operand K of element i is x[C::index(K, i)].
template <class C, unsigned K, class X> void merge_first(const X *x, typename C::total_t total[C::elements]) {
    QK_INLINE
    QK_UNROLL
    for (unsigned i = 0; i < C::elements; i++) {
        const typename C::total_t value = code(x[C::index(K, i)]);
        total[i] = value << C::shift(K);
    }
}

// Total combined with one operand more.
template <class C, unsigned K, class X> void merge_next(const X *x, typename C::total_t total[C::elements]) {
    QK_INLINE
    QK_UNROLL
    for (unsigned i = 0; i < C::elements; i++) {
        const typename C::total_t value = code(x[C::index(K, i)]);
        const typename C::total_t aligned = value << C::shift(K);
        total[i] = C::kind::join(total[i], aligned);
    }
}

// The total as values of the result's type.
template <class C, class Y> void merge_last(const typename C::total_t total[C::elements], Y y[C::elements]) {
    QK_INLINE
    QK_UNROLL
    for (unsigned i = 0; i < C::elements; i++) {
        y[i] = from_code<Y>(total[i]);
    }
}

} // namespace nnet
} // namespace QK_PROJECT

#endif
