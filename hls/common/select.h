// Two straight lines that change over at a threshold: the rectifiers with a slope.
#ifndef QK_PROJECT_SELECT_H_
#define QK_PROJECT_SELECT_H_

#include "constants.h"

namespace QK_PROJECT {
namespace nnet {

// y[i] = x[i] >= threshold[c] ? above_mul[c] * x[i] + above_add[c] : below_mul[c] * x[i] + below_add[c],
// on codes.
template <class C, class X, class Y, class T, class M0, class A0, class M1, class A1>
void select(const X x[C::positions * C::period], Y y[C::positions * C::period], const T threshold[C::period],
            const M0 below_mul[C::period], const A0 below_add[C::period], const M1 above_mul[C::period],
            const A1 above_add[C::period]) {
    QK_INLINE
    QK_UNROLL
    for (unsigned p = 0; p < C::positions; p++) {
        QK_UNROLL
        for (unsigned c = 0; c < C::period; c++) {
            const unsigned i = p * C::period + c;
            typedef typename code_of<Y>::type result_t;
            const typename code_of<X>::type value = code(x[i]) >> C::align(c);
            const typename C::compare_t left = value;
            const typename C::compare_t right = load<typename C::compare_t>(threshold[c]);
            const result_t below =
                load<typename C::below_mul_t>(below_mul[c]) * value + load<typename C::below_add_t>(below_add[c]);
            const result_t above =
                load<typename C::above_mul_t>(above_mul[c]) * value + load<typename C::above_add_t>(above_add[c]);
            const result_t result = left >= right ? above : below;
            y[i] = from_code<Y>(result << C::place(c));
        }
    }
}

} // namespace nnet
} // namespace QK_PROJECT

#endif
