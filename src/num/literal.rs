//! C++ literals of codes and values.

use super::{Code, Fixed};

impl Code {
    /// A C++ integer expression of this value and of a type that holds it; `None` outside
    /// `-2^63 ..= 2^64 - 1`, beyond which C++ has no literals.
    ///
    /// ```
    /// use qk_hls::num::Code;
    /// assert_eq!(Code::from(-5).cpp_literal().unwrap(), "-5");
    /// assert_eq!(Code::from(1 << 40).cpp_literal().unwrap(), "1099511627776LL");
    /// ```
    #[must_use]
    pub fn cpp_literal(&self) -> Option<String> {
        let x = self.to_i128()?;
        if x == i128::from(i64::MIN) {
            // The digits alone, before the minus, fit no signed type.
            Some("(-9223372036854775807LL - 1)".into())
        } else if i32::try_from(x).is_ok() && x != i128::from(i32::MIN) {
            Some(x.to_string())
        } else if i64::try_from(x).is_ok() {
            Some(format!("{x}LL"))
        } else {
            u64::try_from(x).ok().map(|x| format!("{x}ULL"))
        }
    }
}

impl Fixed {
    /// A C++ `double` literal of exactly this value: the fewest digits that read back as it.
    ///
    /// `None` where no `double` has the value.
    ///
    /// ```
    /// use qk_hls::num::Fixed;
    /// let ty = "ap_fixed<6,-1>".parse().unwrap();
    /// let x = Fixed::new(19.into(), ty).unwrap();
    /// assert_eq!(x.cpp_literal().unwrap(), "0.1484375");
    /// ```
    #[must_use]
    pub fn cpp_literal(&self) -> Option<String> {
        self.exact_double().map(|x| format!("{x:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers() {
        for (x, want) in [
            (0, Some("0")),
            (i128::from(i32::MAX), Some("2147483647")),
            (i128::from(i32::MIN), Some("-2147483648LL")),
            (i128::from(i64::MAX), Some("9223372036854775807LL")),
            (i128::from(i64::MIN), Some("(-9223372036854775807LL - 1)")),
            (1 << 63, Some("9223372036854775808ULL")),
            (i128::from(u64::MAX), Some("18446744073709551615ULL")),
            (1 << 64, None),
            (i128::from(i64::MIN) - 1, None),
        ] {
            assert_eq!(Code::from(x).cpp_literal().as_deref(), want);
        }
    }

    #[test]
    fn doubles() {
        for (code, ty, want) in [
            (3, "fixed<4,4>", Some("3.0")),
            (-1, "fixed<4,-40>", Some("-5.684341886080802e-14")),
            (1, "fixed<2,200>", Some("4.017345110647476e59")),
            ((1 << 54) + 1, "fixed<60,0>", None),
        ] {
            let x = Fixed::new(code.into(), ty.parse().unwrap()).unwrap();
            assert_eq!(x.cpp_literal().as_deref(), want, "{ty}");
        }
    }
}
