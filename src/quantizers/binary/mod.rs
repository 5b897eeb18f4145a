//! `binary`, `stochastic_binary` and `bernoulli`: one bit.
//!
//! `alpha * (x >= 0 ? 1 : -1)`, with `use_01` `alpha * (x >= 0 ? 1 : 0)`. `alpha` "auto" and
//! "auto_po2" are the least-squares scale of the weights. `stochastic_binary` draws random numbers
//! in training only. `bernoulli` draws them at every call and is refused, unless the user asks for
//! its deterministic form, `alpha * (x >= 0 ? 1 : 0)`.

use std::sync::Arc;

use num_traits::{One, Signed, Zero};

use super::alpha::{self, Alpha};
use super::scale::{Arithmetic, Scaling};
use super::{Args, Context, Definition, Description, Grid, Namespace, Quantizer};
use crate::ir::math::{Direction, PointFunction, Step, Weights};
use crate::ir::{Enclosure, Encoding, Real};

/// See the module.
pub(super) struct Binary;

/// `binary` and its kin.
pub(super) struct StochasticBinary;

/// See the module.
pub(super) struct Bernoulli;

#[derive(Debug, Clone)]
struct Config {
    name: &'static str,
    /// The low value is 0, not -1.
    zero: bool,
    alpha: Alpha,
    scaling: Scaling,
}

fn config(name: &'static str, args: &Args, context: &Context, zero: bool) -> Box<dyn Quantizer> {
    let alpha = Alpha::read(args, context);
    let scaling = Scaling::read(args, matches!(alpha, Alpha::AutoPo2));
    Box::new(Config {
        name,
        zero,
        alpha,
        scaling,
    })
}

impl Definition for Binary {
    fn names(&self) -> &'static [&'static str] {
        &["binary"]
    }

    fn arguments(&self) -> &'static [&'static str] {
        &[
            "use_01",
            "alpha",
            "training",
            "use_stochastic_rounding",
            "scale_axis",
            "elements_per_scale",
            "min_po2_exponent",
            "max_po2_exponent",
        ]
    }

    fn namespaces(&self) -> &'static [Namespace] {
        &[Namespace::QKeras]
    }

    fn doc(&self) -> &'static str {
        include_str!("binary.md")
    }

    fn build(&self, _name: &str, args: &Args, context: &Context) -> Box<dyn Quantizer> {
        if args.flag("training", false) {
            args.problem("`training` draws random numbers at inference");
        }
        config("binary", args, context, args.flag("use_01", false))
    }
}

impl Definition for StochasticBinary {
    fn names(&self) -> &'static [&'static str] {
        &["stochastic_binary"]
    }

    fn arguments(&self) -> &'static [&'static str] {
        &["alpha", "temperature", "use_real_sigmoid"]
    }

    fn namespaces(&self) -> &'static [Namespace] {
        &[Namespace::QKeras]
    }

    fn doc(&self) -> &'static str {
        include_str!("stochastic_binary.md")
    }

    fn build(&self, _name: &str, args: &Args, context: &Context) -> Box<dyn Quantizer> {
        config("stochastic_binary", args, context, false)
    }
}

impl Definition for Bernoulli {
    fn names(&self) -> &'static [&'static str] {
        &["bernoulli"]
    }

    fn arguments(&self) -> &'static [&'static str] {
        &["alpha", "temperature", "use_real_sigmoid"]
    }

    fn namespaces(&self) -> &'static [Namespace] {
        &[Namespace::QKeras]
    }

    fn doc(&self) -> &'static str {
        include_str!("bernoulli.md")
    }

    fn build(&self, _name: &str, args: &Args, context: &Context) -> Box<dyn Quantizer> {
        if !context.choices.deterministic_bernoulli {
            args.problem(
                "draws random numbers at every call; --deterministic-bernoulli takes alpha * (x >= 0) instead",
            );
        }
        config("bernoulli", args, context, true)
    }
}

impl Config {
    fn low(&self) -> i128 {
        if self.zero { 0 } else { -1 }
    }
}

impl Quantizer for Config {
    fn weights(&self, values: &[f64], shape: &[usize]) -> Result<Weights, String> {
        let a = Arithmetic::of(values);
        let low = self.low();
        let code = |&v: &f64| if a.sign(v) < 0.0 { low } else { 1 };
        let codes: Vec<i128> = values.iter().map(code).collect();
        let scale = match &self.alpha {
            Alpha::Fixed(factors) => {
                alpha::fits(factors, shape, "`alpha`")?;
                factors.clone()
            }
            auto => {
                let q: Vec<f64> = codes.iter().map(|&c| c as f64).collect();
                let groups = self.scaling.least_squares(shape)?;
                let po2 = matches!(auto, Alpha::AutoPo2);
                let scale = self.scaling.fit(&groups, values, &q, po2, a);
                groups.spread(&scale, 1.0)?
            }
        };
        Ok(Weights {
            shape: shape.to_vec(),
            codes,
            scale,
            encoding: if self.zero {
                Encoding::Bit
            } else {
                Encoding::Binary
            },
        })
    }

    fn describe(&self) -> Description {
        Description {
            name: self.name,
            grid: Grid::Binary {
                zero_one: self.zero,
            },
            auto_po2: matches!(self.alpha, Alpha::AutoPo2),
        }
    }

    fn steps(&self) -> Result<Vec<Step>, String> {
        let factors = self.alpha.fixed()?;
        let mut steps = sign_steps(self.low());
        steps.extend(alpha::times(factors));
        Ok(steps)
    }
}

/// `low` for negative numbers, +1 for the others.
#[derive(Debug)]
struct Sign {
    low: i128,
}

impl PointFunction for Sign {
    fn name(&self) -> String {
        "sign".into()
    }

    fn eval(&self, x: &Real, _precision: u32) -> Enclosure {
        Enclosure::exact(if x.is_negative() {
            Real::from_integer(self.low.into())
        } else {
            Real::one()
        })
    }

    fn direction(&self) -> Direction {
        Direction::Rising
    }

    fn discrete(&self) -> bool {
        true
    }

    fn bounds(&self) -> (Option<Real>, Option<Real>) {
        let low = Real::from_integer(self.low.into());
        (Some(low.min(Real::zero())), Some(Real::one()))
    }
}

/// `x >= 0 ? 1 : low` as a chain.
pub(super) fn sign_steps(low: i128) -> Vec<Step> {
    vec![Step::Function(Arc::new(Sign { low }))]
}
