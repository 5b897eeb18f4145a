//! The mathematics of a network in float64: what a float model gives, and an independent look at a quantized one.
//!
//! Evaluates [`crate::ir::math`] node by node as it is defined, without ranges, widths or kernels. Sums are
//! float64 sums; quantizers are exact on what reaches them. Values that all fit 53 bits are exact.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use num_traits::ToPrimitive;

use crate::ir::math::{
    Linear, Loop, Merge, Network, Node, Op, PointFunction, Pool, PoolKind, Reduce, Step,
};
use crate::ir::{Periodic, Real, Shape, Source, Window, elements, from_f64, positions};
use crate::num::{Family, FixedType};

/// A network made ready.
#[derive(Debug)]
pub struct Evaluator<'a> {
    network: &'a Network,
    nodes: Vec<Ready<'a>>,
}

/// What a node needs besides the network.
#[derive(Debug)]
enum Ready<'a> {
    Linear {
        taps: Vec<Tap>,
        weights: Vec<f64>,
        bias: Vec<f64>,
    },
    Steps(Vec<ReadyStep<'a>>),
    Pool(Vec<Vec<usize>>),
    Move(Vec<Source>),
    Loop(Box<Evaluator<'a>>),
    Plain,
}

/// One product range of a linear map: an output position, an input position, a tap.
#[derive(Debug)]
struct Tap {
    output: usize,
    input: usize,
    kernel: usize,
}

#[derive(Debug)]
enum ReadyStep<'a> {
    Affine(Periodic<(f64, f64)>),
    Clip(f64, f64),
    Leaky(f64, Periodic<f64>),
    Quantize(&'a Periodic<FixedType>),
    /// With the values it has given already: arguments repeat.
    Function(&'a Arc<dyn PointFunction>, RefCell<HashMap<u64, f64>>),
}

/// Bits that functions are evaluated to.
const PRECISION: u32 = 53;

fn float(x: &Real) -> f64 {
    x.to_f64().unwrap_or(f64::NAN)
}

impl<'a> Evaluator<'a> {
    /// Prepares a network.
    #[must_use]
    pub fn new(network: &'a Network) -> Self {
        let nodes = network
            .nodes
            .iter()
            .map(|node| ready(network, node))
            .collect();
        Self { network, nodes }
    }

    /// Every node's value for one sample, in the order of the network. `inputs` are row-major.
    #[must_use]
    pub fn run(&self, inputs: &[&[f64]]) -> Vec<Vec<f64>> {
        let mut values: Vec<Vec<f64>> = Vec::with_capacity(self.nodes.len());
        // Every result of the loops.
        let mut parts: HashMap<usize, Vec<Vec<f64>>> = HashMap::new();
        for (index, (node, ready)) in self.network.nodes.iter().zip(&self.nodes).enumerate() {
            let operand = |n: usize| values[node.inputs[n].index()].as_slice();
            let operands: Vec<&[f64]> = (0..node.inputs.len()).map(operand).collect();
            let shape_of = |n: usize| &self.network.node(node.inputs[n]).shape;
            let value = match (&node.op, ready) {
                (Op::Input(n), _) => inputs[*n].to_vec(),
                (
                    Op::Linear(linear),
                    Ready::Linear {
                        taps,
                        weights,
                        bias,
                    },
                ) => apply_linear(
                    linear,
                    taps,
                    weights,
                    bias,
                    operands[0],
                    shape_of(0),
                    &node.shape,
                ),
                (Op::Pointwise(_), Ready::Steps(steps)) => {
                    let mut value = operands[0].to_vec();
                    for step in steps {
                        step.apply(&mut value);
                    }
                    value
                }
                (Op::Pool(pool), Ready::Pool(taps)) => {
                    apply_pool(pool, taps, operands[0], &node.shape)
                }
                (Op::Merge(merge), _) => {
                    let shapes: Vec<&Shape> = (0..operands.len()).map(shape_of).collect();
                    apply_merge(*merge, &operands, &shapes, &node.shape)
                }
                (Op::Move(_), Ready::Move(sources)) => {
                    let source = |s: &Source| match *s {
                        Source::Element { input, index } => operands[input][index],
                        Source::Zero => 0.0,
                    };
                    sources.iter().map(source).collect()
                }
                (Op::Reduce(reduce), _) => {
                    let last = shape_of(0).last().copied().unwrap_or(1).max(1);
                    operands[0]
                        .chunks(last)
                        .map(|row| apply_reduce(*reduce, row))
                        .collect()
                }
                (Op::MatMul, _) => apply_matmul(operands[0], operands[1], shape_of(0), shape_of(1)),
                (Op::Softmax, _) => {
                    let last = node.shape.last().copied().unwrap_or(1).max(1);
                    operands[0].chunks(last).flat_map(softmax).collect()
                }
                (Op::Loop(cell), Ready::Loop(body)) => {
                    let results = apply_loop(cell, body, &operands);
                    let first = results[0].clone();
                    parts.insert(index, results);
                    first
                }
                (Op::Part(n), _) => parts[&node.inputs[0].index()][*n].clone(),
                (op, ready) => unreachable!("{op:?} was prepared as {ready:?}"),
            };
            values.push(value);
        }
        values
    }
}

fn ready<'a>(network: &'a Network, node: &'a Node) -> Ready<'a> {
    let input = |n: usize| network.node(node.inputs[n]).shape.as_slice();
    match &node.op {
        Op::Linear(linear) => Ready::Linear {
            taps: taps(&linear.windows),
            weights: linear.weights.values().iter().map(float).collect(),
            bias: linear.bias.iter().flatten().map(float).collect(),
        },
        Op::Pointwise(steps) => Ready::Steps(steps.iter().map(ready_step).collect()),
        Op::Pool(pool) => {
            let outputs: usize = pool.windows.iter().map(|w| w.output).product();
            let mut cells = vec![Vec::new(); outputs];
            for tap in taps(&pool.windows) {
                cells[tap.output].push(tap.input);
            }
            Ready::Pool(cells)
        }
        Op::Move(step) => {
            let shapes: Vec<&[usize]> = (0..node.inputs.len()).map(input).collect();
            Ready::Move(step.sources(&shapes))
        }
        Op::Loop(cell) => Ready::Loop(Box::new(Evaluator::new(&cell.body))),
        Op::Input(_) | Op::Merge(_) | Op::Reduce(_) | Op::MatMul | Op::Softmax | Op::Part(_) => {
            Ready::Plain
        }
    }
}

fn ready_step(step: &Step) -> ReadyStep<'_> {
    match step {
        Step::Affine { mul, add } => ReadyStep::Affine(mul.zip(add, |m, a| (float(m), float(a)))),
        Step::Clip { lo, hi } => ReadyStep::Clip(
            lo.as_ref().map_or(f64::NEG_INFINITY, float),
            hi.as_ref().map_or(f64::INFINITY, float),
        ),
        Step::Leaky { threshold, slope } => ReadyStep::Leaky(float(threshold), slope.map(float)),
        Step::Quantize(ty) => ReadyStep::Quantize(ty),
        Step::Function(function) => ReadyStep::Function(function, RefCell::default()),
    }
}

/// A chain of functions on every element.
pub fn apply(steps: &[Step], values: &mut [f64]) {
    for step in steps {
        ready_step(step).apply(values);
    }
}

impl ReadyStep<'_> {
    fn apply(&self, values: &mut [f64]) {
        for (i, x) in values.iter_mut().enumerate() {
            *x = match self {
                Self::Affine(each) => {
                    let (mul, add) = *each.at(i);
                    *x * mul + add
                }
                Self::Clip(lo, hi) => x.max(*lo).min(*hi),
                Self::Leaky(threshold, slope) if *x > *threshold => {
                    let _ = slope;
                    *x
                }
                Self::Leaky(threshold, slope) => slope.at(i) * (*x - threshold),
                Self::Quantize(ty) => {
                    let ty = ty.at(i);
                    let code = ty.from_double(Family::Ap, *x);
                    let code = code.to_i128().map_or(f64::NAN, |code| code as f64);
                    code * (-f64::from(ty.frac())).exp2()
                }
                Self::Function(function, seen) => *seen
                    .borrow_mut()
                    .entry(x.to_bits())
                    .or_insert_with(|| value_at(function.as_ref(), *x)),
            };
        }
    }
}

fn value_at(function: &dyn PointFunction, x: f64) -> f64 {
    let Some(x) = from_f64(x) else {
        return f64::NAN;
    };
    let value = function.eval(&x, PRECISION);
    float(&((value.lo + value.hi) / Real::from_integer(2.into())))
}

/// Every tap of a window that reads a real cell, positions flat in row-major order.
fn taps(windows: &[Window]) -> Vec<Tap> {
    let extents: Vec<usize> = windows.iter().map(|w| w.output).collect();
    let kernels: Vec<usize> = windows.iter().map(|w| w.kernel).collect();
    let mut all = Vec::new();
    for (output, at) in positions(&extents).enumerate() {
        for (kernel, tap) in positions(&kernels).enumerate() {
            let cells = windows.iter().zip(at.iter().zip(&tap));
            let input = cells.map(|(w, (&o, &k))| Some((w.tap(o, k)?, w.input)));
            let flat = input.collect::<Option<Vec<_>>>();
            if let Some(cells) = flat {
                let input = cells.iter().fold(0, |sum, (i, n)| sum * n + i);
                all.push(Tap {
                    output,
                    input,
                    kernel,
                });
            }
        }
    }
    all
}

fn apply_linear(
    linear: &Linear,
    taps: &[Tap],
    weights: &[f64],
    bias: &[f64],
    x: &[f64],
    input: &Shape,
    output: &Shape,
) -> Vec<f64> {
    let channels = input.last().copied().unwrap_or(1);
    let filters = output.last().copied().unwrap_or(1);
    let (inside, outside) = (channels / linear.groups, filters / linear.groups);
    let mut y = vec![0.0; elements(output)];
    for tap in taps {
        let x = &x[tap.input * channels..][..channels];
        let y = &mut y[tap.output * filters..][..filters];
        for c in 0..inside {
            let weights = &weights[(tap.kernel * inside + c) * filters..][..filters];
            for (o, (y, w)) in y.iter_mut().zip(weights).enumerate() {
                *y += x[o / outside * inside + c] * w;
            }
        }
    }
    if !bias.is_empty() {
        for (i, y) in y.iter_mut().enumerate() {
            *y += bias[i % filters];
        }
    }
    y
}

fn apply_pool(pool: &Pool, cells: &[Vec<usize>], x: &[f64], shape: &Shape) -> Vec<f64> {
    let channels = shape.last().copied().unwrap_or(1);
    let value = |cells: &Vec<usize>, c: usize| {
        let under = cells.iter().map(|cell| x[cell * channels + c]);
        match pool.kind {
            PoolKind::Max => under.fold(f64::NEG_INFINITY, f64::max),
            PoolKind::Sum => under.sum(),
        }
    };
    let each = cells
        .iter()
        .flat_map(|cells| (0..channels).map(move |c| value(cells, c)));
    each.collect()
}

fn apply_merge(merge: Merge, operands: &[&[f64]], shapes: &[&Shape], shape: &Shape) -> Vec<f64> {
    let at = |index: &[usize], n: usize| {
        let skip = index.len() - shapes[n].len();
        let cells = index[skip..].iter().zip(shapes[n]);
        let flat = cells.fold(0, |sum, (&i, &extent)| {
            sum * extent + if extent == 1 { 0 } else { i }
        });
        operands[n][flat]
    };
    let combine = |index: Vec<usize>| {
        let mut values = (0..operands.len()).map(|n| at(&index, n));
        let first = values.next().unwrap_or(0.0);
        values.fold(first, |a, b| match merge {
            Merge::Add => a + b,
            Merge::Sub => a - b,
            Merge::Mul => a * b,
            Merge::Max => a.max(b),
            Merge::Min => a.min(b),
        })
    };
    positions(shape).map(combine).collect()
}

fn apply_reduce(reduce: Reduce, row: &[f64]) -> f64 {
    match reduce {
        Reduce::Max => row.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        Reduce::Sum => row.iter().sum(),
        Reduce::ArgMax => argmax(row) as f64,
    }
}

/// Index of the largest number, the lower one on ties.
#[must_use]
pub fn argmax(row: &[f64]) -> usize {
    let better = |best: usize, i: usize| if row[i] > row[best] { i } else { best };
    (0..row.len()).fold(0, better)
}

fn softmax(row: &[f64]) -> Vec<f64> {
    let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = row.iter().map(|x| (x - top).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|p| p / sum).collect()
}

fn apply_matmul(a: &[f64], b: &[f64], left: &Shape, right: &Shape) -> Vec<f64> {
    let [.., m, k] = left.as_slice() else {
        return Vec::new();
    };
    let Some(&n) = right.last() else {
        return Vec::new();
    };
    let blocks = a.chunks(m * k).zip(b.chunks(k * n));
    let block = |(a, b): (&[f64], &[f64])| -> Vec<f64> {
        let cell = |i: usize, j: usize| (0..*k).map(|c| a[i * k + c] * b[c * n + j]).sum();
        (0..*m)
            .flat_map(|i| (0..n).map(move |j| (i, j)))
            .map(|(i, j)| cell(i, j))
            .collect()
    };
    blocks.flat_map(block).collect()
}

fn apply_loop(cell: &Loop, body: &Evaluator<'_>, operands: &[&[f64]]) -> Vec<Vec<f64>> {
    let inputs = &cell.body.inputs;
    let size = |n: usize| elements(&cell.body.node(inputs[n].node).shape);
    let mut states: Vec<Vec<f64>> = (0..cell.states())
        .map(|s| match operands.get(cell.sequences + s) {
            Some(initial) => initial.to_vec(),
            None => vec![0.0; size(cell.sequences + s)],
        })
        .collect();
    let mut results = vec![Vec::new(); cell.results.len()];
    for step in 0..cell.steps {
        let slices = (0..cell.sequences).map(|n| &operands[n][step * size(n)..][..size(n)]);
        let all: Vec<&[f64]> = slices.chain(states.iter().map(Vec::as_slice)).collect();
        let values = body.run(&all);
        let output = |n: usize| values[cell.body.outputs[n].node.index()].clone();
        for (result, into) in cell.results.iter().zip(&mut results) {
            if result.sequence {
                into.extend(output(result.output));
            } else {
                *into = output(result.output);
            }
        }
        states = (0..cell.states()).map(output).collect();
    }
    results
}
