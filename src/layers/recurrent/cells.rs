//! The cells: what they read from the file, and one step of each.

use num_traits::One;

use crate::import::KerasVersion;
use crate::ir::math::{Merge, NodeId, Op, Step, Weights};
use crate::ir::{Periodic, Real};
use crate::layers::Call;
use crate::quantizers::Activation;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Simple,
    Lstm,
    Gru { reset_after: bool },
}

/// A cell with its weights.
pub(super) struct Cell {
    kind: Kind,
    /// Elements of each state.
    pub(super) units: usize,
    /// One for each gate, in Keras' order: `i f c o`, `z r h`.
    kernels: Vec<Weights>,
    recurrent: Vec<Weights>,
    bias: Option<Vec<Vec<Real>>>,
    /// Of the recurrent sums, where a GRU resets after them.
    recurrent_bias: Option<Vec<Vec<Real>>>,
    activation: Vec<Step>,
    gate: Vec<Step>,
    /// What the previous state goes through when it is read.
    state: Vec<Step>,
}

/// Reads a cell; `None` when something is wrong that leaves no weights, which is recorded in `call`.
pub(super) fn read(call: &mut Call<'_>, features: usize) -> Option<Cell> {
    let class = call.class().to_owned();
    let quantized = class.starts_with('Q');
    let kind = match class.trim_start_matches('Q').trim_end_matches("Cell") {
        "SimpleRNN" => Kind::Simple,
        "LSTM" => Kind::Lstm,
        "GRU" => Kind::Gru {
            reset_after: call.config.flag("reset_after", !quantized),
        },
        _ => {
            call.config.problem(format!(
                "cells of class {class} are not supported; QSimpleRNNCell, QLSTMCell, QGRUCell, \
                 SimpleRNNCell, LSTMCell and GRUCell are"
            ));
            return None;
        }
    };
    let units = call.config.count("units");
    let gates = match kind {
        Kind::Simple => 1,
        Kind::Lstm => 4,
        Kind::Gru { .. } => 3,
    };
    // The same arithmetic in another order; what matters in training only; how Keras runs it.
    call.config.ignore(&[
        "dropout",
        "recurrent_dropout",
        "unit_forget_bias",
        "implementation",
    ]);
    let (act, ra) = if quantized {
        ("quantized_tanh", "hard_sigmoid")
    } else {
        ("tanh", "sigmoid")
    };
    let activation = activation(call, "activation", act);
    let gate = match kind {
        Kind::Simple => Some(vec![]),
        Kind::Lstm | Kind::Gru { .. } => self::activation(call, "recurrent_activation", ra),
    };
    let state = match call.quantizer("state_quantizer").map(|q| q.steps()) {
        None => Some(vec![]),
        Some(Ok(steps)) => Some(steps),
        Some(Err(problem)) => {
            call.config.problem(format!("`state_quantizer`: {problem}"));
            None
        }
    };
    let columns = gates * units;
    let kernel = call.quantizer("kernel_quantizer");
    let kernel = call.weights("kernel", &[features, columns], kernel.as_deref());
    let recurrent_quantizer = call.quantizer("recurrent_quantizer");
    if recurrent_quantizer.is_none()
        && quantized
        && matches!(kind, Kind::Gru { .. })
        && call.format().keras == KerasVersion::V2
    {
        call.config.problem(
            "without a recurrent_quantizer, QGRU of qkeras 0.9 multiplies the state by its kernel instead \
             of its recurrent kernel, so that the trained values mean nothing; set a recurrent_quantizer",
        );
    }
    let recurrent = call.weights(
        "recurrent_kernel",
        &[units, columns],
        recurrent_quantizer.as_deref(),
    );
    let (bias, recurrent_bias) = biases(call, kind, columns)?;
    let split = |bias: Vec<Real>| bias.chunks(units).map(<[Real]>::to_vec).collect();
    Some(Cell {
        kind,
        units,
        kernels: by_gate(&kernel?, gates),
        recurrent: by_gate(&recurrent?, gates),
        bias: bias.map(split),
        recurrent_bias: recurrent_bias.map(split),
        activation: activation?,
        gate: gate?,
        state: state?,
    })
}

type Bias = Option<Vec<Real>>;

/// Bias of the sums over the input, and of those over the state where there is one.
fn biases(call: &mut Call<'_>, kind: Kind, columns: usize) -> Option<(Bias, Bias)> {
    if !call.config.flag("use_bias", true) {
        call.config.ignore(&["bias_quantizer"]);
        return Some((None, None));
    }
    let quantizer = call.quantizer("bias_quantizer");
    let two = kind == Kind::Gru { reset_after: true };
    let shape = if two { vec![2, columns] } else { vec![columns] };
    let mut bias = call.weights("bias", &shape, quantizer.as_deref())?.values();
    let recurrent = two.then(|| bias.split_off(columns));
    Some((Some(bias), recurrent))
}

/// A function of a cell, with the default of its class where the file says nothing of it.
fn activation(call: &mut Call<'_>, key: &str, default: &str) -> Option<Vec<Step>> {
    let found = if call.config.has(key) {
        let Some(value) = call.config.get(key) else {
            return Some(vec![]);
        };
        call.activation_of(key, value)?
    } else {
        call.activation_of(key, &serde_json::Value::String(default.to_owned()))?
    };
    match found {
        Activation::Steps(steps) => Some(steps),
        Activation::Softmax => {
            call.config
                .problem(format!("`{key}`: a softmax inside a cell is not supported"));
            None
        }
    }
}

/// The columns of each gate.
fn by_gate(weights: &Weights, gates: usize) -> Vec<Weights> {
    let [rows, columns] = weights.shape[..] else {
        unreachable!("kernels have two axes");
    };
    let units = columns / gates;
    (0..gates)
        .map(|gate| {
            let row = |r: usize| (0..units).map(move |u| r * columns + gate * units + u);
            let sources: Vec<usize> = (0..rows).flat_map(row).collect();
            weights.gather(vec![rows, units], &sources)
        })
        .collect()
}

impl Cell {
    /// Number of states.
    pub(super) fn states(&self) -> usize {
        match self.kind {
            Kind::Simple | Kind::Gru { .. } => 1,
            Kind::Lstm => 2,
        }
    }

    /// One step: the new states, the cell's output first.
    pub(super) fn step(&self, call: &mut Call<'_>, x: NodeId, states: &[NodeId]) -> Vec<NodeId> {
        let read: Vec<NodeId> = states
            .iter()
            .map(|&s| apply(call, s, &self.state))
            .collect();
        let mut step = InStep {
            cell: self,
            call,
            x,
            h: read[0],
        };
        match self.kind {
            Kind::Simple => vec![step.gate(0, &self.activation)],
            Kind::Lstm => step.lstm(read[1]),
            Kind::Gru { reset_after } => vec![step.gru(reset_after)],
        }
    }
}

/// The node through a chain, which may be empty.
fn apply(call: &mut Call<'_>, node: NodeId, steps: &[Step]) -> NodeId {
    if steps.is_empty() {
        return node;
    }
    call.pointwise(node, steps.to_vec())
}

/// A step being built.
struct InStep<'c, 'a> {
    cell: &'c Cell,
    call: &'c mut Call<'a>,
    /// The slice.
    x: NodeId,
    /// The previous output, quantized.
    h: NodeId,
}

impl InStep<'_, '_> {
    fn merge(&mut self, op: Merge, a: NodeId, b: NodeId) -> NodeId {
        self.call
            .push(Op::Merge(op), vec![a, b], vec![self.cell.units])
    }

    /// `x . kernel + bias` of a gate.
    fn of_input(&mut self, gate: usize) -> NodeId {
        let bias = self.cell.bias.as_ref().map(|b| b[gate].clone());
        let weights = self.cell.kernels[gate].clone();
        let shape = vec![self.cell.units];
        self.call.linear_on(self.x, vec![], 1, weights, bias, shape)
    }

    /// `state . recurrent_kernel`, with its own bias where there is one.
    fn of_state(&mut self, gate: usize, state: NodeId) -> NodeId {
        let bias = self.cell.recurrent_bias.as_ref().map(|b| b[gate].clone());
        let weights = self.cell.recurrent[gate].clone();
        let shape = vec![self.cell.units];
        self.call.linear_on(state, vec![], 1, weights, bias, shape)
    }

    /// A gate: a function of both sums together.
    fn gate(&mut self, gate: usize, function: &[Step]) -> NodeId {
        let x = self.of_input(gate);
        let h = self.of_state(gate, self.h);
        let sum = self.merge(Merge::Add, x, h);
        apply(self.call, sum, function)
    }

    fn lstm(&mut self, c: NodeId) -> Vec<NodeId> {
        let cell = self.cell;
        let input = self.gate(0, &cell.gate);
        let forget = self.gate(1, &cell.gate);
        let new = self.gate(2, &cell.activation);
        let output = self.gate(3, &cell.gate);
        let kept = self.merge(Merge::Mul, forget, c);
        let added = self.merge(Merge::Mul, input, new);
        let c = self.merge(Merge::Add, kept, added);
        let seen = apply(self.call, c, &cell.activation);
        vec![self.merge(Merge::Mul, output, seen), c]
    }

    fn gru(&mut self, reset_after: bool) -> NodeId {
        let cell = self.cell;
        let update = self.gate(0, &cell.gate);
        let reset = self.gate(1, &cell.gate);
        let x = self.of_input(2);
        let h = if reset_after {
            let h = self.of_state(2, self.h);
            self.merge(Merge::Mul, reset, h)
        } else {
            let h = self.merge(Merge::Mul, reset, self.h);
            self.of_state(2, h)
        };
        let sum = self.merge(Merge::Add, x, h);
        let new = apply(self.call, sum, &cell.activation);
        let rest = Step::Affine {
            mul: Periodic::uniform(-Real::one()),
            add: Periodic::uniform(Real::one()),
        };
        let rest = apply(self.call, update, &[rest]);
        let kept = self.merge(Merge::Mul, update, self.h);
        let added = self.merge(Merge::Mul, rest, new);
        self.merge(Merge::Add, kept, added)
    }
}
