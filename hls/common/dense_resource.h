// Fully connected layers in rounds: weights in memory, few multipliers.
#ifndef QK_PROJECT_DENSE_RESOURCE_H_
#define QK_PROJECT_DENSE_RESOURCE_H_

#include "product.h"

namespace QK_PROJECT {
namespace nnet {

// y[p][o] = ((sum_c w[c][o] * x[p][c]) << shift[o]) + b[o], on codes, in C::reuse_factor rounds of
// equally many products. With groups, the filters of block g see the channels of block g only.
template <class C, class X, class Y, class W, class B>
void dense_resource(const X x[C::positions * C::channels], Y y[C::positions * C::filters],
                    const W weights[C::channels / C::groups * C::filters], const B bias[C::filters]) {
    typedef working<C, X, Y> work;
    const unsigned fan_in = C::channels / C::groups;
    const unsigned block = C::filters / C::groups;
    const unsigned at_once = fan_in * C::filters / C::reuse_factor;
    QK_ONE_WORD_A_ROUND(weights, at_once)
    for (unsigned p = 0; p < C::positions; p++) {
        typename work::sum_t sum[C::filters];
        QK_REGISTERS(sum)
        QK_UNROLL
        for (unsigned o = 0; o < C::filters; o++) {
            sum[o] = 0;
        }
        QK_PIPELINED_LOOP
        for (unsigned round = 0; round < C::reuse_factor; round++) {
            QK_PIPELINED_BODY
            QK_UNROLL
            for (unsigned k = 0; k < at_once; k++) {
                const unsigned i = round * at_once + k;
                const unsigned c = i / C::filters;
                const unsigned o = i % C::filters;
                const typename work::value_t value = work::value(x[p * C::channels + o / block * fan_in + c]);
                sum[o] += C::product::template of<work>(weights[i], value);
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
