// Sum and maximum over a sliding window of a stream of pixels, channel by channel.
#ifndef QK_PROJECT_POOL_STREAM_H_
#define QK_PROJECT_POOL_STREAM_H_

#include "line_buffer.h"
#include "pool.h"

namespace QK_PROJECT {
namespace nnet {

// y[p][c] = sum or maximum of x[p @ k][c] over the taps k; cells outside the input take no part.
//
// One step a pixel of the grid: a pixel comes in, and where a window is complete an output leaves.
template <class C, class X, class Y> void pool_stream(stream<X> &x, stream<Y> &y) {
    typedef typename C::rows R;
    typedef typename C::columns Q;
    typedef typename X::value_type input_t;
    typedef typename Y::value_type result_t;
    typedef totals<typename C::accum_t, input_t, result_t> work;
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
                Y word;
                QK_UNROLL
                for (unsigned c = 0; c < C::channels; c++) {
                    typename work::total_t total = 0;
                    bool empty = true;
                    QK_UNROLL
                    for (int kr = 0; kr < R::taps; kr++) {
                        QK_UNROLL
                        for (int kq = 0; kq < Q::taps; kq++) {
                            if (R::reads(R::output(v), kr) && Q::reads(Q::output(u), kq)) {
                                const typename work::total_t next =
                                    work::value(buffer.window[kr * R::dilation][kq * Q::dilation][c]);
                                total = empty ? next : C::kind::join(total, next);
                                empty = false;
                            }
                        }
                    }
                    word[c] = work::result(total);
                }
                y.write(word);
            }
        }
    }
}

// The same with one window over the whole image, every pixel once.
template <class C, class X, class Y> void pool_all_stream(stream<X> &x, stream<Y> &y) {
    typedef totals<typename C::accum_t, typename X::value_type, typename Y::value_type> work;
    for (unsigned n = 0; n < C::batch; n++) {
        typename work::total_t total[C::channels];
        QK_REGISTERS(total)
        QK_PIPELINED_LOOP_II(C::ii)
        for (int p = 0; p < C::rows::inputs * C::columns::inputs; p++) {
            QK_PIPELINED_BODY_II(C::ii)
            const X pixel = x.read();
            QK_UNROLL
            for (unsigned c = 0; c < C::channels; c++) {
                const typename work::total_t next = work::value(pixel[c]);
                total[c] = p == 0 ? next : C::kind::join(total[c], next);
            }
        }
        Y word;
        QK_UNROLL
        for (unsigned c = 0; c < C::channels; c++) {
            word[c] = work::result(total[c]);
        }
        y.write(word);
    }
}

} // namespace nnet
} // namespace QK_PROJECT

#endif
