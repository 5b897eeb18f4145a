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
    /// A type with the default modes: truncate and wrap.
    #[must_use]
    pub fn new(width: u32, int_bits: i32, signed: bool) -> Self {
        Self {
            width,
            int_bits,
            signed,
            quantization: Quantization::Trn,
            overflow: Overflow::Wrap,
            sat_bits: 0,
        }
    }

    /// The type with other modes.
    #[must_use]
    pub fn with(self, quantization: Quantization, overflow: Overflow) -> Self {
        Self {
            quantization,
            overflow,
            ..self
        }
    }

    /// The type with N saturation bits.
    #[must_use]
    pub fn with_sat_bits(self, sat_bits: u32) -> Self {
        Self { sat_bits, ..self }
    }

    /// The type with the default modes, as every operator's result has.
    #[must_use]
    pub fn plain(self) -> Self {
        Self::new(self.width, self.int_bits, self.signed)
    }

    /// Fraction bits, `W - I`; [`frac_wide`](Self::frac_wide) where `I` may be near the ends of `i32`.
    #[must_use]
    pub fn frac(&self) -> i32 {
        i32::try_from(self.frac_wide()).unwrap_or(i32::MAX)
    }

    /// Fraction bits, `W - I`, without a bound.
    #[must_use]
    pub fn frac_wide(&self) -> i64 {
        i64::from(self.width) - i64::from(self.int_bits)
    }

    /// The lowest code that can be stored: `-2^(W-1)`, or 0.
    ///
    /// `None` when it does not fit `i128`. `SAT_SYM` types can store it, but no conversion makes it.
    #[must_use]
    pub fn min_raw(&self) -> Option<i128> {
        if !self.signed {
            return Some(0);
        }
        (self.width <= 128).then(|| -1 << (self.width - 1))
    }

    /// The highest code: `2^(W-1) - 1`, or `2^W - 1`; `None` when it does not fit `i128`.
    #[must_use]
    pub fn max_raw(&self) -> Option<i128> {
        let bits = self.width - u32::from(self.signed);
        (bits <= 127).then(|| i128::MAX >> (127 - bits))
    }
}
