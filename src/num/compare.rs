//! Comparisons as the headers make them.

use std::cmp::Ordering;

use super::{Code, Family, Fixed, FixedType, TooWide};

/// What the six comparison operators say of two values.
///
/// AP's `==` and its `<` may both hold: they go wrong in different widths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparison {
    /// What `<`, `>`, `<=` and `>=` say.
    pub order: Ordering,
    /// What `==` and `!=` say.
    pub equal: bool,
}

impl Fixed {
    /// Compares as the headers do.
    ///
    /// AC compares the values. AP does when both operands are signed or both are not; otherwise
    /// it compares the aligned codes as C++ does, where the unsigned side can win
    /// (`ap_fixed_base`'s comparisons on `ap_private`).
    ///
    /// # Errors
    /// [`TooWide`] when the points are too far apart to align the operands.
    pub fn compare(&self, family: Family, b: &Self) -> Result<Comparison, TooWide> {
        self.ty().sum(b.ty())?;
        let (x, y) = self.aligned(b);
        let exact = Comparison {
            order: x.cmp(&y),
            equal: x == y,
        };
        if family == Family::Ac || self.ty().signed == b.ty().signed {
            return Ok(exact);
        }
        let (left, right) = ap_widths(self.ty(), b.ty());
        let (unsigned, signed) = if b.ty().signed {
            (left, right)
        } else {
            (right, left)
        };
        let order = if (left < 32 && right < 32) || unsigned < signed {
            exact.order
        } else if x.is_negative() {
            Ordering::Greater
        } else if y.is_negative() {
            Ordering::Less
        } else {
            exact.order
        };
        let modulus = if left != right {
            left.max(right).max(32)
        } else {
            left.max(64)
        };
        let equal = low_bits(&x, modulus) == low_bits(&y, modulus);
        Ok(Comparison { order, equal })
    }
}

/// The widths AP compares in, once the points are aligned.
fn ap_widths(a: &FixedType, b: &FixedType) -> (u32, u32) {
    let up = b.frac_wide() - a.frac_wide();
    let by = u32::try_from(up.unsigned_abs()).expect("the sum's type bounds it");
    match up.signum() {
        0 => (a.width, b.width),
        1 => (a.width + by + 1, b.width),
        _ => (a.width, b.width + by),
    }
}

/// The code modulo `2^bits`.
fn low_bits(code: &Code, bits: u32) -> Code {
    let floor = code.shr(bits).shl(bits);
    code.clone() - floor
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(code: i128, ty: &str) -> Fixed {
        Fixed::new(code.into(), ty.parse().unwrap()).unwrap()
    }

    #[test]
    fn mixed_signs_as_printed_by_the_headers() {
        let both =
            |a: &Fixed, b: &Fixed| [Family::Ap, Family::Ac].map(|f| a.compare(f, b).unwrap());
        let [ap, ac] = both(&value(-2, "fixed<4,3>"), &value(2, "ufixed<4,3>"));
        assert_eq!((ap.order, ac.order), (Ordering::Less, Ordering::Less));
        for (a, b) in [
            (
                value(-1 << 31, "fixed<63,32>"),
                value(1 << 31, "ufixed<63,32>"),
            ),
            (
                value(-1 << 32, "fixed<64,32>"),
                value(1 << 32, "ufixed<64,32>"),
            ),
            (value(-1, "fixed<43,-8>"), value(13, "ufixed<4,12>")),
        ] {
            let [ap, ac] = both(&a, &b);
            assert_eq!((ap.order, ac.order), (Ordering::Greater, Ordering::Less));
        }
        let [ap, ac] = both(
            &value(-1, "fixed<8,8>"),
            &value((1 << 40) - 1, "ufixed<40,40>"),
        );
        assert_eq!((ap.equal, ac.equal), (true, false));
        let [ap, ac] = both(
            &value(-1, "fixed<32,32>"),
            &value((1 << 32) - 1, "ufixed<32,32>"),
        );
        assert_eq!((ap.equal, ac.equal), (false, false));
    }

    #[test]
    fn far_points_are_refused() {
        let a = Fixed::new(1.into(), FixedType::new(8, i32::MAX, true)).unwrap();
        let b = Fixed::new(1.into(), FixedType::new(8, i32::MIN, true)).unwrap();
        assert!(a.compare(Family::Ac, &b).is_err());
    }
}
