//! The model as QTools sees it: layers, and on every edge who made the tensor.

use std::collections::BTreeMap;

use super::Rules;
use crate::import::{Inner, RawLayer, RawModel, TensorRef};
use crate::ir::{Shape, elements};
use crate::layers::{LayerError, Note};

/// Who made a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Producer {
    /// Number of a model's input.
    Source(usize),
    /// Position of a node.
    Node(usize),
}

/// A tensor on its way.
#[derive(Debug, Clone)]
struct Value {
    producer: Producer,
    shape: Shape,
    /// The last `Dropout` on the way, by its position; QTools removes those nodes.
    dropout: Option<usize>,
}

/// An edge into a node.
#[derive(Debug, Clone)]
pub(super) struct Edge {
    pub(super) producer: Producer,
    pub(super) shape: Shape,
    /// QTools loses the type of a source behind a `Dropout`.
    pub(super) lost: bool,
}

/// A layer.
#[derive(Debug)]
pub(super) struct Node<'a> {
    /// Key in the map: the layer's name, with `#1` for its second call.
    pub(super) name: String,
    pub(super) class: &'a str,
    /// Whether the layer was called before.
    pub(super) again: bool,
    /// Who made the first operand.
    pub(super) first: Option<Producer>,
    /// What is inside; none for nested models.
    pub(super) note: Option<&'a Note>,
    /// Edges in the order in which QTools goes through them.
    pub(super) edges: Vec<Edge>,
    /// Shapes of the operands in declared order.
    pub(super) operands: Vec<Shape>,
    /// Shape of the result, where there is one.
    pub(super) output: Option<Shape>,
    /// How often the layer is applied: steps of `TimeDistributed`.
    pub(super) steps: usize,
    /// Whether a model input goes into it.
    pub(super) is_input: bool,
    /// Whether no layer takes its result.
    pub(super) is_output: bool,
}

/// Layers in topological order.
pub(super) struct Graph<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) problems: Vec<LayerError>,
}

struct Walk<'a> {
    rules: Rules,
    notes: BTreeMap<(&'a str, usize), &'a Note>,
    runs: BTreeMap<String, usize>,
    nodes: Vec<Node<'a>>,
    /// Removed `Dropout` layers: who made their operand, and how many take their result.
    dropouts: Vec<(Producer, usize)>,
    consumers: BTreeMap<Producer, usize>,
    problems: Vec<LayerError>,
}

/// The graph of a model.
pub(super) fn graph<'a>(model: &'a RawModel, notes: &'a [Note], rules: Rules) -> Graph<'a> {
    let mut walk = Walk {
        rules,
        notes: notes
            .iter()
            .map(|n| ((n.layer.as_str(), n.call), n))
            .collect(),
        runs: BTreeMap::new(),
        nodes: Vec::new(),
        dropouts: Vec::new(),
        consumers: BTreeMap::new(),
        problems: Vec::new(),
    };
    let inputs: Vec<Value> = model
        .inputs
        .iter()
        .enumerate()
        .map(|(number, port)| Value {
            producer: Producer::Source(number),
            shape: input_shape(model.layer(port.tensor.layer)),
            dropout: None,
        })
        .collect();
    walk.model(model, &inputs, "", false);
    let leaf = |producer: Producer| {
        walk.consumers.get(&producer).is_none_or(|n| *n == 0)
            || walk.dropouts.contains(&(producer, 0))
    };
    let ends: Vec<bool> = (0..walk.nodes.len())
        .map(|n| leaf(Producer::Node(n)))
        .collect();
    for (node, is_output) in walk.nodes.iter_mut().zip(ends) {
        node.is_output = is_output;
    }
    Graph {
        nodes: walk.nodes,
        problems: walk.problems,
    }
}

/// The declared shape of an `InputLayer`, without the batch.
pub(super) fn input_shape(layer: &RawLayer) -> Shape {
    let dims = layer.config.get("batch_shape").and_then(|v| v.as_array());
    let extent = |d: &serde_json::Value| d.as_u64().and_then(|d| usize::try_from(d).ok());
    dims.map_or_else(Vec::new, |dims| {
        dims.iter()
            .skip(1)
            .map(|d| extent(d).unwrap_or(1))
            .collect()
    })
}

impl<'a> Walk<'a> {
    fn run_of(&mut self, path: &str) -> usize {
        let runs = self.runs.entry(path.to_owned()).or_default();
        *runs += 1;
        *runs - 1
    }

    /// Walks a model; nodes of a model that stands for one node are not kept.
    fn model(
        &mut self,
        model: &'a RawModel,
        inputs: &[Value],
        prefix: &str,
        hidden: bool,
    ) -> Vec<Option<Value>> {
        let mut values: BTreeMap<(usize, usize), Vec<Option<Value>>> = BTreeMap::new();
        for (port, input) in model.inputs.iter().zip(inputs) {
            values.insert(
                (port.tensor.layer, port.tensor.call),
                vec![Some(input.clone())],
            );
        }
        let value = |values: &BTreeMap<(usize, usize), Vec<Option<Value>>>, t: TensorRef| {
            let outputs = values.get(&(t.layer, t.call))?;
            outputs.get(t.output).cloned().flatten()
        };
        for call in &model.order {
            let layer = model.layer(call.layer);
            let path = format!("{prefix}{}", layer.name);
            let run = self.run_of(&path);
            if layer.is_input() {
                continue;
            }
            let operands: Vec<Value> = layer.calls[call.call]
                .tensors()
                .filter_map(|t| value(&values, t))
                .collect();
            let outputs = self.layer(layer, &path, run, call.layer, operands, hidden);
            values.insert((call.layer, call.call), outputs);
        }
        let outputs = model.outputs.iter();
        outputs.map(|p| value(&values, p.tensor)).collect()
    }

    fn problem(&mut self, layer: &str, class: &str, problem: impl Into<String>) {
        self.problems.push(LayerError {
            layer: layer.to_owned(),
            class: class.to_owned(),
            problem: problem.into(),
        });
    }

    fn layer(
        &mut self,
        layer: &'a RawLayer,
        path: &str,
        run: usize,
        position: usize,
        operands: Vec<Value>,
        hidden: bool,
    ) -> Vec<Option<Value>> {
        let exact = self.rules == Rules::Exact;
        match &layer.inner {
            Inner::Model(inner) => {
                let outputs = self.model(inner, &operands, &format!("{path}/"), hidden || !exact);
                if exact || hidden {
                    return outputs;
                }
                let shapes: Vec<Shape> = outputs.into_iter().flatten().map(|v| v.shape).collect();
                return self.node(layer, None, path, run, operands, &shapes, 1);
            }
            Inner::Layer(inner) => {
                let name = format!("{path}/{}", inner.name);
                if exact && !matches!(inner.inner, Inner::None) {
                    let problem = "QTools has no rule for TimeDistributed around a model";
                    self.problem(path, &layer.class_name, problem);
                    return vec![None];
                }
                let note = self.notes.get(&(name.as_str(), run)).copied();
                let steps = operands.first().and_then(|v| v.shape.first().copied());
                let steps = steps.unwrap_or(1);
                let shape = note.and_then(|n| n.outputs.first()).map(|s| {
                    let mut shape = vec![steps];
                    shape.extend(s);
                    shape
                });
                let shapes: Vec<Shape> = shape.into_iter().collect();
                return if exact {
                    self.node(inner, note, path, run, operands, &shapes, steps)
                } else {
                    self.node(layer, None, path, run, operands, &shapes, 1)
                };
            }
            Inner::None | Inner::Directions { .. } | Inner::Cells(_) => {}
        }
        let note = self.notes.get(&(path, run)).copied();
        if layer.class_name == "Dropout" && !hidden {
            let operand = operands.into_iter().next();
            return vec![operand.map(|v| self.dropped(v, position))];
        }
        let shapes = note.map_or_else(Vec::new, |n| n.outputs.clone());
        if hidden {
            let value = |shape: Shape| {
                Some(Value {
                    producer: Producer::Source(0),
                    shape,
                    dropout: None,
                })
            };
            return shapes.into_iter().map(value).collect();
        }
        self.node(layer, note, path, run, operands, &shapes, 1)
    }

    /// What becomes of a tensor in a `Dropout`.
    fn dropped(&mut self, value: Value, position: usize) -> Value {
        self.consume(&value);
        // Its consumers are counted for the last entry.
        self.dropouts.push((value.producer, 0));
        Value {
            dropout: Some(position),
            ..value
        }
    }

    fn consume(&mut self, value: &Value) {
        *self.consumers.entry(value.producer).or_default() += 1;
        if value.dropout.is_some() {
            let of_value = |d: &&mut (Producer, usize)| d.0 == value.producer;
            if let Some(dropout) = self.dropouts.iter_mut().rev().find(of_value) {
                dropout.1 += 1;
            }
        }
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "one call site for each kind of layer"
    )]
    fn node(
        &mut self,
        layer: &'a RawLayer,
        note: Option<&'a Note>,
        path: &str,
        run: usize,
        operands: Vec<Value>,
        shapes: &[Shape],
        steps: usize,
    ) -> Vec<Option<Value>> {
        for operand in &operands {
            self.consume(operand);
        }
        let name = if run == 0 {
            path.to_owned()
        } else {
            format!("{path}#{run}")
        };
        let is_source = |v: &Value| matches!(v.producer, Producer::Source(_));
        let producer = Producer::Node(self.nodes.len());
        self.nodes.push(Node {
            name,
            class: &layer.class_name,
            again: run > 0,
            first: operands.first().map(|v| v.producer),
            note,
            edges: edges(&operands, self.rules),
            is_input: operands.iter().any(is_source),
            is_output: false,
            operands: operands.into_iter().map(|v| v.shape).collect(),
            output: match shapes {
                [one] => Some(one.clone()),
                _ => None,
            },
            steps,
        });
        let value = |shape: &Shape| {
            Some(Value {
                producer,
                shape: shape.clone(),
                dropout: None,
            })
        };
        shapes.iter().map(value).collect()
    }
}

/// Edges in the order of QTools' graph.
///
/// It has one edge between two nodes, however many tensors go that way; all inputs of the model are
/// one node. Removing `Dropout` and then the inputs puts the edges that replace theirs last.
fn edges(operands: &[Value], rules: Rules) -> Vec<Edge> {
    let edge = |v: &Value| Edge {
        producer: v.producer,
        shape: v.shape.clone(),
        lost: rules == Rules::Compat
            && v.dropout.is_some()
            && matches!(v.producer, Producer::Source(_)),
    };
    if rules == Rules::Exact {
        return operands.iter().map(edge).collect();
    }
    let is_source = |v: &Value| matches!(v.producer, Producer::Source(_));
    let mut ordered: Vec<&Value> = operands.iter().collect();
    ordered.sort_by_key(|v| (is_source(v), v.dropout.map_or(0, |d| d + 1)));
    let mut found: Vec<(bool, Edge)> = Vec::new();
    for value in ordered {
        let source = is_source(value);
        let same = |f: &&mut (bool, Edge)| {
            if source {
                f.0
            } else {
                f.1.producer == value.producer
            }
        };
        match found.iter_mut().find(same) {
            Some(old) => old.1 = edge(value),
            None => found.push((source, edge(value))),
        }
    }
    found.into_iter().map(|f| f.1).collect()
}

/// The largest shape among the edges, the first of several.
pub(super) fn largest(edges: &[Edge]) -> &[usize] {
    let mut largest: &[usize] = &[];
    let mut size = None;
    for edge in edges {
        let elements = elements(&edge.shape);
        if size.is_none_or(|s| elements > s) {
            size = Some(elements);
            largest = &edge.shape;
        }
    }
    largest
}
