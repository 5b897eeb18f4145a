//! The walk over a model's graph: every call of every layer in order, nested models opened.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexSet;

use super::{Call, Config, Note, TABLE, find};
use crate::import::{CallRef, Inner, Kwarg, RawCall, RawLayer, RawModel, TensorRef};
use crate::ir::math::{Network, Node, NodeId, Op, Port};
use crate::ir::{Origin, Shape, elements, lift};
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
    /// What every call of a layer is made of, in the order of the graph.
    pub notes: Vec<Note>,
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

/// Every supported class, for a message.
fn classes() -> String {
    let mut classes: Vec<&str> = TABLE.iter().flat_map(|d| d.classes()).copied().collect();
    classes.sort_unstable();
    classes.join(", ")
}

/// A model as mathematics.
///
/// # Errors
/// Everything unsupported or inconsistent, of all layers at once.
pub fn lower(model: &RawModel, options: &Options) -> Result<Lowered, Vec<LayerError>> {
    let mut walk = Walk {
        options,
        network: Network::default(),
        remarks: Vec::new(),
        notes: Vec::new(),
        errors: Vec::new(),
        runs: BTreeMap::new(),
        time_major: BTreeSet::new(),
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
    let top = Place {
        prefix: "",
        depth: 0,
    };
    let outputs = walk.model(model, &inputs, top);
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
        notes: walk.notes,
    })
}

/// Where a model stands inside others.
#[derive(Clone, Copy)]
struct Place<'p> {
    /// Names of the models around it, each followed by `/`.
    prefix: &'p str,
    /// Their number.
    depth: usize,
}

/// One call of a layer.
struct CallOf<'a> {
    layer: &'a RawLayer,
    /// How it is called.
    raw: &'a RawCall,
    /// How often the layer has run before.
    run: usize,
}

struct Walk<'a> {
    options: &'a Options,
    network: Network,
    remarks: Vec<String>,
    notes: Vec<Note>,
    errors: Vec<LayerError>,
    /// How often each layer has run, by its path.
    runs: BTreeMap<String, usize>,
    /// Tensors with time as first axis and the batch as second one.
    time_major: BTreeSet<NodeId>,
}

impl<'a> Walk<'a> {
    /// Counts a run of a layer: 0 for the first.
    fn run_of(&mut self, path: &str) -> usize {
        let runs = self.runs.entry(path.to_owned()).or_default();
        *runs += 1;
        *runs - 1
    }

    /// Names the results of one run: the second run of a layer is `name#1`, the second tensor `name:1`.
    fn tap(&mut self, path: &str, run: usize, outputs: &[Option<NodeId>]) {
        let again = if run == 0 {
            String::new()
        } else {
            format!("#{run}")
        };
        for (position, node) in outputs.iter().enumerate() {
            let Some(node) = *node else { continue };
            let tensor = if position == 0 {
                String::new()
            } else {
                format!(":{position}")
            };
            let name = format!("{path}{again}{tensor}");
            self.network.taps.push(Port { name, node });
        }
    }

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
        // The open axis is the batch.
        let time_major = dims.is_some_and(
            |dims| matches!(dims.as_slice(), [time, batch, _, ..] if batch.is_null() && !time.is_null()),
        );
        let batch = usize::from(time_major);
        let shape: Option<Vec<usize>> = dims.and_then(|dims| {
            let others = dims.iter().enumerate().filter(|(axis, _)| *axis != batch);
            others
                .map(|(_, d)| d)
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
        let node = self.network.push(Node {
            op: Op::Input(number),
            inputs: vec![],
            shape,
            origin,
        });
        if time_major {
            self.time_major.insert(node);
            self.remarks.push(format!(
                "input {}: Keras' arrays have time as first axis and samples as second one; here samples \
                 come first, in inputs and outputs",
                layer.name
            ));
        }
        node
    }

    /// Every call of a model; returns its outputs. `None` stands for a value whose layer failed:
    /// what depends on it is skipped, after its class was looked up.
    fn model(
        &mut self,
        model: &'a RawModel,
        inputs: &[Option<NodeId>],
        place: Place<'_>,
    ) -> Vec<Option<NodeId>> {
        let prefix = place.prefix;
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
            let path = format!("{prefix}{}", layer.name);
            let run = self.run_of(&path);
            if layer.is_input() {
                let node = values.get(&(index, number)).and_then(|v| v[0]);
                self.tap(&path, run, &[node]);
                continue;
            }
            let call = &layer.calls[number];
            // Those of keyword arguments come last.
            let operands: Vec<Option<NodeId>> = call.tensors().map(|t| value(&values, t)).collect();
            let of = CallOf {
                layer,
                raw: call,
                run,
            };
            let outputs = self.call(model, &of, operands, place);
            self.tap(&path, run, &outputs);
            values.insert((index, number), outputs);
        }
        model
            .outputs
            .iter()
            .map(|p| value(&values, p.tensor))
            .collect()
    }

    /// A layer on every slice of the first axis: its network for one slice, lifted to all of them.
    fn each_step(
        &mut self,
        model: &'a RawModel,
        of: &CallOf<'a>,
        operand: Option<NodeId>,
        place: Place<'_>,
    ) -> Vec<Option<NodeId>> {
        let layer = of.layer;
        if place.depth > MAX_DEPTH {
            self.error(layer, place.prefix, "layers are nested too deeply");
            return vec![None];
        }
        let Some(operand) = operand else {
            return self.call(model, of, vec![None], place);
        };
        if self.time_major.contains(&operand) {
            let problem = "the batch is the second axis of its input and time the first one";
            self.error(layer, place.prefix, problem);
            return vec![None];
        }
        let shape = self.network.node(operand).shape.clone();
        let [steps, slice @ ..] = shape.as_slice() else {
            self.error(layer, place.prefix, "the input has no axis of steps");
            return vec![None];
        };
        if slice.is_empty() {
            let problem = format!("the input has shape {shape:?}: a step is a single number");
            self.error(layer, place.prefix, problem);
            return vec![None];
        }
        let outer = std::mem::take(&mut self.network);
        let input = self.network.push(Node {
            op: Op::Input(0),
            inputs: vec![],
            shape: slice.to_vec(),
            origin: outer.node(operand).origin.clone(),
        });
        let results = self.call(model, of, vec![Some(input)], place);
        let inner = std::mem::replace(&mut self.network, outer);
        if inner
            .nodes
            .iter()
            .any(|n| elements(&n.shape) > MAX_ELEMENTS / steps.max(&1))
        {
            self.error(layer, place.prefix, "its tensors are too large");
            return vec![None; results.len()];
        }
        let places = lift(&inner, *steps, &[operand], &mut self.network);
        let placed = |node: Option<NodeId>| node.map(|n| places[n.index()]);
        results.into_iter().map(placed).collect()
    }

    /// What is wrong with the quantizers of a layer whose operands are unknown.
    fn quantizer_problems(&self, model: &RawModel, layer: &RawLayer) -> Vec<String> {
        let choices = &self.options.quantizers;
        let context =
            |slot| quantizers::Context::of_layer(slot, &layer.class_name, model.format, choices);
        let problem = |key: &str, value: &serde_json::Value| {
            let found = if key.ends_with("_quantizer") {
                let slot = quantizers::Slot::of_key(key, &layer.class_name);
                quantizers::parse(value, &context(slot)).err()
            } else if key == "activation" {
                let slot = quantizers::Slot::Activation;
                quantizers::parse_activation(value, &context(slot)).err()
            } else {
                None
            };
            found.map(|problem| format!("`{key}`: {problem}"))
        };
        let set = layer.config.iter().filter(|(_, value)| !value.is_null());
        set.filter_map(|(key, value)| problem(key, value)).collect()
    }

    /// One call of one layer.
    fn call(
        &mut self,
        model: &'a RawModel,
        of: &CallOf<'a>,
        operands: Vec<Option<NodeId>>,
        Place { prefix, depth }: Place<'_>,
    ) -> Vec<Option<NodeId>> {
        let CallOf { layer, raw, run } = *of;
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
            let prefix = format!("{prefix}{}/", layer.name);
            let place = Place {
                prefix: &prefix,
                depth: depth + 1,
            };
            return self.model(inner, &operands, place);
        }
        if let Inner::Layer(inner) = &layer.inner {
            let of = CallOf {
                layer: inner,
                ..*of
            };
            let prefix = format!("{prefix}{}/", layer.name);
            let [operand] = operands.as_slice() else {
                self.error(layer, &prefix, "it takes one input");
                return vec![None];
            };
            let place = Place {
                prefix: &prefix,
                depth: depth + 1,
            };
            return self.each_step(model, &of, *operand, place);
        }
        let Some(definition) = find(&layer.class_name) else {
            self.error(
                layer,
                prefix,
                format!(
                    "layers of class {} are not supported; those that are: {}",
                    layer.class_name,
                    classes()
                ),
            );
            return vec![None];
        };
        let module = layer.module.as_deref().unwrap_or("");
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
        let is_known = |key: &str, value: &Kwarg| {
            definition.keywords().contains(&key) && matches!(value, Kwarg::Tensors(_))
        };
        if let Some((key, _)) = raw.kwargs.iter().find(|(k, v)| !is_known(k, v)) {
            self.error(
                layer,
                prefix,
                format!("the call argument `{key}` is not supported"),
            );
            return vec![None];
        }
        let Some(mut inputs) = operands.into_iter().collect::<Option<Vec<NodeId>>>() else {
            // Its operands failed: without them only the quantizers can be looked at.
            for problem in self.quantizer_problems(model, layer) {
                self.error(layer, prefix, problem);
            }
            return vec![None];
        };
        let mut named = inputs
            .split_off(inputs.len().min(raw.inputs.len()))
            .into_iter();
        let keywords = raw.kwargs.iter().filter_map(|(key, value)| match value {
            Kwarg::Tensors(tensors) => {
                Some((key.clone(), named.by_ref().take(tensors.len()).collect()))
            }
            Kwarg::Value(_) => None,
        });
        let keywords = keywords.collect();
        if inputs.is_empty() {
            self.error(layer, prefix, "it has no input");
            return vec![None];
        }
        let time_major = inputs.iter().any(|i| self.time_major.contains(i));
        if time_major && !definition.takes_time_major() {
            self.error(
                layer,
                prefix,
                "the batch is the second axis of its input and time the first one, which only recurrent \
                 layers, dense layers and activations take",
            );
            return vec![None];
        }
        let mut call = Call {
            config: Config::new(&layer.config),
            inputs,
            keywords,
            layer,
            format: model.format,
            options: self.options,
            origin: Origin {
                layer: format!("{prefix}{}", layer.name),
                class: layer.class_name.clone(),
                call: run,
            },
            network: &mut self.network,
            remarks: &mut self.remarks,
            used: IndexSet::new(),
            note: Note::default(),
            channels_first: false,
            time_major,
        };
        let shapes = |call: &Call<'_>, nodes: &[NodeId]| -> Vec<Shape> {
            nodes.iter().map(|&node| call.shape_of(node)).collect()
        };
        let inputs = shapes(&call, &call.inputs);
        let result = definition.lower(&mut call);
        if let Ok(nodes) = &result {
            let outputs = shapes(&call, nodes);
            let note = std::mem::take(&mut call.note);
            self.notes.push(Note {
                layer: format!("{prefix}{}", layer.name),
                class: layer.class_name.clone(),
                call: run,
                inputs,
                outputs,
                ..note
            });
        }
        match result {
            Ok(nodes) => {
                // Last outputs and states have no axis of time.
                let sequences = nodes
                    .iter()
                    .filter(|n| self.network.node(**n).shape.len() > 1);
                self.time_major.extend(sequences.filter(|_| time_major));
                nodes.into_iter().map(Some).collect()
            }
            Err(problems) => {
                for problem in problems {
                    self.error(layer, prefix, problem);
                }
                vec![None]
            }
        }
    }
}
