//! Window and axis reductions.

use super::layout::View;
use super::windows::Windows;
use crate::ir::Window;
use crate::ir::kernel::{PoolKind, Reduce};
use crate::num::Int;

/// A window reduction, channel by channel.
#[derive(Debug)]
pub(super) struct Pool {
    windows: Windows,
    kind: PoolKind,
}

impl Pool {
    pub(super) fn new(windows: &[Window], kind: PoolKind) -> Self {
        Self {
            windows: Windows::new(windows),
            kind,
        }
    }

    /// Rows of channels `first..` at one output position.
    #[inline(always)]
    pub(super) fn produce<C: Int>(
        &self,
        x: View<'_>,
        position: usize,
        first: usize,
        rows: &mut [C],
        operand: &mut [C],
    ) {
        let (pattern, base) = self.windows.positions[position];
        let taps = &self.windows.patterns[pattern];
        for (i, row) in rows.chunks_exact_mut(x.lanes).enumerate() {
            if taps.is_empty() {
                row.fill(C::default());
            }
            for (k, tap) in taps.iter().enumerate() {
                let element = (base + tap.cell) * x.layout.channels + first + i;
                if k == 0 {
                    x.load(element, row);
                    continue;
                }
                x.load(element, operand);
                let pairs = row.iter_mut().zip(&*operand);
                match self.kind {
                    PoolKind::Sum => pairs.for_each(|(a, &b)| *a = a.plus(b)),
                    PoolKind::Max => pairs.for_each(|(a, &b)| *a = (*a).max(b)),
                }
            }
        }
    }
}

/// Reduction of the last axis: row `first + i` reduces `length` elements of the operand.
#[inline(always)]
pub(super) fn reduce<C: Int>(
    op: Reduce,
    length: usize,
    x: View<'_>,
    first: usize,
    rows: &mut [C],
    operand: &mut [C],
    largest: &mut [C],
) {
    for (i, row) in rows.chunks_exact_mut(x.lanes).enumerate() {
        let start = (first + i) * length;
        x.load(start, row);
        if op == Reduce::ArgMax {
            largest.copy_from_slice(row);
            row.fill(C::default());
        }
        for k in 1..length {
            x.load(start + k, operand);
            match op {
                Reduce::Sum => {
                    for (a, &b) in row.iter_mut().zip(&*operand) {
                        *a = a.plus(b);
                    }
                }
                Reduce::Max => {
                    for (a, &b) in row.iter_mut().zip(&*operand) {
                        *a = (*a).max(b);
                    }
                }
                Reduce::ArgMax => {
                    let index = C::wrap(k as i128);
                    for ((at, top), &b) in row.iter_mut().zip(&mut *largest).zip(&*operand) {
                        // Ties keep the lower index.
                        if b > *top {
                            *top = b;
                            *at = index;
                        }
                    }
                }
            }
        }
    }
}

/// Shape of a product of two tensors.
#[derive(Debug, Clone, Copy)]
pub(super) struct MatMul {
    rows: usize,
    inner: usize,
    columns: usize,
}

impl MatMul {
    pub(super) fn new(a: &[usize], b: &[usize]) -> Self {
        Self {
            rows: a[a.len() - 2],
            inner: a[a.len() - 1],
            columns: b[b.len() - 1],
        }
    }

    /// Rows of columns `first..` at one output position (a row of one of the products).
    #[inline(always)]
    pub(super) fn produce<C: Int>(
        &self,
        [a, b]: [View<'_>; 2],
        position: usize,
        first: usize,
        rows: &mut [C],
        [left, right]: [&mut [C]; 2],
    ) {
        rows.fill(C::default());
        let product = position / self.rows;
        for k in 0..self.inner {
            a.load(position * self.inner + k, left);
            for (i, row) in rows.chunks_exact_mut(a.lanes).enumerate() {
                b.load((product * self.inner + k) * self.columns + first + i, right);
                for ((y, &a), &b) in row.iter_mut().zip(&*left).zip(&*right) {
                    *y = y.plus(a.times(b));
                }
            }
        }
    }
}
