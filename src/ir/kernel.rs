//! The design: exact integer operations with a format and a proven range on every edge.
//!
//! # Semantics
//! Every kernel maps integer codes to integer codes; the formulas below are on codes, and no kernel
//! but [`Kernel::Cast`] ever rounds or saturates. Binary points (`TensorType::frac`) are facts
//! about the edges: a kernel's constants were chosen so that its integer arithmetic is right for
//! them. Element order is row-major; [`Periodic`] parameters follow the flat index of the output.
//!
//! * The point kernels (`Affine`, `Select`, `Clamp`, `Cast`, `Lut`, `Threshold`) work on each
//!   element's own code, so their operand may have a binary point for each channel. Every other
//!   kernel's operands have one binary point for the whole tensor; where channels differ a lossless
//!   `Cast` stands in between.
//! * Every result lies in the range that its edge states, whatever codes of the input types come
//!   in; so arithmetic modulo `2^w` with `w >= TensorType::width()` is exact.
//! * Widths stay at or below 127 bits, so a code always fits `i128`.

use std::sync::Arc;

use super::{Encoding, Move, Origin, Periodic, Range, Shape, Window, elements};
use crate::num::{FixedType, Overflow, Quantization};

pub use super::math::{LoopResult, Merge, NodeId, PoolKind, Port, Reduce};

/// A network as hardware: kernels in topological order.
#[derive(Debug, Clone, Default)]
pub struct Design {
    /// Operands come before the nodes that use them.
    pub nodes: Vec<Node>,
    /// The model's inputs in its own order; each names a [`Kernel::Input`] node.
    pub inputs: Vec<Port>,
    /// The model's outputs in its own order; one node may stand here twice.
    pub outputs: Vec<Port>,
    /// The output of every Keras layer that has an exact edge of its own, in graph order.
    pub taps: Vec<Port>,
}

/// One operation.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it computes.
    pub kernel: Kernel,
    /// Its operands.
    pub inputs: Vec<NodeId>,
    /// Shape, binary points and proven ranges of its result.
    pub ty: TensorType,
    /// The layer it belongs to.
    pub origin: Origin,
    /// How this form was chosen, for people: `cast`, `table of 64 codes`, ...
    pub note: String,
}

/// Format of a tensor: codes with binary points and proven ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorType {
    /// Extents without the batch axis, channels last.
    pub shape: Shape,
    /// Fraction bits: an element's value is `code * 2^-frac`.
    pub frac: Periodic<i32>,
    /// Codes that can occur.
    pub range: Periodic<Range>,
}

impl TensorType {
    /// Number of elements.
    #[must_use]
    pub fn elements(&self) -> usize {
        elements(&self.shape)
    }

    /// The binary point when it is the same for the whole tensor.
    #[must_use]
    pub fn uniform_frac(&self) -> Option<i32> {
        let (first, rest) = self.frac.values().split_first()?;
        rest.iter().all(|f| f == first).then_some(*first)
    }

    /// Smallest range that holds the codes of every channel, each at its own binary point.
    #[must_use]
    pub fn hull(&self) -> Range {
        let mut all = self.range.values().iter().copied();
        let first = all.next().expect("a period is never empty");
        all.fold(first, Range::hull)
    }

    /// Bits that hold every channel's codes, each at its own binary point.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.hull().width()
    }

    /// Narrowest type that holds every value of every channel exactly: the C++ type of the edge.
    ///
    /// Its binary point is the finest of the channels. Plain rounding and overflow modes, since
    /// neither can occur. `None` when it needs more than 127 bits.
    #[must_use]
    pub fn covering(&self) -> Option<FixedType> {
        let frac = *self.frac.values().iter().max()?;
        let aligned = self
            .frac
            .zip(&self.range, |f, r| r.shifted(frac.abs_diff(*f)));
        let mut hull: Option<Range> = None;
        for range in aligned.values() {
            let range = (*range)?;
            hull = Some(hull.map_or(range, |h| h.hull(range)));
        }
        let hull = hull?;
        let width = hull.width();
        let int_bits = i32::try_from(width).ok()?.checked_sub(frac)?;
        (width <= MAX_WIDTH).then(|| FixedType {
            width,
            int_bits,
            signed: hull.signed(),
            quantization: Quantization::Trn,
            overflow: Overflow::Wrap,
            sat_bits: 0,
        })
    }
}

/// Widest code of a design, in bits.
pub const MAX_WIDTH: u32 = 127;

/// The closed set of operations. Adding one is dear on purpose: simulator, code generator and
/// analyses match it in full.
#[derive(Debug, Clone)]
pub enum Kernel {
    /// Input `index` of the model. Values from outside are converted into `ty`.
    Input {
        /// Position among the model's inputs.
        index: usize,
        /// The port's type, with its rounding and overflow.
        ty: FixedType,
    },
    /// Sum of products with constant weights.
    Dot(Dot),
    /// `out[.., m, n] = sum_k a[.., m, k] * b[.., k, n]`; leading extents are equal.
    MatMul,
    /// `mul[i] * x + add[i]`.
    Affine(Affine),
    /// `x >= threshold[i] ? above(x) : below(x)`.
    Select(Box<Select>),
    /// `min(max(x, lo[i]), hi[i])`.
    Clamp(Periodic<Range>),
    /// Conversion from the operand's binary points into these types, by the rules of `num`.
    Cast(Periodic<FixedType>),
    /// `table[i][x - first]`.
    Lut(Lut),
    /// `values[i][number of thresholds t in thresholds[i] with x >= t]`.
    Threshold(Periodic<Arc<Staircase>>),
    /// Window reduction over the spatial axes, channel by channel; outside cells take no part.
    Pool {
        /// Spatial axes; the last axis of the tensor is the channel.
        windows: Vec<Window>,
        /// Sum or maximum.
        kind: PoolKind,
    },
    /// Element-wise on several operands (NumPy broadcasting): operand `k` enters as
    /// `x_k << shifts[k]`. `Mul` has no shifts.
    Merge {
        /// The operation.
        op: Merge,
        /// Left shifts that align the operands' binary points.
        shifts: Vec<u32>,
    },
    /// Rearrangement; all operands have the same binary point.
    Move(Move),
    /// Reduction of the last axis, which stays with extent 1.
    Reduce(Reduce),
    /// A cell applied step after step; the node itself is result 0.
    Loop(Loop),
    /// Result of this number of the loop that is the operand. It has the loop's origin.
    Part(usize),
}

/// A design applied step after step, its states kept from one step to the next.
///
/// The node's operands are `sequences` tensors of shape `[steps, ..]`, then the initial state of
/// every state, or nothing where all of them are zero; operands have the binary point of the body's
/// input. A new state goes back into the state's input after every step but the last, and there its
/// code lies in the input's range: what a state can be after so many steps was proven as a whole,
/// not from the input's range alone.
#[derive(Debug, Clone)]
pub struct Loop {
    /// One step. Its inputs are a slice of each sequence, then the states; its outputs, none of which is
    /// an input, begin with the new states, at the binary points of the states' inputs.
    pub body: Arc<Design>,
    /// How often it is applied.
    pub steps: usize,
    /// Operands that are cut into slices.
    pub sequences: usize,
    /// What comes out.
    pub results: Vec<LoopResult>,
}

impl Loop {
    /// Number of states.
    #[must_use]
    pub fn states(&self) -> usize {
        self.body.inputs.len() - self.sequences
    }

    /// The body's node for one of its inputs.
    #[must_use]
    pub fn input(&self, input: usize) -> NodeId {
        self.body.inputs[input].node
    }

    /// The body's node behind a result.
    #[must_use]
    pub fn source(&self, result: usize) -> NodeId {
        self.body.outputs[self.results[result].output].node
    }

    /// Format of a result.
    #[must_use]
    pub fn result_type(&self, result: usize) -> TensorType {
        let step = &self.body.node(self.source(result)).ty;
        if !self.results[result].sequence {
            return step.clone();
        }
        // Properties follow the flat index of each step's own elements.
        let elements = step.elements().max(1);
        fn each<T: Clone + PartialEq>(of: &Periodic<T>, elements: usize) -> Periodic<T> {
            Periodic::new((0..elements).map(|i| of.at(i).clone()).collect()).compact()
        }
        TensorType {
            shape: [&[self.steps], step.shape.as_slice()].concat(),
            frac: each(&step.frac, elements),
            range: each(&step.range, elements),
        }
    }
}

/// Sum of products: `out[p, o] = ((sum_k sum_c w[k, c, o] * x[p @ k, c]) << shift[o]) + bias[o]`.
///
/// Taps outside the input contribute zero. With groups, filter `o` of block `g = o / (filters /
/// groups)` reads channels `g * (channels / groups) + c`.
#[derive(Debug, Clone)]
pub struct Dot {
    /// Spatial axes: operand shape `[inputs.., channels]`, result `[outputs.., filters]`.
    pub windows: Vec<Window>,
    /// Blocks of channels.
    pub groups: usize,
    /// Channels of the operand.
    pub channels: usize,
    /// Channels of the result.
    pub filters: usize,
    /// Codes, row-major `[taps.., channels / groups, filters]`.
    pub weights: Arc<Vec<i128>>,
    /// Fraction bits of the weights of each filter.
    pub weight_frac: Periodic<i32>,
    /// Left shift of each filter's sum before the bias; all zero unless a bias is finer.
    pub shift: Periodic<u32>,
    /// Code of each filter's bias, at the result's binary point.
    pub bias: Periodic<i128>,
    /// What every partial sum, taken in any order from the bias on, lies in; per filter, at the
    /// result's binary point.
    pub accumulator: Periodic<Range>,
    /// What the quantizer guarantees of the weights.
    pub encoding: Encoding,
}

impl Dot {
    /// Multiply-accumulates of one sample, zero weights and absent taps included.
    #[must_use]
    pub fn macs(&self) -> u64 {
        let outputs: usize = self.windows.iter().map(|w| w.output).product();
        (outputs * self.weights.len()) as u64
    }

    /// What the accumulator holds over all filters, zero included: its C++ type.
    #[must_use]
    pub fn accumulator_range(&self) -> Range {
        let partial = self.accumulator.values().iter().copied();
        partial.fold(Range::point(0), Range::hull)
    }
}

/// `mul * x + add` on codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affine {
    /// Factor.
    pub mul: Periodic<i128>,
    /// Addend.
    pub add: Periodic<i128>,
}

/// Two affine branches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Select {
    /// First code of the upper branch.
    pub threshold: Periodic<i128>,
    /// Where `x < threshold`.
    pub below: Affine,
    /// Where `x >= threshold`.
    pub above: Affine,
}

/// A table with one entry for each code of the operand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lut {
    /// The code that entry 0 stands for.
    pub first: i128,
    /// Entries, one table for each position in the period.
    pub tables: Periodic<Arc<Vec<i128>>>,
}

/// A step function.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Staircase {
    /// Strictly rising.
    pub thresholds: Vec<i128>,
    /// One more than thresholds.
    pub values: Vec<i128>,
}

impl Design {
    /// What the outputs need: without nodes that exist only to be traced. Inputs stay, read or not.
    ///
    /// Ids change; the order of nodes, inputs and outputs does not.
    #[must_use]
    pub fn hardware(&self) -> Self {
        let mut needed = vec![false; self.nodes.len()];
        for port in self.outputs.iter().chain(&self.inputs) {
            needed[port.node.index()] = true;
        }
        for (index, node) in self.nodes.iter().enumerate().rev() {
            if needed[index] {
                for operand in &node.inputs {
                    needed[operand.index()] = true;
                }
            }
        }
        let mut design = Self::default();
        let mut places: Vec<Option<NodeId>> = Vec::with_capacity(self.nodes.len());
        let place = |places: &[Option<NodeId>], id: NodeId| {
            places[id.index()].expect("operands of needed nodes are needed")
        };
        for (node, needed) in self.nodes.iter().zip(needed) {
            places.push(needed.then(|| {
                let inputs = node.inputs.iter().map(|&i| place(&places, i)).collect();
                design.push(Node {
                    inputs,
                    ..node.clone()
                })
            }));
        }
        let ports = |ports: &[Port]| -> Vec<Port> {
            let kept = ports.iter().filter_map(|port| {
                Some(Port {
                    name: port.name.clone(),
                    node: places[port.node.index()]?,
                })
            });
            kept.collect()
        };
        design.inputs = ports(&self.inputs);
        design.outputs = ports(&self.outputs);
        design.taps = ports(&self.taps);
        design
    }

    /// Every node, those in the bodies of loops right after their loop.
    #[must_use]
    pub fn all_nodes(&self) -> Vec<&Node> {
        let mut all = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            all.push(node);
            if let Kernel::Loop(cell) = &node.kernel {
                all.extend(cell.body.all_nodes());
            }
        }
        all
    }

    /// The node with this id.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// Appends a node and returns its id.
    pub fn push(&mut self, node: Node) -> NodeId {
        let id = u32::try_from(self.nodes.len()).expect("a design has fewer than 2^32 nodes");
        self.nodes.push(node);
        NodeId(id)
    }

    /// Types of a node's operands, in order.
    #[must_use]
    pub fn operand_types(&self, node: &Node) -> Vec<&TensorType> {
        node.inputs.iter().map(|&i| &self.node(i).ty).collect()
    }
}
