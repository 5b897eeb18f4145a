//! Recurrent layers: a cell applied step after step along the first axis.
//!
//! `SimpleRNN`, `LSTM`, `GRU`, their QKeras twins, and `RNN` around one cell or several stacked ones.
//! The cell becomes the body of a loop; its state starts at zero or at given tensors.

mod cells;

use std::sync::Arc;

use super::graph::MAX_ELEMENTS;
use super::{Call, LayerDef, Outcome};
use crate::import::Inner;
use crate::ir::math::{Loop, LoopResult, NodeId, Op, Port};
use crate::ir::{Move, elements};
use cells::Cell;

/// See the module.
pub(super) struct Recurrent;

impl LayerDef for Recurrent {
    fn classes(&self) -> &'static [&'static str] {
        &[
            "GRU",
            "LSTM",
            "QGRU",
            "QLSTM",
            "QSimpleRNN",
            "RNN",
            "SimpleRNN",
        ]
    }

    fn keywords(&self) -> &'static [&'static str] {
        &["initial_state"]
    }

    fn takes_time_major(&self) -> bool {
        true
    }

    fn lower(&self, call: &mut Call<'_>) -> Outcome {
        let initial = call.keyword("initial_state");
        lower(call, initial).map(|layer| layer.outputs().collect())
    }

    fn doc(&self) -> &'static str {
        "`return_sequences`, `return_state`, `go_backwards`, `time_major`, `initial_state`, stacked cells; \
         `reset_after` both ways; not `stateful`, no masks"
    }
}

/// What a recurrent layer gives.
pub(super) struct Lowered {
    /// All steps' outputs along the first axis, or the last one's.
    pub(super) output: NodeId,
    /// Whether it is all steps'.
    pub(super) sequences: bool,
    /// Last states, where they are returned.
    pub(super) states: Vec<NodeId>,
}

impl Lowered {
    /// Every tensor, in Keras' order.
    fn outputs(self) -> impl Iterator<Item = NodeId> {
        std::iter::once(self.output).chain(self.states)
    }
}

/// Pushes a recurrent layer. `initial` are its initial states, where they are given by name; further
/// operands of the layer are initial states as well.
pub(super) fn lower(call: &mut Call<'_>, initial: Vec<NodeId>) -> Result<Lowered, Vec<String>> {
    let sequences = call.config.flag("return_sequences", false);
    let return_state = call.config.flag("return_state", false);
    let backwards = call.config.flag("go_backwards", false);
    call.time_major_as_configured();
    call.config.must_be_off("stateful");
    // How Keras runs it, and what it does with masks, which there are none of.
    let harmless = ["unroll", "zero_output_for_mask", "use_cudnn", "cell"];
    call.config.ignore(&harmless);
    let shape = call.shape(0);
    let [steps, features] = shape.as_slice() else {
        call.config.problem(format!(
            "the input has shape {shape:?}; steps and features, two axes without the batch, are wanted"
        ));
        return Err(call.problems());
    };
    let (steps, features) = (*steps, *features);
    let cells = read_cells(call, features);
    let mut initial = initial;
    initial.extend(call.inputs.drain(1..));
    if let Some(cells) = &cells {
        check_initial(call, cells, &initial);
    }
    call.finish()?;
    let cells = cells.expect("no problem was found");
    let mut input = call.inputs[0];
    if backwards {
        input = call.moved(Move::Reverse(0), vec![input])?;
    }
    let (body, output) = call.body(|call| {
        let slice = call.input(0, vec![features]);
        let mut states = Vec::new();
        let mut new = Vec::new();
        let mut x = slice;
        for cell in &cells {
            let own: Vec<NodeId> = (0..cell.states())
                .map(|k| call.input(1 + states.len() + k, vec![cell.units]))
                .collect();
            let next = cell.step(call, x, &own);
            x = next[0];
            states.extend(own);
            new.extend(next);
        }
        let port = |prefix: &str, k: usize, node: NodeId| Port {
            name: format!("{prefix}{k}"),
            node,
        };
        let inputs = std::iter::once(port("slice", 0, slice));
        let states = states.iter().enumerate().map(|(k, &s)| port("state", k, s));
        let outputs = new.iter().enumerate().map(|(k, &n)| port("next", k, n));
        let before_last: usize = cells[..cells.len() - 1].iter().map(Cell::states).sum();
        (
            inputs.chain(states).collect(),
            outputs.collect(),
            before_last,
        )
    });
    let last = |output| LoopResult {
        output,
        sequence: false,
    };
    let mut results = vec![LoopResult {
        output,
        sequence: sequences,
    }];
    let states = body.outputs.len();
    if return_state {
        let others = (0..states).map(last).filter(|r| *r != results[0]);
        let others: Vec<LoopResult> = others.collect();
        results.extend(others);
    }
    let cell = Arc::new(Loop {
        body,
        steps,
        sequences: 1,
        results,
    });
    let operands = std::iter::once(input).chain(initial).collect();
    let shape = cell.result_shape(0);
    if elements(&shape) > MAX_ELEMENTS {
        return Err(vec![format!("a tensor of shape {shape:?} is too large")]);
    }
    let node = call.push(Op::Loop(cell.clone()), operands, shape);
    let mut nodes = vec![node];
    for number in 1..cell.results.len() {
        nodes.push(call.push(Op::Part(number), vec![node], cell.result_shape(number)));
    }
    let states = (0..states).filter(|_| return_state).map(|k| {
        let place = cell.results.iter().position(|r| *r == last(k));
        nodes[place.expect("every state is a result")]
    });
    Ok(Lowered {
        output: node,
        sequences,
        states: states.collect(),
    })
}

/// The layer's own cell, or those inside an `RNN`.
fn read_cells(call: &mut Call<'_>, features: usize) -> Option<Vec<Cell>> {
    let Inner::Cells(inner) = call.inner() else {
        return cells::read(call, features).map(|cell| vec![cell]);
    };
    let mut read = Vec::new();
    let mut features = features;
    let mut complete = true;
    for (k, layer) in inner.iter().enumerate() {
        let mut own = call.inside(layer, None);
        let cell = cells::read(&mut own, features);
        let problems = own.finish().err().unwrap_or_default();
        let several = inner.len() > 1;
        for problem in problems {
            let which = if several {
                format!(" {k}")
            } else {
                String::new()
            };
            call.config
                .problem(format!("cell{which} ({}): {problem}", layer.class_name));
        }
        match cell {
            Some(cell) => {
                features = cell.units;
                read.push(cell);
            }
            // The next cell's input is unknown.
            None => {
                complete = false;
                break;
            }
        }
    }
    (complete && !read.is_empty()).then_some(read)
}

fn check_initial(call: &Call<'_>, cells: &[Cell], initial: &[NodeId]) {
    let wanted: Vec<Vec<usize>> = cells
        .iter()
        .flat_map(|cell| vec![vec![cell.units]; cell.states()])
        .collect();
    let found: Vec<Vec<usize>> = initial.iter().map(|&s| call.shape_of(s)).collect();
    if !found.is_empty() && found != wanted {
        call.config.problem(format!(
            "the initial states have shapes {found:?}; the cell has states of shapes {wanted:?}"
        ));
    }
}
