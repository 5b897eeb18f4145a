//! The network as exact mathematics: what a model means, before any hardware.
//!
//! Values are rational numbers. Nothing here has a width, a code or a range; rounding happens only
//! where a [`Step::Quantize`] says so, with the rules of `num`. Layers build this form through
//! [`Network::push`]; the pass `resolve` is its only reader.

use std::fmt::Debug;
use std::sync::Arc;

use super::quick::Interval;
use super::{
    Enclosure, Encoding, Move, Origin, Periodic, Real, Shape, Window, dyadic, from_f64, pow2,
};
use crate::num::FixedType;

/// A node of a [`Network`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

impl NodeId {
    /// Position in [`Network::nodes`].
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A whole model: nodes in topological order.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// Operands come before the nodes that use them.
    pub nodes: Vec<Node>,
    /// The model's inputs, in its own order.
    pub inputs: Vec<Port>,
    /// The model's outputs, in its own order; one node may stand here twice.
    pub outputs: Vec<Port>,
    /// The output of every Keras layer call, in the order of the graph: what `--trace` writes.
    pub taps: Vec<Port>,
}

/// A named tensor of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Name as the user knows it: the layer's.
    pub name: String,
    /// The node that computes it.
    pub node: NodeId,
}

/// One operation of the network.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it computes.
    pub op: Op,
    /// Its operands.
    pub inputs: Vec<NodeId>,
    /// Shape of its result, channels last.
    pub shape: Shape,
    /// The layer it belongs to.
    pub origin: Origin,
}

/// What a node computes.
#[derive(Debug, Clone)]
pub enum Op {
    /// Number `n` of the model's inputs.
    Input(usize),
    /// Dense and convolution layers.
    Linear(Linear),
    /// A chain of functions of one number, applied to every element.
    Pointwise(Vec<Step>),
    /// Window reduction over the spatial axes; the last axis is the channel.
    Pool(Pool),
    /// Element by element on several tensors, NumPy broadcasting.
    Merge(Merge),
    /// Rearrangement.
    Move(Move),
    /// Reduction of the last axis, which stays with extent 1.
    Reduce(Reduce),
    /// Product of two tensors: `[.., m, k] x [.., k, n] -> [.., m, n]`.
    MatMul,
    /// Softmax over the last axis.
    Softmax,
    /// A cell applied step after step; the node itself is result 0.
    Loop(Arc<Loop>),
    /// Result of this number of the loop that is the operand.
    Part(usize),
}

/// A network applied step after step: `(states, others) = body(slices, states)`.
///
/// The node's operands are `sequences` tensors of shape `[steps, ..]`, then the initial state of
/// every state, or nothing where all of them are zero.
#[derive(Debug, Clone)]
pub struct Loop {
    /// One step. Its inputs are a slice of each sequence, then the states; its outputs begin with the
    /// new states. All steps share its weights.
    pub body: Network,
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

    /// Shape of a result.
    #[must_use]
    pub fn result_shape(&self, result: usize) -> Shape {
        let LoopResult { output, sequence } = self.results[result];
        let step = &self.body.node(self.body.outputs[output].node).shape;
        let lead = sequence.then_some(self.steps);
        lead.iter().chain(step).copied().collect()
    }
}

/// A tensor that comes out of a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoopResult {
    /// Which output of the body.
    pub output: usize,
    /// Its values of all steps along a new first axis, or those of the last step.
    pub sequence: bool,
}

/// A linear map with constant weights: `y[p, o] = sum_k sum_c x[p @ k, c] * w[k, c, o] + bias[o]`.
///
/// The input has shape `[window inputs.., channels]`, the output `[window outputs.., filters]`.
/// A dense layer has no window axis, or windows of one tap for its leading axes. With `groups > 1`
/// output block `g` sees input block `g`.
#[derive(Debug, Clone)]
pub struct Linear {
    /// The spatial axes.
    pub windows: Vec<Window>,
    /// Blocks of channels that do not see each other.
    pub groups: usize,
    /// Shape `[taps.., channels / groups, filters]`.
    pub weights: Weights,
    /// One exact number for each filter; `None` is zero.
    pub bias: Option<Vec<Real>>,
}

/// Constant weights as codes times scale: `weight[i] = codes[i] * scale[i]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// Extents, row-major.
    pub shape: Shape,
    /// Integer codes.
    pub codes: Vec<i128>,
    /// Positive or zero factor; a power of two moves the binary point, others multiply.
    pub scale: Periodic<Real>,
    /// What the quantizer guarantees.
    pub encoding: Encoding,
}

impl Weights {
    /// Unquantized values, written exactly: odd codes with a power of two each.
    ///
    /// `None` when a value is infinite or no number.
    #[must_use]
    pub fn exact(values: &[f64], shape: Shape) -> Option<Self> {
        let values = values.iter().map(|&v| from_f64(v));
        Self::of(values.collect::<Option<Vec<_>>>()?, shape, Encoding::Float)
    }

    /// Any binary fractions, as odd codes with a power of two each.
    ///
    /// `None` when a value is no binary fraction of at most 127 bits.
    #[must_use]
    pub fn of(values: Vec<Real>, shape: Shape, encoding: Encoding) -> Option<Self> {
        let parts = values
            .iter()
            .map(|v| dyadic(v).map(|(code, frac)| (code, pow2(-frac))))
            .collect::<Option<Vec<_>>>()?;
        let (codes, scale): (Vec<i128>, Vec<Real>) = parts.into_iter().unzip();
        let scale = if scale.is_empty() {
            Periodic::uniform(pow2(0))
        } else {
            Periodic::new(scale)
        };
        Some(Self {
            shape,
            codes,
            scale: scale.compact(),
            encoding,
        })
    }

    /// The exact values, row-major.
    #[must_use]
    pub fn values(&self) -> Vec<Real> {
        let value = |(i, &code): (usize, &i128)| Real::from_integer(code.into()) * self.scale.at(i);
        self.codes.iter().enumerate().map(value).collect()
    }

    /// Rearranged weights: element `i` of the result is element `sources[i]` of these.
    #[must_use]
    pub fn gather(&self, shape: Shape, sources: &[usize]) -> Self {
        let codes = sources.iter().map(|&s| self.codes[s]).collect();
        let scale = match self.scale.as_uniform() {
            Some(one) => Periodic::uniform(one.clone()),
            None => {
                Periodic::new(sources.iter().map(|&s| self.scale.at(s).clone()).collect()).compact()
            }
        };
        Self {
            shape,
            codes,
            scale,
            encoding: self.encoding,
        }
    }
}

/// One function of a chain, applied to every element.
///
/// [`Periodic`] parameters follow the flat index of the element.
#[derive(Debug, Clone)]
pub enum Step {
    /// `x * mul + add`.
    Affine {
        /// Factor.
        mul: Periodic<Real>,
        /// Addend.
        add: Periodic<Real>,
    },
    /// `min(max(x, lo), hi)`.
    Clip {
        /// Lower limit.
        lo: Option<Real>,
        /// Upper limit.
        hi: Option<Real>,
    },
    /// `x > threshold ? x : slope * (x - threshold)`, the rectifiers; slope 0 is `relu`. At the
    /// threshold itself the result is 0, as Keras computes it.
    Leaky {
        /// Where the two branches meet.
        threshold: Real,
        /// Slope below.
        slope: Periodic<Real>,
    },
    /// The conversion into a fixed-point type, with its rounding and overflow.
    Quantize(Periodic<FixedType>),
    /// Any other function.
    Function(Arc<dyn PointFunction>),
}

/// A function of one real number that a quantizer or an activation brings along.
///
/// The resolver never sees its formula: it asks for values at the codes that can occur and builds
/// a table or thresholds from them.
pub trait PointFunction: Debug + Send + Sync {
    /// Name for reports, `tanh` for instance.
    fn name(&self) -> String;

    /// The value at `x`, exactly where it is rational, else enclosed within `2^-precision` times
    /// the larger of 1 and the value's magnitude.
    ///
    /// More precision gives a narrower enclosure without limit. An enclosure that is not exact holds the
    /// value strictly inside, and promises that it is irrational: it can then never lie on a rounding tie.
    fn eval(&self, x: &Real, precision: u32) -> Enclosure;

    /// The value at `x`, in units of `2^-60` like `x`, enclosed in machine integers: a cheap attempt, which
    /// may fail anywhere.
    fn quick(&self, _x: i128) -> Option<Interval> {
        None
    }

    /// Whether the function never rises, never falls, or neither.
    fn direction(&self) -> Direction;

    /// The pieces on which the function keeps its direction; `None` where they are not known, and the
    /// function can only be a table.
    fn pieces(&self) -> Option<Pieces> {
        match self.direction() {
            Direction::Mixed => None,
            one => Some(Pieces::one(one)),
        }
    }

    /// Whether every value at a rational argument is an exact binary fraction out of a finite set:
    /// a quantizer in itself, like `binary` or `quantized_po2`.
    fn discrete(&self) -> bool {
        false
    }

    /// Smallest and largest value the function takes on any argument, where it is bounded.
    fn bounds(&self) -> (Option<Real>, Option<Real>) {
        (None, None)
    }
}

/// A function of one number cut into pieces on which it never rises or never falls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pieces {
    /// One for each piece, from left to right.
    pub directions: Vec<Direction>,
    /// Where one piece ends and the next begins, one less than pieces; an exact point belongs to the
    /// right piece. Arguments strictly inside an enclosure belong to neither.
    pub turns: Vec<Enclosure>,
}

impl Pieces {
    /// A function that keeps one direction.
    #[must_use]
    pub fn one(direction: Direction) -> Self {
        Self {
            directions: vec![direction],
            turns: vec![],
        }
    }
}

/// How a function of one number moves with its argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// `a <= b` implies `f(a) <= f(b)`.
    Rising,
    /// `a <= b` implies `f(a) >= f(b)`.
    Falling,
    /// Neither.
    Mixed,
}

/// A window reduction, channel by channel. Cells outside the input take no part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// The spatial axes.
    pub windows: Vec<Window>,
    /// Sum or maximum.
    pub kind: PoolKind,
}

/// What a pool computes of the cells under its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PoolKind {
    /// Largest cell.
    Max,
    /// Sum of the cells; averages are a sum and an affine step.
    Sum,
}

/// An element-wise combination of tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Merge {
    /// Sum of all.
    Add,
    /// First minus second.
    Sub,
    /// Product of all.
    Mul,
    /// Largest.
    Max,
    /// Smallest.
    Min,
}

/// A reduction of the last axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reduce {
    /// Largest element.
    Max,
    /// Sum of the elements.
    Sum,
    /// Index of the largest element, the lower index on ties.
    ArgMax,
}

impl Network {
    /// Appends a node and returns its id. Operands must already be in the network.
    pub fn push(&mut self, node: Node) -> NodeId {
        debug_assert!(node.inputs.iter().all(|i| i.index() < self.nodes.len()));
        let id = u32::try_from(self.nodes.len()).expect("a model has fewer than 2^32 nodes");
        self.nodes.push(node);
        NodeId(id)
    }

    /// The node with this id.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }
}

/// Shape of several tensors broadcast together as NumPy does (axes aligned at the end); `None`
/// when two extents differ and neither is 1.
#[must_use]
pub fn broadcast(shapes: &[&[usize]]) -> Option<Shape> {
    let rank = shapes.iter().map(|s| s.len()).max()?;
    (0..rank)
        .map(|axis| {
            let extents = shapes
                .iter()
                .filter_map(|s| s.get((axis + s.len()).checked_sub(rank)?));
            extents.copied().try_fold(1, |n, m| match (n, m) {
                _ if n == m => Some(n),
                (1, m) => Some(m),
                (n, 1) => Some(n),
                _ => None,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasting() {
        assert_eq!(broadcast(&[&[4, 3], &[3]]), Some(vec![4, 3]));
        assert_eq!(broadcast(&[&[4, 1], &[1, 3]]), Some(vec![4, 3]));
        assert_eq!(broadcast(&[&[4], &[3]]), None);
    }
}
