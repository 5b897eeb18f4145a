//! Sums of products on packed words, with everything that follows done in registers.
//!
//! A block is a few filters on two vectors of lanes. Its accumulators stay in registers over all
//! word rows that it reads; a word of weights is read once and broadcast. Codes are stored as
//! `code - offset`, so the sum lacks `offset * (sum of the weights read)`, a constant of the filter
//! and of which taps read real cells: accumulators start with it. Word rows whose weights are all
//! zero for the whole block are left out.

use super::super::chain::Point;
use super::super::dot::shifted;
use super::super::layout::{Buffer, Cell, Layout, View};
use super::super::windows::Windows;
use super::Machine;
use super::isa::{Isa, Portable};
use crate::ir::kernel;
use crate::num::{Conversion, Form, Int, Limit, Tie};

/// Filters of a full block.
const BLOCK: usize = 8;

/// Sum of products with narrow codes and weights.
#[derive(Debug)]
pub(in super::super) struct Product {
    machine: Machine,
    /// Bytes, or else halves.
    bytes: bool,
    filters: usize,
    rows_per_position: usize,
    cells: usize,
    /// Pattern and base cell of every output position.
    positions: Vec<(usize, usize)>,
    blocks: Vec<Block>,
    weights: Vec<u32>,
    operations: Vec<Operation>,
    /// Whether all points of the stage are among the operations.
    pub(in super::super) fused: bool,
}

/// Filters that are computed together.
#[derive(Debug)]
struct Block {
    first: usize,
    /// 8 or 4.
    size: usize,
    patterns: Vec<Pattern>,
}

/// What a block reads at one kind of position.
#[derive(Debug)]
pub(super) struct Pattern {
    entries: Vec<Entry>,
    /// What the accumulators start with.
    start: [i32; BLOCK],
}

/// A word row and its weights.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// From the position's base cell on.
    row: u32,
    /// First word.
    weights: u32,
}

/// What is done to a filter's accumulators; one parameter for each filter.
#[derive(Debug)]
enum Operation {
    Affine(Vec<(i32, i32)>),
    Clamp(Vec<(i32, i32)>),
    Cast(Vec<Form<i32>>),
}

impl Product {
    /// The packed form, if operands and weights are narrow enough.
    pub(in super::super) fn new(
        machine: Machine,
        dot: &kernel::Dot,
        from: Layout,
        points: &[Point<i32>],
    ) -> Option<Self> {
        let fits = |bits: u32| {
            let limit = 1_i128 << (bits - 1);
            dot.weights.iter().all(|w| -limit <= *w && *w < limit)
        };
        let (bytes, offset) = match from.cell {
            Cell::Byte { offset } if fits(8) => (true, offset),
            Cell::Half { offset } if fits(16) => (false, offset),
            _ => return None,
        };
        let windows = Windows::new(&dot.windows);
        let mut product = Self {
            machine,
            bytes,
            filters: dot.filters,
            rows_per_position: from.rows_per_position(),
            cells: from.positions,
            blocks: Vec::new(),
            weights: Vec::new(),
            operations: Vec::new(),
            fused: true,
            positions: windows.positions,
        };
        let taps = dot.windows.iter().map(|w| w.kernel).product();
        let largest = match machine {
            #[cfg(target_arch = "x86_64")]
            Machine::Avx512 => BLOCK,
            _ => BLOCK / 2,
        };
        let mut first = 0;
        while first < dot.filters {
            let size = if dot.filters - first <= 4 { 4 } else { largest };
            product.block(dot, (first, size), taps, &windows.patterns, offset);
            first += size;
        }
        product.finish(dot, points);
        Some(product)
    }

    /// Packs the weights of filters `first..first + size`.
    fn block(
        &mut self,
        dot: &kernel::Dot,
        (first, size): (usize, usize),
        taps: usize,
        patterns: &[Vec<super::super::windows::Tap>],
        offset: i32,
    ) {
        let per = if self.bytes { 4 } else { 2 };
        let channels = dot.channels / dot.groups;
        let filters = first..(first + size).min(dot.filters);
        let group = |filter: usize| filter / (dot.filters / dot.groups);
        let low = group(first) * channels;
        let high = (group(filters.end - 1) + 1) * channels;
        let rows = low / per..high.div_ceil(per);
        // For each tap and row, where its weights are; for each tap, the sums of all weights.
        let mut places: Vec<Option<u32>> = Vec::with_capacity(taps * rows.len());
        let mut sums = vec![[0_i32; BLOCK]; taps];
        for (tap, sums) in sums.iter_mut().enumerate() {
            for row in rows.clone() {
                let mut word = [[0_i32; 4]; BLOCK];
                for (f, filter) in filters.clone().enumerate() {
                    let block = group(filter) * channels..(group(filter) + 1) * channels;
                    let here = (row * per).max(block.start)..((row + 1) * per).min(block.end);
                    for channel in here {
                        let at = tap * channels + channel - block.start;
                        let w = i32::wrap(dot.weights[at * dot.filters + filter]);
                        word[f][channel - row * per] = w;
                        sums[f] = sums[f].wrapping_add(w);
                    }
                }
                let zero = word.iter().flatten().all(|w| *w == 0);
                places.push((!zero).then(|| {
                    let at =
                        u32::try_from(self.weights.len()).expect("weights are fewer than 2^32");
                    for word in &word[..size] {
                        self.pack(*word);
                    }
                    at
                }));
            }
        }
        let patterns = patterns.iter().map(|pattern| {
            let mut entries = Vec::new();
            let mut start = [0_i32; BLOCK];
            for tap in pattern {
                for (start, sum) in start.iter_mut().zip(sums[tap.tap]) {
                    *start = start.wrapping_add(sum.wrapping_mul(offset));
                }
                let places = &places[tap.tap * rows.len()..(tap.tap + 1) * rows.len()];
                for (row, place) in rows.clone().zip(places) {
                    let row = tap.cell * self.rows_per_position + row;
                    entries.extend(place.map(|weights| Entry {
                        row: u32::try_from(row).expect("a tensor has fewer than 2^32 rows"),
                        weights,
                    }));
                }
            }
            Pattern { entries, start }
        });
        let patterns = patterns.collect();
        self.blocks.push(Block {
            first,
            size,
            patterns,
        });
    }

    fn pack(&mut self, word: [i32; 4]) {
        if !self.bytes {
            let [a, b] = [word[0], word[1]].map(|w| w.cast_unsigned() & 0xffff);
            self.weights.push(a | b << 16);
            return;
        }
        let bytes = word.map(|w| i8::try_from(w).expect("weights fit bytes"));
        let (words, count) = match self.machine {
            #[cfg(target_arch = "x86_64")]
            Machine::Avx512 => {
                use super::isa::Avx512;
                (Avx512::pack_bytes(bytes), Avx512::WEIGHT_WORDS)
            }
            #[cfg(target_arch = "x86_64")]
            Machine::Avx2 => {
                use super::isa::Avx2;
                (Avx2::pack_bytes(bytes), Avx2::WEIGHT_WORDS)
            }
            Machine::Portable => (Portable::pack_bytes(bytes), Portable::WEIGHT_WORDS),
        };
        self.weights.extend(&words[..count]);
    }

    /// Biases, then the points as far as they follow the filters.
    fn finish(&mut self, dot: &kernel::Dot, points: &[Point<i32>]) {
        let bias = |f: usize| i32::wrap(*dot.bias.at(f));
        if (0..self.filters).any(|f| *dot.shift.at(f) > 0) {
            let each = (0..self.filters).map(|f| (shifted(1, *dot.shift.at(f)), bias(f)));
            self.operations.push(Operation::Affine(each.collect()));
        } else {
            for block in &mut self.blocks {
                let size = block.size.min(self.filters - block.first);
                for pattern in &mut block.patterns {
                    for (f, start) in pattern.start[..size].iter_mut().enumerate() {
                        *start = start.wrapping_add(bias(block.first + f));
                    }
                }
            }
        }
        let kept = self.operations.len();
        for point in points {
            let Some(operation) = Operation::new(point, self.filters) else {
                self.operations.truncate(kept);
                self.fused = false;
                return;
            };
            self.operations.push(operation);
        }
    }

    /// The whole tensor.
    #[inline(always)]
    pub(in super::super) fn run(&self, x: View<'_>, buffer: &mut Buffer, layout: Layout) {
        let Buffer::Words(words) = buffer else {
            unreachable!("results of 32 bits are stored in words")
        };
        let per = layout.rows_per_position() * x.lanes;
        for (position, target) in words[..layout.rows() * x.lanes]
            .chunks_exact_mut(per)
            .enumerate()
        {
            self.position(x, position, &self.blocks, target, Some(layout.cell));
        }
    }

    /// Rows of filters `first..` at one output position; `first` begins a block.
    #[inline(always)]
    pub(in super::super) fn produce(
        &self,
        x: View<'_>,
        position: usize,
        first: usize,
        rows: &mut [i32],
    ) {
        let end = first + rows.len() / x.lanes;
        let begin = self.blocks.partition_point(|b| b.first < first);
        let stop = self.blocks.partition_point(|b| b.first < end);
        let (before, words, after) = {
            // SAFETY: both are plain 32-bit words.
            unsafe { rows.align_to_mut::<u32>() }
        };
        debug_assert!(before.is_empty() && after.is_empty(), "equal alignment");
        self.position(x, position, &self.blocks[begin..stop], words, None);
    }

    /// Some blocks at one position, into that position's word rows (or rows of words if there is
    /// no cell), the first block's first.
    fn position(
        &self,
        x: View<'_>,
        position: usize,
        blocks: &[Block],
        target: &mut [u32],
        cell: Option<Cell>,
    ) {
        let Buffer::Words(words) = x.buffer else {
            unreachable!("bytes and halves lie in words")
        };
        let used = self.cells * self.rows_per_position * x.lanes;
        let place = Place {
            words: &words[..used],
            lanes: x.lanes,
            position,
            cell: cell.unwrap_or(Cell::Word),
        };
        match self.machine {
            // SAFETY: the machine was detected to have these features.
            #[cfg(target_arch = "x86_64")]
            Machine::Avx512 => unsafe { self.avx512(place, blocks, target) },
            // SAFETY: the machine was detected to have these features.
            #[cfg(target_arch = "x86_64")]
            Machine::Avx2 => unsafe { self.avx2(place, blocks, target) },
            // SAFETY: plain Rust runs everywhere.
            Machine::Portable => unsafe { self.blocks::<Portable>(place, blocks, target) },
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    unsafe fn avx512(&self, place: Place<'_>, blocks: &[Block], target: &mut [u32]) {
        // SAFETY: the caller vouches for the features.
        unsafe { self.blocks::<super::isa::Avx512>(place, blocks, target) };
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    unsafe fn avx2(&self, place: Place<'_>, blocks: &[Block], target: &mut [u32]) {
        // SAFETY: the caller vouches for the features.
        unsafe { self.blocks::<super::isa::Avx2>(place, blocks, target) };
    }

    /// # Safety
    /// The machine must have the instruction set.
    #[inline(always)]
    unsafe fn blocks<I: Isa>(&self, place: Place<'_>, blocks: &[Block], target: &mut [u32]) {
        let start = blocks.first().map_or(0, |b| b.first);
        for block in blocks {
            let per = place.cell.per_row();
            let at = (block.first - start) / per * place.lanes;
            let target = &mut target[at..];
            // SAFETY: as the caller vouches.
            unsafe {
                match (block.size, self.bytes) {
                    (8, true) => self.block_of::<I, 8, true>(place, block, target),
                    (8, false) => self.block_of::<I, 8, false>(place, block, target),
                    (_, true) => self.block_of::<I, 4, true>(place, block, target),
                    (_, false) => self.block_of::<I, 4, false>(place, block, target),
                }
            }
        }
    }

    /// # Safety
    /// The machine must have the instruction set.
    #[inline(always)]
    unsafe fn block_of<I: Isa, const F: usize, const BYTES: bool>(
        &self,
        place: Place<'_>,
        block: &Block,
        target: &mut [u32],
    ) {
        let (pattern, base) = self.positions[place.position];
        let pattern = &block.patterns[pattern];
        let lanes = place.lanes;
        assert!(lanes.is_multiple_of(2 * I::N), "whole pairs of vectors");
        let words = &place.words[base * self.rows_per_position * lanes..];
        let real = F.min(self.filters - block.first);
        for lane in (0..lanes).step_by(2 * I::N) {
            // SAFETY: as the caller vouches.
            let mut sums = [[unsafe { I::splat(0) }; 2]; F];
            let from = &words[lane..];
            // SAFETY: the vector's words are in the slice, and rows and weights are as `accumulate`
            // asks, for they were packed so.
            unsafe { I::accumulate::<F, BYTES>(from, lanes, pattern, &self.weights, &mut sums) };
            for (f, sums) in sums[..real].iter_mut().enumerate() {
                for operation in &self.operations {
                    // SAFETY: as the caller vouches.
                    unsafe { operation.apply::<I>(block.first + f, sums) };
                }
            }
            // SAFETY: as the caller vouches.
            unsafe { store::<I, F>(&sums, real, place.cell, &mut target[lane..], lanes) };
        }
    }
}

/// Sums of a block at one position, for two vectors of lanes.
///
/// # Safety
/// The machine must have the instruction set. Every row of the pattern lies in `words`, which begin
/// at the first lane: two vectors from `row * lanes` on. The weights of an entry are those of `F`
/// filters.
#[inline(always)]
pub(super) unsafe fn accumulate<I: Isa, const F: usize, const BYTES: bool>(
    words: &[u32],
    lanes: usize,
    pattern: &Pattern,
    weights: &[u32],
    sums: &mut [[I::V; 2]; F],
) {
    /// The sums of some filters in variables of their own: arrays of vectors are not always kept in
    /// registers.
    macro_rules! filters {
        ($($acc:ident $f:literal),+) => {{
            $(
                let start = I::splat(pattern.start[$f]);
                let mut $acc = [start, start];
            )+
            for entry in &pattern.entries {
                let at = entry.row as usize * lanes;
                debug_assert!(at + 2 * I::N <= words.len(), "a row of the operand");
                let x = words.as_ptr().add(at);
                let x = [I::load(x), I::load(x.add(I::N))];
                let w = weights.as_ptr().add(entry.weights as usize);
                if BYTES {
                    let x = [I::bytes(x[0]), I::bytes(x[1])];
                    $(
                        let w_of = w.add($f * I::WEIGHT_WORDS);
                        $acc = [I::dot_bytes($acc[0], x[0], w_of), I::dot_bytes($acc[1], x[1], w_of)];
                    )+
                } else {
                    $(
                        let w_of = *w.add($f);
                        $acc = [I::dot_halves($acc[0], x[0], w_of), I::dot_halves($acc[1], x[1], w_of)];
                    )+
                }
            }
            $(sums[$f] = $acc;)+
        }};
    }
    // SAFETY: as the caller vouches.
    unsafe {
        if F == BLOCK {
            filters!(a 0, b 1, c 2, d 3, e 4, f 5, g 6, h 7);
        } else {
            filters!(a 0, b 1, c 2, d 3);
        }
    }
}

/// What is read at one position, and how results are stored.
#[derive(Clone, Copy)]
struct Place<'a> {
    words: &'a [u32],
    lanes: usize,
    position: usize,
    cell: Cell,
}

/// Packs and stores the first `real` filters of a block.
///
/// # Safety
/// The machine must have the instruction set.
#[inline(always)]
unsafe fn store<I: Isa, const F: usize>(
    sums: &[[I::V; 2]; F],
    real: usize,
    cell: Cell,
    target: &mut [u32],
    lanes: usize,
) {
    let (per, offset) = match cell {
        Cell::Byte { offset } => (4, offset),
        Cell::Half { offset } => (2, offset),
        Cell::Word | Cell::Long | Cell::Wide => (1, 0),
    };
    for (row, sums) in sums.chunks_exact(per).take(real.div_ceil(per)).enumerate() {
        let row = &mut target[row * lanes..row * lanes + 2 * I::N];
        for (v, to) in row.chunks_exact_mut(I::N).enumerate() {
            // SAFETY: the slice has a vector's length.
            unsafe {
                // No closures here: they would not have the caller's instruction set.
                let word = match per {
                    4 => {
                        let (a, b) = (part::<I>(sums[0][v], offset), part::<I>(sums[1][v], offset));
                        let (c, d) = (part::<I>(sums[2][v], offset), part::<I>(sums[3][v], offset));
                        let (low, byte) = (I::splat(0xff), 8);
                        let ab = I::or(I::and(a, low), I::shl(I::and(b, low), byte));
                        // What is above the last byte leaves with the shift.
                        let cd = I::or(I::and(c, low), I::shl(d, byte));
                        I::or(ab, I::shl(cd, 16))
                    }
                    2 => {
                        let (a, b) = (part::<I>(sums[0][v], offset), part::<I>(sums[1][v], offset));
                        I::or(I::and(a, I::splat(0xffff)), I::shl(b, 16))
                    }
                    _ => sums[0][v],
                };
                I::store(to.as_mut_ptr(), word);
            }
        }
    }
}

/// A code as it is stored, with bits above its width.
///
/// # Safety
/// The machine must have the instruction set.
#[inline(always)]
unsafe fn part<I: Isa>(x: I::V, offset: i32) -> I::V {
    if offset == 0 {
        return x;
    }
    // SAFETY: as the caller vouches.
    unsafe { I::add(x, I::splat(offset.wrapping_neg())) }
}

impl Operation {
    /// The operation, if its parameters follow the filters and it is one of registers alone.
    fn new(point: &Point<i32>, filters: usize) -> Option<Self> {
        fn each<T: Clone>(all: &[T], filters: usize) -> Option<Vec<T>> {
            let fits = filters.is_multiple_of(all.len());
            fits.then(|| all.iter().cloned().cycle().take(filters).collect())
        }
        match point {
            Point::Affine(all) => Some(Self::Affine(each(all, filters)?)),
            Point::Clamp(all) => Some(Self::Clamp(each(all, filters)?)),
            Point::Cast(all) => {
                let simple = |form: &Form<i32>| match form {
                    Form::Drop { apart, limit, .. } => !apart && !matches!(limit, Limit::Zero(..)),
                    Form::Raise { limit, .. } => !matches!(limit, Limit::Zero(..)),
                    Form::General { .. } => false,
                };
                let forms: Vec<Form<i32>> = all.iter().map(Conversion::form).collect();
                if !forms.iter().all(simple) {
                    return None;
                }
                Some(Self::Cast(each(&forms, filters)?))
            }
            Point::Select(_) | Point::Lut { .. } | Point::Stairs(_) => None,
        }
    }

    /// # Safety
    /// The machine must have the instruction set.
    #[inline(always)]
    unsafe fn apply<I: Isa>(&self, filter: usize, sums: &mut [I::V; 2]) {
        // SAFETY: as the caller vouches.
        unsafe {
            match self {
                Self::Affine(all) => {
                    let (mul, add) = all[filter];
                    let (mul, add) = (I::splat(mul), I::splat(add));
                    for x in sums {
                        *x = I::add(I::mul(*x, mul), add);
                    }
                }
                Self::Clamp(all) => clamp::<I>(sums, all[filter]),
                Self::Cast(all) => match all[filter] {
                    Form::Drop {
                        drop,
                        add,
                        tie,
                        limit,
                        ..
                    } => {
                        round::<I>(sums, drop, add, tie);
                        keep::<I>(sums, limit);
                    }
                    Form::Raise { up, limit } => {
                        for x in &mut *sums {
                            *x = I::shl(*x, up);
                        }
                        keep::<I>(sums, limit);
                    }
                    Form::General { .. } => unreachable!("no operation of registers alone"),
                },
            }
        }
    }
}

/// # Safety
/// The machine must have the instruction set.
#[inline(always)]
unsafe fn clamp<I: Isa>(sums: &mut [I::V; 2], (lo, hi): (i32, i32)) {
    // SAFETY: as the caller vouches.
    unsafe {
        let (lo, hi) = (I::splat(lo), I::splat(hi));
        for x in sums {
            *x = I::min(I::max(*x, lo), hi);
        }
    }
}

/// # Safety
/// The machine must have the instruction set.
#[inline(always)]
unsafe fn round<I: Isa>(sums: &mut [I::V; 2], drop: u32, add: i32, tie: Tie) {
    // SAFETY: as the caller vouches.
    unsafe {
        let more = matches!(tie, Tie::Even | Tie::NotNegative);
        let add = I::splat(add.wrapping_add(i32::from(more)));
        for v in sums {
            let x = *v;
            let sum = I::add(x, add);
            let sum = match tie {
                Tie::No => sum,
                Tie::Odd => I::add(sum, I::and(I::sra(x, drop), I::splat(1))),
                // Minus the last kept bit.
                Tie::Even => I::add(sum, I::sra(I::shl(x, 31 - drop), 31)),
                Tie::Negative(by) => I::add(sum, I::and(I::sra(x, 31), I::splat(i32::wrap(by)))),
                Tie::NotNegative => I::add(sum, I::sra(x, 31)),
            };
            *v = I::sra(sum, drop);
        }
    }
}

/// # Safety
/// The machine must have the instruction set.
#[inline(always)]
unsafe fn keep<I: Isa>(sums: &mut [I::V; 2], limit: Limit<i32>) {
    // SAFETY: as the caller vouches.
    unsafe {
        match limit {
            Limit::None => {}
            Limit::Clamp(lo, hi) => clamp::<I>(sums, (lo, hi)),
            Limit::Zero(..) => unreachable!("no operation of registers alone"),
            Limit::WrapSigned(unused) => {
                for x in sums {
                    *x = I::sra(I::shl(*x, unused), unused);
                }
            }
            Limit::WrapUnsigned(unused) => {
                let mask = I::splat((u32::MAX >> unused).cast_signed());
                for x in sums {
                    *x = I::and(*x, mask);
                }
            }
        }
    }
}
