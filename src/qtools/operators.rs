//! QTools' operators: which gate a product is, and how wide results become.
//!
//! Rules and names are those of QTools; [`Rules::Exact`] corrects what the documentation lists.

use super::Rules;
use super::types::{Mode, Type, log2, po2_name};

/// An operator in hardware: what it is, what it gives, what it costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Operator {
    /// `mul`, `shifter`, `mux`, `and`, `xor`, `add`.
    pub op: &'static str,
    /// Type of the result.
    pub output: Type,
    /// Energy relative to an adder's, or to a multiplier's for `mul`.
    pub gate_factor: f64,
    /// Bits of the gate for the energy.
    pub gate_bits: f64,
}

impl Operator {
    fn new(op: &'static str, output: Type, gate_factor: f64, gate_bits: f64) -> Self {
        Self {
            op,
            output,
            gate_factor,
            gate_bits,
        }
    }

    /// An adder, whose energy goes by its result.
    fn add(output: Type) -> Self {
        let bits = output.bits as f64;
        Self::new("add", output, 1.0, bits)
    }
}

/// Roots and logarithms of QTools are float32.
fn sqrt(x: f64) -> f64 {
    f64::from((x as f32).sqrt())
}

/// Gate bits of a programmable shifter.
fn shifter_bits(po2: &Type, fixed: &Type) -> f64 {
    let b = sqrt((po2.bits as f64).exp2() * fixed.bits as f64);
    let log = (b.ln() as f32) / (std::f64::consts::LN_10 as f32);
    f64::from(b as f32 * log)
}

/// `weight * input`, by QTools' table of modes.
#[must_use]
pub fn multiply(w: &Type, x: &Type, rules: Rules) -> Operator {
    use Mode::{Bit, Fixed, Float, PowerOfTwo, Sign, Ternary};
    let signed = w.signed | x.signed;
    match (w.mode, x.mode) {
        (Float, _) | (_, Float) => {
            let bits = [w, x].into_iter().filter(|t| t.is_float()).map(|t| t.bits);
            let bits = bits.max().unwrap_or(0);
            Operator::new("mul", Type::float(bits), 1.0, bits as f64)
        }
        (Fixed, Fixed) => {
            let int_bits = w.int_bits + x.int_bits;
            let bits = int_bits + w.fraction() + x.fraction() + i64::from(signed);
            let gate = sqrt((x.bits * w.bits) as f64);
            Operator::new("mul", Type::fixed(bits, int_bits, signed), 1.0, gate)
        }
        (Fixed, PowerOfTwo) => shift(w, x),
        (PowerOfTwo, Fixed) => shift(x, w),
        (PowerOfTwo, PowerOfTwo) => {
            let max_value = if w.max_value == -1.0 || x.max_value == -1.0 {
                -1.0
            } else {
                w.max_value * x.max_value
            };
            let bits = w.bits.max(x.bits) + 1;
            let output = Type {
                int_bits: w.int_bits.max(x.int_bits) + 1,
                exponents: w
                    .exponents
                    .zip(x.exponents)
                    .map(|((a, b), (c, d))| (a + c, b + d)),
                ..Type::power_of_two(bits, signed, max_value)
            };
            Operator::add(output)
        }
        (Sign, Sign) => {
            let output = Type {
                bits: w.bits.max(x.bits),
                int_bits: w.int_bits.max(x.int_bits),
                signed,
                ..Type::binary(false)
            };
            Operator::new("xor", output, 0.3, 1.0)
        }
        (Bit, Ternary | Sign) | (Ternary | Sign, Bit) => {
            Operator::new("and", Type::ternary(), 0.1, 2.0)
        }
        (Bit, _) | (_, Bit) => and(w, x, rules),
        (Fixed | PowerOfTwo, Ternary | Sign) | (Ternary | Sign, _) => mux(w, x, rules),
    }
}

/// Fixed point times a power of two.
fn shift(fixed: &Type, po2: &Type) -> Operator {
    let (right, left) = po2.exponents();
    let sign = i64::from(po2.signed && !fixed.signed);
    let bits = (fixed.bits as f64 + left + right) as i64 + sign;
    let int_bits = (fixed.int_bits as f64 + left) as i64;
    let output = Type::fixed(bits, int_bits, fixed.signed | po2.signed);
    shifter(output, fixed, po2)
}

/// A shifter, for one of several known shifts or for any.
fn shifter(output: Type, fixed: &Type, po2: &Type) -> Operator {
    if po2.values > 0 {
        let factor = po2.values as f64 * 0.3;
        Operator::new("shifter", output, factor, fixed.bits as f64)
    } else {
        Operator::new("shifter", output, 1.0, shifter_bits(po2, fixed))
    }
}

/// The type of a gate's result in which one operand only chooses what becomes of the other.
fn chosen(w: &Type, x: &Type) -> Type {
    use Mode::{Bit, Fixed, PowerOfTwo};
    let signed = w.signed | x.signed;
    match (w.mode, x.mode) {
        (Bit, Bit) => Type {
            signed,
            ..Type::binary(true)
        },
        (PowerOfTwo, _) | (_, PowerOfTwo) => {
            let po2 = if w.is_po2() { w } else { x };
            Type {
                exponents: po2.exponents,
                ..Type::power_of_two(0, signed, po2.max_value)
            }
        }
        (Fixed, _) | (_, Fixed) => Type::fixed(0, 0, signed),
        _ => Type {
            signed,
            ..Type::ternary()
        },
    }
}

fn mux(w: &Type, x: &Type, rules: Rules) -> Operator {
    let mut output = chosen(w, x);
    let by_weight = matches!(w.mode, Mode::Ternary | Mode::Sign);
    let (data, selector) = if by_weight { (x, w) } else { (w, x) };
    output.bits = data.bits + i64::from(selector.signed && !data.signed);
    output.int_bits = data.int_bits;
    let cheap = if by_weight {
        selector.name.contains("binary")
    } else {
        selector.name == "binary"
    };
    if output.is_po2() {
        output.int_bits = output.bits;
    }
    if output.mode == Mode::Ternary && rules == Rules::Exact {
        (output.bits, output.int_bits) = (2, 2);
    }
    let factor = if cheap { 0.3 } else { 0.6 };
    Operator::new("mux", output, factor, data.bits as f64)
}

fn and(w: &Type, x: &Type, rules: Rules) -> Operator {
    let mut output = chosen(w, x);
    output.bits = w.bits.max(x.bits);
    let by_weight = w.mode == Mode::Bit && (w.name == "binary" || rules == Rules::Exact);
    output.int_bits = if by_weight { x.int_bits } else { w.int_bits };
    let bits = output.bits as f64;
    Operator::new("and", output, 0.1, bits)
}

/// The sum of as many products as the kernel has positions, and `more` numbers besides.
#[must_use]
pub fn accumulate(product: &Type, positions: usize, more: usize) -> Operator {
    if product.is_float() {
        return Operator::add(Type {
            signed: product.signed,
            ..Type::float(product.bits)
        });
    }
    let growth = log2((positions + more) as f64).ceil().max(0.0) as i64;
    let fixed = product.as_fixed();
    Operator::add(Type::fixed(
        fixed.bits + growth,
        fixed.int_bits + growth,
        product.signed,
    ))
}

/// `a + b`.
#[must_use]
pub fn add(a: &Type, b: &Type, rules: Rules) -> Operator {
    let compat = rules == Rules::Compat;
    if a.is_float() || b.is_float() {
        let counted = [a, b].into_iter().filter(|t| compat || t.is_float());
        return Operator::add(Type::float(counted.map(|t| t.bits).max().unwrap_or(0)));
    }
    // QTools forgets to convert a power of two in front of a bit.
    let raw = compat && a.is_po2() && b.mode == Mode::Bit;
    let (a, b) = if raw {
        (a.clone(), b.clone())
    } else {
        (a.as_fixed(), b.as_fixed())
    };
    let int_bits = a.int_bits.max(b.int_bits) + 1;
    let signed = a.signed | b.signed;
    let bits = int_bits + i64::from(signed) + a.fraction().max(b.fraction());
    Operator::add(Type::fixed(bits, int_bits, signed))
}

/// `n / d`; `None` where QTools knows no divider.
#[must_use]
pub fn divide(n: &Type, d: &Type, rules: Rules) -> Option<Operator> {
    Some(match d.mode {
        Mode::Float => {
            let bits = [n, d].into_iter().filter(|t| t.is_float()).map(|t| t.bits);
            let bits = bits.max().unwrap_or(0);
            Operator::new("mul", Type::float(bits), 1.0, bits as f64)
        }
        Mode::Fixed => {
            let bits = if n.is_float() { n.bits } else { 32 };
            Operator::new("mul", Type::float(bits), 1.0, bits as f64)
        }
        Mode::PowerOfTwo if n.is_float() => {
            Operator::new("mul", Type::float(n.bits), 1.0, n.bits as f64)
        }
        Mode::PowerOfTwo if n.is_po2() => {
            let max_value = if n.max_value == -1.0 || d.max_value == -1.0 {
                -1.0
            } else {
                n.max_value / d.max_value
            };
            let bits = n.bits.max(d.bits) + 1;
            Operator::add(Type {
                int_bits: n.int_bits.max(d.int_bits) + 1,
                exponents: n
                    .exponents
                    .zip(d.exponents)
                    .map(|((a, b), (c, e))| (a + e, b + c)),
                ..Type::power_of_two(bits, true, max_value)
            })
        }
        Mode::PowerOfTwo => {
            // Dividing swaps the shifts to the left and to the right.
            let (right, left) = d.exponents();
            let bits = (n.bits as f64 + right + left) as i64 + i64::from(d.signed && !n.signed);
            let int_bits = (n.int_bits as f64 + right) as i64;
            let fixed = Type::fixed(bits, int_bits, n.signed | d.signed);
            let bit = matches!(n.mode, Mode::Sign | Mode::Bit);
            let output = if bit && rules == Rules::Compat {
                Type {
                    name: po2_name(true),
                    mode: Mode::PowerOfTwo,
                    ..fixed
                }
            } else {
                fixed
            };
            shifter(output, n, d)
        }
        Mode::Ternary | Mode::Sign | Mode::Bit => return None,
    })
}

/// Widens a product for the scales that `auto_po2` chose: shifts from `least` to `most`.
pub(super) fn shifted(ty: &Type, least: i64, most: i64) -> Type {
    Type {
        bits: ty.bits + most - least,
        int_bits: ty.int_bits + most,
        ..ty.clone()
    }
}

/// Element-wise layers of several tensors; `None` for a class that is none.
#[must_use]
pub fn merge(class: &str, inputs: &[Type], rules: Rules) -> Option<Operator> {
    let first = inputs.first()?;
    let exact = rules == Rules::Exact;
    Some(match class {
        "Multiply" => {
            let mut last = Operator::new("mul", first.clone(), 0.0, 0.0);
            for x in &inputs[1..] {
                last = multiply(&last.output, x, rules);
            }
            last
        }
        "Dot" => multiply(first, inputs.get(1)?, rules),
        "Add" | "Subtract" => {
            let terms = log2(inputs.len() as f64).ceil() as i64;
            let growth = if exact { terms } else { 1 };
            let subtract = class == "Subtract";
            let output = covering(inputs, exact, growth);
            Operator::add(if subtract && !output.is_float() {
                output.with_sign()
            } else {
                output
            })
        }
        "Maximum" | "Minimum" | "Average" | "Concatenate" => {
            let alike = |x: &Type| {
                (x.name, x.bits, x.int_bits, x.signed)
                    == (first.name, first.bits, first.int_bits, first.signed)
            };
            let output = if inputs.iter().all(alike) {
                first.clone()
            } else {
                covering(inputs, exact, 0)
            };
            let factor = match class {
                "Average" => 1.0,
                "Concatenate" => 0.0,
                _ => 0.2,
            };
            let bits = output.bits as f64;
            Operator::new("add", output, factor, bits)
        }
        _ => return None,
    })
}

/// A type for values of all of these, with more bits before the binary point.
fn covering(inputs: &[Type], aligned: bool, growth: i64) -> Type {
    let floats = inputs.iter().filter(|t| t.is_float());
    if let Some(bits) = floats.map(|t| t.bits).max() {
        return Type::float(bits);
    }
    let fixed: Vec<Type> = inputs.iter().map(Type::as_fixed).collect();
    let most = |f: fn(&Type) -> i64| fixed.iter().map(f).max().unwrap_or(0);
    let signed = inputs.iter().any(|t| t.signed);
    let int_bits = most(|t| t.int_bits) + growth;
    let bits = if aligned {
        int_bits + most(Type::fraction) + i64::from(signed)
    } else {
        // Bits and integer bits each for itself, so that fraction bits can be lost.
        most(|t| t.bits) + growth
    };
    Type::fixed(bits, int_bits, signed)
}
