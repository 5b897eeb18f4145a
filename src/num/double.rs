//! From and to `double`, as the headers compute it.
//!
//! AP takes the bits of a `double` apart, AC scales it by powers of two; both are followed step by
//! step, because infinities, NaN and subnormal numbers show the difference.

use num_bigint::BigInt;
use num_traits::{One, Signed};

use super::convert::{convert_code, overflow};
use super::round::{Rest, takes_upper};
use super::{Code, Family, Fixed, FixedType};

const MANTISSA_BITS: u32 = 52;
const BIAS: i32 = 1023;
const FRACTION: u64 = (1 << MANTISSA_BITS) - 1;

impl FixedType {
    /// The code of the `double` in this type, by its modes.
    ///
    /// A number is converted exactly, except where the headers' own steps lose something: AC
    /// scales the number by a power of two first, and what underflows there is lost; AP reads a
    /// subnormal number as if it had the leading 1. Infinities and NaN:
    /// * AP reads them as numbers of exponent 1024: saturating types give a limit, wrapping ones
    ///   (N = 0) give 0.
    /// * AC: saturating types give a limit (the highest for NaN); others keep the bits of a
    ///   conversion that C++ leaves undefined, here those of x86-64: 0 for positive and NaN, -1 for
    ///   negative, one more where the quantisation mode rounds up.
    #[must_use]
    pub fn from_double(&self, family: Family, x: f64) -> Code {
        match family {
            Family::Ap => ap_from_double(x, self),
            Family::Ac => ac_from_double(x, self),
        }
    }
}

/// `ap_fixed_base(double)`.
fn ap_from_double(x: f64, dst: &FixedType) -> Code {
    let bits = x.abs().to_bits();
    if bits == 0 {
        return Code::ZERO;
    }
    let exponent = exponent_field(bits) - BIAS - MANTISSA_BITS.cast_signed();
    let mantissa = i128::from(bits & FRACTION | 1 << MANTISSA_BITS);
    let signed = if x.is_sign_negative() {
        -mantissa
    } else {
        mantissa
    };
    convert_code(&signed.into(), (-exponent).into(), dst)
}

/// `ac_fixed(double)`.
fn ac_from_double(x: f64, dst: &FixedType) -> Code {
    let unsigned = i64::from(!dst.signed);
    let width = i64::from(dst.width);
    let down = i64::from(dst.int_bits) + unsigned + (32 - width - unsigned).rem_euclid(32);
    let scaled = ldexpr(x, -down);
    if scaled.is_finite() {
        let (mantissa, exponent) = exact_parts(scaled);
        return convert_code(&mantissa.into(), -i64::from(exponent) - down, dst);
    }
    let neg = scaled < 0.0;
    let (floor, rest) = if neg {
        (BigInt::from(-1), Rest::Below)
    } else {
        (BigInt::from(0), Rest::Above)
    };
    let up = takes_upper(dst.quantization, rest, neg, floor.bit(0));
    overflow(&(floor + BigInt::from(up)), neg, false, dst).into()
}

/// `ac_private::ldexpr<by>`: `x * 2^by` in steps of 32 bits, each of which rounds.
fn ldexpr(x: f64, by: i64) -> f64 {
    const STEP: f64 = 4_294_967_296.0;
    let part = f64::from(1_u32 << (by.unsigned_abs() % 32));
    let mut y = if by < 0 { x / part } else { x * part };
    for _ in 0..by.unsigned_abs() / 32 {
        if y == 0.0 || !y.is_finite() {
            break;
        }
        y = if by < 0 { y / STEP } else { y * STEP };
    }
    y
}

fn exponent_field(bits: u64) -> i32 {
    i32::try_from(bits >> MANTISSA_BITS & 0x7ff).expect("11 bits")
}

/// `m` and `e` of the finite `x = m * 2^e`.
pub(super) fn exact_parts(x: f64) -> (i128, i32) {
    let bits = x.to_bits();
    let (field, fraction) = (exponent_field(bits), bits & FRACTION);
    let hidden = if field == 0 { 0 } else { 1 << MANTISSA_BITS };
    let mantissa = i128::from(fraction | hidden);
    let exponent = field.max(1) - BIAS - MANTISSA_BITS.cast_signed();
    (if x < 0.0 { -mantissa } else { mantissa }, exponent)
}

impl Fixed {
    /// The header's `to_double()`.
    ///
    /// Exact up to 53 significant bits within the normal range. Beyond, AP rounds to nearest even,
    /// and its exponent wraps modulo `2^11` outside the normal range. AC adds up 32 bits at a time
    /// and scales in steps, rounding to nearest even each time; codes beyond `2^1024` give an
    /// infinity.
    #[must_use]
    pub fn to_double(&self, family: Family) -> f64 {
        match family {
            Family::Ap => self.ap_to_double(),
            Family::Ac => self.ac_to_double(),
        }
    }

    fn ap_to_double(&self) -> f64 {
        if self.code().is_zero() {
            return 0.0;
        }
        let bits = i64::try_from(self.code().bits()).expect("at most the width");
        let drop = bits - i64::from(MANTISSA_BITS) - 1;
        // Nearest even, with room for the carry into another bit.
        let nearest = FixedType {
            quantization: super::Quantization::RndConv,
            ..FixedType::new(MANTISSA_BITS + 2, MANTISSA_BITS.cast_signed() + 2, false)
        };
        let magnitude = Code::from(self.code().to_big().abs());
        let mantissa = convert_code(&magnitude, drop, &nearest);
        let carry = i64::from(mantissa.bits() > u64::from(MANTISSA_BITS) + 1);
        let exponent = bits - 1 - self.ty().frac_wide() + i64::from(BIAS) + carry;
        let field = exponent.rem_euclid(1 << 11).cast_unsigned();
        let mantissa = mantissa.to_i128().expect("54 bits").cast_unsigned();
        let fraction = u64::try_from(mantissa).expect("54 bits") & FRACTION;
        let sign = u64::from(self.code().is_negative());
        f64::from_bits(sign << 63 | field << MANTISSA_BITS | fraction)
    }

    fn ac_to_double(&self) -> f64 {
        let ty = self.ty();
        let limbs = (ty.width + 31 + u32::from(!ty.signed)) / 32;
        let mut code = self.code().to_big();
        let low = (BigInt::one() << 32) - 1;
        let mut digits = Vec::new();
        for _ in 1..limbs {
            digits.push(u32::try_from(&code & &low).expect("32 bits"));
            code >>= 32;
        }
        let top = i32::try_from(code).expect("the last limb holds the rest and the sign");
        let value = digits.iter().rev().fold(f64::from(top), |a, &limb| {
            a * 4_294_967_296.0 + f64::from(limb)
        });
        ldexpr(value, -ty.frac_wide())
    }

    /// The value as a `double`, if one has exactly this value.
    #[must_use]
    pub fn exact_double(&self) -> Option<f64> {
        let zeros = self.code().to_big().trailing_zeros();
        let Some(zeros) = zeros else {
            return Some(0.0);
        };
        let odd = self.code().shr(u32::try_from(zeros).ok()?).to_i128()?;
        let exponent = i64::try_from(zeros).ok()? - self.ty().frac_wide();
        let bits = i64::from(128 - odd.unsigned_abs().leading_zeros());
        let lowest = -i64::from(BIAS + MANTISSA_BITS.cast_signed()) + 1;
        let fits = bits <= 53 && exponent >= lowest && exponent + bits - 1 <= i64::from(BIAS);
        if !fits {
            return None;
        }
        let odd = i64::try_from(odd).ok()?;
        // Every step is exact: first toward the final exponent's half, then the rest.
        #[expect(clippy::cast_precision_loss, reason = "at most 53 bits")]
        let mantissa = odd as f64;
        let exponent = i32::try_from(exponent).ok()?;
        let half = exponent / 2;
        Some(mantissa * 2f64.powi(half) * 2f64.powi(exponent - half))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ty(text: &str) -> FixedType {
        text.parse().unwrap()
    }

    fn codes(text: &str, family: Family, xs: &[f64]) -> Vec<i128> {
        xs.iter()
            .map(|&x| ty(text).from_double(family, x).to_i128().unwrap())
            .collect()
    }

    const SPECIAL: [f64; 4] = [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, -f64::NAN];

    /// Printed by programs compiled against the headers (g++ 12, x86-64).
    #[test]
    fn special_numbers_in_ap() {
        for (text, want) in [
            ("ap_fixed<8,4>", [0, 0, 0, 0]),
            ("ap_fixed<8,4,AP_RND>", [0, 0, 0, 0]),
            ("ap_fixed<8,4,AP_RND,AP_SAT>", [127, -128, 127, -128]),
            (
                "ap_fixed<8,4,AP_RND_CONV,AP_SAT_SYM>",
                [127, -127, 127, -127],
            ),
            ("ap_fixed<8,4,AP_TRN,AP_WRAP,2>", [64, -128, 64, -128]),
            ("ap_fixed<8,4,AP_TRN,AP_WRAP_SM>", [0, 0, 0, 0]),
        ] {
            assert_eq!(codes(text, Family::Ap, &SPECIAL), want, "{text}");
        }
    }

    #[test]
    fn special_numbers_in_ac() {
        for (text, want) in [
            ("ac_fixed<8,4,true>", [0, -1, 0, 0]),
            ("ac_fixed<8,4,true,AC_RND>", [1, -1, 1, 1]),
            ("ac_fixed<8,4,true,AC_RND,AC_SAT>", [127, -128, 127, 127]),
            (
                "ac_fixed<8,4,true,AC_RND_CONV,AC_SAT_SYM>",
                [127, -127, 127, 127],
            ),
            ("ac_fixed<8,4,false>", [0, 255, 0, 0]),
            ("ac_fixed<40,4,true,AC_RND>", [1, -1, 1, 1]),
        ] {
            assert_eq!(codes(text, Family::Ac, &SPECIAL), want, "{text}");
        }
    }

    #[test]
    fn numbers() {
        for family in [Family::Ap, Family::Ac] {
            let float = f64::from(0.1_f32);
            assert_eq!(codes("fixed<16,1>", family, &[float, -0.0]), [3276, 0]);
            assert_eq!(codes("fixed<6,-1>", family, &[0.15]), [19]);
            assert_eq!(codes("fixed<6,9>", family, &[200.0]), [25]);
            assert_eq!(codes("fixed<8,4>", family, &[1e300]), [0]);
            assert_eq!(codes("fixed<8,4,RND>", family, &[-5e-324]), [0]);
        }
        assert_eq!(codes("fixed<8,4>", Family::Ap, &[-5e-324]), [-1]);
        assert_eq!(codes("fixed<8,4>", Family::Ac, &[-5e-324]), [0]);
    }

    #[test]
    fn to_double_and_exactly() {
        let value = |code: i128, text: &str| Fixed::new(code.into(), ty(text)).unwrap();
        let x = value(-60, "fixed<8,4>");
        assert_eq!(x.to_double(Family::Ap), -3.75);
        assert_eq!(x.to_double(Family::Ac), -3.75);
        assert_eq!(x.exact_double(), Some(-3.75));
        let wide = value((1 << 53) + 1, "fixed<60,60>");
        assert_eq!(wide.to_double(Family::Ap), 9_007_199_254_740_992.0);
        assert_eq!(wide.exact_double(), None);
        let tiny = value(1, "fixed<4,-1070>");
        assert_eq!(tiny.exact_double(), Some(5e-324));
        assert_eq!(value(1, "fixed<4,-1071>").exact_double(), None);
        let huge = value(1, "fixed<2,1025>");
        assert_eq!(huge.exact_double(), Some(2f64.powi(1023)));
        assert_eq!(value(1, "fixed<2,1026>").exact_double(), None);
        assert_eq!(value(0, "fixed<2,1026>").exact_double(), Some(0.0));
    }
}
