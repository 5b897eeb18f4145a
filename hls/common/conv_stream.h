// Convolutions with constant weights over a stream of pixels.
#ifndef QK_PROJECT_CONV_STREAM_H_
#define QK_PROJECT_CONV_STREAM_H_

#include "product.h"
#include "line_buffer.h"

namespace QK_PROJECT {
namespace nnet {

// y[p][o] = ((sum_k sum_c w[k][c][o] * x[p @ k][c]) << shift[o]) + b[o], on codes.
//
// One step a pixel of the grid: a pixel comes in, and where a window is complete an output leaves.
// Padding is zeros. With groups, the filters of block g see the channels of block g only.
template <class C, class X, class Y, class W, class B>
void conv_stream(stream<X> &x, stream<Y> &y,
                 const W weights[C::rows::taps * C::columns::taps * (C::channels / C::groups) * C::filters],
                 const B bias[C::filters]) {
    typedef typename C::rows R;
    typedef typename C::columns Q;
    typedef typename X::value_type input_t;
    typedef typename Y::value_type result_t;
    typedef working<C, input_t, result_t> work;
    const unsigned fan_in = C::channels / C::groups;
    const unsigned block = C::filters / C::groups;
    line_buffer<R, Q, C::channels, input_t> buffer;
    QK_REGISTERS(buffer.window)
    for (unsigned n = 0; n < C::batch; n++) {
        for (int v = 0; v < R::steps; v++) {
            QK_PIPELINED_LOOP_II(C::ii)
            for (int u = 0; u < Q::steps; u++) {
                QK_PIPELINED_BODY_II(C::ii)
                input_t pixel[C::channels];
                QK_REGISTERS(pixel)
                read_pixel<R, Q, X>(x, v, u, pixel);
                buffer.push(pixel, u);
                if (!R::fires(v) || !Q::fires(u)) {
                    continue;
                }
                typename work::sum_t sum[C::filters];
                QK_REGISTERS(sum)
                QK_UNROLL
                for (unsigned o = 0; o < C::filters; o++) {
                    sum[o] = 0;
                }
                QK_UNROLL
                for (int kr = 0; kr < R::taps; kr++) {
                    QK_UNROLL
                    for (int kq = 0; kq < Q::taps; kq++) {
                        const unsigned tap = kr * Q::taps + kq;
                        QK_UNROLL
                        for (unsigned g = 0; g < C::groups; g++) {
                            QK_UNROLL
                            for (unsigned c = 0; c < fan_in; c++) {
                                const typename work::value_t value = work::value(buffer.window[kr * R::dilation][kq * Q::dilation][g * fan_in + c]);
                                const W *row = &weights[(tap * fan_in + c) * C::filters];
                                QK_UNROLL
                                for (unsigned o = g * block; o < (g + 1) * block; o++) {
                                    sum[o] += C::product::template of<work>(row[o], value);
                                }
                            }
                        }
                    }
                }
                Y word;
                QK_UNROLL
                for (unsigned o = 0; o < C::filters; o++) {
                    word[o] = work::template result<B>(sum[o], bias[o], C::shift(o), C::place(o));
                }
                y.write(word);
            }
        }
    }
}

} // namespace nnet
} // namespace QK_PROJECT

#endif
