// Conversion into a fixed-point type, with its rounding and overflow.
#ifndef QK_PROJECT_CAST_H_
#define QK_PROJECT_CAST_H_

#include "machine.h"

namespace QK_PROJECT {
namespace nnet {

// x as a value of type Q.
//
// Rounding that drops more bits than x has would stop a C simulation with the open AP headers, so
// x is widened first; farther away than that only its sign matters.
template <class Q, class X> Q quantize(const X &x) {
    QK_INLINE
    typedef format<X> from;
    typedef format<Q> to;
    const int to_frac = to::width - to::int_bits;
    const int from_frac = from::width - from::int_bits;
    const int dropped = from_frac - to_frac;
    const int width = dropped > from::width ? from::width + 2 : from::width;
    const int frac = dropped > from::width + 2 ? to_frac + from::width + 2 : from_frac;
    typedef typename fixed_of<width, width - frac, from::is_signed>::type source_t;
    const source_t source = recode<source_t>(x);
    const Q result = source;
    return result;
}

// y[i] = x[i] as the type of position c in the period; the type of y holds every such value.
template <class C, class X, class Y>
void cast(const X x[C::positions * C::period], Y y[C::positions * C::period]) {
    QK_INLINE
    QK_UNROLL
    for (unsigned p = 0; p < C::positions; p++) {
        QK_UNROLL
        for (unsigned c = 0; c < C::period; c++) {
            const unsigned i = p * C::period + c;
            y[i] = C::template convert<X>(x[i], c);
        }
    }
}

} // namespace nnet
} // namespace QK_PROJECT

#endif
