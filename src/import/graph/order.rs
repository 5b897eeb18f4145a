//! Which calls the outputs need, and an order in which they can run.

use std::collections::HashMap;

use super::super::error::GraphProblem;
use super::super::model::{CallRef, RawModel, TensorRef};

#[derive(Clone, Copy, PartialEq)]
enum State {
    Open,
    Done,
}

/// The calls that the outputs depend on, each after the calls it reads; inputs come first, in the user's order.
/// Depth first without recursion, so deep networks are no danger to the stack.
pub(super) fn needed_calls(model: &RawModel) -> Result<Vec<CallRef>, Vec<(String, GraphProblem)>> {
    let mut order: Vec<CallRef> = Vec::new();
    let mut states: HashMap<CallRef, State> = HashMap::new();
    let mut problems = Vec::new();
    for port in &model.inputs {
        let call = port.tensor.source();
        if states.insert(call, State::Done).is_none() {
            order.push(call);
        }
    }
    for port in &model.outputs {
        let mut stack: Vec<Frame> = Vec::new();
        let mut next = Some(port.tensor.source());
        loop {
            if let Some(call) = next.take() {
                match states.get(&call) {
                    Some(State::Done) => {}
                    Some(State::Open) => {
                        problems.push(cycle(model, call, &stack));
                        return Err(problems);
                    }
                    None => {
                        states.insert(call, State::Open);
                        let reads: Vec<TensorRef> = model.layers[call.layer].calls[call.call]
                            .tensors()
                            .collect();
                        stack.push(Frame {
                            call,
                            unread: reads.into_iter(),
                        });
                    }
                }
            }
            let Some(top) = stack.last_mut() else { break };
            if let Some(tensor) = top.unread.next() {
                next = Some(tensor.source());
                continue;
            }
            let call = top.call;
            stack.pop();
            let layer = &model.layers[call.layer];
            if layer.is_input() {
                problems.push((layer.name.clone(), GraphProblem::NotAnInput));
            }
            states.insert(call, State::Done);
            order.push(call);
        }
    }
    if problems.is_empty() {
        Ok(order)
    } else {
        Err(problems)
    }
}

/// A call whose inputs are being followed.
struct Frame {
    call: CallRef,
    unread: std::vec::IntoIter<TensorRef>,
}

fn cycle(model: &RawModel, call: CallRef, stack: &[Frame]) -> (String, GraphProblem) {
    let name = |call: CallRef| model.layers[call.layer].name.as_str();
    let start = stack
        .iter()
        .position(|frame| frame.call == call)
        .unwrap_or(0);
    let mut names: Vec<&str> = stack[start..]
        .iter()
        .map(|frame| name(frame.call))
        .collect();
    names.truncate(12);
    names.push(name(call));
    (
        name(call).to_owned(),
        GraphProblem::Cycle {
            path: names.join(" <- "),
        },
    )
}
