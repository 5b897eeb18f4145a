//! Zero padding in front of a convolution becomes padding of its windows.

use super::rewrite::rewrite;
use super::{Change, Pass};
use crate::ir::Move;
use crate::ir::math::{Linear, Network, Node, Op};

pub(super) const PASS: Pass = Pass {
    name: "pad-into-window",
    doc: "zero padding in front of a convolution becomes padding of its windows",
    run,
};

fn run(network: &Network) -> (Network, Vec<Change>) {
    rewrite(network, |work, node| {
        let Op::Linear(linear) = &node.op else {
            return None;
        };
        let padding = work.old.node(node.inputs[0]);
        let Op::Move(Move::Pad(cells)) = &padding.op else {
            return None;
        };
        // Channels are never padded by a window; cells on a dilated grid are something else.
        let (channels, cells) = cells.split_last()?;
        if *channels != (0, 0) || linear.windows.iter().any(|w| w.base_dilation != 1) {
            return None;
        }
        let mut windows = linear.windows.clone();
        for (window, (before, after)) in windows.iter_mut().zip(cells) {
            window.pad += before;
            window.input -= before + after;
        }
        work.changed(node, format!("padding of {} taken over", padding.origin));
        let operand = work.place(padding.inputs[0]);
        Some(work.new.push(Node {
            op: Op::Linear(Linear {
                windows,
                ..linear.clone()
            }),
            inputs: vec![operand],
            ..node.clone()
        }))
    })
}
