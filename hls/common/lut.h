// Functions given by a table with one entry for each code of the operand.
#ifndef QK_PROJECT_LUT_H_
#define QK_PROJECT_LUT_H_

#include "constants.h"

namespace QK_PROJECT {
namespace nnet {

// y[i] = table[C::row(c)][x[i] - first], on codes; c is the position in the period.
template <class C, class X, class Y, class F, class T>
void lut(const X x[C::positions * C::period], Y y[C::positions * C::period], const F first[1],
         const T table[C::rows * C::entries]) {
    QK_INLINE
    QK_UNROLL
    for (unsigned p = 0; p < C::positions; p++) {
        QK_UNROLL
        for (unsigned c = 0; c < C::period; c++) {
            const unsigned i = p * C::period + c;
            const typename C::index_t entry = (code(x[i]) >> C::align(c)) - load<typename C::first_t>(first[0]);
            const typename code_of<Y>::type result =
                load<typename C::entry_t>(table[C::row(c) * C::entries + entry.to_uint()]);
            y[i] = from_code<Y>(result << C::place(c));
        }
    }
}

} // namespace nnet
} // namespace QK_PROJECT

#endif
