//! The narrowest affine constants that a quantizer cannot tell from the real ones.
//!
//! Given a channel `x -> Q(post(x * mul + add))` with real `mul` and `add`, find integers `m`, `b`
//! and a number of fraction bits such that `Q(post(m * x + b))` is the same code for **every** input
//! code. Both sides are monotone step functions, so they agree everywhere exactly when they agree
//! at both ends of every run of equal results. Each end bounds `b` for a given `m`; the search
//! raises the fraction bits of `m` until the bounds leave room for a `b`.

use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{Signed, ToPrimitive, Zero};

use super::exact::{ExactChain, exact};
use crate::ir::eval;
use crate::ir::kernel::MAX_WIDTH;
use crate::ir::math::{Direction, Step};
use crate::ir::quick::Quick;
use crate::ir::{Periodic, Range, Real, dyadic, pow2};
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
/// Ranges of so many codes are searched code by code.
const FEW_CODES: u128 = 64;
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
    let Results {
        negated,
        slope,
        range,
        runs,
    } = results(problem, &tail)?;
    let step = eval::floor_log2(&if slope.is_positive() {
        slope.clone()
    } else {
        Real::from_integer(1.into())
    });
    let demands = demands(problem, &tail, &runs)?;
    for bits in 0..MAX_BITS {
        let fine = bits - step;
        let m = (&slope * pow2(fine)).round().to_integer().to_i128()?;
        let out_frac = problem.frac.checked_add(fine)?;
        if let Some(b) = offset(range, &demands, m, out_frac) {
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

/// First input code and result of every run of equal results, for a chain that is an affine step,
/// rectifiers and clips, and a quantizer; `None` for any other, and where it is not monotone.
pub(super) fn changes(
    steps: &[Step],
    channel: usize,
    frac: i32,
    range: Range,
) -> Option<Vec<(i128, i128)>> {
    let [Step::Affine { mul, add }, post @ .., Step::Quantize(types)] = steps else {
        return None;
    };
    let limits = |s: &Step| matches!(s, Step::Leaky { .. } | Step::Clip { .. });
    let tail = &steps[1..];
    if !post.iter().all(limits) || eval::direction(tail, channel) != Direction::Rising {
        return None;
    }
    let problem = Problem {
        mul: mul.at(channel),
        add: add.at(channel),
        post,
        to: types.at(channel),
        channel,
        frac,
        range,
    };
    let Results { negated, runs, .. } = results(&problem, tail)?;
    Some(if negated {
        runs.iter().rev().map(|r| (-r.last, r.code)).collect()
    } else {
        runs.iter().map(|r| (r.first, r.code)).collect()
    })
}

/// The results of a channel.
struct Results {
    /// Whether codes are negated, which makes a falling factor a rising one.
    negated: bool,
    /// The factor without its sign.
    slope: Real,
    /// Codes, negated or not.
    range: Range,
    runs: Vec<Run>,
}

fn results(problem: &Problem<'_>, tail: &[Step]) -> Option<Results> {
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
    let steps = whole(problem, tail);
    let truth = Truth::new(problem, &steps)?;
    let value = |x: i128| truth.at(mirror(x));
    let runs = if slope.is_positive() && range.codes() > FEW_CODES {
        runs_between_borders(problem, &value, &slope, range)?
    } else {
        runs(&value, range)?
    };
    Some(Results {
        negated,
        slope,
        range,
        runs,
    })
}

/// All steps of the channel.
fn whole(problem: &Problem<'_>, tail: &[Step]) -> Vec<Step> {
    let mut steps = vec![Step::Affine {
        mul: Periodic::uniform(problem.mul.clone()),
        add: Periodic::uniform(problem.add.clone()),
    }];
    steps.extend(tail.iter().cloned());
    steps
}

/// The true result of every input code.
struct Truth<'a> {
    problem: &'a Problem<'a>,
    steps: &'a [Step],
    /// The steps before the quantizer as integers, where the real constants are binary fractions of
    /// bearable length: much faster than rational arithmetic and just as exact.
    exact: Option<ExactChain>,
    /// Enough for most codes.
    quick: Option<Quick<'a>>,
}

impl<'a> Truth<'a> {
    fn new(problem: &'a Problem<'a>, steps: &'a [Step]) -> Option<Self> {
        let (_, pre) = steps.split_last()?;
        let exact = exact(pre, problem.channel, problem.frac, problem.range);
        Some(Self {
            problem,
            steps,
            exact,
            quick: Quick::new(steps, problem.channel, problem.frac),
        })
    }

    fn at(&self, x: i128) -> Option<i128> {
        let Problem {
            to, channel, frac, ..
        } = self.problem;
        if let Some(exact) = &self.exact {
            return Some(num::convert(exact.apply(x)?, exact.frac(), to));
        }
        let quick = self.quick.as_ref().and_then(|q| q.decide_code(x));
        quick.or_else(|| {
            let y = eval::decide(self.steps, *channel, &eval::value(x, *frac))?;
            (y * pow2(to.frac())).to_integer().to_i128()
        })
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

/// The same from the places where the result changes, for a function of positive slope.
fn runs_between_borders(
    problem: &Problem<'_>,
    f: &dyn Fn(i128) -> Option<i128>,
    slope: &Real,
    range: Range,
) -> Option<Vec<Run>> {
    let (least, most) = (f(range.lo)?, f(range.hi)?);
    if most.checked_sub(least)? >= MAX_RUNS as i128 {
        return runs(f, range);
    }
    let scale = pow2(problem.frac) / slope;
    let offset = problem.add * &scale;
    let mut result = vec![Run {
        first: range.lo,
        last: range.hi,
        code: least,
    }];
    for code in least + 1..=most {
        let border = border(problem, code)?;
        let at = &border.at * &scale - &offset;
        let ceil = at.ceil();
        let beyond = !border.inclusive && ceil == at;
        let first = ceil.to_integer().to_i128()?.checked_add(beyond.into())?;
        if first > range.hi {
            return None;
        }
        let before = result.last_mut()?;
        if first <= before.first {
            // No input gives the code before.
            before.code = code;
            continue;
        }
        before.last = first - 1;
        result.push(Run {
            first,
            last: range.hi,
            code,
        });
    }
    Some(result)
}

/// What one run of equal results asks of `m * x + b`.
struct Demand {
    /// At the run's first input the sum reaches this border: the result is large enough.
    first: i128,
    from: Option<Border>,
    /// At the run's last input it stays below this one: the result is small enough.
    last: i128,
    below: Option<Border>,
}

/// The demands of all runs; those that every sum meets are left out.
fn demands(problem: &Problem<'_>, tail: &[Step], runs: &[Run]) -> Option<Vec<Demand>> {
    let bottom = border_value(problem, tail, i128::MIN)?;
    let top = border_value(problem, tail, i128::MAX)?;
    let demand = |run: &Run| {
        Some(Demand {
            first: run.first,
            from: if run.code > bottom {
                Some(border(problem, run.code)?)
            } else {
                None
            },
            last: run.last,
            below: if run.code < top {
                Some(border(problem, run.code + 1)?)
            } else {
                None
            },
        })
    };
    let mut all = runs.iter().map(demand).collect::<Option<Vec<_>>>()?;
    // The ends are the hardest to meet: with them first, wrong factors are found out soon.
    let n = all.len();
    all.swap(n / 2, n - 1);
    Some(all)
}

/// The `b` with most zero bits for which `m * x + b` (at binary point `frac`) gives every run its
/// code, `None` when there is none.
fn offset(range: Range, demands: &[Demand], m: i128, frac: i32) -> Option<i128> {
    let (mut lo, mut hi): (Option<BigInt>, Option<BigInt>) = (None, None);
    for demand in demands {
        let product = |x: i128| match m.checked_mul(x) {
            Some(product) => BigInt::from(product),
            None => BigInt::from(m) * x,
        };
        if let Some(border) = &demand.from {
            let least = border.at(frac)? - product(demand.first);
            if lo.as_ref().is_none_or(|l| least > *l) {
                lo = Some(least);
            }
        }
        if let Some(border) = &demand.below {
            let most = border.at(frac)? - 1 - product(demand.last);
            if hi.as_ref().is_none_or(|h| most < *h) {
                hi = Some(most);
            }
        }
        if let (Some(lo), Some(hi)) = (&lo, &hi)
            && lo > hi
        {
            return None;
        }
    }
    let b = match (lo, hi) {
        (Some(lo), Some(hi)) => roundest(&lo, &hi)?,
        (Some(lo), None) => lo,
        (None, Some(hi)) => hi,
        (None, None) => BigInt::from(0),
    };
    let b = b.to_i128()?;
    let fits = [range.lo, range.hi].into_iter().all(|x| {
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

/// The real number from which on a rising function reaches a code.
struct Border {
    at: Real,
    /// `at` as `code * 2^-frac`, where it is a binary fraction.
    dyadic: Option<(i128, i32)>,
    /// Whether the function has reached the code at the border itself.
    inclusive: bool,
}

impl Border {
    fn new(at: Real, inclusive: bool) -> Self {
        Self {
            dyadic: dyadic(&at),
            at,
            inclusive,
        }
    }

    /// Smallest integer that reaches the code when it is read at binary point `frac`.
    fn at(&self, frac: i32) -> Option<BigInt> {
        if let Some((code, own)) = self.dyadic {
            let shift = i64::from(frac) - i64::from(own);
            if let Ok(down) = u32::try_from(-shift) {
                // Cuts bits off: the floor, and one more unless it is exact and counts.
                let floor = code
                    .checked_shr(down)
                    .unwrap_or(if code < 0 { -1 } else { 0 });
                let exact = code.trailing_zeros() >= down || code == 0;
                return Some(BigInt::from(floor) + i32::from(!(exact && self.inclusive)));
            }
            let up = u64::try_from(shift).ok().filter(|&up| up < 4096)?;
            return Some((BigInt::from(code) << up) + i32::from(!self.inclusive));
        }
        let scaled = &self.at * pow2(frac);
        let ceil = scaled.ceil();
        let beyond = !self.inclusive && ceil == scaled;
        Some(ceil.to_integer() + i32::from(beyond))
    }
}

/// Where the rectifiers and the quantizer together reach `code`, which lies above their smallest
/// result and not above their largest.
fn border(problem: &Problem<'_>, code: i128) -> Option<Border> {
    let mut border = quantizer_border(problem.to, code)?;
    for step in problem.post.iter().rev() {
        match step {
            // Strictly inside its limits a clip is the identity.
            Step::Clip { .. } => {}
            Step::Leaky { threshold, slope } => {
                let slope = slope.at(problem.channel);
                let before = (!slope.is_zero()).then(|| threshold + &border.at / slope);
                border = match before {
                    Some(before)
                        if before < *threshold || (before == *threshold && border.inclusive) =>
                    {
                        Border::new(before, border.inclusive)
                    }
                    _ if *threshold >= border.at => Border::new(threshold.clone(), false),
                    _ => border,
                };
            }
            Step::Affine { .. } | Step::Quantize(_) | Step::Function(_) => return None,
        }
    }
    Some(border)
}

/// Where rounding reaches `code`: every mode changes its result at a code or half-way between two.
fn quantizer_border(to: &FixedType, code: i128) -> Option<Border> {
    let eighths = |n: i128| code.checked_mul(8)?.checked_add(n);
    let frac = to.frac().checked_add(3)?;
    let reaches = |n: i128| -> Option<bool> { Some(num::convert(eighths(n)?, frac, to) >= code) };
    // A quarter of a step beyond a place tells what happens right after it.
    for (place, inclusive) in [(-8, false), (-4, true), (-4, false), (0, true)] {
        if reaches(if inclusive { place } else { place + 2 })? {
            return Some(Border::new(eval::value(eighths(place)?, frac), inclusive));
        }
    }
    None
}
