//! The architecture as the JSON of Keras 3.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::ExportError;
use crate::import::{Inner, Kwarg, Port, RawCall, RawLayer, RawModel, TensorRef};
use crate::ir::Shape;
use crate::ir::math::Network;

/// How much a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `.keras` and `.json`: module and registered name of every class.
    Full,
    /// `model_config` of a `.h5`: the package in front of the class name.
    Legacy,
}

/// The shape of every layer's outputs, which the file tells along with each tensor.
pub(super) struct Shapes(BTreeMap<String, Shape>);

impl Shapes {
    pub(super) fn new(network: &Network) -> Self {
        let taps = network.taps.iter();
        Self(
            taps.map(|tap| (tap.name.clone(), network.node(tap.node).shape.clone()))
                .collect(),
        )
    }

    /// With the batch axis; unknown where the layer was not lowered.
    fn of(&self, prefix: &str, layer: &RawLayer, tensor: TensorRef) -> Value {
        let path = format!("{prefix}{}", layer.name);
        let call = if tensor.call == 0 {
            String::new()
        } else {
            format!("#{}", tensor.call)
        };
        let output = if tensor.output == 0 {
            String::new()
        } else {
            format!(":{}", tensor.output)
        };
        match self.0.get(&format!("{path}{call}{output}")) {
            Some(shape) => std::iter::once(Value::Null)
                .chain(shape.iter().map(|&n| json!(n)))
                .collect(),
            None => json!([null]),
        }
    }
}

/// Where a QKeras class is defined; `None` for classes of Keras.
fn qkeras_module(class: &str) -> Option<&'static str> {
    Some(match class {
        "QConv2DBatchnorm" => "qkeras.qconv2d_batchnorm",
        "QDepthwiseConv2DBatchnorm" => "qkeras.qdepthwiseconv2d_batchnorm",
        "QDenseBatchnorm" => "qkeras.qdense_batchnorm",
        "QBatchNormalization" => "qkeras.qnormalization",
        "QAveragePooling2D" | "QGlobalAveragePooling2D" => "qkeras.qpooling",
        "QScaleShift" => "qkeras.qmac",
        "QDepthwiseConv2DTranspose" => "qkeras.qdepthwise_conv2d_transpose",
        "QSeparableConv2DTranspose" => "qkeras.qseparable_conv2d_transpose",
        "QDense" | "QActivation" | "QAdaptiveActivation" => "qkeras.qlayers",
        _ if class.starts_with("QConv")
            || class.starts_with("QDepthwise")
            || class.starts_with("QSeparable") =>
        {
            "qkeras.qconvolutional"
        }
        _ if class.starts_with('Q') => "qkeras.qrecurrent",
        _ => return None,
    })
}

/// The record of a whole model.
pub(super) fn model(model: &RawModel, shapes: &Shapes, style: Style) -> Result<Value, ExportError> {
    let config = Value::Object(functional(model, shapes, style, "")?);
    Ok(match style {
        Style::Legacy => json!({ "class_name": "Functional", "config": config }),
        Style::Full => json!({
            "module": "keras.src.models.functional",
            "class_name": "Functional",
            "config": config,
            "registered_name": "Functional",
        }),
    })
}

fn functional(
    model: &RawModel,
    shapes: &Shapes,
    style: Style,
    prefix: &str,
) -> Result<Map<String, Value>, ExportError> {
    let level = Level {
        model,
        shapes,
        style,
        prefix,
    };
    let layers: Vec<Value> = model
        .layers
        .iter()
        .map(|l| level.listed(l))
        .collect::<Result<_, _>>()?;
    let mut config = Map::new();
    config.insert("name".to_owned(), json!(model.name));
    config.insert("trainable".to_owned(), json!(true));
    config.insert("layers".to_owned(), Value::Array(layers));
    config.insert("input_layers".to_owned(), level.ports(&model.inputs));
    config.insert("output_layers".to_owned(), level.ports(&model.outputs));
    Ok(config)
}

struct Level<'a> {
    model: &'a RawModel,
    shapes: &'a Shapes,
    style: Style,
    /// Names of the models around it, each followed by `/`.
    prefix: &'a str,
}

impl Level<'_> {
    /// One entry of `config.layers`.
    fn listed(&self, layer: &RawLayer) -> Result<Value, ExportError> {
        let mut record = match &layer.inner {
            Inner::Model(inner) => {
                let prefix = format!("{}{}/", self.prefix, layer.name);
                let mut config = functional(inner, self.shapes, self.style, &prefix)?;
                config.insert("name".to_owned(), json!(layer.name));
                let mut record = Map::new();
                if self.style == Style::Full {
                    record.insert("module".to_owned(), json!("keras.src.models.functional"));
                }
                record.insert("class_name".to_owned(), json!("Functional"));
                record.insert("config".to_owned(), Value::Object(config));
                if self.style == Style::Full {
                    record.insert("registered_name".to_owned(), json!("Functional"));
                }
                record
            }
            _ => layer_record(layer, self.style),
        };
        record.insert("name".to_owned(), json!(layer.name));
        let calls = layer.calls.iter().filter(|_| !layer.is_input());
        let inbound: Vec<Value> = calls
            .map(|call| self.call(layer, call))
            .collect::<Result<_, _>>()?;
        record.insert("inbound_nodes".to_owned(), Value::Array(inbound));
        Ok(Value::Object(record))
    }

    fn call(&self, layer: &RawLayer, call: &RawCall) -> Result<Value, ExportError> {
        if !call.constants.is_empty() {
            let problem = format!(
                "layer {}: an operator on tensors cannot be written",
                layer.name
            );
            return Err(ExportError::Model(problem));
        }
        let tensors: Vec<Value> = call.inputs.iter().map(|&t| self.tensor(t)).collect();
        let keys: Option<Vec<&String>> = match &layer.inner {
            Inner::Model(inner) => inner.inputs.iter().map(|port| port.key.as_ref()).collect(),
            _ => None,
        };
        let argument = match (keys, tensors.as_slice()) {
            (Some(keys), _) => keys
                .into_iter()
                .cloned()
                .zip(tensors)
                .collect::<Map<_, _>>()
                .into(),
            (None, [one]) => one.clone(),
            (None, _) => Value::Array(tensors),
        };
        let kwargs: Map<String, Value> = call
            .kwargs
            .iter()
            .map(|(key, kwarg)| {
                let value = match kwarg {
                    Kwarg::Tensors(tensors) => tensors.iter().map(|&t| self.tensor(t)).collect(),
                    Kwarg::Value(value) => value.clone(),
                };
                (key.clone(), value)
            })
            .collect();
        Ok(json!({ "args": [argument], "kwargs": kwargs }))
    }

    fn tensor(&self, tensor: TensorRef) -> Value {
        let layer = self.model.layer(tensor.layer);
        let shape = match layer.config.get("batch_shape").filter(|_| layer.is_input()) {
            Some(shape) => shape.clone(),
            None => self.shapes.of(self.prefix, layer, tensor),
        };
        json!({
            "class_name": "__keras_tensor__",
            "config": {
                "shape": shape,
                "dtype": "float32",
                "keras_history": [layer.name, tensor.call, tensor.output],
            },
        })
    }

    fn ports(&self, ports: &[Port]) -> Value {
        let port = |port: &Port| {
            let layer = self.model.layer(port.tensor.layer);
            // Keras counts a nested model's own construction here, and only here.
            let first = usize::from(matches!(layer.inner, Inner::Model(_)));
            json!([layer.name, port.tensor.call + first, port.tensor.output])
        };
        let keys: Option<Vec<&String>> = ports.iter().map(|p| p.key.as_ref()).collect();
        match (keys.filter(|keys| !keys.is_empty()), ports) {
            (Some(keys), _) => keys
                .into_iter()
                .cloned()
                .zip(ports.iter().map(port))
                .collect::<Map<_, _>>()
                .into(),
            (None, [one]) => port(one),
            (None, many) => many.iter().map(port).collect(),
        }
    }
}

/// `{module, class_name, config, registered_name}` of a layer that is no model.
fn layer_record(layer: &RawLayer, style: Style) -> Map<String, Value> {
    let mut config = layer.config.clone();
    config.insert("name".to_owned(), json!(layer.name));
    let child = |layer: &RawLayer| Value::Object(layer_record(layer, Style::Full));
    match &layer.inner {
        Inner::None | Inner::Model(_) => {}
        Inner::Layer(inner) => {
            config.insert("layer".to_owned(), child(inner));
        }
        Inner::Directions { forward, backward } => {
            config.insert("layer".to_owned(), child(forward));
            config.insert("backward_layer".to_owned(), child(backward));
        }
        Inner::Cells(cells) => {
            let cell = match cells.as_slice() {
                [cell] => child(cell),
                cells => json!({
                    "module": "keras.layers",
                    "class_name": "StackedRNNCells",
                    "config": { "cells": cells.iter().map(child).collect::<Vec<_>>() },
                    "registered_name": null,
                }),
            };
            config.insert("cell".to_owned(), cell);
        }
    }
    let class = layer.class_name.as_str();
    let module = qkeras_module(class);
    let mut record = Map::new();
    match (style, module) {
        (Style::Full, module) => {
            let registered = module.map(|_| format!("qkeras>{class}"));
            record.insert("module".to_owned(), json!(module.unwrap_or("keras.layers")));
            record.insert("class_name".to_owned(), json!(class));
            record.insert("config".to_owned(), Value::Object(config));
            record.insert("registered_name".to_owned(), json!(registered));
        }
        (Style::Legacy, module) => {
            let package = if module.is_some() { "qkeras>" } else { "" };
            record.insert("class_name".to_owned(), json!(format!("{package}{class}")));
            record.insert("config".to_owned(), Value::Object(config));
        }
    }
    record
}
