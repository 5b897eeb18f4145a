//! `BatchNormalization` and `QBatchNormalization` at inference: `x * inv + (beta - mean * inv)`
//! with `inv = gamma / sqrt(variance + epsilon)`, every part through its quantizer.
//!
//! `inv` and the shift are evaluated in float64, in the order of the reference, and are exact
//! numbers from there on.

use num_traits::ToPrimitive;

use super::{Call, LayerDef, Outcome};
use crate::import::KerasVersion;
use crate::ir::math::Step;
use crate::ir::{Periodic, Real, from_f64, positions};

/// See the module.
pub(super) struct BatchNorm;

impl LayerDef for BatchNorm {
    fn classes(&self) -> &'static [&'static str] {
        &["BatchNormalization", "QBatchNormalization"]
    }

    fn lower(&self, call: &mut Call<'_>) -> Outcome {
        let shape = call.shape(0);
        let axis = read_axis(call, shape.len());
        let channels = shape.get(axis).copied().unwrap_or(1);
        let mut statistics = Statistics::read(call, channels);
        if let Some(statistics) = &mut statistics {
            statistics.inverse_shape = inverse_shape(call, shape.len(), axis, channels);
        }
        call.config.ignore(&["activation", "momentum"]);
        call.config.must_be_off("renorm");
        call.config
            .ignore(&["renorm_clipping", "renorm_momentum", "axis"]);
        call.finish()?;
        let (inv, shift) = statistics.expect("no problem was found").constants(call)?;
        // Constants per channel follow the last axis; another axis needs one for each element.
        let spread = |values: Vec<Real>| {
            if axis + 1 == shape.len() {
                Periodic::new(values).compact()
            } else {
                Periodic::new(
                    positions(&shape)
                        .map(|at| values[at[axis]].clone())
                        .collect(),
                )
                .compact()
            }
        };
        let step = Step::Affine {
            mul: spread(inv),
            add: spread(shift),
        };
        let input = call.inputs[0];
        Ok(vec![call.pointwise(input, vec![step])])
    }

    fn doc(&self) -> &'static str {
        "any axis; every quantizer slot and the inverse quantizer"
    }
}

/// Shape of the tensor in front of the inverse quantizer, whose automatic scales depend on it.
///
/// QKeras broadcasts the statistics to the operand's rank unless the axis is the last one; on Keras 3
/// it does so there too when the axis is written as a negative number, as it is by default.
fn inverse_shape(call: &Call<'_>, rank: usize, axis: usize, channels: usize) -> Vec<usize> {
    let written = call.config.get("axis").and_then(serde_json::Value::as_i64);
    let negative = written.is_none_or(|axis| axis < 0);
    let broadcast = axis + 1 != rank || (negative && call.format().keras == KerasVersion::V3);
    if !broadcast {
        return vec![channels];
    }
    let mut shape = vec![1; rank + 1];
    shape[axis + 1] = channels;
    shape
}

/// `axis`, also as a list of one (Keras 2), without the batch.
fn read_axis(call: &Call<'_>, rank: usize) -> usize {
    let axis = match call.config.get("axis") {
        Some(serde_json::Value::Array(list)) if list.len() == 1 => list[0].as_i64(),
        Some(v) => v.as_i64(),
        None => Some(-1),
    };
    match axis {
        Some(axis) => call.axis(axis, rank),
        None => {
            call.config.problem("`axis` must be one integer");
            0
        }
    }
}

/// Moving statistics and parameters, quantized.
pub(super) struct Statistics {
    gamma: Option<Vec<f64>>,
    beta: Option<Vec<f64>>,
    mean: Vec<f64>,
    variance: Vec<f64>,
    epsilon: f64,
    inverse: Option<Box<dyn crate::quantizers::Quantizer>>,
    inverse_shape: Vec<usize>,
}

impl Statistics {
    /// Reads weights and quantizers of a layer; `None` when a problem was recorded.
    pub(super) fn read(call: &mut Call<'_>, channels: usize) -> Option<Self> {
        let quantized = call.class() == "QBatchNormalization";
        let mut part =
            |name, key, default| Self::part(call, quantized, channels, name, key, default);
        let mean = part("moving_mean", "mean_quantizer", "quantized_po2(5)");
        let variance = part(
            "moving_variance",
            "variance_quantizer",
            "quantized_relu_po2(6,quadratic_approximation=True)",
        );
        let gamma = if call.config.flag("scale", true) {
            Some(Self::part(
                call,
                quantized,
                channels,
                "gamma",
                "gamma_quantizer",
                "quantized_relu_po2(6,2048)",
            )?)
        } else {
            call.note_quantizer("gamma_quantizer", Some("quantized_relu_po2(6,2048)"));
            None
        };
        let beta = if call.config.flag("center", true) {
            Some(Self::part(
                call,
                quantized,
                channels,
                "beta",
                "beta_quantizer",
                "quantized_po2(5)",
            )?)
        } else {
            call.note_quantizer("beta_quantizer", Some("quantized_po2(5)"));
            None
        };
        let inverse = if quantized {
            call.quantizer("inverse_quantizer")
        } else {
            None
        };
        let epsilon = call.config.number("epsilon", 1e-3);
        Some(Self {
            gamma,
            beta,
            mean: mean?,
            variance: variance?,
            epsilon,
            inverse,
            inverse_shape: vec![channels],
        })
    }

    fn part(
        call: &mut Call<'_>,
        quantized: bool,
        channels: usize,
        name: &str,
        key: &str,
        default: &str,
    ) -> Option<Vec<f64>> {
        let quantizer = if quantized {
            call.quantizer_or(key, default)
        } else {
            None
        };
        let weights = call.weights(name, &[channels], quantizer.as_deref())?;
        weights.values().iter().map(ToPrimitive::to_f64).collect()
    }

    /// `1 / sqrt(variance + epsilon)`, times gamma, through the inverse quantizer.
    pub(super) fn inverse(&self, call: &mut Call<'_>) -> Result<Vec<f64>, Vec<String>> {
        let mut inv = Vec::with_capacity(self.variance.len());
        for (channel, v) in self.variance.iter().enumerate() {
            let sum = v + self.epsilon;
            if sum <= 0.0 {
                return Err(vec![format!(
                    "channel {channel}: variance {v} plus epsilon {} is not positive",
                    self.epsilon
                )]);
            }
            inv.push(1.0 / sum.sqrt());
        }
        if let Some(gamma) = &self.gamma {
            for (i, g) in inv.iter_mut().zip(gamma) {
                *i *= g;
            }
        }
        if let Some(quantizer) = &self.inverse {
            let weights = quantizer
                .weights(&inv, &self.inverse_shape)
                .map_err(|e| vec![e.to_string()])?;
            call.note_weights("inverse", &inv, &weights);
            inv = weights
                .values()
                .iter()
                .filter_map(ToPrimitive::to_f64)
                .collect();
        }
        Ok(inv)
    }

    /// Factor and addend of each channel.
    ///
    /// The addend is exact for its factor, so that an operand equal to the mean gives beta itself; the
    /// factor is exact where the square root is.
    pub(super) fn constants(
        &self,
        call: &mut Call<'_>,
    ) -> Result<(Vec<Real>, Vec<Real>), Vec<String>> {
        let exact =
            |value: f64| from_f64(value).ok_or_else(|| vec![format!("a constant is {value}")]);
        let mut factors = Vec::with_capacity(self.mean.len());
        let mut addends = Vec::with_capacity(self.mean.len());
        for (c, &rounded) in self.inverse(call)?.iter().enumerate() {
            let variance = self.variance[c] + self.epsilon;
            let root = exact(variance.sqrt())?;
            let factor = if self.inverse.is_none() && &root * &root == exact(variance)? {
                exact(self.gamma.as_ref().map_or(1.0, |g| g[c]))? / root
            } else {
                exact(rounded)?
            };
            let beta = exact(self.beta.as_ref().map_or(0.0, |b| b[c]))?;
            addends.push(beta - exact(self.mean[c])? * &factor);
            factors.push(factor);
        }
        Ok((factors, addends))
    }

    /// Bias of a layer with the normalization folded in: `inv * (bias - mean) + beta`.
    pub(super) fn folded_bias(&self, inv: &[f64], bias: Option<&[f64]>) -> Vec<f64> {
        (0..inv.len())
            .map(|c| {
                let bias = bias.map_or(0.0, |b| b[c]);
                inv[c] * (bias - self.mean[c]) + self.beta.as_ref().map_or(0.0, |b| b[c])
            })
            .collect()
    }
}
