//! The simulator that defines the others: one sample at a time, every code an `i128`.
//!
//! Each function below is the formula of its kernel in [`crate::ir::kernel`], written out. Every
//! value is compared with its proven range: a violation is an error in the range analysis and is
//! reported with layer and channel rather than computed on.

use std::collections::BTreeMap;

use crate::ir::kernel::{
    Design, Dot, Kernel, Loop, Merge, Node, NodeId, PoolKind, Reduce, TensorType,
};
use crate::ir::{Move, Range, Source, Window, elements, positions};
use crate::num;

/// A code outside the range that was proven for it: a defect of this program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("layer {layer}, element {index}: code {code} lies outside the proven range {}..={}", range.lo, range.hi)]
pub struct RangeViolation {
    /// The layer.
    pub layer: String,
    /// Flat index of the element.
    pub index: usize,
    /// What came out.
    pub code: i128,
    /// What was proven.
    pub range: Range,
}

/// Codes of every node for one sample, in node order.
///
/// `inputs` holds one flat row-major slice of codes for each input of the design, each code inside
/// its port's type.
///
/// # Errors
/// A [`RangeViolation`] where a value leaves its range.
///
/// # Panics
/// When `inputs` does not fit the design's ports.
pub fn run(design: &Design, inputs: &[&[i128]]) -> Result<Vec<Vec<i128>>, RangeViolation> {
    let mut codes: Vec<Vec<i128>> = Vec::with_capacity(design.nodes.len());
    // All results of each loop.
    let mut results: BTreeMap<NodeId, Vec<Vec<i128>>> = BTreeMap::new();
    for (index, node) in (0..).zip(&design.nodes) {
        let result = match &node.kernel {
            Kernel::Loop(cell) => {
                let operands = node.inputs.iter().map(|i| codes[i.index()].as_slice());
                let all = looped(cell, &operands.collect::<Vec<_>>())?;
                let own = all[0].clone();
                results.insert(NodeId(index), all);
                own
            }
            Kernel::Part(number) => results[&node.inputs[0]][*number].clone(),
            _ => evaluate(design, node, &codes, inputs),
        };
        assert_eq!(result.len(), node.ty.elements(), "shape of {}", node.origin);
        for (index, &code) in result.iter().enumerate() {
            let range = *node.ty.range.at(index);
            if !range.contains(code) {
                let layer = node.origin.to_string();
                return Err(RangeViolation {
                    layer,
                    index,
                    code,
                    range,
                });
            }
        }
        codes.push(result);
    }
    Ok(codes)
}

fn evaluate(design: &Design, node: &Node, codes: &[Vec<i128>], inputs: &[&[i128]]) -> Vec<i128> {
    let operand = |k: usize| -> &[i128] { &codes[node.inputs[k].index()] };
    let ty = |id: NodeId| -> &TensorType { &design.node(id).ty };
    let each = |f: &dyn Fn(usize, i128) -> i128| -> Vec<i128> {
        operand(0)
            .iter()
            .enumerate()
            .map(|(i, &x)| f(i, x))
            .collect()
    };
    match &node.kernel {
        Kernel::Input { index, .. } => inputs[*index].to_vec(),
        Kernel::Dot(d) => dot(d, operand(0)),
        Kernel::MatMul => matmul(
            operand(0),
            operand(1),
            ty(node.inputs[0]),
            ty(node.inputs[1]),
        ),
        Kernel::Affine(a) => each(&|i, x| a.mul.at(i) * x + a.add.at(i)),
        Kernel::Select(s) => each(&|i, x| {
            let branch = if x < *s.threshold.at(i) {
                &s.below
            } else {
                &s.above
            };
            branch.mul.at(i) * x + branch.add.at(i)
        }),
        Kernel::Clamp(limits) => each(&|i, x| x.max(limits.at(i).lo).min(limits.at(i).hi)),
        Kernel::Cast(to) => {
            let frac = &ty(node.inputs[0]).frac;
            each(&|i, x| num::convert(x, *frac.at(i), to.at(i)))
        }
        Kernel::Lut(lut) => each(&|i, x| {
            lut.tables.at(i)[usize::try_from(x - lut.first).expect("the table covers the operand")]
        }),
        Kernel::Threshold(stairs) => each(&|i, x| {
            let stair = stairs.at(i);
            stair.values[stair.thresholds.partition_point(|t| *t <= x)]
        }),
        Kernel::Pool { windows, kind } => {
            pool(windows, *kind, operand(0), &ty(node.inputs[0]).shape)
        }
        Kernel::Merge { op, shifts } => {
            let operands: Vec<(&[i128], &[usize])> = node
                .inputs
                .iter()
                .map(|&i| (codes[i.index()].as_slice(), ty(i).shape.as_slice()))
                .collect();
            merge(*op, shifts, &operands, &node.ty.shape)
        }
        Kernel::Move(moved) => {
            let shapes: Vec<&[usize]> = node
                .inputs
                .iter()
                .map(|&i| ty(i).shape.as_slice())
                .collect();
            rearrange(moved, &shapes, &|input, index| operand(input)[index])
        }
        Kernel::Reduce(op) => {
            let length = ty(node.inputs[0]).shape.last().copied().unwrap_or(1).max(1);
            operand(0)
                .chunks(length)
                .map(|row| reduce(*op, row))
                .collect()
        }
        Kernel::Loop(_) | Kernel::Part(_) => unreachable!("loops have several results"),
    }
}

/// All results of a loop.
fn looped(cell: &Loop, operands: &[&[i128]]) -> Result<Vec<Vec<i128>>, RangeViolation> {
    let (sequences, initial) = operands.split_at(cell.sequences);
    let mut states: Vec<Vec<i128>> = match initial {
        [] => (0..cell.states())
            .map(|k| vec![0; cell.body.node(cell.input(cell.sequences + k)).ty.elements()])
            .collect(),
        given => given.iter().map(|s| s.to_vec()).collect(),
    };
    let mut results = vec![Vec::new(); cell.results.len()];
    for step in 0..cell.steps {
        let slices = sequences.iter().map(|s| {
            let n = s.len() / cell.steps;
            &s[step * n..(step + 1) * n]
        });
        let inputs: Vec<&[i128]> = slices.chain(states.iter().map(Vec::as_slice)).collect();
        let codes = run(&cell.body, &inputs)?;
        let output = |k: usize| codes[cell.body.outputs[k].node.index()].clone();
        for (all, result) in results.iter_mut().zip(&cell.results) {
            let value = output(result.output);
            if result.sequence {
                all.extend(value);
            } else {
                *all = value;
            }
        }
        states = (0..cell.states()).map(output).collect();
    }
    Ok(results)
}

fn dot(d: &Dot, x: &[i128]) -> Vec<i128> {
    let inputs: Vec<usize> = d.windows.iter().map(|w| w.input).collect();
    let outputs: Vec<usize> = d.windows.iter().map(|w| w.output).collect();
    let taps: Vec<usize> = d.windows.iter().map(|w| w.kernel).collect();
    let block = d.channels / d.groups;
    let filters_per_group = d.filters / d.groups;
    let mut result = Vec::with_capacity(elements(&outputs) * d.filters);
    for at in positions(&outputs) {
        for filter in 0..d.filters {
            let group = filter / filters_per_group;
            let mut sum = 0;
            for (tap, k) in positions(&taps).enumerate() {
                let Some(cell) = cell(&d.windows, &inputs, &at, &k) else {
                    continue;
                };
                for c in 0..block {
                    let w = d.weights[(tap * block + c) * d.filters + filter];
                    sum += w * x[cell * d.channels + group * block + c];
                }
            }
            result.push((sum << *d.shift.at(filter)) + d.bias.at(filter));
        }
    }
    result
}

/// Flat spatial index of the cell that tap `k` reads for output `at`, if there is one.
fn cell(windows: &[Window], inputs: &[usize], at: &[usize], k: &[usize]) -> Option<usize> {
    windows
        .iter()
        .zip(inputs)
        .zip(at.iter().zip(k))
        .try_fold(0, |flat, ((w, n), (&o, &k))| Some(flat * n + w.tap(o, k)?))
}

fn matmul(a: &[i128], b: &[i128], ta: &TensorType, tb: &TensorType) -> Vec<i128> {
    let (rows, inner) = (ta.shape[ta.shape.len() - 2], ta.shape[ta.shape.len() - 1]);
    let columns = tb.shape[tb.shape.len() - 1];
    let mut result = Vec::new();
    for (a, b) in a.chunks(rows * inner).zip(b.chunks(inner * columns)) {
        for m in 0..rows {
            for n in 0..columns {
                result.push(
                    (0..inner)
                        .map(|k| a[m * inner + k] * b[k * columns + n])
                        .sum(),
                );
            }
        }
    }
    result
}

fn pool(windows: &[Window], kind: PoolKind, x: &[i128], shape: &[usize]) -> Vec<i128> {
    let channels = shape[shape.len() - 1];
    let inputs: Vec<usize> = windows.iter().map(|w| w.input).collect();
    let outputs: Vec<usize> = windows.iter().map(|w| w.output).collect();
    let taps: Vec<usize> = windows.iter().map(|w| w.kernel).collect();
    let mut result = Vec::new();
    for at in positions(&outputs) {
        let cells: Vec<usize> = positions(&taps)
            .filter_map(|k| cell(windows, &inputs, &at, &k))
            .collect();
        for c in 0..channels {
            let under = cells.iter().map(|cell| x[cell * channels + c]);
            result.push(match kind {
                PoolKind::Sum => under.sum(),
                PoolKind::Max => under.max().expect("every window covers a cell"),
            });
        }
    }
    result
}

fn merge(
    op: Merge,
    shifts: &[u32],
    operands: &[(&[i128], &[usize])],
    shape: &[usize],
) -> Vec<i128> {
    let read = |k: usize, at: &[usize]| {
        let (codes, own) = operands[k];
        let lead = at.len() - own.len();
        let index = own
            .iter()
            .zip(&at[lead..])
            .fold(0, |flat, (&n, &i)| flat * n + if n == 1 { 0 } else { i });
        codes[index] << shifts[k]
    };
    positions(shape)
        .map(|at| {
            let mut values = (0..operands.len()).map(|k| read(k, &at));
            let first = values.next().expect("a merge has operands");
            values.fold(first, |a, b| match op {
                Merge::Add => a + b,
                Merge::Sub => a - b,
                Merge::Mul => a * b,
                Merge::Max => a.max(b),
                Merge::Min => a.min(b),
            })
        })
        .collect()
}

fn rearrange(moved: &Move, shapes: &[&[usize]], read: &dyn Fn(usize, usize) -> i128) -> Vec<i128> {
    moved
        .sources(shapes)
        .into_iter()
        .map(|source| match source {
            Source::Element { input, index } => read(input, index),
            Source::Zero => 0,
        })
        .collect()
}

fn reduce(op: Reduce, row: &[i128]) -> i128 {
    match op {
        Reduce::Sum => row.iter().sum(),
        Reduce::Max => *row.iter().max().expect("rows are not empty"),
        Reduce::ArgMax => {
            let largest = row.iter().max().expect("rows are not empty");
            row.iter()
                .position(|x| x == largest)
                .expect("the maximum occurs") as i128
        }
    }
}
