//! One step of a plan: a source of rows, a chain of point operations, a store.

use super::batch::Feed;
use super::chain::Point;
use super::dot::Dot;
use super::layout::{Buffer, Layout, View, store};
use super::merge::Merging;
use super::pool::{MatMul, Pool, reduce};
use super::recurrence::Recurrence;
use super::simd::{Machine, Product};
use super::windows::Windows;
use crate::ir::kernel::Reduce;
use crate::num::Int;

/// Most rows that are worked on together: they stay in the first cache.
pub(super) const CHUNK: usize = 48;

/// A step.
#[derive(Debug)]
pub(super) struct Step {
    /// Slot and arrangement of each operand.
    pub(super) inputs: Vec<(usize, Layout)>,
    /// Slot and arrangement of the result.
    pub(super) output: (usize, Layout),
    /// What it computes.
    pub(super) work: Work,
}

/// The computation in the machine integer that the proven ranges allow.
#[derive(Debug)]
pub(super) enum Work {
    /// 32 bits.
    I32(Stage<i32>),
    /// 64 bits.
    I64(Stage<i64>),
    /// 128 bits.
    I128(Stage<i128>),
    /// A plan of its own for each step.
    Loop(Box<Recurrence>),
}

/// A source and what happens to its rows.
#[derive(Debug)]
pub(super) struct Stage<C> {
    /// Where the rows come from.
    pub(super) source: Source<C>,
    /// Applied in order.
    pub(super) points: Vec<Point<C>>,
}

/// Where rows come from.
#[derive(Debug)]
pub(super) enum Source<C> {
    /// Input number `n` of the model.
    Input(usize),
    /// The operand as it is.
    Copy,
    /// Sums of products with constants.
    Dot(Dot<C>),
    /// The same on packed words, in 32 bits.
    Product(Product),
    /// The greatest byte of each window, without points.
    MaxBytes(Windows, Machine),
    /// Product of two operands.
    MatMul(MatMul),
    /// A window reduction.
    Pool(Pool),
    /// Element-wise on several operands.
    Merge(Merging),
    /// For each element the operand and element that it comes from; `None` is zero.
    Move(Vec<Option<(u32, u32)>>),
    /// Reduction of rows of this length.
    Reduce(Reduce, usize),
}

/// Rows being worked on.
#[derive(Debug)]
pub(super) struct Scratch<C> {
    rows: Vec<C>,
    operand: Vec<C>,
    other: Vec<C>,
}

impl<C: Int> Scratch<C> {
    pub(super) fn new(lanes: usize) -> Self {
        Self {
            rows: vec![C::default(); CHUNK * lanes],
            operand: vec![C::default(); lanes],
            other: vec![C::default(); lanes],
        }
    }
}

/// Samples of a tile in the batch: `first..first + count`; further lanes repeat the last one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Samples {
    pub(super) first: usize,
    pub(super) count: usize,
}

impl<C: Int> Stage<C> {
    /// Computes a whole tensor of a tile.
    #[inline(always)]
    pub(super) fn run(
        &self,
        views: &[View<'_>],
        output: (&mut Buffer, Layout),
        lanes: usize,
        scratch: &mut Scratch<C>,
        feeds: (&[Feed<'_>], Samples),
    ) {
        let (buffer, layout) = output;
        match &self.source {
            Source::Product(product) if product.fused => {
                return product.run(views[0], buffer, layout);
            }
            Source::Input(index) if self.points.is_empty() => {
                if let Buffer::Words(words) = buffer
                    && feeds.0[*index].pack(feeds.1, layout, words, lanes)
                {
                    return;
                }
            }
            Source::MaxBytes(windows, machine) => {
                let (Buffer::Words(x), Buffer::Words(y)) = (views[0].buffer, buffer) else {
                    unreachable!("bytes lie in words")
                };
                let per = layout.rows_per_position() * lanes;
                return machine.max_pool(windows, x, y, per);
            }
            _ => {}
        }
        for position in 0..layout.positions {
            for first in (0..layout.channels).step_by(CHUNK) {
                let count = CHUNK.min(layout.channels - first);
                let rows = &mut scratch.rows[..count * lanes];
                let element = position * layout.channels + first;
                let operand = &mut scratch.operand[..];
                match &self.source {
                    Source::Input(index) => {
                        let elements = layout.positions * layout.channels;
                        feeds.0[*index].load(feeds.1, elements, element, rows, lanes);
                    }
                    Source::Copy => {
                        for (i, row) in rows.chunks_exact_mut(lanes).enumerate() {
                            views[0].load(element + i, row);
                        }
                    }
                    Source::Dot(dot) => dot.produce(views[0], position, first, rows, operand),
                    Source::Product(product) => {
                        let rows = C::narrow(rows).expect("packed products are in 32 bits");
                        product.produce(views[0], position, first, rows);
                    }
                    Source::MaxBytes(..) => unreachable!("done as a whole"),
                    Source::MatMul(m) => m.produce(
                        [views[0], views[1]],
                        position,
                        first,
                        rows,
                        [operand, &mut scratch.other],
                    ),
                    Source::Pool(pool) => pool.produce(views[0], position, first, rows, operand),
                    Source::Merge(merge) => merge.produce(views, element, rows, operand),
                    Source::Move(sources) => {
                        let sources = &sources[element..element + count];
                        for (row, source) in rows.chunks_exact_mut(lanes).zip(sources) {
                            match source {
                                None => row.fill(C::default()),
                                Some((k, from)) => views[*k as usize].load(*from as usize, row),
                            }
                        }
                    }
                    Source::Reduce(op, length) => reduce(
                        *op,
                        *length,
                        views[0],
                        element,
                        rows,
                        operand,
                        &mut scratch.other,
                    ),
                }
                for point in &self.points {
                    point.apply(element, rows, lanes);
                }
                store(buffer, layout, lanes, position, first, rows);
            }
        }
    }
}
