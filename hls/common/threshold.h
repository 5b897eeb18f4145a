// Step functions: quantized activations with few levels.
#ifndef QK_PROJECT_THRESHOLD_H_
#define QK_PROJECT_THRESHOLD_H_

#include "constants.h"

namespace QK_PROJECT {
namespace nnet {

// y[i] = values[r][number of thresholds t in thresholds[r] with x[i] >= t], on codes, where
// r = C::row(c) and c is the position in the period.
template <class C, class X, class Y, class T, class V>
void threshold(const X x[C::positions * C::period], Y y[C::positions * C::period],
               const T thresholds[C::rows * C::steps], const V values[C::rows * (C::steps + 1)]) {
    QK_INLINE
    QK_UNROLL
    for (unsigned p = 0; p < C::positions; p++) {
        QK_UNROLL
        for (unsigned c = 0; c < C::period; c++) {
            const unsigned i = p * C::period + c;
            const typename C::compare_t value = code(x[i]) >> C::align(c);
            unsigned passed = 0;
            QK_UNROLL
            for (unsigned s = 0; s < C::steps; s++) {
                const typename C::compare_t limit =
                    load<typename C::compare_t>(thresholds[C::row(c) * C::steps + s]);
                passed += value >= limit ? 1 : 0;
            }
            const typename code_of<Y>::type result =
                load<typename C::value_t>(values[C::row(c) * (C::steps + 1) + passed]);
            y[i] = from_code<Y>(result << C::place(c));
        }
    }
}

} // namespace nnet
} // namespace QK_PROJECT

#endif
