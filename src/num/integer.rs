//! To integers: `to_int` and its relatives.

use super::convert::convert_code;
use super::{Code, Family, Fixed, FixedType, Quantization};

impl Fixed {
    /// The header's conversion to an integer of `bits` bits: `to_int()`, `to_uint()`,
    /// `to_int64()`, `to_uint64()`.
    ///
    /// AP rounds toward zero, AC to the floor; then bits above the integer's are dropped. AP with
    /// I = 0 makes every negative value -1, because the step toward zero leaves its single
    /// integer bit. `None` for AP with I < 0, where the header reads an uninitialised variable.
    #[must_use]
    pub fn to_integer(&self, family: Family, bits: u32, signed: bool) -> Option<Code> {
        let width = i32::try_from(bits).expect("integers of fewer than 2^31 bits");
        let quantization = match family {
            Family::Ap if self.ty().int_bits < 0 => return None,
            Family::Ap if self.ty().int_bits > 0 => Quantization::TrnZero,
            Family::Ap | Family::Ac => Quantization::Trn,
        };
        let integer = FixedType {
            quantization,
            ..FixedType::new(bits, width, signed)
        };
        Some(convert_code(self.code(), self.ty().frac_wide(), &integer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Printed by programs compiled against the headers.
    #[test]
    fn to_int() {
        for (code, text, ap, ac) in [
            (-120, "fixed<8,4>", Some(-7), -8),
            (120, "fixed<8,4>", Some(7), 7),
            (-64, "fixed<8,0>", Some(-1), -1),
            (64, "ufixed<8,0>", Some(0), 0),
            (-32, "fixed<8,1>", Some(0), -1),
            (-64, "fixed<8,-1>", None, -1),
            (3, "fixed<4,34>", Some(-1_073_741_824), -1_073_741_824),
        ] {
            let x = Fixed::new(code.into(), text.parse().unwrap()).unwrap();
            assert_eq!(
                x.to_integer(Family::Ap, 32, true),
                ap.map(Code::from),
                "{text}"
            );
            assert_eq!(
                x.to_integer(Family::Ac, 32, true),
                Some(ac.into()),
                "{text}"
            );
        }
    }
}
