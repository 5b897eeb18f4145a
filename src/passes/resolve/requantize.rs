//! The narrowest affine constants that a quantizer cannot tell from the real ones.
//!
//! Given a channel `x -> Q(post(x * mul + add))` with real `mul` and `add`, find integers `m`, `b`
//! and a number of fraction bits such that `Q(post(m * x + b))` is the same code for **every** input
//! code. Both sides are monotone step functions, so they agree everywhere exactly when they agree
//! at both ends of every run of equal results. Each end bounds `b` for a given `m`; the search
//! raises the fraction bits of `m` until the bounds leave room for a `b`.

use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{Signed, ToPrimitive};

use super::eval;
use super::exact::{ExactChain, exact};
use crate::ir::kernel::MAX_WIDTH;
use crate::ir::math::{Direction, Step};
use crate::ir::{Periodic, Range, Real, pow2};
use crate::num::{self, FixedType};

/// One channel.
pub(super) struct Problem<'a> {
    pub mul: &'a Real,
    pub add: &'a Real,
    /// Rectifiers and clips between the affine step and the quantizer.
    pub post: &'a [Step],
    pub to: &'a FixedType,
    pub channel: usize,
    /// Binary point of the input codes.
    pub frac: i32,
    /// Input codes that occur.
    pub range: Range,
}

/// Constants with few bits.
pub(super) struct Constants {
    pub mul: Real,
    pub add: Real,
}

/// Input codes `first..=last` that give the same result.
struct Run {
    first: i128,
    last: i128,
    code: i128,
}

/// Most runs whose ends are examined.
const MAX_RUNS: usize = 1 << 17;
/// Most fraction bits tried for the factor, beyond its leading bit.
const MAX_BITS: i32 = 80;

/// Finds the narrowest constants, or `None` where the chain is not monotone or none exist within
/// the width of a design.
pub(super) fn search(problem: &Problem<'_>) -> Option<Constants> {
    let quantize = Step::Quantize(Periodic::uniform(*problem.to));
    let mut tail = problem.post.to_vec();
    tail.push(quantize);
    if eval::direction(&tail, problem.channel) != Direction::Rising {
        return None;
    }
    // A falling factor is a rising one of the negated code.
    let negated = problem.mul.is_negative();
    let mirror = |x: i128| if negated { -x } else { x };
    let range = if negated {
        Range {
            lo: -problem.range.hi,
            hi: -problem.range.lo,
        }
    } else {
        problem.range
    };
    let slope = problem.mul.abs();
    let truth = Truth::new(problem, &tail)?;
    let runs = runs(&|x| truth.at(mirror(x)), range)?;
    let step = eval::floor_log2(&if slope.is_positive() {
        slope.clone()
    } else {
        Real::from_integer(1.into())
    });
    for bits in 0..MAX_BITS {
        let fine = bits - step;
        let m = (&slope * pow2(fine)).round().to_integer().to_i128()?;
        let out_frac = problem.frac.checked_add(fine)?;
        if let Some(b) = offset(problem, &tail, &runs, m, out_frac) {
            let mul = Real::from_integer(m.into()) * pow2(-fine);
            let add = eval::value(b, out_frac);
            return Some(Constants {
                mul: if negated { -mul } else { mul },
                add,
            });
        }
    }
    None
}

/// The true result of every input code.
struct Truth<'a> {
    problem: &'a Problem<'a>,
    steps: Vec<Step>,
    /// The steps before the quantizer as integers, where the real constants are binary fractions of
    /// bearable length: much faster than rational arithmetic and just as exact.
    exact: Option<ExactChain>,
}

impl<'a> Truth<'a> {
    fn new(problem: &'a Problem<'a>, tail: &[Step]) -> Option<Self> {
        let mut steps = vec![Step::Affine {
            mul: Periodic::uniform(problem.mul.clone()),
            add: Periodic::uniform(problem.add.clone()),
        }];
        steps.extend(tail.iter().cloned());
        let (_, pre) = steps.split_last()?;
        let exact = exact(pre, problem.channel, problem.frac, problem.range);
        Some(Self {
            problem,
            steps,
            exact,
        })
    }

    fn at(&self, x: i128) -> Option<i128> {
        let Problem {
            to, channel, frac, ..
        } = self.problem;
        if let Some(exact) = &self.exact {
            return Some(num::convert(exact.apply(x)?, exact.frac(), to));
        }
        let y = eval::decide(&self.steps, *channel, &eval::value(x, *frac))?;
        (y * pow2(to.frac())).to_integer().to_i128()
    }
}

/// Runs of equal results of a rising function.
fn runs(f: &dyn Fn(i128) -> Option<i128>, range: Range) -> Option<Vec<Run>> {
    let mut result = vec![Run {
        first: range.lo,
        last: range.lo,
        code: f(range.lo)?,
    }];
    let mut stack = vec![(range.hi, f(range.hi)?)];
    while let Some((right, code)) = stack.pop() {
        let run = result.last_mut()?;
        if run.code == code {
            run.last = right;
        } else if right - run.last == 1 {
            result.push(Run {
                first: right,
                last: right,
                code,
            });
            if result.len() > MAX_RUNS {
                return None;
            }
        } else {
            let middle = run.last + (right - run.last) / 2;
            stack.push((right, code));
            stack.push((middle, f(middle)?));
        }
    }
    Some(result)
}

/// The `b` with most zero bits for which `m * x + b` (at binary point `frac`) gives every run its
/// code, `None` when there is none.
fn offset(problem: &Problem<'_>, tail: &[Step], runs: &[Run], m: i128, frac: i32) -> Option<i128> {
    let border = |code: i128| border(problem, tail, code, frac);
    let (mut lo, mut hi): (Option<BigInt>, Option<BigInt>) = (None, None);
    let bottom = border_value(problem, tail, i128::MIN);
    let top = border_value(problem, tail, i128::MAX);
    for run in runs {
        let product = |x: i128| BigInt::from(m) * x;
        if run.code > bottom? {
            let least: BigInt = border(run.code)? - product(run.first);
            lo = Some(lo.map_or(least.clone(), |l| l.max(least)));
        }
        if run.code < top? {
            let most: BigInt = border(run.code + 1)? - 1 - product(run.last);
            hi = Some(hi.map_or(most.clone(), |h| h.min(most)));
        }
    }
    let b = match (lo, hi) {
        (Some(lo), Some(hi)) => roundest(&lo, &hi)?,
        (Some(lo), None) => lo,
        (None, Some(hi)) => hi,
        (None, None) => BigInt::from(0),
    };
    let b = b.to_i128()?;
    let ends = [runs.first()?.first, runs.last()?.last];
    let fits = ends.into_iter().all(|x| {
        let y = m.checked_mul(x).and_then(|p| p.checked_add(b));
        y.is_some_and(|y| Range::point(y).width() < MAX_WIDTH)
    });
    fits.then_some(b)
}

/// The number in `lo..=hi` with most zero bits at its end.
fn roundest(lo: &BigInt, hi: &BigInt) -> Option<BigInt> {
    if lo > hi {
        return None;
    }
    if !lo.is_positive() && !hi.is_negative() {
        return Some(BigInt::from(0));
    }
    let mut best = lo.clone();
    for zeros in 1..=lo.bits().max(hi.bits()) {
        let unit = BigInt::from(1) << zeros;
        let up = lo.div_ceil(&unit) * &unit;
        if up > *hi {
            break;
        }
        best = up;
    }
    Some(best)
}

/// Smallest (`i128::MIN`) or largest (`i128::MAX`) code that the tail can give.
fn border_value(problem: &Problem<'_>, tail: &[Step], at: i128) -> Option<i128> {
    let size = |x: &Real| match x {
        x if x.is_positive() || x.is_negative() => eval::floor_log2(&x.abs()).max(0) + 2,
        _ => 0,
    };
    // Beyond every border of the rounding, also after a small slope, and beyond every clip.
    let mut exponent = problem.to.int_bits.max(0).checked_add(2)?;
    for step in tail {
        let more = match step {
            Step::Leaky { threshold, slope } => {
                let slope = slope.at(problem.channel);
                let flat = !slope.is_positive();
                size(threshold) + if flat { 0 } else { size(&slope.recip()) }
            }
            Step::Clip { lo, hi } => [lo, hi].into_iter().flatten().map(size).sum(),
            Step::Affine { .. } | Step::Function(_) | Step::Quantize(_) => 0,
        };
        exponent = exponent.checked_add(more)?;
    }
    let far = pow2(exponent);
    let y = eval::decide(tail, problem.channel, &if at < 0 { -far } else { far })?;
    (y * pow2(problem.to.frac())).to_integer().to_i128()
}

/// Smallest code at binary point `frac` whose tail gives at least `code`.
fn border(problem: &Problem<'_>, tail: &[Step], code: i128, frac: i32) -> Option<BigInt> {
    // Without rectifiers the border of rounding modes lies half a step below the code's value, of
    // truncation on it; with them it is searched. Start from the step below and bisect.
    let at = |y: &BigInt| -> Option<bool> {
        let value = Real::from_integer(y.clone()) * pow2(-frac);
        let got = eval::decide(tail, problem.channel, &value)?;
        Some((got * pow2(problem.to.frac())).to_integer().to_i128()? >= code)
    };
    let value = eval::value(code, problem.to.frac());
    let unit = pow2(-problem.to.frac());
    let mut below = ((&value - &unit) * pow2(frac)).floor().to_integer() - 1;
    let mut above = ((&value + &unit) * pow2(frac)).ceil().to_integer() + 1;
    let mut reach: BigInt = &above - &below;
    while at(&below)? {
        below -= &reach;
        reach *= 2;
        (reach.bits() < 256).then_some(())?;
    }
    while !at(&above)? {
        above += &reach;
        reach *= 2;
        (reach.bits() < 256).then_some(())?;
    }
    while &above - &below > BigInt::from(1) {
        let middle: BigInt = (&above + &below).div_floor(&BigInt::from(2));
        if at(&middle)? {
            above = middle;
        } else {
            below = middle;
        }
    }
    Some(above)
}
