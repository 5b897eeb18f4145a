//! Conversions between formats on rows of machine integers.

use super::int::Int;
use crate::ir::Range;
use crate::num::{self, FixedType, Overflow, Quantization};

/// What is added to the last kept bit's half before the floor is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tie {
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
pub(super) enum Limit<C> {
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

/// A conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conversion<C> {
    /// `limit((x + add + tie) >> drop)`.
    Drop {
        /// Bits that go.
        drop: u32,
        /// Constant part of the rounding.
        add: C,
        /// Operand-dependent part of the rounding.
        tie: Tie,
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
pub(super) struct Planned {
    conversion: Conversion<i128>,
    /// Bits that all intermediate results need.
    pub(super) bits: u32,
}

impl Planned {
    /// Chooses the cheapest exact form for operands in `range`.
    pub(super) fn new(range: Range, frac: i32, ty: &FixedType) -> Self {
        let general = Self {
            conversion: Conversion::General { frac, ty: *ty },
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
                conversion: Conversion::Raise { up, limit },
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
        let bits = bits.max(sums.width() + u32::from(!sums.signed()));
        (bits <= 128).then_some(Self {
            conversion: Conversion::Drop {
                drop,
                add,
                tie,
                limit,
            },
            bits,
        })
    }

    /// The conversion in a machine integer of at least `bits`.
    pub(super) fn into_int<C: Int>(self) -> Conversion<C> {
        debug_assert!(self.bits <= C::BITS, "the plan chose a wide enough integer");
        let limit = |limit: Limit<i128>| match limit {
            Limit::None => Limit::None,
            Limit::Clamp(lo, hi) => Limit::Clamp(C::wrap(lo), C::wrap(hi)),
            Limit::Zero(lo, hi) => Limit::Zero(C::wrap(lo), C::wrap(hi)),
            Limit::WrapSigned(width) => Limit::WrapSigned(C::BITS - width),
            Limit::WrapUnsigned(width) => Limit::WrapUnsigned(C::BITS - width),
        };
        match self.conversion {
            Conversion::Drop {
                drop,
                add,
                tie,
                limit: l,
            } => Conversion::Drop {
                drop,
                add: C::wrap(add),
                tie,
                limit: limit(l),
            },
            Conversion::Raise { up, limit: l } => Conversion::Raise {
                up,
                limit: limit(l),
            },
            Conversion::General { frac, ty } => Conversion::General { frac, ty },
        }
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
    /// Converts a row in place.
    #[inline(always)]
    pub(super) fn apply(&self, row: &mut [C]) {
        match *self {
            Self::Drop {
                drop,
                add,
                tie,
                limit,
            } => {
                round(row, drop, add, tie);
                limit.apply(row);
            }
            Self::Raise { up, limit } => {
                if up > 0 {
                    for x in row.iter_mut() {
                        *x = *x << up;
                    }
                }
                limit.apply(row);
            }
            Self::General { frac, ref ty } => {
                for x in row {
                    *x = C::wrap(num::convert(x.wide(), frac, ty));
                }
            }
        }
    }
}

#[inline(always)]
fn round<C: Int>(row: &mut [C], drop: u32, add: C, tie: Tie) {
    let sign = C::BITS - 1;
    let one = C::of_bool(true);
    match tie {
        Tie::No => {
            for x in row {
                *x = x.plus(add) >> drop;
            }
        }
        Tie::Odd => {
            for x in row {
                *x = x.plus(add).plus(*x >> drop & one) >> drop;
            }
        }
        Tie::Even => {
            for x in row {
                *x = x.plus(add).plus(one).minus(*x >> drop & one) >> drop;
            }
        }
        Tie::Negative(by) => {
            let by = C::wrap(by);
            for x in row {
                *x = x.plus(add).plus(*x >> sign & by) >> drop;
            }
        }
        Tie::NotNegative => {
            for x in row {
                *x = x.plus(add).plus(one).plus(*x >> sign) >> drop;
            }
        }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check<C: Int>(range: Range, frac: i32, ty: &FixedType, codes: &[i128]) {
        let planned = Planned::new(range, frac, ty);
        if planned.bits > C::BITS {
            return;
        }
        let conversion = planned.into_int::<C>();
        let mut row: Vec<C> = codes.iter().map(|&c| C::wrap(c)).collect();
        conversion.apply(&mut row);
        for (&code, got) in codes.iter().zip(&row) {
            assert_eq!(
                got.wide(),
                num::convert(code, frac, ty),
                "{code} {frac} {ty:?} {conversion:?}"
            );
        }
    }

    pub(in crate::sim::plan) fn any_type(widest: u32) -> impl Strategy<Value = FixedType> {
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
            check::<i32>(range, frac, &ty, &codes);
            check::<i64>(range, frac, &ty, &codes);
            check::<i128>(range, frac, &ty, &codes);
        }
    }
}
