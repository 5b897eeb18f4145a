//! The rectifiers of Keras with constants: `relu` and `leaky_relu`.

use num_traits::{One, Zero};

use super::chain::Chain;
use super::{Args, Context, Definition, Namespace, Quantizer};
use crate::ir::math::Step;
use crate::ir::{Periodic, Real, from_f32};

/// See the module.
pub(super) struct Leaky;

impl Definition for Leaky {
    fn names(&self) -> &'static [&'static str] {
        &["relu", "leaky_relu"]
    }

    fn arguments(&self) -> &'static [&'static str] {
        &["negative_slope", "max_value", "threshold", "alpha"]
    }

    fn namespaces(&self) -> &'static [Namespace] {
        &[Namespace::Keras2, Namespace::Keras3]
    }

    fn doc(&self) -> &'static str {
        include_str!("doc.md")
    }

    fn build(&self, name: &str, args: &Args, _context: &Context) -> Box<dyn Quantizer> {
        // Constants are float32 in Keras.
        let single = |x: f64| from_f32(x as f32).unwrap_or_else(Real::one);
        let slope = if name == "relu" { 0.0 } else { 0.2 };
        let slope = args.number("negative_slope", args.number("alpha", slope));
        let threshold = args.number("threshold", 0.0);
        let mut steps = vec![Step::Leaky {
            threshold: single(threshold),
            slope: Periodic::uniform(single(slope)),
        }];
        if args.get("max_value").is_some() {
            let max = args.number("max_value", 0.0);
            if max < 0.0 {
                args.problem(format!("`max_value` is {max}; Keras wants 0 or more"));
            }
            steps.push(Step::Clip {
                lo: None,
                hi: Some(single(max)),
            });
        }
        if name != "relu" && (threshold != 0.0 || args.get("max_value").is_some()) {
            args.problem("`max_value` and `threshold` are arguments of relu only");
        }
        if single(threshold).is_zero() && threshold != 0.0 {
            args.problem("`threshold` is below the smallest float32");
        }
        Chain::function(self, name, steps)
    }
}
