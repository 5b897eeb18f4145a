//! What a design is, as data: the tables that `inspect` prints and writes as JSON.

pub mod docs;
pub mod tools;

use serde::Serialize;

use crate::compile::Compiled;
use crate::ir::kernel::{Design, Dot, Kernel, Node, TensorType};
use crate::ir::{Periodic, Range};
use crate::passes;

/// A whole model.
#[derive(Debug, Clone, Serialize)]
pub struct Inspection {
    /// Name in the file.
    pub model: String,
    /// Stored weights.
    pub parameters: u64,
    /// Multiply-accumulates of one sample, zero weights included.
    pub macs: u64,
    /// Bits that proven ranges save on accumulators against the fan-in rule.
    pub accumulator_bits_saved: u64,
    /// Operations in order.
    pub operations: Vec<Operation>,
    /// Choices made, surprising meanings, error bounds.
    pub remarks: Vec<String>,
    /// What the passes did.
    pub passes: Vec<passes::Report>,
}

/// One kernel.
#[derive(Debug, Clone, Serialize)]
pub struct Operation {
    /// The Keras layer.
    pub layer: String,
    /// Its class.
    pub class: String,
    /// The kernel.
    pub kernel: &'static str,
    /// How it was chosen.
    pub note: String,
    /// Result without the batch axis.
    pub shape: Vec<usize>,
    /// Narrowest type that holds every value of the result.
    pub output: String,
    /// Types of the channels where they differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<String>,
    /// Of sums of products only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<Product>,
}

/// Facts about a sum of products.
#[derive(Debug, Clone, Serialize)]
pub struct Product {
    /// Narrowest type of the weights (codes with the finest binary point of the filters).
    pub weights: String,
    /// How the weights are encoded.
    pub encoding: String,
    /// Weights that are zero.
    pub zeros: usize,
    /// All weights.
    pub count: usize,
    /// Products summed into one result.
    pub fan_in: usize,
    /// Bits of the widest accumulator.
    pub accumulator_bits: u32,
    /// Bits of each filter's accumulator.
    pub accumulator_bits_per_filter: Vec<u32>,
    /// Operand bits plus weight bits plus `ceil(log2(fan-in))`; a bias counts as one more product.
    pub fan_in_rule_bits: u32,
    /// The difference, summed over filters.
    pub bits_saved: u64,
}

/// Describes a compiled model.
#[must_use]
pub fn inspect(compiled: &Compiled) -> Inspection {
    let design = compiled.design.hardware();
    let operations = operations(&design);
    Inspection {
        model: compiled.raw.name.clone(),
        parameters: parameters(&compiled.raw),
        macs: macs(&design),
        accumulator_bits_saved: operations
            .iter()
            .flat_map(|o| &o.product)
            .map(|p| p.bits_saved)
            .sum(),
        operations,
        remarks: compiled.remarks.clone(),
        passes: compiled.passes.clone(),
    }
}

/// Every kernel; those of a cell stand before its loop.
fn operations(design: &Design) -> Vec<Operation> {
    let mut all = Vec::new();
    for node in &design.nodes {
        if let Kernel::Loop(cell) = &node.kernel {
            let inside = operations(&cell.body);
            all.extend(inside.into_iter().map(|op| Operation {
                note: format!("in each step, {}", op.note),
                ..op
            }));
        }
        all.push(operation(design, node));
    }
    all
}

fn macs(design: &Design) -> u64 {
    let each = design.nodes.iter().map(|node| match &node.kernel {
        Kernel::Dot(dot) => dot.macs(),
        Kernel::Loop(cell) => cell.steps as u64 * macs(&cell.body),
        _ => 0,
    });
    each.sum()
}

fn parameters(model: &crate::import::RawModel) -> u64 {
    use crate::import::{Inner, RawLayer};
    fn of_layer(layer: &RawLayer) -> u64 {
        let own: usize = layer
            .weights
            .values()
            .map(crate::import::RawTensor::len)
            .sum();
        let inner = match &layer.inner {
            Inner::None => 0,
            Inner::Model(model) => parameters(model),
            Inner::Layer(layer) => of_layer(layer),
            Inner::Directions { forward, backward } => of_layer(forward) + of_layer(backward),
            Inner::Cells(cells) => cells.iter().map(of_layer).sum(),
        };
        own as u64 + inner
    }
    model.layers.iter().map(of_layer).sum()
}

fn operation(design: &Design, node: &Node) -> Operation {
    let product = match &node.kernel {
        Kernel::Dot(dot) => Some(product(dot, &design.node(node.inputs[0]).ty)),
        _ => None,
    };
    let channels = if node.ty.frac.as_uniform().is_some() && node.ty.range.as_uniform().is_some() {
        vec![]
    } else {
        node.ty
            .frac
            .zip(&node.ty.range, |f, r| spell(*r, *f))
            .values()
            .to_vec()
    };
    Operation {
        layer: node.origin.layer.clone(),
        class: node.origin.class.clone(),
        kernel: kernel_name(&node.kernel),
        note: node.note.clone(),
        shape: node.ty.shape.clone(),
        output: type_name(&node.ty),
        channels,
        product,
    }
}

fn product(dot: &Dot, operand: &TensorType) -> Product {
    let fan_in = dot.weights.len() / dot.filters.max(1);
    let hull = dot
        .weights
        .iter()
        .map(|&w| Range::point(w))
        .reduce(Range::hull);
    let hull = hull.unwrap_or(Range::point(0));
    let frac = dot.weight_frac.values().iter().copied().max().unwrap_or(0);
    let biased = dot.bias.values().iter().any(|b| *b != 0);
    let terms = fan_in + usize::from(biased);
    let growth = usize::BITS - terms.saturating_sub(1).leading_zeros();
    let rule = operand.width() + hull.width() + growth;
    let bits: Vec<u32> = (0..dot.filters)
        .map(|f| dot.accumulator.at(f).width())
        .collect();
    Product {
        weights: spell(hull, frac),
        encoding: format!("{:?}", dot.encoding),
        zeros: dot.weights.iter().filter(|w| **w == 0).count(),
        count: dot.weights.len(),
        fan_in,
        accumulator_bits: bits.iter().copied().max().unwrap_or(0),
        bits_saved: bits
            .iter()
            .map(|b| u64::from(rule.saturating_sub(*b)))
            .sum(),
        accumulator_bits_per_filter: bits,
        fan_in_rule_bits: rule,
    }
}

/// The type of a tensor, or its width where no single type holds it.
#[must_use]
pub fn type_name(ty: &TensorType) -> String {
    match ty.covering() {
        Some(ty) => ty.to_string(),
        None => format!("{} bits", ty.width()),
    }
}

fn spell(range: Range, frac: i32) -> String {
    let width = range.width();
    let prefix = if range.signed() { "" } else { "u" };
    format!(
        "{prefix}fixed<{width},{}>",
        i64::from(width) - i64::from(frac)
    )
}

/// A kernel's name as users know it.
#[must_use]
pub fn kernel_name(kernel: &Kernel) -> &'static str {
    match kernel {
        Kernel::Input { .. } => "input",
        Kernel::Dot(_) => "dot",
        Kernel::MatMul => "matmul",
        Kernel::Affine(a) => {
            let trivial = |p: &Periodic<i128>, one: i128| p.values().iter().all(|v| *v == one);
            if trivial(&a.mul, 1) && trivial(&a.add, 0) {
                "shift"
            } else {
                "affine"
            }
        }
        Kernel::Select(_) => "select",
        Kernel::Clamp(_) => "clamp",
        Kernel::Cast(_) => "cast",
        Kernel::Lut(_) => "table",
        Kernel::Threshold(_) => "thresholds",
        Kernel::Pool { .. } => "pool",
        Kernel::Merge { .. } => "merge",
        Kernel::Move(_) => "move",
        Kernel::Reduce(_) => "reduce",
        Kernel::Loop(_) => "loop",
        Kernel::Part(_) => "part",
    }
}
