//! The widths of the design beside QTools': proven from the weights, and those of the generated C++.

use serde::Serialize;
use serde_json::{Map as Object, Value, json};

use super::map::{Kind, Layer, Map};
use super::types::{Mode, Type};
use crate::ir::kernel::{Design, Dot, Kernel, Node, TensorType};
use crate::num::{FixedType, Overflow, Quantization};
use crate::report::type_name;

/// What the design has in place of a layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Widths {
    /// Bits of the sum of products, of layers with weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accumulator: Option<Width>,
    /// The result.
    pub output: Width,
    /// QTools' bits less these, each.
    pub saved: Saved,
}

/// A proven width.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Width {
    /// Bits of the codes: the C++ type's.
    pub bits: u32,
    /// As a type, where one binary point holds all channels.
    #[serde(rename = "type")]
    pub ty: String,
}

/// QTools' bits less the design's; negative where QTools has too few.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Saved {
    /// Of the accumulator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accumulator: Option<i64>,
    /// Of the result.
    pub output: i64,
}

/// The nodes of a layer of the map: a separable convolution stands there as two.
fn nodes<'a>(design: &'a Design, name: &str) -> Vec<&'a Node> {
    let (path, call) = match name.rsplit_once('#') {
        Some((path, call)) => (path, call.parse().unwrap_or(0)),
        None => (name, 0),
    };
    let of = |path: &str| -> Vec<&'a Node> {
        let nodes = design.nodes.iter();
        nodes
            .filter(|n| n.origin.layer == path && n.origin.call == call)
            .collect()
    };
    let found = of(path);
    match path.strip_suffix("/depthwise") {
        Some(whole) if found.is_empty() => {
            let whole = of(whole);
            let dots = whole.iter().filter(|n| is_dot(n)).count();
            let first = whole.iter().position(|n| is_dot(n));
            match first {
                Some(first) if dots > 1 => whole[..=first].to_vec(),
                _ => vec![],
            }
        }
        _ => found,
    }
}

fn is_dot(node: &Node) -> bool {
    matches!(node.kernel, Kernel::Dot(_))
}

fn width(ty: &TensorType) -> Width {
    Width {
        bits: ty.width(),
        ty: type_name(ty),
    }
}

fn accumulator(node: &Node, dot: &Dot) -> Width {
    let range = dot.accumulator_range();
    let bits = range.width();
    let ty = match node.ty.uniform_frac() {
        Some(frac) => {
            let prefix = if range.signed() { "" } else { "u" };
            format!(
                "{prefix}fixed<{bits},{}>",
                i64::from(bits) - i64::from(frac)
            )
        }
        None => format!("{bits} bits"),
    };
    Width { bits, ty }
}

/// What the design has in place of a layer; `None` where it is nothing of its own.
#[must_use]
pub fn widths(design: &Design, name: &str, layer: &Layer) -> Option<Widths> {
    let nodes = nodes(design, name);
    let tap = design.taps.iter().find(|t| t.name == name);
    let last = tap.map(|t| design.node(t.node)).or(nodes.last().copied())?;
    let sum = nodes.iter().rev().find_map(|node| match &node.kernel {
        Kernel::Dot(dot) => Some(accumulator(node, dot)),
        _ => None,
    });
    let output = width(&last.ty);
    let rule = match &layer.kind {
        Kind::Linear(linear) => {
            let sum = linear.fused.as_ref().unwrap_or(&linear.accumulator);
            Some(sum.output.bits)
        }
        _ => None,
    };
    Some(Widths {
        saved: Saved {
            accumulator: rule
                .zip(sum.as_ref())
                .map(|(rule, sum)| rule - i64::from(sum.bits)),
            output: layer.output.bits - i64::from(output.bits),
        },
        accumulator: sum,
        output,
    })
}

impl Map {
    /// QTools' JSON with a key `design` in every layer that the design has something for.
    #[must_use]
    pub fn to_json_with(&self, design: &Design) -> Object<String, Value> {
        let mut json = self.to_json();
        for (name, layer) in &self.layers {
            if let (Some(widths), Some(Value::Object(item))) =
                (widths(design, name, layer), json.get_mut(name))
            {
                item.insert("design".into(), json!(widths));
            }
        }
        json
    }
}

impl Type {
    /// The hardware type that holds every number of this type; `None` for floats.
    #[must_use]
    pub fn hardware(&self) -> Option<FixedType> {
        let fixed = match self.mode {
            Mode::Float => return None,
            Mode::Fixed => self.clone(),
            Mode::PowerOfTwo => self.as_fixed(),
            Mode::Ternary | Mode::Sign => Self::fixed(2, 1, true),
            Mode::Bit => Self::fixed(1, 1, false),
        };
        Some(FixedType {
            width: u32::try_from(fixed.bits).ok().filter(|w| *w > 0)?,
            int_bits: i32::try_from(fixed.int_bits + i64::from(fixed.signed)).ok()?,
            signed: fixed.signed,
            quantization: Quantization::RndConv,
            overflow: Overflow::Sat,
            sat_bits: 0,
        })
    }
}
