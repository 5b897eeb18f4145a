//! `quantized_bits`: signed or unsigned fixed point with round half to even and saturation.
//!
//! On the grid of [`FixedGrid`]: `q = clip(rne(x / lsb), lo, hi) * lsb`, result `alpha * q`. One bit with
//! sign gives -1 and +1. `alpha` "auto" and "auto_po2" choose a scale for each channel from the
//! weights and code half away from zero.

use super::alpha::{self, Alpha};
use super::grid::{self, FixedGrid};
use super::scale::{self, Arithmetic, Groups, Scaling};
use super::{Args, Context, Definition, Description, Namespace, Quantizer, binary};
use crate::ir::Encoding;
use crate::ir::math::{Step, Weights};

/// See the module.
pub(super) struct Bits;

/// A configured `quantized_bits`.
#[derive(Debug, Clone)]
struct Config {
    grid: FixedGrid,
    alpha: Alpha,
    scaling: Scaling,
    /// A frozen scale, in place of the one from the weights.
    post_training_scale: Option<Vec<f64>>,
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
        let mut grid = FixedGrid::read(args, 0);
        let alpha = Alpha::read(args, context);
        if alpha.is_auto() {
            grid.symmetric = 1;
        }
        let scaling = Scaling::read(args, matches!(alpha, Alpha::AutoPo2));
        if args.get("elements_per_scale").is_some() && !matches!(alpha, Alpha::AutoPo2) {
            args.problem("`elements_per_scale` needs alpha \"auto_po2\"");
        }
        let post_training_scale = args.numbers("post_training_scale");
        if post_training_scale.is_some() && !alpha.is_auto() {
            args.problem("`post_training_scale` needs alpha \"auto\" or \"auto_po2\"");
        }
        if alpha.is_auto() && grid.bits == 1 {
            args.problem("one bit with an automatic scale has no code but zero");
        }
        Box::new(Config {
            grid,
            alpha,
            scaling,
            post_training_scale,
        })
    }
}

impl Config {
    fn automatic(&self, values: &[f64], shape: &[usize], po2: bool) -> Result<Weights, String> {
        let a = Arithmetic::of(values);
        let integer = *self
            .grid
            .integer
            .as_uniform()
            .ok_or("an automatic scale needs one `integer`")?;
        let unit = f64::from(integer).exp2();
        let x: Vec<f64> = values.iter().map(|v| a.round(v / unit)).collect();
        let limit = f64::from(self.grid.bits - 1).exp2() - 1.0;
        // Rank 1 has one scale to start from; its least-squares steps work element by element.
        let mut groups = self.scaling.start(shape, Groups::whole())?;
        let scale = if let Some(post) = &self.post_training_scale {
            let channels = shape.last().copied().unwrap_or(1);
            groups = match post.len() {
                1 => Groups::whole(),
                n if n == channels => Groups::channels(shape),
                n => {
                    return Err(format!(
                        "`post_training_scale` has {n} entries for weights of shape {shape:?}"
                    ));
                }
            };
            let divisor = f64::from(self.grid.magnitude_bits()).exp2();
            let frozen = post.iter().map(|p| f64::from(*p as f32) / divisor);
            frozen.collect()
        } else {
            let largest = groups.largest(&x, f64::abs);
            let start = largest
                .iter()
                .map(|m| a.round(a.round(m * 2.0) / (2.0 * limit)));
            if po2 {
                let mut scale: Vec<f64> = start.map(|s| scale::nearest_po2(s, a)).collect();
                let fitted = self.scaling.least_squares(shape)?;
                for _ in 0..5 {
                    let z = scale::codes(&x, &groups, &scale, limit, a);
                    scale = self.scaling.fit(&fitted, &x, &z, true, a);
                    groups.clone_from(&fitted);
                }
                scale
            } else {
                start.collect()
            }
        };
        let codes = scale::codes(&x, &groups, &scale, limit, a);
        Ok(Weights {
            shape: shape.to_vec(),
            codes: codes.iter().map(|c| *c as i128).collect(),
            scale: groups.spread(&scale, unit)?,
            encoding: Encoding::Fixed,
        })
    }
}

impl Quantizer for Config {
    fn weights(&self, values: &[f64], shape: &[usize]) -> Result<Weights, String> {
        let factors = match &self.alpha {
            Alpha::Auto => return self.automatic(values, shape, false),
            Alpha::AutoPo2 => return self.automatic(values, shape, true),
            Alpha::Fixed(factors) => factors,
        };
        alpha::fits(factors, shape, "`alpha`")?;
        alpha::fits(&self.grid.integer, shape, "`integer`")?;
        if self.grid.is_sign() {
            let a = Arithmetic::of(values);
            let code = |&v: &f64| if a.sign(v) < 0.0 { -1 } else { 1 };
            return Ok(Weights {
                shape: shape.to_vec(),
                codes: values.iter().map(code).collect(),
                scale: factors.clone(),
                encoding: Encoding::Binary,
            });
        }
        let ub = self.grid.magnitude_bits();
        let (bottom, top) = self.grid.limits();
        let code = |(i, &v): (usize, &f64)| {
            // Scaling by a power of two is exact.
            let steps = v * f64::from(ub - self.grid.integer.at(i)).exp2();
            steps.round_ties_even().clamp(bottom, top) as i128
        };
        Ok(Weights {
            shape: shape.to_vec(),
            codes: values.iter().enumerate().map(code).collect(),
            scale: factors.zip(&self.grid.lsb(), |a, l| a * l).compact(),
            encoding: Encoding::Fixed,
        })
    }

    fn describe(&self) -> Description {
        Description {
            name: "quantized_bits",
            grid: grid::declared(self.grid.bits, &self.grid.integer, self.grid.keep_negative),
            auto_po2: matches!(self.alpha, Alpha::AutoPo2),
        }
    }

    fn steps(&self) -> Result<Vec<Step>, String> {
        let factors = self.alpha.fixed()?;
        let mut steps = if self.grid.is_sign() {
            binary::sign_steps(-1)
        } else {
            self.grid.steps()?
        };
        steps.extend(alpha::times(factors));
        Ok(steps)
    }
}
