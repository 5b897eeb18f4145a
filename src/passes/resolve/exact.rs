//! Affine steps, rectifiers and clips as integer operations on codes.

use num_traits::{One, ToPrimitive, Zero};

use super::Resolver;
use crate::ir::kernel::{Affine, Kernel, MAX_WIDTH, NodeId, Select, TensorType};
use crate::ir::math::Step;
use crate::ir::{Origin, Periodic, Range, Real, dyadic, pow2};

/// An integer operation of one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Exact {
    /// `mul * x + add`.
    Affine { mul: i128, add: i128 },
    /// Two affine branches, split at a code.
    Select {
        threshold: i128,
        below: (i128, i128),
        above: (i128, i128),
    },
    /// Limits.
    Clamp(Range),
}

impl Exact {
    fn apply(&self, x: i128) -> Option<i128> {
        let affine = |(mul, add): (i128, i128)| x.checked_mul(mul)?.checked_add(add);
        match self {
            Self::Affine { mul, add } => affine((*mul, *add)),
            Self::Select {
                threshold,
                below,
                above,
            } => affine(if x < *threshold { *below } else { *above }),
            Self::Clamp(range) => Some(x.clamp(range.lo, range.hi)),
        }
    }

    /// Range of the result over a range of arguments.
    fn image(&self, x: Range) -> Option<Range> {
        let mut ends = vec![x.lo, x.hi];
        if let Self::Select { threshold, .. } = self {
            ends.extend(
                [threshold - 1, *threshold]
                    .into_iter()
                    .filter(|t| x.contains(*t)),
            );
        }
        let mut images = ends.into_iter().map(|e| self.apply(e));
        let first = Range::point(images.next()??);
        let hull = images.try_fold(first, |h, y| Some(h.hull(Range::point(y?))))?;
        (hull.width() <= MAX_WIDTH).then_some(hull)
    }
}

/// A channel's steps as integer operations.
#[derive(Debug, Clone)]
pub(super) struct ExactChain {
    /// Operations with the binary point of their results.
    ops: Vec<(Exact, i32)>,
    frac: i32,
    /// Codes of the result.
    pub(super) range: Range,
}

impl ExactChain {
    /// The code of the result, at binary point [`ExactChain::frac`].
    pub(super) fn apply(&self, x: i128) -> Option<i128> {
        self.ops.iter().try_fold(x, |x, (op, _)| op.apply(x))
    }

    /// Fraction bits of the result.
    pub(super) fn frac(&self) -> i32 {
        self.frac
    }

    fn push(&mut self, op: Exact, frac: i32) -> Option<()> {
        self.range = op.image(self.range)?;
        self.frac = frac;
        self.ops.push((op, frac));
        Some(())
    }
}

/// `x` as a code at binary point `frac`, when it is one.
pub(super) fn code_at(x: &Real, frac: i32) -> Option<i128> {
    let (code, own) = dyadic(x)?;
    if code == 0 {
        return Some(0);
    }
    let up = u32::try_from(frac.checked_sub(own)?).ok()?;
    Range::point(code).shifted(up).map(|r| r.lo)
}

/// The steps of one channel as exact integer operations; `None` when a constant is no binary
/// fraction, a function is not affine by pieces, or the codes become too wide.
///
/// Every step gives the same number of operations in every channel, so that the channels of a
/// tensor can share kernels.
pub(super) fn exact(steps: &[Step], channel: usize, frac: i32, range: Range) -> Option<ExactChain> {
    let mut chain = ExactChain {
        ops: Vec::new(),
        frac,
        range,
    };
    for step in steps {
        match step {
            Step::Affine { mul, add } => {
                let (mul, mul_frac) = dyadic(mul.at(channel))?;
                let add = add.at(channel);
                let product = chain.frac.checked_add(mul_frac)?;
                let frac = if add.is_zero() {
                    product
                } else {
                    product.max(dyadic(add)?.1)
                };
                let mul = Range::point(mul).shifted(frac.abs_diff(product))?.lo;
                chain.push(
                    Exact::Affine {
                        mul,
                        add: code_at(add, frac)?,
                    },
                    frac,
                )?;
            }
            Step::Leaky { threshold, slope } => {
                let slope = slope.at(channel);
                if threshold.is_zero() && slope.is_zero() {
                    let limits = Range {
                        lo: 0,
                        hi: chain.range.hi.max(0),
                    };
                    chain.push(Exact::Clamp(limits), chain.frac)?;
                    continue;
                }
                let offset = -(threshold * slope);
                let mut frac = chain.frac.max(chain.frac.checked_add(dyadic(slope)?.1)?);
                if !offset.is_zero() {
                    frac = frac.max(dyadic(&offset)?.1);
                }
                let below = code_at(slope, frac.checked_sub(chain.frac)?)?;
                let above = code_at(&Real::one(), frac.checked_sub(chain.frac)?)?;
                // The first code above the threshold; at 0 both branches agree, and a comparison
                // with 0 is a sign bit.
                let beyond = i128::from(!threshold.is_zero());
                let threshold = (threshold * pow2(chain.frac)).floor().to_integer();
                let threshold = threshold.to_i128()?.checked_add(beyond)?;
                let op = Exact::Select {
                    threshold,
                    below: (below, code_at(&offset, frac)?),
                    above: (above, 0),
                };
                chain.push(op, frac)?;
            }
            Step::Clip { lo, hi } => {
                let mut frac = chain.frac;
                for limit in [lo, hi].into_iter().flatten().filter(|l| !l.is_zero()) {
                    frac = frac.max(dyadic(limit)?.1);
                }
                let mul = Range::point(1).shifted(frac.abs_diff(chain.frac))?.lo;
                chain.push(Exact::Affine { mul, add: 0 }, frac)?;
                let limit = |l: &Option<Real>, none: i128| match l {
                    Some(l) => code_at(l, frac),
                    None => Some(none),
                };
                let (lo, hi) = (limit(lo, chain.range.lo)?, limit(hi, chain.range.hi)?);
                // Maximum first, then minimum, as the step is defined.
                chain.push(Exact::Clamp(Range { lo: lo.min(hi), hi }), frac)?;
            }
            Step::Quantize(_) | Step::Function(_) => return None,
        }
    }
    Some(chain)
}

impl Resolver<'_> {
    /// Kernels of exact chains, one chain for each channel, all of the same length.
    pub(super) fn emit_exact(
        &mut self,
        node: NodeId,
        chains: &[ExactChain],
        origin: &Origin,
    ) -> NodeId {
        let mut node = node;
        let mut ranges: Vec<Range> = (0..chains.len())
            .map(|c| *self.ty(node).range.at(c))
            .collect();
        for level in 0..chains[0].ops.len() {
            let (ops, fracs): (Vec<Exact>, Vec<i32>) =
                chains.iter().map(|c| c.ops[level].clone()).unzip();
            for (range, op) in ranges.iter_mut().zip(&ops) {
                *range = op.image(*range).expect("checked when the chain was built");
            }
            let before = &self.ty(node).frac;
            let moved = fracs.iter().enumerate().any(|(c, f)| before.at(c) != f);
            let identity = |op: &Exact| *op == Exact::Affine { mul: 1, add: 0 };
            if !moved && ops.iter().all(identity) {
                continue;
            }
            let ty = TensorType {
                shape: self.ty(node).shape.clone(),
                frac: Periodic::new(fracs),
                range: Periodic::new(ranges.clone()),
            };
            let (kernel, note) = kernel_of(&ops, &ranges);
            node = self.push(kernel, vec![node], ty, origin, note);
        }
        node
    }
}

/// One kernel for one level of exact operations.
fn kernel_of(ops: &[Exact], ranges: &[Range]) -> (Kernel, &'static str) {
    if ops.iter().all(|op| matches!(op, Exact::Affine { .. })) {
        let mut mul = Vec::new();
        let mut add = Vec::new();
        for op in ops {
            if let Exact::Affine { mul: m, add: a } = op {
                mul.push(*m);
                add.push(*a);
            }
        }
        let trivial = mul.iter().all(One::is_one) && add.iter().all(Zero::is_zero);
        let affine = Affine {
            mul: Periodic::new(mul).compact(),
            add: Periodic::new(add).compact(),
        };
        return (
            Kernel::Affine(affine),
            if trivial {
                "binary point moved"
            } else {
                "affine"
            },
        );
    }
    if ops.iter().all(|op| matches!(op, Exact::Clamp(_))) {
        let limits = ops.iter().zip(ranges).map(|(op, range)| match op {
            Exact::Clamp(limits) => *limits,
            Exact::Affine { .. } | Exact::Select { .. } => *range,
        });
        return (
            Kernel::Clamp(Periodic::new(limits.collect()).compact()),
            "limits",
        );
    }
    let parts: Vec<Branches> = ops.iter().map(Branches::of).collect();
    let each = |f: fn(&Branches) -> i128| Periodic::new(parts.iter().map(f).collect()).compact();
    let select = Select {
        threshold: each(|b| b.threshold),
        below: Affine {
            mul: each(|b| b.below.0),
            add: each(|b| b.below.1),
        },
        above: Affine {
            mul: each(|b| b.above.0),
            add: each(|b| b.above.1),
        },
    };
    (Kernel::Select(Box::new(select)), "two affine branches")
}

/// An operation written as two affine branches, `(mul, add)` each.
struct Branches {
    threshold: i128,
    below: (i128, i128),
    above: (i128, i128),
}

impl Branches {
    fn of(op: &Exact) -> Self {
        match op {
            Exact::Affine { mul, add } => Self {
                threshold: 0,
                below: (*mul, *add),
                above: (*mul, *add),
            },
            Exact::Select {
                threshold,
                below,
                above,
            } => Self {
                threshold: *threshold,
                below: *below,
                above: *above,
            },
            // A clamp beside selects only limits from below: a rectifier of slope zero.
            Exact::Clamp(range) => Self {
                threshold: range.lo,
                below: (0, range.lo),
                above: (1, 0),
            },
        }
    }
}
