// Limits.
#ifndef QK_PROJECT_CLAMP_H_
#define QK_PROJECT_CLAMP_H_

#include "constants.h"

namespace QK_PROJECT {
namespace nnet {

// y[i] = min(max(x[i], lo[c]), hi[c]), on codes.
template <class C, class X, class Y, class L, class H>
void clamp(const X x[C::positions * C::period], Y y[C::positions * C::period], const L lo[C::period],
           const H hi[C::period]) {
    QK_INLINE
    QK_UNROLL
    for (unsigned p = 0; p < C::positions; p++) {
        QK_UNROLL
        for (unsigned c = 0; c < C::period; c++) {
            const unsigned i = p * C::period + c;
            typedef typename C::compare_t compare_t;
            const compare_t value = code(x[i]) >> C::align(c);
            const compare_t least = load<compare_t>(lo[c]);
            const compare_t most = load<compare_t>(hi[c]);
            const compare_t raised = value < least ? least : value;
            const compare_t limited = raised > most ? most : raised;
            const typename code_of<Y>::type result = limited;
            y[i] = from_code<Y>(result << C::place(c));
        }
    }
}

} // namespace nnet
} // namespace QK_PROJECT

#endif
