//! `QAdaptiveActivation`: `quantized_bits` or `quantized_relu` whose integer bits follow from the
//! ranges that training has seen.
//!
//! QKeras does not store the integer bits; they follow from the stored moving minimum and maximum by
//! the rule of [`integer_bits`], which is what the layer uses from its second call on.

use serde_json::json;

use super::{Call, LayerDef, Outcome};

/// See the module.
pub(super) struct AdaptiveActivation;

impl LayerDef for AdaptiveActivation {
    fn classes(&self) -> &'static [&'static str] {
        &["QAdaptiveActivation"]
    }

    fn lower(&self, call: &mut Call<'_>) -> Outcome {
        // What moves the ranges in training.
        call.config.ignore(&[
            "current_step",
            "quantization_delay",
            "ema_freeze_delay",
            "ema_decay",
        ]);
        call.ignore_weight("step");
        let name = call
            .config
            .choice("activation", &["quantized_bits", "quantized_relu"]);
        let bits = call.config.integer("total_bits", 0);
        if !(1..=30).contains(&bits) {
            call.config
                .problem(format!("`total_bits` is {bits}; 1 to 30 are supported"));
        }
        let symmetric = call.config.flag("symmetric", true);
        let slope = call.config.number("relu_neg_slope", 0.0);
        let signed = name == "quantized_bits" || slope != 0.0;
        let power_of_two = call.config.flag("po2_rounding", false);
        let channels = if call.config.flag("per_channel", false) {
            call.shape(0).last().copied().unwrap_or(1)
        } else {
            1
        };
        let lowest = call.values("ema_min", &[channels]);
        let highest = call.values("ema_max", &[channels]);
        let integers: Vec<i64> = lowest
            .iter()
            .flatten()
            .zip(highest.iter().flatten())
            .map(|(&lo, &hi)| {
                let (lo, hi) = if signed {
                    (lo, hi)
                } else {
                    (lo.max(0.0), hi.max(0.0))
                };
                let most = bits - i64::from(signed);
                integer_bits(lo, hi, most, symmetric, power_of_two)
            })
            .collect();
        let integer = match integers.as_slice() {
            [one] => json!(one),
            many => json!(many),
        };
        let quantizer = if name == "quantized_bits" {
            json!({"class_name": name, "config": {
                "bits": bits, "integer": integer, "symmetric": symmetric, "keep_negative": true, "alpha": 1.0,
            }})
        } else {
            json!({"class_name": name, "config": {
                "bits": bits, "integer": integer, "negative_slope": slope, "is_quantized_clip": false,
            }})
        };
        let activation = call.activation_of("activation", &quantizer);
        call.finish()?;
        call.remark("the integer bits follow from the stored ranges");
        let input = call.inputs[0];
        Ok(vec![call.activate(input, activation)])
    }

    fn doc(&self) -> &'static str {
        "integer bits from the stored moving ranges, per tensor or per channel"
    }
}

/// Integer bits, without sign, that cover a range; `most` is the number of bits without sign.
fn integer_bits(lo: f64, hi: f64, most: i64, symmetric: bool, power_of_two: bool) -> i64 {
    let exponent = |x: f64| x.abs().log2().max(0.0);
    let (below, above) = if power_of_two {
        (
            exponent(lo).round_ties_even(),
            exponent(hi).round_ties_even(),
        )
    } else {
        // One more bit where the largest code falls short of the range's end.
        let last = |bits: f64| bits.exp2() - (bits - most as f64).min(0.0).exp2();
        let (below, above) = (exponent(lo).ceil(), exponent(hi).ceil());
        (
            below + f64::from(symmetric && lo < -last(below)),
            above + f64::from(hi > last(above)),
        )
    };
    // Ranges are float32, so that exponents are below 2^8.
    (below.max(above) as i64).min(most)
}

#[cfg(test)]
mod tests {
    use super::integer_bits;

    /// Values of QKeras' `_get_integer_bits`.
    #[test]
    fn ranges_are_covered() {
        assert_eq!(integer_bits(-1.0, 1.0, 7, false, false), 1);
        assert_eq!(integer_bits(-1.0, 0.99, 7, false, false), 0);
        assert_eq!(integer_bits(-1.0, 0.99, 7, true, false), 1);
        assert_eq!(integer_bits(-3.0, 100.0, 4, false, false), 4);
        assert_eq!(integer_bits(0.0, 5.6, 8, false, true), 2);
        assert_eq!(integer_bits(0.0, 0.0, 8, false, false), 0);
    }
}
