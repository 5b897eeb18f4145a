//! Fixed-point numbers with proven errors, and the series that the elementary functions come from.
//!
//! A [`Ball`] is an integer with a radius, both in units of `2^-bits` of its [`Field`]. Every operation
//! widens the radius by all that it cuts, so the exact result of the exact operands is inside whatever
//! the number of terms; `bits` only decides how narrow it becomes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use num_bigint::BigInt;
use num_integer::{Integer, Roots};
use num_traits::{One, ToPrimitive, Zero};

use crate::ir::{Enclosure, Real};

/// A number within `rad` units of `mid`.
#[derive(Debug, Clone)]
pub(super) struct Ball {
    mid: BigInt,
    rad: u128,
}

/// The unit of balls: `2^-bits`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    bits: u32,
}

/// Constants that were computed before.
static CONSTANTS: Mutex<BTreeMap<(Constant, u32), Arc<Ball>>> = Mutex::new(BTreeMap::new());

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Constant {
    Ln2,
    Pi,
}

impl Ball {
    fn exact(mid: BigInt) -> Self {
        Self { mid, rad: 0 }
    }

    /// Whether the number cannot be told from zero.
    fn is_tiny(&self) -> bool {
        self.mid.magnitude().bits() <= 4
    }

    /// Upper bound of the magnitude, in units, as a radius.
    fn reach(&self) -> u128 {
        self.mid
            .magnitude()
            .to_u128()
            .map_or(u128::MAX, |m| m.saturating_add(self.rad))
    }

    pub(super) fn add(&self, other: &Self) -> Self {
        Self {
            mid: &self.mid + &other.mid,
            rad: self.rad.saturating_add(other.rad),
        }
    }

    pub(super) fn sub(&self, other: &Self) -> Self {
        Self {
            mid: &self.mid - &other.mid,
            rad: self.rad.saturating_add(other.rad),
        }
    }

    pub(super) fn neg(self) -> Self {
        Self {
            mid: -self.mid,
            ..self
        }
    }

    /// Times a small integer.
    fn times(&self, n: i64) -> Self {
        Self {
            mid: &self.mid * n,
            rad: self.rad.saturating_mul(n.unsigned_abs().into()),
        }
    }

    /// Divided by a small positive integer; the floor loses less than a unit.
    fn over(&self, n: u64) -> Self {
        Self {
            mid: self.mid.div_floor(&BigInt::from(n)),
            rad: self.rad / u128::from(n) + 2,
        }
    }

    /// Times `2^exponent`.
    pub(super) fn scaled(&self, exponent: i64) -> Self {
        let bits = exponent.unsigned_abs();
        if exponent >= 0 {
            let shift = u32::try_from(bits).unwrap_or(u32::MAX);
            let fits = shift < 128 && self.rad.leading_zeros() >= shift;
            Self {
                mid: &self.mid << bits,
                rad: match self.rad {
                    0 => 0,
                    rad if fits => rad << shift,
                    _ => u128::MAX,
                },
            }
        } else {
            let rad = if bits < 128 { self.rad >> bits } else { 0 };
            Self {
                mid: &self.mid >> bits,
                rad: rad + 2,
            }
        }
    }
}

impl Field {
    /// A field whose results, after the operations of one function, are within `2^-precision`.
    ///
    /// Guard bits: 64 for the sums of series, and two for each squaring of [`Field::exp`].
    pub(super) fn new(precision: u32) -> Self {
        let bits = precision + 64;
        Self {
            bits: bits + 3 * halvings(bits),
        }
    }

    /// The enclosure of a ball; the number lies strictly inside.
    pub(super) fn enclosure(self, ball: &Ball) -> Enclosure {
        let real = |n: BigInt| Real::new_raw(n, BigInt::one() << self.bits);
        let rad = BigInt::from(ball.rad) + 1_u8;
        Enclosure {
            lo: real(&ball.mid - &rad),
            hi: real(&ball.mid + rad),
        }
    }

    pub(super) fn one(self) -> Ball {
        Ball::exact(BigInt::one() << self.bits)
    }

    pub(super) fn real(self, x: &Real) -> Ball {
        let (mid, rest) = (x.numer() << self.bits).div_mod_floor(x.denom());
        Ball {
            mid,
            rad: u128::from(!rest.is_zero()),
        }
    }

    pub(super) fn mul(self, a: &Ball, b: &Ball) -> Ball {
        // |ab - a'b'| <= |a'| rb + |b'| ra + ra rb; the floor loses less than a unit.
        let term = |rad: u128, size: u64| {
            if rad == 0 {
                return 0;
            }
            let (bits, size) = (u64::from(self.bits), size);
            if size <= bits {
                let down = bits - size;
                if down >= 128 { 1 } else { (rad >> down) + 1 }
            } else {
                let up = u32::try_from(size - bits).unwrap_or(u32::MAX);
                if rad.leading_zeros() >= up && up < 128 {
                    rad << up
                } else {
                    u128::MAX
                }
            }
        };
        let cross = term(a.rad, 128 - u64::from(b.rad.leading_zeros()));
        let rad = term(b.rad, a.mid.bits())
            .saturating_add(term(a.rad, b.mid.bits()))
            .saturating_add(cross)
            .saturating_add(1);
        Ball {
            mid: (&a.mid * &b.mid) >> self.bits,
            rad,
        }
    }

    /// `a / b` where the exact `b` is at least 1: `|a/b - a'/b'| <= ra + |a'/b'| rb`.
    pub(super) fn div(self, a: &Ball, b: &Ball) -> Ball {
        let mid = (&a.mid << self.bits).div_floor(&b.mid);
        let quotient = Ball { mid, rad: 1 };
        let through = self.mul(
            &quotient,
            &Ball {
                mid: BigInt::zero(),
                rad: b.rad,
            },
        );
        Ball {
            rad: a.rad.saturating_add(through.rad).saturating_add(2),
            ..quotient
        }
    }

    /// `e^x` as `(m, k)`: `m * 2^k` with `m` between 1/2 and 2.
    ///
    /// `x = k ln 2 + r`, `e^r = (e^(r / 2^s))^(2^s)`, and the inner power by its Taylor series, whose
    /// terms at least halve: what is left out is below the last term.
    pub(super) fn exp(self, x: &Ball) -> (Ball, i64) {
        let ln2 = self.constant(Constant::Ln2);
        let k = (&x.mid + (&ln2.mid >> 1_u8)).div_floor(&ln2.mid);
        let k = k.to_i64().expect("arguments are limited by the callers");
        let halvings = halvings(self.bits);
        let r = x.sub(&ln2.times(k)).scaled(-i64::from(halvings));
        let mut sum = self.one().add(&r);
        let mut term = r.clone();
        let mut n = 2;
        while !term.is_tiny() {
            term = self.mul(&term, &r).over(n);
            sum = sum.add(&term);
            n += 1;
        }
        sum.rad = sum.rad.saturating_add(term.reach());
        for _ in 0..halvings {
            sum = self.mul(&sum, &sum);
        }
        (sum, k)
    }

    /// `e^-t` for `t >= 0`, below 1.
    pub(super) fn exp_neg(self, t: &Ball) -> Ball {
        // e^-t < 2^-t: nothing but an error of one unit is left of large arguments.
        if (&t.mid >> self.bits) > BigInt::from(self.bits) {
            return Ball {
                mid: BigInt::zero(),
                rad: 2,
            };
        }
        let (m, k) = self.exp(&t.clone().neg());
        m.scaled(k)
    }

    /// `ln(z)` of a positive rational number.
    ///
    /// `z = m 2^k` with `m` from 2/3 to 4/3, `ln m = 2 atanh((m - 1) / (m + 1))`.
    pub(super) fn ln(self, z: &Real) -> Ball {
        let bits = |n: &BigInt| i64::try_from(n.bits()).expect("numbers fit memory");
        let mut k = bits(z.numer()) - bits(z.denom());
        let power = |k: i64| {
            let two = BigInt::one() << k.unsigned_abs();
            if k >= 0 {
                Real::from_integer(two)
            } else {
                Real::new_raw(BigInt::one(), two)
            }
        };
        let mut m = z / power(k);
        while m >= Real::new(4.into(), 3.into()) {
            m /= Real::from_integer(2.into());
            k += 1;
        }
        while m < Real::new(2.into(), 3.into()) {
            m *= Real::from_integer(2.into());
            k -= 1;
        }
        let one = Real::one();
        let w = self.real(&((&m - &one) / (&m + &one)));
        let ln2 = self.constant(Constant::Ln2);
        self.atanh(&w).times(2).add(&ln2.times(k))
    }

    /// `ln(1 + y)` for `0 <= y <= 1`: `2 atanh(y / (2 + y))`.
    pub(super) fn ln_1p(self, y: &Ball) -> Ball {
        let two = self.one().times(2);
        self.atanh(&self.div(y, &two.add(y))).times(2)
    }

    /// `w + w^3/3 + w^5/5 + ...` for `|w| <= 1/3`; what is left out is below the last term.
    fn atanh(self, w: &Ball) -> Ball {
        let square = self.mul(w, w);
        let mut power = w.clone();
        let mut sum = w.clone();
        let mut n = 3;
        while !power.is_tiny() {
            power = self.mul(&power, &square);
            sum = sum.add(&power.over(n));
            n += 2;
        }
        sum.rad = sum.rad.saturating_add(power.reach());
        sum
    }

    /// The distribution function of the normal distribution at `-t`, for `t >= 0`.
    ///
    /// `1/2 - e^(-t^2/2) / sqrt(2 pi) (t + t^3/3 + t^5/(3*5) + ...)`: all terms positive. Beyond
    /// `t^2/2 > bits` it is below `2^-bits`.
    pub(super) fn normal_tail(self, t: &Real) -> Ball {
        let exponent = t * t / Real::from_integer(2.into());
        if exponent > Real::from_integer(self.bits.into()) {
            return Ball {
                mid: BigInt::zero(),
                rad: 2,
            };
        }
        // The sum is as large as e^(t^2/2), so that many bits are lost; in steps, for the constants.
        let size = exponent.ceil().to_integer().to_u32().unwrap_or(0) * 3 / 2;
        let extra = (size / 64 + 1) * 64;
        let fine = Self {
            bits: self.bits + extra,
        };
        fine.normal_tail_series(t, &exponent)
            .scaled(-i64::from(extra))
    }

    fn normal_tail_series(self, t: &Real, exponent: &Real) -> Ball {
        let t = self.real(t);
        let square = self.mul(&t, &t);
        let mut term = t.clone();
        let mut sum = t;
        let mut n: u64 = 3;
        loop {
            term = self.mul(&term, &square).over(n);
            sum = sum.add(&term);
            // From here on terms at least halve.
            let halves = (&square.mid >> self.bits) < BigInt::from(n / 2);
            if halves && term.is_tiny() {
                break;
            }
            n += 2;
        }
        sum.rad = sum.rad.saturating_add(term.reach());
        let density = self.mul(
            &self.exp_neg(&self.real(exponent)),
            &self.inverse_sqrt_two_pi(),
        );
        let half = self.one().scaled(-1);
        half.sub(&self.mul(&density, &sum))
    }

    /// `1 / sqrt(2 pi)`, from `sqrt(1 / (2 pi))`: slopes of the root there are below 2.
    fn inverse_sqrt_two_pi(self) -> Ball {
        let two_pi = self.constant(Constant::Pi).times(2);
        let inverse = self.div(&self.one(), &two_pi);
        self.sqrt(&inverse)
    }

    /// `sqrt(2 / pi)`.
    pub(super) fn sqrt_two_over_pi(self) -> Ball {
        let half_pi = self.constant(Constant::Pi).scaled(-1);
        self.sqrt(&self.div(&self.one(), &half_pi))
    }

    /// Square root of a number above 1/16, where its slope is at most 2.
    fn sqrt(self, x: &Ball) -> Ball {
        let mid = (&x.mid << self.bits).sqrt();
        Ball {
            mid,
            rad: x.rad.saturating_mul(2).saturating_add(2),
        }
    }

    fn constant(self, which: Constant) -> Arc<Ball> {
        let key = (which, self.bits);
        let mut known = CONSTANTS.lock().unwrap_or_else(PoisonError::into_inner);
        let value = known.entry(key).or_insert_with(|| {
            Arc::new(match which {
                // ln 2 = 18 artanh(1/26) - 2 artanh(1/4801) + 8 artanh(1/8749)
                Constant::Ln2 => self.sum_of_inverses(&[(18, 26), (-2, 4801), (8, 8749)], false),
                // pi = 16 arctan(1/5) - 4 arctan(1/239)
                Constant::Pi => self.sum_of_inverses(&[(16, 5), (-4, 239)], true),
            })
        });
        Arc::clone(value)
    }

    /// Sum of `factor * artanh(1/n)`, or `arctan(1/n)` where the signs alternate.
    fn sum_of_inverses(self, parts: &[(i64, u64)], alternating: bool) -> Ball {
        let mut total = Ball::exact(BigInt::zero());
        for &(factor, n) in parts {
            let mut power = self.one().over(n);
            let mut sum = power.clone();
            let mut k = 3;
            let mut sign = 1;
            while !power.is_tiny() {
                power = power.over(n * n);
                sign = if alternating { -sign } else { 1 };
                sum = sum.add(&power.over(k).times(sign));
                k += 2;
            }
            sum.rad = sum.rad.saturating_add(power.reach());
            total = total.add(&sum.times(factor));
        }
        total
    }
}

/// How often an argument of the exponential is halved before its series: about half the root of the
/// number of bits, where halving and further terms cost the same.
fn halvings(bits: u32) -> u32 {
    bits.sqrt() / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first digits of well-known constants, from tables.
    #[test]
    fn constants() {
        let f = Field::new(128);
        let shown = |ball: &Ball| {
            let digits = BigInt::from(10).pow(30);
            let e = f.enclosure(ball);
            let (lo, hi) = (&e.lo * &digits, &e.hi * digits);
            assert_eq!(lo.floor(), hi.floor(), "narrow");
            lo.floor().to_integer().to_string()
        };
        assert_eq!(
            shown(&f.constant(Constant::Ln2)),
            "693147180559945309417232121458"
        );
        assert_eq!(
            shown(&f.constant(Constant::Pi)),
            "3141592653589793238462643383279"
        );
        let e = f.exp(&f.one());
        assert_eq!(shown(&e.0.scaled(e.1)), "2718281828459045235360287471352");
        let ln = |n: i64, d: i64| f.ln(&Real::new(n.into(), d.into()));
        assert_eq!(shown(&ln(10, 1)), "2302585092994045684017991454684");
        assert_eq!(
            shown(&f.normal_tail(&Real::from_integer(1.into()))),
            "158655253931457051414767454367"
        );
        assert!(ln(1, 3).mid < BigInt::zero());
    }
}
