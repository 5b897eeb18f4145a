//! Element-wise operations on several tensors.

use super::dot::shifted;
use super::layout::View;
use crate::ir::kernel::Merge;
use crate::ir::{elements, positions};
use crate::num::Int;

/// A merge with broadcasting.
#[derive(Debug)]
pub(super) struct Merging {
    op: Merge,
    shifts: Vec<u32>,
    /// For each operand the element behind each output element; `None` where they are the same.
    elements: Vec<Option<Vec<usize>>>,
}

impl Merging {
    pub(super) fn new(op: Merge, shifts: &[u32], operands: &[&[usize]], shape: &[usize]) -> Self {
        let index = |own: &[usize]| -> Option<Vec<usize>> {
            if elements(own) == elements(shape) {
                return None;
            }
            let lead = shape.len() - own.len();
            let flat = |at: Vec<usize>| {
                let pairs = own.iter().zip(&at[lead..]);
                pairs.fold(0, |flat, (&n, &i)| flat * n + if n == 1 { 0 } else { i })
            };
            Some(positions(shape).map(flat).collect())
        };
        Self {
            op,
            shifts: shifts.to_vec(),
            elements: operands.iter().map(|own| index(own)).collect(),
        }
    }

    /// Rows of consecutive elements from `first` on.
    #[inline(always)]
    pub(super) fn produce<C: Int>(
        &self,
        operands: &[View<'_>],
        first: usize,
        rows: &mut [C],
        operand: &mut [C],
    ) {
        let lanes = operands[0].lanes;
        let shift = |k: usize| self.shifts.get(k).copied().unwrap_or(0);
        for (i, row) in rows.chunks_exact_mut(lanes).enumerate() {
            for (k, x) in operands.iter().enumerate() {
                let element = match &self.elements[k] {
                    None => first + i,
                    Some(elements) => elements[first + i],
                };
                x.load(element, operand);
                if shift(k) > 0 {
                    for x in operand.iter_mut() {
                        *x = shifted(*x, shift(k));
                    }
                }
                if k == 0 {
                    row.copy_from_slice(operand);
                } else {
                    combine(self.op, row, operand);
                }
            }
        }
    }
}

#[inline(always)]
fn combine<C: Int>(op: Merge, row: &mut [C], other: &[C]) {
    let pairs = row.iter_mut().zip(other);
    match op {
        Merge::Add => pairs.for_each(|(a, &b)| *a = a.plus(b)),
        Merge::Sub => pairs.for_each(|(a, &b)| *a = a.minus(b)),
        Merge::Mul => pairs.for_each(|(a, &b)| *a = a.times(b)),
        Merge::Max => pairs.for_each(|(a, &b)| *a = (*a).max(b)),
        Merge::Min => pairs.for_each(|(a, &b)| *a = (*a).min(b)),
    }
}
