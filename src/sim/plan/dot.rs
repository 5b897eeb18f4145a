//! Sums of products in any machine integer: the plain form, for wide operands.

use super::layout::View;
use super::windows::Windows;
use crate::ir::kernel;
use crate::num::Int;

/// Sum of products with codes of up to 128 bits.
#[derive(Debug)]
pub(super) struct Dot<C> {
    windows: Windows,
    channels: usize,
    /// Channels that each filter reads, and filters that read the same ones.
    block: usize,
    filters_per_group: usize,
    filters: usize,
    /// `[tap][channel of the block][filter]`.
    weights: Vec<C>,
    /// Shift and bias of each filter.
    finish: Vec<(u32, C)>,
}

impl<C: Int> Dot<C> {
    pub(super) fn new(dot: &kernel::Dot) -> Self {
        Self {
            windows: Windows::new(&dot.windows),
            channels: dot.channels,
            block: dot.channels / dot.groups,
            filters_per_group: dot.filters / dot.groups,
            filters: dot.filters,
            weights: dot.weights.iter().map(|&w| C::wrap(w)).collect(),
            finish: (0..dot.filters)
                .map(|f| (*dot.shift.at(f), C::wrap(*dot.bias.at(f))))
                .collect(),
        }
    }

    /// Rows of filters `first..` at one output position.
    #[inline(always)]
    pub(super) fn produce(
        &self,
        x: View<'_>,
        position: usize,
        first: usize,
        rows: &mut [C],
        operand: &mut [C],
    ) {
        let lanes = x.lanes;
        let count = rows.len() / lanes;
        rows.fill(C::default());
        let (pattern, base) = self.windows.positions[position];
        let mut done = 0;
        // Filters of one group read the same channels.
        while done < count {
            let filter = first + done;
            let group = filter / self.filters_per_group;
            let here = ((group + 1) * self.filters_per_group - filter).min(count - done);
            let rows = &mut rows[done * lanes..(done + here) * lanes];
            for tap in &self.windows.patterns[pattern] {
                for c in 0..self.block {
                    let weights = (tap.tap * self.block + c) * self.filters + filter;
                    let weights = &self.weights[weights..weights + here];
                    if weights.iter().all(|w| *w == C::default()) {
                        continue;
                    }
                    let cell = base + tap.cell;
                    x.load(cell * self.channels + group * self.block + c, operand);
                    for (row, &w) in rows.chunks_exact_mut(lanes).zip(weights) {
                        for (y, &x) in row.iter_mut().zip(&*operand) {
                            *y = y.plus(w.times(x));
                        }
                    }
                }
            }
            done += here;
        }
        for (row, &(shift, bias)) in rows
            .chunks_exact_mut(lanes)
            .zip(&self.finish[first..first + count])
        {
            for y in row {
                *y = shifted(*y, shift).plus(bias);
            }
        }
    }
}

/// `x << shift` for any shift.
#[inline(always)]
pub(super) fn shifted<C: Int>(x: C, shift: u32) -> C {
    if shift < C::BITS {
        x << shift
    } else {
        C::default()
    }
}
