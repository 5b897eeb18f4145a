//! The index arithmetic of convolutions and pools, one spatial axis at a time.

/// One spatial axis of a sliding window.
///
/// Output position `o` reads, for tap `k`, the cell `p = o*stride + k*dilation - pad` of the input
/// after `base_dilation - 1` empty cells were put between its neighbours. An ordinary convolution
/// has `base_dilation` 1; a transposed one has stride 1 and `base_dilation` equal to its stride.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// Input length.
    pub input: usize,
    /// Output length.
    pub output: usize,
    /// Taps.
    pub kernel: usize,
    /// Distance of neighbouring output positions, in input cells.
    pub stride: usize,
    /// Distance of neighbouring taps.
    pub dilation: usize,
    /// Distance of neighbouring input cells on the grid the taps walk on.
    pub base_dilation: usize,
    /// Cells added before the first input cell.
    pub pad: usize,
}

impl Window {
    /// The input cell that tap `k` reads for output `o`; `None` where there is none (a zero for
    /// convolutions, absent for pools).
    #[must_use]
    pub fn tap(&self, o: usize, k: usize) -> Option<usize> {
        let p = (o * self.stride + k * self.dilation).checked_sub(self.pad)?;
        (p.is_multiple_of(self.base_dilation) && p / self.base_dilation < self.input)
            .then_some(p / self.base_dilation)
    }

    /// Taps that read a real cell at output `o`, in order.
    pub fn taps(&self, o: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        (0..self.kernel).filter_map(move |k| Some((k, self.tap(o, k)?)))
    }

    /// An axis that is only passed through: one tap, stride 1.
    #[must_use]
    pub fn identity(length: usize) -> Self {
        Self {
            input: length,
            output: length,
            kernel: 1,
            stride: 1,
            dilation: 1,
            base_dilation: 1,
            pad: 0,
        }
    }
}

/// All index tuples below `extents` in row-major order; one empty tuple when there is no axis.
pub fn positions(extents: &[usize]) -> impl Iterator<Item = Vec<usize>> + '_ {
    let total: usize = extents.iter().product();
    (0..total).map(move |flat| {
        let mut rest = flat;
        let mut index = vec![0; extents.len()];
        for (slot, extent) in index.iter_mut().zip(extents).rev() {
            *slot = rest % extent;
            rest /= extent;
        }
        index
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_and_transposed_taps() {
        let same = Window {
            input: 4,
            output: 4,
            kernel: 3,
            stride: 1,
            dilation: 1,
            base_dilation: 1,
            pad: 1,
        };
        assert_eq!(same.taps(0).collect::<Vec<_>>(), [(1, 0), (2, 1)]);
        assert_eq!(same.taps(3).collect::<Vec<_>>(), [(0, 2), (1, 3)]);
        // Kernel 3, stride 2, valid: out = 2*2 + 1; flipped taps over the dilated input, pad 2.
        let transposed = Window {
            input: 2,
            output: 5,
            kernel: 3,
            stride: 1,
            dilation: 1,
            base_dilation: 2,
            pad: 2,
        };
        assert_eq!(transposed.taps(2).collect::<Vec<_>>(), [(0, 0), (2, 1)]);
    }

    #[test]
    fn positions_are_row_major() {
        assert_eq!(
            positions(&[2, 2]).collect::<Vec<_>>(),
            [[0, 0], [0, 1], [1, 0], [1, 1]]
        );
        assert_eq!(positions(&[]).count(), 1);
    }
}
