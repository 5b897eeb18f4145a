//! Chains of point functions in machine integers: the cheap first attempt of [`super::eval`].
//!
//! Values are intervals in units of `2^-60`; every operation rounds outwards. An interval too wide to
//! decide a rounding, an overflow, or a step without such a form sends the caller to exact arithmetic, so
//! that nothing depends on this module but time.

use super::math::Step;
use num_traits::{Signed, ToPrimitive, Zero};

use super::{Real, dyadic, eval, pow2};
use crate::num::{self, FixedType, Overflow};

/// Fraction bits of an interval's ends.
pub(super) const BITS: u32 = 60;
/// Fraction bits inside the functions, whose values are at most 1.
const FINE: u32 = 62;
const ONE: i128 = 1 << FINE;
/// `floor(2^120 ln 2)`.
const LN2: i128 = 921_350_637_599_661_305_226_344_307_672_478_454;

/// A number within `lo..=hi`, in units of `2^-60`; strictly inside where `open`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// Lower end.
    pub lo: i128,
    /// Upper end.
    pub hi: i128,
    /// Whether the number is at neither end.
    pub open: bool,
}

impl Interval {
    /// From values in units of `2^-62` around a number.
    fn around(value: i128, error: i128) -> Self {
        Self {
            lo: (value - error) >> (FINE - BITS),
            hi: ((value + error) >> (FINE - BITS)) + 1,
            open: true,
        }
    }

    /// The part between two numbers that the value is known to lie strictly between.
    fn within(self, lo: i128, hi: i128) -> Self {
        Self {
            lo: self.lo.max(lo),
            hi: self.hi.min(hi),
            ..self
        }
    }

    fn map(self, f: impl Fn(i128) -> Option<i128>) -> Option<Self> {
        let (a, b) = (f(self.lo)?, f(self.hi)?);
        Some(Self {
            lo: a.min(b),
            hi: a.max(b),
            ..self
        })
    }

    /// Times a number in units of `2^-bits`, rounded outwards.
    fn times(self, factor: i64, bits: u32) -> Option<Self> {
        let (a, b) = (mul(self.lo, factor, bits)?, mul(self.hi, factor, bits)?);
        let (lo, hi) = if factor < 0 { (b, a) } else { (a, b) };
        Some(Self {
            lo: lo.0,
            hi: hi.0 + i128::from(hi.1),
            // A cut end lies beyond the number.
            open: self.open || lo.1 && hi.1,
        })
    }
}

/// `floor(a * b / 2^shift)` for shifts up to 127, and whether bits were cut.
fn mul(a: i128, b: i64, shift: u32) -> Option<(i128, bool)> {
    if let Some(product) = a.checked_mul(b.into()) {
        return Some((product >> shift, product & ((1 << shift) - 1) != 0));
    }
    let (high, low) = (a >> 64, i128::from(a as u64));
    let high = high.checked_mul(b.into())?;
    let low = low.checked_mul(b.into())?;
    if shift <= 64 {
        let up = high.checked_mul(1 << (64 - shift))?;
        let cut = low & ((1 << shift) - 1) != 0;
        return Some((up.checked_add(low >> shift)?, cut));
    }
    let sum = high.checked_add(low >> 64)?;
    Some((sum >> (shift - 64), true))
}

/// `e^-t` for `t >= 0` in units of `2^-60`: a value in units of `2^-62` and the bound of its error.
///
/// `t = k ln 2 + r`, and `e^-r = 1 - r (1 - r/2 (1 - r/3 (..)))`. Each of the twenty lines of that errs by
/// less than two units, and passes on no more than 0.7 of the error of those inside it: less than 8 in all;
/// `r` errs by one; and what the series leaves out is `0.7^21 / 21!`, less than one.
fn exp_neg(t: i128) -> (i128, i128) {
    // e^-44 is less than a quarter of a unit.
    if t >= 44 << BITS {
        return (0, 1);
    }
    let fine = t << (120 - BITS);
    let k = fine / LN2;
    let r = (fine - k * LN2) >> (120 - FINE);
    let mut p = ONE;
    for n in (1..=20_i64).rev() {
        // Both are at most 1, and so is their product: a machine word divides sooner.
        let product = ((r * p) >> FINE) as i64;
        p = ONE - i128::from(product / n);
    }
    ((p >> k), 16)
}

/// `1 / (1 + e^-t)` for `t >= 0`, with slope at most 1 in `e^-t`.
fn logistic(t: i128) -> (i128, i128) {
    let (e, error) = exp_neg(t);
    ((ONE * ONE) / (ONE + e), error + 1)
}

/// `ln(1 + e)` for `0 <= e <= 1`: `2 (w + w^3/3 + ..)` with `w = e / (2 + e)`, at most 1/3. Of the 22 terms
/// each errs by less than three units, and what is left out is less than one.
fn ln_1p(e: i128) -> i128 {
    let w = (e * ONE) / (2 * ONE + e);
    let square = (w * w) >> FINE;
    let mut power = w;
    let mut sum = w;
    for n in 1..22 {
        power = (power * square) >> FINE;
        sum += power / (2 * n + 1);
    }
    2 * sum
}

/// The logistic function at any `x`.
pub(super) fn sigmoid(x: i128) -> Interval {
    let (value, error) = logistic(x.saturating_abs());
    let value = if x < 0 { ONE - value } else { value };
    let half = 1 << (BITS - 1);
    let y = Interval::around(value, error);
    if x < 0 {
        y.within(0, half)
    } else {
        y.within(half, 1 << BITS)
    }
}

/// The hyperbolic tangent.
pub(super) fn tanh(x: i128) -> Interval {
    // (1 - e) / (1 + e) with e = e^-2t: slope at most 2 in e.
    let (e, error) = exp_neg(x.saturating_abs().saturating_mul(2));
    let value = ((ONE - e) * ONE) / (ONE + e);
    let one = 1 << BITS;
    if x < 0 {
        Interval::around(-value, 2 * error + 1).within(-one, 0)
    } else {
        Interval::around(value, 2 * error + 1).within(0, one)
    }
}

/// `ln(1 + e^x)`.
pub(super) fn softplus(x: i128) -> Option<Interval> {
    let (e, error) = exp_neg(x.saturating_abs());
    let y = Interval::around(ln_1p(e), 2 * (error + 70)).within(0, i128::MAX);
    y.map(|v| v.checked_add(x.max(0)))
}

/// `e^x`.
pub(super) fn exp(x: i128) -> Option<Interval> {
    if x <= 0 {
        let (e, error) = exp_neg(x.saturating_neg());
        return Some(Interval::around(e, error).within(0, 1 << BITS));
    }
    // e^x = 2^k e^-(k ln 2 - x)
    if x >= 30 << BITS {
        return None;
    }
    let k = x / (LN2 >> (120 - BITS)) + 1;
    let above = ((k * LN2) >> (120 - BITS)) - x;
    // Cutting the argument adds at most four units.
    let (e, error) = exp_neg(above.max(0));
    let y = Interval::around(e, error + 8);
    y.map(|v| v.checked_mul(1 << k))
}

/// `alpha (e^x - 1)` for negative `x`.
pub(super) fn elu(x: i128, alpha: &Real) -> Option<Interval> {
    let (e, error) = exp_neg(x.saturating_neg());
    let y = Interval::around(e - ONE, error).within(-(1 << BITS), 0);
    let (factor, bits) = short(alpha)?;
    y.times(factor, bits)
}

/// `x` times a number from 0 to 1.
pub(super) fn scaled(x: i128, y: Interval) -> Option<Interval> {
    let factor = i64::try_from(y.lo).ok().zip(i64::try_from(y.hi).ok())?;
    let (a, b) = (mul(x, factor.0, BITS)?, mul(x, factor.1, BITS)?);
    let (lo, hi) = if x < 0 { (b.0, a.0) } else { (a.0, b.0) };
    Some(Interval {
        lo,
        hi: hi + 1,
        open: true,
    })
}

/// A binary fraction as a factor and fraction bits.
fn short(x: &Real) -> Option<(i64, u32)> {
    let (code, frac) = dyadic(x)?;
    let up = u32::try_from(-frac).unwrap_or(0);
    let code = code.checked_mul(1_i128.checked_shl(up)?)?;
    let bits = u32::try_from(frac.max(0)).ok().filter(|&b| b <= 100)?;
    Some((i64::try_from(code).ok()?, bits))
}

/// An affine step with constants that are no short binary fractions.
fn real(mul: &Real, add: &Real) -> Option<Form<'static>> {
    let around = |x: &Real, bits: u32| {
        let scaled = x * pow2(bits.cast_signed());
        let floor = scaled.floor();
        let lo = floor.to_integer().to_i128()?;
        Some((lo, lo + i128::from(floor != scaled)))
    };
    if mul.is_zero() {
        return None;
    }
    let bits = u32::try_from(61 - eval::floor_log2(&mul.abs())).ok();
    let bits = bits.filter(|&b| b <= 100)?;
    let (lo, hi) = around(mul, bits)?;
    let add = around(add, BITS)?;
    (add.0.unsigned_abs() < 1 << 120).then_some(())?;
    Some(Form::Real {
        factor: (i64::try_from(lo).ok()?, i64::try_from(hi).ok()?),
        bits,
        add,
    })
}

/// A number in units of `2^-60`, where it is one.
fn unit(x: &Real) -> Option<i128> {
    let (code, frac) = dyadic(x)?;
    let up = u32::try_from(BITS.cast_signed() - frac).ok()?;
    let shifted = code.checked_mul(1_i128.checked_shl(up.min(127))?)?;
    (shifted.unsigned_abs() < 1 << 120).then_some(shifted)
}

enum Form<'a> {
    Affine {
        factor: i64,
        bits: u32,
        add: i128,
    },
    /// Constants between two neighbours.
    Real {
        factor: (i64, i64),
        bits: u32,
        add: (i128, i128),
    },
    Clip {
        lo: i128,
        hi: i128,
    },
    Leaky {
        threshold: i128,
        factor: i64,
        bits: u32,
    },
    Quantize(FixedType),
    Function(&'a dyn super::math::PointFunction),
}

/// A chain that ends in a quantizer, in one channel.
pub struct Quick<'a> {
    steps: Vec<Form<'a>>,
    end: FixedType,
    frac: i32,
}

impl<'a> Quick<'a> {
    /// Prepares a chain over codes with `frac` fraction bits; `None` where a step has no such form.
    #[must_use]
    pub fn new(steps: &'a [Step], channel: usize, frac: i32) -> Option<Self> {
        let form = |step: &'a Step| {
            Some(match step {
                Step::Affine { mul, add } => {
                    let (mul, add) = (mul.at(channel), add.at(channel));
                    match short(mul).zip(unit(add)) {
                        Some(((factor, bits), add)) => Form::Affine { factor, bits, add },
                        None => real(mul, add)?,
                    }
                }
                Step::Clip { lo, hi } => Form::Clip {
                    lo: lo.as_ref().map_or(Some(i128::MIN), unit)?,
                    hi: hi.as_ref().map_or(Some(i128::MAX), unit)?,
                },
                Step::Leaky { threshold, slope } => {
                    let (factor, bits) = short(slope.at(channel))?;
                    Form::Leaky {
                        threshold: unit(threshold)?,
                        factor,
                        bits,
                    }
                }
                Step::Quantize(types) => {
                    let ty = *types.at(channel);
                    let fits = ty.frac() < 56 && ty.width <= 64;
                    let ordered = matches!(ty.overflow, Overflow::Sat | Overflow::SatSym);
                    (fits && ordered).then_some(Form::Quantize(ty))?
                }
                Step::Function(f) => Form::Function(f.as_ref()),
            })
        };
        let forms = steps.iter().map(form).collect::<Option<Vec<_>>>()?;
        match forms.last()? {
            Form::Quantize(ty) => Some(Self {
                end: *ty,
                steps: forms,
                frac,
            }),
            _ => None,
        }
    }

    /// The exact value at a code, where this arithmetic can tell.
    #[must_use]
    pub fn decide(&self, code: i128) -> Option<Real> {
        Some(eval::value(self.decide_code(code)?, self.end.frac()))
    }

    /// The same as a code of the type at the end.
    #[must_use]
    pub fn decide_code(&self, code: i128) -> Option<i128> {
        let y = self
            .steps
            .iter()
            .try_fold(self.start(code)?, |y, step| apply(step, y))?;
        (y.lo == y.hi && !y.open).then_some(())?;
        let bits = BITS.cast_signed() - self.end.frac();
        u32::try_from(bits).ok().map(|b| y.lo >> b)
    }

    /// About the value before it is quantized at the end, in units of `2^-60`.
    #[must_use]
    pub fn estimate(&self, code: i128) -> Option<f64> {
        let inner = &self.steps[..self.steps.len() - 1];
        let y = inner
            .iter()
            .try_fold(self.start(code)?, |y, step| apply(step, y))?;
        Some((y.lo as f64 + y.hi as f64) / 2.0)
    }

    fn start(&self, code: i128) -> Option<Interval> {
        match u32::try_from(BITS.cast_signed() - self.frac) {
            Ok(up) if up < 100 => {
                let x = code.checked_mul(1 << up)?;
                Some(Interval {
                    lo: x,
                    hi: x,
                    open: false,
                })
            }
            Ok(_) => None,
            Err(_) => {
                let down = self.frac.unsigned_abs() - BITS;
                let lo = if down < 127 {
                    code >> down
                } else {
                    return None;
                };
                let exact = (lo << down) == code;
                Some(Interval {
                    lo,
                    hi: lo + i128::from(!exact),
                    open: !exact,
                })
            }
        }
    }
}

fn apply(step: &Form<'_>, y: Interval) -> Option<Interval> {
    if y.lo.unsigned_abs().max(y.hi.unsigned_abs()) >= 1 << 122 {
        return None;
    }
    match step {
        Form::Affine { factor, bits, add } => {
            let y = y.times(*factor, *bits)?;
            let y = y.map(|v| v.checked_add(*add))?;
            Some(if *factor == 0 {
                Interval { open: false, ..y }
            } else {
                y
            })
        }
        Form::Real { factor, bits, add } => {
            let mut ends = Vec::with_capacity(4);
            for x in [y.lo, y.hi] {
                for factor in [factor.0, factor.1] {
                    ends.push(mul(x, factor, *bits)?);
                }
            }
            let lo = ends.iter().map(|e| e.0).min()?;
            let hi = ends.iter().map(|e| e.0 + i128::from(e.1)).max()?;
            Some(Interval {
                lo: lo.checked_add(add.0)?,
                hi: hi.checked_add(add.1)?,
                open: false,
            })
        }
        Form::Clip { lo, hi } => {
            let clip = |v: i128| v.max(*lo).min(*hi);
            let clipped = Interval {
                lo: clip(y.lo),
                hi: clip(y.hi),
                open: y.open,
            };
            Some(Interval {
                open: y.open && clipped == y,
                ..clipped
            })
        }
        Form::Leaky {
            threshold,
            factor,
            bits,
        } => {
            if y.lo > *threshold || y.open && y.lo == *threshold {
                return Some(y);
            }
            if y.hi > *threshold {
                return None;
            }
            let below = y.map(|v| v.checked_sub(*threshold))?;
            let y = below.times(*factor, *bits)?;
            Some(if *factor == 0 {
                Interval { open: false, ..y }
            } else {
                y
            })
        }
        Form::Quantize(ty) => {
            let (lo, hi) = if y.open && y.lo < y.hi {
                (2 * y.lo + 1, 2 * y.hi - 1)
            } else {
                (2 * y.lo, 2 * y.hi)
            };
            let code = |v: i128| num::convert(v, BITS.cast_signed() + 1, ty);
            let (lo, hi) = (code(lo), code(hi));
            let up = u32::try_from(BITS.cast_signed() - ty.frac()).ok()?;
            let back = |c: i128| c.checked_mul(1_i128.checked_shl(up)?);
            Some(Interval {
                lo: back(lo)?,
                hi: back(hi)?,
                open: false,
            })
        }
        Form::Function(f) => {
            if y.lo == y.hi && !y.open {
                return f.quick(y.lo);
            }
            // Only rising functions of what is not exact.
            (f.direction() == super::math::Direction::Rising).then_some(())?;
            let (a, b) = (f.quick(y.lo)?, f.quick(y.hi)?);
            Some(Interval {
                lo: a.lo,
                hi: b.hi,
                open: false,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Periodic;
    use crate::ir::functions::Elementary;
    use crate::ir::math::PointFunction;
    use num_bigint::BigInt;
    use proptest::prelude::*;

    proptest! {
        /// The intervals hold what the arithmetic of proven errors gives, and are narrow.
        #[test]
        fn intervals_hold_the_value(code in -(1_i128 << 24)..(1 << 24), frac in 18_i32..28) {
            let x = eval::value(code, frac);
            let unit = Real::from_integer(BigInt::from(1_i128 << BITS));
            let functions = [
                Elementary::Logistic,
                Elementary::Tanh,
                Elementary::Exp,
                Elementary::Softplus,
                Elementary::Silu,
                Elementary::GeluTanh,
                Elementary::Softsign,
                Elementary::Elu { alpha: Real::new(3.into(), 2.into()) },
            ];
            for f in functions {
                let Some(y) = f.quick(code << (BITS.cast_signed() - frac)) else { continue };
                let exact = f.eval(&x, 100);
                let (lo, hi) = (exact.lo * &unit, exact.hi * &unit);
                prop_assert!(Real::from_integer(y.lo.into()) <= lo, "{f:?} at {x}: {y:?}");
                prop_assert!(Real::from_integer(y.hi.into()) >= hi, "{f:?} at {x}: {y:?}");
                let allowed = 4096 * (1 + (y.hi.abs() >> BITS));
                prop_assert!(y.hi - y.lo <= allowed, "{f:?} at {x}: {y:?}");
            }
        }
    }

    proptest! {
        /// What is decided with real constants is what exact arithmetic decides.
        #[test]
        fn real_constants(code in -(1_i128 << 30)..(1 << 30), frac in 8_i32..28, mul in -900_i64..900, by in 1_i64..50, add in -50_i64..50) {
            let real = |n: i64| Periodic::uniform(Real::new(n.into(), by.into()));
            let ty = "ap_fixed<20,4,AP_RND_CONV,AP_SAT>".parse().expect("a type");
            let steps = [
                Step::Affine { mul: real(mul), add: real(add) },
                Step::Clip { lo: None, hi: Some(Real::new(7.into(), 3.into())) },
                Step::Quantize(Periodic::uniform(ty)),
            ];
            let quick = Quick::new(&steps, 0, frac);
            if let Some(found) = quick.as_ref().and_then(|q| q.decide(code)) {
                prop_assert_eq!(Some(found), eval::decide(&steps, 0, &eval::value(code, frac)));
            }
        }
    }

    #[test]
    fn products_of_any_size() {
        for (a, b, shift) in [
            (7_i128, -3, 1),
            (1 << 100, 1 << 40, 60),
            (-(1 << 100), 3 << 40, 70),
        ] {
            let exact = (BigInt::from(a) * b) >> shift;
            assert_eq!(BigInt::from(mul(a, b, shift).expect("fits").0), exact);
        }
    }
}
