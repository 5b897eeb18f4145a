// Fully connected layers: a matrix product with constant weights.
#ifndef QK_PROJECT_DENSE_H_
#define QK_PROJECT_DENSE_H_

#include "product.h"

namespace QK_PROJECT {
namespace nnet {

// y[p][o] = ((sum_c w[c][o] * x[p][c]) << shift[o]) + b[o], on codes.
//
// With groups, the filters of block g see the channels of block g only. Zero weights cost nothing:
// they are constants. How weights multiply is C::product, see product.h.
template <class C, class X, class Y, class W, class B>
void dense(const X x[C::positions * C::channels], Y y[C::positions * C::filters],
           const W weights[C::channels / C::groups * C::filters], const B bias[C::filters]) {
    QK_INLINE
    typedef working<C, X, Y> work;
    const unsigned fan_in = C::channels / C::groups;
    const unsigned block = C::filters / C::groups;
    QK_UNROLL
    for (unsigned p = 0; p < C::positions; p++) {
        typename work::sum_t sum[C::filters];
        QK_REGISTERS(sum)
        QK_UNROLL
        for (unsigned o = 0; o < C::filters; o++) {
            sum[o] = 0;
        }
        QK_UNROLL
        for (unsigned g = 0; g < C::groups; g++) {
            QK_UNROLL
            for (unsigned c = 0; c < fan_in; c++) {
                const typename work::value_t value = work::value(x[p * C::channels + g * fan_in + c]);
                QK_UNROLL
                for (unsigned o = g * block; o < (g + 1) * block; o++) {
                    sum[o] += C::product::template of<work>(weights[c * C::filters + o], value);
                }
            }
        }
        QK_UNROLL
        for (unsigned o = 0; o < C::filters; o++) {
            y[p * C::filters + o] = work::template result<B>(sum[o], bias[o], C::shift(o), C::place(o));
        }
    }
}

} // namespace nnet
} // namespace QK_PROJECT

#endif
