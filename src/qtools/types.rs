//! The type of a number in QTools' words, and its conversion from a layer's quantizer.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value, json};

use super::Rules;
use crate::quantizers::{self, Choices, Context, Description, Grid};

/// How numbers of a type are coded: row and column of QTools' operator tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Fixed point.
    Fixed,
    /// Powers of two.
    PowerOfTwo,
    /// -1, 0, +1.
    Ternary,
    /// -1, +1.
    Sign,
    /// 0, 1.
    Bit,
    /// Floating point.
    Float,
}

/// The type of a number as QTools describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Type {
    /// Name of the quantizer, or of what it is like.
    pub name: &'static str,
    /// See [`Mode`].
    pub mode: Mode,
    /// All bits.
    pub bits: i64,
    /// Bits before the binary point, without the sign; `bits` of powers of two; -1 of floats.
    pub int_bits: i64,
    /// Whether there is a sign bit.
    pub signed: bool,
    /// `max_value` of powers of two; -1 where there is none.
    pub max_value: f64,
    /// Different values of a power-of-two weight in inference; -1 where they were not counted.
    pub values: i64,
    /// Bits right and left of the binary point that the values of a power-of-two type need; by its
    /// bits alone where `None`.
    pub exponents: Option<(i64, i64)>,
}

/// Exponents beyond this are cut off: no sum of a few of them overflows.
const MAX_EXPONENT: f64 = 1e15;

impl Type {
    /// Fixed point; `int_bits` without the sign.
    #[must_use]
    pub fn fixed(bits: i64, int_bits: i64, signed: bool) -> Self {
        Self {
            name: "quantized_bits",
            mode: Mode::Fixed,
            bits,
            int_bits,
            signed,
            max_value: -1.0,
            values: -1,
            exponents: None,
        }
    }

    /// Floating point.
    #[must_use]
    pub fn float(bits: i64) -> Self {
        Self {
            name: "floating_point",
            mode: Mode::Float,
            ..Self::fixed(bits, -1, true)
        }
    }

    /// -1, 0, +1.
    #[must_use]
    pub fn ternary() -> Self {
        Self {
            name: "ternary",
            mode: Mode::Ternary,
            ..Self::fixed(2, 2, true)
        }
    }

    /// -1, +1 or 0, 1.
    #[must_use]
    pub fn binary(zero_one: bool) -> Self {
        Self {
            name: "binary",
            mode: if zero_one { Mode::Bit } else { Mode::Sign },
            ..Self::fixed(1, 1, !zero_one)
        }
    }

    /// Powers of two.
    #[must_use]
    pub fn power_of_two(bits: i64, signed: bool, max_value: f64) -> Self {
        Self {
            name: po2_name(signed),
            mode: Mode::PowerOfTwo,
            max_value,
            ..Self::fixed(bits, bits, signed)
        }
    }

    /// What QTools takes where nothing is known.
    #[must_use]
    pub fn default_type() -> Self {
        Self::fixed(8, 0, true)
    }

    /// The type of a layer's quantizer; `None` for functions and what QTools does not know.
    #[must_use]
    pub fn of(description: &Description, rules: Rules) -> Option<Self> {
        let named = |ty: Self| Self {
            name: description.name,
            ..ty
        };
        let known = match description.name {
            "quantized_linear" | "quantized_sigmoid" => rules == Rules::Exact,
            _ => true,
        };
        Some(match description.grid {
            Grid::Fixed {
                bits,
                integer,
                signed,
            } if known => {
                let (bits, integer) = (i64::from(bits), i64::from(integer));
                let fixed = named(Self::fixed(bits, integer, signed));
                match description.name {
                    // It never sets the bits before the binary point.
                    "quantized_tanh" if rules == Rules::Compat => Self {
                        int_bits: -1,
                        ..fixed
                    },
                    "quantized_relu" if bits == 1 && integer == 1 => Self {
                        mode: Mode::Bit,
                        ..fixed
                    },
                    _ => fixed,
                }
            }
            Grid::PowerOfTwo {
                bits,
                signed,
                max_value,
                quadratic,
            } => {
                // The original takes a rectifier for unsigned whatever its slope.
                let signed = match rules {
                    Rules::Compat => description.name == "quantized_po2",
                    Rules::Exact => signed,
                };
                let ty = Self::power_of_two(
                    bits.into(),
                    signed,
                    max_value.filter(|m| *m != 0.0).unwrap_or(-1.0),
                );
                match rules {
                    Rules::Compat => ty,
                    Rules::Exact => Self {
                        exponents: Some(true_exponents(bits, signed, max_value, quadratic)),
                        ..ty
                    },
                }
            }
            Grid::Ternary => named(Self::ternary()),
            // The original knows quantizers, not the functions of the same kind.
            Grid::Binary { .. }
                if rules == Rules::Compat
                    && ["binary_sigmoid", "binary_tanh"].contains(&description.name) =>
            {
                return None;
            }
            Grid::Binary { zero_one } => named(Self::binary(zero_one)),
            Grid::Fixed { .. } | Grid::Function => return None,
        })
    }

    /// The type that a text names: `int8`, `fp16` and the like, or a quantizer.
    ///
    /// # Errors
    /// In words, when it names none.
    pub fn parse(text: &str, rules: Rules) -> Result<Self, String> {
        Ok(match text.trim() {
            "fp32" => Self::float(32),
            "fp16" => Self::float(16),
            "int8" => Self::fixed(8, 0, true),
            "int16" => Self::fixed(16, 7, true),
            "int32" => Self::fixed(32, 10, true),
            text => {
                let value = match serde_json::from_str::<Value>(text) {
                    Ok(object @ Value::Object(_)) => object,
                    _ => Value::String(text.to_owned()),
                };
                let quantizer = quantizers::parse(&value, &Context::alone(&Choices::default()))
                    .map_err(|e| {
                        format!("`{text}` is none of int8, int16, int32, fp16, fp32, and as a quantizer: {e}")
                    })?;
                Self::of(&quantizer.describe(), rules)
                    .ok_or_else(|| format!("QTools has no type for `{text}`"))?
            }
        })
    }

    /// Whether it is a float.
    #[must_use]
    pub fn is_float(&self) -> bool {
        self.mode == Mode::Float
    }

    /// Whether it is a power of two.
    #[must_use]
    pub fn is_po2(&self) -> bool {
        self.mode == Mode::PowerOfTwo
    }

    /// The same range, below zero as well.
    pub(super) fn with_sign(self) -> Self {
        Self {
            bits: self.bits + i64::from(!self.signed),
            signed: true,
            ..self
        }
    }

    /// Bits behind the binary point.
    #[must_use]
    pub fn fraction(&self) -> i64 {
        self.bits - i64::from(self.signed) - self.int_bits
    }

    /// QTools converts types that it has converted before once more when a layer passes them on, and
    /// takes the wrong class for four of them.
    pub(super) fn converted_again(&self, rules: Rules) -> Self {
        const MISTAKEN: [&str; 4] = [
            "stochastic_binary",
            "bernoulli",
            "quantized_tanh",
            "quantized_ulaw",
        ];
        if rules == Rules::Compat && MISTAKEN.contains(&self.name) {
            Self {
                name: "stochastic_ternary",
                ..Self::ternary()
            }
        } else {
            self.clone()
        }
    }

    /// Bits right and left of the binary point of a power-of-two type, as QTools counts them.
    pub(super) fn exponents(&self) -> (f64, f64) {
        if let Some((right, left)) = self.exponents {
            return (right as f64, left as f64);
        }
        let magnitude = self.bits - i64::from(self.signed);
        let span = ((magnitude - 1) as f64).exp2().min(MAX_EXPONENT);
        let mut left = span - 1.0;
        if self.max_value != -1.0 {
            left = if self.max_value <= 0.0 {
                0.0
            } else {
                left.min(log2(self.max_value).ceil())
            };
        }
        (span, left.max(0.0))
    }

    /// A power-of-two type as fixed point; any other one unchanged.
    pub(super) fn as_fixed(&self) -> Self {
        if !self.is_po2() {
            return self.clone();
        }
        let (right, left) = self.exponents();
        let bits = (f64::from(u8::from(self.signed)) + right + left) as i64;
        Self::fixed(bits, left as i64, self.signed)
    }

    /// QTools' JSON for it.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        let mut map = Map::new();
        map.insert("quantizer_type".into(), json!(self.name));
        let values: &[i64] = match self.mode {
            Mode::Sign => &[-1, 1],
            Mode::Bit => &[0, 1],
            Mode::Ternary => &[0, -1, 1],
            _ => &[],
        };
        let (bits, int_bits, signed) = match self.mode {
            Mode::Ternary => (2, 2, true),
            Mode::Fixed => (
                self.bits,
                self.int_bits + i64::from(self.signed),
                self.signed,
            ),
            _ => (self.bits, self.int_bits, self.signed),
        };
        map.insert("bits".into(), json!(bits));
        match self.mode {
            Mode::Float => {}
            Mode::PowerOfTwo => {
                map.insert("is_signed".into(), json!(signed));
                map.insert("max_value".into(), number(self.max_value));
            }
            _ => {
                map.insert("int_bits".into(), json!(int_bits));
                map.insert("is_signed".into(), json!(signed));
            }
        }
        if !values.is_empty() {
            map.insert("values".into(), json!(values));
        }
        map
    }
}

/// The name of a power-of-two type.
pub(super) fn po2_name(signed: bool) -> &'static str {
    if signed {
        "quantized_po2"
    } else {
        "quantized_relu_po2"
    }
}

/// Bits right and left of the binary point that the values of a power-of-two quantizer really need:
/// with a `max_value` up to 1 no bit of the exponent is a sign.
fn true_exponents(bits: u32, signed: bool, max_value: Option<f64>, quadratic: bool) -> (i64, i64) {
    let max_value = max_value.filter(|m| *m != 0.0);
    let magnitude = i64::from(bits) - i64::from(signed);
    let sign_of_exponent = i64::from(max_value.is_none_or(|m| m > 1.0));
    let span = ((magnitude - sign_of_exponent).max(0) as f64)
        .exp2()
        .min(MAX_EXPONENT);
    let step = if quadratic { 2.0 } else { 1.0 };
    let mut left = span - 1.0;
    if let Some(max) = max_value {
        left = left.min(max.log2().round_ties_even());
    }
    let left = ((left / step).floor() * step).max(0.0);
    let right = (span / step).floor() * step;
    (right as i64, left as i64)
}

/// A number as JSON, without a point where it is whole.
pub(super) fn number(x: f64) -> Value {
    if x.fract() == 0.0 && x.abs() < 1e15 {
        json!(x as i64)
    } else {
        Number::from_f64(x).map_or(Value::Null, Value::Number)
    }
}

/// The logarithm as QTools' tensors compute it: float32, as a quotient.
pub(super) fn log2(x: f64) -> f64 {
    let single = f64::from(x as f32).ln() as f32;
    f64::from(single / std::f64::consts::LN_2 as f32)
}

/// Shared text of tables: a type in short.
impl std::fmt::Display for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.signed { "" } else { "u" };
        match self.mode {
            Mode::Fixed => write!(
                f,
                "{sign}fixed<{},{}>",
                self.bits,
                self.int_bits + i64::from(self.signed)
            ),
            Mode::PowerOfTwo => write!(f, "{sign}po2<{}>", self.bits),
            Mode::Ternary => f.write_str("ternary"),
            Mode::Sign => f.write_str("binary"),
            Mode::Bit => f.write_str("bit"),
            Mode::Float => write!(f, "fp{}", self.bits),
        }
    }
}

/// Types of the model's inputs, one for all or one for each.
pub(super) fn sources(
    given: &[String],
    inputs: usize,
    rules: Rules,
) -> Result<Vec<Type>, Vec<String>> {
    let mut problems = Vec::new();
    let mut memo = BTreeMap::new();
    let mut types = Vec::new();
    for text in given {
        let parsed = memo
            .entry(text)
            .or_insert_with(|| Type::parse(text, rules))
            .clone();
        match parsed {
            Ok(ty) => types.push(ty),
            Err(problem) => problems.push(format!("source quantizer: {problem}")),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(match types.as_slice() {
        [] => vec![Type::default_type(); inputs],
        [one] => vec![one.clone(); inputs],
        many if many.len() == inputs => types,
        many => {
            return Err(vec![format!(
                "{} source quantizers are given for {inputs} input(s); give one for all or one for each",
                many.len()
            )]);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four powers of two whose logarithm is no integer in float32.
    #[test]
    fn logarithms_are_those_of_the_tensors() {
        let off = |k: &i32| log2(f64::from(*k).exp2()) != f64::from(*k);
        assert_eq!((1..31).filter(off).collect::<Vec<_>>(), [13, 15, 26, 30]);
    }

    #[test]
    fn small_maxima_free_the_sign_of_the_exponent() {
        assert_eq!(true_exponents(4, true, Some(1.0), false), (8, 0));
        assert_eq!(true_exponents(4, false, Some(1.0), false), (16, 0));
        assert_eq!(true_exponents(4, true, None, false), (4, 3));
        assert_eq!(true_exponents(4, true, Some(2.0), false), (4, 1));
    }
}
