//! `quantized_sigmoid`: a sigmoid, straight or real, into unsigned fixed point below 1.

use num_traits::One;

use super::chain::{Chain, function, internal_sigmoid, quantize};
use super::{Args, Context, Definition, Namespace, Quantizer};
use crate::ir::functions::Elementary;
use crate::ir::math::Step;
use crate::ir::{Real, pow2};

/// See the module.
pub(super) struct Sigmoid;

impl Definition for Sigmoid {
    fn names(&self) -> &'static [&'static str] {
        &["quantized_sigmoid"]
    }

    fn arguments(&self) -> &'static [&'static str] {
        &[
            "bits",
            "symmetric",
            "use_real_sigmoid",
            "use_stochastic_rounding",
        ]
    }

    fn namespaces(&self) -> &'static [Namespace] {
        &[Namespace::QKeras]
    }

    fn doc(&self) -> &'static str {
        include_str!("doc.md")
    }

    fn build(&self, _name: &str, args: &Args, context: &Context) -> Box<dyn Quantizer> {
        let bits = args.bits(30);
        let symmetric = args.flag("symmetric", false);
        let mut steps = if args.flag("use_real_sigmoid", false) {
            vec![function(Elementary::Logistic)]
        } else {
            let mut steps = internal_sigmoid(context);
            // The limits of the straight ones are those of the type, or beyond.
            steps.retain(|s| !matches!(s, Step::Clip { .. }));
            steps
        };
        if symmetric {
            let lowest = pow2(-bits.cast_signed());
            steps.push(Step::Clip {
                lo: Some(lowest),
                hi: Some(Real::one()),
            });
        }
        steps.push(quantize(bits, 0, false, false));
        Chain::fixed(self, (bits, 0, false), steps)
    }
}
