//! Loops: the plan of the cell, run once for each step on all samples of a tile together.

use super::Plan;
use super::compile::{self, Place};
use super::layout::{Buffer, Cell, Layout, View, store};
use super::simd::Machine;
use super::step::{CHUNK, Samples, Step};
use crate::ir::kernel::Loop;
use crate::num::Int;

/// A loop.
#[derive(Debug)]
pub(super) struct Recurrence {
    /// One step. Its edges are the outputs of the body.
    plan: Plan,
    /// Where the plan reads slices and states.
    ports: Vec<Place>,
    steps: usize,
    sequences: usize,
    results: Vec<Target>,
}

/// Where a result goes.
#[derive(Debug)]
struct Target {
    /// Which edge of the plan.
    edge: usize,
    sequence: bool,
    place: Place,
}

impl Recurrence {
    /// A loop that puts results, by their number, into these places.
    pub(super) fn new(cell: &Loop, places: Vec<(usize, Place)>, machine: Machine) -> Self {
        let (plan, ports) = compile::body(&cell.body, machine);
        let results = places.into_iter().map(|(number, place)| Target {
            edge: cell.results[number].output,
            sequence: cell.results[number].sequence,
            place,
        });
        Self {
            plan,
            ports,
            steps: cell.steps,
            sequences: cell.sequences,
            results: results.collect(),
        }
    }

    /// Multiply-accumulates of all steps on bytes, and on anything wider.
    pub(super) fn macs(&self) -> (u64, u64) {
        let steps = self.steps as u64;
        (self.plan.byte_macs * steps, self.plan.half_macs * steps)
    }

    /// All steps for a tile. `outer` holds the operands of `step` and takes the results.
    pub(super) fn run(&self, outer: &mut [Buffer], step: &Step, lanes: usize) {
        let mut inner = self.plan.state(lanes);
        let (sequences, initial) = step.inputs.split_at(self.sequences);
        let (slices, states) = self.ports.split_at(self.sequences);
        for (k, &(slot, layout)) in states.iter().enumerate() {
            let to = (&mut inner.buffers[slot], layout, 0);
            match initial.get(k) {
                Some(&(from, own)) => copy((&outer[from], own, 0), to, layout.positions, lanes),
                None => clear(to, lanes),
            }
        }
        // Every input is a port: the body is fed in its buffers.
        let samples = Samples { first: 0, count: 0 };
        for step in 0..self.steps {
            for (&(slot, own), &(port, layout)) in sequences.iter().zip(slices) {
                let from = (&outer[slot], own, step * layout.positions);
                let to = (&mut inner.buffers[port], layout, 0);
                copy(from, to, layout.positions, lanes);
            }
            self.plan.tile(&mut inner, &[], samples);
            for result in self
                .results
                .iter()
                .filter(|r| r.sequence || step + 1 == self.steps)
            {
                let edge = &self.plan.edges[result.edge];
                let (slot, layout) = result.place;
                let at = if result.sequence { step } else { 0 };
                let positions = edge.layout.positions;
                let from = (&inner.buffers[edge.slot], edge.layout, 0);
                let to = (&mut outer[slot], layout, at * positions);
                copy(from, to, positions, lanes);
            }
            if step + 1 == self.steps {
                break;
            }
            for (edge, &(port, layout)) in self.plan.edges.iter().zip(states) {
                let mut target = std::mem::replace(&mut inner.buffers[port], Buffer::Words(vec![]));
                let from = (&inner.buffers[edge.slot], edge.layout, 0);
                copy(from, (&mut target, layout, 0), layout.positions, lanes);
                inner.buffers[port] = target;
            }
        }
        self.plan.keep(inner);
    }
}

/// A part of a tensor: rows, arrangement, and the first position.
type Part<'a> = (&'a Buffer, Layout, usize);
/// The same, to be written.
type PartMut<'a> = (&'a mut Buffer, Layout, usize);

/// Copies positions between tensors with equal channels.
fn copy(from: Part<'_>, to: PartMut<'_>, positions: usize, lanes: usize) {
    fn rows<T: Copy>(from: &[T], at: usize, to: &mut [T], place: usize, count: usize) {
        to[place..place + count].copy_from_slice(&from[at..at + count]);
    }
    let (source, own, first) = from;
    let (target, layout, place) = to;
    let each = layout.rows_per_position() * lanes;
    let (at, into, count) = (first * each, place * each, positions * each);
    if own.cell == layout.cell {
        return match (source, target) {
            (Buffer::Words(x), Buffer::Words(y)) => rows(x, at, y, into, count),
            (Buffer::Longs(x), Buffer::Longs(y)) => rows(x, at, y, into, count),
            (Buffer::Wides(x), Buffer::Wides(y)) => rows(x, at, y, into, count),
            _ => unreachable!("equal cells have equal buffers"),
        };
    }
    let from = View {
        buffer: source,
        layout: own,
        lanes,
    };
    let to = (target, layout, place);
    match (own.cell, layout.cell) {
        (Cell::Wide, _) | (_, Cell::Wide) => converted::<i128>(from, first, to, positions),
        (Cell::Long, _) | (_, Cell::Long) => converted::<i64>(from, first, to, positions),
        _ => converted::<i32>(from, first, to, positions),
    }
}

/// Copies codes between different cells.
fn converted<C: Int>(from: View<'_>, first: usize, to: PartMut<'_>, positions: usize) {
    let (target, layout, place) = to;
    let lanes = from.lanes;
    let mut rows = vec![C::default(); CHUNK.min(layout.channels) * lanes];
    for position in 0..positions {
        for channel in (0..layout.channels).step_by(CHUNK) {
            let count = CHUNK.min(layout.channels - channel);
            let rows = &mut rows[..count * lanes];
            let element = (first + position) * layout.channels + channel;
            for (i, row) in rows.chunks_exact_mut(lanes).enumerate() {
                from.load(element + i, row);
            }
            store(target, layout, lanes, place + position, channel, rows);
        }
    }
}

/// Makes all codes zero.
fn clear(to: PartMut<'_>, lanes: usize) {
    let (target, layout, _) = to;
    let zeros = vec![0_i32; CHUNK.min(layout.channels) * lanes];
    for position in 0..layout.positions {
        for channel in (0..layout.channels).step_by(CHUNK) {
            let count = CHUNK.min(layout.channels - channel);
            store(
                target,
                layout,
                lanes,
                position,
                channel,
                &zeros[..count * lanes],
            );
        }
    }
}
