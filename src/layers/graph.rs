//! The walk over a model's graph: every call of every layer in order, nested models opened.

use std::collections::BTreeMap;

use indexmap::IndexSet;

use super::{Call, Config, find};
use crate::import::{CallRef, Inner, RawLayer, RawModel, TensorRef};
use crate::ir::math::{Network, Node, NodeId, Op, Port};
use crate::ir::{Origin, elements};
use crate::quantizers;

/// Largest tensor of one sample.
pub(super) const MAX_ELEMENTS: usize = 1 << 28;
/// Deepest nesting of models.
const MAX_DEPTH: usize = 64;

/// What the user decides about meanings.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Choices that model files do not hold.
    pub quantizers: quantizers::Choices,
}

/// A network and what was noticed on the way.
#[derive(Debug, Clone)]
pub struct Lowered {
    /// The mathematics.
    pub network: Network,
    /// For the user: surprising meanings, harmless options.
    pub remarks: Vec<String>,
}

/// Everything that is wrong with one layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerError {
    /// The layer's name as the user spelled it; nested models join with `/`.
    pub layer: String,
    /// Its class.
    pub class: String,
    /// In words: what was found and what would work.
    pub problem: String,
}

impl std::fmt::Display for LayerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "layer {} ({}): {}", self.layer, self.class, self.problem)
    }
}

impl std::error::Error for LayerError {}

/// A model as mathematics.
///
/// # Errors
/// Everything unsupported or inconsistent, of all layers at once.
pub fn lower(model: &RawModel, options: &Options) -> Result<Lowered, Vec<LayerError>> {
    let mut walk = Walk {
        options,
        network: Network::default(),
        remarks: Vec::new(),
        errors: Vec::new(),
    };
    let mut inputs = Vec::new();
    for (number, port) in model.inputs.iter().enumerate() {
        let layer = model.layer(port.tensor.layer);
        let node = walk.input(number, layer);
        walk.network.inputs.push(Port {
            name: layer.name.clone(),
            node,
        });
        inputs.push(Some(node));
    }
    let outputs = walk.model(model, &inputs, "", 0);
    if !walk.errors.is_empty() {
        return Err(walk.errors);
    }
    for (port, node) in model.outputs.iter().zip(outputs) {
        let name = model.layer(port.tensor.layer).name.clone();
        let node = node.expect("every failure was reported");
        walk.network.outputs.push(Port { name, node });
    }
    Ok(Lowered {
        network: walk.network,
        remarks: walk.remarks,
    })
}

struct Walk<'a> {
    options: &'a Options,
    network: Network,
    remarks: Vec<String>,
    errors: Vec<LayerError>,
}

impl<'a> Walk<'a> {
    fn error(&mut self, layer: &RawLayer, prefix: &str, problem: impl Into<String>) {
        self.errors.push(LayerError {
            layer: format!("{prefix}{}", layer.name),
            class: layer.class_name.clone(),
            problem: problem.into(),
        });
    }

    /// The node of one of the model's own inputs.
    fn input(&mut self, number: usize, layer: &RawLayer) -> NodeId {
        let dims = layer.config.get("batch_shape").and_then(|v| v.as_array());
        let shape: Option<Vec<usize>> = dims.and_then(|dims| {
            dims.iter()
                .skip(1)
                .map(|d| {
                    d.as_u64()
                        .and_then(|d| usize::try_from(d).ok())
                        .filter(|&d| d > 0)
                })
                .collect()
        });
        let shape = match shape {
            Some(shape) if elements(&shape) <= MAX_ELEMENTS && !shape.is_empty() => shape,
            _ => {
                let found = layer.config.get("batch_shape").cloned().unwrap_or_default();
                self.error(layer, "", format!(
                    "the input shape is {found}; every axis but the batch needs a fixed positive \
                     extent"
                ));
                vec![1]
            }
        };
        let origin = Origin {
            layer: layer.name.clone(),
            class: layer.class_name.clone(),
            call: 0,
        };
        self.network.push(Node {
            op: Op::Input(number),
            inputs: vec![],
            shape,
            origin,
        })
    }

    /// Every call of a model; returns its outputs. `None` stands for a value whose layer failed:
    /// what depends on it is skipped, after its class was looked up.
    fn model(
        &mut self,
        model: &'a RawModel,
        inputs: &[Option<NodeId>],
        prefix: &str,
        depth: usize,
    ) -> Vec<Option<NodeId>> {
        let mut values: BTreeMap<(usize, usize), Vec<Option<NodeId>>> = BTreeMap::new();
        for (port, input) in model.inputs.iter().zip(inputs) {
            values.insert((port.tensor.layer, port.tensor.call), vec![*input]);
        }
        let value = |values: &BTreeMap<(usize, usize), Vec<Option<NodeId>>>, t: TensorRef| {
            values
                .get(&(t.layer, t.call))
                .and_then(|v| v.get(t.output).copied())
                .flatten()
        };
        for &CallRef {
            layer: index,
            call: number,
        } in &model.order
        {
            let layer = model.layer(index);
            if layer.is_input() {
                if let Some([Some(node)]) = values.get(&(index, number)).map(Vec::as_slice) {
                    let name = format!("{prefix}{}", layer.name);
                    self.network.taps.push(Port { name, node: *node });
                }
                continue;
            }
            let call = &layer.calls[number];
            let operands: Vec<Option<NodeId>> =
                call.inputs.iter().map(|&t| value(&values, t)).collect();
            let outputs = self.call(model, layer, number, operands, prefix, depth);
            if let [Some(node)] = outputs.as_slice() {
                // A layer called again adds the number of the call to its name.
                let again = if number == 0 {
                    String::new()
                } else {
                    format!("#{number}")
                };
                let name = format!("{prefix}{}{again}", layer.name);
                self.network.taps.push(Port { name, node: *node });
            }
            values.insert((index, number), outputs);
        }
        model
            .outputs
            .iter()
            .map(|p| value(&values, p.tensor))
            .collect()
    }

    /// One call of one layer.
    fn call(
        &mut self,
        model: &'a RawModel,
        layer: &'a RawLayer,
        number: usize,
        operands: Vec<Option<NodeId>>,
        prefix: &str,
        depth: usize,
    ) -> Vec<Option<NodeId>> {
        if let Inner::Model(inner) = &layer.inner {
            if depth >= MAX_DEPTH {
                self.error(layer, prefix, "models are nested too deeply");
                return vec![None; inner.outputs.len()];
            }
            if inner.inputs.len() != operands.len() {
                self.error(
                    layer,
                    prefix,
                    format!(
                        "{} tensors go into a model with {} inputs",
                        operands.len(),
                        inner.inputs.len()
                    ),
                );
                return vec![None; inner.outputs.len()];
            }
            let again = if number == 0 {
                String::new()
            } else {
                format!("#{number}")
            };
            let prefix = format!("{prefix}{}{again}/", layer.name);
            return self.model(inner, &operands, &prefix, depth + 1);
        }
        let Some(definition) = find(&layer.class_name) else {
            self.error(
                layer,
                prefix,
                format!(
                    "layers of class {} are not supported; `qk-hls help` lists those that are",
                    layer.class_name
                ),
            );
            return vec![None];
        };
        let module = layer.module.as_deref().unwrap_or("");
        let raw = &layer.calls[number];
        if module.contains(".ops") || !raw.constants.is_empty() {
            self.error(
                layer,
                prefix,
                format!(
                    "it is an operator on tensors (module {module}); use the layer of the same name"
                ),
            );
            return vec![None];
        }
        if let Some((key, _)) = raw.kwargs.first() {
            self.error(
                layer,
                prefix,
                format!("the call argument `{key}` is not supported"),
            );
            return vec![None];
        }
        let Some(inputs) = operands.into_iter().collect::<Option<Vec<NodeId>>>() else {
            return vec![None];
        };
        if inputs.is_empty() {
            self.error(layer, prefix, "it has no input");
            return vec![None];
        }
        let mut call = Call {
            config: Config::new(&layer.config),
            inputs,
            layer,
            format: model.format,
            options: self.options,
            origin: Origin {
                layer: format!("{prefix}{}", layer.name),
                class: layer.class_name.clone(),
                call: number,
            },
            network: &mut self.network,
            remarks: &mut self.remarks,
            used: IndexSet::new(),
            channels_first: false,
        };
        match definition.lower(&mut call) {
            Ok(nodes) => nodes.into_iter().map(Some).collect(),
            Err(problems) => {
                for problem in problems {
                    self.error(layer, prefix, problem);
                }
                vec![None]
            }
        }
    }
}
