//! Integer bits from what a float network gives on data, and the error of every layer.
//!
//! Of each quantizer that was put into the model and has an `integer` argument, the number of integer bits becomes
//! the one with the smallest mean squared error on the values it will see: the layer's weights, folded where they
//! are, and the float network's activations on the samples. Bits, signs and scales stay as asked for; where an
//! automatic scale makes the integer bits meaningless, they stay as well.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Placed, Quantized};
use crate::data::Array;
use crate::evaluate::{Evaluator, apply};
use crate::import::{RawLayer, RawModel, RawTensor};
use crate::ir::elements;
use crate::ir::math::Network;
use crate::layers;
use crate::quantizers::{self, Activation, Choices, Context, Slot};

/// Integer bits that are tried.
const INTEGERS: std::ops::RangeInclusive<i32> = -6..=12;
/// Values that a choice is made from at most.
const MAX_VALUES: usize = 1 << 14;

/// What calibration did.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Samples that were used.
    pub samples: usize,
    /// The integer bits.
    pub chosen: Vec<Chosen>,
    /// The error behind every layer.
    pub layers: Vec<LayerError>,
}

/// A choice of integer bits.
#[derive(Debug, Clone, Serialize)]
pub struct Chosen {
    /// The layer.
    pub layer: String,
    /// The key of its configuration.
    pub key: String,
    /// Smallest value seen.
    pub min: f64,
    /// Largest value seen.
    pub max: f64,
    /// The quantizer as it is now.
    pub quantizer: Value,
}

/// How far a layer's quantized output is from the float one.
#[derive(Debug, Clone, Serialize)]
pub struct LayerError {
    /// The layer.
    pub layer: String,
    /// Largest difference.
    pub max_error: f64,
    /// Root mean square of the difference.
    pub rms_error: f64,
    /// Root mean square of the float output.
    pub rms: f64,
}

/// The float values of every layer's output, all samples one after the other.
#[derive(Debug, Clone)]
pub struct Observed(BTreeMap<String, Vec<f64>>);

impl Observed {
    /// Runs a network on samples.
    ///
    /// # Errors
    /// Arrays that do not fit the inputs.
    pub fn new(network: &Network, arrays: &[Array]) -> Result<Self, Vec<String>> {
        let inputs = samples_of(network, arrays)?;
        let samples = arrays.first().map_or(0, |a| a.shape[0]);
        let evaluator = Evaluator::new(network);
        let mut taps: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for sample in 0..samples {
            let cut = |input: &Vec<f64>| -> Vec<f64> {
                let size = input.len() / samples;
                input[sample * size..][..size].to_vec()
            };
            let one: Vec<Vec<f64>> = inputs.iter().map(cut).collect();
            let slices: Vec<&[f64]> = one.iter().map(Vec::as_slice).collect();
            let values = evaluator.run(&slices);
            for tap in &network.taps {
                taps.entry(tap.name.clone())
                    .or_default()
                    .extend(&values[tap.node.index()]);
            }
        }
        Ok(Self(taps))
    }

    /// Values of one layer.
    #[must_use]
    pub fn layer(&self, name: &str) -> Option<&[f64]> {
        self.0.get(name).map(Vec::as_slice)
    }
}

/// Samples of every input as float64.
fn samples_of(network: &Network, arrays: &[Array]) -> Result<Vec<Vec<f64>>, Vec<String>> {
    let mut problems = Vec::new();
    let mut inputs = Vec::new();
    let samples = arrays
        .first()
        .and_then(|a| a.shape.first().copied())
        .unwrap_or(0);
    for (port, array) in network.inputs.iter().zip(arrays) {
        let shape = &network.node(port.node).shape;
        if array.shape.split_first() != Some((&samples, shape.as_slice())) || samples == 0 {
            problems.push(format!(
                "input {}: the array has shape {:?}, but ({samples} samples, {shape:?}) is wanted, at least one sample",
                port.name, array.shape
            ));
            continue;
        }
        match array.to_f64() {
            Ok(values) if values.iter().all(|v| v.is_finite()) => inputs.push(values),
            Ok(_) => problems.push(format!(
                "input {}: NaN or infinity among the values",
                port.name
            )),
            Err(index) => problems.push(format!(
                "input {}, flat index {index}: the integer is no float64",
                port.name
            )),
        }
    }
    if problems.is_empty() {
        Ok(inputs)
    } else {
        Err(problems)
    }
}

/// Chooses the integer bits of all quantizers that were placed.
///
/// # Errors
/// Samples that do not fit the model.
pub fn calibrate(
    network: &Network,
    quantized: &mut Quantized,
    arrays: &[Array],
) -> Result<Report, Vec<String>> {
    let observed = Observed::new(network, arrays)?;
    let chosen = choose(quantized, &observed);
    let lowered = layers::lower(&quantized.model, &layers::Options::default())
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    quantized.network = lowered.network;
    let after = Observed::new(&quantized.network, arrays)?;
    let mut errors = Vec::new();
    for tap in &quantized.network.taps {
        let float = observed.layer(quantized.reference(&tap.name));
        if let (Some(float), Some(found)) = (float, after.layer(&tap.name)) {
            errors.push(error_of(&tap.name, float, found));
        }
    }
    Ok(Report {
        samples: arrays.first().map_or(0, |a| a.shape[0]),
        chosen,
        layers: errors,
    })
}

fn error_of(layer: &str, float: &[f64], found: &[f64]) -> LayerError {
    let differences = || float.iter().zip(found).map(|(a, b)| (a - b).abs());
    let rms = |values: &mut dyn Iterator<Item = f64>| {
        (values.map(|v| v * v).sum::<f64>() / float.len().max(1) as f64).sqrt()
    };
    LayerError {
        layer: layer.to_owned(),
        max_error: differences().fold(0.0, f64::max),
        rms_error: rms(&mut differences()),
        rms: rms(&mut float.iter().copied()),
    }
}

/// Chooses the integer bits of everything placed, from float activations and stored weights.
pub fn choose(quantized: &mut Quantized, observed: &Observed) -> Vec<Chosen> {
    let mut chosen = Vec::new();
    let format = quantized.model.format;
    for Placed { layer: name, key } in quantized.placed.clone() {
        let reference = quantized.reference(&name).to_owned();
        let Some(layer) = find(&mut quantized.model, &name) else {
            continue;
        };
        let Some(current) = layer.config.get(&key).cloned() else {
            if key == "ema" {
                chosen.extend(adaptive(layer, observed.layer(&reference)));
            }
            continue;
        };
        let activation = matches!(key.as_str(), "activation");
        let slot = if activation {
            Slot::Activation
        } else {
            Slot::of_key(&key, &layer.class_name)
        };
        let context = Context::of_layer(slot, &layer.class_name, format, &Choices::default());
        let (values, shape) = if activation {
            match observed.layer(&reference) {
                Some(values) => (thin(values), Vec::new()),
                None => continue,
            }
        } else {
            match weights_of(layer, &key) {
                Some(found) => found,
                None => continue,
            }
        };
        let error =
            |quantizer: &Value| squared_error(quantizer, &context, activation, &values, &shape);
        let Some(mut best) = error(&current).map(|error| (error, current.clone())) else {
            continue;
        };
        let candidates: Vec<Value> = INTEGERS
            .rev()
            .filter_map(|integer| {
                quantizers::with_argument(&current, "integer", &json!(integer), &context)
            })
            .collect();
        for candidate in candidates {
            match error(&candidate) {
                Some(error) if error < best.0 => best = (error, candidate),
                _ => {}
            }
        }
        chosen.push(Chosen {
            layer: name.clone(),
            key: key.clone(),
            min: values.iter().copied().fold(f64::INFINITY, f64::min),
            max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            quantizer: best.1.clone(),
        });
        layer.config.insert(key, best.1);
    }
    chosen
}

/// The ranges of a `QAdaptiveActivation` are weights.
fn adaptive(layer: &mut RawLayer, values: Option<&[f64]>) -> Option<Chosen> {
    let values = values?;
    let min = values.iter().copied().fold(0.0, f64::min);
    let max = values.iter().copied().fold(0.0, f64::max);
    for (slot, value) in [("ema_min", min), ("ema_max", max)] {
        if let Some(tensor) = layer.weights.get_mut(slot) {
            tensor.values = crate::import::Values::F32(vec![value as f32]);
        }
    }
    Some(Chosen {
        layer: layer.name.clone(),
        key: "ema_min, ema_max".to_owned(),
        min,
        max,
        quantizer: layer.config.get("activation").cloned().unwrap_or_default(),
    })
}

/// At most [`MAX_VALUES`] of the values, evenly.
fn thin(values: &[f64]) -> Vec<f64> {
    let step = values.len().div_ceil(MAX_VALUES).max(1);
    values.iter().copied().step_by(step).collect()
}

/// Mean squared error of a quantizer; `None` where it cannot serve.
fn squared_error(
    quantizer: &Value,
    context: &Context,
    activation: bool,
    values: &[f64],
    shape: &[usize],
) -> Option<f64> {
    let quantizer = quantizers::parse(quantizer, context).ok()?;
    let found: Vec<f64> = if activation {
        let Activation::Steps(steps) = quantizers::activation(quantizer.as_ref()).ok()? else {
            return None;
        };
        let mut found = values.to_vec();
        apply(&steps, &mut found);
        found
    } else {
        let weights = quantizer.weights(values, shape).ok()?;
        let scale = weights
            .scale
            .map(|s| num_traits::ToPrimitive::to_f64(s).unwrap_or(f64::NAN));
        weights
            .codes
            .iter()
            .enumerate()
            .map(|(i, &code)| code as f64 * scale.at(i))
            .collect()
    };
    let sum: f64 = values
        .iter()
        .zip(&found)
        .map(|(a, b)| (a - b) * (a - b))
        .sum();
    sum.is_finite().then_some(sum)
}

/// What a weight quantizer will see: the stored values, or the folded ones.
fn weights_of(layer: &RawLayer, key: &str) -> Option<(Vec<f64>, Vec<usize>)> {
    let slot = match key {
        "depthwise_quantizer" => "depthwise_kernel",
        "pointwise_quantizer" => "pointwise_kernel",
        "recurrent_quantizer" => "recurrent_kernel",
        "mean_quantizer" => "moving_mean",
        "variance_quantizer" => "moving_variance",
        key => key.strip_suffix("_quantizer")?,
    };
    let tensor = layer.weights.get(slot)?;
    let mut values = tensor.to_f64()?;
    let shape = tensor.shape.clone();
    if layer.class_name.ends_with("Batchnorm") {
        let stored = |slot: &str| layer.weights.get(slot).and_then(RawTensor::to_f64);
        let (gamma, beta) = (stored("gamma")?, stored("beta")?);
        let (mean, variance) = (stored("moving_mean")?, stored("moving_variance")?);
        let epsilon = layer
            .config
            .get("epsilon")
            .and_then(Value::as_f64)
            .unwrap_or(0.001);
        let channels = gamma.len();
        if channels == 0 || !elements(&shape).is_multiple_of(channels) {
            return None;
        }
        for (i, value) in values.iter_mut().enumerate() {
            let c = i % channels;
            let inverse = gamma[c] / (variance[c] + epsilon).sqrt();
            *value = if slot == "bias" {
                inverse * (*value - mean[c]) + beta[c]
            } else {
                *value * inverse
            };
        }
    }
    Some((values, shape))
}

fn find<'a>(model: &'a mut RawModel, name: &str) -> Option<&'a mut RawLayer> {
    use crate::import::Inner;
    if let Some(position) = model.layers.iter().position(|layer| layer.name == name) {
        return model.layers.get_mut(position);
    }
    // The directions of a Bidirectional.
    let (outer, inner) = name.split_once('/')?;
    let layer = model.layers.iter_mut().find(|layer| layer.name == outer)?;
    match &mut layer.inner {
        Inner::Directions { forward, .. } if forward.name == inner => Some(forward),
        Inner::Directions { backward, .. } if backward.name == inner => Some(backward),
        _ => None,
    }
}

/// What `quantize` did, for people and as JSON.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Every layer of the result.
    pub layers: Vec<SummaryLayer>,
    /// What calibration found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Report>,
}

/// A layer of the result.
#[derive(Debug, Serialize)]
pub struct SummaryLayer {
    /// Its name.
    pub name: String,
    /// Its class.
    pub class: String,
    /// The quantizers that were put in, by key.
    pub quantizers: BTreeMap<String, Value>,
}

impl Summary {
    /// Of a quantized model.
    #[must_use]
    pub fn new(quantized: &Quantized, calibration: Option<Report>) -> Self {
        let layers = quantized.model.layers.iter().map(|layer| {
            let own = quantized
                .placed
                .iter()
                .filter(|placed| placed.layer == layer.name);
            let each = own.filter_map(|p| Some((p.key.clone(), layer.config.get(&p.key)?.clone())));
            SummaryLayer {
                name: layer.name.clone(),
                class: layer.class_name.clone(),
                quantizers: each.collect(),
            }
        });
        Self {
            layers: layers.collect(),
            calibration,
        }
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for layer in &self.layers {
            let shown = |(key, value): (&String, &Value)| match value {
                Value::String(text) => format!("{key} {text}"),
                other => format!(
                    "{key} {}",
                    other
                        .get("class_name")
                        .and_then(Value::as_str)
                        .unwrap_or("")
                ),
            };
            let quantizers: Vec<String> = layer.quantizers.iter().map(shown).collect();
            writeln!(
                f,
                "{:<24} {:<24} {}",
                layer.name,
                layer.class,
                quantizers.join(", ")
            )?;
        }
        if let Some(report) = &self.calibration {
            writeln!(
                f,
                "\nerror against the float network on {} samples",
                report.samples
            )?;
            writeln!(
                f,
                "{:<24} {:>12} {:>12} {:>12}",
                "layer", "largest", "rms", "rms of float"
            )?;
            for layer in &report.layers {
                let LayerError {
                    layer,
                    max_error,
                    rms_error,
                    rms,
                } = layer;
                writeln!(
                    f,
                    "{layer:<24} {max_error:>12.6} {rms_error:>12.6} {rms:>12.6}"
                )?;
            }
        }
        Ok(())
    }
}
