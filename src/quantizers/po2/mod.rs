//! `quantized_po2` and `quantized_relu_po2`: a sign and a power of two.
//!
//! The exponent `E(a)` of a magnitude `a`: with `es` = 0 where `max_value <= 1` is given, else 1, and
//! `N` = bits - es (minus the sign of `quantized_po2`), `lo = -2^N` and `hi = 2^N - 1`. Magnitudes
//! below Keras' epsilon give `lo`; others are limited to `max_value` and give
//! `clip(round(log2 a), lo, hi)`. `log2_rounding` "floor" rounds down; `quadratic_approximation` gives
//! twice the rounded half of the logarithm, with an even `hi`. There is no zero.
//!
//! `quantized_po2(x) = (x >= 0 ? 1 : -1) * 2^E(|x|)`; `quantized_relu_po2(x) = 2^E(max(x, 0))`, and
//! with a slope `-2^E(slope * |x|)` for negative numbers.

use std::sync::Arc;

use num_traits::{One, Signed, ToPrimitive, Zero};
use serde_json::Value;

use super::{Args, Context, Definition, Description, Grid, Namespace, Quantizer};
use crate::ir::eval::floor_log2;
use crate::ir::math::{Direction, PointFunction, Step, Weights};
use crate::ir::{Enclosure, Encoding, Periodic, Real, from_f32, from_f64, pow2};

/// `quantized_po2`.
pub(super) struct Po2;

/// `quantized_relu_po2`.
pub(super) struct ReluPo2;

/// The function of one number.
#[derive(Debug, Clone)]
struct Config {
    /// `Some` slope for negative numbers of `quantized_relu_po2`, `None` for `quantized_po2`.
    slope: Option<Real>,
    /// As declared.
    bits: i32,
    lo: i32,
    hi: i32,
    max_value: Option<Real>,
    quadratic: bool,
    floor: bool,
}

/// Exponents of float32 numbers: beyond them QKeras itself computes 0 or infinity.
const EXPONENTS: std::ops::RangeInclusive<i32> = -126..=127;

fn config(args: &Args, slope: Option<Real>) -> Box<dyn Quantizer> {
    let declared = args.integer("bits", 8);
    let max_value = args.get("max_value").map(|_| args.number("max_value", 1.0));
    let exponent_sign = i32::from(max_value.is_none_or(|m| m > 1.0));
    let bits = declared - exponent_sign - i32::from(slope.is_none());
    if !(0..=12).contains(&bits) {
        args.problem(format!(
            "`bits` leaves {bits} bits to the exponent; 0 to 12 are supported"
        ));
    }
    if max_value.is_some_and(|m| m <= 0.0) {
        args.problem("`max_value` must be positive: its logarithm limits the exponent");
    }
    let floor = match args.get("log2_rounding") {
        None => false,
        Some(Value::String(word)) if word == "rnd" => false,
        Some(Value::String(word)) if word == "floor" => true,
        Some(other) => {
            args.problem(format!(
                "`log2_rounding` is {other}; \"rnd\" or \"floor\" is wanted"
            ));
            false
        }
    };
    let quadratic = args.flag("quadratic_approximation", false);
    let size = 1 << bits.clamp(0, 12);
    let hi = size - 1;
    Box::new(Config {
        slope,
        bits: declared,
        lo: -size,
        hi: if quadratic { hi / 2 * 2 } else { hi },
        max_value: max_value.and_then(|m| from_f32(m as f32)),
        quadratic,
        floor,
    })
}

impl Definition for Po2 {
    fn names(&self) -> &'static [&'static str] {
        &["quantized_po2"]
    }

    fn arguments(&self) -> &'static [&'static str] {
        &[
            "bits",
            "max_value",
            "use_stochastic_rounding",
            "quadratic_approximation",
            "log2_rounding",
            "qnoise_factor",
            "var_name",
            "use_ste",
            "use_variables",
        ]
    }

    fn namespaces(&self) -> &'static [Namespace] {
        &[Namespace::QKeras]
    }

    fn doc(&self) -> &'static str {
        include_str!("po2.md")
    }

    fn build(&self, _name: &str, args: &Args, _context: &Context) -> Box<dyn Quantizer> {
        config(args, None)
    }
}

impl Definition for ReluPo2 {
    fn names(&self) -> &'static [&'static str] {
        &["quantized_relu_po2"]
    }

    fn arguments(&self) -> &'static [&'static str] {
        &[
            "bits",
            "max_value",
            "negative_slope",
            "use_stochastic_rounding",
            "quadratic_approximation",
            "log2_rounding",
            "qnoise_factor",
            "var_name",
            "use_ste",
            "use_variables",
        ]
    }

    fn namespaces(&self) -> &'static [Namespace] {
        &[Namespace::QKeras]
    }

    fn doc(&self) -> &'static str {
        include_str!("relu_po2.md")
    }

    fn build(&self, _name: &str, args: &Args, _context: &Context) -> Box<dyn Quantizer> {
        config(args, Some(super::relu::slope(args)))
    }
}

impl Config {
    /// See the module.
    fn exponent(&self, magnitude: &Real) -> i32 {
        let epsilon = from_f32(1e-7).expect("finite");
        if *magnitude < epsilon {
            return self.lo;
        }
        let a = match &self.max_value {
            Some(most) if magnitude >= most => most,
            _ => magnitude,
        };
        let t = floor_log2(a);
        if self.quadratic {
            // n <= log2(a) / 2 < n + 1; the middle is an odd power of two.
            let n = t.div_euclid(2);
            let middle = pow2(2 * n + 1);
            let up = !self.floor && (*a > middle || (*a == middle && n.rem_euclid(2) == 1));
            2 * (n + i32::from(up)).clamp(self.lo, self.hi)
        } else {
            // The square root of two is irrational: no ties.
            let up = !self.floor && a * a > pow2(2 * t + 1);
            (t + i32::from(up)).clamp(self.lo, self.hi)
        }
    }

    /// Sign and exponent of the result.
    fn result(&self, x: &Real) -> (i128, i32) {
        match &self.slope {
            None => {
                let sign = if x.is_negative() { -1 } else { 1 };
                (sign, self.exponent(&x.abs()))
            }
            Some(slope) if x.is_negative() && !slope.is_zero() => {
                (-1, self.exponent(&(slope * x.abs())))
            }
            Some(_) => (1, self.exponent(&x.clone().max(Real::zero()))),
        }
    }
}

impl Quantizer for Config {
    fn weights(&self, values: &[f64], shape: &[usize]) -> Result<Weights, String> {
        let mut codes = Vec::with_capacity(values.len());
        let mut scale = Vec::with_capacity(values.len());
        for &v in values {
            let x = from_f64(v).ok_or("a weight is infinite or no number")?;
            let (sign, exponent) = self.result(&x);
            if !EXPONENTS.contains(&exponent) {
                return Err(format!(
                    "{v} becomes 2^{exponent}, which float32 does not hold; fewer `bits` or a `max_value` would keep it in range"
                ));
            }
            codes.push(sign);
            scale.push(pow2(exponent));
        }
        let scale = if scale.is_empty() {
            Periodic::uniform(Real::one())
        } else {
            Periodic::new(scale).compact()
        };
        Ok(Weights {
            shape: shape.to_vec(),
            codes,
            scale,
            encoding: Encoding::PowerOfTwo,
        })
    }

    fn describe(&self) -> Description {
        Description {
            name: match self.slope {
                None => "quantized_po2",
                Some(_) => "quantized_relu_po2",
            },
            grid: Grid::PowerOfTwo {
                bits: self.bits.unsigned_abs(),
                signed: self.slope.as_ref().is_none_or(|slope| !slope.is_zero()),
                max_value: self.max_value.as_ref().and_then(ToPrimitive::to_f64),
                quadratic: self.quadratic,
            },
            auto_po2: false,
        }
    }

    fn steps(&self) -> Result<Vec<Step>, String> {
        Ok(vec![Step::Function(Arc::new(self.clone()))])
    }
}

impl PointFunction for Config {
    fn name(&self) -> String {
        "power of two".into()
    }

    fn eval(&self, x: &Real, _precision: u32) -> Enclosure {
        let (sign, exponent) = self.result(x);
        Enclosure::exact(Real::from_integer(sign.into()) * pow2(exponent))
    }

    fn direction(&self) -> Direction {
        // Below epsilon the exponent is `lo` itself, which a quadratic exponent may undercut.
        let least = self.exponent(&from_f32(1e-7).expect("finite"));
        let rising_at_zero = least >= self.lo;
        if rising_at_zero {
            Direction::Rising
        } else {
            Direction::Mixed
        }
    }

    fn discrete(&self) -> bool {
        true
    }

    fn bounds(&self) -> (Option<Real>, Option<Real>) {
        (None, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_follow_the_logarithm() {
        let config = Config {
            slope: None,
            bits: 5,
            lo: -8,
            hi: 7,
            max_value: None,
            quadratic: false,
            floor: false,
        };
        let at = |x: f64| config.exponent(&from_f64(x).unwrap());
        assert_eq!(
            [at(0.0), at(1.0), at(1.414), at(1.415), at(300.0)],
            [-8, 0, 0, 1, 7]
        );
    }
}
