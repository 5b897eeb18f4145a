//! Run-time fixed-point types.

/// The two header families, whose rules differ in a few places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// `ap_fixed` of Vivado and Vitis HLS.
    Ap,
    /// `ac_fixed` of Catapult.
    Ac,
}

/// What happens to the bits below the destination's last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Quantization {
    /// Toward minus infinity.
    #[default]
    Trn,
    /// Toward zero.
    TrnZero,
    /// To nearest, ties toward plus infinity.
    Rnd,
    /// To nearest, ties toward zero.
    RndZero,
    /// To nearest, ties away from zero.
    RndInf,
    /// To nearest, ties toward minus infinity.
    RndMinInf,
    /// To nearest, ties to even.
    RndConv,
    /// To nearest, ties to odd (AC only).
    RndConvOdd,
}

/// What happens to values outside the destination's range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Overflow {
    /// Modulo `2^W`; AP may keep saturation bits.
    #[default]
    Wrap,
    /// To the nearest limit.
    Sat,
    /// To zero.
    SatZero,
    /// To the nearest limit, the lowest code excluded.
    SatSym,
    /// Sign-magnitude wrap (AP only).
    WrapSm,
}

/// A fixed-point type: a code `r` of `width` bits stands for `r * 2^(int_bits - width)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FixedType {
    /// W: all bits, at least 1.
    pub width: u32,
    /// I: integer bits, the sign bit included; may be negative or above the width.
    pub int_bits: i32,
    /// Two's complement or unsigned.
    pub signed: bool,
    /// Applied when a value is converted into the type.
    pub quantization: Quantization,
    /// Applied when a value is converted into the type.
    pub overflow: Overflow,
    /// N, the saturation bits of the AP wrap modes.
    pub sat_bits: u32,
}

impl FixedType {
    /// Fraction bits, `W - I`.
    #[must_use]
    pub fn frac(&self) -> i32 {
        i32::try_from(i64::from(self.width) - i64::from(self.int_bits)).unwrap_or(i32::MAX)
    }
}
