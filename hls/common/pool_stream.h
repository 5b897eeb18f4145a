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
    typedef typename C::accum_t accum_t;
    typedef typename X::value_type input_t;
    typedef typename Y::value_type result_t;
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
                    accum_t total = 0;
                    bool empty = true;
                    QK_UNROLL
                    for (int kr = 0; kr < R::taps; kr++) {
                        QK_UNROLL
                        for (int kq = 0; kq < Q::taps; kq++) {
                            if (R::reads(R::output(v), kr) && Q::reads(Q::output(u), kq)) {
                                const accum_t next = code(buffer.window[kr * R::dilation][kq * Q::dilation][c]);
                                total = empty ? next : C::kind::join(total, next);
                                empty = false;
                            }
                        }
                    }
                    const typename code_of<result_t>::type result = total;
                    word[c] = from_code<result_t>(result);
                }
                y.write(word);
            }
        }
    }
}

// The same with one window over the whole image, every pixel once.
template <class C, class X, class Y> void pool_all_stream(stream<X> &x, stream<Y> &y) {
    typedef typename C::accum_t accum_t;
    typedef typename Y::value_type result_t;
    for (unsigned n = 0; n < C::batch; n++) {
        accum_t total[C::channels];
        QK_REGISTERS(total)
        QK_PIPELINED_LOOP_II(C::ii)
        for (int p = 0; p < C::rows::inputs * C::columns::inputs; p++) {
            QK_PIPELINED_BODY_II(C::ii)
            const X pixel = x.read();
            QK_UNROLL
            for (unsigned c = 0; c < C::channels; c++) {
                const accum_t next = code(pixel[c]);
                total[c] = p == 0 ? next : C::kind::join(total[c], next);
            }
        }
        Y word;
        QK_UNROLL
        for (unsigned c = 0; c < C::channels; c++) {
            const typename code_of<result_t>::type result = total[c];
            word[c] = from_code<result_t>(result);
        }
        y.write(word);
    }
}

} // namespace nnet
} // namespace QK_PROJECT

#endif
