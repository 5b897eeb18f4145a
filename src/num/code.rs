//! Integer codes of any width: machine integers as long as they suffice, big ones beyond.

use std::fmt;
use std::ops::{Add, Mul, Neg, Sub};

use num_bigint::BigInt;
use num_traits::{Signed, ToPrimitive, Zero};

/// The integer code of a fixed-point value; any size.
///
/// Arithmetic is exact and stays on `i128` while the result fits.
///
/// ```
/// use qk_hls::num::Code;
/// let big = Code::from(i128::MAX) + Code::from(1);
/// assert_eq!(big.to_string(), "170141183460469231731687303715884105728");
/// assert_eq!(big - Code::from(1), Code::from(i128::MAX));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Code(Repr);

/// `Big` only where `i128` does not hold the number: equality is that of the numbers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Repr {
    Small(i128),
    Big(BigInt),
}

impl Code {
    /// The code 0.
    pub const ZERO: Self = Self(Repr::Small(0));

    /// As `i128`, where it fits.
    #[must_use]
    pub fn to_i128(&self) -> Option<i128> {
        match self.0 {
            Repr::Small(x) => Some(x),
            Repr::Big(_) => None,
        }
    }

    /// As a big integer.
    #[must_use]
    pub fn to_big(&self) -> BigInt {
        match &self.0 {
            Repr::Small(x) => BigInt::from(*x),
            Repr::Big(x) => x.clone(),
        }
    }

    /// Whether the code is below 0.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        match &self.0 {
            Repr::Small(x) => *x < 0,
            Repr::Big(x) => x.is_negative(),
        }
    }

    /// Whether the code is 0.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }

    /// Bits of the magnitude; 0 for 0.
    #[must_use]
    pub fn bits(&self) -> u64 {
        match &self.0 {
            Repr::Small(x) => u64::from(128 - x.unsigned_abs().leading_zeros()),
            Repr::Big(x) => x.bits(),
        }
    }

    /// `self * 2^by`. The result takes `by` bits: callers bound it.
    #[must_use]
    pub fn shl(&self, by: u32) -> Self {
        match &self.0 {
            Repr::Small(x) if self.bits() + u64::from(by) < 127 => (x << by).into(),
            _ if self.is_zero() => Self::ZERO,
            _ => (self.to_big() << by).into(),
        }
    }

    /// `floor(self / 2^by)`.
    #[must_use]
    pub fn shr(&self, by: u32) -> Self {
        match &self.0 {
            Repr::Small(x) => (x >> by.min(127)).into(),
            Repr::Big(x) => (x >> by).into(),
        }
    }

    /// The quotient toward zero; `None` for a divisor of 0.
    #[must_use]
    pub fn div(&self, divisor: &Self) -> Option<Self> {
        if divisor.is_zero() {
            return None;
        }
        let small = match (&self.0, &divisor.0) {
            (Repr::Small(a), Repr::Small(b)) => a.checked_div(*b).map(Self::from),
            _ => None,
        };
        small.or_else(|| Some((self.to_big() / divisor.to_big()).into()))
    }
}

impl From<i128> for Code {
    fn from(x: i128) -> Self {
        Self(Repr::Small(x))
    }
}

impl From<BigInt> for Code {
    fn from(x: BigInt) -> Self {
        Self(x.to_i128().map_or(Repr::Big(x), Repr::Small))
    }
}

impl PartialOrd for Code {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Code {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        match (&self.0, &other.0) {
            (Repr::Small(a), Repr::Small(b)) => a.cmp(b),
            _ => self.to_big().cmp(&other.to_big()),
        }
    }
}

macro_rules! exact {
    ($operator:ident, $method:ident, $checked:ident) => {
        impl $operator for Code {
            type Output = Self;

            fn $method(self, other: Self) -> Self {
                let small = match (&self.0, &other.0) {
                    (Repr::Small(a), Repr::Small(b)) => a.$checked(*b),
                    _ => None,
                };
                small.map_or_else(|| self.to_big().$method(other.to_big()).into(), Self::from)
            }
        }
    };
}

exact!(Add, add, checked_add);
exact!(Sub, sub, checked_sub);
exact!(Mul, mul, checked_mul);

impl Neg for Code {
    type Output = Self;

    fn neg(self) -> Self {
        Self::ZERO - self
    }
}

impl Default for Code {
    fn default() -> Self {
        Self::ZERO
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Small(x) => x.fmt(f),
            Repr::Big(x) => x.fmt(f),
        }
    }
}

/// A text that is no integer, or one of more digits than any type holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseCodeError {
    /// Something else than an optional sign and digits.
    #[error("`{0}` is not a decimal integer")]
    NotAnInteger(String),
    /// Reading it would take long, and no type holds it.
    #[error("an integer of {0} digits: at most {max} are read", max = Code::MAX_DIGITS)]
    TooLong(usize),
}

impl Code {
    /// Most decimal digits that are read: more than [`MAX_WIDTH`](super::MAX_WIDTH) bits need.
    pub const MAX_DIGITS: usize = 20_000;
}

impl std::str::FromStr for Code {
    type Err = ParseCodeError;

    /// Reads an optional sign and decimal digits.
    fn from_str(text: &str) -> Result<Self, ParseCodeError> {
        if let Ok(x) = text.parse::<i128>() {
            return Ok(x.into());
        }
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|c| c.is_ascii_digit()) {
            let shown: String = text.chars().take(40).collect();
            return Err(ParseCodeError::NotAnInteger(shown));
        }
        let digits = digits.trim_start_matches('0');
        if digits.len() > Self::MAX_DIGITS {
            return Err(ParseCodeError::TooLong(digits.len()));
        }
        let magnitude = BigInt::parse_bytes(digits.as_bytes(), 10).unwrap_or_else(BigInt::zero);
        let sign = if text.starts_with('-') { -1 } else { 1 };
        Ok(Self::from(magnitude * sign))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn across_the_end_of_i128() {
        let max = Code::from(i128::MAX);
        let min = Code::from(i128::MIN);
        let one = Code::from(1);
        assert_eq!((max.clone() + one.clone()).to_i128(), None);
        assert_eq!(max.clone() + one.clone() - one.clone(), max);
        assert_eq!(-(-min.clone()), min);
        assert_eq!(min.div(&-one.clone()).unwrap(), -min.clone());
        assert_eq!((-min.clone()).bits(), 128);
        assert_eq!(
            max.clone() * max.clone() - one.clone(),
            max.clone() * max.clone() - one.clone()
        );
        assert_eq!(one.shl(200).shr(200), one);
        assert_eq!((-one.clone()).shr(5000), -one.clone());
        assert!(max.clone() + one < max.shl(1));
        assert_eq!(Code::from(1).div(&Code::ZERO), None);
        assert_eq!(Code::ZERO.shl(u32::MAX), Code::ZERO);
    }

    #[test]
    fn texts() {
        let big = format!("-{}", "9".repeat(60));
        assert_eq!(big.parse::<Code>().unwrap().to_string(), big);
        let zeros = format!("+{}7", "0".repeat(100_000));
        assert_eq!(zeros.parse::<Code>().unwrap(), Code::from(7));
        for bad in ["", "-", "1.5", "1e3", "0x10", "--1", "1 "] {
            assert!(matches!(
                bad.parse::<Code>(),
                Err(ParseCodeError::NotAnInteger(_))
            ));
        }
        let long = "9".repeat(1_000_000);
        assert_eq!(
            long.parse::<Code>(),
            Err(ParseCodeError::TooLong(1_000_000))
        );
    }
}
