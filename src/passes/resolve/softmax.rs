//! The softmax of the last axis, in integers: one definition, made of kernels that exist anyway.
//!
//! For a row `x` of `N` numbers the exact value is `y_i = e_i / s` with `e_i = e^-(m - x_i)`, `m` the
//! largest of the row and `s = sum e_j`, from 1 to `N`. In integers, with `F` fraction bits in the
//! result, `n = ceil(log2 N)`, and `E = F + n + 4`, `G = F + n + 6` bits inside:
//!
//! 1. `d = m - x`, cut to `E` fraction bits if it has more, and limited to where `e^-d` rounds to zero;
//! 2. `E_i`, the exponential from a table of `d`, rounded to `E` bits; a long `d` is cut into parts of up
//!    to twelve bits with a table each, whose product is rounded;
//! 3. `S = sum E_i`;
//! 4. `R`, the reciprocal of `S`, from a table of `S` rounded to few bits, refined by `R (2 - S R)` until
//!    `G` bits are right;
//! 5. `p_i = E_i R`, rounded half to even to `F` bits;
//! 6. `y_i = d_i = 0 ? p_i : min(p_i, max(p) - 1)`, where a logit next to the largest could round to
//!    the same.
//!
//! # Order
//! `E_i` is 1 for the largest logits and at most 1 for all others, so that no result is above theirs. By
//! step 6, or where it is left out by the distance of `E_i` from 1 ([`Plan::separates`]), the results of
//! all others are smaller. So the index of the largest result is that of the largest logit, the lower one
//! on ties.
//!
//! # Error
//! With `a` the error of one `E_i` ([`Plan::exponential_error`]) and `r` that of `R`
//! ([`Plan::reciprocal_error`]): `|E/S - e/s| <= |E - e|/S + e/s |s - S|/S <= N a`, so
//! `|p - y| <= N a + r + 2^-(F+1)`; step 6 adds one step of the result, and only to values within half
//! a step of the row's largest.

use std::sync::Arc;

use num_traits::{ToPrimitive, Zero};

use super::chain::NO_SHORT_FORM;
use super::{ErrorKind, Lazy, Resolver, Softmax};
use crate::ir::functions::Elementary;
use crate::ir::kernel::{Affine, Kernel, Lut, MAX_WIDTH, Merge, NodeId, Reduce, TensorType};
use crate::ir::math::{self, PointFunction};
use crate::ir::{Move, Origin, Periodic, Range, Real, eval, pow2};
use crate::num::{FixedType, Overflow, Quantization};

/// Most bits of a difference that one table of the exponential takes.
const TABLE_BITS: u32 = 12;
/// Most entries of the reciprocal's table, unless the row is longer.
const RECIPROCAL_ENTRIES: u64 = 1 << 12;
/// Longest row.
const MAX_ROW: usize = 1 << 18;
/// Most fraction bits of the result: all products stay below 127 bits.
const MAX_FRACTION: i32 = 36;
/// Fraction bits of the result where the user does not choose.
const FRACTION: i32 = 16;

/// Widths and tables of one softmax.
#[derive(Debug)]
struct Plan {
    /// `N`.
    length: u64,
    /// Fraction bits of the result, of exponentials, and of reciprocals.
    fraction: i32,
    exponential: i32,
    reciprocal: i32,
    /// Fraction bits of the differences, whether bits are cut to get there, and the largest difference
    /// that is told from infinity, as a code.
    difference: i32,
    cut: bool,
    limit: i128,
    /// Widths of the parts of a difference, from the lowest.
    parts: Vec<u32>,
    /// Fraction bits of the sum in the reciprocal's table.
    coarse: i32,
    /// Refinements of the reciprocal.
    refinements: u32,
}

impl Plan {
    /// `logits` is the binary point of the row; differences are at most `largest`.
    fn new(length: usize, logits: i32, largest: i128, fraction: i32) -> Self {
        let length = length as u64;
        let n = (length.next_power_of_two().trailing_zeros()).cast_signed();
        let exponential = fraction + n + 4;
        let difference = logits.min(exponential);
        let cut = difference < logits;
        // e^-d < 2^-(E + 5) from (E + 5) ln 2 on; 0.7 is above ln 2.
        let end = Real::new((7 * i64::from(exponential + 5)).into(), 10.into());
        let end = (end * pow2(difference)).ceil().to_integer().to_i128();
        let largest = largest >> (logits - difference).min(127);
        let limit = end.unwrap_or(i128::MAX).max(1).min(largest.max(1));
        let bits = Range { lo: 0, hi: limit }.width();
        let count = bits.div_ceil(TABLE_BITS);
        let parts = (0..count).map(|k| (bits * (k + 1)) / count - (bits * k) / count);
        let entries = (RECIPROCAL_ENTRIES / length.max(2)).max(1);
        let coarse = (entries.ilog2().cast_signed()).min(exponential);
        let mut plan = Self {
            length,
            fraction,
            exponential,
            reciprocal: fraction + n + 6,
            difference,
            cut,
            limit,
            parts: parts.collect(),
            coarse,
            refinements: 0,
        };
        let good = pow2(-(fraction + 5));
        while plan.reciprocal_error() > good && plan.refinements < 16 {
            plan.refinements += 1;
        }
        plan
    }

    /// Fraction bits of the tables of the exponential.
    fn table_bits(&self) -> i32 {
        if self.parts.len() > 1 {
            self.exponential + 3
        } else {
            self.exponential
        }
    }

    /// Bound of the error of one exponential.
    ///
    /// Tables err by half a step each and all factors are at most 1; products are rounded once more;
    /// cutting a difference changes its exponential, whose slope is at most 1, by no more than the cut; and
    /// what lies beyond the limit is below `2^-(E+5)`, with room for products of errors.
    fn exponential_error(&self) -> Real {
        let half = |bits: i32| pow2(-bits - 1);
        let count = self.parts.len();
        let roundings = (2 * count).saturating_sub(2).max(1);
        let mut error = Real::from_integer(roundings.into()) * half(self.table_bits());
        error += pow2(-self.exponential - 5);
        if count > 1 {
            error += half(self.exponential);
        }
        if self.cut {
            error += pow2(-self.difference);
        }
        error
    }

    /// Bound of `|S R - 1|` before each refinement and after the last.
    ///
    /// The table's sum is within half a step of `S`, at least 1, and its entry within half a step of its
    /// reciprocal: `|S R - 1| <= 2^-(K+1) + S 2^-(G+1)`. A refinement squares it; both of its roundings
    /// cost up to half a step, times `S`.
    fn relative_errors(&self) -> Vec<Real> {
        let sums = Real::from_integer(self.length.into());
        let step = pow2(-self.reciprocal - 1) * &sums;
        let rounded = if self.coarse < self.exponential {
            pow2(-self.coarse - 1)
        } else {
            Real::zero()
        };
        let mut errors = vec![rounded + &step];
        for _ in 0..self.refinements {
            let last = errors.last().expect("there is a first");
            // The factor 2 - S R is below 2.
            let next = last * last + &step * Real::from_integer(3.into());
            errors.push(next);
        }
        errors
    }

    /// Bound of the error of the reciprocal.
    fn reciprocal_error(&self) -> Real {
        // |R - 1/S| = |S R - 1| / S, and S is at least 1; the part that comes with a factor S has it
        // cancelled, and is kept here all the same.
        let errors = self.relative_errors();
        errors.last().expect("there is a first").clone()
    }

    /// Bound of the error of a result, without step 6.
    fn error(&self) -> Real {
        let row = Real::from_integer(self.length.into());
        row * self.exponential_error() + self.reciprocal_error() + pow2(-self.fraction - 1)
    }

    /// Whether results of neighbouring differences always differ from the largest: `(E_0 - E_1) R` is a
    /// step of the result at least.
    fn separates(&self) -> bool {
        if self.cut {
            return false;
        }
        let next = exponential(&pow2(-self.difference), self.exponential);
        let distance = pow2(0) - Real::from_integer(next.into()) * pow2(-self.exponential);
        // An entry errs by half a step, a product by half a step more.
        let distance = distance - self.exponential_error() * Real::from_integer(2.into());
        let least = Real::new(1.into(), self.length.into()) - self.reciprocal_error();
        distance * least >= pow2(-self.fraction)
    }
}

/// `e^-d` rounded to `bits` fraction bits, as a code.
fn exponential(d: &Real, bits: i32) -> i128 {
    rounded(&|x| Elementary::Exp.eval(&-d, x), bits)
}

/// A number rounded half to even; it lies on no tie unless it is exact.
fn rounded(value: &dyn Fn(u32) -> crate::ir::Enclosure, bits: i32) -> i128 {
    let ty = rounding(
        Range {
            lo: 0,
            hi: 1 << 100,
        },
        bits,
    );
    let mut precision = bits.unsigned_abs() + 32;
    loop {
        let y = value(precision);
        let (lo, hi) = (eval::quantize(&y.lo, &ty), eval::quantize(&y.hi, &ty));
        if let (Some(lo), Some(hi)) = (lo, hi)
            && lo == hi
        {
            return lo;
        }
        precision *= 2;
    }
}

/// The plain type of a range, with round half to even.
fn rounding(range: Range, frac: i32) -> FixedType {
    FixedType {
        quantization: Quantization::RndConv,
        ..eval::plain_type(range, frac)
    }
}

/// Builds kernels with stated formats, all of one layer.
struct Builder<'r, 'a> {
    resolver: &'r mut Resolver<'a>,
    origin: &'r Origin,
}

impl Builder<'_, '_> {
    fn push(
        &mut self,
        kernel: Kernel,
        inputs: &[NodeId],
        shape: &[usize],
        frac: i32,
        range: Range,
        note: &str,
    ) -> NodeId {
        let ty = TensorType {
            shape: shape.to_vec(),
            frac: Periodic::uniform(frac),
            range: Periodic::uniform(range),
        };
        let note = format!("softmax: {note}");
        (self.resolver).push(kernel, inputs.to_vec(), ty, self.origin, note)
    }

    fn shape(&self, id: NodeId) -> Vec<usize> {
        self.resolver.ty(id).shape.clone()
    }

    fn cast(&mut self, of: NodeId, ty: FixedType, range: Range, note: &str) -> NodeId {
        let shape = self.shape(of);
        let kernel = Kernel::Cast(Periodic::uniform(ty));
        self.push(kernel, &[of], &shape, ty.frac(), range, note)
    }

    fn merge(&mut self, op: Merge, a: NodeId, b: NodeId, range: Range, note: &str) -> NodeId {
        let frac = |id| self.resolver.ty(id).uniform_frac().expect("built uniform");
        let (left, right) = (frac(a), frac(b));
        let (frac, shifts) = if op == Merge::Mul {
            (left + right, vec![0, 0])
        } else {
            let finest = left.max(right);
            (finest, vec![finest.abs_diff(left), finest.abs_diff(right)])
        };
        let shape = [self.shape(a), self.shape(b)];
        let shape = math::broadcast(&[&shape[0], &shape[1]]).expect("a row and its reduction");
        self.push(
            Kernel::Merge { op, shifts },
            &[a, b],
            &shape,
            frac,
            range,
            note,
        )
    }

    fn reduce(&mut self, op: Reduce, of: NodeId, range: Range, note: &str) -> NodeId {
        let mut shape = self.shape(of);
        *shape.last_mut().expect("a softmax has an axis") = 1;
        let frac = self.resolver.ty(of).uniform_frac().expect("built uniform");
        self.push(Kernel::Reduce(op), &[of], &shape, frac, range, note)
    }

    fn lut(&mut self, of: NodeId, first: i128, table: Vec<i128>, frac: i32, note: &str) -> NodeId {
        let shape = self.shape(of);
        let points = table.iter().map(|&y| Range::point(y));
        let range = points.reduce(Range::hull).expect("a table has entries");
        let kernel = Kernel::Lut(Lut {
            first,
            tables: Periodic::uniform(Arc::new(table)),
        });
        self.push(kernel, &[of], &shape, frac, range, note)
    }

    /// The exponential of minus a difference.
    fn exponential(&mut self, plan: &Plan, d: NodeId) -> NodeId {
        let bits = plan.table_bits();
        let one = 1_i128 << bits;
        let table = |frac: i32, hi: i128| -> Vec<i128> {
            let value = |x: i128| exponential(&eval::value(x, frac), bits);
            let mut table: Vec<i128> = Vec::new();
            for x in 0..=hi {
                // The tail is zero.
                let ended = table.last() == Some(&0);
                table.push(if ended { 0 } else { value(x) });
            }
            table
        };
        let note = |entries: usize| format!("exponential, table of {entries} codes");
        let mut rest = d;
        let mut limit = plan.limit;
        let mut product: Option<NodeId> = None;
        let mut below: u32 = plan.parts.iter().sum();
        for (k, width) in plan.parts.iter().enumerate().rev() {
            below -= width;
            let frac = plan.difference - below.cast_signed();
            let (part, high) = if k == 0 {
                (rest, limit)
            } else {
                let high = limit >> below;
                let range = Range { lo: 0, hi: high };
                let part = self.cast(rest, eval::plain_type(range, frac), range, "upper bits");
                limit = limit.min((1 << below) - 1);
                let range = Range { lo: 0, hi: limit };
                rest = self.merge(Merge::Sub, rest, part, range, "lower bits");
                (part, high)
            };
            let table = table(frac, high);
            let note = note(table.len());
            let factor = self.lut(part, 0, table, bits, &note);
            product = Some(match product {
                None => factor,
                Some(so_far) => {
                    let range = Range {
                        lo: 0,
                        hi: one * one,
                    };
                    let whole = self.merge(Merge::Mul, so_far, factor, range, "product");
                    let last = k == 0;
                    let to = if last { plan.exponential } else { bits };
                    let range = Range { lo: 0, hi: 1 << to };
                    self.cast(whole, rounding(range, to), range, "rounded")
                }
            });
        }
        product.expect("a difference has a part")
    }

    /// The reciprocal of a sum from 1 to the row's length.
    fn reciprocal(&mut self, plan: &Plan, sum: NodeId) -> NodeId {
        let (length, bits) = (i128::from(plan.length), plan.reciprocal);
        let index = if plan.coarse < plan.exponential {
            let range = Range {
                lo: 1 << plan.coarse,
                hi: length << plan.coarse,
            };
            let ty = rounding(range, plan.coarse);
            self.cast(sum, ty, range, "sum for the table")
        } else {
            sum
        };
        let frac = plan.coarse;
        let (first, last) = (1_i128 << frac, length << frac);
        let value = |x: i128| {
            let exact = eval::value(x, frac).recip();
            rounded(&|_| crate::ir::Enclosure::exact(exact.clone()), bits)
        };
        let table: Vec<i128> = (first..=last).map(value).collect();
        let note = format!("reciprocal, table of {} codes", table.len());
        let mut reciprocal = self.lut(index, first, table, bits, &note);
        for error in plan
            .relative_errors()
            .iter()
            .take(plan.refinements as usize)
        {
            let frac = plan.exponential + bits;
            let around = |center: i128, frac: i32| {
                let spread = (error * pow2(frac)).ceil().to_integer().to_i128();
                let spread = spread.unwrap_or(i128::MAX / 4);
                Range {
                    lo: center - spread,
                    hi: center + spread,
                }
            };
            let one = 1_i128 << frac;
            let near = self.merge(
                Merge::Mul,
                sum,
                reciprocal,
                around(one, frac),
                "sum times R",
            );
            let shape = self.shape(near);
            let rest = Kernel::Affine(Affine {
                mul: Periodic::uniform(-1),
                add: Periodic::uniform(2 * one),
            });
            let range = around(one, frac);
            let rest = self.push(rest, &[near], &shape, frac, range, "2 - sum times R");
            let range = around(1 << bits, bits);
            let rest = self.cast(rest, rounding(range, bits), range, "rounded");
            let most = 1_i128 << (bits + 1);
            let range = Range {
                lo: 0,
                hi: most << bits,
            };
            let product = self.merge(Merge::Mul, reciprocal, rest, range, "R refined");
            let range = Range { lo: 0, hi: most };
            reciprocal = self.cast(product, rounding(range, bits), range, "rounded");
        }
        reciprocal
    }
}

impl Resolver<'_> {
    /// A softmax in the form that the user chose; one that is not the last stage of the model has to be
    /// computed in any case.
    pub(super) fn softmax(
        &mut self,
        index: usize,
        operand: Lazy,
        node: &math::Node,
    ) -> Result<Lazy, ErrorKind> {
        let form = if self.within.is_none() && self.ends(index) {
            self.options.softmax
        } else {
            Softmax::Table
        };
        match form {
            Softmax::Logits => {
                self.remarks.push(format!(
                    "layer {}: the softmax is left out; the design's output is its input, the logits",
                    node.origin
                ));
                self.force(operand, &node.origin).map(Lazy::exact)
            }
            Softmax::ArgMax if self.is_read(index) => Err(ErrorKind::Unsupported(
                "the softmax is not over the last axis: --softmax argmax has no meaning here; \
                 choose table or logits"
                    .into(),
            )),
            Softmax::ArgMax => {
                let operand = self.uniform(operand, &node.origin)?;
                self.reduce(math::Reduce::ArgMax, operand, node)
                    .map(Lazy::exact)
            }
            Softmax::Table => self.softmax_table(operand, node).map(Lazy::exact),
        }
    }

    fn is_read(&self, index: usize) -> bool {
        let mut nodes = self.network.nodes.iter();
        nodes.any(|n| n.inputs.iter().any(|i| i.index() == index))
    }

    /// Whether nothing but rearrangements comes behind a node.
    fn ends(&self, index: usize) -> bool {
        let nodes = self.network.nodes.iter().enumerate();
        let mut readers = nodes.filter(|(_, n)| n.inputs.iter().any(|i| i.index() == index));
        readers.all(|(position, reader)| {
            let moves = matches!(
                &reader.op,
                math::Op::Move(Move::Reshape(_) | Move::Permute(_))
            );
            moves && self.ends(position)
        })
    }

    fn softmax_table(&mut self, operand: Lazy, node: &math::Node) -> Result<NodeId, ErrorKind> {
        let origin = &node.origin;
        // The logits themselves stay exact: the type that the user chose is that of the result.
        let given = self.given_type(origin);
        let logits = self.exactly(operand, origin)?;
        let ty = self.ty(logits).clone();
        let frac = ty.uniform_frac().expect("made uniform");
        let length = ty.shape.last().copied().unwrap_or(1);
        if length > MAX_ROW {
            return Err(ErrorKind::Unsupported(format!(
                "a softmax over {length} numbers; at most {MAX_ROW} are supported"
            )));
        }
        let hull = ty.hull();
        let spread = hull.hi.checked_sub(hull.lo);
        let too_wide = || ErrorKind::TooWide {
            what: "the difference of two logits".into(),
            bits: u64::from(hull.width()) + 1,
            limit: MAX_WIDTH,
        };
        let spread = spread.filter(|&s| Range::point(s).width() < MAX_WIDTH);
        let spread = spread.ok_or_else(too_wide)?;
        let fraction = given.map_or(FRACTION, |ty| ty.frac());
        let least = length.next_power_of_two().trailing_zeros().cast_signed() + 1;
        if !(least..=MAX_FRACTION).contains(&fraction) {
            return Err(ErrorKind::Unsupported(format!(
                "the result of a softmax over {length} numbers needs from {least} to {MAX_FRACTION} \
                 fraction bits, not {fraction}; --output-type '{}=ap_ufixed<17,1>' chooses them",
                origin.layer
            )));
        }
        let plan = Plan::new(length, frac, spread, fraction);
        let step = 1_i128 << fraction;
        let mut b = Builder {
            resolver: self,
            origin,
        };
        let largest = b.reduce(Reduce::Max, logits, hull, "largest logit");
        let range = Range { lo: 0, hi: spread };
        let difference = b.merge(
            Merge::Sub,
            largest,
            logits,
            range,
            "distance from the largest",
        );
        let mut d = difference;
        if plan.cut {
            let shift = (frac - plan.difference).unsigned_abs();
            let range = Range {
                lo: 0,
                hi: if shift > 126 { 0 } else { spread >> shift },
            };
            let to = eval::plain_type(range, plan.difference);
            d = b.cast(d, to, range, "distance cut");
        }
        if b.resolver.ty(d).hull().hi > plan.limit {
            let limits = Range {
                lo: 0,
                hi: plan.limit,
            };
            let shape = b.shape(d);
            let kernel = Kernel::Clamp(Periodic::uniform(limits));
            d = b.push(
                kernel,
                &[d],
                &shape,
                plan.difference,
                limits,
                "distance limited",
            );
        }
        let e = b.exponential(&plan, d);
        let one = 1_i128 << plan.exponential;
        let sums = Range {
            lo: one,
            hi: one * length as i128,
        };
        let sum = b.reduce(Reduce::Sum, e, sums, "sum of exponentials");
        let reciprocal = b.reciprocal(&plan, sum);
        // 1 and what the errors add to it.
        let most = one << plan.reciprocal;
        let range = Range {
            lo: 0,
            hi: most + (most >> 1),
        };
        let product = b.merge(Merge::Mul, e, reciprocal, range, "exponential times R");
        let results = Range { lo: 0, hi: step };
        let mut y = b.cast(product, rounding(results, fraction), results, "rounded");
        if let Some(ty) = given {
            let all = eval::type_range(&ty).ok_or_else(too_wide)?;
            if all.hi < step {
                let limits = Range { lo: 0, hi: all.hi };
                let to = FixedType {
                    overflow: Overflow::Sat,
                    ..ty
                };
                y = b.cast(y, to, limits, "limited by its type");
            }
        }
        if !plan.separates() {
            let results = b.resolver.ty(y).hull();
            let shape = b.shape(difference);
            let bit = Range { lo: 0, hi: 1 };
            let kernel = Kernel::Clamp(Periodic::uniform(bit));
            let other = b.push(
                kernel,
                &[difference],
                &shape,
                frac,
                bit,
                "0 for the largest",
            );
            // One unit of the logits becomes one of the result: the binary point moves.
            let unit = Kernel::Affine(Affine {
                mul: Periodic::uniform(1),
                add: Periodic::uniform(0),
            });
            let other = b.push(
                unit,
                &[other],
                &shape,
                fraction,
                bit,
                "one step for the others",
            );
            let least = Range {
                lo: 1,
                hi: results.hi,
            };
            let top = b.reduce(Reduce::Max, y, least, "largest result");
            let below = b.merge(Merge::Sub, top, other, results, "limit of the others");
            y = b.merge(Merge::Min, y, below, results, "below the largest");
        }
        // Two digits behind the point, upwards.
        let bound = plan.error().to_f64().unwrap_or(f64::NAN) * 1.005;
        let more = if plan.separates() {
            String::new()
        } else {
            format!(", and one step of 2^-{fraction} more where a logit lies next to the largest")
        };
        self.remarks.push(format!(
            "layer {origin}: softmax in integers, 2^-{fraction} a step, error at most {bound:.2e}{more}; \
             the largest logit has the largest result. --softmax logits leaves it out, --softmax argmax \
             gives the index"
        ));
        Ok(y)
    }

    /// A value as an edge with one binary point, exactly where that is short, whatever type the user gave
    /// for the layer's result.
    fn exactly(&mut self, lazy: Lazy, origin: &Origin) -> Result<NodeId, ErrorKind> {
        let lazy = self.advance(lazy, origin)?;
        let node = match self.short(&lazy) {
            Some(chains) => self.emit_exact(lazy.node, &chains, origin),
            None => {
                let ty = self.output_type(lazy.node, &lazy.steps)?;
                self.rounded(lazy, ty, NO_SHORT_FORM, origin)?
            }
        };
        self.uniform(Lazy::exact(node), origin)
    }
}
