//! Which input cells every output position of a sliding window reads.

use crate::ir::{Window, elements, positions};

/// One tap that reads a real cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tap {
    /// Flat index of the tap in the kernel.
    pub(super) tap: usize,
    /// Cell that it reads, from the position's base cell on.
    pub(super) cell: usize,
}

/// Reading pattern of all output positions. Positions whose taps read the same cells, relative to
/// a base, share a pattern: the inner of an image is one, each kind of border another.
#[derive(Debug)]
pub(super) struct Windows {
    /// Taps of each pattern, in rising order.
    pub(super) patterns: Vec<Vec<Tap>>,
    /// Pattern and base cell of every output position, row-major.
    pub(super) positions: Vec<(usize, usize)>,
}

/// Patterns along one axis: taps with cells relative to the first.
struct Axis {
    patterns: Vec<Vec<(usize, usize)>>,
    /// Pattern and first cell of every output.
    outputs: Vec<(usize, usize)>,
}

impl Axis {
    fn new(window: &Window) -> Self {
        let mut patterns: Vec<Vec<(usize, usize)>> = Vec::new();
        let outputs = (0..window.output)
            .map(|o| {
                let mut taps: Vec<_> = window.taps(o).collect();
                let base = taps.first().map_or(0, |t| t.1);
                for tap in &mut taps {
                    tap.1 -= base;
                }
                let known = patterns.iter().position(|p| *p == taps);
                let pattern = known.unwrap_or_else(|| {
                    patterns.push(taps);
                    patterns.len() - 1
                });
                (pattern, base)
            })
            .collect();
        Self { patterns, outputs }
    }
}

impl Windows {
    /// The product of all axes.
    pub(super) fn new(windows: &[Window]) -> Self {
        let axes: Vec<Axis> = windows.iter().map(Axis::new).collect();
        let kinds: Vec<usize> = axes.iter().map(|a| a.patterns.len()).collect();
        let patterns = positions(&kinds)
            .map(|kind| {
                let mut taps = vec![Tap { tap: 0, cell: 0 }];
                for ((axis, window), k) in axes.iter().zip(windows).zip(kind) {
                    let along = &axis.patterns[k];
                    taps = taps
                        .iter()
                        .flat_map(|t| {
                            along.iter().map(|&(tap, cell)| Tap {
                                tap: t.tap * window.kernel + tap,
                                cell: t.cell * window.input + cell,
                            })
                        })
                        .collect();
                }
                taps
            })
            .collect();
        let mut all = Vec::with_capacity(elements(
            &windows.iter().map(|w| w.output).collect::<Vec<_>>(),
        ));
        all.push((0, 0));
        for ((axis, window), kinds) in axes.iter().zip(windows).zip(&kinds) {
            all = all
                .iter()
                .flat_map(|&(pattern, base)| {
                    axis.outputs
                        .iter()
                        .map(move |&(k, cell)| (pattern * kinds + k, base * window.input + cell))
                })
                .collect();
        }
        Self {
            patterns,
            positions: all,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn window()(
            input in 1..7_usize, output in 1..7_usize, kernel in 1..4_usize, stride in 1..4_usize,
            dilation in 1..4_usize, base_dilation in 1..4_usize, pad in 0..5_usize
        ) -> Window {
            Window { input, output, kernel, stride, dilation, base_dilation, pad }
        }
    }

    proptest! {
        #[test]
        fn every_tap_of_every_position(axes in prop::collection::vec(window(), 0..4)) {
            let windows = Windows::new(&axes);
            let outputs: Vec<usize> = axes.iter().map(|w| w.output).collect();
            let taps: Vec<usize> = axes.iter().map(|w| w.kernel).collect();
            prop_assert_eq!(windows.positions.len(), elements(&outputs));
            for (at, &(pattern, base)) in positions(&outputs).zip(&windows.positions) {
                let expected: Vec<(usize, usize)> = positions(&taps)
                    .enumerate()
                    .filter_map(|(tap, k)| {
                        let cell = axes.iter().zip(at.iter().zip(&k)).try_fold(0, |flat, (w, (&o, &k))| {
                            Some(flat * w.input + w.tap(o, k)?)
                        })?;
                        Some((tap, cell))
                    })
                    .collect();
                let found: Vec<(usize, usize)> =
                    windows.patterns[pattern].iter().map(|t| (t.tap, base + t.cell)).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
