//! Hardware before synthesis: operations counted exactly, resources by simple rules.
//!
//! Counts (multipliers, adders) follow from the design. LUT, FF, DSP, BRAM and latency are
//! estimates of what synthesis finds after optimization; the rules stand in `coefficients.rs` and,
//! in words, in the file itself.

mod coefficients;

use std::collections::BTreeSet;

use coefficients as k;
use serde::Serialize;

use super::Directives;
use super::directives::{Choice, Multiplier, Strategy};
use super::kernels::products::{self, Products};
use super::project::Project;
use crate::ir::kernel::{Design, Dot, Kernel, Loop, Node, PoolKind};
use crate::ir::{Range, Window};

/// What a layer takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Resources {
    /// Products of two numbers that are no shifts, computed at the same time.
    multipliers: u64,
    /// Additions, comparisons and selections of two numbers, at the same time.
    adders: u64,
    lut: u64,
    ff: u64,
    dsp: u64,
    bram18: u64,
    latency_cycles: u64,
    interval_cycles: u64,
}

#[derive(Serialize)]
struct Layer {
    layer: String,
    class: String,
    #[serde(flatten)]
    resources: Resources,
}

#[derive(Serialize)]
struct Estimate {
    note: &'static str,
    formulas: [(&'static str, &'static str); 8],
    layers: Vec<Layer>,
    total: Resources,
}

const NOTE: &str = "Estimates before synthesis. Multipliers and adders are counted; the rest \
    approximates results after logic synthesis (csynth reports about twice the LUT).";

const FORMULAS: [(&str, &str); 8] = [
    (
        "multipliers",
        "constant weights with more than one digit in canonical signed digits, equal ones on one operand \
         once (strategy unrolled: of equal magnitude); with a reuse factor: all of them, divided by it; \
         products of two tensors",
    ),
    (
        "adders",
        "terms of each sum less one, biases included; digits of each weight less one where it is \
         multiplied in LUTs; comparisons",
    ),
    ("lut", "bits of all adders, plus table and memory bits / 64"),
    (
        "ff",
        "bits of every result, plus accumulator bits for each pipeline stage",
    ),
    (
        "dsp",
        "multipliers whose operands both have more than 10 bits",
    ),
    (
        "bram18",
        "line buffers, tables and shared weights of more than 1024 bits, / 18432",
    ),
    (
        "latency_cycles",
        "levels of the adder tree * 1.5 ns / clock period; loops: rounds * interval; recurrent \
         layers: steps * the longest path through the cell; io stream: the token-level schedule for \
         the total",
    ),
    (
        "interval_cycles",
        "target interval or reuse factor, times rounds of a loop; recurrent layers: their latency, since \
         a step waits for the one before",
    ),
];

/// The text of `estimate.json`.
pub(crate) fn json(design: &Design, project: &Project, directives: &Directives) -> String {
    let period = project.clock_period.parse().unwrap_or(5.0);
    let stream = project.is_stream();
    let mut layers: Vec<Layer> = Vec::new();
    for view in &project.kernels {
        let node = design.node(view.node);
        let scope = Scope {
            design,
            node,
            choice: directives.of(&node.origin),
            stream,
            period,
        };
        let found = scope.resources();
        let layer = node.origin.layer.clone();
        match layers.last_mut() {
            Some(last) if last.layer == layer => last.resources = last.resources.followed_by(found),
            _ => layers.push(Layer {
                layer,
                class: node.origin.class.clone(),
                resources: found,
            }),
        }
    }
    let mut total = layers
        .iter()
        .fold(Resources::default(), |sum, l| sum.followed_by(l.resources));
    if let Some(network) = &project.network {
        total.latency_cycles = network.timing.latency;
        total.interval_cycles = network.timing.interval;
    }
    let estimate = Estimate {
        note: NOTE,
        formulas: FORMULAS,
        layers,
        total,
    };
    serde_json::to_string_pretty(&estimate).expect("plain data has a JSON form")
}

impl Resources {
    /// Two parts one after the other.
    fn followed_by(self, next: Self) -> Self {
        Self {
            multipliers: self.multipliers + next.multipliers,
            adders: self.adders + next.adders,
            lut: self.lut + next.lut,
            ff: self.ff + next.ff,
            dsp: self.dsp + next.dsp,
            bram18: self.bram18 + next.bram18,
            latency_cycles: self.latency_cycles + next.latency_cycles,
            interval_cycles: self.interval_cycles.max(next.interval_cycles),
        }
    }

    fn add(&mut self, count: u64, bits: u32) {
        self.adders += count;
        self.lut += count * u64::from(bits) * k::LUT_PER_BIT;
    }

    fn memory(&mut self, bits: u64) {
        if bits <= k::SMALL_MEMORY_BITS {
            self.lut += bits.div_ceil(k::MEMORY_BITS_PER_LUT);
        } else {
            self.bram18 += bits.div_ceil(k::BRAM18_BITS);
        }
    }
}

/// Cycles of one step of a loop, which waits for the state of the step before: the longest path
/// through its cell, and no less than the interval that was asked for.
pub(crate) fn step_cycles(cell: &Loop, choice: Choice, period: f64) -> u64 {
    let mut ready: Vec<u64> = Vec::with_capacity(cell.body.nodes.len());
    for node in &cell.body.nodes {
        let scope = Scope {
            design: &cell.body,
            node,
            choice,
            stream: false,
            period,
        };
        let operands = node.inputs.iter().map(|i| ready[i.index()]).max();
        let own = match node.kernel {
            Kernel::Input { .. } => 0,
            _ => scope.resources().latency_cycles,
        };
        ready.push(operands.unwrap_or(0) + own);
    }
    let longest = ready.into_iter().max().unwrap_or(1);
    longest.max(choice.ii().into())
}

/// Non-zero digits of a number written with digits -1, 0 and 1, no two neighbours non-zero: the
/// fewest shifted terms whose sum or difference it is.
fn signed_digits(code: i128) -> u32 {
    let n = code.unsigned_abs();
    // Reitwiesner (1960): the digits are the bits in which 3n and n differ.
    (n ^ n.saturating_mul(3)).count_ones()
}

struct Scope<'a> {
    design: &'a Design,
    node: &'a Node,
    choice: Choice,
    stream: bool,
    period: f64,
}

impl Scope<'_> {
    fn operand_bits(&self) -> u32 {
        let operand = self.node.inputs.first();
        operand.map_or(1, |id| self.design.node(*id).ty.width())
    }

    /// Elements that are worked on at the same time, and how many rounds that takes.
    fn at_once(&self) -> (u64, u64) {
        let elements = self.node.ty.elements() as u64;
        if !self.stream {
            return (elements, 1);
        }
        let word = self.node.ty.shape.last().copied().unwrap_or(1) as u64;
        (word, elements / word.max(1))
    }

    /// Cycles for so many levels of adders.
    fn cycles(&self, levels: u32) -> u64 {
        let each = (self.period / k::ADDER_NS).floor().max(1.0);
        // A level is at most an adder: the quotient is a small number.
        (f64::from(levels) / each).ceil() as u64
    }

    fn resources(&self) -> Resources {
        let node = self.node;
        let bits = node.ty.width();
        let from = self.operand_bits();
        let (width, rounds) = self.at_once();
        let mut r = Resources {
            ff: width * u64::from(bits),
            latency_cycles: 1 + (rounds - 1) * u64::from(self.choice.ii()),
            interval_cycles: rounds * u64::from(self.choice.ii()),
            ..Resources::default()
        };
        match &node.kernel {
            Kernel::Dot(dot) => return self.dot(dot),
            Kernel::Pool { windows, kind } => return self.pool(windows, *kind),
            Kernel::Loop(cell) => return self.looped(cell),
            // Written by its loop.
            Kernel::Part(_) => return Resources::default(),
            Kernel::MatMul => {
                let inner = self.design.node(node.inputs[0]).ty.shape.last();
                let products = node.ty.elements() as u64 * inner.copied().unwrap_or(1) as u64;
                let other = self.design.node(node.inputs[1]).ty.width();
                self.product(&mut r, products, from, other);
                r.add(products - node.ty.elements() as u64, bits);
            }
            Kernel::Affine(a) => {
                let factor = a.mul.values().iter().map(|m| signed_digits(*m)).max();
                let digits = factor.unwrap_or(0);
                if digits > 1 {
                    r.multipliers += width;
                    r.add(width * u64::from(digits - 1), bits);
                }
                if a.add.values().iter().any(|c| *c != 0) {
                    r.add(width, bits);
                }
            }
            Kernel::Select(_) => r.add(3 * width, bits),
            Kernel::Clamp(_) => r.add(2 * width, from),
            // Rounding up, and the choice between the value and a limit.
            Kernel::Cast(_) => r.add(2 * width, bits),
            Kernel::Lut(lut) => {
                let entries = lut.tables.values().iter().map(|t| t.len()).max();
                let entries = entries.unwrap_or(0) as u64;
                let table = entries * u64::from(bits);
                if table <= k::SMALL_MEMORY_BITS {
                    let luts = entries.div_ceil(k::TABLE_ENTRIES_PER_LUT) * u64::from(bits);
                    r.lut += width * luts;
                } else {
                    r.bram18 += width * table.div_ceil(k::BRAM18_BITS);
                }
            }
            Kernel::Threshold(stairs) => {
                let steps = stairs.values().iter().map(|s| s.thresholds.len()).max();
                r.add(width * steps.unwrap_or(0) as u64, from);
            }
            Kernel::Merge { op, .. } => {
                let pairs = node.inputs.len().saturating_sub(1) as u64 * width;
                if *op == crate::ir::kernel::Merge::Mul {
                    self.product(&mut r, pairs, from, bits.saturating_sub(from).max(1));
                } else {
                    r.add(pairs, bits);
                }
            }
            Kernel::Reduce(_) => {
                let operand = &self.design.node(node.inputs[0]).ty;
                let each = operand.shape.last().copied().unwrap_or(1) as u64;
                r.add(width * (each - 1), bits.max(from));
            }
            Kernel::Move(_) | Kernel::Input { .. } => {}
        }
        r
    }

    /// The cell once, or as often as steps are unrolled; a step waits for the one before.
    fn looped(&self, cell: &Loop) -> Resources {
        let nodes = cell.body.nodes.iter();
        let step = nodes.fold(Resources::default(), |sum, node| {
            let scope = Scope {
                design: &cell.body,
                node,
                stream: false,
                ..*self
            };
            sum.followed_by(scope.resources())
        });
        let copies = if self.stream {
            1
        } else {
            u64::from(self.choice.parallelization_factor).min(cell.steps as u64)
        };
        let cycles = cell.steps as u64 * step_cycles(cell, self.choice, self.period);
        Resources {
            multipliers: step.multipliers * copies,
            adders: step.adders * copies,
            lut: step.lut * copies,
            ff: step.ff * copies,
            dsp: step.dsp * copies,
            bram18: step.bram18,
            latency_cycles: cycles,
            interval_cycles: cycles,
        }
    }

    /// Products of two variables.
    fn product(&self, r: &mut Resources, count: u64, a: u32, b: u32) {
        r.multipliers += count;
        if a.min(b) > k::LUT_PRODUCT_BITS {
            r.dsp += count;
        } else {
            r.add(count * u64::from(a.min(b)), a.max(b));
        }
    }

    fn dot(&self, dot: &Dot) -> Resources {
        let bits = dot.accumulator_range().width();
        let from = self.operand_bits();
        let reuse = u64::from(self.choice.reuse_factor);
        let mut r = Resources::default();
        let mut terms = vec![0_u64; dot.filters];
        let operand = self.node.inputs.first();
        let signs = operand.is_some_and(|&i| products::signs(self.design, i));
        let form = Products::of(dot, self.choice, signs);
        let block = dot.filters / dot.groups;
        // Equal products of one operand are one, where both are constants side by side.
        let mut seen = BTreeSet::new();
        for (i, &w) in dot.weights.iter().enumerate() {
            let digits = signed_digits(w);
            let filter = i % dot.filters;
            terms[filter] += u64::from(digits > 0);
            let factor = if form == Products::Constant {
                w.abs()
            } else {
                w
            };
            let element = (i / dot.filters, filter / block);
            if digits < 2 || reuse == 1 && !seen.insert((element, factor)) {
                continue;
            }
            r.multipliers += 1;
            let weight = Range::point(w).width();
            let dsp = match form {
                Products::Multiply(Multiplier::Dsp) => true,
                Products::Multiply(Multiplier::Auto) => from.min(weight) > k::LUT_PRODUCT_BITS,
                _ => false,
            };
            if dsp {
                r.dsp += 1;
            } else {
                r.add(u64::from(digits - 1), from + weight);
            }
        }
        let biases = (0..dot.filters).map(|o| u64::from(*dot.bias.at(o) != 0));
        let sums: u64 = terms
            .iter()
            .zip(biases)
            .map(|(t, b)| (t + b).saturating_sub(1))
            .sum();
        if form == Products::Agreement {
            // A bit each, and a count.
            let all: u64 = terms.iter().sum();
            r.adders += sums;
            r.lut += all * k::LUT_PER_COUNTED_BIT;
        } else {
            r.add(sums, bits);
        }
        if reuse > 1 {
            r.multipliers = r.multipliers.div_ceil(reuse);
            r.dsp = r.dsp.div_ceil(reuse);
            r.adders = r.adders.div_ceil(reuse);
            r.lut = r.lut.div_ceil(reuse);
            if self.choice.strategy == Strategy::Resource {
                let all = dot.weights.iter().map(|w| Range::point(form.stored(*w)));
                let each = all.fold(Range::point(0), Range::hull).width();
                r.memory(dot.weights.len() as u64 * u64::from(each));
            }
        }
        let levels = terms.iter().max().map_or(0, |t| 64 - t.leading_zeros());
        let depth = self.cycles(levels) + 1;
        let pixels = self.lines(&mut r, &dot.windows);
        let positions: u64 = dot.windows.iter().map(|w| w.output as u64).product();
        let copies = if self.stream || pixels.is_some() {
            1
        } else {
            positions
        };
        let rounds = pixels.unwrap_or(if self.stream { positions } else { 1 });
        let ii = u64::from(self.choice.ii());
        Resources {
            multipliers: r.multipliers * copies,
            adders: r.adders * copies,
            lut: r.lut * copies,
            dsp: r.dsp * copies,
            bram18: r.bram18,
            ff: (depth + 1) * u64::from(bits) * dot.filters as u64 * copies,
            latency_cycles: depth + rounds * ii - 1,
            interval_cycles: rounds * ii,
        }
    }

    fn pool(&self, windows: &[Window], kind: PoolKind) -> Resources {
        let channels = self.node.ty.shape.last().copied().unwrap_or(1) as u64;
        let taps: u64 = windows.iter().map(|w| w.kernel as u64).product();
        let bits = self.node.ty.width();
        let mut r = Resources::default();
        let operations = match kind {
            PoolKind::Sum => 1,
            // A comparison and a selection.
            PoolKind::Max => 2,
        };
        r.add(operations * (taps - 1) * channels, bits);
        let pixels = self.lines(&mut r, windows).unwrap_or(1);
        let depth = self.cycles(64 - taps.leading_zeros()) + 1;
        let ii = u64::from(self.choice.ii());
        r.ff = (depth + 1) * u64::from(bits) * channels;
        r.latency_cycles = depth + pixels * ii - 1;
        r.interval_cycles = pixels * ii;
        r
    }

    /// Rounds of the loop over pixels, with the line buffer in io stream; `None` without windows.
    fn lines(&self, r: &mut Resources, windows: &[Window]) -> Option<u64> {
        if windows.iter().all(|w| *w == Window::identity(w.input)) {
            return None;
        }
        if !self.stream {
            return Some(windows.iter().map(|w| w.output as u64).product());
        }
        let operand = &self.design.node(self.node.inputs[0]).ty;
        let channels = operand.shape.last().copied().unwrap_or(1) as u64;
        let steps = |w: &Window| {
            let span = (w.kernel - 1) * w.dilation + 1;
            let last_input = w.pad + (w.input - 1) * w.base_dilation + 1;
            ((w.output - 1) * w.stride + span).max(last_input) as u64
        };
        if let [.., rows, columns] = windows {
            let kept = (rows.kernel - 1) * rows.dilation;
            for _ in 0..kept {
                r.memory(steps(columns) * channels * u64::from(operand.width()));
            }
        }
        Some(windows.iter().map(steps).product())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_constants() {
        for (code, digits) in [
            (0, 0),
            (1, 1),
            (-8, 1),
            (3, 2),
            (7, 2),
            (-5, 2),
            (11, 3),
            (127, 2),
        ] {
            assert_eq!(signed_digits(code), digits, "{code}");
        }
    }
}
