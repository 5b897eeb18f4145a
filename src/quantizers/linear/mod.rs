//! `quantized_linear`: a grid whose step `alpha` scales.
//!
//! On the grid of [`FixedGrid`]: `step = alpha * lsb`, `y = rne(clip(x / step, lo, hi)) * step`; one bit
//! with sign gives `step / 2 * (x >= 0 ? 1 : -1)`. `alpha` "auto" takes the largest weight as the end
//! of the range, "auto_po2" improves its power of two by least squares. Unlike `quantized_bits` it
//! divides the argument, and rounds half to even with every `alpha`.

use num_traits::Zero;

use super::alpha::{self, Alpha};
use super::grid::{self, FixedGrid};
use super::scale::{self, Arithmetic, Groups, Scaling};
use super::{Args, Context, Definition, Description, Namespace, Quantizer, binary};
use crate::ir::math::{Step, Weights};
use crate::ir::{Encoding, Periodic, Real, pow2};
use num_traits::ToPrimitive;

/// See the module.
pub(super) struct Linear;

#[derive(Debug, Clone)]
struct Config {
    grid: FixedGrid,
    alpha: Alpha,
    scaling: Scaling,
}

impl Definition for Linear {
    fn names(&self) -> &'static [&'static str] {
        &["quantized_linear"]
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
            "use_variables",
        ]
    }

    fn namespaces(&self) -> &'static [Namespace] {
        &[Namespace::QKeras]
    }

    fn doc(&self) -> &'static str {
        include_str!("doc.md")
    }

    fn build(&self, _name: &str, args: &Args, context: &Context) -> Box<dyn Quantizer> {
        let mut grid = FixedGrid::read(args, 1);
        let alpha = Alpha::read(args, context);
        if alpha::is_hooked(args, context) {
            grid.symmetric = 1;
        }
        if let Alpha::Fixed(factors) = &alpha
            && factors.values().iter().any(|f| *f <= Real::zero())
        {
            args.problem("`alpha` must be positive: it is the step of the grid");
        }
        let scaling = Scaling::read(args, false);
        Box::new(Config {
            grid,
            alpha,
            scaling,
        })
    }
}

impl Config {
    /// Steps of the grid in each channel, for a given `alpha`.
    fn step(&self, factors: &Periodic<Real>) -> Periodic<Real> {
        factors.zip(&self.grid.lsb(), |a, lsb| a * lsb).compact()
    }

    /// Limits of `x / step`, as QKeras clips it before it rounds.
    fn limits(&self) -> (f64, f64) {
        if self.grid.is_sign() {
            (-0.5, 0.5)
        } else {
            self.grid.limits()
        }
    }

    /// `x / step` as a code; half codes for one bit with sign.
    fn codes(&self, x: &[f64], groups: &Groups, step: &[f64], a: Arithmetic) -> Vec<f64> {
        let shift = if self.grid.is_sign() { 0.5 } else { 0.0 };
        let (lo, hi) = self.limits();
        scale::quotients(x, groups, step, a, |steps| {
            a.round(steps.clamp(lo, hi) - shift).round_ties_even() + shift
        })
    }

    fn automatic(
        &self,
        values: &[f64],
        shape: &[usize],
        po2: bool,
    ) -> Result<(Groups, Vec<f64>), String> {
        let a = Arithmetic::of(values);
        let mut groups = self.scaling.start(shape, Groups::channels(shape))?;
        let (lo, hi) = self.limits();
        let epsilon = a.round(1e-7);
        let start = if self.grid.keep_negative {
            let largest = groups.largest(values, f64::abs);
            let twice = largest
                .iter()
                .map(|m| a.round(a.round(m * 2.0) / (hi - lo)));
            twice.map(|s| s.max(epsilon)).collect::<Vec<f64>>()
        } else {
            let largest = groups.largest(values, |v| v);
            largest
                .iter()
                .map(|m| a.round(m / (hi - lo)).max(epsilon))
                .collect()
        };
        if !po2 {
            return Ok((groups, start));
        }
        let mut step: Vec<f64> = start.iter().map(|&s| scale::nearest_po2(s, a)).collect();
        let fitted = self.scaling.least_squares(shape)?;
        for _ in 0..if self.grid.is_sign() { 1 } else { 5 } {
            let z = self.codes(values, &groups, &step, a);
            let next = self.scaling.fit(&fitted, values, &z, true, a);
            groups.clone_from(&fitted);
            if next == step {
                break;
            }
            step = next;
        }
        Ok((groups, step))
    }
}

impl Quantizer for Config {
    fn weights(&self, values: &[f64], shape: &[usize]) -> Result<Weights, String> {
        let a = Arithmetic::of(values);
        let (groups, steps, scale) = match &self.alpha {
            Alpha::Fixed(factors) => {
                alpha::fits(factors, shape, "`alpha`")?;
                alpha::fits(&self.grid.integer, shape, "`integer`")?;
                let step = self.step(factors);
                let groups = match step.period() {
                    1 => Groups::whole(),
                    _ => Groups::channels(shape),
                };
                let steps = step.values().iter().map(|s| s.to_f64().unwrap_or(f64::NAN));
                (groups, steps.collect(), step)
            }
            auto => {
                self.grid
                    .integer
                    .as_uniform()
                    .ok_or("an automatic scale needs one `integer`")?;
                let po2 = matches!(auto, Alpha::AutoPo2);
                let (groups, steps) = self.automatic(values, shape, po2)?;
                let scale = groups.spread(&steps, 1.0)?;
                (groups, steps, scale)
            }
        };
        let codes = self.codes(values, &groups, &steps, a);
        if self.grid.is_sign() {
            return Ok(Weights {
                shape: shape.to_vec(),
                codes: codes.iter().map(|c| (2.0 * c) as i128).collect(),
                scale: scale.map(|s| s * pow2(-1)),
                encoding: Encoding::Binary,
            });
        }
        Ok(Weights {
            shape: shape.to_vec(),
            codes: codes.iter().map(|c| *c as i128).collect(),
            scale,
            encoding: Encoding::Fixed,
        })
    }

    fn describe(&self) -> Description {
        Description {
            name: "quantized_linear",
            grid: grid::declared(self.grid.bits, &self.grid.integer, self.grid.keep_negative),
            auto_po2: matches!(self.alpha, Alpha::AutoPo2),
        }
    }

    fn steps(&self) -> Result<Vec<Step>, String> {
        let factors = self.alpha.fixed()?;
        if self.grid.is_sign() {
            let mut steps = binary::sign_steps(-1);
            steps.extend(alpha::times(&self.step(factors).map(|s| s * pow2(-1))));
            return Ok(steps);
        }
        let mut steps: Vec<Step> = alpha::times(&factors.map(Real::recip))
            .into_iter()
            .collect();
        steps.extend(self.grid.steps()?);
        steps.extend(alpha::times(factors));
        Ok(steps)
    }
}
