//! How the codes of a tile lie in memory.
//!
//! A tile is a group of samples that go through the plan together: its *lanes*. Each element of a
//! tensor is a row of lanes, so every operation is a loop over lanes with constants from the
//! element, and dot products need no horizontal sums. Narrow codes of neighbouring channels share
//! 32-bit words, which is the operand form of the dot-product instructions: word row `g` of a
//! position holds channels `4 g .. 4 g + 4` as bytes, or `2 g .. 2 g + 2` as halves. Words are in
//! little-endian order: the lowest channel has the lowest bits.

use crate::ir::Range;
use crate::num::Int;

/// Storage of one code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    /// An unsigned byte holding `code - offset`.
    Byte {
        /// Smallest code that it can hold.
        offset: i32,
    },
    /// A signed 16-bit half holding `code - offset`.
    Half {
        /// The code stored as zero.
        offset: i32,
    },
    /// 32 bits.
    Word,
    /// 64 bits.
    Long,
    /// 128 bits.
    Wide,
}

impl Cell {
    /// Narrowest storage for a range; `at_least_half` keeps codes out of bytes.
    pub(super) fn of(range: Range, at_least_half: bool) -> Self {
        // Zero is always representable: it is what padding reads.
        let range = range.hull(Range::point(0));
        let (lo, hi) = (range.lo, range.hi);
        let fits = |bits: u32| -(1_i128 << (bits - 1)) <= lo && hi < 1_i128 << (bits - 1);
        if !at_least_half && range.codes() <= 256 {
            Self::Byte {
                offset: i32::wrap(lo),
            }
        } else if fits(16) {
            Self::Half { offset: 0 }
        } else if range.codes() <= 1 << 16 {
            Self::Half {
                offset: i32::wrap(lo + (1 << 15)),
            }
        } else if fits(32) {
            Self::Word
        } else if fits(64) {
            Self::Long
        } else {
            Self::Wide
        }
    }

    /// Bytes of a row for each lane.
    pub(super) fn bytes_per_lane(self) -> usize {
        match self {
            Self::Byte { .. } | Self::Half { .. } | Self::Word => 4,
            Self::Long => 8,
            Self::Wide => 16,
        }
    }

    /// Channels that share a word row.
    pub(super) fn per_row(self) -> usize {
        match self {
            Self::Byte { .. } => 4,
            Self::Half { .. } => 2,
            Self::Word | Self::Long | Self::Wide => 1,
        }
    }
}

/// Arrangement of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// Storage of each code.
    pub(super) cell: Cell,
    /// Extent of the last axis.
    pub(super) channels: usize,
    /// All other extents together.
    pub(super) positions: usize,
}

impl Layout {
    /// Arrangement of a tensor of this shape.
    pub(super) fn new(cell: Cell, shape: &[usize]) -> Self {
        let (channels, outer) = shape.split_last().map_or((1, &[][..]), |(c, o)| (*c, o));
        Self {
            cell,
            channels,
            positions: outer.iter().product(),
        }
    }

    /// Word rows of one position.
    pub(super) fn rows_per_position(self) -> usize {
        self.channels.div_ceil(self.cell.per_row())
    }

    /// All word rows.
    pub(super) fn rows(self) -> usize {
        self.positions * self.rows_per_position()
    }

    /// Row and place in the row of an element.
    #[inline(always)]
    pub(super) fn place(self, element: usize) -> (usize, usize) {
        let per = self.cell.per_row();
        if per == 1 {
            return (element, 0);
        }
        let (position, channel) = (element / self.channels, element % self.channels);
        (
            position * self.rows_per_position() + channel / per,
            channel % per,
        )
    }

    /// Whether another arrangement of the same number of elements lies identically in memory.
    pub(super) fn same_memory(self, other: Self) -> bool {
        let per = self.cell.per_row();
        self.cell == other.cell
            && (self.channels == other.channels
                || (self.channels.is_multiple_of(per) && other.channels.is_multiple_of(per)))
    }
}

/// Rows of one tensor for one tile.
#[derive(Debug)]
pub(super) enum Buffer {
    /// Bytes, halves and words.
    Words(Vec<u32>),
    /// 64-bit codes.
    Longs(Vec<i64>),
    /// 128-bit codes.
    Wides(Vec<i128>),
}

impl Buffer {
    /// Zeroed rows.
    pub(super) fn new(cell: Cell, rows: usize, lanes: usize) -> Self {
        let n = rows * lanes;
        match cell {
            Cell::Byte { .. } | Cell::Half { .. } | Cell::Word => Self::Words(vec![0; n]),
            Cell::Long => Self::Longs(vec![0; n]),
            Cell::Wide => Self::Wides(vec![0; n]),
        }
    }
}

/// A tensor to read.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    /// Its rows.
    pub(super) buffer: &'a Buffer,
    /// Their arrangement.
    pub(super) layout: Layout,
    /// Lanes of every row.
    pub(super) lanes: usize,
}

impl View<'_> {
    /// Codes of one element, one for each lane.
    #[inline(always)]
    pub(super) fn load<C: Int>(&self, element: usize, out: &mut [C]) {
        let (row, sub) = self.layout.place(element);
        let at = row * self.lanes..(row + 1) * self.lanes;
        match (self.buffer, self.layout.cell) {
            (Buffer::Words(words), Cell::Byte { offset }) => {
                let shift = 8 * u32::try_from(sub).expect("below 4");
                for (y, &x) in out.iter_mut().zip(&words[at]) {
                    let byte = (x >> shift & 0xff).cast_signed();
                    *y = C::of_i32(byte + offset);
                }
            }
            (Buffer::Words(words), Cell::Half { offset }) => {
                let shift = 16 - 16 * u32::try_from(sub).expect("below 2");
                for (y, &x) in out.iter_mut().zip(&words[at]) {
                    let half = (x << shift).cast_signed() >> 16;
                    *y = C::of_i32(half + offset);
                }
            }
            (Buffer::Words(words), _) => {
                for (y, &x) in out.iter_mut().zip(&words[at]) {
                    *y = C::of_i32(x.cast_signed());
                }
            }
            (Buffer::Longs(longs), _) => {
                for (y, &x) in out.iter_mut().zip(&longs[at]) {
                    *y = C::of_i64(x);
                }
            }
            (Buffer::Wides(wides), _) => {
                for (y, &x) in out.iter_mut().zip(&wides[at]) {
                    *y = C::wrap(x);
                }
            }
        }
    }
}

/// Stores rows of codes: channels `first..` of one position, `first` at the start of a word row.
#[inline(always)]
pub(super) fn store<C: Int>(
    buffer: &mut Buffer,
    layout: Layout,
    lanes: usize,
    position: usize,
    first: usize,
    rows: &[C],
) {
    let per = layout.cell.per_row();
    debug_assert!(first.is_multiple_of(per), "rows start at a word");
    let row = position * layout.rows_per_position() + first / per;
    let words = (rows.len() / lanes).div_ceil(per);
    let at = row * lanes..(row + words) * lanes;
    match (buffer, layout.cell) {
        (Buffer::Words(words), Cell::Byte { offset }) => {
            let targets = words[at].chunks_exact_mut(lanes);
            for (target, rows) in targets.zip(rows.chunks(4 * lanes)) {
                store_bytes(target, rows, lanes, offset.cast_unsigned());
            }
        }
        (Buffer::Words(words), Cell::Half { offset }) => {
            let offset = offset.cast_unsigned();
            let half = |x: C| x.low().wrapping_sub(offset) & 0xffff;
            let targets = words[at].chunks_exact_mut(lanes);
            for (target, rows) in targets.zip(rows.chunks(2 * lanes)) {
                let (a, b) = rows.split_at(lanes);
                if b.is_empty() {
                    for (y, &a) in target.iter_mut().zip(a) {
                        *y = half(a);
                    }
                } else {
                    for ((y, &a), &b) in target.iter_mut().zip(a).zip(b) {
                        *y = half(a) | half(b) << 16;
                    }
                }
            }
        }
        (Buffer::Words(words), _) => {
            for (y, x) in words[at].iter_mut().zip(rows) {
                *y = x.low();
            }
        }
        (Buffer::Longs(longs), _) => {
            for (y, x) in longs[at].iter_mut().zip(rows) {
                *y = x.low64();
            }
        }
        (Buffer::Wides(wides), _) => {
            for (y, x) in wides[at].iter_mut().zip(rows) {
                *y = x.wide();
            }
        }
    }
}

/// One word row of up to four channels.
#[inline(always)]
fn store_bytes<C: Int>(target: &mut [u32], rows: &[C], lanes: usize, offset: u32) {
    let byte = |x: C| x.low().wrapping_sub(offset) & 0xff;
    if rows.len() == 4 * lanes {
        let (ab, cd) = rows.split_at(2 * lanes);
        let ((a, b), (c, d)) = (ab.split_at(lanes), cd.split_at(lanes));
        let abcd = a.iter().zip(b).zip(c).zip(d);
        for (y, (((&a, &b), &c), &d)) in target.iter_mut().zip(abcd) {
            *y = byte(a) | byte(b) << 8 | byte(c) << 16 | byte(d) << 24;
        }
        return;
    }
    for (k, row) in rows.chunks_exact(lanes).enumerate() {
        let shift = 8 * u32::try_from(k).expect("below 4");
        for (y, &x) in target.iter_mut().zip(row) {
            let rest = if k == 0 { 0 } else { *y };
            *y = rest | byte(x) << shift;
        }
    }
}
