//! `quantized_ulaw`: the companding of telephony after a rounded sigmoid.

use num_traits::{One, Signed, Zero};

use super::chain::{Chain, affine, clip, function, internal_sigmoid, quantize, ratio, times};
use super::{Args, Context, Definition, Namespace, Quantizer};
use crate::ir::functions::Elementary;
use crate::ir::{Real, from_f64, pow2};

/// See the module.
pub(super) struct Ulaw;

impl Definition for Ulaw {
    fn names(&self) -> &'static [&'static str] {
        &["quantized_ulaw"]
    }

    fn arguments(&self) -> &'static [&'static str] {
        &["bits", "integer", "symmetric", "u"]
    }

    fn namespaces(&self) -> &'static [Namespace] {
        &[Namespace::QKeras]
    }

    fn doc(&self) -> &'static str {
        include_str!("doc.md")
    }

    fn build(&self, _name: &str, args: &Args, context: &Context) -> Box<dyn Quantizer> {
        let bits = args.bits(24);
        let integer = args.small("integer");
        let symmetric = args.flag("symmetric", false);
        let mut u = from_f64(args.number("u", 255.0)).unwrap_or_else(Real::zero);
        if !u.is_positive() {
            args.problem("`u` has to be positive");
            u = Real::one();
        }
        let lsb = pow2(1 - bits.cast_signed());
        let lowest = if symmetric {
            &lsb - Real::one()
        } else {
            -Real::one()
        };
        let mut steps = vec![times(pow2(-integer))];
        steps.extend(internal_sigmoid(context));
        steps.extend([
            // 0 to 2^(bits - 1): both ends occur.
            quantize(bits, 1, false, false),
            affine(ratio(2, 1), -Real::one()),
            function(Elementary::MuLaw { u }),
            clip(lowest, Real::one() - lsb),
            times(pow2(integer)),
        ]);
        Chain::fixed(self, (bits, integer, true), steps)
    }
}
