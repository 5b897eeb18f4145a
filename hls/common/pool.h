// Sum and maximum over a sliding window, channel by channel.
#ifndef QK_PROJECT_POOL_H_
#define QK_PROJECT_POOL_H_

#include "machine.h"
#include "window.h"

namespace QK_PROJECT {
namespace nnet {

struct pool_sum {
    template <class T> static T join(const T &total, const T &next) {
        QK_INLINE
        const T sum = total + next;
        return sum;
    }
};
struct pool_max {
    template <class T> static T join(const T &largest, const T &next) {
        QK_INLINE
        return next > largest ? next : largest;
    }
};

// y[p][c] = sum or maximum of x[p @ k][c] over the taps k; cells outside the input take no part.
template <class C, class X, class Y>
void pool(const X x[C::batch * C::planes::inputs * C::rows::inputs * C::columns::inputs * C::channels],
          Y y[C::batch * C::planes::outputs * C::rows::outputs * C::columns::outputs * C::channels]) {
    QK_INLINE
    typedef typename C::planes D;
    typedef typename C::rows R;
    typedef typename C::columns Q;
    typedef totals<typename C::accum_t, X, Y> work;
    unsigned pixel = 0;
    for (unsigned n = 0; n < C::batch; n++) {
        for (int d = 0; d < D::outputs; d++) {
            for (int r = 0; r < R::outputs; r++) {
                QK_PIPELINED_LOOP_II(C::ii)
                for (int q = 0; q < Q::outputs; q++) {
                    QK_PIPELINED_BODY_II(C::ii)
                    QK_UNROLL_BY(C::parallelization_factor)
                    QK_UNROLL
                    for (unsigned c = 0; c < C::channels; c++) {
                        typename work::total_t total = 0;
                        bool empty = true;
                        QK_UNROLL
                        for (int kd = 0; kd < D::taps; kd++) {
                            QK_UNROLL
                            for (int kr = 0; kr < R::taps; kr++) {
                                QK_UNROLL
                                for (int kq = 0; kq < Q::taps; kq++) {
                                    if (D::reads(d, kd) && R::reads(r, kr) && Q::reads(q, kq)) {
                                        const unsigned cell =
                                            ((n * D::inputs + D::cell(d, kd)) * R::inputs + R::cell(r, kr)) *
                                                Q::inputs +
                                            Q::cell(q, kq);
                                        const typename work::total_t next = work::value(x[cell * C::channels + c]);
                                        total = empty ? next : C::kind::join(total, next);
                                        empty = false;
                                    }
                                }
                            }
                        }
                        y[pixel * C::channels + c] = work::result(total);
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
