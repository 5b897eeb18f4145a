//! `ReLU`, `LeakyReLU`, `PReLU`.
//!
//! `ReLU`: `x > threshold ? min(x, max_value) : negative_slope * (x - threshold)`.

use super::{Call, LayerDef, Outcome};
use crate::ir::math::Step;
use crate::ir::{Periodic, Real, from_f32, from_f64, positions};
use num_traits::Zero;

/// See the module.
pub(super) struct Rectifier;

impl LayerDef for Rectifier {
    fn classes(&self) -> &'static [&'static str] {
        &["LeakyReLU", "PReLU", "ReLU"]
    }

    fn lower(&self, call: &mut Call<'_>) -> Outcome {
        let input = call.inputs[0];
        let steps = match call.class() {
            "PReLU" => {
                let shape = call.shape(0);
                let slopes = prelu_slopes(call, &shape);
                vec![Step::Leaky {
                    threshold: Real::zero(),
                    slope: Periodic::new(slopes).compact(),
                }]
            }
            "LeakyReLU" => {
                // Keras 2 calls the slope `alpha`. Slopes are float32 constants in the layer.
                let slope = call.config.number("alpha", 0.3);
                let slope = call.config.number("negative_slope", slope);
                leaky(call, slope, 0.0)
            }
            _ => {
                let slope = call.config.number("negative_slope", 0.0);
                let threshold = call.config.number("threshold", 0.0);
                let mut steps = leaky(call, slope, threshold);
                if call.config.get("max_value").is_some() {
                    let max = call.config.number("max_value", 0.0);
                    if max < 0.0 {
                        call.config
                            .problem(format!("`max_value` is {max}; Keras wants 0 or more"));
                    }
                    steps.push(Step::Clip {
                        lo: None,
                        hi: from_f32(max as f32),
                    });
                }
                steps
            }
        };
        call.finish()?;
        Ok(vec![call.pointwise(input, steps)])
    }

    fn doc(&self) -> &'static str {
        "max_value, negative_slope, threshold; slopes per channel or element"
    }
}

/// A rectifier with constants as float32, which is what the layer computes with.
fn leaky(call: &Call<'_>, slope: f64, threshold: f64) -> Vec<Step> {
    let single = |x: f64| from_f32(x as f32);
    match (single(slope), single(threshold)) {
        (Some(slope), Some(threshold)) => {
            vec![Step::Leaky {
                threshold,
                slope: Periodic::uniform(slope),
            }]
        }
        _ => {
            call.config
                .problem("the slope or threshold is no finite float32");
            vec![]
        }
    }
}

/// One slope for each element of the input; shared axes have extent 1 in the stored weight.
fn prelu_slopes(call: &mut Call<'_>, shape: &[usize]) -> Vec<Real> {
    let shared: Vec<usize> = match call.config.get("shared_axes") {
        Some(serde_json::Value::Array(axes)) => axes
            .iter()
            .filter_map(|a| {
                a.as_u64()
                    .and_then(|a| usize::try_from(a).ok()?.checked_sub(1))
            })
            .collect(),
        _ => vec![],
    };
    let stored: Vec<usize> = shape
        .iter()
        .enumerate()
        .map(|(a, &n)| if shared.contains(&a) { 1 } else { n })
        .collect();
    let Some(values) = call.values("alpha", &stored) else {
        return vec![Real::zero()];
    };
    let value = |at: Vec<usize>| {
        let flat = at
            .iter()
            .zip(&stored)
            .fold(0, |f, (&i, &n)| f * n + if n == 1 { 0 } else { i });
        from_f64(values[flat]).unwrap_or_else(Real::zero)
    };
    positions(shape).map(value).collect()
}
