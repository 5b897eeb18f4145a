//! Exact evaluation of point-function chains, and facts about types.
//!
//! What a chain *means*: resolution measures its kernels by it, quantizers evaluate weights with it.

use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{Signed, ToPrimitive, Zero};

use super::math::{Direction, Step};
use super::{Enclosure, Range, Real, dyadic, pow2};
use crate::num::{self, FixedType, Overflow, Quantization};

/// Most bits that an enclosure is refined to before a chain is given up.
const MAX_PRECISION: u32 = 4096;

/// All codes of a type; `None` above the width that a design may use.
#[must_use]
pub fn type_range(ty: &FixedType) -> Option<Range> {
    (ty.width <= crate::ir::kernel::MAX_WIDTH).then(|| {
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
#[must_use]
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

/// The code of an exact number in a type, by the rules of `num`.
///
/// A number that is no binary fraction is first cut two bits below the type's last one, with a
/// sticky bit for what was cut: every rounding mode gives the same for both.
#[must_use]
pub fn quantize(x: &Real, ty: &FixedType) -> Option<i128> {
    if let Some((code, frac)) = dyadic(x) {
        return Some(num::convert(code, frac, ty));
    }
    let keep = ty.frac().checked_add(2)?;
    let (floor, rem) = {
        let scaled = x * pow2(keep);
        scaled.numer().div_mod_floor(scaled.denom())
    };
    let sticky = (floor << 1_u8) + BigInt::from(u8::from(!rem.is_zero()));
    Some(num::convert(sticky.to_i128()?, keep.checked_add(1)?, ty))
}

/// The value of a code of a type.
#[must_use]
pub fn value(code: i128, frac: i32) -> Real {
    Real::from_integer(code.into()) * pow2(frac.checked_neg().unwrap_or(i32::MAX))
}

/// Applies `steps` to `x` in channel `channel`; `None` where the enclosures cannot be followed.
fn enclose(steps: &[Step], channel: usize, x: &Real, precision: u32) -> Option<Enclosure> {
    let mut y = Enclosure::exact(x.clone());
    for step in steps {
        y = match step {
            Step::Affine { mul, add } => {
                let (mul, add) = (mul.at(channel), add.at(channel));
                ordered(&y.lo * mul + add, &y.hi * mul + add)
            }
            Step::Clip { lo, hi } => {
                let clip = |v: Real| {
                    let v = lo.as_ref().map_or(v.clone(), |lo| v.max(lo.clone()));
                    hi.as_ref().map_or(v.clone(), |hi| v.min(hi.clone()))
                };
                Enclosure {
                    lo: clip(y.lo),
                    hi: clip(y.hi),
                }
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
                if !y.is_exact() && slope.is_negative() && y.lo < *threshold {
                    return None;
                }
                Enclosure {
                    lo: leaky(&y.lo),
                    hi: leaky(&y.hi),
                }
            }
            Step::Quantize(types) => {
                let ty = types.at(channel);
                let code = |v: &Real| quantize(v, ty).map(|c| value(c, ty.frac()));
                ordered(code(&y.lo)?, code(&y.hi)?)
            }
            Step::Function(f) => {
                if y.is_exact() {
                    f.eval(&y.lo, precision)
                } else {
                    let (a, b) = (f.eval(&y.lo, precision), f.eval(&y.hi, precision));
                    match f.direction() {
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

fn ordered(a: Real, b: Real) -> Enclosure {
    if a <= b {
        Enclosure { lo: a, hi: b }
    } else {
        Enclosure { lo: b, hi: a }
    }
}

/// The exact value of a chain that ends in something exact; `None` when it does not.
#[must_use]
pub fn decide(steps: &[Step], channel: usize, x: &Real) -> Option<Real> {
    let mut precision = 64;
    while precision <= MAX_PRECISION {
        let y = enclose(steps, channel, x, precision)?;
        if y.is_exact() {
            return Some(y.lo);
        }
        precision *= 2;
    }
    None
}

/// The value of a chain at `x`, enclosed closely enough for type decisions and traces.
#[must_use]
pub fn bounds(steps: &[Step], channel: usize, x: &Real) -> Option<Enclosure> {
    enclose(steps, channel, x, 128)
}

/// The value of a chain at `x` as a float64.
#[must_use]
pub fn approximate(steps: &[Step], channel: usize, x: &Real) -> Option<f64> {
    bounds(steps, channel, x)?.lo.to_f64()
}

/// `floor(log2(x))` of a positive number.
#[must_use]
pub fn floor_log2(x: &Real) -> i32 {
    let bits = |n: &BigInt| i32::try_from(n.bits()).unwrap_or(i32::MAX / 4);
    // n / d lies within a factor of two of 2^guess.
    let guess = bits(x.numer()) - bits(x.denom());
    if *x >= pow2(guess) { guess } else { guess - 1 }
}

/// How a whole chain moves with its argument in one channel.
#[must_use]
pub fn direction(steps: &[Step], channel: usize) -> Direction {
    let sign = |x: &Real| {
        if x.is_negative() {
            Direction::Falling
        } else {
            Direction::Rising
        }
    };
    steps.iter().fold(Direction::Rising, |so_far, step| {
        let next = match step {
            Step::Affine { mul, .. } => sign(mul.at(channel)),
            Step::Clip { .. } => Direction::Rising,
            Step::Leaky { slope, .. } if slope.at(channel).is_negative() => Direction::Mixed,
            Step::Leaky { threshold, .. } if threshold.is_negative() => Direction::Mixed,
            Step::Leaky { .. } => Direction::Rising,
            Step::Quantize(types) => match types.at(channel).overflow {
                Overflow::Sat | Overflow::SatSym => Direction::Rising,
                Overflow::Wrap | Overflow::SatZero | Overflow::WrapSm => Direction::Mixed,
            },
            Step::Function(f) => f.direction(),
        };
        match (so_far, next) {
            (Direction::Mixed, _) | (_, Direction::Mixed) => Direction::Mixed,
            (a, b) if a == b => Direction::Rising,
            _ => Direction::Falling,
        }
    })
}
