//! The fast simulator: a design compiled for this machine.
//!
//! A [`Plan`] runs the same kernels as the reference on the narrowest machine integers that the
//! proven ranges allow, many samples at a time. How codes lie in memory says `layout`; what is
//! fused and which integers are chosen, `compile`. The result is equal to the reference, code by
//! code.

mod batch;
mod chain;
mod compile;
mod dot;
mod layout;
mod merge;
mod pool;
mod recurrence;
mod simd;
mod step;
#[cfg(test)]
mod tests;
mod windows;

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

pub use batch::{Feed, Ints};

use crate::ir::Range;
use crate::ir::kernel::{Design, NodeId};
use batch::Target;
use layout::{Buffer, Cell, Layout, View};
use simd::Machine;
use step::{Samples, Scratch, Step, Work};

/// Most samples that go through a plan together.
const MAX_LANES: usize = 64;
/// Lanes come in multiples of this.
const LANE_STEP: usize = 32;
/// Bytes of a usual second cache that a tile's buffers may take.
const SECOND_CACHE: usize = 1 << 19;

/// A design compiled for this machine.
///
/// ```no_run
/// # let design = qk_hls::ir::kernel::Design::default();
/// use qk_hls::sim::plan::{Feed, Plan};
/// let plan = Plan::new(&design);
/// let outputs = plan.run(&[Feed::I16(&[1, 2, 3, 4])], 1)?;
/// # Ok::<(), qk_hls::sim::plan::RunError>(())
/// ```
#[derive(Debug)]
pub struct Plan {
    machine: Machine,
    steps: Vec<Step>,
    slots: Vec<Slot>,
    edges: Vec<Edge>,
    inputs: Vec<InputPort>,
    /// Multiply-accumulates of one sample on bytes, and on anything wider.
    byte_macs: u64,
    half_macs: u64,
    /// Buffers that wait for the next tile: runs after the first allocate nothing but results.
    states: Mutex<Vec<State>>,
}

/// A buffer for rows.
#[derive(Debug, Clone, Copy)]
struct Slot {
    cell: Cell,
    rows: usize,
}

/// An edge whose codes are wanted.
#[derive(Debug)]
struct Edge {
    slot: usize,
    layout: Layout,
    range: Range,
}

#[derive(Debug, Clone)]
struct InputPort {
    name: String,
    elements: usize,
    range: Range,
}

/// Inputs that a plan cannot run on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// Too few or too many tensors.
    #[error("{found} inputs for a model with {wanted}")]
    Inputs {
        /// Given.
        found: usize,
        /// The model's.
        wanted: usize,
    },
    /// A batch of the wrong length.
    #[error("input {input}: {found} codes; {samples} samples of {elements} have {}", samples * elements)]
    Length {
        /// Name of the input.
        input: String,
        /// Codes given.
        found: usize,
        /// Samples in the batch.
        samples: usize,
        /// Codes of one sample.
        elements: usize,
    },
    /// A code that the port's type does not hold.
    #[error("input {input}, sample {sample}, element {index}: code {code} lies outside {}..={}", range.lo, range.hi)]
    Range {
        /// Name of the input.
        input: String,
        /// Sample number.
        sample: usize,
        /// Flat index in the sample.
        index: usize,
        /// The code.
        code: i128,
        /// The port's codes.
        range: Range,
    },
}

/// Everything that one thread needs for a tile.
#[derive(Debug)]
struct State {
    lanes: usize,
    buffers: Vec<Buffer>,
    narrow: Scratch<i32>,
    long: Scratch<i64>,
    wide: Scratch<i128>,
}

impl Plan {
    /// A plan for the design's outputs.
    #[must_use]
    pub fn new(design: &Design) -> Self {
        let outputs: Vec<NodeId> = design.outputs.iter().map(|p| p.node).collect();
        Self::with_edges(design, &outputs)
    }

    /// A plan whose results are the codes of these nodes, in this order.
    #[must_use]
    pub fn with_edges(design: &Design, edges: &[NodeId]) -> Self {
        compile::plan(design, edges, Machine::detect())
    }

    /// Multiply-accumulates with constants of one sample.
    #[must_use]
    pub fn macs(&self) -> u64 {
        self.byte_macs + self.half_macs
    }

    /// Multiply-accumulates a second that this machine's dot-product instructions reach on all
    /// threads of the current pool, for the plan's mix of operand widths: bytes, and anything wider
    /// as 16-bit halves. Measured now, for about twice this time, on all threads together.
    #[must_use]
    pub fn limit(&self, time: std::time::Duration) -> f64 {
        let all = |bytes: bool| -> f64 {
            let each = rayon::broadcast(|_| simd::macs_per_second(self.machine, bytes, time));
            each.iter().sum()
        };
        let (bytes, halves) = (self.byte_macs as f64, self.half_macs as f64);
        let seconds = bytes / all(true) + halves / all(false);
        if seconds > 0.0 {
            (bytes + halves) / seconds
        } else {
            all(true)
        }
    }

    /// Runs a batch on the current thread pool. One result for each edge of the plan: samples one
    /// after the other, each flat and row-major.
    ///
    /// # Errors
    /// When the inputs do not fit the model's ports.
    pub fn run(&self, inputs: &[Feed<'_>], samples: usize) -> Result<Vec<Ints>, RunError> {
        let mut results = Vec::new();
        self.run_into(inputs, samples, &mut results)?;
        Ok(results)
    }

    /// The same into the results of an earlier run, whose memory is used again where the number of
    /// samples is the same.
    ///
    /// # Errors
    /// When the inputs do not fit the model's ports; the results are as before.
    pub fn run_into(
        &self,
        inputs: &[Feed<'_>],
        samples: usize,
        results: &mut Vec<Ints>,
    ) -> Result<(), RunError> {
        self.check(inputs, samples)?;
        let elements: Vec<usize> = self
            .edges
            .iter()
            .map(|e| e.layout.positions * e.layout.channels)
            .collect();
        results.truncate(self.edges.len());
        for (k, (edge, n)) in self.edges.iter().zip(&elements).enumerate() {
            match results.get(k) {
                Some(found) if found.fits(edge.range, n * samples) => {}
                Some(_) => results[k] = Ints::zeros(edge.range, n * samples),
                None => results.push(Ints::zeros(edge.range, n * samples)),
            }
        }
        if samples == 0 {
            return Ok(());
        }
        let lanes = self.lanes(samples);
        // Tasks of whole tiles, a few for each thread.
        let tiles = samples.div_ceil(lanes);
        let tasks = rayon::current_num_threads() * 4;
        let span = tiles.div_ceil(tasks).clamp(1, 64) * lanes;
        let mut parts = Vec::with_capacity(samples.div_ceil(span));
        let mut rest: Vec<Target<'_>> = results.iter_mut().map(Ints::as_mut).collect();
        for first in (0..samples).step_by(span) {
            let count = span.min(samples - first);
            let mut own = Vec::with_capacity(rest.len());
            let mut later = Vec::with_capacity(rest.len());
            for (target, n) in rest.into_iter().zip(&elements) {
                let (a, b) = target.split(n * count);
                own.push(a);
                later.push(b);
            }
            rest = later;
            parts.push((Samples { first, count }, own));
        }
        parts.into_par_iter().for_each(|(samples, mut targets)| {
            let mut state = self.state(lanes);
            for first in (0..samples.count).step_by(lanes) {
                let count = lanes.min(samples.count - first);
                let tile = Samples {
                    first: samples.first + first,
                    count,
                };
                self.tile(&mut state, inputs, tile);
                for (edge, target) in self.edges.iter().zip(&mut targets) {
                    let view = View {
                        buffer: &state.buffers[edge.slot],
                        layout: edge.layout,
                        lanes,
                    };
                    target.write(view, Samples { first, count });
                }
            }
            self.keep(state);
        });
        Ok(())
    }

    /// Samples that go through the plan together: fewer where the buffers would leave the second
    /// cache.
    fn lanes(&self, samples: usize) -> usize {
        let bytes = |s: &Slot| s.rows * s.cell.bytes_per_lane();
        let all: usize = self.slots.iter().map(bytes).sum();
        let most = if all * MAX_LANES > SECOND_CACHE {
            LANE_STEP
        } else {
            MAX_LANES
        };
        samples.next_multiple_of(LANE_STEP).min(most)
    }

    fn check(&self, inputs: &[Feed<'_>], samples: usize) -> Result<(), RunError> {
        if inputs.len() != self.inputs.len() {
            return Err(RunError::Inputs {
                found: inputs.len(),
                wanted: self.inputs.len(),
            });
        }
        for (feed, port) in inputs.iter().zip(&self.inputs) {
            if Some(feed.len()) != samples.checked_mul(port.elements) {
                return Err(RunError::Length {
                    input: port.name.clone(),
                    found: feed.len(),
                    samples,
                    elements: port.elements,
                });
            }
            if let Some((at, code)) = feed.outside(port.range) {
                return Err(RunError::Range {
                    input: port.name.clone(),
                    sample: at / port.elements,
                    index: at % port.elements,
                    code,
                    range: port.range,
                });
            }
        }
        Ok(())
    }

    fn state(&self, lanes: usize) -> State {
        let mut waiting = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(state) = waiting.pop() {
            if state.lanes == lanes {
                return state;
            }
        }
        drop(waiting);
        State {
            lanes,
            buffers: self
                .slots
                .iter()
                .map(|s| Buffer::new(s.cell, s.rows, lanes))
                .collect(),
            narrow: Scratch::new(lanes),
            long: Scratch::new(lanes),
            wide: Scratch::new(lanes),
        }
    }

    /// Keeps buffers for the next run.
    fn keep(&self, state: State) {
        let mut waiting = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(state);
    }

    fn tile(&self, state: &mut State, feeds: &[Feed<'_>], samples: Samples) {
        let lanes = state.lanes;
        for step in &self.steps {
            let (slot, layout) = step.output;
            if let Work::Loop(cell) = &step.work {
                cell.run(&mut state.buffers, step, lanes);
                continue;
            }
            let mut output = std::mem::replace(&mut state.buffers[slot], Buffer::Words(Vec::new()));
            let views: Vec<View<'_>> = step
                .inputs
                .iter()
                .map(|&(slot, layout)| View {
                    buffer: &state.buffers[slot],
                    layout,
                    lanes,
                })
                .collect();
            let target = (&mut output, layout);
            let feeds = (feeds, samples);
            match &step.work {
                Work::I32(stage) => {
                    let scratch = &mut state.narrow;
                    self.machine
                        .run(stage, &views, target, lanes, scratch, feeds);
                }
                Work::I64(stage) => stage.run(&views, target, lanes, &mut state.long, feeds),
                Work::I128(stage) => stage.run(&views, target, lanes, &mut state.wide, feeds),
                Work::Loop(_) => unreachable!("run above"),
            }
            state.buffers[slot] = output;
        }
    }
}
