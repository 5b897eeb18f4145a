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
use crate::ir::kernel::{Design, Dot, Kernel, Loop, Merge, Node, PoolKind};
use crate::ir::{Periodic, Range, Window};
use crate::num::{FixedType, Overflow, Quantization};

/// What a layer takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Resources {
    /// Products of two numbers that are no shifts, computed at the same time.
    multipliers: u64,
    /// Additions, comparisons and selections of two numbers, at the same time.
    adders: u64,
    /// As csynth reports them.
    lut: u64,
    ff: u64,
    dsp: u64,
    bram18: u64,
    latency_cycles: u64,
    interval_cycles: u64,
    /// Adders, or what takes as long, one behind the other: cycles once a layer or the design is
    /// complete.
    #[serde(skip)]
    levels: u32,
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
    lut_after_logic_synthesis: u64,
}

const NOTE: &str = "Estimates before synthesis. Multipliers and adders are counted; the rest \
    approximates what C synthesis (csynth) reports. Logic synthesis finds about half of these LUT.";

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
         multiplied in LUTs; comparisons and selections",
    ),
    (
        "lut",
        "additions: bits + 7; comparisons: bits / 2 + 5; selections: bits; tables and small memories: \
         bits / 64",
    ),
    (
        "ff",
        "bits of partial sums and results that pass from one pipeline stage or process to the next, of the \
         pixels under a window, and of the inputs (io parallel, in the total)",
    ),
    (
        "dsp",
        "multipliers with an operand of more than 10 bits, constants of more than two digits only",
    ),
    (
        "bram18",
        "line buffers, tables and shared weights of more than 1024 bits, / 18432",
    ),
    (
        "latency_cycles",
        "adders one behind the other, 1.5 ns each (a product or a comparison counts as one), in whole \
         clock periods; loops: rounds * interval; recurrent layers: steps * the longest path from \
         state to state, and once what the path from slice to result takes longer; io stream: 2 more for each process, and the token-level schedule for the total",
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
    let each = levels_per_cycle(period);
    total.finish(each);
    for layer in &mut layers {
        layer.resources.finish(each);
        if stream {
            let r = &mut layer.resources;
            r.latency_cycles += u64::from(k::STREAM_CYCLES);
            // A process starts again when its pipeline is empty.
            r.interval_cycles = r.interval_cycles.max(r.latency_cycles);
        }
    }
    if !stream {
        let ports = design.inputs.iter().map(|p| &design.node(p.node).ty);
        let bits = ports.map(|ty| ty.elements() as u64 * u64::from(ty.width()));
        total.ff += bits.sum::<u64>();
    }
    if let Some(network) = &project.network {
        total.latency_cycles = network.timing.latency;
        total.interval_cycles = network.timing.interval;
    }
    let estimate = Estimate {
        note: NOTE,
        formulas: FORMULAS,
        layers,
        total,
        lut_after_logic_synthesis: (total.lut as f64 * k::SYNTHESIS_SHARE).round() as u64,
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
            levels: self.levels + next.levels,
        }
    }

    /// Levels as cycles of the pipeline.
    fn finish(&mut self, levels_per_cycle: u32) {
        self.latency_cycles += u64::from(self.levels / levels_per_cycle);
        self.levels = 0;
    }

    fn add(&mut self, count: u64, bits: u32) {
        self.adders += count;
        self.lut += count * (u64::from(bits) + k::LUT_PER_ADDER);
    }

    fn compare(&mut self, count: u64, bits: u32) {
        self.adders += count;
        self.lut += count * (u64::from(bits) / 2 + k::LUT_PER_COMPARISON);
    }

    fn choose(&mut self, count: u64, bits: u32) {
        self.adders += count;
        self.lut += count * u64::from(bits);
    }

    fn memory(&mut self, bits: u64) {
        if bits <= k::SMALL_MEMORY_BITS {
            self.lut += bits.div_ceil(k::MEMORY_BITS_PER_LUT);
        } else {
            self.bram18 += bits.div_ceil(k::BRAM18_BITS);
        }
    }
}

/// Levels of adders that one cycle holds, 1 to 32; the period in ns.
fn levels_per_cycle(period: f64) -> u32 {
    (period / k::ADDER_NS).floor().clamp(1.0, 32.0) as u32
}

/// Cycles from one step of a loop to the next, which waits for its states: the longest path from a
/// state to a new one, and no less than the interval that was asked for.
pub(crate) fn step_cycles(cell: &Loop, choice: Choice, period: f64) -> u64 {
    paths(cell, choice, period).0
}

/// Cycles between steps, and those that the last step takes longer: its way from the slice to the
/// results, where it is not the one between the states.
fn paths(cell: &Loop, choice: Choice, period: f64) -> (u64, u64) {
    type Depth = (u32, u64);
    let deeper = |a: Depth, b: Depth| (a.0.max(b.0), a.1.max(b.1));
    // From any input, and from a state where there is such a path.
    let mut ready: Vec<(Depth, Option<Depth>)> = Vec::with_capacity(cell.body.nodes.len());
    for node in &cell.body.nodes {
        let scope = Scope {
            design: &cell.body,
            node,
            choice,
            stream: false,
            period,
        };
        if let Kernel::Input { index, .. } = node.kernel {
            ready.push(((0, 0), (index >= cell.sequences).then_some((0, 0))));
            continue;
        }
        let own = scope.resources();
        let behind = |(levels, rounds): Depth| (levels + own.levels, rounds + own.latency_cycles);
        let operands = || node.inputs.iter().map(|i| ready[i.index()]);
        let any = operands().map(|o| o.0).fold((0, 0), deeper);
        let state = operands().filter_map(|o| o.1).reduce(deeper);
        ready.push((behind(any), state.map(behind)));
    }
    let each = levels_per_cycle(period);
    let cycles = |(levels, rounds): Depth| u64::from(levels / each) + rounds;
    let longest = ready.iter().map(|r| cycles(r.0)).max().unwrap_or(0);
    let new = cell.body.outputs[..cell.states()].iter();
    let between = new
        .filter_map(|port| ready[port.node.index()].1)
        .map(cycles);
    // Steps of weights in memory do not overlap.
    let between = match choice.strategy {
        Strategy::Resource => longest,
        Strategy::Latency | Strategy::Unrolled => between.max().unwrap_or(0),
    };
    // The state is stored in a cycle of its own.
    let interval = (between + 1).max(choice.ii().into());
    (interval, (longest + 1).saturating_sub(interval))
}

/// Cycles from a word that a process of a stream design reads to the word that it writes for it:
/// the pipeline of its kernels.
pub(crate) fn process_cycles<'a>(
    design: &'a Design,
    nodes: impl IntoIterator<Item = &'a Node>,
    directives: &Directives,
    period: f64,
) -> u32 {
    let levels = nodes.into_iter().map(|node| {
        let scope = Scope {
            design,
            node,
            choice: directives.of(&node.origin),
            stream: true,
            period,
        };
        scope.resources().levels
    });
    let levels: u32 = levels.sum();
    levels / levels_per_cycle(period) + k::STREAM_CYCLES
}

/// Levels of a tree that joins so many numbers in pairs.
fn tree(numbers: u64) -> u32 {
    64 - numbers.saturating_sub(1).leading_zeros()
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
    /// Bits that are registered of so many results: all of them where a word leaves for a FIFO, and
    /// where the pipeline has a stage behind these levels.
    fn registers(&self, results: u64, bits: u32, levels: u32) -> u64 {
        let stage = self.stream || levels >= levels_per_cycle(self.period);
        results * u64::from(bits) * u64::from(stage)
    }

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

    /// Rounding to nearest adds and, to even, looks at the bits that go; saturation compares with
    /// both limits and chooses.
    fn cast(&self, r: &mut Resources, types: &Periodic<FixedType>, width: u64) {
        let from = self.operand_bits();
        let types = types.values();
        let rounds = types
            .iter()
            .any(|t| !matches!(t.quantization, Quantization::Trn | Quantization::TrnZero));
        if rounds {
            let to = types.iter().map(|t| t.width).max().unwrap_or(0);
            r.compare(width, from.saturating_sub(to));
            r.add(width, from);
        }
        let saturates = types.iter().any(|t| t.overflow != Overflow::Wrap);
        r.levels = u32::from(rounds) + u32::from(saturates);
        if saturates {
            r.compare(2 * width, from);
            r.choose(2 * width, self.node.ty.width());
        }
    }

    fn resources(&self) -> Resources {
        let node = self.node;
        let bits = node.ty.width();
        let from = self.operand_bits();
        let (width, rounds) = self.at_once();
        let mut r = Resources {
            latency_cycles: (rounds * u64::from(self.choice.ii())).saturating_sub(1),
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
                r.levels = k::PRODUCT_LEVELS + tree(inner.copied().unwrap_or(1) as u64);
            }
            Kernel::Affine(a) => {
                let factor = a.mul.values().iter().map(|m| signed_digits(*m)).max();
                let digits = factor.unwrap_or(0);
                if digits > 1 {
                    r.multipliers += width;
                    r.add(width * u64::from(digits - 1), bits);
                    r.levels += k::PRODUCT_LEVELS;
                }
                if a.add.values().iter().any(|c| *c != 0) {
                    r.add(width, bits);
                    r.levels += 1;
                }
            }
            Kernel::Select(_) => {
                r.levels = 3;
                r.add(2 * width, bits);
                r.compare(width, from);
                r.choose(width, bits);
            }
            Kernel::Clamp(_) => {
                r.levels = 2;
                r.compare(2 * width, from);
                r.choose(2 * width, from);
            }
            Kernel::Cast(types) => self.cast(&mut r, types, width),
            Kernel::Lut(lut) => {
                let entries = lut.tables.values().iter().map(|t| t.len()).max();
                let entries = entries.unwrap_or(0) as u64;
                let table = entries * u64::from(bits);
                if table <= k::SMALL_MEMORY_BITS {
                    let luts = entries.div_ceil(k::TABLE_ENTRIES_PER_LUT) * u64::from(bits);
                    r.lut += width * luts;
                    r.levels = 1;
                } else {
                    r.levels = levels_per_cycle(self.period);
                    r.bram18 += width * table.div_ceil(k::BRAM18_BITS);
                }
            }
            Kernel::Threshold(stairs) => {
                let steps = stairs.values().iter().map(|s| s.thresholds.len()).max();
                let steps = steps.unwrap_or(0) as u64;
                r.compare(width * steps, from);
                r.levels = 1 + tree(steps);
            }
            Kernel::Merge { op, .. } => {
                let pairs = node.inputs.len().saturating_sub(1) as u64 * width;
                r.levels = tree(node.inputs.len() as u64);
                match op {
                    Merge::Mul => {
                        self.product(&mut r, pairs, from, bits.saturating_sub(from).max(1))
                    }
                    Merge::Add | Merge::Sub => r.add(pairs, bits),
                    Merge::Max | Merge::Min => {
                        r.compare(pairs, bits);
                        r.choose(pairs, bits);
                    }
                }
            }
            Kernel::Reduce(_) => {
                let operand = &self.design.node(node.inputs[0]).ty;
                let each = operand.shape.last().copied().unwrap_or(1) as u64;
                r.add(width * (each - 1), bits.max(from));
                r.levels = tree(each);
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
        let (interval, rest) = paths(cell, self.choice, self.period);
        let cycles = cell.steps as u64 * interval + rest;
        Resources {
            multipliers: step.multipliers * copies,
            adders: step.adders * copies,
            lut: step.lut * copies,
            ff: step.ff * copies,
            dsp: step.dsp * copies,
            bram18: step.bram18,
            latency_cycles: cycles,
            interval_cycles: cycles,
            levels: 0,
        }
    }

    /// Products of two variables.
    fn product(&self, r: &mut Resources, count: u64, a: u32, b: u32) {
        r.multipliers += count;
        if a.max(b) > k::LUT_PRODUCT_BITS {
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
                Products::Multiply(Multiplier::Auto) => {
                    from.max(weight) > k::LUT_PRODUCT_BITS && digits > k::CHEAP_DIGITS
                }
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
        let products = dot.weights.iter().any(|w| signed_digits(*w) > 1);
        let sums = terms
            .iter()
            .zip(0..)
            .map(|(t, o)| tree(t + u64::from(*dot.bias.at(o) != 0)));
        let levels = sums.max().unwrap_or(0) + if products { k::PRODUCT_LEVELS } else { 0 };
        // Partial sums between two stages: of each sum a term for as many levels as fit a cycle.
        let each = 1_u64 << levels_per_cycle(self.period);
        let mut partial_sums = 0;
        for &count in &terms {
            let mut left = count.div_ceil(each);
            while left > 1 {
                partial_sums += left;
                left = left.div_ceil(each);
            }
        }
        let positions: u64 = dot.windows.iter().map(|w| w.output as u64).product();
        let without_loop = if self.stream {
            (positions, 1)
        } else {
            (1, positions)
        };
        let (rounds, copies) = self.lines(&mut r, &dot.windows).unwrap_or(without_loop);
        let ii = u64::from(self.choice.ii());
        Resources {
            multipliers: r.multipliers * copies,
            adders: r.adders * copies,
            lut: r.lut * copies,
            dsp: r.dsp * copies,
            bram18: r.bram18,
            ff: (r.ff
                + partial_sums * u64::from(bits)
                + self.registers(dot.filters as u64, bits, levels))
                * copies,
            latency_cycles: rounds * ii - 1,
            interval_cycles: rounds * ii,
            levels,
        }
    }

    fn pool(&self, windows: &[Window], kind: PoolKind) -> Resources {
        let channels = self.node.ty.shape.last().copied().unwrap_or(1) as u64;
        let taps: u64 = windows.iter().map(|w| w.kernel as u64).product();
        let bits = self.node.ty.width();
        let mut r = Resources::default();
        match kind {
            PoolKind::Sum => r.add((taps - 1) * channels, bits),
            PoolKind::Max => {
                r.compare((taps - 1) * channels, bits);
                r.choose((taps - 1) * channels, bits);
            }
        }
        let (rounds, copies) = self.lines(&mut r, windows).unwrap_or((1, 1));
        let levels = match kind {
            PoolKind::Sum => tree(taps),
            // A comparison and a selection each.
            PoolKind::Max => 2 * tree(taps),
        };
        let ii = u64::from(self.choice.ii());
        Resources {
            adders: r.adders * copies,
            lut: r.lut * copies,
            ff: r.ff + self.registers(channels * copies, bits, levels),
            latency_cycles: rounds * ii - 1,
            interval_cycles: rounds * ii,
            levels,
            ..r
        }
    }

    /// Rounds of the loop over pixels and pixels a round, with the line buffer in io stream; `None`
    /// without windows.
    fn lines(&self, r: &mut Resources, windows: &[Window]) -> Option<(u64, u64)> {
        if windows.iter().all(|w| *w == Window::identity(w.input)) {
            return None;
        }
        if !self.stream {
            let pixels: u64 = windows.iter().map(|w| w.output as u64).product();
            let at_once = u64::from(self.choice.parallelization_factor).clamp(1, pixels.max(1));
            return Some((pixels.div_ceil(at_once), at_once));
        }
        let operand = &self.design.node(self.node.inputs[0]).ty;
        let channels = operand.shape.last().copied().unwrap_or(1) as u64;
        let span = |w: &Window| (w.kernel - 1) * w.dilation + 1;
        let under: u64 = windows.iter().map(|w| span(w) as u64).product();
        r.ff += under * channels * u64::from(operand.width());
        let steps = |w: &Window| {
            let span = span(w);
            let last_input = w.pad + (w.input - 1) * w.base_dilation + 1;
            ((w.output - 1) * w.stride + span).max(last_input) as u64
        };
        if let [.., rows, columns] = windows {
            let kept = (rows.kernel - 1) * rows.dilation;
            for _ in 0..kept {
                r.memory(steps(columns) * channels * u64::from(operand.width()));
            }
        }
        Some((windows.iter().map(steps).product(), 1))
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
