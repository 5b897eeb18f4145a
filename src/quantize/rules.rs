//! Which float layer becomes which quantized one, and what its entry of the dictionary may say.

use serde_json::{Value, json};

use super::fold::folded_class;
use super::{Placed, Request};
use crate::import::{Format, Inner, RawLayer, RawModel};
use crate::quantizers::{self, Choices, Context, Slot};

/// What an entry for a quantized class may hold, in the order of QKeras' constructor.
const KEYS: &[(&str, &[&str])] = &[
    (
        "QDense",
        &["kernel_quantizer", "bias_quantizer", "activation_quantizer"],
    ),
    (
        "QConv1D",
        &["kernel_quantizer", "bias_quantizer", "activation_quantizer"],
    ),
    (
        "QConv2D",
        &["kernel_quantizer", "bias_quantizer", "activation_quantizer"],
    ),
    (
        "QConv2DTranspose",
        &["kernel_quantizer", "bias_quantizer", "activation_quantizer"],
    ),
    (
        "QDepthwiseConv2D",
        &[
            "depthwise_quantizer",
            "bias_quantizer",
            "activation_quantizer",
        ],
    ),
    ("QSeparableConv1D", SEPARABLE),
    ("QSeparableConv2D", SEPARABLE),
    (
        "QConv2DBatchnorm",
        &[
            "kernel_quantizer",
            "bias_quantizer",
            "activation_quantizer",
            "folding_mode",
            "ema_freeze_delay",
        ],
    ),
    (
        "QDepthwiseConv2DBatchnorm",
        &[
            "depthwise_quantizer",
            "bias_quantizer",
            "activation_quantizer",
            "folding_mode",
            "ema_freeze_delay",
        ],
    ),
    (
        "QSimpleRNN",
        &[
            "kernel_quantizer",
            "recurrent_quantizer",
            "bias_quantizer",
            "state_quantizer",
            "activation_quantizer",
        ],
    ),
    ("QLSTM", GATED),
    ("QGRU", GATED),
    ("QBidirectional", GATED),
    (
        "QBatchNormalization",
        &[
            "gamma_quantizer",
            "beta_quantizer",
            "mean_quantizer",
            "variance_quantizer",
            "inverse_quantizer",
        ],
    ),
    (
        "QAveragePooling2D",
        &["average_quantizer", "activation_quantizer"],
    ),
    (
        "QGlobalAveragePooling2D",
        &["average_quantizer", "activation_quantizer"],
    ),
];
const SEPARABLE: &[&str] = &[
    "depthwise_quantizer",
    "pointwise_quantizer",
    "bias_quantizer",
    "activation_quantizer",
];
const GATED: &[&str] = &[
    "kernel_quantizer",
    "recurrent_quantizer",
    "bias_quantizer",
    "state_quantizer",
    "activation_quantizer",
    "recurrent_activation_quantizer",
];
/// What `default` may hold: QKeras' documentation has the short names.
const DEFAULT_KEYS: &[&str] = &["kernel", "bias", "kernel_quantizer", "bias_quantizer"];
/// Classes whose entry is a quantizer, or one for each float activation.
const ACTIVATIONS: &[&str] = &["QActivation", "QAdaptiveActivation"];

/// The quantized class of a float one, folding aside.
fn quantized_class(class: &str) -> Option<&'static str> {
    Some(match class {
        "Activation" | "ReLU" | "LeakyReLU" => "QActivation",
        _ => KEYS.iter().map(|(q, _)| *q).find(|q| q[1..] == *class)?,
    })
}

fn keys_of(class: &str) -> Option<&'static [&'static str]> {
    KEYS.iter()
        .find(|(q, _)| *q == class)
        .map(|(_, keys)| *keys)
}

/// The slot of a layer's kernel in the dictionary.
pub(super) fn kernel_key(class: &str) -> &'static str {
    match class {
        "DepthwiseConv2D" | "SeparableConv1D" | "SeparableConv2D" => "depthwise_quantizer",
        "AveragePooling2D" | "GlobalAveragePooling2D" => "average_quantizer",
        _ => "kernel_quantizer",
    }
}

/// The entry of a layer: its own, else its class', else the default one. Entries are never merged.
#[derive(Debug, Clone, Copy)]
pub(super) enum Entry<'a> {
    /// By name or class.
    Own(&'a Value),
    /// `default`.
    Default(&'a Value),
}

impl<'a> Entry<'a> {
    /// A key of the entry; absent and null are the same.
    pub(super) fn get(self, key: &str) -> Option<&'a Value> {
        let found = match self {
            Self::Own(entry) => entry.get(key),
            Self::Default(entry) => {
                let short = match key {
                    "kernel_quantizer"
                    | "depthwise_quantizer"
                    | "pointwise_quantizer"
                    | "recurrent_quantizer" => "kernel",
                    "bias_quantizer" => "bias",
                    _ => return None,
                };
                entry
                    .get(short)
                    .or_else(|| entry.get(format!("{short}_quantizer")))
            }
        };
        found.filter(|value| !value.is_null())
    }
}

/// See [`Entry`].
pub(super) fn lookup<'a>(request: &'a Request, layer: &str, class: &str) -> Option<Entry<'a>> {
    let entry = |key: &str| request.quantizers.get(key).filter(|entry| !entry.is_null());
    let own = entry(layer).or_else(|| entry(class)).map(Entry::Own);
    own.or_else(|| entry("default").map(Entry::Default))
}

/// The name of an activation that is a function of Keras.
pub(super) fn activation_name(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(name) => Some(name.clone()),
        Value::Object(record) if record.get("class_name") == Some(&json!("function")) => record
            .get("config")
            .and_then(Value::as_str)
            .map(str::to_owned),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

/// Reports every entry that no layer can use, and every quantizer that cannot be read.
pub(super) fn check(request: &Request, model: &RawModel, problems: &mut Vec<String>) {
    for (key, entry) in &request.quantizers {
        let layer = model.layers.iter().find(|layer| layer.name == *key);
        let (classes, place) = match layer {
            Some(layer) => {
                let class = quantized_class(&layer.class_name);
                let Some(class) = class else {
                    problems.push(format!(
                        "`{key}`: layers of class {} have no quantized form",
                        layer.class_name
                    ));
                    continue;
                };
                let folded = folded_class(&layer.class_name).filter(|_| request.enable_bn_folding);
                (vec![folded.unwrap_or(class)], format!("`{key}`"))
            }
            None if key == "default" => (vec!["default"], "`default`".to_owned()),
            None if keys_of(key).is_some() || ACTIVATIONS.contains(&key.as_str()) => {
                (vec![key.as_str()], format!("`{key}`"))
            }
            None => {
                let classes: Vec<&str> = KEYS
                    .iter()
                    .map(|(q, _)| *q)
                    .chain(ACTIVATIONS.iter().copied())
                    .collect();
                let names: Vec<&str> = model.layers.iter().map(|l| l.name.as_str()).collect();
                problems.push(format!(
                    "`{key}` is neither a layer nor a quantized class; the layers are {}; the classes are {} \
                     and default",
                    names.join(", "),
                    classes.join(", ")
                ));
                continue;
            }
        };
        for class in classes {
            check_entry(class, entry, &place, model.format, problems);
        }
    }
}

fn check_entry(
    class: &str,
    entry: &Value,
    place: &str,
    format: Format,
    problems: &mut Vec<String>,
) {
    let keys = if class == "default" {
        Some(DEFAULT_KEYS)
    } else {
        keys_of(class)
    };
    // A slot's key, empty for activations.
    let wrong = |slot: &str, value: &Value| {
        let slot = match slot {
            "" => Slot::Activation,
            key => Slot::of_key(key, class),
        };
        let context = Context::of_layer(slot, class, format, &Choices::default());
        quantizers::parse(value, &context).err()
    };
    match (entry, keys) {
        (Value::Null, _) => {}
        // Activations: one quantizer, or one for each float activation; an empty text stands for activation_bits.
        (Value::String(text), None) if text.is_empty() => {}
        (Value::String(_), None) => problems.extend(wrong("", entry).map(|problem| format!("{place}: {problem}"))),
        (Value::Object(each), None) if !each.contains_key("class_name") => {
            for (name, quantizer) in each.iter().filter(|(_, q)| !q.is_null() && *q != "") {
                problems.extend(wrong("", quantizer).map(|problem| format!("{place} `{name}`: {problem}")));
            }
        }
        (Value::Object(_), None) => problems.extend(wrong("", entry).map(|problem| format!("{place}: {problem}"))),
        (Value::Object(slots), Some(keys)) => {
            for (key, value) in slots {
                match key.as_str() {
                    _ if !keys.contains(&key.as_str()) => problems.push(format!(
                        "{place} `{key}`: there is no such slot; {class} reads {}",
                        keys.join(", ")
                    )),
                    _ if value.is_null() => {}
                    "folding_mode" => {
                        if !["ema_stats_folding", "batch_stats_folding"].map(Value::from).contains(value) {
                            problems.push(format!(
                                "{place} `{key}` is {value}; ema_stats_folding and batch_stats_folding are known"
                            ));
                        }
                    }
                    "ema_freeze_delay" => {
                        if !value.is_i64() {
                            problems.push(format!("{place} `{key}` is {value}, but an integer is wanted"));
                        }
                    }
                    _ => {
                        let slot = match key.as_str() {
                            "activation_quantizer" | "recurrent_activation_quantizer" => String::new(),
                            "kernel" | "bias" => format!("{key}_quantizer"),
                            key => key.to_owned(),
                        };
                        problems.extend(wrong(&slot, value).map(|problem| format!("{place} `{key}`: {problem}")));
                    }
                }
            }
        }
        (other, Some(keys)) => problems.push(format!(
            "{place} is {other}, but an object is wanted; {class} reads {}",
            keys.join(", ")
        )),
        (other, None) => problems.push(format!(
            "{place} is {other}, but a quantizer is wanted, or an object with one for each activation"
        )),
    }
}

/// Changes every layer that the request speaks of.
pub(super) fn apply(
    model: &mut RawModel,
    request: &Request,
    folded: &[(String, String)],
    problems: &mut Vec<String>,
    remarks: &mut Vec<String>,
) -> Vec<Placed> {
    let mut work = Work {
        request,
        problems,
        remarks,
        placed: Vec::new(),
    };
    for layer in &mut model.layers {
        let folded = folded.iter().any(|(kernel, _)| *kernel == layer.name);
        work.layer(layer, folded);
    }
    work.placed
}

struct Work<'a> {
    request: &'a Request,
    problems: &'a mut Vec<String>,
    remarks: &'a mut Vec<String>,
    placed: Vec<Placed>,
}

impl Work<'_> {
    fn layer(&mut self, layer: &mut RawLayer, folded: bool) {
        match layer.class_name.as_str() {
            "Dense"
            | "Conv1D"
            | "Conv2D"
            | "Conv2DTranspose"
            | "DepthwiseConv2D"
            | "SeparableConv1D"
            | "SeparableConv2D"
            | "AveragePooling2D"
            | "GlobalAveragePooling2D" => self.weighted(layer, folded),
            "SimpleRNN" | "LSTM" | "GRU" => {
                let class = format!("Q{}", layer.class_name);
                let entry = lookup(self.request, &layer.name, &class);
                self.recurrent(layer, entry, "");
            }
            "Bidirectional" => {
                let entry = lookup(self.request, &layer.name, "QBidirectional");
                let place = format!("{}/", layer.name);
                if let Inner::Directions { forward, backward } = &mut layer.inner {
                    self.recurrent(forward, entry, &place);
                    self.recurrent(backward, entry, &place);
                }
                layer.class_name = "QBidirectional".to_owned();
            }
            "Activation" => self.activation(layer),
            "ReLU" | "LeakyReLU" => self.rectifier(layer),
            "BatchNormalization" => self.batch_normalization(layer),
            _ => {
                if let Inner::Model(_) | Inner::Layer(_) = layer.inner {
                    self.remarks.push(format!(
                        "layer {} ({}): what it contains stays as it is, as in QKeras",
                        layer.name, layer.class_name
                    ));
                }
            }
        }
    }

    fn set(&mut self, layer: &mut RawLayer, place: &str, key: &str, value: Option<&Value>) {
        let quantizer = value.cloned().unwrap_or(Value::Null);
        if !quantizer.is_null() {
            self.placed.push(Placed {
                layer: format!("{place}{}", layer.name),
                key: key.to_owned(),
            });
        }
        layer.config.insert(key.to_owned(), quantizer);
    }

    /// Layers with a kernel, and averages, whose factor is one.
    fn weighted(&mut self, layer: &mut RawLayer, folded: bool) {
        let plain = quantized_class(&layer.class_name).expect("the caller matched it");
        let class = if folded {
            folded_class(&layer.class_name).unwrap_or(plain)
        } else {
            plain
        };
        let kernel = kernel_key(&layer.class_name);
        let mut entry = lookup(self.request, &layer.name, class);
        if folded && entry.is_none_or(|entry| entry.get(kernel).is_none()) {
            entry = lookup(self.request, &layer.name, plain);
        }
        // Without a kernel quantizer a layer is left alone.
        let Some((entry, quantizer)) = entry.and_then(|e| Some((e, e.get(kernel)?))) else {
            return;
        };
        self.set(layer, "", kernel, Some(quantizer));
        if class.starts_with("QSeparable") {
            self.set(
                layer,
                "",
                "pointwise_quantizer",
                entry.get("pointwise_quantizer"),
            );
        }
        if kernel != "average_quantizer" {
            let use_bias = layer.config.get("use_bias").and_then(Value::as_bool) != Some(false);
            self.set(
                layer,
                "",
                "bias_quantizer",
                entry.get("bias_quantizer").filter(|_| use_bias),
            );
        }
        layer.class_name = class.to_owned();
        match entry.get("activation_quantizer") {
            Some(quantizer) => self.set(layer, "", "activation", Some(quantizer)),
            None => self.activation_bits(layer, ""),
        }
    }

    /// relu, tanh and sigmoid inside a layer get the bits that were asked for.
    fn activation_bits(&mut self, layer: &mut RawLayer, place: &str) {
        let Some(name) = activation_name(layer.config.get("activation")) else {
            return;
        };
        let quantizer = match name.as_str() {
            "relu" => "quantized_relu",
            "tanh" => "quantized_tanh",
            "sigmoid" => "quantized_sigmoid",
            "linear" => return,
            other => {
                self.remarks.push(format!(
                    "layer {place}{}: the activation {other} stays as it is, as in QKeras",
                    layer.name
                ));
                return;
            }
        };
        match self.request.activation_bits {
            Some(bits) => self.set(layer, place, "activation", Some(&json!(format!("{quantizer}({bits})")))),
            None => self.problems.push(format!(
                "layer {place}{} ({}): its activation {name} has no activation_quantizer, so activation_bits is needed",
                layer.name, layer.class_name
            )),
        }
    }

    fn recurrent(&mut self, layer: &mut RawLayer, entry: Option<Entry<'_>>, place: &str) {
        let Some(entry) = entry.filter(|entry| entry.get("kernel_quantizer").is_some()) else {
            return;
        };
        if !matches!(layer.class_name.as_str(), "SimpleRNN" | "LSTM" | "GRU") {
            return;
        }
        let use_bias = layer.config.get("use_bias").and_then(Value::as_bool) != Some(false);
        for key in [
            "kernel_quantizer",
            "recurrent_quantizer",
            "bias_quantizer",
            "state_quantizer",
        ] {
            self.set(
                layer,
                place,
                key,
                entry
                    .get(key)
                    .filter(|_| use_bias || key != "bias_quantizer"),
            );
        }
        match entry.get("activation_quantizer") {
            Some(quantizer) => self.set(layer, place, "activation", Some(quantizer)),
            None => self.activation_bits(layer, place),
        }
        if layer.class_name != "SimpleRNN"
            && let Some(quantizer) = entry.get("recurrent_activation_quantizer")
        {
            self.set(layer, place, "recurrent_activation", Some(quantizer));
        }
        layer.class_name = format!("Q{}", layer.class_name);
    }

    fn activation(&mut self, layer: &mut RawLayer) {
        let name = activation_name(layer.config.get("activation")).unwrap_or_default();
        let order: [&str; 2] = match self.request.prefer_qadaptiveactivation {
            true => ["QAdaptiveActivation", "QActivation"],
            false => ["QActivation", "QAdaptiveActivation"],
        };
        let found =
            order
                .iter()
                .find_map(|class| match lookup(self.request, &layer.name, class)? {
                    Entry::Own(entry) => Some((*class, entry)),
                    Entry::Default(_) => None,
                });
        let Some((class, entry)) = found else { return };
        let Some(quantizer) = for_activation(entry, &name) else {
            return;
        };
        if class == "QActivation" {
            self.become_activation(layer, quantizer);
            return;
        }
        let Value::String(text) = quantizer else {
            self.problems.push(format!(
                "layer {}: QAdaptiveActivation takes a text such as quantized_relu(6)",
                layer.name
            ));
            return;
        };
        let (function, bits) = text.split_once('(').unwrap_or((text, ""));
        let bits = bits
            .trim_end_matches(')')
            .trim()
            .trim_start_matches("bits=");
        let Ok(bits) = bits.parse::<u32>() else {
            self.problems.push(format!(
                "layer {}: `{text}`: QAdaptiveActivation takes the number of bits alone, such as quantized_relu(6)",
                layer.name
            ));
            return;
        };
        layer.class_name = class.to_owned();
        layer.config.insert("total_bits".to_owned(), json!(bits));
        layer
            .config
            .insert("activation".to_owned(), json!(function));
        for (slot, integer) in [("step", true), ("ema_min", false), ("ema_max", false)] {
            layer.weights.insert(slot.to_owned(), fresh(slot, integer));
        }
        self.placed.push(Placed {
            layer: layer.name.clone(),
            key: "ema".to_owned(),
        });
    }

    fn rectifier(&mut self, layer: &mut RawLayer) {
        let Some(Entry::Own(entry)) = lookup(self.request, &layer.name, "QActivation") else {
            return;
        };
        let config = |key: &str| layer.config.get(key).and_then(Value::as_f64);
        let slope = config("negative_slope").unwrap_or(match layer.class_name.as_str() {
            "LeakyReLU" => 0.3,
            _ => 0.0,
        });
        let name = if slope > 0.0 { "leakyrelu" } else { "relu" };
        let Some(quantizer) = for_activation(entry, name) else {
            return;
        };
        let mut dropped = Vec::new();
        for key in ["max_value", "threshold"] {
            dropped.extend(
                config(key)
                    .filter(|v| *v != 0.0)
                    .map(|v| format!("{key} {v}")),
            );
        }
        if slope > 0.0 {
            dropped.push(format!("negative_slope {slope}"));
        }
        if !dropped.is_empty() {
            self.remarks.push(format!(
                "layer {} ({}): its {} gives way to the quantizer, as in QKeras",
                layer.name,
                layer.class_name,
                dropped.join(" and ")
            ));
        }
        for key in ["max_value", "negative_slope", "threshold"] {
            layer.config.shift_remove(key);
        }
        if quantizer == "" {
            layer.config.insert("activation".to_owned(), json!("relu"));
        }
        self.become_activation(layer, quantizer);
    }

    fn become_activation(&mut self, layer: &mut RawLayer, quantizer: &Value) {
        layer.class_name = "QActivation".to_owned();
        if quantizer == "" {
            self.activation_bits(layer, "");
        } else {
            self.set(layer, "", "activation", Some(quantizer));
        }
    }

    fn batch_normalization(&mut self, layer: &mut RawLayer) {
        let Some(Entry::Own(entry)) = lookup(self.request, &layer.name, "QBatchNormalization")
        else {
            return;
        };
        let entry = Entry::Own(entry);
        for key in [
            "gamma_quantizer",
            "beta_quantizer",
            "mean_quantizer",
            "variance_quantizer",
        ] {
            self.set(layer, "", key, entry.get(key));
        }
        if let Some(quantizer) = entry.get("inverse_quantizer") {
            self.set(layer, "", "inverse_quantizer", Some(quantizer));
        }
        layer.class_name = "QBatchNormalization".to_owned();
    }
}

/// The quantizer for a float activation: the only one, or the one under its name.
fn for_activation<'a>(entry: &'a Value, name: &str) -> Option<&'a Value> {
    match entry {
        Value::Object(each) if !each.contains_key("class_name") => {
            each.get(name).filter(|q| !q.is_null() && *q != "")
        }
        one => Some(one),
    }
}

/// A variable of a `QAdaptiveActivation` that has not seen any data.
fn fresh(name: &str, integer: bool) -> crate::import::RawTensor {
    use crate::import::{Dtype, RawTensor, Values};
    let (dtype, values, shape) = if integer {
        (Dtype::Int, Values::I64(vec![-1]), vec![])
    } else {
        (Dtype::F32, Values::F32(vec![0.0]), vec![1])
    };
    RawTensor {
        path: name.to_owned(),
        shape,
        dtype,
        values,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_the_quantized_form_of_one() {
        for (class, _) in KEYS {
            if *class == "QBidirectional" {
                continue;
            }
            let float = class.trim_start_matches('Q').trim_end_matches("Batchnorm");
            assert!(quantized_class(float).is_some(), "{class}");
        }
    }
}
