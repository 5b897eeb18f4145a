// Constants as the generated arrays hold them: integer codes in the smallest C type.
#ifndef QK_PROJECT_CONSTANTS_H_
#define QK_PROJECT_CONSTANTS_H_

#include "types.h"

namespace QK_PROJECT {
namespace nnet {

// A code of more than 64 bits: hi * 2^64 + lo.
struct wide {
    long long hi;
    unsigned long long lo;
};

// The constant as an integer of type T, which is wide enough for it.
template <class T, class N> T load(const N &n) {
    QK_INLINE
    return T(n);
}
template <class T> T load(const wide &n) {
    QK_INLINE
    const T hi = T(n.hi);
    const T lo = T(n.lo);
    const T joined = (hi << 64) | lo;
    return joined;
}

} // namespace nnet
} // namespace QK_PROJECT

#endif
