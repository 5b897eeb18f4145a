//! Exact evaluation of chains of point functions, and facts about types.

use std::cmp::Ordering;

use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{One, Signed, ToPrimitive, Zero};

use super::math::{Direction, Pieces, PointFunction, Step};
use super::{Enclosure, Range, Real, dyadic, pow2};
use crate::num::{self, FixedType, Overflow, Quantization};

/// Most bits that an enclosure is refined to before a chain is given up.
const MAX_PRECISION: u32 = 4096;

/// All codes of a type; `None` above the width that a design may use.
pub fn type_range(ty: &FixedType) -> Option<Range> {
    (ty.width <= super::kernel::MAX_WIDTH).then(|| {
        if ty.signed {
            let half = 1_i128 << (ty.width - 1);
            Range {
                lo: -half,
                hi: half - 1,
            }
        } else {
            Range {
                lo: 0,
                hi: ((1_u128 << ty.width) - 1).cast_signed(),
            }
        }
    })
}

/// Narrowest type with plain modes that holds these codes at this binary point.
pub fn plain_type(range: Range, frac: i32) -> FixedType {
    let width = range.width();
    FixedType {
        width,
        int_bits: width.cast_signed().saturating_sub(frac),
        signed: range.signed(),
        quantization: Quantization::Trn,
        overflow: Overflow::Wrap,
        sat_bits: 0,
    }
}

/// Which of the numbers next to a point is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// Just below it.
    Below,
    /// The point itself.
    At,
    /// Just above it.
    Above,
}

/// The code of a number, or of one next to it, in a type.
///
/// A number that is no binary fraction, or lies beside one, is first cut two bits below the type's
/// last one, with a sticky bit for what was cut: every rounding mode gives the same for both.
fn quantize_beside(x: &Real, side: Side, ty: &FixedType) -> Option<i128> {
    if side == Side::At
        && let Some((code, frac)) = dyadic(x)
    {
        return Some(num::convert(code, frac, ty));
    }
    let keep = ty.frac().checked_add(2)?;
    // No fraction in lowest terms on the way: that would cost more than all the rest.
    let shift = keep.unsigned_abs();
    let (mut floor, rem) = if keep < 0 {
        x.numer().div_mod_floor(&(x.denom() << shift))
    } else {
        (x.numer() << shift).div_mod_floor(x.denom())
    };
    if side == Side::Below && rem.is_zero() {
        floor -= 1;
    }
    let cut = side != Side::At || !rem.is_zero();
    let sticky = (floor << 1_u8) + BigInt::from(u8::from(cut));
    let sticky = match ty.overflow {
        // All codes beyond the ends of the type give the same.
        Overflow::Sat | Overflow::SatSym | Overflow::SatZero => {
            let far = BigInt::one() << (ty.width + 4);
            sticky.clamp(-&far, far)
        }
        Overflow::Wrap | Overflow::WrapSm => sticky,
    };
    Some(num::convert(sticky.to_i128()?, keep.checked_add(1)?, ty))
}

/// The code of a number in a type, by the rules of `num`.
#[must_use]
pub fn quantize(x: &Real, ty: &FixedType) -> Option<i128> {
    quantize_beside(x, Side::At, ty)
}

/// The value of a code of a type.
pub fn value(code: i128, frac: i32) -> Real {
    if frac > 0 && code != 0 {
        // In lowest terms without a division.
        let down = code.trailing_zeros().min(frac.unsigned_abs());
        let power = BigInt::one() << (frac.unsigned_abs() - down);
        return Real::new_raw((code >> down).into(), power);
    }
    Real::from_integer(code.into()) * pow2(frac.checked_neg().unwrap_or(i32::MAX))
}

/// Applies `steps` to `x` in channel `channel`; `None` where the enclosures cannot be followed.
fn enclose(steps: &[Step], channel: usize, x: &Real, precision: u32) -> Option<Enclosure> {
    let mut y = Enclosure::exact(x.clone());
    // Whether the value lies strictly inside the enclosure.
    let mut open = false;
    for step in steps {
        y = match step {
            Step::Affine { mul, add } => {
                let (mul, add) = (mul.at(channel), add.at(channel));
                Enclosure::between(&y.lo * mul + add, &y.hi * mul + add)
            }
            Step::Clip { lo, hi } => {
                let clip = |v: &Real| {
                    let v = lo.as_ref().map_or(v, |lo| v.max(lo));
                    hi.as_ref().map_or(v, |hi| v.min(hi)).clone()
                };
                let clipped = Enclosure {
                    lo: clip(&y.lo),
                    hi: clip(&y.hi),
                };
                open &= clipped == y;
                clipped
            }
            Step::Leaky { threshold, slope } => {
                let slope = slope.at(channel);
                let leaky = |v: &Real| {
                    if v > threshold {
                        v.clone()
                    } else {
                        (v - threshold) * slope
                    }
                };
                let both = y.lo <= *threshold && y.hi > *threshold;
                if both && (slope.is_negative() || threshold.is_negative()) {
                    return None;
                }
                open &= !both && (y.lo > *threshold || !slope.is_zero());
                Enclosure::between(leaky(&y.lo), leaky(&y.hi))
            }
            Step::Quantize(types) => {
                let ty = types.at(channel);
                let code = |v: &Real, side: Side| {
                    quantize_beside(v, side, ty).map(|c| value(c, ty.frac()))
                };
                if open && !y.is_exact() {
                    open = false;
                    Enclosure::between(code(&y.lo, Side::Above)?, code(&y.hi, Side::Below)?)
                } else {
                    Enclosure::between(code(&y.lo, Side::At)?, code(&y.hi, Side::At)?)
                }
            }
            Step::Function(f) => {
                if y.is_exact() {
                    let y = f.eval(&y.lo, precision);
                    open = !y.is_exact();
                    y
                } else {
                    open = false;
                    let (a, b) = (f.eval(&y.lo, precision), f.eval(&y.hi, precision));
                    match direction_between(f.as_ref(), &y)? {
                        Direction::Rising => Enclosure { lo: a.lo, hi: b.hi },
                        Direction::Falling => Enclosure { lo: b.lo, hi: a.hi },
                        Direction::Mixed => return None,
                    }
                }
            }
        };
    }
    Some(y)
}

/// How a function moves on an interval; `None` where the interval is not within one piece.
fn direction_between(f: &dyn PointFunction, x: &Enclosure) -> Option<Direction> {
    let pieces = f.pieces()?;
    let left = pieces.turns.iter().take_while(|t| t.hi <= x.lo).count();
    let ends = pieces.turns.get(left).is_none_or(|t| x.hi <= t.lo);
    ends.then(|| pieces.directions[left])
}

/// The exact value of a chain that ends in something exact; `None` when it does not.
pub fn decide(steps: &[Step], channel: usize, x: &Real) -> Option<Real> {
    // Behind the last function that gives irrational numbers only limits could make them exact, and
    // those are met soon or never.
    let function = |s: &Step| matches!(s, Step::Function(f) if !f.discrete());
    let tail = steps.iter().rposition(function).map_or(0, |i| i + 1);
    let ends = |s: &Step| matches!(s, Step::Quantize(_) | Step::Function(_));
    let most = if tail == 0 || steps[tail..].iter().any(ends) {
        MAX_PRECISION
    } else {
        128
    };
    let mut precision = 64;
    while precision <= most {
        if let Some(y) = enclose(steps, channel, x, precision)
            && y.is_exact()
        {
            return Some(y.lo);
        }
        precision *= 2;
    }
    None
}

/// The value of a chain at `x`, enclosed closely enough for type decisions and traces.
pub fn bounds(steps: &[Step], channel: usize, x: &Real) -> Option<Enclosure> {
    enclose(steps, channel, x, 128)
}

/// The value of a chain at `x` as a float64.
pub fn approximate(steps: &[Step], channel: usize, x: &Real) -> Option<f64> {
    bounds(steps, channel, x)?.lo.to_f64()
}

/// `floor(log2(x))` of a positive number.
pub fn floor_log2(x: &Real) -> i32 {
    let bits = |n: &BigInt| i32::try_from(n.bits()).unwrap_or(i32::MAX / 4);
    // n / d lies within a factor of two of 2^guess.
    let guess = bits(x.numer()) - bits(x.denom());
    if *x >= pow2(guess) { guess } else { guess - 1 }
}

/// Codes on which a chain never rises or never falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// The codes.
    pub range: Range,
    /// How the chain moves on them; a single code counts as rising.
    pub direction: Direction,
}

/// Most codes next to a turning point that become pieces of their own.
const MAX_SINGLES: i128 = 1 << 12;
/// Precision up to which a value is compared with a turning point.
const COMPARE_PRECISION: u32 = 512;

/// The pieces on which a chain keeps its direction, over codes with a binary point; `None` where
/// they are not known.
///
/// Step by step: where a step turns, the codes are cut where the chain so far, which keeps its
/// direction on each piece, crosses the turning point.
pub fn pieces(steps: &[Step], channel: usize, frac: i32, range: Range) -> Option<Vec<Piece>> {
    let mut all = vec![Piece {
        range,
        direction: Direction::Rising,
    }];
    for (index, step) in steps.iter().enumerate() {
        let before = &steps[..index];
        let at = |code: i128| value(code, frac);
        let mut next = Vec::with_capacity(all.len());
        if let Step::Quantize(types) = step {
            // Saturation keeps the order; what may wrap around has to be proven not to.
            let ty = types.at(channel);
            let saturates = matches!(ty.overflow, Overflow::Sat | Overflow::SatSym);
            let held = |code: i128| {
                let y = bounds(before, channel, &at(code))?;
                let all = type_range(ty)?;
                let (lo, hi) = (value(all.lo, ty.frac()), value(all.hi, ty.frac()));
                (y.lo >= lo && y.hi <= hi).then_some(())
            };
            if !saturates {
                for piece in &all {
                    held(piece.range.lo).and(held(piece.range.hi))?;
                }
            }
            continue;
        }
        let of_step = step_pieces(step, channel)?;
        for piece in all {
            let mut rest = piece.range;
            let falling = piece.direction == Direction::Falling;
            // Cuts in the order in which the codes meet them.
            let count = of_step.turns.len();
            for k in 0..count {
                let number = if falling { count - 1 - k } else { k };
                let turn = &of_step.turns[number];
                let beyond = |code: i128| compare(before, channel, &at(code), turn);
                // The side on which the piece begins ends where `beyond` is no longer this.
                let near = if falling {
                    Ordering::Greater
                } else {
                    Ordering::Less
                };
                let first = first_code(rest, |c| beyond(c) != near);
                let last = first_code(Range { lo: first, ..rest }, |c| beyond(c) == near.reverse());
                if last - first > MAX_SINGLES {
                    return None;
                }
                let side = number + usize::from(falling);
                if first > rest.lo {
                    next.push(Piece {
                        range: Range {
                            lo: rest.lo,
                            hi: first - 1,
                        },
                        direction: combined(piece.direction, of_step.directions[side]),
                    });
                }
                next.extend((first..last).map(|code| Piece {
                    range: Range::point(code),
                    direction: Direction::Rising,
                }));
                rest.lo = last;
                if rest.lo > rest.hi {
                    break;
                }
            }
            if rest.lo <= rest.hi {
                let side = if falling { 0 } else { count };
                next.push(Piece {
                    range: rest,
                    direction: combined(piece.direction, of_step.directions[side]),
                });
            }
        }
        all = next;
    }
    Some(all)
}

/// How a chain moves with its argument in one channel, when it keeps one direction everywhere.
pub fn direction(steps: &[Step], channel: usize) -> Direction {
    steps.iter().fold(Direction::Rising, |so_far, step| {
        let saturates = match step {
            Step::Quantize(types) => {
                matches!(types.at(channel).overflow, Overflow::Sat | Overflow::SatSym)
            }
            _ => true,
        };
        match step_pieces(step, channel) {
            Some(pieces) if saturates && pieces.turns.is_empty() => {
                combined(so_far, pieces.directions[0])
            }
            _ => Direction::Mixed,
        }
    })
}

/// First code of a range for which `found` holds, and holds from there on; one past the end if none.
fn first_code(range: Range, found: impl Fn(i128) -> bool) -> i128 {
    let (mut lo, mut hi) = (range.lo, range.hi + 1);
    while lo < hi {
        let middle = lo + (hi - lo) / 2;
        if found(middle) {
            hi = middle;
        } else {
            lo = middle + 1;
        }
    }
    lo
}

/// Whether a chain's value at `x` lies left or right of a turning point; `Equal` where that cannot be
/// told. The point itself, where it is exact, counts as right.
fn compare(steps: &[Step], channel: usize, x: &Real, turn: &Enclosure) -> Ordering {
    let mut precision = 64;
    while precision <= COMPARE_PRECISION {
        if let Some(y) = enclose(steps, channel, x, precision) {
            if y.lo >= turn.hi {
                return Ordering::Greater;
            }
            if y.hi < turn.hi && y.hi <= turn.lo {
                return Ordering::Less;
            }
        }
        precision *= 2;
    }
    Ordering::Equal
}

fn combined(a: Direction, b: Direction) -> Direction {
    match (a, b) {
        (Direction::Mixed, _) | (_, Direction::Mixed) => Direction::Mixed,
        (a, b) if a == b => Direction::Rising,
        _ => Direction::Falling,
    }
}

/// The pieces of one step that never overflows.
fn step_pieces(step: &Step, channel: usize) -> Option<Pieces> {
    let sign = |x: &Real| {
        if x.is_negative() {
            Direction::Falling
        } else {
            Direction::Rising
        }
    };
    match step {
        Step::Affine { mul, .. } => Some(Pieces::one(sign(mul.at(channel)))),
        Step::Clip { .. } | Step::Quantize(_) => Some(Pieces::one(Direction::Rising)),
        Step::Leaky { threshold, slope } => {
            let slope = slope.at(channel);
            if !slope.is_negative() && !threshold.is_negative() {
                return Some(Pieces::one(Direction::Rising));
            }
            // The threshold belongs to the lower branch: at it both sides are told apart by a piece
            // of its own, which an enclosure around it gives.
            let beside = pow2(-256);
            Some(Pieces {
                directions: vec![sign(slope), Direction::Rising],
                turns: vec![Enclosure {
                    lo: threshold - &beside,
                    hi: threshold + beside,
                }],
            })
        }
        Step::Function(f) => f.pieces(),
    }
}
