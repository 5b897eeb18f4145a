//! Values with a type, and what the headers' operators make of them.

use super::convert::convert_code;
use super::result::TooWide;
use super::{Code, Family, FixedType, Overflow};

/// A fixed-point value: a code that its type can store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fixed {
    code: Code,
    ty: FixedType,
}

/// Why an operator has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ArithmeticError {
    /// The result type is beyond what is handled.
    #[error(transparent)]
    TooWide(#[from] TooWide),
    /// The headers' division traps.
    #[error("division by zero")]
    DivisionByZero,
}

impl Fixed {
    /// The value of a code; `None` when `ty` cannot store it.
    ///
    /// `SAT_SYM` types can store their minimum: bits written into a variable may hold it.
    #[must_use]
    pub fn new(code: Code, ty: FixedType) -> Option<Self> {
        ty.stores(&code).then_some(Self { code, ty })
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> &Code {
        &self.code
    }

    /// The type.
    #[must_use]
    pub fn ty(&self) -> &FixedType {
        &self.ty
    }

    /// The value assigned to a variable of type `to`.
    ///
    /// This is [`convert`](super::convert()) with two exceptions, both about the minimum of a `SAT_SYM`
    /// type, which only bit access can make: the same type is copied as it is, and AC takes it
    /// for granted that an operand of another `SAT_SYM` type is not the minimum.
    #[must_use]
    pub fn cast(&self, family: Family, to: &FixedType) -> Self {
        let assumes_no_minimum = family == Family::Ac
            && [&self.ty, to].map(|ty| (ty.overflow, ty.signed)) == [(Overflow::SatSym, true); 2]
            && self.ty.frac_wide() <= to.frac_wide()
            && self.ty.int_bits <= to.int_bits;
        let code = if self.ty == *to {
            self.code.clone()
        } else if assumes_no_minimum {
            convert_code(&self.code, self.ty.frac_wide(), &to.plain())
        } else {
            convert_code(&self.code, self.ty.frac_wide(), to)
        };
        Self { code, ty: *to }
    }

    /// `a + b`, exact.
    ///
    /// # Errors
    /// [`TooWide`].
    pub fn add(&self, b: &Self) -> Result<Self, TooWide> {
        let ty = self.ty.sum(&b.ty)?;
        let (x, y) = self.aligned(b);
        Ok(Self { code: x + y, ty })
    }

    /// `a - b`, exact.
    ///
    /// # Errors
    /// [`TooWide`].
    pub fn sub(&self, b: &Self) -> Result<Self, TooWide> {
        let ty = self.ty.difference(&b.ty)?;
        let (x, y) = self.aligned(b);
        Ok(Self { code: x - y, ty })
    }

    /// `a * b`, exact.
    ///
    /// # Errors
    /// [`TooWide`].
    pub fn mul(&self, b: &Self) -> Result<Self, TooWide> {
        let ty = self.ty.product(&b.ty)?;
        let code = self.code.clone() * b.code.clone();
        Ok(Self { code, ty })
    }

    /// `-a`, exact.
    ///
    /// # Errors
    /// [`TooWide`].
    pub fn neg(&self) -> Result<Self, TooWide> {
        let ty = self.ty.negation()?;
        Ok(Self {
            code: -self.code.clone(),
            ty,
        })
    }

    /// `a / b`: the quotient of the codes, `a`'s moved up by `b`'s fraction bits, toward zero.
    ///
    /// AP computes it in the width of its wider operand, so that the minimum over -1 may stay the
    /// minimum (`ap_fixed_base::operator/`); AC's result is the quotient always.
    ///
    /// # Errors
    /// [`ArithmeticError::DivisionByZero`], where the headers trap, or [`TooWide`].
    pub fn div(&self, family: Family, b: &Self) -> Result<Self, ArithmeticError> {
        let ty = self.ty.quotient(&b.ty)?;
        let up = u32::try_from(b.ty.frac_wide().max(0)).expect("within the result's width");
        let quotient = self
            .code
            .shl(up)
            .div(&b.code)
            .ok_or(ArithmeticError::DivisionByZero)?;
        let code = match family {
            Family::Ac => quotient,
            Family::Ap => {
                let left = self.ty.width + up + u32::from(b.ty.signed && !self.ty.signed);
                let right = b.ty.width + u32::from(self.ty.signed && !b.ty.signed);
                FixedType::new(left.max(right), 0, ty.signed).wrap(&quotient)
            }
        };
        Ok(Self { code, ty })
    }

    /// `a << count` in `a`'s type: bits leave at the top without saturation. A negative count
    /// shifts right.
    #[must_use]
    pub fn shl(&self, count: i64) -> Self {
        let by = u32::try_from(count.unsigned_abs())
            .unwrap_or(u32::MAX)
            .min(self.ty.width);
        let code = if count < 0 {
            self.code.shr(by)
        } else {
            self.ty.wrap(&self.code.shl(by))
        };
        Self { code, ty: self.ty }
    }

    /// `a >> count` in `a`'s type: bits leave at the bottom without rounding. A negative count
    /// shifts left.
    #[must_use]
    pub fn shr(&self, count: i64) -> Self {
        self.shl(count.saturating_neg())
    }

    /// Both codes with the finer of the two steps, whose distance a result type has bounded.
    pub(super) fn aligned(&self, b: &Self) -> (Code, Code) {
        let up = b.ty.frac_wide() - self.ty.frac_wide();
        let by = u32::try_from(up.unsigned_abs()).expect("within the result's width");
        if up > 0 {
            (self.code.shl(by), b.code.clone())
        } else {
            (self.code.clone(), b.code.shl(by))
        }
    }
}

impl FixedType {
    /// Whether the type's bits can hold the code.
    #[must_use]
    pub fn stores(&self, code: &Code) -> bool {
        if code.is_negative() {
            // -2^(W-1) is the last one.
            self.signed && (code.clone() + 1.into()).bits() < u64::from(self.width)
        } else {
            code.bits() <= u64::from(self.width - u32::from(self.signed))
        }
    }

    /// The code modulo `2^W`, whatever the overflow mode.
    fn wrap(&self, code: &Code) -> Code {
        let integer = FixedType::new(self.width, 0, self.signed);
        convert_code(code, i64::from(self.width), &integer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(code: i128, ty: &str) -> Fixed {
        Fixed::new(code.into(), ty.parse().unwrap()).unwrap()
    }

    /// 1.5, 2.25, 19/128 and 3.75 in the operations whose results g++ printed.
    #[test]
    fn printed_by_the_headers() {
        let (a, u) = (value(48, "fixed<8,3>"), value(72, "ufixed<8,3>"));
        let (n, v) = (value(19, "fixed<6,-1>"), value(15, "ufixed<4,2>"));
        let div = |x: &Fixed, y: &Fixed| x.div(Family::Ap, y).unwrap();
        for (found, want) in [
            (a.add(&u).unwrap(), 120),
            (a.sub(&u).unwrap(), -24),
            (u.sub(&a).unwrap(), 24),
            (u.sub(&v).unwrap(), -48),
            (v.sub(&v).unwrap(), 0),
            (a.mul(&u).unwrap(), 3456),
            (a.mul(&n).unwrap(), 912),
            (div(&a, &u), 21),
            (div(&u, &a), 48),
            (a.neg().unwrap(), -48),
            (u.neg().unwrap(), -72),
            (a.shl(1), 96),
            (a.shl(2), -64),
            (a.shr(1), 24),
            (a.shl(-1), 24),
            (a.shr(-1), 96),
            (a.shl(8), 0),
            (a.shl(i64::MAX), 0),
            (a.neg().unwrap().shr(i64::MAX), -1),
            (a.neg().unwrap().shl(i64::MIN), -1),
        ] {
            assert_eq!(found.code, want.into(), "{found:?}");
            assert!(found.ty.stores(&found.code));
        }
    }

    #[test]
    fn minimum_over_minus_one() {
        let (x, y) = (value(-8, "fixed<4,4>"), value(-1, "fixed<4,4>"));
        assert_eq!(x.div(Family::Ap, &y).unwrap().code, (-8).into());
        assert_eq!(x.div(Family::Ac, &y).unwrap().code, 8.into());
        let zero = value(0, "fixed<4,4>");
        assert_eq!(
            x.div(Family::Ac, &zero),
            Err(ArithmeticError::DivisionByZero)
        );
    }

    #[test]
    fn stored_minimum_of_symmetric_types() {
        let x = value(-8, "ap_fixed<4,4,AP_TRN,AP_SAT_SYM>");
        assert_eq!(x.cast(Family::Ap, &x.ty).code, (-8).into());
        let plain = value(-8, "fixed<4,4>");
        assert_eq!(plain.cast(Family::Ap, &x.ty).code, (-7).into());
        let wide = "ac_fixed<6,4,true,AC_TRN,AC_SAT_SYM>".parse().unwrap();
        let x = value(-16, "ac_fixed<5,4,true,AC_TRN,AC_SAT_SYM>");
        assert_eq!(x.cast(Family::Ac, &wide).code, (-32).into());
        assert_eq!(x.cast(Family::Ap, &wide).code, (-31).into());
    }

    #[test]
    fn what_types_store() {
        let signed = FixedType::new(4, 4, true);
        let unsigned = FixedType::new(4, 4, false);
        let bit = FixedType::new(1, 1, true);
        let wide = FixedType::new(129, 0, true);
        let big = Code::from(1).shl(128);
        for (ty, code, stores) in [
            (signed, Code::from(7), true),
            (signed, 8.into(), false),
            (signed, (-8).into(), true),
            (signed, (-9).into(), false),
            (unsigned, 15.into(), true),
            (unsigned, 16.into(), false),
            (unsigned, (-1).into(), false),
            (bit, (-1).into(), true),
            (bit, 1.into(), false),
            (wide, big.clone(), false),
            (wide, -big, true),
        ] {
            assert_eq!(ty.stores(&code), stores, "{ty} {code}");
        }
    }
}
