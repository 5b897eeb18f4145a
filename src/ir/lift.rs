//! A network applied to every slice of a leading axis.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::math::{Linear, Loop, Network, Node, NodeId, Op, Pool, Port};
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
    let mut loops: BTreeMap<NodeId, (NodeId, &Loop)> = BTreeMap::new();
    for (index, node) in inner.nodes.iter().enumerate() {
        let mut inputs: Vec<NodeId> = node.inputs.iter().map(|i| places[i.index()]).collect();
        let place = match &node.op {
            Op::Input(number) => operands[*number],
            Op::Loop(cell) => {
                let id = looped(cell, steps, &inputs, node, outer);
                let own = u32::try_from(index).expect("a model has fewer than 2^32 nodes");
                loops.insert(NodeId(own), (id, cell));
                slices_first(id, cell.results[0].sequence, outer)
            }
            Op::Part(number) => {
                let (from, cell) = loops[&node.inputs[0]];
                let sequence = cell.results[*number].sequence;
                let shape = if sequence {
                    let (time, rest) = node.shape.split_first().expect("a sequence has steps");
                    [&[*time, steps], rest].concat()
                } else {
                    leading(steps, &node.shape)
                };
                let id = outer.push(Node {
                    op: Op::Part(*number),
                    inputs: vec![from],
                    shape,
                    origin: node.origin.clone(),
                });
                slices_first(id, sequence, outer)
            }
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

/// A loop whose cell works on `steps` slices at once; its sequences have time before the slices.
fn looped(
    cell: &Loop,
    steps: usize,
    operands: &[NodeId],
    node: &Node,
    outer: &mut Network,
) -> NodeId {
    let mut body = Network::default();
    let slices: Vec<NodeId> = (cell.body.inputs.iter().enumerate())
        .map(|(number, port)| {
            let of = cell.body.node(port.node);
            body.push(Node {
                op: Op::Input(number),
                inputs: vec![],
                shape: leading(steps, &of.shape),
                origin: of.origin.clone(),
            })
        })
        .collect();
    let places = lift(&cell.body, steps, &slices, &mut body);
    let moved = |ports: &[Port]| -> Vec<Port> {
        let each = ports.iter().map(|port| Port {
            name: port.name.clone(),
            node: places[port.node.index()],
        });
        each.collect()
    };
    (body.inputs, body.outputs) = (moved(&cell.body.inputs), moved(&cell.body.outputs));
    let lifted = Loop {
        body,
        ..cell.clone()
    };
    let inputs = operands.iter().enumerate().map(|(k, &id)| {
        if k < cell.sequences {
            axes_swapped(id, outer)
        } else {
            id
        }
    });
    let inputs = inputs.collect();
    outer.push(Node {
        shape: lifted.result_shape(0),
        op: Op::Loop(Arc::new(lifted)),
        inputs,
        origin: node.origin.clone(),
    })
}

/// A loop's result with the slices as first axis.
fn slices_first(id: NodeId, sequence: bool, outer: &mut Network) -> NodeId {
    if sequence {
        axes_swapped(id, outer)
    } else {
        id
    }
}

/// The first two axes swapped.
fn axes_swapped(id: NodeId, outer: &mut Network) -> NodeId {
    let Node { shape, origin, .. } = outer.node(id).clone();
    let axes: Vec<usize> = [1, 0].into_iter().chain(2..shape.len()).collect();
    outer.push(Node {
        shape: axes.iter().map(|&a| shape[a]).collect(),
        op: Op::Move(Move::Permute(axes)),
        inputs: vec![id],
        origin,
    })
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
        Op::Loop(_) | Op::Part(_) => unreachable!("lifted as a whole"),
    }
}
