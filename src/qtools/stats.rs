//! Operation counts, weights and sparsity: what `print_qstats` prints.

use std::collections::BTreeMap;
use std::fmt::Write;

use indexmap::IndexMap;
use serde::Serialize;

use super::graph::{Node, Producer, graph, largest};
use super::map::operation_count;
use super::{Problems, Rules};
use crate::import::RawModel;
use crate::ir::elements;
use crate::layers::{LayerError, Note, WeightNote};
use crate::quantizers::{Description, Grid};

/// Operation names: row of the weights' mode, column of the input's.
const OPERATIONS: [[&str; 6]; 6] = [
    ["mult", "barrel", "mux", "mux", "mux", "fmult"],
    ["barrel", "adder", "mux", "xor", "mux", "fmult"],
    ["mux", "mux", "mux", "mux", "xor", "fmult"],
    ["mux", "xor", "mux", "xor", "xor", "fmult"],
    ["mux", "mux", "xor", "xor", "xor", "fmult"],
    ["fmult", "fmult", "fmult", "fmult", "fmult", "fmult"],
];
/// Layers whose sparsity QKeras reports; recurrent ones keep their quantizers in the cell, where it does not look.
const SPARSE: [&str; 9] = [
    "QDense",
    "QConv1D",
    "QConv2D",
    "QDepthwiseConv2D",
    "QSeparableConv1D",
    "QSeparableConv2D",
    "QOctaveConv2D",
    "QConv2DTranspose",
    "QConv2DBatchnorm",
];

/// Mode, bits and sign of a type.
pub type Kind = (usize, i64, u8);

/// Name of an operation, and mode, bits and sign of its weights and its input.
pub type Gate = (&'static str, (usize, usize), (i64, i64), (u8, u8));

/// Statistics of a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stats {
    /// Layers with weights, by name, in the order of the model: `extract_model_operations`.
    pub operations: IndexMap<String, Operations>,
    /// Sums by kind of operation.
    pub operation_types: BTreeMap<String, u64>,
    /// Bits of all weights and biases.
    pub total_bits: u64,
    /// Share of weights that are zero, by layer.
    pub sparsity: IndexMap<String, f64>,
    /// The same of all those weights together.
    pub total_sparsity: f64,
    /// Every tensor of the model; not in the original.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<Tensor>,
    /// Multiplications of one sample.
    pub total_operations: u64,
}

/// A layer's operations and weights.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Operations {
    /// Name, and mode, bits and sign of weights and input.
    #[serde(rename = "type")]
    pub kind: Gate,
    /// Multiplications of one sample.
    pub number_of_operations: u64,
    /// Weights; two numbers for a separable convolution.
    pub number_of_weights: One<u64>,
    /// Biases.
    pub number_of_bias: u64,
    /// Type of the weights.
    pub type_of_weights: One<Kind>,
    /// Type of the bias.
    pub type_of_bias: Kind,
}

/// One thing, or one for each of several tensors.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum One<T> {
    /// One.
    Single(T),
    /// Several.
    Many(Vec<T>),
}

impl<T: Copy> One<T> {
    fn new(mut items: Vec<T>) -> Self {
        if items.len() == 1 {
            Self::Single(items.remove(0))
        } else {
            Self::Many(items)
        }
    }

    fn items(&self) -> Vec<T> {
        match self {
            Self::Single(one) => vec![*one],
            Self::Many(items) => items.clone(),
        }
    }
}

/// A weight tensor.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tensor {
    /// The layer.
    pub layer: String,
    /// The slot.
    pub name: String,
    /// Extents.
    pub shape: Vec<usize>,
    /// The quantizer, where there is one.
    pub quantizer: Option<&'static str>,
    /// Behind the quantizer: zeros.
    pub zeros: usize,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
}

impl Operations {
    /// Name of the kind of operation: sign, gate, bits of weights and input.
    #[must_use]
    pub fn name(&self) -> String {
        let (op, _, bits, signs) = self.kind;
        let sign = if signs.0 + signs.1 > 0 { "s" } else { "u" };
        format!("{sign}{op}_{}_{}", bits.0, bits.1)
    }
}

/// Floats and what has no quantizer.
const FLOAT: Kind = (5, 32, 1);

/// QKeras' `get_quant_mode`.
fn kind(description: Option<&Description>, rules: Rules) -> Result<Kind, String> {
    let Some(description) = description else {
        return Ok(FLOAT);
    };
    let name = description.name;
    let known = rules == Rules::Exact
        || !["quantized_linear", "quantized_sigmoid", "quantized_hswish"].contains(&name);
    Ok(match description.grid {
        Grid::Fixed {
            bits,
            integer,
            signed,
        } if known => {
            let two = bits == 2 && integer == 1 && name != "quantized_relu";
            let bit = bits == 1 && integer == 1 && name == "quantized_relu";
            // An unsigned quantized_bits counts as signed, a leaky rectifier as unsigned.
            let sign = match rules {
                Rules::Compat => name != "quantized_relu",
                Rules::Exact => signed,
            };
            let mode = match (two && sign, bit) {
                (true, _) => 2,
                (_, true) => 4,
                _ => 0,
            };
            (mode, bits.into(), sign.into())
        }
        Grid::PowerOfTwo { bits, signed, .. } => (1, bits.into(), signed.into()),
        Grid::Ternary => (2, 2, 1),
        Grid::Binary { zero_one } => match (name, rules) {
            ("bernoulli", _) => (4, 1, 0),
            (_, Rules::Exact) if zero_one => (4, 1, 0),
            _ => (3, 1, 1),
        },
        Grid::Function if name == "linear" => FLOAT,
        Grid::Fixed { .. } | Grid::Function => {
            return Err(format!("QKeras' statistics have no rule for `{name}`"));
        }
    })
}

/// Statistics of a model.
///
/// # Errors
/// Every quantizer that no rule fits.
pub fn stats(model: &RawModel, notes: &[Note], rules: Rules) -> Result<Stats, Problems> {
    let graph = graph(model, notes, rules);
    let mut problems = graph.problems;
    let mut operations = IndexMap::new();
    // What is known of each node's result.
    let mut results: Vec<Result<Kind, String>> = Vec::new();
    for node in &graph.nodes {
        // Inputs are taken for 8 bits without sign.
        let input = match node.first {
            Some(Producer::Node(n)) => results[n].clone(),
            _ => Ok((0, 8, 0)),
        };
        let activation = node.note.and_then(|n| n.quantizer("activation"));
        let own = match node.class {
            "QActivation" | "QAdaptiveActivation" => Some(kind(activation, rules)),
            "QDense"
            | "QConv1D"
            | "QConv2D"
            | "QDepthwiseConv2D"
            | "QConv2DBatchnorm"
            | "QDepthwiseConv2DBatchnorm" => Some(kind(activation, rules)),
            _ if rules == Rules::Exact && !kernels(node, rules).is_empty() => {
                Some(kind(activation, rules))
            }
            _ => None,
        };
        results.push(own.unwrap_or_else(|| input.clone()));
        let kernels = kernels(node, rules);
        if kernels.is_empty() || skipped(node, rules) {
            continue;
        }
        let found = input.and_then(|input| layer(node, &kernels, input, rules));
        match found {
            Ok(found) => {
                operations.insert(node.name.clone(), found);
            }
            Err(problem) => problems.push(LayerError {
                layer: node.name.clone(),
                class: node.class.to_owned(),
                problem,
            }),
        }
    }
    if !problems.is_empty() {
        return Err(Problems(problems.iter().map(ToString::to_string).collect()));
    }
    let mut operation_types = BTreeMap::new();
    let mut total_bits = 0;
    for layer in operations.values() {
        *operation_types.entry(layer.name()).or_default() += layer.number_of_operations;
        let weights = layer.number_of_weights.items();
        for (number, kind) in weights.iter().zip(layer.type_of_weights.items()) {
            total_bits += number * kind.1 as u64;
        }
        total_bits += layer.number_of_bias * layer.type_of_bias.1 as u64;
    }
    operation_types.retain(|_, n| *n > 0);
    let mut nodes: Vec<&Node<'_>> = graph.nodes.iter().collect();
    // In the order of the file.
    let place = |node: &Node<'_>| {
        let top = node.name.split(['/', '#']).next();
        model
            .layers
            .iter()
            .position(|l| Some(l.name.as_str()) == top)
    };
    nodes.sort_by_key(|node| place(node));
    let (sparsity, total_sparsity) = sparsity(&nodes, rules);
    Ok(Stats {
        total_operations: operations.values().map(|o| o.number_of_operations).sum(),
        operations,
        operation_types,
        total_bits,
        sparsity,
        total_sparsity,
        weights: match rules {
            Rules::Compat => vec![],
            Rules::Exact => {
                let first = nodes.iter().filter(|n| !n.again);
                first.flat_map(|n| tensors(n)).collect()
            }
        },
    })
}

/// Whether the statistics leave a call out: the original sees only the first one of a layer.
fn skipped(node: &Node<'_>, rules: Rules) -> bool {
    rules == Rules::Compat && node.again
}

/// The weights that multiply in a layer: slot of the quantizer, slot of the weights.
fn kernels(node: &Node<'_>, rules: Rules) -> Vec<(&'static str, &'static str)> {
    let separable = vec![
        ("depthwise_quantizer", "depthwise_kernel"),
        ("pointwise_quantizer", "pointwise_kernel"),
    ];
    let kernel = vec![("kernel_quantizer", "kernel")];
    let depthwise = vec![("depthwise_quantizer", "depthwise_kernel")];
    let exact = rules == Rules::Exact;
    match node.class {
        _ if node.steps > 1 && !exact => vec![],
        "QDense" | "QConv1D" | "QConv2D" | "QConv2DBatchnorm" => kernel,
        "QDepthwiseConv2D" | "QDepthwiseConv2DBatchnorm" => depthwise,
        "QSeparableConv1D" | "QSeparableConv2D" => separable,
        "Dense" | "Conv1D" | "Conv2D" | "Conv2DTranspose" | "QConv2DTranspose"
        | "QDenseBatchnorm"
            if exact =>
        {
            kernel
        }
        "DepthwiseConv2D" if exact => depthwise,
        "SeparableConv1D" | "SeparableConv2D" if exact => separable,
        _ => vec![],
    }
}

fn layer(
    node: &Node<'_>,
    kernels: &[(&str, &str)],
    input: Kind,
    rules: Rules,
) -> Result<Operations, String> {
    let note = node.note.ok_or("nothing is known of it")?;
    let exact = rules == Rules::Exact;
    let mut kinds = Vec::new();
    let mut shapes = Vec::new();
    for (slot, weight) in kernels {
        kinds.push(kind(note.quantizer(slot), rules)?);
        let weight = note.weights.get(*weight).ok_or("a weight is missing")?;
        shapes.push(weight.shape.as_slice());
    }
    let channels = largest(&node.edges).last().copied().unwrap_or(1);
    let filters = node
        .output
        .as_ref()
        .and_then(|s| s.last().copied())
        .unwrap_or(1);
    let positions = node
        .output
        .as_ref()
        .map_or(1, |s| elements(&s[..s.len().saturating_sub(1)]));
    let taps = |shape: &[usize]| elements(&shape[..shape.len().saturating_sub(2)]);
    let (count, weights) = match shapes.as_slice() {
        [shape] => {
            let weights = match node.class {
                _ if exact => elements(shape),
                "QDense" => elements(shape),
                // Of a depthwise convolution too many.
                _ => taps(shape) * channels * filters,
            };
            let counted = Node {
                name: String::new(),
                class: unfolded(node.class),
                edges: node.edges.clone(),
                operands: vec![],
                output: node.output.clone(),
                ..*node
            };
            (operation_count(&counted, rules), vec![weights as u64])
        }
        [deep, point] if exact => (
            ((elements(deep) + elements(point)) * positions) as u64,
            vec![elements(deep) as u64, elements(point) as u64],
        ),
        [deep, _] => (
            (taps(deep) * positions * channels + positions * filters) as u64,
            vec![(taps(deep) * channels) as u64, (filters * channels) as u64],
        ),
        _ => return Err("it has no weights".into()),
    };
    let folded = node.class.ends_with("Batchnorm");
    let stored = note.weights.get("bias").map(|w| elements(&w.shape));
    let bias = stored.unwrap_or(if folded { filters } else { 0 });
    // Without a bias its quantizer is not read, but the original reports its type all the same.
    let type_of_bias = kind(note.quantizer("bias_quantizer"), rules)?;
    let first = kinds[0];
    Ok(Operations {
        kind: (
            OPERATIONS[first.0][input.0],
            (first.0, input.0),
            (first.1, input.1),
            (first.2, input.2),
        ),
        number_of_operations: count,
        number_of_weights: One::new(weights),
        number_of_bias: bias as u64,
        type_of_weights: One::new(kinds),
        type_of_bias,
    })
}

/// The class of a layer once the normalization is folded into its weights.
fn unfolded(class: &str) -> &str {
    match class {
        "QConv2DBatchnorm" => "QConv2D",
        "QDepthwiseConv2DBatchnorm" => "QDepthwiseConv2D",
        other => other,
    }
}

fn sparsity(nodes: &[&Node<'_>], rules: Rules) -> (IndexMap<String, f64>, f64) {
    let exact = rules == Rules::Exact;
    let (mut zeros, mut all) = (0, 0);
    let mut layers = IndexMap::new();
    for node in nodes {
        let depthwise = node.class == "QDepthwiseConv2DBatchnorm";
        if node.again {
            continue;
        }
        let (Some(note), true) = (
            node.note,
            exact || depthwise || SPARSE.contains(&node.class),
        ) else {
            continue;
        };
        let folded = node.class.ends_with("Batchnorm");
        let counted = |(name, _): &(&String, &WeightNote)| {
            !folded || ["kernel", "depthwise_kernel", "bias"].contains(&name.as_str())
        };
        let weights: Vec<&WeightNote> = note
            .weights
            .iter()
            .filter(counted)
            .map(|(_, w)| w)
            .collect();
        let values = |w: &&WeightNote| {
            // QKeras looks at folded weights before their quantizer.
            if folded && !exact {
                w.folded
            } else {
                w.quantized
            }
        };
        let (mut none, mut size) = (0, 0);
        for weight in &weights {
            none += values(weight).zeros;
            size += elements(&weight.shape);
        }
        if size > 0 {
            layers.insert(node.name.clone(), none as f64 / size as f64);
            zeros += none;
            all += size;
        }
    }
    let total = if all == 0 {
        0.0
    } else {
        zeros as f64 / all as f64
    };
    (layers, total)
}

fn tensors(node: &Node<'_>) -> Vec<Tensor> {
    let Some(note) = node.note else { return vec![] };
    let tensor = |(name, weight): (&String, &WeightNote)| {
        let slot = match name.as_str() {
            "depthwise_kernel" => "depthwise_quantizer".to_owned(),
            "pointwise_kernel" => "pointwise_quantizer".to_owned(),
            "moving_mean" => "mean_quantizer".to_owned(),
            "moving_variance" => "variance_quantizer".to_owned(),
            "recurrent_kernel" => "recurrent_quantizer".to_owned(),
            other => format!("{other}_quantizer"),
        };
        Tensor {
            layer: node.name.clone(),
            name: name.clone(),
            shape: weight.shape.clone(),
            quantizer: note.quantizer(&slot).map(|d| d.name),
            zeros: weight.quantized.zeros,
            min: weight.quantized.min,
            max: weight.quantized.max,
        }
    };
    note.weights.iter().map(tensor).collect()
}

impl std::fmt::Display for Stats {
    /// The text of `print_qstats`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut sorted: Vec<(&String, &Operations)> = self.operations.iter().collect();
        sorted.sort_by_key(|(name, _)| *name);
        let mut text = String::from("\nNumber of operations in model:\n");
        for (name, layer) in &sorted {
            let count = layer.number_of_operations.to_string();
            writeln!(text, "    {name:30}: {count:5} ({})", layer.name())?;
        }
        text += "\nNumber of operation types in model:\n";
        for (name, count) in &self.operation_types {
            writeln!(text, "    {name:30}: {count}")?;
        }
        text += "\nWeight profiling:\n";
        let mut line = |name: String, number: u64, bits: i64| {
            writeln!(
                text,
                "    {name:30} : {:5} ({bits}-bit unit)",
                number.to_string()
            )
        };
        for (name, layer) in &sorted {
            let kinds = layer.type_of_weights.items();
            for (i, (number, kind)) in layer
                .number_of_weights
                .items()
                .iter()
                .zip(&kinds)
                .enumerate()
            {
                let suffix = if kinds.len() > 1 {
                    format!("_{i}")
                } else {
                    String::new()
                };
                line(format!("{name}_weights{suffix}"), *number, kind.1)?;
            }
            line(
                format!("{name}_bias"),
                layer.number_of_bias,
                layer.type_of_bias.1,
            )?;
        }
        let rule = "-".repeat(40);
        writeln!(
            text,
            "    {rule}\n    {:30} : {:5}",
            "Total Bits", self.total_bits
        )?;
        text += "\nWeight sparsity:\n";
        for (name, share) in &self.sparsity {
            writeln!(text, "    {name:30} : {share:.4}")?;
        }
        writeln!(
            text,
            "    {rule}\n    {:30} : {:.4}",
            "Total Sparsity", self.total_sparsity
        )?;
        f.write_str(&text)
    }
}
