// Product of two tensors.
#ifndef QK_PROJECT_MATMUL_H_
#define QK_PROJECT_MATMUL_H_

#include "types.h"

namespace QK_PROJECT {
namespace nnet {

// y[n][i][j] = sum_k a[n][i][k] * b[n][k][j], on codes.
template <class C, class A, class B, class Y>
void matmul(const A a[C::batch * C::rows * C::inner], const B b[C::batch * C::inner * C::columns],
            Y y[C::batch * C::rows * C::columns]) {
    QK_INLINE
    QK_UNROLL
    for (unsigned n = 0; n < C::batch; n++) {
        QK_UNROLL
        for (unsigned i = 0; i < C::rows; i++) {
            QK_UNROLL
            for (unsigned j = 0; j < C::columns; j++) {
                typename code_of<Y>::type sum = 0;
                QK_UNROLL
                for (unsigned k = 0; k < C::inner; k++) {
                    sum += code(a[(n * C::rows + i) * C::inner + k]) * code(b[(n * C::inner + k) * C::columns + j]);
                }
                y[(n * C::rows + i) * C::columns + j] = from_code<Y>(sum);
            }
        }
    }
}

} // namespace nnet
} // namespace QK_PROJECT

#endif
