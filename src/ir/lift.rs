//! A network applied to every slice of a leading axis.

use super::math::{Linear, Network, Node, NodeId, Op, Pool};
use super::{Move, Window};

/// Appends the nodes of `inner`, whose inputs are slices, to `outer`, where they work on `steps` slices
/// at once: `operands` stand for the inputs of `inner`. Returns where each inner node went.
///
/// Every operation treats the new axis as positions that do not see each other.
///
/// # Panics
/// When `operands` has fewer entries than `inner` has inputs.
pub fn lift(
    inner: &Network,
    steps: usize,
    operands: &[NodeId],
    outer: &mut Network,
) -> Vec<NodeId> {
    let mut places: Vec<NodeId> = Vec::with_capacity(inner.nodes.len());
    for node in &inner.nodes {
        let mut inputs: Vec<NodeId> = node.inputs.iter().map(|i| places[i.index()]).collect();
        let place = match &node.op {
            Op::Input(number) => operands[*number],
            op => {
                if matches!(op, Op::Merge(_)) {
                    let rank = node.shape.len();
                    for (input, of) in inputs.iter_mut().zip(&node.inputs) {
                        *input = with_rank(outer, *input, &inner.node(*of).shape, rank, steps);
                    }
                }
                outer.push(Node {
                    op: lifted(op, steps),
                    inputs,
                    shape: leading(steps, &node.shape),
                    origin: node.origin.clone(),
                })
            }
        };
        places.push(place);
    }
    places
}

fn leading(steps: usize, shape: &[usize]) -> Vec<usize> {
    [&[steps], shape].concat()
}

/// Extents of one between the new axis and the others: broadcasting aligns the last axes.
fn with_rank(
    outer: &mut Network,
    node: NodeId,
    slice: &[usize],
    rank: usize,
    steps: usize,
) -> NodeId {
    if slice.len() >= rank {
        return node;
    }
    let ones = vec![1; rank - slice.len()];
    let shape = [&[steps], ones.as_slice(), slice].concat();
    let origin = outer.node(node).origin.clone();
    outer.push(Node {
        op: Op::Move(Move::Reshape(shape.clone())),
        inputs: vec![node],
        shape,
        origin,
    })
}

fn lifted(op: &Op, steps: usize) -> Op {
    let windows = |windows: &[Window]| [&[Window::identity(steps)], windows].concat();
    match op {
        Op::Linear(linear) => {
            let mut weights = linear.weights.clone();
            weights.shape = leading(1, &weights.shape);
            Op::Linear(Linear {
                windows: windows(&linear.windows),
                groups: linear.groups,
                weights,
                bias: linear.bias.clone(),
            })
        }
        Op::Pool(pool) => Op::Pool(Pool {
            windows: windows(&pool.windows),
            ..pool.clone()
        }),
        Op::Move(moved) => Op::Move(match moved {
            Move::Reshape(shape) => Move::Reshape(leading(steps, shape)),
            Move::Permute(axes) => Move::Permute(
                std::iter::once(0)
                    .chain(axes.iter().map(|a| a + 1))
                    .collect(),
            ),
            Move::Pad(cells) => Move::Pad([&[(0, 0)], cells.as_slice()].concat()),
            Move::Crop(cells) => Move::Crop([&[(0, 0)], cells.as_slice()].concat()),
            Move::Repeat { axis, times } => Move::Repeat {
                axis: axis + 1,
                times: *times,
            },
            Move::Reverse(axis) => Move::Reverse(axis + 1),
            Move::Concat(axis) => Move::Concat(axis + 1),
        }),
        Op::Input(_)
        | Op::Pointwise(_)
        | Op::Merge(_)
        | Op::Reduce(_)
        | Op::MatMul
        | Op::Softmax => op.clone(),
    }
}
