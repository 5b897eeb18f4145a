//! Type names: `ap_fixed<8,3,AP_RND,AP_SAT>` and its relatives, read and written.

use std::fmt;
use std::str::FromStr;

use super::{Family, FixedType, MAX_WIDTH, Overflow, Quantization};

/// A type name that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}`, character {}: {message}", .at + 1)]
pub struct ParseTypeError {
    /// The whole text.
    pub text: String,
    /// Where the fault starts, in characters from 0; the text's length when it ends too early.
    pub at: usize,
    /// What was expected.
    pub message: String,
}

impl ParseTypeError {
    /// The text and, on the line below, a caret under the fault.
    #[must_use]
    pub fn pointer(&self) -> String {
        format!("{}\n{:>width$}", self.text, '^', width = self.at + 1)
    }
}

/// The families of names.
#[derive(Debug, Clone, Copy)]
enum Name {
    ApFixed { signed: bool },
    ApInt { signed: bool },
    AcFixed,
    AcInt,
    Short { signed: bool },
}

const NAMES: [(&str, Name); 8] = [
    ("ap_fixed", Name::ApFixed { signed: true }),
    ("ap_ufixed", Name::ApFixed { signed: false }),
    ("ap_int", Name::ApInt { signed: true }),
    ("ap_uint", Name::ApInt { signed: false }),
    ("ac_fixed", Name::AcFixed),
    ("ac_int", Name::AcInt),
    ("fixed", Name::Short { signed: true }),
    ("ufixed", Name::Short { signed: false }),
];

/// Largest distance of the binary point that is read.
const MAX_INT_BITS: i64 = 1_000_000_000;

/// A type together with the family its name belongs to; `fixed` and `ufixed` belong to none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedType {
    /// The type.
    pub ty: FixedType,
    /// The family of the name.
    pub family: Option<Family>,
}

impl FromStr for FixedType {
    type Err = ParseTypeError;

    /// Reads every spelling of [`NamedType`].
    fn from_str(text: &str) -> Result<Self, ParseTypeError> {
        Ok(text.parse::<NamedType>()?.ty)
    }
}

impl FromStr for NamedType {
    type Err = ParseTypeError;

    /// Reads `ap_fixed<W,I[,Q[,O[,N]]]>`, `ap_ufixed<...>`, `ac_fixed<W,I,S[,Q[,O]]>`,
    /// `ap_int<W>`, `ap_uint<W>`, `ac_int<W,S>`, and the short `fixed<W,I[,Q[,O]]>`, `ufixed<...>`
    /// with the modes both families have. The prefix of a mode name may be left out.
    fn from_str(text: &str) -> Result<Self, ParseTypeError> {
        let mut fields = Fields::split(text)?;
        let name = fields.name.clone();
        let Some(&(_, kind)) = NAMES.iter().find(|(known, _)| *known == name.text) else {
            let known: Vec<_> = NAMES.iter().map(|(known, _)| *known).collect();
            let message = format!(
                "unknown type `{}`, expected {}",
                name.text,
                known.join(", ")
            );
            return Err(fields.error(name.at, message));
        };
        let width_field = fields.take("the width")?;
        let width = fields.number(&width_field, 1, i64::from(MAX_WIDTH))?;
        let width = u32::try_from(width).expect("within MAX_WIDTH");
        let (family, mode_family) = match kind {
            Name::ApFixed { .. } | Name::ApInt { .. } => (Some(Family::Ap), Family::Ap),
            Name::AcFixed | Name::AcInt => (Some(Family::Ac), Family::Ac),
            Name::Short { .. } => (None, Family::Ap),
        };
        let int_bits = match kind {
            Name::ApInt { .. } | Name::AcInt => i64::from(width),
            Name::ApFixed { .. } | Name::AcFixed | Name::Short { .. } => {
                let field = fields.take("the integer bits")?;
                fields.number(&field, -MAX_INT_BITS, MAX_INT_BITS)?
            }
        };
        let signed = match kind {
            Name::ApFixed { signed } | Name::ApInt { signed } | Name::Short { signed } => signed,
            Name::AcFixed | Name::AcInt => fields.sign()?,
        };
        let int_bits = i32::try_from(int_bits).expect("within MAX_INT_BITS");
        let mut ty = FixedType::new(width, int_bits, signed);
        if !matches!(kind, Name::ApInt { .. } | Name::AcInt) {
            fields.modes(&mut ty, mode_family, family.is_none())?;
        }
        if matches!(kind, Name::ApFixed { .. })
            && let Some(field) = fields.next()
        {
            let n = fields.number(&field, 0, i64::from(width))?;
            ty.sat_bits = u32::try_from(n).expect("at most the width");
        }
        if let Some(field) = fields.next() {
            return Err(fields.error(field.at, "one parameter too many"));
        }
        Ok(Self { ty, family })
    }
}

/// A piece of the text, trimmed, and where it starts.
#[derive(Debug, Clone)]
struct Field {
    text: String,
    at: usize,
}

/// A type name cut into its pieces.
struct Fields<'a> {
    whole: &'a str,
    name: Field,
    rest: std::vec::IntoIter<Field>,
    close: usize,
}

impl<'a> Fields<'a> {
    fn split(whole: &'a str) -> Result<Self, ParseTypeError> {
        let chars: Vec<char> = whole.chars().collect();
        let fail = |at: usize, message: &str| {
            Err(ParseTypeError {
                text: whole.into(),
                at,
                message: message.into(),
            })
        };
        let piece = |from: usize, to: usize| {
            let blank = chars[from..to].iter().take_while(|c| c.is_whitespace());
            let at = from + blank.count();
            let text: String = chars[at..to].iter().collect();
            Field {
                text: text.trim_end().into(),
                at,
            }
        };
        let find = |c: char| chars.iter().position(|&x| x == c);
        let Some(open) = find('<') else {
            return fail(chars.len(), "expected `<` and the parameters");
        };
        let Some(close) = find('>') else {
            return fail(chars.len(), "expected `>`");
        };
        if close < open {
            return fail(close, "expected `<` before `>`");
        }
        let after = piece(close + 1, chars.len());
        if !after.text.is_empty() {
            return fail(after.at, "expected nothing after `>`");
        }
        let mut rest = Vec::new();
        let mut from = open + 1;
        for at in (from..=close).filter(|&at| at == close || chars[at] == ',') {
            rest.push(piece(from, at));
            from = at + 1;
        }
        Ok(Self {
            whole,
            name: piece(0, open),
            rest: rest.into_iter(),
            close,
        })
    }

    fn error(&self, at: usize, message: impl Into<String>) -> ParseTypeError {
        ParseTypeError {
            text: self.whole.into(),
            at,
            message: message.into(),
        }
    }

    fn next(&mut self) -> Option<Field> {
        self.rest.next()
    }

    fn take(&mut self, what: &str) -> Result<Field, ParseTypeError> {
        self.next()
            .ok_or_else(|| self.error(self.close, format!("expected {what}")))
    }

    fn number(&self, field: &Field, lo: i64, hi: i64) -> Result<i64, ParseTypeError> {
        let found = field.text.parse::<i64>();
        found.ok().filter(|n| (lo..=hi).contains(n)).ok_or_else(|| {
            let message = format!("`{}`: expected an integer {lo} to {hi}", field.text);
            self.error(field.at, message)
        })
    }

    fn sign(&mut self) -> Result<bool, ParseTypeError> {
        let field = self.take("the sign, `true` or `false`")?;
        match field.text.as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            found => Err(self.error(
                field.at,
                format!("`{found}`: expected the sign, `true` or `false`"),
            )),
        }
    }

    fn modes(
        &mut self,
        ty: &mut FixedType,
        family: Family,
        common_only: bool,
    ) -> Result<(), ParseTypeError> {
        if let Some(field) = self.next() {
            let mode = family.quantization(&field.text);
            ty.quantization = mode.map_err(|message| self.error(field.at, message))?;
        }
        if let Some(field) = self.next() {
            let mode = family.overflow(&field.text);
            ty.overflow = mode.map_err(|message| self.error(field.at, message))?;
            if ty.overflow == Overflow::WrapSm && (common_only || !ty.signed) {
                return Err(self.error(field.at, "AP_WRAP_SM needs a signed ap_fixed"));
            }
        }
        Ok(())
    }
}

/// The AP spelling, `ap_fixed<8,3,AP_RND,AP_SAT>`; default modes are left out.
///
/// A type with `RND_CONV_ODD`, which AP lacks, is written in AC's spelling.
impl fmt::Display for FixedType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !Family::Ap.has_quantization(self.quantization) {
            return self.display_ac().fmt(f);
        }
        let unsigned = if self.signed { "" } else { "u" };
        write!(f, "ap_{unsigned}fixed<{},{}", self.width, self.int_bits)?;
        write_modes(f, self, Family::Ap)?;
        if self.sat_bits != 0 {
            if self.overflow == Overflow::Wrap {
                if self.quantization == Quantization::Trn {
                    write!(f, ",AP_TRN")?;
                }
                write!(f, ",AP_WRAP")?;
            }
            write!(f, ",{}", self.sat_bits)?;
        }
        write!(f, ">")
    }
}

/// Writes `,Q,O` as far as they differ from the defaults.
fn write_modes(f: &mut fmt::Formatter<'_>, ty: &FixedType, family: Family) -> fmt::Result {
    let prefix = family.prefix();
    let wraps = ty.overflow == Overflow::Wrap;
    if ty.quantization != Quantization::Trn || !wraps {
        write!(f, ",{prefix}_{}", ty.quantization.name())?;
    }
    if !wraps {
        write!(f, ",{prefix}_{}", ty.overflow.name())?;
    }
    Ok(())
}

/// A type in AC's spelling; made by [`FixedType::display_ac`].
#[derive(Debug, Clone, Copy)]
pub struct AcSpelling(FixedType);

impl fmt::Display for AcSpelling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(ty) = self;
        write!(f, "ac_fixed<{},{},{}", ty.width, ty.int_bits, ty.signed)?;
        write_modes(f, ty, Family::Ac)?;
        write!(f, ">")
    }
}

impl FixedType {
    /// The AC spelling, `ac_fixed<8,3,true,AC_RND,AC_SAT>`; default modes are left out.
    ///
    /// Saturation bits, which AC lacks, are not written: [`Family::check`] says whether a type
    /// exists in AC.
    #[must_use]
    pub fn display_ac(self) -> AcSpelling {
        AcSpelling(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        for (text, ap, ac) in [
            ("fixed<8,3>", "ap_fixed<8,3>", "ac_fixed<8,3,true>"),
            ("ufixed<8,-3>", "ap_ufixed<8,-3>", "ac_fixed<8,-3,false>"),
            ("ap_int<5>", "ap_fixed<5,5>", "ac_fixed<5,5,true>"),
            ("ap_uint<5>", "ap_ufixed<5,5>", "ac_fixed<5,5,false>"),
            (" ac_int< 5 , 0 >", "ap_ufixed<5,5>", "ac_fixed<5,5,false>"),
            (
                "ap_fixed<8, 3, AP_RND_CONV, AP_SAT_SYM>",
                "ap_fixed<8,3,AP_RND_CONV,AP_SAT_SYM>",
                "ac_fixed<8,3,true,AC_RND_CONV,AC_SAT_SYM>",
            ),
            (
                "ap_fixed<8,30,AP_TRN,AP_SAT>",
                "ap_fixed<8,30,AP_TRN,AP_SAT>",
                "ac_fixed<8,30,true,AC_TRN,AC_SAT>",
            ),
            (
                "ap_ufixed<8,3,AP_RND>",
                "ap_ufixed<8,3,AP_RND>",
                "ac_fixed<8,3,false,AC_RND>",
            ),
            (
                "fixed<16,6,RND,SAT>",
                "ap_fixed<16,6,AP_RND,AP_SAT>",
                "ac_fixed<16,6,true,AC_RND,AC_SAT>",
            ),
        ] {
            let ty: FixedType = text.parse().unwrap();
            assert_eq!(ty.to_string(), ap);
            assert_eq!(ty.display_ac().to_string(), ac);
            assert_eq!(ap.parse::<FixedType>().unwrap(), ty);
            assert_eq!(ac.parse::<FixedType>().unwrap(), ty);
        }
        for text in [
            "ap_fixed<8,3,AP_TRN,AP_WRAP,2>",
            "ap_fixed<8,3,AP_RND,AP_WRAP,1>",
            "ap_fixed<8,3,AP_RND_INF,AP_WRAP_SM,8>",
            "ac_fixed<8,3,true,AC_RND_CONV_ODD,AC_SAT_ZERO>",
        ] {
            assert_eq!(text.parse::<FixedType>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn faults_are_pointed_at() {
        for (text, at, part) in [
            ("", 0, "expected `<`"),
            ("ap_fixed", 8, "expected `<`"),
            ("ap_fixed<8,3", 12, "expected `>`"),
            (">ap_fixed<", 0, "expected `<` before"),
            ("  float<8,3>", 2, "unknown type `float`"),
            ("ap_fixed<>", 9, "expected an integer 1 to 65536"),
            ("ap_fixed<8>", 10, "expected the integer bits"),
            ("ap_fixed<0,3>", 9, "expected an integer 1 to 65536"),
            ("ap_fixed<8, x>", 12, "`x`: expected an integer"),
            ("ap_fixed<65537,3>", 9, "expected an integer 1 to 65536"),
            ("ap_fixed<8,99999999999>", 11, "expected an integer"),
            ("ap_fixed<8,3,AP_ROUND>", 13, "unknown quantization mode"),
            ("ap_fixed<8,3,AC_RND>", 13, "expected AP_TRN,"),
            ("ap_fixed<8,3,AP_RND_CONV_ODD>", 13, "unknown quantization"),
            (
                "ac_fixed<8,3,true,AC_RND,AC_WRAP_SM>",
                25,
                "unknown overflow",
            ),
            ("ap_ufixed<8,3,AP_RND,AP_WRAP_SM>", 21, "needs a signed"),
            ("ap_fixed<8,3,AP_RND,AP_WRAP,9>", 28, "integer 0 to 8"),
            ("ap_fixed<8,3,AP_RND,AP_WRAP,2,1>", 30, "too many"),
            ("ac_fixed<8,3>", 12, "the sign"),
            ("ac_fixed<8,3,yes>", 13, "the sign"),
            ("ap_int<8,8>", 9, "too many"),
            ("ap_fixed<8,3>;", 13, "nothing after"),
            ("fixed<8,3,RND,SAT,1>", 18, "too many"),
            ("äp<8,3>", 0, "unknown type"),
        ] {
            let e = text.parse::<FixedType>().unwrap_err();
            assert_eq!(e.at, at, "{e}");
            assert!(e.message.contains(part), "{e}");
        }
        let e = "ap_fixed<8, x>".parse::<FixedType>().unwrap_err();
        assert_eq!(e.pointer(), "ap_fixed<8, x>\n            ^");
    }
}
