//! The transcendental activations of Keras, and `softsign`, which is rational.

use super::chain::{Chain, function, times};
use super::{Args, Context, Definition, Namespace, Quantizer};
use crate::ir::functions::Elementary;
use crate::ir::{Real, from_f32, from_f64};

/// See the module.
pub(super) struct Smooth;

impl Definition for Smooth {
    fn names(&self) -> &'static [&'static str] {
        &[
            "sigmoid",
            "tanh",
            "exponential",
            "elu",
            "selu",
            "gelu",
            "silu",
            "swish",
            "softplus",
            "softsign",
        ]
    }

    fn arguments(&self) -> &'static [&'static str] {
        &["alpha", "approximate"]
    }

    fn namespaces(&self) -> &'static [Namespace] {
        &[Namespace::Keras2, Namespace::Keras3]
    }

    fn doc(&self) -> &'static str {
        include_str!("doc.md")
    }

    fn build(&self, name: &str, args: &Args, _context: &Context) -> Box<dyn Quantizer> {
        for (key, of) in [("alpha", "elu"), ("approximate", "gelu")] {
            if name != of && args.get(key).is_some() {
                args.problem(format!("`{key}` is an argument of {of} only"));
            }
        }
        let one = |f: Elementary| vec![function(f)];
        let steps = match name {
            "sigmoid" => one(Elementary::Logistic),
            "tanh" => one(Elementary::Tanh),
            "exponential" => one(Elementary::Exp),
            "elu" => one(Elementary::Elu {
                // A float32 constant, as the layer computes.
                alpha: from_f32(args.number("alpha", 1.0) as f32).unwrap_or_default(),
            }),
            "selu" => {
                let exact = |x: f64| -> Real { from_f64(x).unwrap_or_default() };
                vec![
                    function(Elementary::Elu {
                        alpha: exact(1.673_263_242_354_377_2),
                    }),
                    times(exact(1.050_700_987_355_480_5)),
                ]
            }
            "gelu" if args.flag("approximate", false) => one(Elementary::GeluTanh),
            "gelu" => one(Elementary::Gelu),
            "silu" | "swish" => one(Elementary::Silu),
            "softplus" => one(Elementary::Softplus),
            _ => one(Elementary::Softsign),
        };
        Chain::function(self, name, steps)
    }
}
