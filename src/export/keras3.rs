//! A model of Keras 2 in the terms of Keras 3.

use serde_json::{Value, json};

use crate::import::{Inner, KerasVersion, RawLayer, RawModel};

/// Keys that Keras 3 does not take, for a value that says nothing.
const DROPPED: &[&str] = &[
    "adjustment",
    "batch_input_shape",
    "enable_caching_device",
    "fused",
    "input_dim",
    "input_dtype",
    "input_shape",
    "ragged",
    "sparse",
    "virtual_batch_size",
];

/// Layers over channels of their own: Keras 2 wrote the keys of ordinary convolutions as well.
const DEPTHWISE: &[&str] = &[
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "SeparableConv1D",
    "SeparableConv2D",
];

/// Rewrites a model of Keras 2 so that Keras 3 computes the same; one of Keras 3 stays as it is.
/// What matters in training alone is left out.
///
/// # Errors
/// Everything that means something else in Keras 3, by layer.
pub fn upgrade(model: &mut RawModel) -> Result<(), Vec<String>> {
    let mut problems = Vec::new();
    if model.format.keras == KerasVersion::V2 {
        level(model, "", &mut problems);
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

fn level(model: &mut RawModel, prefix: &str, problems: &mut Vec<String>) {
    model.format.keras = KerasVersion::V3;
    for layer in &mut model.layers {
        self::layer(layer, prefix, problems);
    }
}

fn layer(layer: &mut RawLayer, prefix: &str, problems: &mut Vec<String>) {
    let place = format!("{prefix}{}", layer.name);
    match &mut layer.inner {
        Inner::None => {}
        Inner::Model(model) => level(model, &format!("{place}/"), problems),
        Inner::Layer(inner) => self::layer(inner, &format!("{place}/"), problems),
        Inner::Directions { forward, backward } => {
            self::layer(forward, &format!("{place}/"), problems);
            self::layer(backward, &format!("{place}/"), problems);
        }
        Inner::Cells(cells) => {
            for cell in cells {
                self::layer(cell, &format!("{place}/"), problems);
            }
        }
    }
    let class = layer.class_name.clone();
    let mut problem = |text: String| problems.push(format!("layer {place} ({class}): {text}"));
    let config = &mut layer.config;
    config.retain(|key, _| {
        let trained = ["_initializer", "_regularizer", "_constraint", "_range"];
        !DROPPED.contains(&key.as_str())
            && !trained.iter().any(|ending| key.ends_with(ending))
            && !key.starts_with("renorm")
            && (key != "batch_shape" || class == "InputLayer")
    });
    if let Some(dtype) = config.get_mut("dtype") {
        *dtype = json!("float32");
    }
    for key in ["activation", "recurrent_activation"] {
        let name = config.get(key).and_then(Value::as_str);
        // clip(0.2 x + 0.5, 0, 1) there, relu6(x + 3) / 6 here.
        if name == Some("hard_sigmoid") && !class.starts_with('Q') {
            problem(format!(
                "`{key}` is the hard_sigmoid of Keras 2, which Keras 3 does not have"
            ));
        }
    }
    if config
        .remove("time_major")
        .is_some_and(|v| v == json!(true))
    {
        problem("`time_major` is not in Keras 3".to_owned());
    }
    if DEPTHWISE.contains(&class.as_str())
        && let Some(groups) = config.remove("groups")
        && groups != json!(1)
    {
        problem(format!("`groups` is {groups}"));
    }
    match class.as_str() {
        "LeakyReLU" => {
            if let Some(slope) = config.remove("alpha") {
                config.insert("negative_slope".to_owned(), slope);
            }
        }
        "BatchNormalization" | "QBatchNormalization" => {
            let one = match config.get("axis") {
                Some(Value::Array(axes)) => match axes.as_slice() {
                    [one] => Some(one.clone()),
                    _ => None,
                },
                _ => None,
            };
            if let Some(axis) = one {
                config.insert("axis".to_owned(), axis);
            }
        }
        "ThresholdedReLU" => problem("Keras 3 has no such layer".to_owned()),
        _ => {}
    }
}
