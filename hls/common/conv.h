// Convolutions with constant weights over up to three spatial axes.
#ifndef QK_PROJECT_CONV_H_
#define QK_PROJECT_CONV_H_

#include "product.h"
#include "window.h"

namespace QK_PROJECT {
namespace nnet {

// y[p][o] = ((sum_k sum_c w[k][c][o] * x[p @ k][c]) << shift[o]) + b[o], on codes.
//
// Taps outside the input contribute nothing. With groups, the filters of block g see the channels
// of block g only.
template <class C, class X, class Y, class W, class B>
void conv(const X x[C::batch * C::planes::inputs * C::rows::inputs * C::columns::inputs * C::channels],
          Y y[C::batch * C::planes::outputs * C::rows::outputs * C::columns::outputs * C::filters],
          const W weights[C::planes::taps * C::rows::taps * C::columns::taps * (C::channels / C::groups) * C::filters],
          const B bias[C::filters]) {
    QK_INLINE
    typedef typename C::planes D;
    typedef typename C::rows R;
    typedef typename C::columns Q;
    typedef working<C, X, Y> work;
    const unsigned fan_in = C::channels / C::groups;
    const unsigned block = C::filters / C::groups;
    const unsigned batch_cells = D::inputs * R::inputs * Q::inputs;
    unsigned pixel = 0;
    for (unsigned n = 0; n < C::batch; n++) {
        for (int d = 0; d < D::outputs; d++) {
            for (int r = 0; r < R::outputs; r++) {
                QK_PIPELINED_LOOP_II(C::ii)
                for (int q = 0; q < Q::outputs; q++) {
                    QK_PIPELINED_BODY_II(C::ii)
                    QK_UNROLL_BY(C::parallelization_factor)
                    typename work::sum_t sum[C::filters];
                    QK_REGISTERS(sum)
                    QK_UNROLL
                    for (unsigned o = 0; o < C::filters; o++) {
                        sum[o] = 0;
                    }
                    QK_UNROLL
                    for (int kd = 0; kd < D::taps; kd++) {
                        QK_UNROLL
                        for (int kr = 0; kr < R::taps; kr++) {
                            QK_UNROLL
                            for (int kq = 0; kq < Q::taps; kq++) {
                                if (D::reads(d, kd) && R::reads(r, kr) && Q::reads(q, kq)) {
                                    const unsigned cell =
                                        n * batch_cells +
                                        (D::cell(d, kd) * R::inputs + R::cell(r, kr)) * Q::inputs + Q::cell(q, kq);
                                    const unsigned tap = (kd * R::taps + kr) * Q::taps + kq;
                                    QK_UNROLL
                                    for (unsigned g = 0; g < C::groups; g++) {
                                        QK_UNROLL
                                        for (unsigned c = 0; c < fan_in; c++) {
                                            const typename work::value_t value = work::value(x[cell * C::channels + g * fan_in + c]);
                                            const W *row = &weights[(tap * fan_in + c) * C::filters];
                                            QK_UNROLL
                                            for (unsigned o = g * block; o < (g + 1) * block; o++) {
                                                sum[o] += C::product::template of<work>(row[o], value);
                                            }
                                        }
                                    }
                                }
                            }
                        }
                    }
                    QK_UNROLL
                    for (unsigned o = 0; o < C::filters; o++) {
                        y[pixel * C::filters + o] = work::template result<B>(sum[o], bias[o], C::shift(o), C::place(o));
                    }
                    pixel++;
                }
            }
        }
    }
}

} // namespace nnet
} // namespace QK_PROJECT

#endif
