//! `qk-hls quantizer`: one quantizer on an array, as QKeras would call the object.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use num_traits::ToPrimitive;
use rayon::prelude::*;
use serde_json::Value;

use super::choices::ChoiceArgs;
use super::files::Outputs;

use super::{Answer, Failure, Ui};
use crate::data::{self, Array, Arrays};
use crate::ir::math::{Step, Weights};
use crate::ir::{Encoding, Periodic, Real, dyadic, eval, from_f64, pow2};
use crate::num::FixedType;
use crate::quantizers::{self, Context, Grid, Quantizer};

/// One quantizer on an array; prints its hardware type
///
/// No layer stands around it: alpha=None stays None.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Text as in `quantized_bits(4,0,alpha=1)`, a JSON object, or @FILE.json
    #[arg(value_name = "QUANTIZER")]
    quantizer: String,

    /// Numbers
    #[arg(short, long, value_name = "FILE.npy")]
    input: PathBuf,

    /// Results, float64
    #[arg(short, long, value_name = "FILE.npy")]
    output: PathBuf,

    /// Number by number, or the tensor as a whole with a scale for each channel
    #[arg(long = "as", value_enum, default_value_t = Role::Activation)]
    role: Role,

    #[command(flatten)]
    choices: ChoiceArgs,

    /// Integer codes, int64: multiples of the type's step before `alpha`; exponents of powers of two
    #[arg(long, value_name = "FILE.npy")]
    codes: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    Activation,
    Weights,
}

/// Values, codes where there are any, and the hardware type in words.
struct Answered {
    values: Vec<f64>,
    codes: Option<Vec<i64>>,
    hardware: String,
}

pub(super) fn run(args: &Args, ui: &Ui) -> Result<Answer, Failure> {
    let written: Vec<PathBuf> = [Some(&args.output), args.codes.as_ref()]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    Outputs::check(&written, &[&args.input])?;
    let quantizer = parse(args)?;
    let array = read(&args.input)?;
    let shown = args.input.display();
    let values = array
        .to_f64()
        .map_err(|i| format!("{shown}: the integer at flat index {i} is no float64"))?;
    if let Some(i) = values.iter().position(|v| !v.is_finite()) {
        return Err(format!(
            "{shown}: {} at flat index {i} is no finite number",
            values[i]
        )
        .into());
    }
    let result = match args.role {
        Role::Activation => activation(quantizer.as_ref(), &values, &array.shape)?,
        Role::Weights => weights(quantizer.as_ref(), &values, &array.shape)?,
    };
    let mut files = Outputs::default();
    let named = |array: Array| [("0".to_owned(), array)];
    files.arrays(
        &args.output,
        &named(Array::f64(array.shape.clone(), result.values)),
    )?;
    if let Some(path) = &args.codes {
        let codes = result
            .codes
            .ok_or_else(|| format!("{} has no grid, so no codes", args.quantizer))?;
        files.arrays(path, &named(Array::i64(array.shape, codes)))?;
    }
    files.write()?;
    ui.print(&format!("{}\n", result.hardware))?;
    Ok(Answer::Yes)
}

fn parse(args: &Args) -> Result<Box<dyn Quantizer>, Failure> {
    let json = |text: &str, place: &str| {
        serde_json::from_str::<Value>(text).map_err(|e| format!("{place}: {e}"))
    };
    let value = match args.quantizer.strip_prefix('@') {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))?;
            json(&text, path)?
        }
        None if args.quantizer.trim_start().starts_with('{') => json(&args.quantizer, "QUANTIZER")?,
        None => Value::String(args.quantizer.clone()),
    };
    quantizers::parse(&value, &Context::alone(&args.choices.choices()))
        .map_err(|e| format!("{}: {e}", args.quantizer).into())
}

fn read(path: &Path) -> Result<Array, Failure> {
    match data::load(path) {
        Ok(Arrays::One(array)) => Ok(array),
        Ok(Arrays::Named(mut arrays)) if arrays.len() == 1 => {
            Ok(arrays.swap_remove_index(0).expect("there is one").1)
        }
        Ok(Arrays::Named(arrays)) => Err(format!(
            "{}: holds {} arrays; one is wanted",
            path.display(),
            arrays.len()
        )
        .into()),
        Err(error) => Err(format!("{} {error}", path.display()).into()),
    }
}

fn activation(
    quantizer: &dyn Quantizer,
    values: &[f64],
    shape: &[usize],
) -> Result<Answered, Failure> {
    let steps = quantizer.steps()?;
    let grid = quantizer.describe().grid;
    let channels = shape.last().copied().unwrap_or(1).max(1);
    // Codes are read off behind the last step that gives them; factors come later.
    let coded = steps.iter().rposition(|step| match step {
        Step::Quantize(_) => true,
        Step::Function(f) => f.discrete(),
        Step::Affine { .. } | Step::Clip { .. } | Step::Leaky { .. } => false,
    });
    let one = |(i, &v): (usize, &f64)| -> Result<(f64, Option<i64>), String> {
        let channel = i % channels;
        let x = from_f64(v).expect("finite, as was checked");
        let value = match eval::decide(&steps, channel, &x) {
            Some(y) => y.to_f64(),
            None => eval::approximate(&steps, channel, &x),
        };
        let value = value.ok_or_else(|| format!("{v} has no value"))?;
        let code = coded.and_then(|last| {
            let y = eval::decide(&steps[..=last], channel, &x)?;
            code(&grid, &steps[last], channel, &y)
        });
        Ok((value, code))
    };
    let each = (0..values.len())
        .into_par_iter()
        .map(|i| one((i, &values[i])));
    let (values, codes): (Vec<f64>, Vec<Option<i64>>) = each
        .collect::<Result<Vec<_>, String>>()?
        .into_iter()
        .unzip();
    let ty = coded.and_then(|last| match &steps[last] {
        Step::Quantize(types) => Some(types.clone()),
        _ => None,
    });
    Ok(Answered {
        values,
        codes: codes.into_iter().collect::<Option<Vec<i64>>>(),
        hardware: hardware(&grid, ty.as_ref(), None),
    })
}

/// The code of a value behind a step that gives codes.
fn code(grid: &Grid, step: &Step, channel: usize, y: &Real) -> Option<i64> {
    if let Grid::PowerOfTwo { .. } = grid {
        let (_, frac) = dyadic(y)?;
        return Some(-i64::from(frac));
    }
    match step {
        Step::Quantize(types) => (y * pow2(types.at(channel).frac())).to_integer().to_i64(),
        _ if y.is_integer() => y.to_i64(),
        _ => None,
    }
}

fn weights(
    quantizer: &dyn Quantizer,
    values: &[f64],
    shape: &[usize],
) -> Result<Answered, Failure> {
    let weights = quantizer.weights(values, shape)?;
    let grid = quantizer.describe().grid;
    let codes = match weights.encoding {
        Encoding::PowerOfTwo => (0..weights.codes.len())
            .map(|i| dyadic(weights.scale.at(i)).map(|(_, frac)| -i64::from(frac)))
            .collect(),
        Encoding::Float => None,
        _ => weights
            .codes
            .iter()
            .map(|&c| i64::try_from(c).ok())
            .collect(),
    };
    Ok(Answered {
        values: weights
            .values()
            .iter()
            .map(|v| v.to_f64().expect("a binary fraction"))
            .collect(),
        codes,
        hardware: hardware(&grid, None, Some(&weights)),
    })
}

/// The hardware type, one line.
fn hardware(grid: &Grid, types: Option<&Periodic<FixedType>>, weights: Option<&Weights>) -> String {
    let mut text = match (grid, types) {
        (_, Some(types)) => {
            let names: Vec<String> = types.values().iter().map(ToString::to_string).collect();
            names.join(", ")
        }
        (
            Grid::Fixed {
                bits,
                integer,
                signed,
            },
            None,
        ) => {
            let prefix = if *signed { "" } else { "u" };
            let integer = integer + i32::from(*signed);
            format!("ap_{prefix}fixed<{bits},{integer}>")
        }
        (Grid::PowerOfTwo { bits, signed, .. }, None) => {
            let sign = if *signed { "sign and " } else { "" };
            format!("power of two: {sign}exponent in {bits} bits")
        }
        (Grid::Ternary, None) => "ternary: -1, 0, +1 in 2 bits".to_owned(),
        (Grid::Binary { zero_one: false }, None) => "binary: -1, +1 in 1 bit".to_owned(),
        (Grid::Binary { zero_one: true }, None) => "binary: 0, 1 in 1 bit".to_owned(),
        (Grid::Function, None) => "a function without a type of its own".to_owned(),
    };
    if let Some(weights) = weights {
        let scales = weights.scale.values();
        let po2 = scales
            .iter()
            .all(|s| dyadic(s).is_some_and(|(odd, _)| odd == 1 || odd == 0));
        let kind = match (weights.encoding, po2) {
            (Encoding::PowerOfTwo | Encoding::Float, _) => return text,
            (_, true) => "power of two",
            (_, false) => "real number",
        };
        let count = match scales.len() {
            1 => "for all weights".to_owned(),
            n => format!("for each of {n} places"),
        };
        text += &format!("; step a {kind} {count}");
    }
    text
}
