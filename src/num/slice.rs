//! Conversions of whole arrays: the mode is chosen once, outside the loop.
//!
//! A [`Plan`] says what a conversion needs for codes in a known range, and in how many bits; a
//! [`Conversion`] is the plan in one machine integer, a handful of operations that compilers turn
//! into vectors. [`convert_slice`] does both for arrays of any storage. Every form equals
//! [`convert`](super::convert()), code by code.

use super::{FixedType, Int, Overflow, Quantization, Range, convert};

/// What is added to the last kept bit's half before the floor is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tie {
    /// Nothing.
    No,
    /// 1 when the floor is odd.
    Odd,
    /// 1 when the floor is even.
    Even,
    /// This much when the operand is negative.
    Negative(i128),
    /// 1 when it is not.
    NotNegative,
}

/// What keeps a rounded code inside the type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit<C> {
    /// The proven range of the operand does.
    None,
    /// The nearest of these ends.
    Clamp(C, C),
    /// Zero outside of these ends.
    Zero(C, C),
    /// The low bits, sign-extended; this many high bits go.
    WrapSigned(u32),
    /// The low bits; this many high bits go.
    WrapUnsigned(u32),
}

/// A conversion in one machine integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversion<C>(Form<C>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form<C> {
    /// `limit((x + add + tie) >> drop)`.
    Drop {
        /// Bits that go.
        drop: u32,
        /// Constant part of the rounding.
        add: C,
        /// Operand-dependent part of the rounding.
        tie: Tie,
        /// Whether `x + add + tie` would leave the integer: then the dropped bits are rounded by
        /// themselves, and the carry is added to the kept ones.
        apart: bool,
        /// Overflow.
        limit: Limit<C>,
    },
    /// `limit(x << up)`.
    Raise {
        /// Bits that come.
        up: u32,
        /// Overflow.
        limit: Limit<C>,
    },
    /// Whatever `num` says: the rare modes and distances.
    General {
        /// Binary point of the operand.
        frac: i32,
        /// Target.
        ty: FixedType,
    },
}

/// A conversion before its machine integer is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    form: Form<i128>,
    /// Bits of the sums before the shift.
    sums: u32,
    bits: u32,
}

impl Plan {
    /// The cheapest exact form for codes in `range` with `frac` fraction bits.
    #[must_use]
    pub fn new(range: Range, frac: i32, ty: &FixedType) -> Self {
        let general = Self {
            form: Form::General { frac, ty: *ty },
            sums: 0,
            bits: range.width().max(ty.width) + 1,
        };
        let shift = i64::from(frac) - ty.frac_wide();
        Self::simple(range, shift, ty).unwrap_or(general)
    }

    fn simple(range: Range, shift: i64, ty: &FixedType) -> Option<Self> {
        if shift <= 0 {
            let up = u32::try_from(-shift).ok()?;
            let shifted = range.shifted(up)?;
            let (limit, bits) = limit(shifted, ty)?;
            let bits = bits.max(shifted.width() + 1);
            return (up < bits).then_some(Self {
                form: Form::Raise { up, limit },
                sums: 0,
                bits,
            });
        }
        let drop = u32::try_from(shift).ok().filter(|d| *d < 120)?;
        let half = 1_i128 << (drop - 1);
        let (add, tie) = match ty.quantization {
            Quantization::Trn => (0, Tie::No),
            Quantization::TrnZero => (0, Tie::Negative((half << 1) - 1)),
            Quantization::Rnd => (half, Tie::No),
            Quantization::RndMinInf => (half - 1, Tie::No),
            Quantization::RndZero => (half - 1, Tie::Negative(1)),
            Quantization::RndInf => (half - 1, Tie::NotNegative),
            Quantization::RndConv => (half - 1, Tie::Odd),
            Quantization::RndConvOdd => (half - 1, Tie::Even),
        };
        // The largest sum that can come up, for every mode.
        let top = range.hi.checked_add(half << 1)?;
        let sums = range.hull(Range::point(top)).hull(Range::point(half << 1));
        let rounded = Range {
            lo: range.lo >> drop,
            hi: top >> drop,
        };
        // Plain truncation needs no room; the tight bound spares needless limits.
        let rounded = match ty.quantization {
            Quantization::Trn => Range {
                hi: range.hi >> drop,
                ..rounded
            },
            _ => rounded,
        };
        let (limit, bits) = limit(rounded, ty)?;
        let sums = sums.width() + u32::from(!sums.signed());
        // The operand itself, and the dropped bits with their carry and a sign.
        let operand = range.hull(Range::point(-1)).width();
        let bits = bits.max(operand.max(drop + 2).min(sums));
        (bits <= 128).then_some(Self {
            form: Form::Drop {
                drop,
                add,
                tie,
                apart: false,
                limit,
            },
            sums,
            bits,
        })
    }

    /// Bits that a machine integer must have for the conversion.
    #[must_use]
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// The conversion in a machine integer of at least [`Plan::bits`].
    ///
    /// # Panics
    /// When `C` is narrower.
    #[must_use]
    pub fn into_int<C: Int>(self) -> Conversion<C> {
        assert!(self.bits <= C::BITS, "the plan wants a wider integer");
        let limit = |limit: Limit<i128>| match limit {
            Limit::None => Limit::None,
            Limit::Clamp(lo, hi) => Limit::Clamp(C::wrap(lo), C::wrap(hi)),
            Limit::Zero(lo, hi) => Limit::Zero(C::wrap(lo), C::wrap(hi)),
            Limit::WrapSigned(width) => Limit::WrapSigned(C::BITS - width),
            Limit::WrapUnsigned(width) => Limit::WrapUnsigned(C::BITS - width),
        };
        Conversion(match self.form {
            Form::Drop {
                drop,
                add,
                tie,
                limit: l,
                ..
            } => Form::Drop {
                drop,
                add: C::wrap(add),
                tie,
                apart: self.sums > C::BITS,
                limit: limit(l),
            },
            Form::Raise { up, limit: l } => Form::Raise {
                up,
                limit: limit(l),
            },
            Form::General { frac, ty } => Form::General { frac, ty },
        })
    }
}

/// The overflow handling that codes in `range` need, and the bits of its constants. `Wrap` limits
/// hold the type's width here.
fn limit(range: Range, ty: &FixedType) -> Option<(Limit<i128>, u32)> {
    let (mut lo, hi) = (ty.min_raw()?, ty.max_raw()?);
    if ty.overflow == Overflow::SatSym && ty.signed {
        if ty.width == 1 {
            return None; // the symmetric limit of a lone sign bit is that bit
        }
        lo += 1;
    }
    let signed_bits = Range { lo, hi }.hull(Range::point(-1)).width();
    if lo <= range.lo && range.hi <= hi {
        return Some((Limit::None, range.width() + 1));
    }
    let limit = match ty.overflow {
        Overflow::Sat | Overflow::SatSym => Limit::Clamp(lo, hi),
        Overflow::SatZero => Limit::Zero(lo, hi),
        Overflow::Wrap if ty.sat_bits == 0 && ty.signed => Limit::WrapSigned(ty.width),
        Overflow::Wrap if ty.sat_bits == 0 => Limit::WrapUnsigned(ty.width),
        Overflow::Wrap | Overflow::WrapSm => return None,
    };
    Some((limit, signed_bits))
}

impl<C: Int> Conversion<C> {
    /// What is done to each code, for other forms of the same.
    pub(crate) fn form(&self) -> Form<C> {
        self.0
    }

    /// Converts codes in place. They must lie in the range that the plan was made for.
    #[inline(always)]
    pub fn apply(&self, row: &mut [C]) {
        match self.0 {
            Form::Drop {
                drop,
                add,
                tie,
                apart,
                limit,
            } => {
                if apart {
                    round_apart(row, drop, add, tie);
                } else {
                    round(row, drop, add, tie);
                }
                limit.apply(row);
            }
            Form::Raise { up, limit } => {
                if up > 0 {
                    for x in row.iter_mut() {
                        *x = *x << up;
                    }
                }
                limit.apply(row);
            }
            Form::General { frac, ref ty } => {
                for x in row {
                    *x = C::wrap(convert(x.wide(), frac, ty));
                }
            }
        }
    }
}

/// Rounds every code: `(x + add + tie) >> drop`.
#[inline(always)]
fn round<C: Int>(row: &mut [C], drop: u32, add: C, tie: Tie) {
    rounded(row, tie, drop, |x, carry| x.plus(add).plus(carry) >> drop);
}

/// The same where the sum would overflow: `(x >> drop) + ((rest + add + tie) >> drop)`.
#[inline(always)]
fn round_apart<C: Int>(row: &mut [C], drop: u32, add: C, tie: Tie) {
    let mask = C::wrap((1 << drop) - 1);
    rounded(row, tie, drop, |x, carry| {
        (x >> drop).plus((x & mask).plus(add).plus(carry) >> drop)
    });
}

#[inline(always)]
fn rounded<C: Int>(row: &mut [C], tie: Tie, drop: u32, sum: impl Fn(C, C) -> C) {
    let sign = C::BITS - 1;
    let one = C::of_bool(true);
    match tie {
        Tie::No => over(row, |x| sum(x, C::default())),
        Tie::Odd => over(row, |x| sum(x, x >> drop & one)),
        Tie::Even => over(row, |x| sum(x, one.minus(x >> drop & one))),
        Tie::Negative(by) => {
            let by = C::wrap(by);
            over(row, |x| sum(x, x >> sign & by));
        }
        Tie::NotNegative => over(row, |x| sum(x, one.plus(x >> sign))),
    }
}

#[inline(always)]
fn over<C: Int>(row: &mut [C], f: impl Fn(C) -> C) {
    for x in row {
        *x = f(*x);
    }
}

impl<C: Int> Limit<C> {
    #[inline(always)]
    fn apply(self, row: &mut [C]) {
        match self {
            Self::None => {}
            Self::Clamp(lo, hi) => {
                for x in row {
                    *x = (*x).max(lo).min(hi);
                }
            }
            Self::Zero(lo, hi) => {
                for x in row {
                    *x = if lo <= *x && *x <= hi {
                        *x
                    } else {
                        C::default()
                    };
                }
            }
            Self::WrapSigned(unused) => {
                for x in row {
                    *x = *x << unused >> unused;
                }
            }
            Self::WrapUnsigned(unused) => {
                let mask = C::wrap(i128::MAX >> (unused + 128 - C::BITS - 1));
                for x in row {
                    *x = *x & mask;
                }
            }
        }
    }
}

/// Codes that are converted together: a block stays in the first cache.
const BLOCK: usize = 512;

/// Converts an array of codes with `frac` fraction bits into a type, from one storage into another.
///
/// Equal to [`convert`](super::convert()) for every code. `S` and `D` are any of i8, i16, i32, i64, i128.
///
/// ```
/// use qk_hls::num::{FixedType, Overflow, Quantization, convert_slice};
/// let ty = FixedType::new(8, 4, true).with(Quantization::RndConv, Overflow::Sat);
/// let mut codes = [0_i8; 3];
/// convert_slice(&[24_i32, 40, 1 << 20], 8, &ty, &mut codes);
/// assert_eq!(codes, [2, 2, 127]);
/// ```
///
/// # Panics
/// When the arrays differ in length, or when a code of `ty` does not fit `D`.
pub fn convert_slice<S: Int, D: Int>(codes: &[S], frac: i32, ty: &FixedType, into: &mut [D]) {
    assert_eq!(codes.len(), into.len(), "one result for each code");
    let room = D::BITS - u32::from(!ty.signed);
    assert!(ty.width <= room, "{ty} has codes beyond {} bits", D::BITS);
    let half = i128::MAX >> (128 - S::BITS);
    let range = Range {
        lo: -half - 1,
        hi: half,
    };
    let plan = Plan::new(range, frac, ty);
    match plan.bits.max(S::BITS) {
        0..=8 => blocks::<S, i8, D>(codes, &plan.into_int(), into),
        9..=16 => blocks::<S, i16, D>(codes, &plan.into_int(), into),
        17..=32 => blocks::<S, i32, D>(codes, &plan.into_int(), into),
        33..=64 => blocks::<S, i64, D>(codes, &plan.into_int(), into),
        65..=128 => blocks::<S, i128, D>(codes, &plan.into_int(), into),
        // Sums beyond 128 bits: code by code.
        _ => {
            for (x, y) in codes.iter().zip(into) {
                *y = D::wrap(convert(x.wide(), frac, ty));
            }
        }
    }
}

#[inline(never)]
fn blocks<S: Int, C: Int, D: Int>(codes: &[S], conversion: &Conversion<C>, into: &mut [D]) {
    let mut row = [C::default(); BLOCK];
    for (codes, into) in codes.chunks(BLOCK).zip(into.chunks_mut(BLOCK)) {
        let row = &mut row[..codes.len()];
        for (x, code) in row.iter_mut().zip(codes) {
            *x = code.cast();
        }
        conversion.apply(row);
        for (y, x) in into.iter_mut().zip(row) {
            *y = x.cast();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check<C: Int>(range: Range, frac: i32, ty: &FixedType, codes: &[i128]) {
        let planned = Plan::new(range, frac, ty);
        if planned.bits > C::BITS {
            return;
        }
        let conversion = planned.into_int::<C>();
        let mut row: Vec<C> = codes.iter().map(|&c| C::wrap(c)).collect();
        conversion.apply(&mut row);
        for (&code, got) in codes.iter().zip(&row) {
            assert_eq!(
                got.wide(),
                convert(code, frac, ty),
                "{code} {frac} {ty:?} {conversion:?}"
            );
        }
    }

    fn any_type(widest: u32) -> impl Strategy<Value = FixedType> {
        use Overflow::*;
        use Quantization::*;
        let q = prop::sample::select(vec![
            Trn, TrnZero, Rnd, RndZero, RndInf, RndMinInf, RndConv, RndConvOdd,
        ]);
        let o = prop::sample::select(vec![Wrap, Sat, SatZero, SatSym, WrapSm]);
        (1..=widest, -20..30_i32, any::<bool>(), q, o, 0..3_u32).prop_map(
            |(width, int_bits, signed, q, o, n)| {
                let n = if matches!(o, Wrap | WrapSm) {
                    n.min(width)
                } else {
                    0
                };
                FixedType::new(width, int_bits, signed)
                    .with(q, o)
                    .with_sat_bits(n)
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]
        #[test]
        fn as_num_says(
            ty in any_type(64), frac in -30..60_i32, bits in 1..70_u32, signed: bool, seed: u64
        ) {
            let hi = (1_i128 << bits) - 1;
            let range = Range { lo: if signed { -hi - 1 } else { 0 }, hi };
            let mut state = seed | 1;
            let mut codes = vec![range.lo, range.hi, 0, range.lo / 2, range.hi / 2, range.hi / 2 + 1];
            for _ in 0..26 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let wide = i128::from(state) << 6 ^ i128::from(state >> 17);
                codes.push(wide.rem_euclid(hi + 1) + if state >> 40 & 1 == 0 { range.lo } else { 0 });
            }
            check::<i8>(range, frac, &ty, &codes);
            check::<i16>(range, frac, &ty, &codes);
            check::<i32>(range, frac, &ty, &codes);
            check::<i64>(range, frac, &ty, &codes);
            check::<i128>(range, frac, &ty, &codes);
        }
    }
}
