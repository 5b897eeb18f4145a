//! Exact numbers: the rationals that weights, scales and thresholds are.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};

/// An exact rational number. Every float32 and float64 is one; so are 1/9 and 1/6.
pub type Real = BigRational;

/// The exact value of a finite float64, `None` for infinities and NaN.
#[must_use]
pub fn from_f64(x: f64) -> Option<Real> {
    BigRational::from_float(x)
}

/// The exact value of a finite float32, `None` for infinities and NaN.
#[must_use]
pub fn from_f32(x: f32) -> Option<Real> {
    BigRational::from_float(x)
}

/// `2^exponent`, exactly.
#[must_use]
pub fn pow2(exponent: i32) -> Real {
    let power = BigInt::one() << exponent.unsigned_abs();
    if exponent < 0 {
        Real::new_raw(BigInt::one(), power)
    } else {
        Real::from_integer(power)
    }
}

/// A dyadic number as `(code, frac)` with value `code * 2^-frac` and `code` odd (or `(0, 0)`).
///
/// `None` when `x` is no binary fraction (1/3), or when the odd code does not fit 127 bits.
/// `3/4` is `(3, 2)`; `12` is `(3, -2)`.
#[must_use]
pub fn dyadic(x: &Real) -> Option<(i128, i32)> {
    if x.is_zero() {
        return Some((0, 0));
    }
    let down = x.denom().trailing_zeros()?;
    if !(x.denom() >> down).is_one() {
        return None;
    }
    let up = x.numer().trailing_zeros()?;
    let code = (x.numer() >> up)
        .to_i128()
        .filter(|c| c.abs() < i128::MAX)?;
    let frac = i64::try_from(down).ok()? - i64::try_from(up).ok()?;
    Some((code, i32::try_from(frac).ok()?))
}

/// A real number known to lie in `lo..=hi`; exact when both are equal.
///
/// Transcendental functions return one, as narrow as asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enclosure {
    /// Lower bound, included.
    pub lo: Real,
    /// Upper bound, included.
    pub hi: Real,
}

impl Enclosure {
    /// A number known exactly.
    #[must_use]
    pub fn exact(x: Real) -> Self {
        Self {
            lo: x.clone(),
            hi: x,
        }
    }

    /// A number between two others, in whichever order they are given.
    #[must_use]
    pub fn between(a: Real, b: Real) -> Self {
        if a <= b {
            Self { lo: a, hi: b }
        } else {
            Self { lo: b, hi: a }
        }
    }

    /// Whether the number is known exactly.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.lo == self.hi
    }

    /// Width of the enclosure, never negative.
    #[must_use]
    pub fn width(&self) -> Real {
        (&self.hi - &self.lo).abs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dyadic_is_normalised() {
        let real = |n: i64, d: i64| Real::new(n.into(), d.into());
        assert_eq!(dyadic(&real(3, 4)), Some((3, 2)));
        assert_eq!(dyadic(&real(12, 1)), Some((3, -2)));
        assert_eq!(dyadic(&real(-5, 8)), Some((-5, 3)));
        assert_eq!(dyadic(&real(1, 3)), None);
        assert_eq!(dyadic(&real(0, 1)), Some((0, 0)));
        assert_eq!(pow2(-3), real(1, 8));
        assert_eq!(
            from_f32(0.1).as_ref().and_then(dyadic),
            Some((13_421_773, 27))
        );
        assert_eq!(from_f64(f64::NAN), None);
    }
}
