//! The straight-line functions of Keras, whose slopes differ between its versions.

use num_traits::One;

use super::chain::{Chain, clip, function, hard_sigmoid, ratio};
use super::{Args, Context, Definition, Namespace, Quantizer};
use crate::ir::Real;
use crate::ir::functions::Elementary;

/// See the module.
pub(super) struct HardKeras;

impl Definition for HardKeras {
    fn names(&self) -> &'static [&'static str] {
        &["hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh"]
    }

    fn arguments(&self) -> &'static [&'static str] {
        &[]
    }

    fn namespaces(&self) -> &'static [Namespace] {
        &[Namespace::Keras3]
    }

    fn doc(&self) -> &'static str {
        include_str!("doc.md")
    }

    fn build(&self, name: &str, _args: &Args, _context: &Context) -> Box<dyn Quantizer> {
        let steps = match name {
            "hard_sigmoid" => hard_sigmoid(ratio(1, 6)),
            "hard_tanh" => vec![clip(-Real::one(), Real::one())],
            _ => vec![function(Elementary::HardSwish {
                shift: ratio(3, 1),
                limit: ratio(6, 1),
            })],
        };
        Chain::function(self, name, steps)
    }
}

/// The one of them that Keras 2 has too, otherwise.
pub(super) struct HardKeras2;

impl Definition for HardKeras2 {
    fn names(&self) -> &'static [&'static str] {
        &["hard_sigmoid"]
    }

    fn arguments(&self) -> &'static [&'static str] {
        &[]
    }

    fn namespaces(&self) -> &'static [Namespace] {
        &[Namespace::Keras2]
    }

    fn doc(&self) -> &'static str {
        include_str!("doc_keras2.md")
    }

    fn build(&self, name: &str, _args: &Args, _context: &Context) -> Box<dyn Quantizer> {
        Chain::function(self, name, hard_sigmoid(ratio(1, 5)))
    }
}
