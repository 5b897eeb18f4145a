//! Overflow: the one table of all five modes, on two's complement bit patterns.

use std::ops::{BitAnd, BitOr, BitXor, Shl, Shr};

use num_bigint::BigUint;
use num_traits::{One, Zero};

use super::{FixedType, Overflow};

/// A bit pattern: `u128` on the fast path, `BigUint` for any width.
pub(super) trait Pattern:
    Clone
    + BitAnd<Output = Self>
    + BitOr<Output = Self>
    + BitXor<Output = Self>
    + Shl<u32, Output = Self>
    + Shr<u32, Output = Self>
{
    /// The pattern of `bits` ones.
    fn ones(bits: u32) -> Self;

    /// Bit number `at`, which lies inside the type.
    fn bit_at(&self, at: u32) -> bool;
}

impl Pattern for u128 {
    fn ones(bits: u32) -> Self {
        Self::MAX.checked_shr(128 - bits).unwrap_or(0)
    }

    fn bit_at(&self, at: u32) -> bool {
        self >> at & 1 == 1
    }
}

impl Pattern for BigUint {
    fn ones(bits: u32) -> Self {
        (Self::one() << bits) - Self::one()
    }

    fn bit_at(&self, at: u32) -> bool {
        self.bit(u64::from(at))
    }
}

/// What an out-of-range value becomes.
///
/// `wrapped` is the value modulo `2^W`, `neg` its sign before wrapping, `deleted` the lowest bit
/// of the source above the kept ones, taken before rounding (only `WRAP_SM` with N = 0 looks).
pub(super) fn replace<P: Pattern>(wrapped: P, neg: bool, deleted: bool, ty: &FixedType) -> P {
    let width = ty.width;
    let none = || P::ones(0);
    let sign_bit = || P::ones(width) ^ P::ones(width - 1);
    let lowest = || if ty.signed { sign_bit() } else { none() };
    let highest = || P::ones(width - u32::from(ty.signed));
    match ty.overflow {
        Overflow::Wrap => keep_saturation_bits(wrapped, neg, ty),
        Overflow::SatZero => none(),
        Overflow::Sat if neg => lowest(),
        Overflow::Sat => highest(),
        Overflow::SatSym if neg && ty.signed => lowest() | P::ones(1),
        Overflow::SatSym if neg => none(),
        Overflow::SatSym => highest(),
        Overflow::WrapSm => sign_magnitude(wrapped, neg, deleted, ty),
    }
}

/// `AP_WRAP`: the N top bits saturate, the rest wraps.
fn keep_saturation_bits<P: Pattern>(wrapped: P, neg: bool, ty: &FixedType) -> P {
    let n = ty.sat_bits.min(ty.width);
    if n == 0 {
        wrapped
    } else if ty.signed {
        with_top(wrapped, n, !neg, neg, ty.width)
    } else {
        wrapped | (P::ones(ty.width) ^ P::ones(ty.width - n))
    }
}

/// `AP_WRAP_SM`: the pattern is inverted when that keeps the magnitude's direction.
fn sign_magnitude<P: Pattern>(wrapped: P, neg: bool, deleted: bool, ty: &FixedType) -> P {
    let n = ty.sat_bits.min(ty.width);
    let top = wrapped.bit_at(ty.width - 1);
    let (sign, invert) = match n {
        0 => (deleted, deleted != top),
        1 => (neg, neg != top),
        _ => (neg, wrapped.bit_at(ty.width - n) == neg),
    };
    let bits = if invert {
        wrapped ^ P::ones(ty.width)
    } else {
        wrapped
    };
    with_top(bits, n, !neg, sign, ty.width)
}

/// `bits` with the sign bit and the `n - 1` bits below it replaced.
fn with_top<P: Pattern>(bits: P, n: u32, fill: bool, sign: bool, width: u32) -> P {
    let keep = width - n.max(1);
    let below = P::ones(width - 1) ^ P::ones(keep);
    let top = P::ones(width) ^ P::ones(width - 1);
    let mut out = bits & P::ones(keep);
    if fill {
        out = out | below;
    }
    if sign {
        out = out | top;
    }
    out
}

/// Whether a pattern of the type is a negative number.
pub(super) fn is_negative<P: Pattern>(bits: &P, ty: &FixedType) -> bool {
    ty.signed && bits.bit_at(ty.width - 1)
}

/// The number a pattern stands for, in any width.
pub(super) fn signed_value(bits: BigUint, ty: &FixedType) -> num_bigint::BigInt {
    use num_bigint::BigInt;
    if is_negative(&bits, ty) {
        BigInt::from(bits) - (BigInt::one() << ty.width)
    } else if bits.is_zero() {
        BigInt::zero()
    } else {
        BigInt::from(bits)
    }
}
