//! The machine integers that codes are stored and computed in.

use std::ops::{BitAnd, BitOr, Shl, Shr};

/// Arithmetic modulo `2^BITS`: exact wherever the proven range of the result fits.
pub trait Int:
    Copy
    + Ord
    + Default
    + Send
    + Sync
    + std::fmt::Debug
    + Shl<u32, Output = Self>
    + Shr<u32, Output = Self>
    + BitAnd<Output = Self>
    + BitOr<Output = Self>
    + 'static
{
    /// Width.
    const BITS: u32;

    /// The low bits of `x`.
    fn wrap(x: i128) -> Self;
    /// The nearest value.
    fn saturate(x: i128) -> Self;
    /// The same number, widest.
    fn wide(self) -> i128;
    /// Low 32 bits.
    fn low(self) -> u32;
    /// Low 64 bits.
    fn low64(self) -> i64;
    /// The low bits of a sign-extended `x`.
    fn of_i32(x: i32) -> Self;
    /// The low bits of a sign-extended `x`.
    fn of_i64(x: i64) -> Self;
    /// The low bits, or the same number, in another integer.
    #[inline(always)]
    #[must_use]
    fn cast<T: Int>(self) -> T {
        match Self::BITS {
            0..=32 => T::of_i32(self.low().cast_signed()),
            33..=64 => T::of_i64(self.low64()),
            _ => T::wrap(self.wide()),
        }
    }
    /// Sum.
    fn plus(self, other: Self) -> Self;
    /// Difference.
    fn minus(self, other: Self) -> Self;
    /// Product.
    fn times(self, other: Self) -> Self;
    /// 1 or 0.
    fn of_bool(x: bool) -> Self;
    /// The same rows, where the integer is the 32-bit one.
    fn narrow(_rows: &mut [Self]) -> Option<&mut [i32]> {
        None
    }
}

macro_rules! int {
    ($($t:ident $({ $($own:item)* })?)*) => {$(
        #[expect(clippy::cast_possible_truncation, clippy::cast_lossless, clippy::cast_sign_loss,
            reason = "truncation is the meaning: arithmetic modulo a power of two")]
        impl Int for $t {
            const BITS: u32 = $t::BITS;

            #[inline(always)]
            fn wrap(x: i128) -> Self {
                x as $t
            }
            #[inline(always)]
            fn saturate(x: i128) -> Self {
                x.clamp($t::MIN as i128, $t::MAX as i128) as $t
            }
            #[inline(always)]
            fn wide(self) -> i128 {
                self as i128
            }
            #[inline(always)]
            fn low(self) -> u32 {
                self as u32
            }
            #[inline(always)]
            fn low64(self) -> i64 {
                self as i64
            }
            #[inline(always)]
            fn of_i32(x: i32) -> Self {
                x as $t
            }
            #[inline(always)]
            fn of_i64(x: i64) -> Self {
                x as $t
            }
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            #[inline(always)]
            fn minus(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
            #[inline(always)]
            fn times(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
            #[inline(always)]
            fn of_bool(x: bool) -> Self {
                x as $t
            }
            $($($own)*)?
        }
    )*};
}
int!(i8 i16 i32 {
    #[inline(always)]
    fn narrow(rows: &mut [Self]) -> Option<&mut [i32]> {
        Some(rows)
    }
} i64 i128);
