//! C++ spellings of types and constants.

use crate::ir::Range;
use crate::num::{Family, FixedType, Overflow, Quantization};

/// The integer type that holds every code of `range`.
pub(crate) fn integer(range: Range, family: Family) -> String {
    let (width, signed) = (range.width(), range.signed());
    match (family, signed) {
        (Family::Ap, true) => format!("ap_int<{width}>"),
        (Family::Ap, false) => format!("ap_uint<{width}>"),
        (Family::Ac, _) => format!("ac_int<{width}, {signed}>"),
    }
}

/// The signed integer type that holds every code of `range`: for comparisons, which are only safe
/// between operands of one signedness.
pub(crate) fn signed_integer(range: Range, family: Family) -> String {
    integer(range.hull(Range::point(-1)), family)
}

/// The fixed-point type; `None` when the family has no such mode or the two families do not give
/// it one meaning.
pub(crate) fn fixed(ty: &FixedType, family: Family) -> Option<String> {
    let quantization = match ty.quantization {
        Quantization::Trn => "TRN",
        Quantization::TrnZero => "TRN_ZERO",
        Quantization::Rnd => "RND",
        Quantization::RndZero => "RND_ZERO",
        Quantization::RndInf => "RND_INF",
        Quantization::RndMinInf => "RND_MIN_INF",
        Quantization::RndConv => "RND_CONV",
        Quantization::RndConvOdd => return None,
    };
    let overflow = match (ty.overflow, ty.sat_bits) {
        (Overflow::Wrap, 0) => "WRAP",
        (Overflow::Wrap, _) | (Overflow::WrapSm, _) => return None,
        (Overflow::Sat, _) => "SAT",
        (Overflow::SatZero, _) => "SAT_ZERO",
        (Overflow::SatSym, _) => "SAT_SYM",
    };
    let (width, int_bits, signed) = (ty.width, ty.int_bits, ty.signed);
    let (head, prefix) = match family {
        Family::Ap if signed => (format!("ap_fixed<{width}, {int_bits}"), "AP"),
        Family::Ap => (format!("ap_ufixed<{width}, {int_bits}"), "AP"),
        Family::Ac => (format!("ac_fixed<{width}, {int_bits}, {signed}"), "AC"),
    };
    Some(match (quantization, overflow) {
        ("TRN", "WRAP") => format!("{head}>"),
        (q, "WRAP") => format!("{head}, {prefix}_{q}>"),
        (q, o) => format!("{head}, {prefix}_{q}, {prefix}_{o}>"),
    })
}

/// The smallest C type whose constants hold every code of `range`, as constant arrays store them.
pub(crate) fn storage(range: Range) -> &'static str {
    match (range.signed(), range.width()) {
        (true, ..=8) => "signed char",
        (false, ..=8) => "unsigned char",
        (true, ..=16) => "short",
        (false, ..=16) => "unsigned short",
        (true, ..=32) => "int",
        (false, ..=32) => "unsigned",
        (true, ..=64) => "long long",
        (false, ..=64) => "unsigned long long",
        _ => "nnet::wide",
    }
}

/// A code as an initialiser of [`storage`] of a range that contains it.
pub(crate) fn literal(code: i128, storage: &str) -> String {
    match storage {
        "nnet::wide" => {
            let hi = i64::try_from(code >> 64).expect("a code has at most 127 bits");
            format!("{{{}, {}ULL}}", long_long(hi), code & i128::from(u64::MAX))
        }
        "long long" => long_long(i64::try_from(code).expect("the storage holds the code")),
        "unsigned long long" => format!("{code}ULL"),
        "unsigned" => format!("{code}u"),
        _ => code.to_string(),
    }
}

/// C++ has no literal for the lowest `long long`.
fn long_long(value: i64) -> String {
    if value == i64::MIN {
        format!("({}LL - 1)", value + 1)
    } else {
        format!("{value}LL")
    }
}

/// The inside of a string literal: what is not printable ASCII as octal bytes, which, unlike
/// hexadecimal ones, end after three digits.
pub(crate) fn text(name: &str) -> String {
    name.bytes().fold(String::new(), |mut text, byte| {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(byte)]),
            // Two of them begin a trigraph.
            b'?' => text.push_str("\\?"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\{byte:03o}")),
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ty(quantization: Quantization, overflow: Overflow) -> FixedType {
        FixedType {
            width: 6,
            int_bits: 2,
            signed: true,
            quantization,
            overflow,
            sat_bits: 0,
        }
    }

    #[test]
    fn fixed_types() {
        let plain = ty(Quantization::Trn, Overflow::Wrap);
        assert_eq!(fixed(&plain, Family::Ap).unwrap(), "ap_fixed<6, 2>");
        assert_eq!(fixed(&plain, Family::Ac).unwrap(), "ac_fixed<6, 2, true>");
        let sat = ty(Quantization::RndConv, Overflow::SatSym);
        assert_eq!(
            fixed(&sat, Family::Ap).unwrap(),
            "ap_fixed<6, 2, AP_RND_CONV, AP_SAT_SYM>"
        );
        let odd = ty(Quantization::RndConvOdd, Overflow::Sat);
        assert_eq!(fixed(&odd, Family::Ac), None);
    }

    #[test]
    fn texts() {
        assert_eq!(text("fc/1"), "fc/1");
        assert_eq!(text("a\"\\?\u{e4}1"), "a\\\"\\\\\\?\\303\\2441");
    }

    #[test]
    fn extreme_literals() {
        let s = storage(Range {
            lo: i128::from(i64::MIN),
            hi: 0,
        });
        assert_eq!(
            literal(i128::from(i64::MIN), s),
            "(-9223372036854775807LL - 1)"
        );
        assert_eq!(literal(-1, "nnet::wide"), "{-1LL, 18446744073709551615ULL}");
    }
}
