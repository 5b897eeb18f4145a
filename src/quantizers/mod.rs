//! QKeras quantizers and activation functions: one folder each and a table.
//!
//! A quantizer turns weights into codes and a scale ([`Quantizer::weights`]), or becomes steps of a
//! point-function chain ([`Quantizer::steps`]). It knows the mathematics of [`crate::ir`] and the
//! types of `num`; of layers only which slot it stands in. To add one: a folder here, its `mod`
//! line and its line in [`TABLE`].

mod alpha;
mod args;
mod chain;
mod context;
mod grid;
mod scale;
mod text;

mod binary;
mod bits;
mod hard;
mod hard_keras;
mod hswish;
mod leaky;
mod linear;
mod plain;
mod po2;
mod relu;
mod sigmoid;
mod smooth;
mod softmax;
mod tanh;
mod ternary;
mod ulaw;

use std::fmt::Debug;

use serde_json::Value;

use crate::ir::math::{Step, Weights};
use crate::ir::{Encoding, dyadic, eval, from_f32, from_f64};
pub use args::Args;
pub use context::{Choices, Context, HardSigmoid, InternalSigmoid, Namespace, Slot};

/// A configured quantizer or activation function.
pub trait Quantizer: Debug {
    /// Weights as codes and scale. `values` are row-major; stored float32 weights come as the same
    /// numbers in float64.
    ///
    /// # Errors
    /// In words, when the quantizer has no meaning for weights like these.
    fn weights(&self, values: &[f64], shape: &[usize]) -> Result<Weights, String> {
        evaluated(&self.steps()?, values, shape)
    }

    /// The activation as steps of a chain.
    ///
    /// # Errors
    /// In words, when the quantizer cannot serve as an activation.
    fn steps(&self) -> Result<Vec<Step>, String>;

    /// What it is in its own words.
    fn describe(&self) -> Description;

    /// Whether it is the softmax, which is no function of one number.
    fn is_softmax(&self) -> bool {
        false
    }
}

/// A quantizer in its own words: what it was declared as, for analyses that go by declared widths.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// Name in model files: `quantized_bits`, `stochastic_ternary`, `relu`.
    pub name: &'static str,
    /// The numbers it gives.
    pub grid: Grid,
    /// Whether `alpha` is `auto_po2`.
    pub auto_po2: bool,
}

/// The numbers a quantizer was declared to give, factors from `alpha` aside.
#[derive(Debug, Clone, PartialEq)]
pub enum Grid {
    /// Fixed point.
    Fixed {
        /// All bits, the sign among them.
        bits: u32,
        /// Bits before the binary point, without the sign; the largest where channels differ.
        integer: i32,
        /// Whether one of the bits is a sign.
        signed: bool,
    },
    /// Powers of two.
    PowerOfTwo {
        /// Bits of sign and exponent.
        bits: u32,
        /// Whether one of the bits is a sign.
        signed: bool,
        /// `max_value`.
        max_value: Option<f64>,
        /// Whether exponents are even.
        quadratic: bool,
    },
    /// -1, 0, +1.
    Ternary,
    /// -1, +1 or 0, 1.
    Binary {
        /// Whether it is 0, 1.
        zero_one: bool,
    },
    /// No grid of its own: `relu`, `linear`, `softmax`.
    Function,
}

/// A kind of quantizer.
pub trait Definition: Sync {
    /// Names in model files.
    fn names(&self) -> &'static [&'static str];

    /// Constructor arguments in positional order, for the string form.
    fn arguments(&self) -> &'static [&'static str];

    /// Whether the QKeras namespace has it, Keras', or both.
    fn namespaces(&self) -> &'static [Namespace];

    /// Builds it; problems are recorded in `args`, and the result is then thrown away.
    fn build(&self, name: &str, args: &Args, context: &Context) -> Box<dyn Quantizer>;

    /// Its page in `docs/quantizers`, Markdown without a title: the first line is one sentence, for the
    /// support table; then the formula, the hardware that it becomes, and what is refused.
    fn doc(&self) -> &'static str;
}

/// Every quantizer and activation function.
pub const TABLE: &[&dyn Definition] = &[
    &binary::Bernoulli,
    &binary::Binary,
    &binary::StochasticBinary,
    &bits::Bits,
    &hard::Hard,
    &hard_keras::HardKeras,
    &hard_keras::HardKeras2,
    &hswish::Hswish,
    &leaky::Leaky,
    &linear::Linear,
    &plain::Plain,
    &po2::Po2,
    &po2::ReluPo2,
    &relu::Relu,
    &sigmoid::Sigmoid,
    &smooth::Smooth,
    &softmax::Softmax,
    &tanh::Tanh,
    &ternary::StochasticTernary,
    &ternary::Ternary,
    &ulaw::Ulaw,
];

/// An activation as layers use it.
#[derive(Debug, Clone)]
pub enum Activation {
    /// A chain of point functions.
    Steps(Vec<Step>),
    /// The softmax.
    Softmax,
}

/// Everything that is wrong with one quantizer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct QuantizerErrors(pub Vec<String>);

/// Reads a quantizer in any serialised form.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(value: &Value, context: &Context) -> Result<Box<dyn Quantizer>, QuantizerErrors> {
    let one = |problem: String| QuantizerErrors(vec![problem]);
    let (name, args) = match value {
        Value::String(text) => text::parse(text, context).map_err(one)?,
        Value::Object(object) => {
            let class = object.get("class_name").and_then(Value::as_str);
            let Some(class) = class else {
                return Err(one(format!("{value} has no class_name")));
            };
            let class = class.rsplit('>').next().unwrap_or(class);
            match (class, object.get("config")) {
                ("function", Some(Value::String(name))) => (name.clone(), Args::default()),
                ("__lambda__" | "Lambda", _) => {
                    return Err(one("is Python code, which cannot be imported".into()));
                }
                (_, Some(Value::Object(config))) => (class.to_owned(), Args::from_config(config)),
                (_, None | Some(Value::Null)) => (class.to_owned(), Args::default()),
                (_, Some(other)) => return Err(one(format!("the config of {class} is {other}"))),
            }
        }
        other => return Err(one(format!("{other} is neither a text nor an object"))),
    };
    let Some(definition) = find(&name, context) else {
        return Err(one(format!(
            "there is no quantizer or activation named `{name}`; known are {}",
            TABLE
                .iter()
                .flat_map(|d| d.names())
                .copied()
                .collect::<Vec<_>>()
                .join(", ")
        )));
    };
    let result = definition.build(&name, &args, context);
    let problems = args.finish(definition.arguments());
    if problems.is_empty() {
        Ok(result)
    } else {
        Err(QuantizerErrors(
            problems
                .into_iter()
                .map(|p| format!("{name}: {p}"))
                .collect(),
        ))
    }
}

/// The quantizer with one constructor argument changed, in the form it has; `None` where it has no such
/// argument or cannot be read.
#[must_use]
pub fn with_argument(value: &Value, key: &str, to: &Value, context: &Context) -> Option<Value> {
    match value {
        Value::String(text) => {
            let name = text.split('(').next()?;
            let definition = find(name, context)?;
            if !definition.arguments().contains(&key) {
                return None;
            }
            text::with_argument(text, definition.arguments(), key, to).map(Value::String)
        }
        Value::Object(object) => {
            let class = object.get("class_name").and_then(Value::as_str)?;
            let definition = find(class.rsplit('>').next()?, context)?;
            if !definition.arguments().contains(&key) {
                return None;
            }
            let mut object = object.clone();
            let config = object
                .entry("config")
                .or_insert_with(|| Value::Object(serde_json::Map::new()));
            config.as_object_mut()?.insert(key.to_owned(), to.clone());
            Some(Value::Object(object))
        }
        _ => None,
    }
}

/// Reads an activation in any serialised form.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_activation(value: &Value, context: &Context) -> Result<Activation, QuantizerErrors> {
    activation(parse(value, context)?.as_ref())
}

/// A quantizer as an activation.
///
/// # Errors
/// When it cannot be one.
pub fn activation(quantizer: &dyn Quantizer) -> Result<Activation, QuantizerErrors> {
    if quantizer.is_softmax() {
        return Ok(Activation::Softmax);
    }
    quantizer
        .steps()
        .map(Activation::Steps)
        .map_err(|p| QuantizerErrors(vec![p]))
}

/// What a user should know about a quantizer that is no error.
#[must_use]
pub fn remarks(value: &Value, context: &Context) -> Vec<String> {
    let name = value.as_str().or_else(|| value.get("config")?.as_str());
    if name == Some("hard_sigmoid") && context.ambiguous() {
        return vec![
            "`hard_sigmoid` is Keras' function here, as in the model that QKeras loads from this file; the \
             model as built had QKeras' clip(0.5 x + 0.5, 0, 1): --hard-sigmoid qkeras takes that"
                .into(),
        ];
    }
    vec![]
}

/// Weights through the chain of an activation; a value that no binary fraction has is rounded to float32,
/// which is what QKeras computes with.
fn evaluated(steps: &[Step], values: &[f64], shape: &[usize]) -> Result<Weights, String> {
    let value = |(i, &v): (usize, &f64)| {
        let x = from_f64(v).ok_or("a weight is infinite or no number")?;
        let exact = eval::decide(steps, i, &x).filter(|y| dyadic(y).is_some());
        let near = || from_f32(eval::approximate(steps, i, &x)? as f32);
        exact
            .or_else(near)
            .ok_or_else(|| format!("{v} has no value behind this function"))
    };
    let values = values.iter().enumerate().map(value);
    Weights::of(
        values.collect::<Result<_, String>>()?,
        shape.to_vec(),
        Encoding::Fixed,
    )
    .ok_or_else(|| "a weight is no binary fraction behind this function".into())
}

/// The definition of a name, in the order in which the context looks names up.
fn find(name: &str, context: &Context) -> Option<&'static dyn Definition> {
    context.lookup().iter().find_map(|namespace| {
        let mut here = TABLE.iter().filter(|d| d.namespaces().contains(namespace));
        here.find(|d| d.names().contains(&name)).copied()
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_folder_is_in_the_table() {
        let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/quantizers");
        for entry in std::fs::read_dir(here).expect("the source folder is there") {
            let entry = entry.expect("readable");
            if entry.path().is_dir() {
                let name = entry
                    .file_name()
                    .into_string()
                    .expect("module names are ASCII");
                let line = include_str!("mod.rs").contains(&format!("&{name}::"));
                assert!(line, "{name} is not in TABLE");
            }
        }
    }
}
