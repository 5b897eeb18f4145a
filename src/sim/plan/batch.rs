//! Batches of codes: what goes into a plan and what comes out.

use super::layout::{Cell, Layout, View};
use super::step::Samples;
use crate::ir::Range;
use crate::num::Int;

/// Codes of one input for a batch: samples one after the other, each flat and row-major.
#[derive(Debug, Clone, Copy)]
pub enum Feed<'a> {
    /// 8 bits each.
    I8(&'a [i8]),
    /// 16 bits each.
    I16(&'a [i16]),
    /// 32 bits each.
    I32(&'a [i32]),
    /// 64 bits each.
    I64(&'a [i64]),
    /// 128 bits each.
    I128(&'a [i128]),
}

/// Codes of one edge for a batch, in integers that hold the edge's proven range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ints {
    /// 8 bits each.
    I8(Vec<i8>),
    /// 16 bits each.
    I16(Vec<i16>),
    /// 32 bits each.
    I32(Vec<i32>),
    /// 64 bits each.
    I64(Vec<i64>),
    /// 128 bits each.
    I128(Vec<i128>),
}

macro_rules! every {
    ($self:expr, $codes:ident => $result:expr) => {
        match $self {
            Self::I8($codes) => $result,
            Self::I16($codes) => $result,
            Self::I32($codes) => $result,
            Self::I64($codes) => $result,
            Self::I128($codes) => $result,
        }
    };
}

impl Feed<'_> {
    /// Number of codes.
    #[must_use]
    pub fn len(&self) -> usize {
        every!(self, codes => codes.len())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first code outside of a range.
    pub(super) fn outside(&self, range: Range) -> Option<(usize, i128)> {
        fn find<T: Copy + Ord + Into<i128>>(codes: &[T], range: Range) -> Option<(usize, i128)> {
            // A plain loop over values: it becomes vector instructions.
            let (mut lo, mut hi) = (*codes.first()?, *codes.first()?);
            for &code in codes {
                lo = if code < lo { code } else { lo };
                hi = if code > hi { code } else { hi };
            }
            if range.contains(lo.into()) && range.contains(hi.into()) {
                return None;
            }
            let at = codes.iter().position(|&c| !range.contains(c.into()))?;
            Some((at, codes[at].into()))
        }
        every!(self, codes => find(codes, range))
    }

    /// Rows of consecutive elements from `first` on, of samples with `elements` codes each.
    #[inline(always)]
    pub(super) fn load<C: Int>(
        &self,
        samples: Samples,
        elements: usize,
        first: usize,
        rows: &mut [C],
        lanes: usize,
    ) {
        for (i, row) in rows.chunks_exact_mut(lanes).enumerate() {
            for (lane, x) in row.iter_mut().enumerate() {
                let sample = samples.first + lane.min(samples.count - 1);
                let at = sample * elements + first + i;
                *x = match self {
                    Self::I8(codes) => C::of_i32(codes[at].into()),
                    Self::I16(codes) => C::of_i32(codes[at].into()),
                    Self::I32(codes) => C::of_i32(codes[at]),
                    Self::I64(codes) => C::of_i64(codes[at]),
                    Self::I128(codes) => C::wrap(codes[at]),
                };
            }
        }
    }
}

impl Feed<'_> {
    /// The codes of a tile as word rows, where they are stored as bytes or halves; false where they
    /// are not.
    pub(super) fn pack(
        &self,
        samples: Samples,
        layout: Layout,
        words: &mut [u32],
        lanes: usize,
    ) -> bool {
        let (bits, offset) = match layout.cell {
            Cell::Byte { offset } => (8, offset),
            Cell::Half { offset } => (16, offset),
            Cell::Word | Cell::Long | Cell::Wide => return false,
        };
        let rows = Rows {
            samples,
            layout,
            lanes,
        };
        // Every byte of a word plus the same number, without carries between bytes.
        let plus = u32::from(offset.wrapping_neg() as u8) * 0x0101_0101;
        let low = 0x7f7f_7f7f;
        let shift = |x: u32| ((x & low) + (plus & low)) ^ ((x ^ plus) & !low);
        match (self, bits) {
            (Self::I8(codes), 8) => rows.pack::<4, _>(codes, words, |part| {
                let mut bytes = [0; 4];
                let mut k = 0;
                while k < part.len() {
                    bytes[k] = part[k].cast_unsigned();
                    k += 1;
                }
                shift(u32::from_le_bytes(bytes))
            }),
            (Self::I8(codes), _) => rows.pack::<2, _>(codes, words, |p| joined(p, 16, offset)),
            (Self::I16(codes), 8) => rows.pack::<4, _>(codes, words, |p| joined(p, 8, offset)),
            (Self::I16(codes), _) => rows.pack::<2, _>(codes, words, |p| joined(p, 16, offset)),
            (Self::I32(codes), 8) => rows.pack::<4, _>(codes, words, |p| joined(p, 8, offset)),
            (Self::I32(codes), _) => rows.pack::<2, _>(codes, words, |p| joined(p, 16, offset)),
            (Self::I64(codes), 8) => rows.pack::<4, _>(codes, words, |p| joined(p, 8, offset)),
            (Self::I64(codes), _) => rows.pack::<2, _>(codes, words, |p| joined(p, 16, offset)),
            (Self::I128(codes), 8) => rows.pack::<4, _>(codes, words, |p| joined(p, 8, offset)),
            (Self::I128(codes), _) => rows.pack::<2, _>(codes, words, |p| joined(p, 16, offset)),
        }
        true
    }
}

/// Neighbouring codes in one word, the first one lowest.
#[inline(always)]
fn joined<T: Int>(part: &[T], bits: u32, offset: i32) -> u32 {
    let mask = (1 << bits) - 1;
    let (mut word, mut k) = (0, 0);
    while k < part.len() {
        let code = part[k].low().wrapping_sub(offset.cast_unsigned());
        word |= (code & mask) << (bits as usize * k);
        k += 1;
    }
    word
}

/// Word rows of a tile's input.
struct Rows {
    samples: Samples,
    layout: Layout,
    lanes: usize,
}

impl Rows {
    /// Word rows that are filled together: their part of every sample stays in the first cache.
    const TOGETHER: usize = 32;

    /// Channels that no sample has hold whatever `word` makes of missing codes: their weights are
    /// zero, and their bytes are never read.
    ///
    /// Plain loops: this moves every input code, and iterators were several times slower.
    #[inline(always)]
    fn pack<const PER: usize, T>(
        &self,
        codes: &[T],
        words: &mut [u32],
        word: impl Fn(&[T]) -> u32,
    ) {
        let Layout {
            channels,
            positions,
            ..
        } = self.layout;
        let rows = self.layout.rows_per_position();
        let (elements, lanes) = (positions * channels, self.lanes);
        if elements == 0 {
            return;
        }
        let together = (Self::TOGETHER / rows).max(1);
        let mut start = 0;
        while start < positions {
            let end = (start + together).min(positions);
            let target = &mut words[start * rows * lanes..end * rows * lanes];
            for lane in 0..lanes {
                let sample = self.samples.first + lane.min(self.samples.count - 1);
                let codes = &codes[sample * elements..(sample + 1) * elements];
                let codes = &codes[start * channels..end * channels];
                let (mut at, mut to) = (0, lane);
                while at < codes.len() {
                    let pixel = &codes[at..at + channels];
                    let mut channel = 0;
                    while channel + PER <= channels {
                        target[to] = word(&pixel[channel..channel + PER]);
                        channel += PER;
                        to += lanes;
                    }
                    if channel < channels {
                        target[to] = word(&pixel[channel..]);
                        to += lanes;
                    }
                    at += channels;
                }
            }
            start = end;
        }
    }
}

impl Ints {
    /// Whether these are so many integers, of the width that a range asks for.
    pub(super) fn fits(&self, range: Range, length: usize) -> bool {
        let wanted = Self::zeros(range, 0);
        std::mem::discriminant(self) == std::mem::discriminant(&wanted) && self.len() == length
    }

    /// Zeros in the narrowest integers that hold a range.
    pub(super) fn zeros(range: Range, length: usize) -> Self {
        let signed = range.hull(Range::point(-1)).width();
        match signed {
            0..=8 => Self::I8(vec![0; length]),
            9..=16 => Self::I16(vec![0; length]),
            17..=32 => Self::I32(vec![0; length]),
            33..=64 => Self::I64(vec![0; length]),
            _ => Self::I128(vec![0; length]),
        }
    }

    /// Codes in the narrowest integers that hold their range.
    #[must_use]
    pub fn narrowest(range: Range, codes: &[i128]) -> Self {
        let mut all = Self::zeros(range, codes.len());
        match &mut all {
            Self::I8(to) => fill(to, codes, |c| i32::wrap(c) as i8),
            Self::I16(to) => fill(to, codes, |c| i32::wrap(c) as i16),
            Self::I32(to) => fill(to, codes, i32::wrap),
            Self::I64(to) => fill(to, codes, i64::wrap),
            Self::I128(to) => to.copy_from_slice(codes),
        }
        all
    }

    /// The codes as an input.
    #[must_use]
    pub fn feed(&self) -> Feed<'_> {
        match self {
            Self::I8(codes) => Feed::I8(codes),
            Self::I16(codes) => Feed::I16(codes),
            Self::I32(codes) => Feed::I32(codes),
            Self::I64(codes) => Feed::I64(codes),
            Self::I128(codes) => Feed::I128(codes),
        }
    }

    /// Number of codes.
    #[must_use]
    pub fn len(&self) -> usize {
        every!(self, codes => codes.len())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One code.
    ///
    /// # Panics
    /// When there is no such index.
    #[must_use]
    pub fn get(&self, index: usize) -> i128 {
        every!(self, codes => wide(codes[index]))
    }

    /// All codes, widest.
    #[must_use]
    pub fn to_i128(&self) -> Vec<i128> {
        every!(self, codes => codes.iter().map(|&c| wide(c)).collect())
    }

    pub(super) fn as_mut(&mut self) -> Target<'_> {
        match self {
            Self::I8(codes) => Target::I8(codes),
            Self::I16(codes) => Target::I16(codes),
            Self::I32(codes) => Target::I32(codes),
            Self::I64(codes) => Target::I64(codes),
            Self::I128(codes) => Target::I128(codes),
        }
    }
}

fn fill<T>(to: &mut [T], codes: &[i128], narrow: impl Fn(i128) -> T) {
    for (y, &x) in to.iter_mut().zip(codes) {
        *y = narrow(x);
    }
}

fn wide<T: Into<i128>>(code: T) -> i128 {
    code.into()
}

/// The part of an edge's codes that one task fills.
pub(super) enum Target<'a> {
    I8(&'a mut [i8]),
    I16(&'a mut [i16]),
    I32(&'a mut [i32]),
    I64(&'a mut [i64]),
    I128(&'a mut [i128]),
}

impl<'a> Target<'a> {
    /// The first `n` codes and the others.
    pub(super) fn split(self, n: usize) -> (Self, Self) {
        macro_rules! each {
            ($($variant:ident)*) => {
                match self {
                    $(Self::$variant(codes) => {
                        let (a, b) = codes.split_at_mut(n);
                        (Self::$variant(a), Self::$variant(b))
                    })*
                }
            };
        }
        each!(I8 I16 I32 I64 I128)
    }

    /// Writes the first `count` lanes of every element, samples from `first` on.
    #[inline(always)]
    pub(super) fn write(&mut self, view: View<'_>, samples: Samples) {
        match self {
            Self::I8(codes) => write::<i32, _>(codes, view, samples, |x| x.low() as i8),
            Self::I16(codes) => write::<i32, _>(codes, view, samples, |x| x.low() as i16),
            Self::I32(codes) => write::<i32, _>(codes, view, samples, |x| x),
            Self::I64(codes) => write::<i64, _>(codes, view, samples, |x| x),
            Self::I128(codes) => write::<i128, _>(codes, view, samples, |x| x),
        }
    }
}

#[inline(always)]
fn write<C: Int, T>(codes: &mut [T], view: View<'_>, samples: Samples, narrow: impl Fn(C) -> T) {
    let elements = view.layout.positions * view.layout.channels;
    let codes = &mut codes[samples.first * elements..(samples.first + samples.count) * elements];
    let mut rows = [[C::default(); super::MAX_LANES]; WRITTEN];
    for element in (0..elements).step_by(WRITTEN) {
        let count = WRITTEN.min(elements - element);
        for (k, row) in rows[..count].iter_mut().enumerate() {
            view.load(element + k, &mut row[..view.lanes]);
        }
        let (mut at, mut lane) = (element, 0);
        while at < codes.len() {
            let to = &mut codes[at..at + count];
            let mut k = 0;
            while k < count {
                to[k] = narrow(rows[k][lane]);
                k += 1;
            }
            at += elements;
            lane += 1;
        }
    }
}

/// Elements that are written together.
const WRITTEN: usize = 8;
