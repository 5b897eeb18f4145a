//! Random calculations: types, operations, codes at and beside every corner.

use num_bigint::BigInt;
use num_traits::{One, Zero};
use qk_hls::num::{Family, FixedType, Overflow, Quantization};
use serde_json::{Value, json};

/// A small generator; the seed is all there is to know.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `lo..=hi`.
    pub(crate) fn within(&mut self, lo: i64, hi: i64) -> i64 {
        let span = hi.abs_diff(lo) + 1;
        lo + (self.next() % span).cast_signed()
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.within(0, of.len() as i64 - 1)).unwrap()]
    }

    /// A number of exactly this many random bits.
    pub(crate) fn bits(&mut self, bits: u32) -> BigInt {
        let mut x = BigInt::zero();
        for _ in 0..bits.div_ceil(64) {
            x = (x << 64) + BigInt::from(self.next());
        }
        x & ((BigInt::one() << bits) - BigInt::one())
    }
}

/// One operation on many codes.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) family: Family,
    pub(crate) op: &'static str,
    pub(crate) a: Option<FixedType>,
    pub(crate) b: Option<FixedType>,
    pub(crate) r: Option<FixedType>,
    pub(crate) x: Vec<BigInt>,
    pub(crate) z: Vec<BigInt>,
    /// Of `from_double`.
    pub(crate) doubles: Vec<f64>,
}

const OPERATIONS: &[&str] = &[
    "add",
    "sub",
    "mul",
    "div",
    "neg",
    "shl",
    "shr",
    "cmp",
    "from_double",
    "to_double",
    "to_int",
];

fn modes(rng: &mut Random, family: Family, ty: FixedType) -> FixedType {
    use Overflow::*;
    use Quantization::*;
    let quantization = match family {
        Family::Ap => rng.pick(&[Trn, TrnZero, Rnd, RndZero, RndInf, RndMinInf, RndConv]),
        Family::Ac => rng.pick(&[
            Trn, TrnZero, Rnd, RndZero, RndInf, RndMinInf, RndConv, RndConvOdd,
        ]),
    };
    let overflow = match (family, ty.signed) {
        (Family::Ap, true) => rng.pick(&[Wrap, Sat, SatZero, SatSym, WrapSm, Wrap]),
        (Family::Ap, false) => rng.pick(&[Wrap, Sat, SatZero, SatSym, Wrap]),
        (Family::Ac, _) => rng.pick(&[Wrap, Sat, SatZero, SatSym]),
    };
    let bits = match (family, overflow) {
        (Family::Ap, Wrap | WrapSm) => rng.within(0, 3).min(ty.width.into()),
        _ => 0,
    };
    ty.with(quantization, overflow)
        .with_sat_bits(u32::try_from(bits).unwrap())
}

fn shape(rng: &mut Random) -> FixedType {
    let width = match rng.within(0, 5) {
        0 => rng.within(1, 4),
        1 | 2 => rng.within(2, 20),
        3 => rng.pick(&[31, 32, 33, 63, 64, 65, 96]),
        _ => rng.within(1, 100),
    };
    let int_bits = match rng.within(0, 4) {
        0 => rng.within(-20, 0),
        1 => width + rng.within(1, 20),
        _ => rng.within(0, width),
    };
    FixedType::new(
        u32::try_from(width).unwrap(),
        i32::try_from(int_bits).unwrap(),
        rng.within(0, 2) > 0,
    )
}

/// Smallest and largest code.
pub(crate) fn ends(ty: &FixedType) -> (BigInt, BigInt) {
    let all = BigInt::one() << ty.width;
    if ty.signed {
        (-(&all >> 1_u8), (all >> 1_u8) - BigInt::one())
    } else {
        (BigInt::zero(), all - 1)
    }
}

/// A code of a type: corners, codes beside ties of a conversion that drops `drop` bits, any size.
fn code(rng: &mut Random, ty: &FixedType, drop: i64) -> BigInt {
    let (lo, hi) = ends(ty);
    let near = BigInt::from(rng.within(-2, 2));
    let x = match rng.within(0, 6) {
        0 => lo.clone() + near,
        1 => hi.clone() + near,
        2 => near,
        3 if drop > 0 => {
            let half = BigInt::one() << u64::try_from(drop - 1).unwrap();
            (rng.bits(ty.width) << u64::try_from(drop).unwrap()) + half + near
        }
        4 => {
            let bits = u32::try_from(rng.within(1, ty.width.into())).unwrap();
            let x = rng.bits(bits);
            if rng.within(0, 1) == 0 { x } else { -x }
        }
        _ => rng.bits(ty.width) + &lo,
    };
    // Into the range by wrapping.
    let all = BigInt::one() << ty.width;
    let pattern = ((x - &lo) % &all + &all) % &all;
    pattern + lo
}

fn double(rng: &mut Random, to: &FixedType) -> f64 {
    let unit = -to.frac();
    let exponent = match rng.within(0, 4) {
        0 => rng.within(-1080, 1023),
        _ => i64::from(unit) + rng.within(-60, i64::from(to.width) + 4),
    };
    let sign = rng.pick(&[-1.0, 1.0]);
    let magnitude = match rng.within(0, 9) {
        0 => return rng.pick(&[0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300]),
        1 => return sign * f64::from_bits(rng.next() >> 12),
        2 | 3 => (rng.within(0, 40) as f64 + 0.5) * 2.0_f64.powi(unit),
        4 => rng.within(0, 400) as f64 * 2.0_f64.powi(unit - 2),
        _ => {
            let mantissa = (rng.next() >> 11) as f64 / 2.0_f64.powi(52);
            mantissa * 2.0_f64.powi(i32::try_from(exponent).unwrap())
        }
    };
    sign * magnitude
}

impl Case {
    /// `conversions` casts and `operations` other cases, with `values` calculations each.
    pub(crate) fn random(
        rng: &mut Random,
        family: Family,
        conversions: usize,
        operations: usize,
        values: usize,
    ) -> Vec<Self> {
        let mut cases = Vec::new();
        for _ in 0..conversions {
            let a = shape(rng);
            let plain = shape(rng);
            let r = modes(rng, family, plain);
            cases.push(Self::new(rng, family, "cast", a, Some(r), values));
        }
        for k in 0..operations {
            let op = OPERATIONS[k % OPERATIONS.len()];
            let a = loop {
                let a = shape(rng);
                // AP's to_int() reads an uninitialised variable below 0 integer bits, AC's does not
                // compile above 64.
                let has_int = match family {
                    Family::Ap => a.int_bits >= 0,
                    Family::Ac => a.int_bits <= 64,
                };
                if op != "to_int" || has_int {
                    break a;
                }
            };
            let second = shape(rng);
            let second = match op {
                "from_double" => Some(modes(rng, family, second)),
                "add" | "sub" | "mul" | "div" | "cmp" => Some(second),
                _ => None,
            };
            cases.push(Self::new(rng, family, op, a, second, values));
        }
        cases
    }

    fn new(
        rng: &mut Random,
        family: Family,
        op: &'static str,
        a: FixedType,
        second: Option<FixedType>,
        values: usize,
    ) -> Self {
        let drop = second.map_or(0, |r| i64::from(a.frac()) - i64::from(r.frac()));
        let drop = if op == "cast" { drop } else { 0 };
        let mut case = Self {
            family,
            op,
            a: Some(a),
            b: None,
            r: None,
            x: vec![],
            z: vec![],
            doubles: vec![],
        };
        match op {
            "cast" => case.r = second,
            "from_double" => {
                case.a = None;
                case.r = second;
            }
            _ => case.b = second,
        }
        for _ in 0..values {
            if let ("from_double", Some(to)) = (op, second) {
                case.doubles.push(double(rng, &to));
                continue;
            }
            case.x.push(code(rng, &a, drop));
            match op {
                "shl" | "shr" => {
                    let far = i64::from(a.width) + 10;
                    case.z.push(rng.within(-far, far).into());
                }
                "div" => {
                    let z = code(rng, &second.unwrap(), 0);
                    // Both headers trap on zero.
                    case.z.push(if z.is_zero() {
                        ends(&second.unwrap()).1
                    } else {
                        z
                    });
                    if case.z.last().unwrap().is_zero() {
                        *case.z.last_mut().unwrap() = ends(&second.unwrap()).0;
                    }
                }
                _ => {
                    if let Some(b) = second.filter(|_| op != "cast") {
                        case.z.push(code(rng, &b, 0));
                    }
                }
            }
        }
        case
    }

    /// The line that asks `qk-hls fixed`.
    pub(crate) fn request(&self) -> Value {
        let prefix = self.family.prefix();
        let ty = |ty: &FixedType| {
            let mut value = json!({"w": ty.width, "i": ty.int_bits, "s": u8::from(ty.signed)});
            if *ty != ty.plain() {
                value["q"] = format!("{prefix}_{}", ty.quantization.name()).into();
                value["o"] = format!("{prefix}_{}", ty.overflow.name()).into();
                value["n"] = ty.sat_bits.into();
            }
            value
        };
        let mut line = json!({"family": prefix.to_lowercase(), "op": self.op});
        for (key, t) in [("a", &self.a), ("b", &self.b), ("r", &self.r)] {
            if let Some(t) = t {
                line[key] = ty(t);
            }
        }
        let texts = |codes: &[BigInt]| codes.iter().map(ToString::to_string).collect::<Vec<_>>();
        line["x"] = match self.op {
            "from_double" => self
                .doubles
                .iter()
                .map(|x| format!("{x:?}"))
                .collect::<Vec<_>>(),
            _ => texts(&self.x),
        }
        .into();
        if !self.z.is_empty() {
            line["z"] = texts(&self.z).into();
        }
        line
    }
}
