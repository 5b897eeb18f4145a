//! Conversions against rational arithmetic and the `fixed` crate, and their algebra.

use fixed::types::{I4F4, I8F8, I16F16, U4F4};
use num_bigint::BigInt;
use num_integer::Integer as _;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};
use proptest::prelude::*;
use qk_hls::num::{FixedType, Int, Overflow, Quantization, convert, convert_big, convert_slice};

const QUANTIZATIONS: [Quantization; 8] = [
    Quantization::Trn,
    Quantization::TrnZero,
    Quantization::Rnd,
    Quantization::RndZero,
    Quantization::RndInf,
    Quantization::RndMinInf,
    Quantization::RndConv,
    Quantization::RndConvOdd,
];

fn any_type(widest: u32) -> impl Strategy<Value = FixedType> {
    let q = prop::sample::select(QUANTIZATIONS.to_vec());
    let o = prop::sample::select(vec![
        Overflow::Wrap,
        Overflow::Sat,
        Overflow::SatZero,
        Overflow::SatSym,
    ]);
    (1..=widest, -30..60_i32, any::<bool>(), q, o).prop_map(|(width, int_bits, signed, q, o)| {
        FixedType::new(width, int_bits, signed).with(q, o)
    })
}

/// An integer of up to 140 bits, small ones often.
fn any_code() -> impl Strategy<Value = BigInt> {
    (any::<i128>(), 0..140_u32, any::<u16>())
        .prop_map(|(x, drop, low)| ((BigInt::from(x) << 12) + BigInt::from(low)) >> drop)
}

fn real(code: &BigInt, frac: i64) -> BigRational {
    let power = BigInt::one() << frac.unsigned_abs();
    if frac >= 0 {
        BigRational::new(code.clone(), power)
    } else {
        BigRational::from_integer(code * power)
    }
}

/// The definition of each mode: what the nearest integers of a rational number are.
fn rounded(x: &BigRational, mode: Quantization) -> BigInt {
    let floor = x.floor().to_integer();
    let rest = x - BigRational::from_integer(floor.clone());
    if rest.is_zero() {
        return floor;
    }
    let ceil = &floor + BigInt::one();
    let half = BigRational::new(1.into(), 2.into());
    let nearest = match rest.cmp(&half) {
        std::cmp::Ordering::Less => Some(floor.clone()),
        std::cmp::Ordering::Greater => Some(ceil.clone()),
        std::cmp::Ordering::Equal => None,
    };
    let by_parity = |odd: bool| {
        if floor.is_odd() == odd {
            floor.clone()
        } else {
            ceil.clone()
        }
    };
    let toward_zero = if x.is_negative() {
        ceil.clone()
    } else {
        floor.clone()
    };
    let away = if x.is_negative() {
        floor.clone()
    } else {
        ceil.clone()
    };
    match mode {
        Quantization::Trn => floor,
        Quantization::TrnZero => toward_zero,
        Quantization::Rnd => nearest.unwrap_or(ceil),
        Quantization::RndZero => nearest.unwrap_or(toward_zero),
        Quantization::RndInf => nearest.unwrap_or(away),
        Quantization::RndMinInf => nearest.unwrap_or(floor),
        Quantization::RndConv => nearest.unwrap_or_else(|| by_parity(false)),
        Quantization::RndConvOdd => nearest.unwrap_or_else(|| by_parity(true)),
    }
}

fn ends(ty: &FixedType) -> (BigInt, BigInt) {
    let all = BigInt::one() << ty.width;
    let (lo, hi) = if ty.signed {
        (-(&all >> 1_u8), (all >> 1_u8) - BigInt::one())
    } else {
        (BigInt::zero(), all - BigInt::one())
    };
    if ty.overflow == Overflow::SatSym && ty.signed {
        (lo + BigInt::one(), hi)
    } else {
        (lo, hi)
    }
}

fn expected(code: &BigInt, frac: i32, ty: &FixedType) -> BigInt {
    let x = real(code, i64::from(frac)) * real(&BigInt::one(), -i64::from(ty.frac()));
    let k = rounded(&x, ty.quantization);
    let (lo, hi) = ends(ty);
    if lo <= k && k <= hi {
        return k;
    }
    match ty.overflow {
        Overflow::Sat | Overflow::SatSym => {
            // One bit with sign has -1 as its only symmetric limit.
            if k < lo && ty.width == 1 && ty.signed {
                -BigInt::one()
            } else {
                k.clamp(lo.clone().min(hi.clone()), hi)
            }
        }
        Overflow::SatZero => BigInt::zero(),
        Overflow::Wrap => {
            let all = BigInt::one() << ty.width;
            let pattern = k.mod_floor(&all);
            if ty.signed && pattern.bit(u64::from(ty.width) - 1) {
                pattern - all
            } else {
                pattern
            }
        }
        Overflow::WrapSm => unreachable!("AP's own"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn any_width_is_the_rational_definition(code in any_code(), frac in -80..160_i32, ty in any_type(150)) {
        prop_assert_eq!(convert_big(&code, frac, &ty), expected(&code, frac, &ty));
    }

    #[test]
    fn the_fast_path_is_the_rational_definition(code: i128, drop in 0..128_u32, frac in -80..160_i32, ty in any_type(127)) {
        let code = code >> drop;
        let want = expected(&code.into(), frac, &ty).to_i128();
        prop_assert_eq!(Some(convert(code, frac, &ty)), want);
    }

    #[test]
    fn a_wider_type_changes_nothing(code: i64, frac in -40..80_i32, q in 0..8_usize, more in 0..40_u32) {
        let width = 64 + more + frac.max(0).unsigned_abs();
        let wide = FixedType::new(width.min(127), 0, true).with(QUANTIZATIONS[q], Overflow::Sat);
        let wide = FixedType { int_bits: wide.width.cast_signed() - frac, ..wide };
        prop_assert_eq!(convert(code.into(), frac, &wide), i128::from(code));
    }

    #[test]
    fn converting_twice_is_converting_once(code: i64, frac in -40..80_i32, ty in any_type(60)) {
        let once = convert(code.into(), frac, &ty);
        prop_assert_eq!(convert(once, ty.frac(), &ty), once);
    }

    #[test]
    fn saturation_keeps_the_order(a: i64, b: i64, frac in -40..80_i32, ty in any_type(60)) {
        let ty = ty.with(ty.quantization, Overflow::Sat);
        let (a, b) = (a.min(b), a.max(b));
        prop_assert!(convert(a.into(), frac, &ty) <= convert(b.into(), frac, &ty));
    }

    #[test]
    fn saturation_clamps_and_wrapping_is_modular(code: i32, frac in -20..80_i32, ty in any_type(40)) {
        let unbounded = FixedType::new(126, 126 - ty.frac(), true).with(ty.quantization, Overflow::Sat);
        let exact = convert(code.into(), frac, &unbounded);
        let sat = ty.with(ty.quantization, Overflow::Sat);
        let (lo, hi) = (sat.min_raw().unwrap(), sat.max_raw().unwrap());
        prop_assert_eq!(convert(code.into(), frac, &sat), exact.clamp(lo, hi));
        let wrap = ty.with(ty.quantization, Overflow::Wrap);
        let wrapped = convert(code.into(), frac, &wrap);
        prop_assert!(lo <= wrapped && wrapped <= hi);
        prop_assert_eq!((wrapped - exact).rem_euclid(1 << ty.width), 0);
    }

    /// `fixed` rounds its own way (down); its saturating and wrapping conversions are independent.
    #[test]
    fn native_widths_equal_the_fixed_crate(code: i32) {
        let x = I16F16::from_bits(code);
        let ty = |width, int_bits, signed, o| FixedType::new(width, int_bits, signed).with(Quantization::Trn, o);
        let ours = |ty: FixedType| convert(code.into(), 16, &ty);
        prop_assert_eq!(ours(ty(8, 4, true, Overflow::Sat)), i128::from(x.saturating_to_num::<I4F4>().to_bits()));
        prop_assert_eq!(ours(ty(8, 4, true, Overflow::Wrap)), i128::from(x.wrapping_to_num::<I4F4>().to_bits()));
        prop_assert_eq!(ours(ty(8, 4, false, Overflow::Sat)), i128::from(x.saturating_to_num::<U4F4>().to_bits()));
        prop_assert_eq!(ours(ty(8, 4, false, Overflow::Wrap)), i128::from(x.wrapping_to_num::<U4F4>().to_bits()));
        prop_assert_eq!(ours(ty(16, 8, true, Overflow::Sat)), i128::from(x.saturating_to_num::<I8F8>().to_bits()));
        let even = ty(16, 16, true, Overflow::Sat).with(Quantization::RndConv, Overflow::Sat);
        prop_assert_eq!(convert(code.into(), 16, &even), i128::from(x.round_ties_even().to_num::<i32>()).clamp(-32768, 32767));
    }
}

/// Every storage: `convert_slice` against the rational definition.
fn slices<S: Int, D: Int>(codes: &[i128], frac: i32, ty: &FixedType) {
    if ty.width > D::BITS - u32::from(!ty.signed) {
        return;
    }
    let codes: Vec<S> = codes.iter().map(|&c| S::wrap(c)).collect();
    let mut results = vec![D::default(); codes.len()];
    convert_slice(&codes, frac, ty, &mut results);
    for (code, got) in codes.iter().zip(results) {
        let want = expected(&code.wide().into(), frac, ty);
        assert_eq!(
            BigInt::from(got.wide()),
            want,
            "{:?} frac {frac} into {ty}",
            code.wide()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn slices_of_every_storage(codes in prop::collection::vec(any::<i128>(), 1..8), drop in 0..128_u32, frac in -20..60_i32, ty in any_type(128)) {
        let mut codes: Vec<i128> = codes.iter().map(|c| c >> drop).collect();
        codes.extend([0, 1, -1, 127, -128, i128::from(i16::MIN), i128::from(i32::MAX), i128::from(i32::MIN), i128::from(i64::MIN), i128::MAX, i128::MIN]);
        slices::<i8, i8>(&codes, frac, &ty);
        slices::<i16, i8>(&codes, frac, &ty);
        slices::<i32, i8>(&codes, frac, &ty);
        slices::<i32, i16>(&codes, frac, &ty);
        slices::<i64, i32>(&codes, frac, &ty);
        slices::<i16, i64>(&codes, frac, &ty);
        slices::<i128, i64>(&codes, frac, &ty);
        slices::<i64, i128>(&codes, frac, &ty);
        slices::<i128, i128>(&codes, frac, &ty);
    }
}
