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

    // On the grid that taps walk on, padding and empty cells included: cells under the window, and
    // cells until the last output is done and the last input has come in.
    static const int span = (Taps - 1) * Dilation + 1;
    static const int last_output = (Outputs - 1) * Stride + span;
    static const int last_input = Pad + (Inputs - 1) * Spread + 1;
    static const int steps = last_output > last_input ? last_output : last_input;
    static const int stride = Stride;
    static const int dilation = Dilation;

    // Whether cell v of the grid is one of the input.
    static bool real(int v) {
        const int p = v - Pad;
        return p >= 0 && p % Spread == 0 && p / Spread < Inputs;
    }
    // Whether the window that ends in cell v of the grid belongs to an output.
    static bool fires(int v) {
        const int first = v - (span - 1);
        return first >= 0 && first % Stride == 0 && first / Stride < Outputs;
    }
    // That output.
    static int output(int v) { return (v - (span - 1)) / Stride; }

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
