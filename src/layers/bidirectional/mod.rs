//! `Bidirectional` and `QBidirectional`: two recurrent layers that read a sequence from both ends.

use num_traits::{One, Zero};

use super::recurrent::{self, Lowered};
use super::{Call, LayerDef, Outcome};
use crate::import::Inner;
use crate::ir::math::{Merge, NodeId, Op, Step};
use crate::ir::{Move, Periodic, Real};

/// See the module.
pub(super) struct Bidirectional;

impl LayerDef for Bidirectional {
    fn classes(&self) -> &'static [&'static str] {
        &["Bidirectional", "QBidirectional"]
    }

    fn keywords(&self) -> &'static [&'static str] {
        &["initial_state"]
    }

    fn takes_time_major(&self) -> bool {
        true
    }

    fn lower(&self, call: &mut Call<'_>) -> Outcome {
        call.config.ignore(&["layer", "backward_layer"]);
        let modes = ["concat", "sum", "mul", "ave"];
        let mode = if call.config.has("merge_mode") && call.config.get("merge_mode").is_none() {
            None
        } else {
            Some(call.config.choice("merge_mode", &modes))
        };
        let mut initial = call.keyword("initial_state");
        initial.extend(call.inputs.drain(1..));
        let Inner::Directions { forward, backward } = call.inner() else {
            call.config.problem("it has no layers inside");
            return Err(call.problems());
        };
        if !initial.len().is_multiple_of(2) {
            let count = initial.len();
            call.config
                .problem(format!("{count} initial states are not for two directions"));
        }
        let of_backward = initial.split_off(initial.len() / 2);
        let mut both = Vec::new();
        for (layer, name, initial) in [
            (forward, "forward", initial),
            (backward, "backward", of_backward),
        ] {
            let mut inner = call.inside(layer, Some(name));
            let known = super::find(inner.class()).is_some_and(|d| !d.keywords().is_empty());
            let lowered = if known {
                recurrent::lower(&mut inner, initial)
            } else {
                Err(vec![format!(
                    "a layer of class {} is not recurrent",
                    inner.class()
                )])
            };
            match lowered {
                Ok(lowered) => both.push(lowered),
                Err(problems) => {
                    for problem in problems {
                        call.config.problem(format!("{name} layer: {problem}"));
                    }
                }
            }
        }
        if let [forward, backward] = both.as_slice()
            && forward.sequences != backward.sequences
        {
            call.config.problem(
                "one direction returns sequences and the other does not, which cannot be merged",
            );
        }
        call.finish()?;
        let [forward, backward]: [Lowered; 2] = both
            .try_into()
            .unwrap_or_else(|_| unreachable!("no problem was found"));
        let mut reversed = backward.output;
        if backward.sequences {
            reversed = call.moved(Move::Reverse(0), vec![reversed])?;
        }
        let mut outputs = merged(call, mode, forward.output, reversed)?;
        outputs.extend(forward.states);
        outputs.extend(backward.states);
        Ok(outputs)
    }

    fn doc(&self) -> &'static str {
        "`merge_mode` concat, sum, mul, ave, null; an own backward layer; states of both directions"
    }
}

fn merged(call: &mut Call<'_>, mode: Option<&str>, a: NodeId, b: NodeId) -> Outcome {
    let Some(mode) = mode else {
        return Ok(vec![a, b]);
    };
    let shape = call.shape_of(a);
    if mode == "concat" {
        let axis = shape.len() - 1;
        return Ok(vec![call.moved(Move::Concat(axis), vec![a, b])?]);
    }
    if shape != call.shape_of(b) {
        let other = call.shape_of(b);
        return Err(vec![format!(
            "the directions give shapes {shape:?} and {other:?}, which `merge_mode` \"{mode}\" cannot merge"
        )]);
    }
    let op = if mode == "mul" {
        Merge::Mul
    } else {
        Merge::Add
    };
    let node = call.push(Op::Merge(op), vec![a, b], shape);
    if mode != "ave" {
        return Ok(vec![node]);
    }
    let half = Step::Affine {
        mul: Periodic::uniform(Real::new(One::one(), 2.into())),
        add: Periodic::uniform(Real::zero()),
    };
    Ok(vec![call.pointwise(node, vec![half])])
}
