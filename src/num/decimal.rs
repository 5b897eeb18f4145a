//! Decimal numbers, exactly: read into a type, and written from a value.

use std::fmt;
use std::str::FromStr;

use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{Signed, Zero};

use super::convert::place;
use super::round::Rest;
use super::{Code, Fixed, FixedType};

/// A decimal number `digits * 10^exponent`, as written; nothing is rounded.
///
/// ```
/// use qk_hls::num::{Code, Decimal, FixedType};
/// let x: Decimal = "0.1".parse().unwrap();
/// let ty: FixedType = "ap_fixed<16,1>".parse().unwrap();
/// assert_eq!(x.quantize(&ty), Ok(Code::from(3276)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decimal {
    digits: BigInt,
    exponent: i32,
}

/// A text that is no decimal number, or one out of all proportion.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseDecimalError {
    /// Not of the form `-12.5e-3`.
    #[error("`{0}` is not a decimal number")]
    NotANumber(String),
    /// Digits and exponent are bounded, so that reading stays quick.
    #[error("a number of more than {max} digits, or a power of ten as large, is not read", max = Decimal::MAX_DIGITS)]
    TooLong,
}

/// The type's binary point is too far away to work with decimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{frac} fraction bits are too far from the point for a decimal number: at most {max} in either direction", max = Decimal::MAX_FRAC)]
pub struct TooFar {
    /// Fraction bits of the type.
    pub frac: i64,
}

impl Decimal {
    /// Most digits, and the largest power of ten in either direction, that are read.
    pub const MAX_DIGITS: usize = 20_000;

    /// Most fraction bits, in either direction, of types that decimal numbers are read into.
    pub const MAX_FRAC: i64 = 131_072;

    /// The code of the number in the type `dst`, by its rounding and overflow modes.
    ///
    /// # Errors
    /// [`TooFar`].
    pub fn quantize(&self, dst: &FixedType) -> Result<Code, TooFar> {
        let frac = dst.frac_wide();
        if frac.abs() > Self::MAX_FRAC {
            return Err(TooFar { frac });
        }
        // value * 2^frac = numerator / denominator
        let mut numerator = self.digits.clone();
        let mut denominator = BigInt::from(1);
        let power = BigInt::from(10).pow(self.exponent.unsigned_abs());
        if self.exponent < 0 {
            denominator *= power;
        } else {
            numerator *= power;
        }
        if frac < 0 {
            denominator <<= frac.unsigned_abs();
        } else {
            numerator <<= frac.unsigned_abs();
        }
        let (floor, rest) = numerator.div_mod_floor(&denominator);
        let rest = match (&rest * 2_u32).cmp(&denominator) {
            _ if rest.is_zero() => Rest::Zero,
            std::cmp::Ordering::Less => Rest::Below,
            std::cmp::Ordering::Equal => Rest::Tie,
            std::cmp::Ordering::Greater => Rest::Above,
        };
        Ok(place(floor, rest, self.digits.is_negative(), dst).into())
    }

    /// `self - value`, for reports of errors; `None` when the binary point is too far away.
    #[must_use]
    pub fn minus(&self, value: &Fixed) -> Option<Self> {
        let other = Self::of(value)?;
        let exponent = self.exponent.min(other.exponent);
        let raise = |x: &Self| {
            let by = (x.exponent - exponent).unsigned_abs();
            &x.digits * BigInt::from(10).pow(by)
        };
        Some(Self {
            digits: raise(self) - raise(&other),
            exponent,
        })
    }

    /// The value, exactly; `None` when the binary point is too far away.
    #[must_use]
    pub fn of(value: &Fixed) -> Option<Self> {
        let frac = value.ty().frac_wide();
        if frac.abs() > Self::MAX_FRAC {
            return None;
        }
        let code = value.code().to_big();
        let exponent = i32::try_from(frac.max(0)).expect("within MAX_FRAC");
        let digits = if frac < 0 {
            code << frac.unsigned_abs()
        } else {
            code * BigInt::from(5).pow(exponent.unsigned_abs())
        };
        Some(Self {
            digits,
            exponent: -exponent,
        })
    }
}

impl FromStr for Decimal {
    type Err = ParseDecimalError;

    /// Reads `-12.5e-3`: an optional sign, digits with an optional point, an optional exponent.
    fn from_str(text: &str) -> Result<Self, ParseDecimalError> {
        let fault = || ParseDecimalError::NotANumber(text.chars().take(40).collect());
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, Some(exponent)),
            None => (text, None),
        };
        let unsigned = number.strip_prefix(['-', '+']).unwrap_or(number);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|c| c.is_ascii_digit()) {
            return Err(fault());
        }
        let exponent = exponent.map_or(Ok(0), |e| read_exponent(e).ok_or_else(fault))?;
        let digits = digits.trim_start_matches('0');
        if digits.is_empty() {
            return Ok(Self {
                digits: BigInt::zero(),
                exponent: 0,
            });
        }
        let places = i64::try_from(fraction.len()).map_err(|_| ParseDecimalError::TooLong)?;
        let exponent = exponent.saturating_sub(places);
        let limit = Self::MAX_DIGITS;
        if digits.len() > limit || exponent.unsigned_abs() > limit as u64 {
            return Err(ParseDecimalError::TooLong);
        }
        let magnitude = BigInt::parse_bytes(digits.as_bytes(), 10).ok_or_else(fault)?;
        let negative = number.starts_with('-');
        Ok(Self {
            digits: if negative { -magnitude } else { magnitude },
            exponent: i32::try_from(exponent).expect("within MAX_DIGITS"),
        })
    }
}

/// An exponent; one beyond `i64` saturates, since both ends are refused later.
fn read_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let far = if text.starts_with('-') {
        i64::MIN
    } else {
        i64::MAX
    };
    Some(text.parse().unwrap_or(far))
}

impl fmt::Display for Decimal {
    /// Every digit, without an exponent and without zeros at the end of the fraction.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.digits.is_negative() { "-" } else { "" };
        let digits = self.digits.magnitude().to_string();
        if self.exponent >= 0 {
            let zeros = if self.digits.is_zero() {
                0
            } else {
                self.exponent.unsigned_abs() as usize
            };
            return write!(f, "{sign}{digits}{}", "0".repeat(zeros));
        }
        let places = self.exponent.unsigned_abs() as usize;
        let digits = format!("{digits:0>width$}", width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{point}{fraction}")
    }
}

impl fmt::Display for Fixed {
    /// The exact decimal value; far from the point, the code and its power of two.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Decimal::of(self) {
            Some(decimal) => decimal.fmt(f),
            None => write!(f, "{}*2^{}", self.code(), -self.ty().frac_wide()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn read_and_written() {
        for (text, want) in [
            ("0", "0"),
            ("-0.00", "0"),
            ("+12.50", "12.5"),
            (".5", "0.5"),
            ("5.", "5"),
            ("-12.5e-3", "-0.0125"),
            ("1E3", "1000"),
            ("0e99999999999999999999", "0"),
            ("0.1e1", "1"),
        ] {
            assert_eq!(decimal(text).to_string(), want);
        }
        for bad in [
            "", ".", "-", "1e", "e5", "1e+", "0x1", "1.2.3", "nan", "1e1.5", "١",
        ] {
            let e = bad.parse::<Decimal>();
            assert_eq!(e, Err(ParseDecimalError::NotANumber(bad.into())));
        }
        for long in [
            "1e99999999999999999999",
            "1e-20001",
            "1e20001",
            &"1".repeat(20_001),
        ] {
            assert_eq!(long.parse::<Decimal>(), Err(ParseDecimalError::TooLong));
        }
    }

    #[test]
    fn exact_where_a_double_is_not() {
        let ty: FixedType = "fixed<80,4,RND>".parse().unwrap();
        // 0.1 * 2^76, rounded
        let tenth = Code::from(7_555_786_372_591_432_341_914);
        assert_eq!(decimal("0.1").quantize(&ty), Ok(tenth));
        let half: FixedType = "fixed<8,8,RND_ZERO>".parse().unwrap();
        assert_eq!(decimal("0.5").quantize(&half), Ok(0.into()));
        let above = "0.50000000000000000000000000000000001";
        assert_eq!(decimal(above).quantize(&half), Ok(1.into()));
        assert_eq!(decimal("-0.5").quantize(&half), Ok(0.into()));
        let coarse: FixedType = "fixed<6,9,TRN,SAT>".parse().unwrap();
        assert_eq!(decimal("200").quantize(&coarse), Ok(25.into()));
        assert_eq!(decimal("-1e19999").quantize(&coarse), Ok((-32).into()));
        let far = FixedType::new(8, i32::MIN, true);
        assert!(decimal("1").quantize(&far).is_err());
    }

    #[test]
    fn values_and_errors() {
        let x = Fixed::new(19.into(), "fixed<6,-1>".parse().unwrap()).unwrap();
        assert_eq!(x.to_string(), "0.1484375");
        assert_eq!(decimal("0.15").minus(&x).unwrap().to_string(), "0.0015625");
        let x = Fixed::new((-3).into(), "fixed<6,9>".parse().unwrap()).unwrap();
        assert_eq!(x.to_string(), "-24");
        let x = Fixed::new(3.into(), FixedType::new(4, -1_000_000, true)).unwrap();
        assert_eq!(x.to_string(), "3*2^-1000004");
        assert_eq!(decimal("1").minus(&x), None);
    }
}
