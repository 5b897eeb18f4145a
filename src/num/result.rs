//! The types of operators' results: exact widths, the same in both families.
//!
//! Rules of `ap_fixed_base::RType` and `ac_fixed::rt`; a result always has the default modes.

use super::{FixedType, MAX_WIDTH};

/// A result type beyond the widths that this crate handles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the result needs {width} bits, {int_bits} of them integer: at most {MAX_WIDTH} bits and 2^31 - 1 integer bits are handled"
)]
pub struct TooWide {
    /// W of the result.
    pub width: i64,
    /// I of the result.
    pub int_bits: i64,
}

impl FixedType {
    /// The type of `a + b`.
    ///
    /// # Errors
    /// [`TooWide`].
    pub fn sum(&self, b: &Self) -> Result<Self, TooWide> {
        self.aligned(b, self.signed || b.signed)
    }

    /// The type of `a - b`: always signed.
    ///
    /// # Errors
    /// [`TooWide`].
    pub fn difference(&self, b: &Self) -> Result<Self, TooWide> {
        self.aligned(b, true)
    }

    /// The type of `a * b`.
    ///
    /// # Errors
    /// [`TooWide`].
    pub fn product(&self, b: &Self) -> Result<Self, TooWide> {
        make(
            i64::from(self.width) + i64::from(b.width),
            i64::from(self.int_bits) + i64::from(b.int_bits),
            self.signed || b.signed,
        )
    }

    /// The type of `a / b`.
    ///
    /// # Errors
    /// [`TooWide`].
    pub fn quotient(&self, b: &Self) -> Result<Self, TooWide> {
        let sign = i64::from(b.signed);
        make(
            i64::from(self.width) + b.frac_wide().max(0) + sign,
            i64::from(self.int_bits) + b.frac_wide() + sign,
            self.signed || b.signed,
        )
    }

    /// The type of `-a`: always signed.
    ///
    /// # Errors
    /// [`TooWide`].
    pub fn negation(&self) -> Result<Self, TooWide> {
        make(
            i64::from(self.width) + 1,
            i64::from(self.int_bits) + 1,
            true,
        )
    }

    /// One bit more than both, with the points aligned.
    fn aligned(&self, b: &Self, signed: bool) -> Result<Self, TooWide> {
        let int =
            |x: &Self, other: &Self| i64::from(x.int_bits) + i64::from(other.signed && !x.signed);
        let int_bits = int(self, b).max(int(b, self)) + 1;
        let frac = self.frac_wide().max(b.frac_wide());
        make(int_bits + frac, int_bits, signed)
    }
}

fn make(width: i64, int_bits: i64, signed: bool) -> Result<FixedType, TooWide> {
    let refused = TooWide { width, int_bits };
    let bits = u32::try_from(width)
        .ok()
        .filter(|w| *w <= MAX_WIDTH)
        .ok_or(refused)?;
    let int_bits = i32::try_from(int_bits).map_err(|_| refused)?;
    Ok(FixedType::new(bits, int_bits, signed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ty(text: &str) -> FixedType {
        text.parse().unwrap()
    }

    /// The types g++ deduces for the operands named in the rule table.
    #[test]
    fn printed_by_the_headers() {
        let (a, u) = (ty("fixed<8,3>"), ty("ufixed<8,3>"));
        let (n, v) = (ty("fixed<6,-1>"), ty("ufixed<4,2>"));
        for (found, want) in [
            (a.sum(&u), "fixed<10,5>"),
            (a.difference(&u), "fixed<10,5>"),
            (u.difference(&v), "fixed<9,4>"),
            (v.difference(&v), "fixed<5,3>"),
            (u.sum(&v), "ufixed<9,4>"),
            (a.product(&u), "fixed<16,6>"),
            (a.product(&n), "fixed<14,2>"),
            (a.quotient(&u), "fixed<13,8>"),
            (u.quotient(&a), "fixed<14,9>"),
            (a.negation(), "fixed<9,4>"),
            (u.negation(), "fixed<9,4>"),
            (a.sum(&ty("ap_int<32>")), "fixed<38,33>"),
            (a.product(&ty("ap_int<32>")), "fixed<40,35>"),
            (ty("fixed<4,9>").quotient(&ty("ufixed<4,9>")), "fixed<4,4>"),
        ] {
            assert_eq!(found, Ok(ty(want)));
        }
    }

    #[test]
    fn far_points_are_refused() {
        let low = FixedType::new(8, -1_000_000_000, true);
        let high = FixedType::new(8, 1_000_000_000, true);
        assert!(low.sum(&high).is_err());
        assert!(low.difference(&high).is_err());
        assert!(high.quotient(&low).is_err());
        assert_eq!(low.product(&high), Ok(FixedType::new(16, 0, true)));
        let ends = FixedType::new(1, i32::MAX, true);
        assert!(ends.product(&ends).is_err());
        assert!(FixedType::new(65_536, 0, true).negation().is_err());
    }
}
