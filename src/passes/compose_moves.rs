//! Reshapes and permutations in a row become one; those that move nothing disappear.

use super::rewrite::rewrite;
use super::{Change, Pass};
use crate::ir::Move;
use crate::ir::math::{Network, Node, Op};

pub(super) const PASS: Pass = Pass {
    name: "compose-moves",
    doc: "reshapes and permutations in a row become one, those that move nothing disappear",
    run,
};

fn run(network: &Network) -> (Network, Vec<Change>) {
    rewrite(network, |work, node| {
        let Op::Move(moved) = &node.op else {
            return None;
        };
        let [operand] = node.inputs.as_slice() else {
            return None;
        };
        let place = work.place(*operand);
        let before = work.new.node(place).clone();
        if is_identity(moved, &before.shape) {
            work.changed(node, "moves nothing: left out");
            return Some(place);
        }
        let Op::Move(first) = &before.op else {
            return None;
        };
        let both = match (first, moved) {
            (Move::Reshape(_), Move::Reshape(shape)) => Move::Reshape(shape.clone()),
            (Move::Permute(first), Move::Permute(then)) => {
                Move::Permute(then.iter().map(|&axis| first[axis]).collect())
            }
            _ => return None,
        };
        work.changed(node, format!("joined with {}", before.origin));
        let origin = work.new.node(before.inputs[0]);
        if is_identity(&both, &origin.shape) {
            return Some(before.inputs[0]);
        }
        Some(work.new.push(Node {
            op: Op::Move(both),
            inputs: before.inputs.clone(),
            ..node.clone()
        }))
    })
}

fn is_identity(moved: &Move, shape: &[usize]) -> bool {
    match moved {
        Move::Reshape(to) => to == shape,
        Move::Permute(axes) => axes.iter().enumerate().all(|(i, &axis)| i == axis),
        Move::Pad(cells) | Move::Crop(cells) => cells.iter().all(|&pair| pair == (0, 0)),
        Move::Repeat { times, .. } => *times == 1,
        Move::Reverse(axis) => shape[*axis] == 1,
        Move::Concat(_) => true,
    }
}
