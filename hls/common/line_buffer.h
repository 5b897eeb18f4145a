// Sliding windows over streams: what a convolution or pool keeps of the pixels that went by.
#ifndef QK_PROJECT_LINE_BUFFER_H_
#define QK_PROJECT_LINE_BUFFER_H_

#include "stream.h"
#include "window.h"

namespace QK_PROJECT {
namespace nnet {

// The last rows of the image and the pixels under the window. R and Q are the axes of the rows and
// of the columns, on the grid that includes padding and the empty cells of transposed convolutions.
template <class R, class Q, unsigned Channels, class T> struct line_buffer {
    T window[R::span][Q::span][Channels];
    T lines[R::span > 1 ? R::span - 1 : 1][Q::steps][Channels];

    // Takes the pixel at column u; the window moves on by one.
    void push(const T pixel[Channels], int u) {
        QK_INLINE
        QK_UNROLL
        for (unsigned c = 0; c < Channels; c++) {
            QK_UNROLL
            for (int i = 0; i < R::span; i++) {
                QK_UNROLL
                for (int j = 0; j < Q::span - 1; j++) {
                    window[i][j][c] = window[i][j + 1][c];
                }
            }
            QK_UNROLL
            for (int i = 0; i < R::span - 1; i++) {
                window[i][Q::span - 1][c] = lines[i][u][c];
            }
            window[R::span - 1][Q::span - 1][c] = pixel[c];
            QK_UNROLL
            for (int i = 0; i < R::span - 1; i++) {
                lines[i][u][c] = window[i + 1][Q::span - 1][c];
            }
        }
    }
};

// The pixel at row v and column u of the grid: the stream's next one, or zeros.
template <class R, class Q, class X>
void read_pixel(stream<X> &x, int v, int u, typename X::value_type pixel[X::size]) {
    QK_INLINE
    if (R::real(v) && Q::real(u)) {
        read<X>(x, pixel);
    } else {
        QK_UNROLL
        for (unsigned c = 0; c < X::size; c++) {
            pixel[c] = 0;
        }
    }
}

} // namespace nnet
} // namespace QK_PROJECT

#endif
