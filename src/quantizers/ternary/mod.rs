//! `ternary` and `stochastic_ternary`: -1, 0, +1.
//!
//! `alpha * (|x| >= threshold ? sign(x) : 0)` with a float32 threshold, 0.33 by default. With
//! `alpha` "auto" and "auto_po2" threshold and scale find each other in `number_of_unrolls` rounds:
//! codes by half the scale, scale by least squares. `stochastic_ternary` draws random numbers in
//! training only.

use std::sync::Arc;

use num_traits::{One, Signed, Zero};

use super::alpha::{self, Alpha};
use super::scale::{self, Arithmetic, Groups, Scaling};
use super::{Args, Context, Definition, Description, Grid, Namespace, Quantizer};
use crate::ir::math::{Direction, PointFunction, Step, Weights};
use crate::ir::{Enclosure, Encoding, Real, from_f64};

/// See the module.
pub(super) struct Ternary;

/// See the module.
pub(super) struct StochasticTernary;

#[derive(Debug, Clone)]
struct Config {
    name: &'static str,
    alpha: Alpha,
    /// A float32 number.
    threshold: f64,
    rounds: i32,
}

fn config(name: &'static str, args: &Args, context: &Context) -> Box<dyn Quantizer> {
    let alpha = Alpha::read(args, context);
    if alpha.is_auto() && args.get("threshold").is_some() {
        args.problem("an automatic scale finds its own threshold; `threshold` must be None");
    }
    let threshold = f64::from(args.number("threshold", 0.33) as f32);
    if threshold < 0.0 {
        args.problem(format!(
            "`threshold` is {threshold}; it must not be negative"
        ));
    }
    let rounds = args.integer("number_of_unrolls", 5);
    if alpha.is_auto() && !(1..=1000).contains(&rounds) {
        args.problem(format!(
            "`number_of_unrolls` is {rounds}; 1 to 1000 are supported"
        ));
    }
    Box::new(Config {
        name,
        alpha,
        threshold,
        rounds,
    })
}

impl Definition for Ternary {
    fn names(&self) -> &'static [&'static str] {
        &["ternary"]
    }

    fn arguments(&self) -> &'static [&'static str] {
        &[
            "alpha",
            "threshold",
            "use_stochastic_rounding",
            "number_of_unrolls",
        ]
    }

    fn namespaces(&self) -> &'static [Namespace] {
        &[Namespace::QKeras]
    }

    fn doc(&self) -> &'static str {
        include_str!("ternary.md")
    }

    fn build(&self, _name: &str, args: &Args, context: &Context) -> Box<dyn Quantizer> {
        config("ternary", args, context)
    }
}

impl Definition for StochasticTernary {
    fn names(&self) -> &'static [&'static str] {
        &["stochastic_ternary"]
    }

    fn arguments(&self) -> &'static [&'static str] {
        &[
            "alpha",
            "threshold",
            "temperature",
            "use_real_sigmoid",
            "number_of_unrolls",
        ]
    }

    fn namespaces(&self) -> &'static [Namespace] {
        &[Namespace::QKeras]
    }

    fn doc(&self) -> &'static str {
        include_str!("stochastic_ternary.md")
    }

    fn build(&self, _name: &str, args: &Args, context: &Context) -> Box<dyn Quantizer> {
        config("stochastic_ternary", args, context)
    }
}

impl Config {
    fn automatic(&self, values: &[f64], shape: &[usize], po2: bool) -> Result<Weights, String> {
        let a = Arithmetic::of(values);
        let scaling = Scaling::default();
        let mut groups = scaling.start(shape, Groups::whole())?;
        let largest = groups.largest(values, f64::abs);
        let start = largest.iter().map(|m| a.round(2.0 * m / 3.0));
        let mut scale: Vec<f64> = if po2 {
            start.map(|s| scale::nearest_po2(s, a)).collect()
        } else {
            start.collect()
        };
        let fitted = scaling.least_squares(shape)?;
        let mut codes = Vec::new();
        for _ in 0..self.rounds {
            let beyond_half = |steps: f64| {
                if steps.abs() > 0.5 {
                    steps.signum()
                } else {
                    0.0
                }
            };
            codes = scale::quotients(values, &groups, &scale, a, beyond_half);
            scale = scaling.fit(&fitted, values, &codes, po2, a);
            groups.clone_from(&fitted);
        }
        Ok(Weights {
            shape: shape.to_vec(),
            codes: codes.iter().map(|c| *c as i128).collect(),
            scale: groups.spread(&scale, 1.0)?,
            encoding: Encoding::Ternary,
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
        let a = Arithmetic::of(values);
        let code = |&v: &f64| {
            if v.abs() >= self.threshold {
                a.sign(v) as i128
            } else {
                0
            }
        };
        Ok(Weights {
            shape: shape.to_vec(),
            codes: values.iter().map(code).collect(),
            scale: factors.clone(),
            encoding: Encoding::Ternary,
        })
    }

    fn describe(&self) -> Description {
        Description {
            name: self.name,
            grid: Grid::Ternary,
            auto_po2: matches!(self.alpha, Alpha::AutoPo2),
        }
    }

    fn steps(&self) -> Result<Vec<Step>, String> {
        let factors = self.alpha.fixed()?;
        let threshold = from_f64(self.threshold).ok_or("`threshold` is no finite number")?;
        let mut steps = vec![Step::Function(
            Arc::new(Thirds { threshold }) as Arc<dyn PointFunction>
        )];
        steps.extend(alpha::times(factors));
        Ok(steps)
    }
}

/// The sign of numbers from the threshold on, else zero.
#[derive(Debug)]
struct Thirds {
    threshold: Real,
}

impl PointFunction for Thirds {
    fn name(&self) -> String {
        "ternary".into()
    }

    fn eval(&self, x: &Real, _precision: u32) -> Enclosure {
        Enclosure::exact(if x.abs() < self.threshold || x.is_zero() {
            Real::zero()
        } else {
            x.signum()
        })
    }

    fn direction(&self) -> Direction {
        Direction::Rising
    }

    fn discrete(&self) -> bool {
        true
    }

    fn bounds(&self) -> (Option<Real>, Option<Real>) {
        (Some(-Real::one()), Some(Real::one()))
    }
}
