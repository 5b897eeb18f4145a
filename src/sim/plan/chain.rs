//! Chains of point kernels, applied to rows while they are in the first cache.

use std::sync::Arc;

use crate::ir::kernel::{Affine, Kernel, Staircase, TensorType};
use crate::ir::{Periodic, Range};
use crate::num::{Conversion, Int, Plan};

/// Longest staircase that is evaluated by comparing with every threshold.
const LINEAR_STEPS: usize = 16;

/// A point operation in one machine integer; each parameter follows the flat index of the element.
#[derive(Debug)]
pub(super) enum Point<C> {
    /// `mul * x + add`.
    Affine(Vec<(C, C)>),
    /// `x >= threshold ? above : below`.
    Select(Vec<Branches<C>>),
    /// `min(max(x, lo), hi)`.
    Clamp(Vec<(C, C)>),
    /// A conversion.
    Cast(Vec<Conversion<C>>),
    /// `table[x - first]`.
    Lut { first: C, tables: Vec<Arc<Vec<C>>> },
    /// Step functions.
    Stairs(Vec<Arc<Stairs<C>>>),
}

/// Two affine branches.
#[derive(Debug, Clone, Copy)]
pub(super) struct Branches<C> {
    threshold: C,
    below: (C, C),
    above: (C, C),
}

/// A step function; thresholds outside of the operand's range are gone.
#[derive(Debug)]
pub(super) struct Stairs<C> {
    first: C,
    /// Threshold and rise there.
    rises: Vec<(C, C)>,
    /// Thresholds and values for bisection, where there are many.
    thresholds: Vec<C>,
    values: Vec<C>,
}

/// Bits that the machine integer of a point kernel needs.
pub(super) fn bits(kernel: &Kernel, from: &TensorType, to: &TensorType) -> u32 {
    let operand = from.hull();
    let all = operand.hull(to.hull());
    let signed = |r: Range| r.hull(Range::point(-1)).width();
    match kernel {
        Kernel::Affine(_) => signed(all),
        // Thresholds are moved to at most one code above the operand's range.
        Kernel::Select(_) | Kernel::Threshold(_) => signed(Range {
            hi: all.hi.saturating_add(1),
            ..all
        }),
        Kernel::Clamp(_) => signed(all),
        Kernel::Cast(types) => types
            .zip(&from.frac, |ty, frac| (*ty, *frac))
            .values()
            .iter()
            .map(|(ty, frac)| Plan::new(operand, *frac, ty).bits())
            .fold(signed(all), u32::max),
        Kernel::Lut(lut) => signed(all.hull(Range::point(lut.first))),
        Kernel::Input { .. }
        | Kernel::Dot(_)
        | Kernel::MatMul
        | Kernel::Pool { .. }
        | Kernel::Merge { .. }
        | Kernel::Move(_)
        | Kernel::Reduce(_)
        | Kernel::Loop(_)
        | Kernel::Part(_) => unreachable!("no point kernel"),
    }
}

impl<C: Int> Point<C> {
    /// The operation of a point kernel whose operand has the type `from`.
    pub(super) fn new(kernel: &Kernel, from: &TensorType) -> Self {
        let operand = from.hull();
        let affine = |a: &Affine| -> Periodic<(C, C)> {
            a.mul.zip(&a.add, |m, b| (C::wrap(*m), C::wrap(*b)))
        };
        match kernel {
            Kernel::Affine(a) => Self::Affine(affine(a).values().to_vec()),
            Kernel::Select(s) => {
                let branches = affine(&s.below).zip(&affine(&s.above), |b, a| (*b, *a));
                let all = s.threshold.zip(&branches, |t, &(below, above)| Branches {
                    threshold: C::wrap((*t).clamp(operand.lo, operand.hi.saturating_add(1))),
                    below,
                    above,
                });
                Self::Select(all.values().to_vec())
            }
            Kernel::Clamp(limits) => {
                let limit = |r: &Range| (C::saturate(r.lo), C::saturate(r.hi));
                Self::Clamp(limits.map(limit).values().to_vec())
            }
            Kernel::Cast(types) => {
                let each = types.zip(&from.frac, |ty, frac| {
                    Plan::new(operand, *frac, ty).into_int::<C>()
                });
                Self::Cast(each.values().to_vec())
            }
            Kernel::Lut(lut) => {
                let table = |t: &Arc<Vec<i128>>| {
                    Arc::new(t.iter().map(|&c| C::wrap(c)).collect::<Vec<_>>())
                };
                Self::Lut {
                    first: C::wrap(lut.first),
                    tables: lut.tables.map(table).values().to_vec(),
                }
            }
            Kernel::Threshold(stairs) => {
                let stairs = stairs.map(|s| Arc::new(Stairs::new(s, operand)));
                Self::Stairs(stairs.values().to_vec())
            }
            Kernel::Input { .. }
            | Kernel::Dot(_)
            | Kernel::MatMul
            | Kernel::Pool { .. }
            | Kernel::Merge { .. }
            | Kernel::Move(_)
            | Kernel::Reduce(_)
            | Kernel::Loop(_)
            | Kernel::Part(_) => unreachable!("no point kernel"),
        }
    }

    /// Applies the operation to rows of consecutive elements from `first` on.
    #[inline(always)]
    pub(super) fn apply(&self, first: usize, rows: &mut [C], lanes: usize) {
        match self {
            Self::Affine(all) => each(all, first, rows, lanes, |&(mul, add), row| {
                for x in row {
                    *x = x.times(mul).plus(add);
                }
            }),
            Self::Select(all) => each(all, first, rows, lanes, |b, row| {
                for x in row {
                    let low = x.times(b.below.0).plus(b.below.1);
                    let high = x.times(b.above.0).plus(b.above.1);
                    *x = if *x < b.threshold { low } else { high };
                }
            }),
            Self::Clamp(all) => each(all, first, rows, lanes, |&(lo, hi), row| {
                for x in row {
                    *x = (*x).max(lo).min(hi);
                }
            }),
            Self::Cast(all) => each(all, first, rows, lanes, |conversion, row| {
                conversion.apply(row);
            }),
            Self::Lut { first: low, tables } => each(tables, first, rows, lanes, |table, row| {
                for x in row {
                    let index = x.minus(*low).low() as usize;
                    *x = table[index];
                }
            }),
            Self::Stairs(all) => each(all, first, rows, lanes, |stairs, row| stairs.apply(row)),
        }
    }
}

/// Calls `f` with the parameter and the row of each element.
#[inline(always)]
fn each<P, C: Int>(
    parameters: &[P],
    first: usize,
    rows: &mut [C],
    lanes: usize,
    mut f: impl FnMut(&P, &mut [C]),
) {
    let mut k = if parameters.len() == 1 {
        0
    } else {
        first % parameters.len()
    };
    for row in rows.chunks_exact_mut(lanes) {
        f(&parameters[k], row);
        k += 1;
        if k == parameters.len() {
            k = 0;
        }
    }
}

impl<C: Int> Stairs<C> {
    fn new(stairs: &Staircase, operand: Range) -> Self {
        let below = stairs.thresholds.partition_point(|t| *t <= operand.lo);
        let inside = stairs
            .thresholds
            .partition_point(|t| *t <= operand.hi)
            .max(below);
        let thresholds: Vec<C> = stairs.thresholds[below..inside]
            .iter()
            .map(|&t| C::wrap(t))
            .collect();
        let values: Vec<C> = stairs.values[below..=inside]
            .iter()
            .map(|&v| C::wrap(v))
            .collect();
        let rises = thresholds
            .iter()
            .zip(values.windows(2))
            .map(|(&t, pair)| (t, pair[1].minus(pair[0])))
            .collect();
        Self {
            first: values[0],
            rises,
            thresholds,
            values,
        }
    }

    #[inline(always)]
    fn apply(&self, row: &mut [C]) {
        if self.rises.len() > LINEAR_STEPS {
            for x in row {
                *x = self.values[self.thresholds.partition_point(|t| *t <= *x)];
            }
            return;
        }
        for x in row {
            let mut y = self.first;
            for &(threshold, rise) in &self.rises {
                y = y.plus(if *x >= threshold { rise } else { C::default() });
            }
            *x = y;
        }
    }
}
