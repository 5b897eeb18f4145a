//! Convolutions and the batch normalizations behind them as one layer.

use serde_json::{Map, Value, json};

use super::Request;
use super::rules::{self, lookup};
use crate::import::{Dtype, Kwarg, RawLayer, RawModel, RawTensor, TensorRef, Values};

/// The class that a convolution has once it is folded.
pub(super) fn folded_class(class: &str) -> Option<&'static str> {
    match class {
        "Conv2D" => Some("QConv2DBatchnorm"),
        "DepthwiseConv2D" => Some("QDepthwiseConv2DBatchnorm"),
        _ => None,
    }
}

/// Takes every batch normalization that solely follows a convolution into it; returns the names of
/// both. The rules then rename the convolutions.
pub(super) fn fold(
    model: &mut RawModel,
    request: &Request,
    remarks: &mut Vec<String>,
) -> Vec<(String, String)> {
    let mut folded = Vec::new();
    let mut index = 0;
    while index < model.layers.len() {
        if let Some(behind) = batch_normalization_behind(model, index) {
            match refusal(&model.layers[index], &model.layers[behind], request) {
                Some(reason) => remarks.push(format!(
                    "layer {}: not folded with {}: {reason}",
                    model.layers[index].name, model.layers[behind].name
                )),
                None => {
                    let norm = model.layers[behind].clone();
                    let kernel = &mut model.layers[index];
                    take_in(kernel, &norm, request);
                    folded.push((kernel.name.clone(), norm.name.clone()));
                    remove(
                        model,
                        behind,
                        TensorRef {
                            layer: index,
                            call: 0,
                            output: 0,
                        },
                    );
                    if behind < index {
                        index -= 1;
                    }
                }
            }
        }
        index += 1;
    }
    folded
}

/// The batch normalization that is the only reader of a convolution.
fn batch_normalization_behind(model: &RawModel, index: usize) -> Option<usize> {
    let layer = &model.layers[index];
    folded_class(&layer.class_name)?;
    if layer.calls.len() != 1 || model.outputs.iter().any(|port| port.tensor.layer == index) {
        return None;
    }
    let reads = |reader: &RawLayer| {
        let tensors = reader.calls.iter().flat_map(|call| call.tensors());
        tensors.filter(|t| t.layer == index).count()
    };
    let mut readers = model
        .layers
        .iter()
        .enumerate()
        .filter(|(_, reader)| reads(reader) > 0);
    let (behind, reader) = readers.next()?;
    let alone = readers.next().is_none() && reads(reader) == 1 && reader.calls.len() == 1;
    (alone && reader.class_name == "BatchNormalization").then_some(behind)
}

/// Why the two cannot be one layer.
fn refusal(kernel: &RawLayer, norm: &RawLayer, request: &Request) -> Option<String> {
    let class = folded_class(&kernel.class_name).expect("only such layers come here");
    let key = rules::kernel_key(&kernel.class_name);
    let config = lookup(request, &kernel.name, class);
    let backup = lookup(request, &kernel.name, &format!("Q{}", kernel.class_name));
    let has = |entry: Option<rules::Entry<'_>>| entry.is_some_and(|entry| entry.get(key).is_some());
    if !has(config) && !has(backup) {
        return Some(format!("no {key} is asked for"));
    }
    if let Some(name) =
        rules::activation_name(kernel.config.get("activation")).filter(|name| name != "linear")
    {
        return Some(format!("the activation {name} stands between them"));
    }
    let rank = 4;
    let axis = match norm.config.get("axis") {
        Some(Value::Array(axes)) => axes.first().and_then(Value::as_i64),
        Some(axis) => axis.as_i64(),
        None => Some(-1),
    };
    let first = kernel.config.get("data_format").and_then(Value::as_str) == Some("channels_first");
    let channels: &[i64] = if first {
        &[1, 1 - rank]
    } else {
        &[-1, rank - 1]
    };
    if !axis.is_some_and(|axis| channels.contains(&axis)) {
        return Some("it does not normalize the channels".to_owned());
    }
    if kernel
        .config
        .get("groups")
        .is_some_and(|groups| *groups != json!(1))
        && class == "QConv2DBatchnorm"
    {
        return Some("the folded layer of QKeras has no groups".to_owned());
    }
    None
}

/// Makes a convolution the folded layer: everything but its class, which the rules set.
fn take_in(kernel: &mut RawLayer, norm: &RawLayer, request: &Request) {
    let class = folded_class(&kernel.class_name).expect("only such layers come here");
    let entry = lookup(request, &kernel.name, class);
    let set = |key: &str| entry.and_then(|entry| entry.get(key)).cloned();
    let channels = norm.weights.get("moving_mean").map_or(1, RawTensor::len);
    let constant = |name: &str, value: f32| RawTensor {
        path: name.to_owned(),
        shape: vec![channels],
        dtype: Dtype::F32,
        values: Values::F32(vec![value; channels]),
    };
    kernel
        .weights
        .entry("bias".to_owned())
        .or_insert_with(|| constant("bias", 0.0));
    for (name, missing) in [
        ("gamma", 1.0),
        ("beta", 0.0),
        ("moving_mean", 0.0),
        ("moving_variance", 1.0),
    ] {
        let tensor = norm.weights.get(name).cloned();
        let tensor = tensor.unwrap_or_else(|| constant(name, missing));
        kernel.weights.insert(name.to_owned(), tensor);
    }
    let config = &mut kernel.config;
    let kept = ["axis", "momentum", "epsilon"];
    let hyper: Map<String, Value> = norm
        .config
        .iter()
        .filter(|(key, _)| {
            kept.contains(&key.as_str()) || key.starts_with("gamma_") || key.starts_with("beta_")
        })
        .chain(
            norm.config
                .iter()
                .filter(|(key, _)| key.starts_with("moving_")),
        )
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    config.extend(hyper);
    // Where the normalization had none, the numbers that change nothing are stored.
    config.insert("scale".to_owned(), json!(true));
    config.insert("center".to_owned(), json!(true));
    config.insert("use_bias".to_owned(), json!(true));
    let mode = set("folding_mode").unwrap_or_else(|| json!("ema_stats_folding"));
    config.insert("folding_mode".to_owned(), mode);
    let delay = set("ema_freeze_delay").filter(|delay| *delay != json!(0));
    config.insert("ema_freeze_delay".to_owned(), delay.unwrap_or(Value::Null));
}

/// Removes a layer; what read its output reads `instead`.
fn remove(model: &mut RawModel, gone: usize, instead: TensorRef) {
    let moved = |tensor: &mut TensorRef| {
        if tensor.layer == gone {
            *tensor = instead;
        }
        if tensor.layer > gone {
            tensor.layer -= 1;
        }
    };
    for layer in &mut model.layers {
        for call in &mut layer.calls {
            call.inputs.iter_mut().for_each(moved);
            for kwarg in call.kwargs.values_mut() {
                if let Kwarg::Tensors(tensors) = kwarg {
                    tensors.iter_mut().for_each(moved);
                }
            }
        }
    }
    let ports = model.inputs.iter_mut().chain(&mut model.outputs);
    ports.for_each(|port| moved(&mut port.tensor));
    model.order.retain(|call| call.layer != gone);
    for call in &mut model.order {
        if call.layer > gone {
            call.layer -= 1;
        }
    }
    model.layers.remove(gone);
}
