//! Elementary functions as [`PointFunction`]s: enclosures as narrow as asked for, with proven errors.
//!
//! `ball` holds the arithmetic. Values at rational arguments are exact where they are rational: at zero,
//! on the linear branches, and where a logarithm comes out even. Everywhere else they are irrational
//! (Hermite and Lindemann for the exponential and what is made of it), and the enclosure holds them
//! strictly inside.

mod ball;

use std::sync::OnceLock;

use num_bigint::BigInt;
use num_traits::{One, Signed, ToPrimitive, Zero};

use self::ball::{Ball, Field};
use super::math::{Direction, Pieces, PointFunction};
use super::quick::{self, Interval};
use super::{Enclosure, Real, pow2};

/// Arguments beyond which the exponential counts as `2^EXPONENT_LIMIT`.
const EXPONENT_LIMIT: i32 = 1024;

/// A function of one real number.
#[derive(Debug, Clone, PartialEq)]
pub enum Elementary {
    /// `e^x`; values above `2^1024`, which float64 takes for infinite, count as `2^1024`.
    Exp,
    /// `1 / (1 + e^-x)`.
    Logistic,
    /// `tanh(x)`.
    Tanh,
    /// `ln(1 + e^x)`.
    Softplus,
    /// `x / (1 + |x|)`.
    Softsign,
    /// `x >= 0 ? x : alpha * (e^x - 1)`.
    Elu {
        /// Minus the limit on the left.
        alpha: Real,
    },
    /// `x / (1 + e^-x)`.
    Silu,
    /// `x` times the distribution function of the normal distribution.
    Gelu,
    /// `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))`.
    GeluTanh,
    /// `x * clip(x + shift, 0, limit) / limit`, rational.
    HardSwish {
        /// Added before the limits.
        shift: Real,
        /// Upper limit and divisor, positive.
        limit: Real,
    },
    /// `sign(x) * ln(1 + u |x|) / ln(1 + u)`, the companding of telephony.
    MuLaw {
        /// The parameter, positive.
        u: Real,
    },
    /// `1 / x` for positive `x`.
    Reciprocal,
}

impl Elementary {
    /// Strict limits of the values at `x`, where the function is not rational there.
    fn limits(&self, x: &Real) -> (Option<Real>, Option<Real>) {
        let (zero, one) = (Real::zero(), Real::one());
        let above = x.is_positive();
        let half = || Real::new(1.into(), 2.into());
        match self {
            Self::Exp | Self::Reciprocal => (Some(zero), None),
            Self::Logistic if above => (Some(half()), Some(one)),
            Self::Logistic => (Some(zero), Some(half())),
            Self::Tanh if above => (Some(zero), Some(one)),
            Self::Tanh => (Some(-one), Some(zero)),
            Self::Softplus => (Some(x.clone().max(zero)), None),
            Self::Elu { alpha } if alpha.is_positive() => (Some(-alpha), Some(zero)),
            Self::Elu { alpha } => (Some(zero), Some(-alpha)),
            Self::Silu | Self::Gelu | Self::GeluTanh if above => (Some(zero), Some(x.clone())),
            Self::Silu | Self::Gelu | Self::GeluTanh => (Some(x.clone()), Some(zero)),
            Self::MuLaw { .. } if above => (Some(zero), None),
            Self::MuLaw { .. } => (None, Some(zero)),
            Self::Softsign | Self::HardSwish { .. } => (None, None),
        }
    }

    /// The value where it is rational.
    fn rational(&self, x: &Real) -> Option<Real> {
        match self {
            Self::Exp if x.is_zero() => Some(Real::one()),
            Self::Exp if *x > Real::from_integer(EXPONENT_LIMIT.into()) => {
                Some(pow2(EXPONENT_LIMIT))
            }
            Self::Logistic if x.is_zero() => Some(Real::new(1.into(), 2.into())),
            Self::Tanh | Self::Silu | Self::Gelu | Self::GeluTanh if x.is_zero() => {
                Some(Real::zero())
            }
            Self::Elu { .. } if !x.is_negative() => Some(x.clone()),
            Self::Elu { alpha } if alpha.is_zero() => Some(Real::zero()),
            Self::Softsign => Some(x / (Real::one() + x.abs())),
            Self::HardSwish { shift, limit } => {
                let inner = (x + shift).max(Real::zero()).min(limit.clone());
                Some(x * inner / limit)
            }
            Self::Reciprocal => Some(x.recip()),
            Self::MuLaw { u } => rational_logarithm(u, &x.abs()).map(|v| v * x.signum()),
            _ => None,
        }
    }

    /// The value at an argument where it is not rational.
    fn enclosed(&self, x: &Real, field: Field) -> Enclosure {
        let size = x.abs();
        let negative = x.is_negative();
        // 1 / (1 + e^-t) for t >= 0.
        let logistic = |t: &Ball| {
            let one = field.one();
            field.div(&one, &one.add(&field.exp_neg(t)))
        };
        let mirrored = |value: Ball| {
            if negative {
                field.one().sub(&value)
            } else {
                value
            }
        };
        let signed = |value: Ball| if negative { value.neg() } else { value };
        // x times something between 0 and 1, exactly.
        let times_x = |factor: &Ball| {
            let f = field.enclosure(factor);
            Enclosure::between(x * f.lo, x * f.hi)
        };
        let whole = |ball: Ball| field.enclosure(&ball);
        match self {
            Self::Exp if negative => whole(field.exp_neg(&field.real(&size))),
            Self::Exp => {
                let (m, k) = field.exp(&field.real(x));
                let e = field.enclosure(&m);
                let power = pow2(k.to_i32().expect("the argument is limited"));
                Enclosure {
                    lo: e.lo * &power,
                    hi: e.hi * power,
                }
            }
            Self::Logistic => whole(mirrored(logistic(&field.real(&size)))),
            Self::Tanh => {
                // (1 - e^-2t) / (1 + e^-2t)
                let one = field.one();
                let e = field.exp_neg(&field.real(&size).scaled(1));
                whole(signed(field.div(&one.sub(&e), &one.add(&e))))
            }
            Self::Softplus => {
                let e = field.exp_neg(&field.real(&size));
                let tail = field.enclosure(&field.ln_1p(&e));
                let base = x.clone().max(Real::zero());
                Enclosure {
                    lo: &base + tail.lo,
                    hi: base + tail.hi,
                }
            }
            Self::Elu { alpha } => {
                let e = field.enclosure(&field.exp_neg(&field.real(&size)).sub(&field.one()));
                Enclosure::between(alpha * e.lo, alpha * e.hi)
            }
            Self::Silu => times_x(&mirrored(logistic(&field.real(&size)))),
            Self::Gelu => {
                let tail = field.normal_tail(&size);
                times_x(&if negative {
                    tail
                } else {
                    field.one().sub(&tail)
                })
            }
            Self::GeluTanh => {
                // (1 + tanh z) / 2 is the logistic function of 2 z.
                let cubic = Real::new(44_715.into(), 1_000_000.into()) * &size * &size * &size;
                let inner = field.real(&(&size + cubic)).scaled(1);
                let inner = field.mul(&inner, &field.sqrt_two_over_pi());
                times_x(&mirrored(logistic(&inner)))
            }
            Self::MuLaw { u } => {
                let one = Real::one();
                let top = field.enclosure(&field.ln(&(&one + u * &size)));
                let bottom = field.enclosure(&field.ln(&(one + u)));
                let value = Enclosure {
                    lo: top.lo / bottom.hi,
                    hi: top.hi / bottom.lo,
                };
                if negative {
                    Enclosure::between(-value.lo, -value.hi)
                } else {
                    value
                }
            }
            Self::Softsign | Self::HardSwish { .. } | Self::Reciprocal => {
                unreachable!("rational everywhere")
            }
        }
    }

    /// Where a function with one minimum turns.
    fn minimum(&self) -> Option<Enclosure> {
        match self {
            // f' = s (1 + x (1 - s)) with s the logistic function: zero at x = -1 - e^x.
            Self::Silu => Some(SILU.get_or_init(|| root((-2, -1), silu_slope)).clone()),
            // Both fall to a minimum near -0.75 and rise from there.
            Self::Gelu => Some(
                GELU.get_or_init(|| root((-1, 0), |x| self.slope(x)))
                    .clone(),
            ),
            Self::GeluTanh => {
                let found = GELU_TANH.get_or_init(|| root((-1, 0), |x| self.slope(x)));
                Some(found.clone())
            }
            Self::HardSwish { shift, limit } if shift.is_positive() => {
                let vertex = -shift / Real::from_integer(2.into());
                Some(Enclosure::exact(vertex.min(limit - shift)))
            }
            Self::Elu { alpha } if alpha.is_negative() => Some(Enclosure::exact(Real::zero())),
            _ => None,
        }
    }

    /// `f(x + d) - f(x - d)` for a small `d`: where it is positive, a function with one minimum has it
    /// left of `x + d`, where it is negative, right of `x - d`.
    fn slope(&self, x: &Real) -> Enclosure {
        let d = pow2(-SLOPE);
        let (right, left) = (self.eval(&(x + &d), 192), self.eval(&(x - d), 192));
        Enclosure {
            lo: right.lo - left.hi,
            hi: right.hi - left.lo,
        }
    }
}

/// Turning points that were found before.
static SILU: OnceLock<Enclosure> = OnceLock::new();
static GELU: OnceLock<Enclosure> = OnceLock::new();
static GELU_TANH: OnceLock<Enclosure> = OnceLock::new();

/// `1 + x + e^x`, which has the sign of the slope of `Silu`.
fn silu_slope(x: &Real) -> Enclosure {
    let e = Elementary::Exp.eval(x, 192);
    Enclosure {
        lo: x + Real::one() + e.lo,
        hi: x + Real::one() + e.hi,
    }
}

/// Distance of the points whose difference tells a slope: `2^-SLOPE`.
const SLOPE: i32 = 64;

/// Where a rising function crosses zero between two integers, within a few units of `2^-SLOPE`.
fn root(between: (i32, i32), f: impl Fn(&Real) -> Enclosure) -> Enclosure {
    let (mut lo, mut hi) = (
        Real::from_integer(between.0.into()),
        Real::from_integer(between.1.into()),
    );
    let narrow = pow2(2 - SLOPE);
    while &hi - &lo > narrow {
        let middle = (&lo + &hi) / Real::from_integer(2.into());
        let y = f(&middle);
        if y.lo.is_positive() {
            hi = middle;
        } else if y.hi.is_negative() {
            lo = middle;
        } else {
            break;
        }
    }
    // The slope's points lie that far to either side.
    let margin = pow2(1 - SLOPE);
    Enclosure {
        lo: lo - &margin,
        hi: hi + margin,
    }
}

/// `ln(1 + u r) / ln(1 + u)` where it is rational.
///
/// If it is `a/b` in lowest terms, then `(1 + u r)^b = (1 + u)^a`, so that `1 + u` is the `b`-th power of
/// a rational number; its numerator or denominator is then at least `2^b`, which limits `b`.
fn rational_logarithm(u: &Real, r: &Real) -> Option<Real> {
    let (base, power) = (Real::one() + u, Real::one() + u * r);
    if r.is_zero() {
        return Some(Real::zero());
    }
    if base == power {
        return Some(Real::one());
    }
    let log = |x: &Real| x.to_f64().map(f64::ln);
    let ratio = log(&power)? / log(&base)?;
    let longest = base.numer().bits().max(base.denom().bits());
    for b in 1..=u32::try_from(longest.min(64)).ok()? {
        let a = (ratio * f64::from(b)).round();
        let near = (ratio * f64::from(b) - a).abs() < 1e-6 && a.abs() < 4096.0;
        if near && power.pow(b.cast_signed()) == base.pow(a as i32) {
            return Some(Real::new(BigInt::from(a as i64), BigInt::from(b)));
        }
    }
    None
}

impl PointFunction for Elementary {
    fn name(&self) -> String {
        match self {
            Self::Exp => "exp",
            Self::Logistic => "sigmoid",
            Self::Tanh => "tanh",
            Self::Softplus => "softplus",
            Self::Softsign => "softsign",
            Self::Elu { .. } => "elu",
            Self::Silu => "silu",
            Self::Gelu => "gelu",
            Self::GeluTanh => "gelu (tanh form)",
            Self::HardSwish { .. } => "hard swish",
            Self::MuLaw { .. } => "mu law",
            Self::Reciprocal => "reciprocal",
        }
        .into()
    }

    fn eval(&self, x: &Real, precision: u32) -> Enclosure {
        if let Some(value) = self.rational(x) {
            return Enclosure::exact(value);
        }
        let mut y = self.enclosed(x, Field::new(precision));
        let (lo, hi) = self.limits(x);
        if let Some(lo) = lo {
            y.lo = y.lo.max(lo);
        }
        if let Some(hi) = hi {
            y.hi = y.hi.min(hi);
        }
        y
    }

    fn quick(&self, x: i128) -> Option<Interval> {
        match self {
            // Rational there.
            _ if x == 0 => None,
            Self::Exp => quick::exp(x),
            Self::Logistic => Some(quick::sigmoid(x)),
            Self::Tanh => Some(quick::tanh(x)),
            Self::Softplus => quick::softplus(x),
            Self::Silu => quick::scaled(x, quick::sigmoid(x)),
            Self::Elu { .. } if x > 0 => Some(Interval {
                lo: x,
                hi: x,
                open: false,
            }),
            Self::Elu { alpha } => quick::elu(x, alpha),
            _ => None,
        }
    }

    fn direction(&self) -> Direction {
        match self {
            Self::Reciprocal => Direction::Falling,
            _ if self.minimum_exists() => Direction::Mixed,
            _ => Direction::Rising,
        }
    }

    fn pieces(&self) -> Option<Pieces> {
        Some(match self.minimum() {
            Some(turn) => Pieces {
                directions: vec![Direction::Falling, Direction::Rising],
                turns: vec![turn],
            },
            None => Pieces::one(self.direction()),
        })
    }

    fn bounds(&self) -> (Option<Real>, Option<Real>) {
        let (zero, one) = (Real::zero(), Real::one());
        match self {
            Self::Logistic => (Some(zero), Some(one)),
            Self::Tanh | Self::Softsign => (Some(-&one), Some(one)),
            Self::Exp | Self::Softplus | Self::Reciprocal => (Some(zero), None),
            Self::Elu { alpha } if !alpha.is_negative() => (Some(-alpha), None),
            Self::Silu | Self::Gelu | Self::GeluTanh => (Some(-one), None),
            Self::Elu { .. } | Self::HardSwish { .. } | Self::MuLaw { .. } => (None, None),
        }
    }
}

impl Elementary {
    fn minimum_exists(&self) -> bool {
        match self {
            Self::Silu | Self::Gelu | Self::GeluTanh => true,
            Self::HardSwish { shift, .. } => shift.is_positive(),
            Self::Elu { alpha } => alpha.is_negative(),
            _ => false,
        }
    }
}
