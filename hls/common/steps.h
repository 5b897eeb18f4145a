// Slices of sequences, and states.
#ifndef QK_PROJECT_STEPS_H_
#define QK_PROJECT_STEPS_H_

#include "move.h"

namespace QK_PROJECT {
namespace nnet {

// A state of zeros.
template <unsigned Elements, class S> void clear(S state[Elements]) {
    QK_INLINE
    QK_UNROLL
    for (unsigned i = 0; i < Elements; i++) {
        state[i] = 0;
    }
}

// Slice number `step` of a sequence.
template <unsigned Elements, class X, class Y> void take(const X *x, unsigned step, Y y[Elements]) {
    QK_INLINE
    QK_UNROLL
    for (unsigned i = 0; i < Elements; i++) {
        y[i] = x[step * Elements + i];
    }
}

template <unsigned Elements, class X, class Y> void put(const X x[Elements], unsigned step, Y *y) {
    QK_INLINE
    QK_UNROLL
    for (unsigned i = 0; i < Elements; i++) {
        y[step * Elements + i] = x[i];
    }
}

} // namespace nnet
} // namespace QK_PROJECT

#endif
