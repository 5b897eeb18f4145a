// Reductions of the last axis.
#ifndef QK_PROJECT_REDUCE_H_
#define QK_PROJECT_REDUCE_H_

#include "types.h"

namespace QK_PROJECT {
namespace nnet {

// y[p] = sum_c x[p][c], on codes.
template <class C, class X, class Y> void reduce_sum(const X x[C::positions * C::channels], Y y[C::positions]) {
    QK_INLINE
    QK_UNROLL
    for (unsigned p = 0; p < C::positions; p++) {
        typename code_of<Y>::type sum = 0;
        QK_UNROLL
        for (unsigned c = 0; c < C::channels; c++) {
            sum += code(x[p * C::channels + c]);
        }
        y[p] = from_code<Y>(sum);
    }
}

// y[p] = max_c x[p][c], on codes.
template <class C, class X, class Y> void reduce_max(const X x[C::positions * C::channels], Y y[C::positions]) {
    QK_INLINE
    QK_UNROLL
    for (unsigned p = 0; p < C::positions; p++) {
        typename code_of<X>::type largest = code(x[p * C::channels]);
        QK_UNROLL
        for (unsigned c = 1; c < C::channels; c++) {
            const typename code_of<X>::type next = code(x[p * C::channels + c]);
            largest = next > largest ? next : largest;
        }
        const typename code_of<Y>::type result = largest;
        y[p] = from_code<Y>(result);
    }
}

// y[p] = the lowest c for which x[p][c] is largest.
template <class C, class X, class Y> void reduce_argmax(const X x[C::positions * C::channels], Y y[C::positions]) {
    QK_INLINE
    QK_UNROLL
    for (unsigned p = 0; p < C::positions; p++) {
        typename code_of<X>::type largest = code(x[p * C::channels]);
        typename code_of<Y>::type where = 0;
        QK_UNROLL
        for (unsigned c = 1; c < C::channels; c++) {
            const typename code_of<X>::type next = code(x[p * C::channels + c]);
            const typename code_of<Y>::type here = c;
            where = next > largest ? here : where;
            largest = next > largest ? next : largest;
        }
        y[p] = from_code<Y>(where);
    }
}

} // namespace nnet
} // namespace QK_PROJECT

#endif
