// Batch normalisation and every other scale and offset with constants.
#ifndef QK_PROJECT_AFFINE_H_
#define QK_PROJECT_AFFINE_H_

#include "constants.h"

namespace QK_PROJECT {
namespace nnet {

// y[i] = mul[c] * x[i] + add[c], on codes; c is the position in the period.
template <class C, class X, class Y, class M, class A>
void affine(const X x[C::positions * C::period], Y y[C::positions * C::period],
            const M mul[C::period], const A add[C::period]) {
    QK_INLINE
    QK_UNROLL
    for (unsigned p = 0; p < C::positions; p++) {
        QK_UNROLL
        for (unsigned c = 0; c < C::period; c++) {
            const unsigned i = p * C::period + c;
            const typename code_of<Y>::type result =
                load<typename C::mul_t>(mul[c]) * (code(x[i]) >> C::align(c)) + load<typename C::add_t>(add[c]);
            y[i] = from_code<Y>(result << C::place(c));
        }
    }
}

} // namespace nnet
} // namespace QK_PROJECT

#endif
