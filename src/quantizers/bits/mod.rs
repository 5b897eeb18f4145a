//! `quantized_bits`: signed or unsigned fixed point with round half to even and saturation.
//!
//! With `kn` = keep_negative and `ub = bits - kn`: `lsb = 2^(integer - ub)`,
//! `q = clip(rne(x / lsb), kn * (-2^ub + symmetric), 2^ub - 1) * lsb`, result `alpha * q`. One bit with
//! sign gives -1 and +1. `alpha` "auto" and "auto_po2" choose a scale for each channel from the
//! weights and code half away from zero.

use num_traits::One;
use serde_json::Value;

use super::scale::{self, Arithmetic};
use super::{Args, Context, Definition, Description, Grid, Namespace, Quantizer, Slot, plain};
use crate::ir::math::{Step, Weights};
use crate::ir::{Encoding, Periodic, Real, from_f32, from_f64, pow2};
use crate::num::{FixedType, Overflow, Quantization};

/// See the module.
pub(super) struct Bits;

/// A configured `quantized_bits`.
#[derive(Debug, Clone)]
struct Config {
    bits: i32,
    integer: Periodic<i32>,
    symmetric: bool,
    keep_negative: bool,
    alpha: Alpha,
}

#[derive(Debug, Clone)]
enum Alpha {
    /// Factors of the result; one, or one for each channel.
    Fixed(Periodic<Real>),
    /// A real scale for each channel, from the weights.
    Auto(Option<Vec<f64>>),
    /// A power-of-two scale for each channel, from the weights.
    AutoPo2(Option<Vec<f64>>),
}

impl Definition for Bits {
    fn names(&self) -> &'static [&'static str] {
        &["quantized_bits"]
    }

    fn arguments(&self) -> &'static [&'static str] {
        &[
            "bits",
            "integer",
            "symmetric",
            "keep_negative",
            "alpha",
            "use_stochastic_rounding",
            "scale_axis",
            "qnoise_factor",
            "var_name",
            "use_ste",
            "use_variables",
            "elements_per_scale",
            "min_po2_exponent",
            "max_po2_exponent",
            "post_training_scale",
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
        if !(1..=63).contains(&bits) {
            args.problem(format!("`bits` is {bits}; 1 to 63 are supported"));
        }
        let integer: Vec<i32> = match args.numbers("integer") {
            None => vec![0],
            Some(list) => list
                .iter()
                .map(|x| {
                    if x.fract() != 0.0 || x.abs() > 1000.0 {
                        args.problem(format!("`integer` holds {x}, but integers are wanted"));
                    }
                    *x as i32
                })
                .collect(),
        };
        for key in [
            "scale_axis",
            "elements_per_scale",
            "min_po2_exponent",
            "max_po2_exponent",
        ] {
            if let Some(v) = args.get(key) {
                args.problem(format!("`{key}` = {v} is not supported"));
            }
        }
        let mut symmetric = args.flag("symmetric", false);
        let post = args.numbers("post_training_scale");
        let mut alpha = alpha(args, post);
        // The hook of the layers, which has already run where the quantizer is a saved object.
        if args.from_text && context.slot == Slot::Kernel && args.get("alpha").is_none() {
            alpha = Alpha::AutoPo2(args.numbers("post_training_scale"));
            symmetric = true;
        }
        if matches!(alpha, Alpha::Auto(_) | Alpha::AutoPo2(_)) && bits == 1 {
            args.problem("one bit with an automatic scale has no code but zero");
        }
        Box::new(Config {
            bits,
            integer: Periodic::new(integer).compact(),
            symmetric,
            keep_negative: args.flag("keep_negative", true),
            alpha,
        })
    }
}

/// Reads `alpha`; numbers are float32 constants.
fn alpha(args: &Args, post: Option<Vec<f64>>) -> Alpha {
    let auto = match args.get("alpha") {
        Some(Value::String(word)) => match word.as_str() {
            "auto" => Some(Alpha::Auto(post.clone())),
            "auto_po2" => Some(Alpha::AutoPo2(post.clone())),
            _ => {
                args.problem(format!(
                    "`alpha` is \"{word}\"; a number, \"auto\" or \"auto_po2\" is wanted"
                ));
                None
            }
        },
        _ => {
            let numbers = args.numbers("alpha").unwrap_or_else(|| vec![1.0]);
            let factors = numbers.iter().filter_map(|&x| from_f32(x as f32)).collect();
            Some(Alpha::Fixed(Periodic::new(factors).compact()))
        }
    };
    if post.is_some() && matches!(auto, Some(Alpha::Fixed(_))) {
        args.problem("`post_training_scale` needs alpha \"auto\" or \"auto_po2\"");
    }
    auto.unwrap_or(Alpha::Fixed(Periodic::uniform(Real::one())))
}

impl Config {
    fn magnitude_bits(&self) -> i32 {
        self.bits - i32::from(self.keep_negative)
    }

    /// The type of one channel; the one-bit signed form has none.
    fn ty(&self, integer: i32) -> FixedType {
        FixedType {
            width: self.bits.unsigned_abs(),
            int_bits: integer + i32::from(self.keep_negative),
            signed: self.keep_negative,
            quantization: Quantization::RndConv,
            overflow: if self.symmetric {
                Overflow::SatSym
            } else {
                Overflow::Sat
            },
            sat_bits: 0,
        }
    }

    fn is_sign(&self) -> bool {
        self.magnitude_bits() == 0
    }

    fn automatic(
        &self,
        values: &[f64],
        shape: &[usize],
        post: Option<&[f64]>,
        po2: bool,
    ) -> Result<Weights, String> {
        let a = Arithmetic::of(values);
        let integer = *self
            .integer
            .as_uniform()
            .ok_or("an automatic scale needs one `integer`")?;
        let unit = f64::from(integer).exp2();
        let x: Vec<f64> = values.iter().map(|v| a.round(v / unit)).collect();
        let limit = f64::from(self.bits - 1).exp2() - 1.0;
        // Rank 1 has one scale to start from; its least-squares steps work element by element.
        let channels = if shape.len() > 1 {
            shape.last().copied().unwrap_or(1)
        } else {
            1
        };
        let groups = if shape.len() > 1 {
            channels
        } else {
            values.len()
        };
        let scale = if let Some(post) = post {
            let fits = [1, channels, values.len()].contains(&post.len());
            if !fits {
                return Err(format!(
                    "`post_training_scale` has {} entries for weights of shape {shape:?}",
                    post.len()
                ));
            }
            let divisor = f64::from(self.magnitude_bits()).exp2();
            post.iter()
                .map(|p| f64::from(*p as f32) / divisor)
                .collect()
        } else {
            let largest = scale::largest(&x, channels);
            let start = largest
                .iter()
                .map(|m| a.round(a.round(m * 2.0) / (2.0 * limit)));
            if po2 {
                let mut scale: Vec<f64> = start.map(|s| scale::nearest_po2(s, a)).collect();
                for _ in 0..5 {
                    let z = scale::codes(&x, &scale, limit, a);
                    scale = scale::least_squares_po2(&x, &z, groups, a);
                }
                scale
            } else {
                start.collect()
            }
        };
        let codes = scale::codes(&x, &scale, limit, a);
        let scale = scale
            .iter()
            .map(|s| from_f64(s * unit))
            .collect::<Option<Vec<Real>>>();
        let scale = scale
            .filter(|s| !s.is_empty())
            .ok_or("a scale is no finite number")?;
        Ok(Weights {
            shape: shape.to_vec(),
            codes: codes.iter().map(|c| *c as i128).collect(),
            scale: Periodic::new(scale).compact(),
            encoding: Encoding::Fixed,
        })
    }
}

impl Quantizer for Config {
    fn weights(&self, values: &[f64], shape: &[usize]) -> Result<Weights, String> {
        let alpha = match &self.alpha {
            Alpha::Auto(post) => return self.automatic(values, shape, post.as_deref(), false),
            Alpha::AutoPo2(post) => return self.automatic(values, shape, post.as_deref(), true),
            Alpha::Fixed(alpha) => alpha,
        };
        let last = shape.last().copied().unwrap_or(1);
        let period = num_integer::lcm(alpha.period(), self.integer.period());
        if period > 1 && period != last {
            return Err(format!(
                "{period} values of `alpha` or `integer` for {last} channels"
            ));
        }
        if self.is_sign() {
            let codes = values
                .iter()
                .map(|&v| if v >= 0.0 { 1 } else { -1 })
                .collect();
            let scale = alpha.clone();
            return Ok(Weights {
                shape: shape.to_vec(),
                codes,
                scale,
                encoding: Encoding::Binary,
            });
        }
        let ub = self.magnitude_bits();
        let top = f64::from(ub).exp2() - 1.0;
        let bottom = match (self.keep_negative, self.symmetric) {
            (false, _) => 0.0,
            (true, false) => -top - 1.0,
            (true, true) => -top,
        };
        let code = |(i, &v): (usize, &f64)| {
            // Scaling by a power of two is exact.
            let steps = v * f64::from(ub - self.integer.at(i)).exp2();
            steps.round_ties_even().clamp(bottom, top) as i128
        };
        let lsb = self.integer.map(|i| pow2(i - ub));
        Ok(Weights {
            shape: shape.to_vec(),
            codes: values.iter().enumerate().map(code).collect(),
            scale: alpha.zip(&lsb, |a, l| a * l).compact(),
            encoding: Encoding::Fixed,
        })
    }

    fn describe(&self) -> Description {
        Description {
            name: "quantized_bits",
            grid: Grid::Fixed {
                bits: self.bits.unsigned_abs(),
                integer: self.integer.values().iter().copied().max().unwrap_or(0),
                signed: self.keep_negative,
            },
            auto_po2: matches!(self.alpha, Alpha::AutoPo2(_)),
        }
    }

    fn steps(&self) -> Result<Vec<Step>, String> {
        let Alpha::Fixed(alpha) = &self.alpha else {
            return Err(
                "alpha \"auto\" would make the scale depend on the batch; give a number".into(),
            );
        };
        let mut steps = if self.is_sign() {
            plain::sign_steps()
        } else {
            vec![Step::Quantize(self.integer.map(|&i| self.ty(i)))]
        };
        if !alpha.values().iter().all(One::is_one) {
            let zero = Periodic::uniform(Real::from_integer(0.into()));
            steps.push(Step::Affine {
                mul: alpha.clone(),
                add: zero,
            });
        }
        Ok(steps)
    }
}
