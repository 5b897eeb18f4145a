//! `quantized_hswish`: the hard swish, then `quantized_bits`.

use num_traits::{One, Signed, ToPrimitive};

use super::chain::function;
use super::{Args, Context, Definition, Description, Namespace, Quantizer, bits};
use crate::ir::functions::Elementary;
use crate::ir::math::{Step, Weights};
use crate::ir::{Real, from_f64};

/// See the module.
pub(super) struct Hswish;

#[derive(Debug)]
struct Config {
    swish: Step,
    grid: Box<dyn Quantizer>,
}

impl Definition for Hswish {
    fn names(&self) -> &'static [&'static str] {
        &["quantized_hswish"]
    }

    fn arguments(&self) -> &'static [&'static str] {
        &[
            "bits",
            "integer",
            "symmetric",
            "alpha",
            "use_stochastic_rounding",
            "scale_axis",
            "qnoise_factor",
            "var_name",
            "use_variables",
            "relu_shift",
            "relu_upper_bound",
            // In saved configurations, though QKeras' own constructor does not take them.
            "keep_negative",
            "post_training_scale",
        ]
    }

    fn namespaces(&self) -> &'static [Namespace] {
        &[Namespace::QKeras]
    }

    fn doc(&self) -> &'static str {
        include_str!("doc.md")
    }

    fn build(&self, name: &str, args: &Args, context: &Context) -> Box<dyn Quantizer> {
        let number =
            |key: &str, default: f64| from_f64(args.number(key, default)).unwrap_or_else(Real::one);
        let shift = number("relu_shift", 3.0);
        let mut limit = number("relu_upper_bound", 6.0);
        if !limit.is_positive() {
            args.problem("`relu_upper_bound` has to be positive");
            limit = Real::one();
        }
        Box::new(Config {
            swish: function(Elementary::HardSwish { shift, limit }),
            grid: bits::Bits.build(name, args, context),
        })
    }
}

impl Quantizer for Config {
    fn weights(&self, values: &[f64], shape: &[usize]) -> Result<Weights, String> {
        // Scales of the grid may depend on the values as a whole.
        let swished = super::evaluated(std::slice::from_ref(&self.swish), values, shape)?;
        let swished: Option<Vec<f64>> = swished.values().iter().map(Real::to_f64).collect();
        self.grid
            .weights(&swished.ok_or("a weight is too large")?, shape)
    }

    fn describe(&self) -> Description {
        Description {
            name: "quantized_hswish",
            ..self.grid.describe()
        }
    }

    fn steps(&self) -> Result<Vec<Step>, String> {
        let grid = self.grid.steps()?;
        Ok([self.swish.clone()].into_iter().chain(grid).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::math::PointFunction;
    use num_traits::Zero;

    #[test]
    fn above_the_limit_it_is_the_identity() {
        let f = Elementary::HardSwish {
            shift: Real::from_integer(3.into()),
            limit: Real::from_integer(6.into()),
        };
        let seven = Real::from_integer(7.into());
        assert_eq!(f.eval(&seven, 64).lo, seven);
        assert!(f.eval(&-seven, 64).lo.is_zero());
    }
}
