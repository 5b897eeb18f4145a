//! Operations that combine, pool or move codes without constants.

use std::collections::BTreeSet;

use super::{ErrorKind, Resolver};
use crate::ir::kernel::{Kernel, MAX_WIDTH, NodeId, TensorType};
use crate::ir::math::{self, Merge, Pool, PoolKind, Reduce};
use crate::ir::{Move, Periodic, Range, Source, elements, positions};

/// Whether a move commutes with point functions whose parameters follow the flat index.
pub(super) fn commutes(moved: &Move) -> bool {
    match moved {
        Move::Reshape(_) => true,
        Move::Permute(_)
        | Move::Pad(_)
        | Move::Crop(_)
        | Move::Repeat { .. }
        | Move::Reverse(_)
        | Move::Concat(_) => false,
    }
}

fn checked(range: Option<Range>, what: &str) -> Result<Range, ErrorKind> {
    range
        .filter(|r| r.width() <= MAX_WIDTH)
        .ok_or_else(|| ErrorKind::TooWide {
            what: what.to_owned(),
            bits: u64::from(MAX_WIDTH) + 1,
            limit: MAX_WIDTH,
        })
}

fn add(a: Range, b: Range) -> Option<Range> {
    Some(Range {
        lo: a.lo.checked_add(b.lo)?,
        hi: a.hi.checked_add(b.hi)?,
    })
}

fn mul(a: Range, b: Range) -> Option<Range> {
    let corners = [(a.lo, b.lo), (a.lo, b.hi), (a.hi, b.lo), (a.hi, b.hi)];
    let mut products = corners
        .into_iter()
        .map(|(x, y)| x.checked_mul(y).map(Range::point));
    let first = products.next()??;
    products.try_fold(first, |h, p| Some(h.hull(p?)))
}

impl Resolver<'_> {
    /// A rearrangement; operands share one binary point unless it is a reshape.
    pub(super) fn moved(
        &mut self,
        moved: &Move,
        operands: &[NodeId],
        node: &math::Node,
    ) -> Result<NodeId, ErrorKind> {
        let types: Vec<TensorType> = operands.iter().map(|&o| self.ty(o).clone()).collect();
        let shapes: Vec<&[usize]> = types.iter().map(|t| t.shape.as_slice()).collect();
        let uniform = types
            .iter()
            .all(|t| t.range.as_uniform() == types[0].range.as_uniform())
            && types[0].range.as_uniform().is_some();
        let range = if matches!(moved, Move::Reshape(_)) {
            types[0].range.clone()
        } else if uniform {
            let range = *types[0].range.at(0);
            let pads = matches!(moved, Move::Pad(sizes) if sizes.iter().any(|&s| s != (0, 0)));
            Periodic::uniform(if pads {
                range.hull(Range::point(0))
            } else {
                range
            })
        } else {
            let of = |source: Source| match source {
                Source::Element { input, index } => *types[input].range.at(index),
                Source::Zero => Range::point(0),
            };
            Periodic::new(moved.sources(&shapes).into_iter().map(of).collect()).compact()
        };
        let ty = TensorType {
            shape: node.shape.clone(),
            frac: types[0].frac.clone(),
            range,
        };
        Ok(self.push(
            Kernel::Move(moved.clone()),
            operands.to_vec(),
            ty,
            &node.origin,
            "moved",
        ))
    }

    /// Maximum or sum under a window.
    pub(super) fn pool(
        &mut self,
        pool: &Pool,
        operand: NodeId,
        node: &math::Node,
    ) -> Result<NodeId, ErrorKind> {
        let ty = self.ty(operand).clone();
        let channels = ty.shape.last().copied().unwrap_or(1);
        let per_channel = super::dot::hull_per_channel(&ty, channels);
        let counts: Vec<BTreeSet<usize>> = pool
            .windows
            .iter()
            .map(|w| (0..w.output).map(|o| w.taps(o).count()).collect())
            .collect();
        let cells = |pick: fn(&BTreeSet<usize>) -> Option<&usize>| -> i128 {
            counts.iter().filter_map(pick).map(|&n| n as i128).product()
        };
        let (fewest, most) = (cells(BTreeSet::first), cells(BTreeSet::last));
        let ranges = per_channel.into_iter().map(|r| match pool.kind {
            PoolKind::Max => Ok(r),
            PoolKind::Sum => {
                let times = |n: i128| {
                    Some(Range {
                        lo: r.lo.checked_mul(n)?,
                        hi: r.hi.checked_mul(n)?,
                    })
                };
                let both = times(fewest).zip(times(most)).map(|(a, b)| a.hull(b));
                checked(both, "the sum under the window")
            }
        });
        let ty = TensorType {
            shape: node.shape.clone(),
            frac: ty.frac,
            range: Periodic::new(ranges.collect::<Result<_, _>>()?),
        };
        let kernel = Kernel::Pool {
            windows: pool.windows.clone(),
            kind: pool.kind,
        };
        let note = match pool.kind {
            PoolKind::Max => "maximum under a window",
            PoolKind::Sum => "sum under a window",
        };
        Ok(self.push(kernel, vec![operand], ty, &node.origin, note))
    }

    /// An element-wise combination; binary points are aligned by left shifts.
    pub(super) fn merge(
        &mut self,
        op: Merge,
        operands: &[NodeId],
        node: &math::Node,
    ) -> Result<NodeId, ErrorKind> {
        let types: Vec<TensorType> = operands.iter().map(|&o| self.ty(o).clone()).collect();
        let fracs: Vec<i32> = types
            .iter()
            .map(|t| t.uniform_frac().expect("operands were made uniform"))
            .collect();
        let finest = *fracs.iter().max().expect("a merge has operands");
        let (frac, shifts) = match op {
            Merge::Mul => {
                let sum = fracs.iter().try_fold(0_i32, |s, f| s.checked_add(*f));
                let sum =
                    sum.ok_or_else(|| ErrorKind::Unsupported("binary points out of range".into()))?;
                (sum, vec![0; fracs.len()])
            }
            Merge::Add | Merge::Sub | Merge::Max | Merge::Min => {
                (finest, fracs.iter().map(|f| finest.abs_diff(*f)).collect())
            }
        };
        let mut result: Option<Periodic<Range>> = None;
        for (ty, &shift) in types.iter().zip(&shifts) {
            let operand = broadcast_ranges(ty, &node.shape);
            let shifted = operand
                .values()
                .iter()
                .map(|r| checked(r.shifted(shift), "an operand with its binary point aligned"))
                .collect::<Result<Vec<_>, _>>()?;
            let operand = Periodic::new(shifted);
            result = Some(match result {
                None => operand,
                Some(so_far) => {
                    let combined = so_far.zip(&operand, |&a, &b| {
                        let range = match op {
                            Merge::Add => add(a, b),
                            Merge::Sub => {
                                b.lo.checked_neg()
                                    .zip(b.hi.checked_neg())
                                    .and_then(|(lo, hi)| add(a, Range { lo: hi, hi: lo }))
                            }
                            Merge::Mul => mul(a, b),
                            Merge::Max => Some(Range {
                                lo: a.lo.max(b.lo),
                                hi: a.hi.max(b.hi),
                            }),
                            Merge::Min => Some(Range {
                                lo: a.lo.min(b.lo),
                                hi: a.hi.min(b.hi),
                            }),
                        };
                        checked(range, "the result of the merge")
                    });
                    let values = combined
                        .values()
                        .iter()
                        .cloned()
                        .collect::<Result<Vec<_>, _>>()?;
                    Periodic::new(values).compact()
                }
            });
        }
        let ty = TensorType {
            shape: node.shape.clone(),
            frac: Periodic::uniform(frac),
            range: result.expect("a merge has operands"),
        };
        Ok(self.push(
            Kernel::Merge { op, shifts },
            operands.to_vec(),
            ty,
            &node.origin,
            "merge",
        ))
    }

    /// A reduction of the last axis.
    pub(super) fn reduce(
        &mut self,
        op: Reduce,
        operand: NodeId,
        node: &math::Node,
    ) -> Result<NodeId, ErrorKind> {
        let ty = self.ty(operand).clone();
        let length = ty.shape.last().copied().unwrap_or(1);
        let rows = if ty.range.period() <= length && length.is_multiple_of(ty.range.period()) {
            1
        } else {
            elements(&node.shape)
        };
        let mut ranges = Vec::with_capacity(rows);
        for row in 0..rows {
            let mut of_row = (0..length).map(|i| *ty.range.at(row * length + i));
            let first = of_row.next().unwrap_or(Range::point(0));
            ranges.push(match op {
                Reduce::Max => of_row.fold(first, |m, r| Range {
                    lo: m.lo.max(r.lo),
                    hi: m.hi.max(r.hi),
                }),
                Reduce::Sum => checked(of_row.try_fold(first, add), "the sum over the last axis")?,
                Reduce::ArgMax => Range {
                    lo: 0,
                    hi: length as i128 - 1,
                },
            });
        }
        let frac = match op {
            Reduce::ArgMax => Periodic::uniform(0),
            Reduce::Max | Reduce::Sum => ty.frac,
        };
        let mut shape = ty.shape;
        if let Some(last) = shape.last_mut() {
            *last = 1;
        }
        let ty = TensorType {
            shape,
            frac,
            range: Periodic::new(ranges),
        };
        Ok(self.push(
            Kernel::Reduce(op),
            vec![operand],
            ty,
            &node.origin,
            "reduction",
        ))
    }

    /// A product of two tensors.
    pub(super) fn matmul(
        &mut self,
        a: NodeId,
        b: NodeId,
        node: &math::Node,
    ) -> Result<NodeId, ErrorKind> {
        let (left, right) = (self.ty(a).clone(), self.ty(b).clone());
        let inner = left.shape.last().copied().unwrap_or(1) as i128;
        let term = mul(left.hull(), right.hull());
        let sum = term.and_then(|t| {
            Some(Range {
                lo: t.lo.checked_mul(inner)?,
                hi: t.hi.checked_mul(inner)?,
            })
        });
        let frac = left.frac.zip(&right.frac, |x, y| x.saturating_add(*y));
        let ty = TensorType {
            shape: node.shape.clone(),
            frac: frac.compact(),
            range: Periodic::uniform(checked(sum, "the sum of products")?),
        };
        Ok(self.push(
            Kernel::MatMul,
            vec![a, b],
            ty,
            &node.origin,
            "product of two tensors",
        ))
    }
}

/// Ranges of an operand's elements as the broadcast result's flat index sees them.
fn broadcast_ranges(ty: &TensorType, shape: &[usize]) -> Periodic<Range> {
    let keeps_last = ty.shape.last() == shape.last()
        && ty
            .shape
            .last()
            .is_some_and(|n| n.is_multiple_of(ty.range.period()));
    if ty.range.period() == 1 || ty.shape == shape || keeps_last {
        return ty.range.clone();
    }
    let lead = shape.len() - ty.shape.len();
    let ranges = positions(shape).map(|at| {
        let index = ty
            .shape
            .iter()
            .zip(&at[lead..])
            .fold(0, |flat, (&n, &i)| flat * n + if n == 1 { 0 } else { i });
        *ty.range.at(index)
    });
    Periodic::new(ranges.collect()).compact()
}
