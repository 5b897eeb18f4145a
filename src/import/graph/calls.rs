//! `inbound_nodes`: which tensors each call of a layer reads, in the spelling of Keras 3 and of Keras 2.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::super::error::GraphProblem;
use super::super::model::{Inner, Kwarg, Port, RawCall, TensorRef};
use super::{Level, Listed};

/// The calls of every listed layer. Problems are reported and the call left empty.
pub(super) fn resolve(
    level: &mut Level<'_>,
    listed: &[Listed<'_>],
    names: &IndexMap<String, usize>,
) -> Vec<Vec<RawCall>> {
    let counts: Vec<usize> = listed.iter().map(call_count).collect();
    let graph = Graph {
        listed,
        names,
        counts: &counts,
    };
    listed
        .iter()
        .map(|entry| graph.calls_of(level, entry))
        .collect()
}

/// Calls a layer has: one of an `InputLayer`, else one per inbound node.
pub(super) fn call_count(entry: &Listed<'_>) -> usize {
    if entry.layer.is_input() {
        return 1;
    }
    entry.inbound.and_then(Value::as_array).map_or(0, Vec::len)
}

/// Looks up tensor references of one level.
pub(super) struct Graph<'a> {
    pub(super) listed: &'a [Listed<'a>],
    pub(super) names: &'a IndexMap<String, usize>,
    pub(super) counts: &'a [usize],
}

impl Graph<'_> {
    fn calls_of(&self, level: &mut Level<'_>, entry: &Listed<'_>) -> Vec<RawCall> {
        let name = &entry.layer.name;
        if entry.layer.is_input() {
            return vec![RawCall::default()];
        }
        let nodes = match entry.inbound {
            Some(Value::Array(nodes)) => nodes,
            None | Some(Value::Null) => return Vec::new(),
            Some(other) => {
                level.field(name, "inbound_nodes", Some(other), "a list");
                return Vec::new();
            }
        };
        nodes
            .iter()
            .map(|node| self.call(level, entry, node))
            .collect()
    }

    fn call(&self, level: &mut Level<'_>, entry: &Listed<'_>, node: &Value) -> RawCall {
        let mut parse = CallParser {
            graph: self,
            layer: &entry.layer.name,
            problems: Vec::new(),
        };
        let mut call = RawCall::default();
        match node {
            // Keras 3.
            Value::Object(node) if node.contains_key("args") || node.contains_key("kwargs") => {
                if let Some(args) = node.get("args") {
                    let keys = input_keys(&entry.layer.inner);
                    parse.argument(args, &keys, &mut call);
                }
                if let Some(Value::Object(kwargs)) = node.get("kwargs") {
                    parse.kwargs(kwargs, &mut call);
                }
            }
            // Keras 2.
            Value::Array(_) | Value::Object(_) => {
                let keys = input_keys(&entry.layer.inner);
                parse.argument(node, &keys, &mut call);
            }
            other => parse.problems.push(GraphProblem::Field {
                field: "inbound_nodes".to_owned(),
                found: super::describe(Some(other)),
                expected: "the tensors of a call",
            }),
        }
        if let Inner::Model(inner) = &entry.layer.inner
            && parse.problems.is_empty()
            && inner.inputs.len() != call.inputs.len()
        {
            let problem = GraphProblem::NestedInputs {
                found: call.inputs.len(),
                expected: inner.inputs.len(),
            };
            parse.problems.push(problem);
        }
        for problem in parse.problems {
            level.problem(&entry.layer.name, problem);
        }
        call
    }

    /// The tensor that `[layer, node, output]` names in `inbound_nodes`.
    fn tensor(&self, name: &str, node: &Value, output: &Value) -> Result<TensorRef, GraphProblem> {
        self.resolve(name, node, output, |entry| entry.first_node)
    }

    /// The same in `input_layers` and `output_layers`.
    pub(super) fn port(
        &self,
        name: &str,
        node: &Value,
        output: &Value,
    ) -> Result<TensorRef, GraphProblem> {
        self.resolve(name, node, output, |entry| entry.first_output_node)
    }

    fn resolve(
        &self,
        name: &str,
        node: &Value,
        output: &Value,
        first_node: fn(&Listed<'_>) -> i64,
    ) -> Result<TensorRef, GraphProblem> {
        let index = |value: &Value, field: &str| {
            value.as_i64().ok_or_else(|| GraphProblem::Field {
                field: field.to_owned(),
                found: super::describe(Some(value)),
                expected: "an integer",
            })
        };
        let target = || name.to_owned();
        let layer = *self
            .names
            .get(name)
            .ok_or_else(|| GraphProblem::UnknownLayer { target: target() })?;
        let entry = &self.listed[layer];
        let node = index(node, "node_index")?;
        let calls = self.counts[layer];
        let first_node = first_node(entry);
        let call = node
            .checked_sub(first_node)
            .and_then(|call| usize::try_from(call).ok());
        let Some(call) = call.filter(|&call| call < calls) else {
            let hint = if calls == 0 {
                ": it is listed, but never used on the way from the inputs"
            } else if first_node > 0 {
                " (the calls of a nested model count from 1 here)"
            } else {
                ""
            };
            return Err(GraphProblem::NoSuchCall {
                target: target(),
                node,
                calls,
                hint,
            });
        };
        let output =
            usize::try_from(index(output, "tensor_index")?).map_err(|_| GraphProblem::Field {
                field: "tensor_index".to_owned(),
                found: output.to_string(),
                expected: "an index from 0",
            })?;
        let outputs = entry.layer.output_count();
        match outputs {
            Some(outputs) if output >= outputs => Err(GraphProblem::NoSuchOutput {
                target: target(),
                output,
                outputs,
            }),
            _ => Ok(TensorRef {
                layer,
                call,
                output,
            }),
        }
    }
}

/// Keys under which a nested model takes a dict, in the order of its inputs: the user's keys, else the input names.
fn input_keys(inner: &Inner) -> Vec<String> {
    let Inner::Model(model) = inner else {
        return Vec::new();
    };
    let named = |port: &Port| {
        port.key
            .clone()
            .unwrap_or_else(|| model.layers[port.tensor.layer].name.clone())
    };
    model.inputs.iter().map(named).collect()
}

struct CallParser<'a> {
    graph: &'a Graph<'a>,
    layer: &'a str,
    problems: Vec<GraphProblem>,
}

impl CallParser<'_> {
    /// Adds the tensors and constants of a positional argument, depth first.
    fn argument(&mut self, value: &Value, keys: &[String], call: &mut RawCall) {
        if let Some(tensor) = self.keras3_tensor(value) {
            call.inputs.extend(tensor);
            return;
        }
        match value {
            Value::Array(items) => match items.as_slice() {
                [Value::String(tag), _, constant, rest @ ..] if tag == "_CONSTANT_VALUE" => {
                    call.constants.push(constant.clone());
                    self.keras2_kwargs(rest.first(), call);
                }
                [Value::String(name), node, output, rest @ ..] if rest.len() <= 1 => {
                    match self.graph.tensor(name, node, output) {
                        Ok(tensor) => call.inputs.push(tensor),
                        Err(problem) => self.problems.push(problem),
                    }
                    self.keras2_kwargs(rest.first(), call);
                }
                items => items
                    .iter()
                    .for_each(|item| self.argument(item, keys, call)),
            },
            // A dict of tensors. Keras flattens dicts by sorted key; nested models bind by key.
            Value::Object(items) if !items.contains_key("class_name") => {
                let mut sorted: Vec<(&String, &Value)> = items.iter().collect();
                let position = |key: &String| {
                    keys.iter()
                        .position(|other| other == key)
                        .unwrap_or(keys.len())
                };
                sorted.sort_by_key(|&(key, _)| (position(key), key));
                sorted
                    .into_iter()
                    .for_each(|(_, item)| self.argument(item, keys, call));
            }
            Value::Null => {}
            constant => call.constants.push(constant.clone()),
        }
    }

    /// A `__keras_tensor__` record.
    fn keras3_tensor(&mut self, value: &Value) -> Option<Option<TensorRef>> {
        if value.get("class_name").and_then(Value::as_str) != Some("__keras_tensor__") {
            return None;
        }
        let history = value
            .get("config")
            .and_then(|config| config.get("keras_history"));
        let resolved = match history.and_then(Value::as_array).map(Vec::as_slice) {
            Some([Value::String(name), node, output]) => self.graph.tensor(name, node, output),
            _ => Err(GraphProblem::Field {
                field: "keras_history".to_owned(),
                found: super::describe(history),
                expected: "[layer, node_index, tensor_index]",
            }),
        };
        Some(resolved.map_err(|problem| self.problems.push(problem)).ok())
    }

    fn keras2_kwargs(&mut self, kwargs: Option<&Value>, call: &mut RawCall) {
        if let Some(Value::Object(kwargs)) = kwargs {
            self.kwargs(kwargs, call);
        }
    }

    fn kwargs(&mut self, kwargs: &Map<String, Value>, call: &mut RawCall) {
        for (key, value) in kwargs {
            if value.is_null() || (key == "training" && value == &Value::Bool(false)) {
                continue;
            }
            let kwarg = if self.holds_tensor(value) {
                let mut inner = RawCall::default();
                self.argument(value, &[], &mut inner);
                Kwarg::Tensors(inner.inputs)
            } else {
                Kwarg::Value(value.clone())
            };
            call.kwargs.insert(key.clone(), kwarg);
        }
    }

    /// Whether a keyword argument is a tensor or contains one.
    fn holds_tensor(&self, value: &Value) -> bool {
        match value {
            Value::Array(items) => match items.as_slice() {
                [Value::String(name), node, output, rest @ ..]
                    if node.is_i64() && output.is_i64() =>
                {
                    rest.len() <= 1 && name != self.layer && self.graph.names.contains_key(name)
                }
                items => items.iter().any(|item| self.holds_tensor(item)),
            },
            Value::Object(map) => {
                map.get("class_name").and_then(Value::as_str) == Some("__keras_tensor__")
                    || map.values().any(|item| self.holds_tensor(item))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        }
    }
}
