// One spatial axis of a sliding window.
#ifndef QK_PROJECT_WINDOW_H_
#define QK_PROJECT_WINDOW_H_

namespace QK_PROJECT {
namespace nnet {

// Output o reads, for tap k, cell o * Stride + k * Dilation - Pad of the input after Spread - 1
// empty cells were put between its neighbours (Spread is 1 but for transposed convolutions).
template <int Inputs, int Outputs, int Taps, int Stride, int Dilation, int Spread, int Pad> struct window {
    static const int inputs = Inputs;
    static const int outputs = Outputs;
    static const int taps = Taps;

    // Whether tap k of output o falls on a cell of the input.
    static bool reads(int o, int k) {
        const int p = o * Stride + k * Dilation - Pad;
        return p >= 0 && p % Spread == 0 && p / Spread < Inputs;
    }
    // That cell.
    static int cell(int o, int k) { return (o * Stride + k * Dilation - Pad) / Spread; }
};

// An axis that the tensor does not have.
typedef window<1, 1, 1, 1, 1, 1, 0> no_axis;

} // namespace nnet
} // namespace QK_PROJECT

#endif
