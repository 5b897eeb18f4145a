//! What is asked for: QKeras' quantizer dictionary and the arguments beside it.

use serde_json::{Map, Value};

/// The arguments of `model_quantize`, but for the model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
    /// Quantizers by layer name, by quantized class, or under `default`.
    pub quantizers: Map<String, Value>,
    /// Bits of `quantized_relu`, `quantized_tanh` and `quantized_sigmoid` where an activation inside a
    /// layer has no quantizer of its own.
    pub activation_bits: Option<u32>,
    /// Whether activations become `QAdaptiveActivation` where both are asked for.
    pub prefer_qadaptiveactivation: bool,
    /// Whether convolutions are folded with the batch normalization behind them.
    pub enable_bn_folding: bool,
}

impl Request {
    /// Reads a dictionary: the quantizers, with the other arguments among them or around them
    /// (`{"quantizer_config": {..}, "activation_bits": 4}`).
    ///
    /// # Errors
    /// Everything that is no such argument.
    pub fn from_json(value: &Value) -> Result<Self, Vec<String>> {
        let Value::Object(object) = value else {
            return Err(vec![
                "an object with quantizers by layer or class is wanted".to_owned(),
            ]);
        };
        let mut request = Self::default();
        let mut problems = Vec::new();
        let (mut object, nested) = (object.clone(), object.contains_key("quantizer_config"));
        match object.shift_remove("quantizer_config") {
            None => {}
            Some(Value::Object(quantizers)) => request.quantizers = quantizers,
            Some(other) => problems.push(format!(
                "`quantizer_config` is {other}, but an object is wanted"
            )),
        }
        for (key, value) in object {
            let mut flag = |into: &mut bool| match value {
                Value::Bool(on) => *into = on,
                ref other => {
                    problems.push(format!("`{key}` is {other}, but true or false is wanted"))
                }
            };
            match key.as_str() {
                "prefer_qadaptiveactivation" => flag(&mut request.prefer_qadaptiveactivation),
                "enable_bn_folding" => flag(&mut request.enable_bn_folding),
                "transfer_weights" => {
                    let mut transfer = true;
                    flag(&mut transfer);
                    if !transfer {
                        problems.push(
                            "`transfer_weights` is false, but the weights are always kept"
                                .to_owned(),
                        );
                    }
                }
                "activation_bits" => match value.as_u64().and_then(|bits| u32::try_from(bits).ok())
                {
                    Some(bits @ 1..=32) => request.activation_bits = Some(bits),
                    _ => problems.push(format!(
                        "`activation_bits` is {value}, but 1 to 32 is wanted"
                    )),
                },
                _ if nested => problems.push(format!(
                    "`{key}` is no argument; beside `quantizer_config` stand activation_bits, \
                     enable_bn_folding, prefer_qadaptiveactivation, transfer_weights"
                )),
                _ => {
                    request.quantizers.insert(key, value);
                }
            }
        }
        if problems.is_empty() {
            Ok(request)
        } else {
            Err(problems)
        }
    }
}
