//! Batches of codes: what goes into a plan and what comes out.

use super::layout::View;
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
            let (lo, hi) = (*codes.iter().min()?, *codes.iter().max()?);
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

impl Ints {
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
    let mut row = [C::default(); super::MAX_LANES];
    for element in 0..elements {
        view.load(element, &mut row[..view.lanes]);
        for (sample, &x) in codes.chunks_exact_mut(elements).zip(&row) {
            sample[element] = narrow(x);
        }
    }
}
