//! `quantized_relu`: unsigned fixed point, with a slope for negative numbers if asked for.
//!
//! With `n = bits - (slope != 0)` and `lsb = 2^(integer - n)` the positive side is
//! `clip(rne(x / lsb), 0, 2^n - 1) * lsb`, the negative side `max(rne(slope * x / lsb) * lsb,
//! -slope * 2^integer)`.

use super::{Args, Context, Definition, Description, Grid, Namespace, Quantizer};
use crate::ir::math::{Step, Weights};
use crate::ir::{Encoding, Periodic, Real, dyadic, from_f64, pow2};
use crate::num::{self, FixedType, Overflow, Quantization};
use num_traits::{Signed, Zero};

/// See the module.
pub(super) struct Relu;

#[derive(Debug, Clone)]
struct Config {
    bits: i32,
    integer: Periodic<i32>,
    slope: Real,
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

    fn build(&self, _name: &str, args: &Args, _context: &Context) -> Box<dyn Quantizer> {
        let bits = args.integer("bits", 8);
        if !(1..=30).contains(&bits) {
            args.problem(format!("`bits` is {bits}; 1 to 30 are supported"));
        }
        let integer = args.numbers("integer").unwrap_or_else(|| vec![0.0]);
        if integer.iter().any(|x| x.fract() != 0.0 || x.abs() > 1000.0) {
            args.problem("`integer` holds something other than small integers");
        }
        if args.flag("use_sigmoid", false) {
            args.problem("`use_sigmoid` is not supported");
        }
        if !args.flag("is_quantized_clip", true) && args.get("relu_upper_bound").is_some() {
            args.problem("`relu_upper_bound` without the quantized clip is not supported");
        }
        let slope = from_f64(args.number("negative_slope", 0.0)).unwrap_or_else(Real::zero);
        if !slope.is_zero()
            && (slope.is_negative() || dyadic(&slope).is_none_or(|(odd, _)| odd != 1))
        {
            args.problem(format!(
                "`negative_slope` is {slope}; powers of two are supported"
            ));
        }
        let integer = integer.iter().map(|x| *x as i32).collect();
        Box::new(Config {
            bits,
            integer: Periodic::new(integer).compact(),
            slope,
        })
    }
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

impl Quantizer for Config {
    fn weights(&self, values: &[f64], shape: &[usize]) -> Result<Weights, String> {
        let integer = *self
            .integer
            .as_uniform()
            .ok_or("weights need one `integer`")?;
        if !self.slope.is_zero() {
            return Err("quantized_relu with a slope is supported for activations only".into());
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
            grid: Grid::Fixed {
                bits: self.bits.unsigned_abs(),
                integer: self.integer.values().iter().copied().max().unwrap_or(0),
                signed: !self.slope.is_zero(),
            },
            auto_po2: false,
        }
    }

    fn steps(&self) -> Result<Vec<Step>, String> {
        let types = self.integer.map(|&i| self.ty(i));
        if self.slope.is_zero() {
            return Ok(vec![Step::Quantize(types)]);
        }
        let integer = *self
            .integer
            .as_uniform()
            .ok_or("a slope needs one `integer`")?;
        let lowest = &self.slope * pow2(integer);
        if self.slope > pow2(0) || lowest < pow2(-types.at(0).frac()) {
            return Err(format!(
                "negative_slope {} needs another grid than the positive side; supported are slopes \
                 from one step to 1",
                self.slope
            ));
        }
        Ok(vec![
            Step::Leaky {
                threshold: Real::zero(),
                slope: Periodic::uniform(self.slope.clone()),
            },
            Step::Clip {
                lo: Some(-lowest),
                hi: None,
            },
            Step::Quantize(types),
        ])
    }
}
