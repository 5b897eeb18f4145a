//! Window arithmetic: padding rules of convolutions and pools (layers in every Keras version).

use crate::ir::Window;

/// Padding rule of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Padding {
    /// Only positions where the whole window lies inside.
    Valid,
    /// `ceil(n / stride)` positions; the odd cell of padding goes behind.
    Same,
    /// All padding in front: an output sees no later input.
    Causal,
}

impl Padding {
    /// From the word in a configuration.
    #[must_use]
    pub(super) fn from_word(word: &str) -> Self {
        match word {
            "same" => Self::Same,
            "causal" => Self::Causal,
            _ => Self::Valid,
        }
    }
}

/// One axis of an ordinary convolution or pool; an error in words when no output is left.
///
/// # Errors
/// When the window is longer than the input.
pub(super) fn window(
    input: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    padding: Padding,
) -> Result<Window, String> {
    let reach = (kernel - 1) * dilation + 1;
    let (output, pad) = match padding {
        Padding::Valid if reach > input => {
            return Err(format!(
                "the window covers {reach} cells but the input has {input}: no output is left"
            ));
        }
        Padding::Valid => ((input - reach) / stride + 1, 0),
        Padding::Same => {
            let output = input.div_ceil(stride);
            (
                output,
                ((output - 1) * stride + reach).saturating_sub(input) / 2,
            )
        }
        Padding::Causal => ((input - 1) / stride + 1, reach - 1),
    };
    Ok(Window {
        input,
        output,
        kernel,
        stride,
        dilation,
        base_dilation: 1,
        pad,
    })
}

/// One axis of a transposed convolution, for a kernel whose taps were reversed.
///
/// Scatter form: `full[i*stride + k*dilation] += x[i] * w[k]`. `valid` keeps everything and has at
/// least `input * stride` cells; `same` keeps `input * stride` cells and drops
/// `floor(max(reach - stride, 0) / 2)` in front. Read backwards, output `o` takes tap
/// `kernel - 1 - k` from the stretched input at `o + crop - (kernel - 1 - k) * dilation`.
/// An explicit output padding (plain Keras only) sets the output length of the full convolution
/// less twice `reach / 2` (for `same`) plus the padding.
#[must_use]
pub(super) fn transposed(
    input: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    same: bool,
    output_padding: Option<usize>,
) -> Window {
    let reach = (kernel - 1) * dilation + 1;
    let full = (input - 1) * stride + reach;
    let output = match (output_padding, same) {
        (None, true) => input * stride,
        (None, false) => full.max(input * stride),
        (Some(extra), true) => (full + extra).saturating_sub(2 * (reach / 2)).max(1),
        (Some(extra), false) => full + extra,
    };
    let crop = if same {
        full.saturating_sub(output) / 2
    } else {
        0
    };
    Window {
        input,
        output,
        kernel,
        stride: 1,
        dilation,
        base_dilation: stride,
        pad: reach - 1 - crop,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_is_asymmetric() {
        let w = |n, k, s| window(n, k, s, 1, Padding::Same).expect("fits");
        assert_eq!((w(9, 3, 2).output, w(9, 3, 2).pad), (5, 1));
        assert_eq!((w(8, 3, 2).output, w(8, 3, 2).pad), (4, 0));
        assert!(window(2, 3, 1, 1, Padding::Valid).is_err());
    }

    #[test]
    fn transposed_equals_the_scatter_form() {
        for (n, k, s, d, same) in [
            (4, 3, 2, 1, false),
            (4, 3, 2, 1, true),
            (3, 2, 3, 1, false),
            (3, 2, 3, 1, true),
            (4, 4, 2, 1, true),
            (5, 3, 1, 2, false),
            (5, 3, 1, 2, true),
        ] {
            let w = transposed(n, k, s, d, same, None);
            let reach = (k - 1) * d + 1;
            let mut scatter = vec![vec![]; n * s + reach];
            for i in 0..n {
                for t in 0..k {
                    scatter[i * s + t * d].push((t, i));
                }
            }
            let crop = if same { reach.saturating_sub(s) / 2 } else { 0 };
            for o in 0..w.output {
                let mut gather: Vec<_> = w.taps(o).map(|(t, i)| (k - 1 - t, i)).collect();
                gather.sort_unstable();
                let mut wanted = scatter.get(o + crop).cloned().unwrap_or_default();
                wanted.sort_unstable();
                assert_eq!(gather, wanted, "n{n} k{k} s{s} d{d} same {same} output {o}");
            }
        }
    }
}
