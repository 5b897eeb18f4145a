//! Conversion of one code into a type: quantise, then check the range.
//!
//! A source is a code and its fraction bits; its width does not matter (the code is read as
//! sign-extended without end). The rules are those of the vendors' headers, where they agree for
//! both families.

use num_bigint::{BigInt, BigUint, Sign};
use num_traits::{One, Signed, ToPrimitive};

use super::overflow::{is_negative, replace, signed_value};
use super::round::{Rest, takes_upper};
use super::{Code, FixedType, Overflow, Pattern};

/// The code of `code * 2^-src_frac` in the type `dst`, by its rounding and overflow modes.
///
/// Exact for every code, shift and width; only the result has to fit.
///
/// ```
/// use qk_hls::num::{convert, FixedType, Overflow, Quantization};
/// let ty = FixedType::new(4, 3, true).with(Quantization::Rnd, Overflow::Sat);
/// assert_eq!(convert(5, 2, &ty), 3); // 1.25 rounds up to 1.5
/// assert_eq!(convert(-100, 2, &ty), -8);
/// ```
///
/// # Panics
/// When the result leaves `i128`: only for `dst` beyond 127 bits unsigned or 128 signed. Where a
/// user chooses such widths, call [`checked_convert`] or [`convert_big`].
#[must_use]
pub fn convert(code: i128, src_frac: i32, dst: &FixedType) -> i128 {
    checked_convert(code, src_frac, dst).expect("the destination's codes fit i128")
}

/// [`convert`], with `None` when the result does not fit `i128`.
#[must_use]
pub fn checked_convert(code: i128, src_frac: i32, dst: &FixedType) -> Option<i128> {
    if dst.width > 128 {
        return convert_big(&code.into(), src_frac, dst).to_i128();
    }
    let drop = i64::from(src_frac) - dst.frac_wide();
    let neg = code < 0;
    if drop > 0 {
        let (floor, rest) = split(code, drop);
        // At least one bit went, so the next code exists.
        let k = floor + i128::from(takes_upper(dst.quantization, rest, neg, floor & 1 == 1));
        if in_range(k, dst) {
            return Some(k);
        }
        let deleted = code >> (drop + i64::from(dst.width)).min(127) & 1 == 1;
        finish(k.cast_unsigned(), k < 0, deleted, dst)
    } else {
        let up = u32::try_from(-drop).unwrap_or(u32::MAX);
        let exact = code
            .checked_shl(up)
            .filter(|k| k >> up == code)
            .or((code == 0).then_some(0));
        if let Some(k) = exact.filter(|&k| in_range(k, dst)) {
            return Some(k);
        }
        let wrapped = code.cast_unsigned().checked_shl(up).unwrap_or(0);
        if exact.is_none() && !neg && !dst.signed && fits_unsigned(code, up, dst.width) {
            return None; // in range, but the code has 128 bits
        }
        // Bit number W - up of the source, where there is one.
        let deleted = dst
            .width
            .checked_sub(up)
            .is_some_and(|at| code >> at.min(127) & 1 == 1);
        finish(wrapped, neg, deleted, dst)
    }
}

/// [`convert`] in any width: no bound on code or result.
#[must_use]
pub fn convert_big(code: &BigInt, src_frac: i32, dst: &FixedType) -> BigInt {
    convert_wide(code, src_frac.into(), dst)
}

/// [`convert`] for a code of any size: by machine integers where they suffice.
pub(super) fn convert_code(code: &Code, src_frac: i64, dst: &FixedType) -> Code {
    let small = code.to_i128().zip(i32::try_from(src_frac).ok());
    small
        .and_then(|(code, frac)| checked_convert(code, frac, dst))
        .map_or_else(
            || convert_wide(&code.to_big(), src_frac, dst).into(),
            Code::from,
        )
}

fn convert_wide(code: &BigInt, src_frac: i64, dst: &FixedType) -> BigInt {
    let drop = src_frac - dst.frac_wide();
    let (floor, rest) = if drop > 0 {
        let drop = drop.unsigned_abs();
        (code >> drop, big_rest(code, drop))
    } else {
        // Beyond W all bits wrap away: one bit more keeps the value out of range and its sign.
        let up = drop.unsigned_abs().min(u64::from(dst.width) + 1);
        (code << up, Rest::Zero)
    };
    place(floor, rest, code.is_negative(), dst)
}

/// The code for an exact value: its floor in steps of `dst`, what lies above, and its sign.
pub(super) fn place(floor: BigInt, rest: Rest, neg: bool, dst: &FixedType) -> BigInt {
    let deleted = floor.bit(dst.width.into());
    let mut k = floor;
    if takes_upper(dst.quantization, rest, neg, k.bit(0)) {
        k += 1;
    }
    if big_in_range(&k, dst) {
        k
    } else {
        let neg = k.is_negative();
        overflow(&k, neg, deleted, dst)
    }
}

/// What the out-of-range `k` becomes.
pub(super) fn overflow(k: &BigInt, neg: bool, deleted: bool, dst: &FixedType) -> BigInt {
    signed_value(replace(wrap_pattern(k, dst.width), neg, deleted, dst), dst)
}

/// `k` modulo `2^width`, as a pattern.
fn wrap_pattern(k: &BigInt, width: u32) -> BigUint {
    let mask = BigInt::from(BigUint::ones(width));
    (k & mask).magnitude().clone()
}

/// Floor and rest of `code / 2^drop`, `drop >= 1`.
fn split(code: i128, drop: i64) -> (i128, Rest) {
    let floor = code >> drop.min(127);
    if drop > 128 {
        let rest = match code.signum() {
            0 => Rest::Zero,
            1 => Rest::Below,
            _ => Rest::Above,
        };
        return (floor, rest);
    }
    let drop = u32::try_from(drop).expect("at most 128");
    let rest = code.cast_unsigned() & u128::ones(drop);
    let half = 1 << (drop - 1);
    let rest = match rest.cmp(&half) {
        _ if rest == 0 => Rest::Zero,
        std::cmp::Ordering::Less => Rest::Below,
        std::cmp::Ordering::Equal => Rest::Tie,
        std::cmp::Ordering::Greater => Rest::Above,
    };
    (floor, rest)
}

/// The rest of `code / 2^drop`, read from the two's complement bits.
fn big_rest(code: &BigInt, drop: u64) -> Rest {
    let zeros = match code.trailing_zeros() {
        None => return Rest::Zero,
        Some(zeros) if zeros >= drop => return Rest::Zero,
        Some(zeros) => zeros,
    };
    match (code.bit(drop - 1), zeros == drop - 1) {
        (false, _) => Rest::Below,
        (true, true) => Rest::Tie,
        (true, false) => Rest::Above,
    }
}

/// Whether `code * 2^up` is an unsigned code of `width` bits, for `code > 0`.
fn fits_unsigned(code: i128, up: u32, width: u32) -> bool {
    128 - code.leading_zeros() + up.min(128) <= width
}

fn in_range(k: i128, ty: &FixedType) -> bool {
    if !ty.signed {
        return k >= 0 && (ty.width >= 127 || k >> ty.width == 0);
    }
    let beyond = k >> (ty.width - 1);
    (beyond == 0 || beyond == -1) && !(excluded_minimum(ty) && k == -1 << (ty.width - 1))
}

fn big_in_range(k: &BigInt, ty: &FixedType) -> bool {
    if !ty.signed {
        return !k.is_negative() && k.bits() <= u64::from(ty.width);
    }
    let magnitude_bits = match k.sign() {
        Sign::Minus => (k + BigInt::one()).bits(),
        Sign::NoSign | Sign::Plus => k.bits(),
    };
    magnitude_bits < u64::from(ty.width)
        && !(excluded_minimum(ty) && *k == -(BigInt::one() << (ty.width - 1)))
}

/// `SAT_SYM` leaves the lowest code out.
fn excluded_minimum(ty: &FixedType) -> bool {
    ty.overflow == Overflow::SatSym && ty.signed
}

/// The overflow rules on at most 128 bits.
fn finish(wrapped: u128, neg: bool, deleted: bool, ty: &FixedType) -> Option<i128> {
    let bits = replace(wrapped & u128::ones(ty.width), neg, deleted, ty);
    if is_negative(&bits, ty) {
        Some((bits | !u128::ones(ty.width)).cast_signed())
    } else {
        i128::try_from(bits).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Quantization;
    use num_traits::Zero;

    use super::*;

    fn ty(width: u32, int_bits: i32, signed: bool, q: Quantization, o: Overflow) -> FixedType {
        FixedType::new(width, int_bits, signed).with(q, o)
    }

    /// Step 0.5 from sixteenths of 1/128: the printed table of the headers.
    #[test]
    fn quantisation_table() {
        use Quantization::*;
        let modes = [
            Trn, TrnZero, Rnd, RndZero, RndInf, RndMinInf, RndConv, RndConvOdd,
        ];
        let table: [(i128, [i128; 8]); 6] = [
            (160, [2, 2, 3, 2, 3, 2, 2, 3]),
            (224, [3, 3, 4, 3, 4, 3, 4, 3]),
            (-160, [-3, -2, -2, -2, -3, -3, -2, -3]),
            (-224, [-4, -3, -3, -3, -4, -4, -4, -3]),
            (161, [2, 2, 3, 3, 3, 3, 3, 3]),
            (-161, [-3, -2, -3, -3, -3, -3, -3, -3]),
        ];
        for (code, row) in table {
            for (mode, want) in modes.into_iter().zip(row) {
                let dst = ty(8, 7, true, mode, Overflow::Wrap);
                assert_eq!(convert(code, 7, &dst), want, "{code} {mode:?}");
                assert_eq!(
                    convert_big(&code.into(), 7, &dst),
                    want.into(),
                    "{code} {mode:?}"
                );
            }
        }
    }

    #[test]
    fn overflow_table() {
        use Overflow::*;
        let modes = [
            (Sat, 0),
            (SatZero, 0),
            (SatSym, 0),
            (Wrap, 0),
            (Wrap, 1),
            (Wrap, 2),
            (Wrap, 3),
            (WrapSm, 0),
            (WrapSm, 1),
            (WrapSm, 2),
            (WrapSm, 3),
        ];
        let signed: [(i128, [i128; 11]); 6] = [
            (7, [7; 11]),
            (8, [7, 0, 7, -8, 0, 4, 6, 7, 7, 7, 7]),
            (19, [7, 0, 7, 3, 3, 7, 7, -4, 3, 4, 7]),
            (-8, [-8, -8, -7, -8, -8, -8, -8, -8, -8, -8, -8]),
            (-9, [-8, 0, -7, 7, -1, -5, -7, -8, -8, -8, -8]),
            (-19, [-8, 0, -7, -3, -3, -7, -7, 2, -3, -6, -7]),
        ];
        let unsigned: [(i128, [i128; 7]); 6] = [
            (7, [7; 7]),
            (8, [8; 7]),
            (19, [15, 0, 15, 3, 11, 15, 15]),
            (-8, [0, 0, 0, 8, 8, 12, 14]),
            (-9, [0, 0, 0, 7, 15, 15, 15]),
            (-19, [0, 0, 0, 13, 13, 13, 15]),
        ];
        let check = |code: i128, want: i128, signed, (o, n)| {
            let dst = ty(4, 4, signed, Quantization::Trn, o).with_sat_bits(n);
            assert_eq!(convert(code, 0, &dst), want, "{code} {dst:?}");
            assert_eq!(
                convert_big(&code.into(), 0, &dst),
                want.into(),
                "{code} {dst:?}"
            );
        };
        for (code, row) in signed {
            for (mode, want) in modes.into_iter().zip(row) {
                check(code, want, true, mode);
            }
        }
        for (code, row) in unsigned {
            for (mode, want) in modes.into_iter().zip(row) {
                check(code, want, false, mode);
            }
        }
    }

    #[test]
    fn ends_of_i128_agree_with_bignum() {
        let codes = [
            0,
            1,
            -1,
            i128::MAX,
            i128::MIN,
            i128::MAX - 1,
            i128::MIN + 1,
            1 << 126,
            -1 << 126,
            3 << 60,
        ];
        let overflows = [
            Overflow::Wrap,
            Overflow::Sat,
            Overflow::SatZero,
            Overflow::SatSym,
            Overflow::WrapSm,
        ];
        for code in codes {
            for frac in [-300, -129, -128, -127, -1, 0, 1, 126, 127, 128, 129, 300] {
                for width in [1, 2, 64, 126, 127, 128, 129, 200] {
                    for (o, signed) in overflows.into_iter().flat_map(|o| [(o, false), (o, true)]) {
                        for q in [Quantization::RndConv, Quantization::TrnZero] {
                            let dst = ty(width, 8, signed, q, o);
                            let dst = FixedType {
                                int_bits: width.cast_signed(),
                                ..dst
                            };
                            let big = convert_big(&code.into(), frac, &dst);
                            assert_eq!(
                                checked_convert(code, frac, &dst),
                                big.to_i128(),
                                "{code} {frac} {dst:?}"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn far_shifts_cost_nothing() {
        let far = FixedType::new(8, i32::MAX, true).with(Quantization::Trn, Overflow::Sat);
        assert_eq!(convert(-1, i32::MAX, &far), -1);
        let near = FixedType::new(8, i32::MIN, true).with(Quantization::Trn, Overflow::Sat);
        assert_eq!(convert(-1, i32::MIN, &near), -128);
        assert_eq!(
            convert_big(&BigInt::from(1), i32::MIN, &near),
            BigInt::from(127)
        );
        assert!(convert_big(&BigInt::zero(), i32::MIN, &near).is_zero());
    }
}
