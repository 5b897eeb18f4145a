//! `quantized_relu`: unsigned fixed point, with a slope for negative numbers if asked for.
//!
//! With `n = bits - (slope != 0)` and `lsb = 2^(integer - n)` the positive side is
//! `clip(rne(x / lsb), 0, 2^n - 1) * lsb`, the negative side `max(rne(slope * x / lsb) * lsb,
//! -slope * 2^integer)`.

mod sigmoid;

use super::grid::{self, integer_bits};
use super::{Args, Context, Definition, Description, Namespace, Quantizer, alpha};
use crate::ir::eval::floor_log2;
use crate::ir::math::{Step, Weights};
use crate::ir::{Encoding, Periodic, Real, dyadic, from_f32, from_f64, pow2};
use crate::num::{self, FixedType, Overflow, Quantization};
use num_traits::{Signed, Zero};

/// See the module.
pub(super) struct Relu;

#[derive(Debug, Clone)]
struct Config {
    bits: i32,
    integer: Periodic<i32>,
    slope: Real,
    /// Upper limit of the result.
    bound: Option<Real>,
}

impl Definition for Relu {
    fn names(&self) -> &'static [&'static str] {
        &["quantized_relu"]
    }

    fn arguments(&self) -> &'static [&'static str] {
        &[
            "bits",
            "integer",
            "use_sigmoid",
            "negative_slope",
            "use_stochastic_rounding",
            "relu_upper_bound",
            "is_quantized_clip",
            "qnoise_factor",
            "var_name",
            "use_ste",
            "use_variables",
            "enable_fast_inference",
        ]
    }

    fn namespaces(&self) -> &'static [Namespace] {
        &[Namespace::QKeras]
    }

    fn doc(&self) -> &'static str {
        include_str!("doc.md")
    }

    fn build(&self, _name: &str, args: &Args, context: &Context) -> Box<dyn Quantizer> {
        let bits = args.integer("bits", 8);
        if !(1..=30).contains(&bits) {
            args.problem(format!("`bits` is {bits}; 1 to 30 are supported"));
        }
        let integer = integer_bits(args);
        if args.flag("use_sigmoid", false) {
            return sigmoid::build(args, context);
        }
        // The quantized clip, which every saved model has, makes the upper bound ineffective.
        let bound = args.number("relu_upper_bound", 0.0);
        let bound = (!args.flag("is_quantized_clip", true) && bound != 0.0)
            .then(|| from_f32(bound as f32))
            .flatten();
        let slope = slope(args);
        Box::new(Config {
            bits,
            integer,
            slope,
            bound,
        })
    }
}

/// Reads `negative_slope`: a power of two, or zero.
pub(super) fn slope(args: &Args) -> Real {
    let slope = from_f64(args.number("negative_slope", 0.0)).unwrap_or_else(Real::zero);
    if !slope.is_zero() && (slope.is_negative() || dyadic(&slope).is_none_or(|(odd, _)| odd != 1)) {
        args.problem(format!(
            "`negative_slope` is {slope}; powers of two are supported"
        ));
    }
    slope
}

impl Config {
    fn ty(&self, integer: i32) -> FixedType {
        let signed = !self.slope.is_zero();
        FixedType {
            width: self.bits.unsigned_abs(),
            int_bits: integer + i32::from(signed),
            signed,
            quantization: Quantization::RndConv,
            overflow: Overflow::Sat,
            sat_bits: 0,
        }
    }
}

impl Config {
    /// The chain with a slope for negative numbers.
    fn two_branches(&self) -> Result<Vec<Step>, String> {
        let Some(&integer) = self.integer.as_uniform() else {
            // Between two moves of the binary point every channel is alike.
            let alike = Self {
                integer: Periodic::uniform(0),
                ..self.clone()
            };
            let unit = self.integer.map(|&i| pow2(i));
            let steps = alpha::times(&unit.map(Real::recip)).into_iter();
            return Ok(steps
                .chain(alike.two_branches()?)
                .chain(alpha::times(&unit))
                .collect());
        };
        let ty = self.ty(integer);
        let lowest = -(&self.slope * pow2(integer));
        let leaky = Step::Leaky {
            threshold: Real::zero(),
            slope: Periodic::uniform(self.slope.clone()),
        };
        let limits = |lo: Option<Real>, hi: Option<Real>| Step::Clip { lo, hi };
        let quantize = |ty| Step::Quantize(Periodic::uniform(ty));
        if lowest > -pow2(-ty.frac()) {
            // The lower limit lies between 0 and the first step below it: it comes last.
            return Ok(vec![leaky, quantize(ty), limits(Some(lowest), None)]);
        }
        if self.slope <= pow2(0) {
            return Ok(vec![leaky, limits(Some(lowest), None), quantize(ty)]);
        }
        // A steep branch reaches below the type; the upper one still ends where the type does.
        let more = floor_log2(&self.slope);
        let wide = FixedType {
            width: ty.width + more.unsigned_abs(),
            int_bits: ty.int_bits + more,
            ..ty
        };
        let top = pow2(integer) - pow2(-ty.frac());
        Ok(vec![leaky, limits(Some(lowest), Some(top)), quantize(wide)])
    }
}

impl Quantizer for Config {
    fn weights(&self, values: &[f64], shape: &[usize]) -> Result<Weights, String> {
        let integer = *self
            .integer
            .as_uniform()
            .ok_or("weights need one `integer`")?;
        if !self.slope.is_zero() || self.bound.is_some() {
            return super::evaluated(&self.steps()?, values, shape);
        }
        let ty = self.ty(integer);
        let code = |&v: &f64| {
            let (code, frac) = dyadic(&from_f64(v)?)?;
            Some(num::convert(code, frac, &ty))
        };
        let codes = values.iter().map(code).collect::<Option<Vec<_>>>();
        Ok(Weights {
            shape: shape.to_vec(),
            codes: codes.ok_or("a weight is infinite or no number")?,
            scale: Periodic::uniform(pow2(-ty.frac())),
            encoding: Encoding::Fixed,
        })
    }

    fn describe(&self) -> Description {
        Description {
            name: "quantized_relu",
            grid: grid::declared(self.bits, &self.integer, !self.slope.is_zero()),
            auto_po2: false,
        }
    }

    fn steps(&self) -> Result<Vec<Step>, String> {
        let mut steps = if self.slope.is_zero() {
            vec![Step::Quantize(self.integer.map(|&i| self.ty(i)))]
        } else {
            self.two_branches()?
        };
        if let Some(bound) = &self.bound {
            steps.push(Step::Clip {
                lo: None,
                hi: Some(bound.clone()),
            });
        }
        Ok(steps)
    }
}
