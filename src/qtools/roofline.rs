//! Arithmetic and bytes for roofline plots, as QTools' `get_roofline_numbers`.

use serde::Serialize;

use super::map::{Kind, Map};
use crate::ir::elements;

/// `get_roofline_numbers`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Roofline {
    /// Arithmetic computation effort: multiplications times bits times bits, of layers with weights.
    #[serde(rename = "ACE")]
    pub ace: f64,
    /// Bytes of weights and biases.
    pub weight_in_bytes: f64,
    /// Bytes of the results of `QActivation` layers, and of the inputs.
    pub activation_in_bytes: f64,
    /// With floats.
    #[serde(rename = "ACE_float")]
    pub ace_float: f64,
    /// With floats.
    pub weight_in_bytes_float: f64,
    /// With floats.
    pub activation_in_bytes_float: f64,
}

/// Whole bytes of a tensor.
fn bytes(elements: usize, bits: f64) -> f64 {
    (elements as f64 * bits / 8.0).trunc()
}

impl Map {
    /// The roofline numbers; `float_bits` of a float number, `with_input` counts the model's inputs too.
    #[must_use]
    pub fn roofline(&self, with_input: bool, float_bits: u32) -> Roofline {
        let float = f64::from(float_bits);
        let mut found = Roofline::default();
        for layer in self.layers.values() {
            if let Kind::Linear(linear) = &layer.kind {
                let count = layer.operations as f64;
                let input = layer.inputs.first().map_or(0, |t| t.bits) as f64;
                found.ace += count * input * linear.weight.bits as f64;
                found.ace_float += count * float * float;
                let weights = elements(&linear.weight_shape);
                found.weight_in_bytes += bytes(weights, linear.weight.bits as f64);
                found.weight_in_bytes_float += bytes(weights, float);
                if let Some(bias) = &linear.bias {
                    found.weight_in_bytes += bytes(linear.bias_length, bias.bits as f64);
                    found.weight_in_bytes_float += bytes(linear.bias_length, float);
                }
            }
            if layer.class == "QActivation" {
                let size = layer.output_shape.as_ref().map_or(1, |s| elements(s));
                found.activation_in_bytes += bytes(size, layer.output.bits as f64);
                found.activation_in_bytes_float += bytes(size, float);
            }
        }
        if with_input {
            for (shape, ty) in self.source_shapes.iter().zip(&self.sources) {
                let size = elements(shape) as f64;
                found.activation_in_bytes += size * ty.bits as f64 / 8.0;
                found.activation_in_bytes_float += size * float / 8.0;
            }
        }
        found
    }
}
