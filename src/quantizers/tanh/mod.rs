//! `quantized_tanh`: a hyperbolic tangent, straight or real, into signed fixed point below 1.

use super::chain::{Chain, function, quantize, ratio, times};
use super::{Args, Context, Definition, InternalSigmoid, Namespace, Quantizer};
use crate::ir::functions::Elementary;

/// See the module.
pub(super) struct Tanh;

impl Definition for Tanh {
    fn names(&self) -> &'static [&'static str] {
        &["quantized_tanh"]
    }

    fn arguments(&self) -> &'static [&'static str] {
        &[
            "bits",
            "use_stochastic_rounding",
            "symmetric",
            "use_real_tanh",
        ]
    }

    fn namespaces(&self) -> &'static [Namespace] {
        &[Namespace::QKeras]
    }

    fn doc(&self) -> &'static str {
        include_str!("doc.md")
    }

    fn build(&self, _name: &str, args: &Args, context: &Context) -> Box<dyn Quantizer> {
        let bits = args.bits(32);
        let symmetric = args.flag("symmetric", false);
        let real = args.flag("use_real_tanh", false);
        let tanh = function(Elementary::Tanh);
        // 2 S(x) - 1; the limits of the straight ones lie beyond those of the type.
        let mut steps = match context.choices.internal_sigmoid {
            _ if real => vec![tanh],
            InternalSigmoid::Hard => vec![],
            InternalSigmoid::Smooth => vec![times(ratio(3, 8))],
            InternalSigmoid::Real => vec![times(ratio(1, 2)), tanh],
        };
        steps.push(quantize(bits, 1, true, symmetric));
        Chain::fixed(self, (bits, 0, true), steps)
    }
}
