// Rearrangements: wires, no logic.
#ifndef QK_PROJECT_MOVE_H_
#define QK_PROJECT_MOVE_H_

#include "types.h"

namespace QK_PROJECT {
namespace nnet {

// The same elements in the same order.
template <unsigned Elements, class X, class Y> void copy(const X x[Elements], Y y[Elements]) {
    QK_INLINE
    QK_UNROLL
    for (unsigned i = 0; i < Elements; i++) {
        y[i] = x[i];
    }
}

// y[o0][o1].. = x[..] where axis a of the result walks along one axis of the operand: index
// (o_a - before[a]) / times[a] with distance step[a], from x[C::origin] on. Zero where an index
// falls outside inside[a].
template <class C, class X, class Y> void rearrange(const X x[C::inputs], Y y[C::outputs]) {
    QK_INLINE
    QK_UNROLL
    for (unsigned i = 0; i < C::outputs; i++) {
        int rest = static_cast<int>(i);
        int from = C::origin;
        bool real = true;
        QK_UNROLL
        for (int a = C::axes - 1; a >= 0; a--) {
            const int at = rest % C::extent(a) - C::before(a);
            rest = rest / C::extent(a);
            real = real && at >= 0 && at < C::inside(a) * C::times(a);
            from += at / C::times(a) * C::step(a);
        }
        Y value = 0;
        if (real) {
            value = x[from];
        }
        y[i] = value;
    }
}

// One operand of a concatenation: Count blocks of Block elements, placed every Distance elements
// from y[First] on.
template <unsigned Count, unsigned Block, unsigned First, unsigned Distance, class X, class Y>
void place(const X x[Count * Block], Y y[Count * Distance]) {
    QK_INLINE
    QK_UNROLL
    for (unsigned n = 0; n < Count; n++) {
        QK_UNROLL
        for (unsigned i = 0; i < Block; i++) {
            y[First + n * Distance + i] = x[n * Block + i];
        }
    }
}

} // namespace nnet
} // namespace QK_PROJECT

#endif
