//! `input_layers` and `output_layers`: a triple, a list of triples, or a dict of triples.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::super::error::GraphProblem;
use super::super::model::Port;
use super::calls::{Graph, call_count};
use super::{Level, Listed, describe};

/// Reads one of the two fields. Problems are reported.
pub(super) fn read(
    level: &mut Level<'_>,
    config: &Map<String, Value>,
    field: &'static str,
    listed: &[Listed<'_>],
    names: &IndexMap<String, usize>,
) -> Vec<Port> {
    let counts: Vec<usize> = listed.iter().map(call_count).collect();
    let graph = Graph {
        listed,
        names,
        counts: &counts,
    };
    let mut ports = Vec::new();
    let mut problems = Vec::new();
    collect(
        &graph,
        config.get(field).unwrap_or(&Value::Null),
        None,
        field,
        &mut ports,
        &mut problems,
    );
    let inputs = field == "input_layers";
    for port in &ports {
        let layer = &listed[port.tensor.layer].layer;
        if inputs && !layer.is_input() {
            let class = layer.class_name.clone();
            level.problem(&layer.name, GraphProblem::InputClass { class });
        }
    }
    if ports.is_empty() && problems.is_empty() {
        problems.push(GraphProblem::NoPorts {
            what: if inputs { "inputs" } else { "outputs" },
        });
    }
    for problem in problems {
        level.problem(field, problem);
    }
    ports
}

fn collect(
    graph: &Graph<'_>,
    value: &Value,
    key: Option<&str>,
    field: &str,
    ports: &mut Vec<Port>,
    problems: &mut Vec<GraphProblem>,
) {
    match value {
        Value::Null => {}
        Value::Array(items) => match items.as_slice() {
            [Value::String(name), node, output] => match graph.port(name, node, output) {
                Ok(tensor) => ports.push(Port {
                    key: key.map(str::to_owned),
                    tensor,
                }),
                Err(problem) => problems.push(problem),
            },
            items => items
                .iter()
                .for_each(|item| collect(graph, item, key, field, ports, problems)),
        },
        Value::Object(items) => {
            items
                .iter()
                .for_each(|(key, item)| collect(graph, item, Some(key), field, ports, problems));
        }
        other => problems.push(GraphProblem::Field {
            field: field.to_owned(),
            found: describe(Some(other)),
            expected: "[layer, node_index, tensor_index]",
        }),
    }
}
