//! The straight-line functions of QKeras: `hard_sigmoid`, `smooth_sigmoid`, `binary_sigmoid` and their
//! tangents.

use num_traits::One;

use super::chain::{Chain, affine, clip, hard_sigmoid, quantize, ratio, times};
use super::{Args, Context, Definition, Grid, Namespace, Quantizer};
use crate::ir::Real;

/// See the module.
pub(super) struct Hard;

impl Definition for Hard {
    fn names(&self) -> &'static [&'static str] {
        &[
            "hard_sigmoid",
            "smooth_sigmoid",
            "binary_sigmoid",
            "hard_tanh",
            "smooth_tanh",
            "binary_tanh",
        ]
    }

    fn arguments(&self) -> &'static [&'static str] {
        &[]
    }

    fn namespaces(&self) -> &'static [Namespace] {
        &[Namespace::QKeras]
    }

    fn doc(&self) -> &'static str {
        include_str!("doc.md")
    }

    fn build(&self, name: &str, _args: &Args, _context: &Context) -> Box<dyn Quantizer> {
        let one = clip(-Real::one(), Real::one());
        // rne(clip(0.5 x + 0.5, 0, 1)) is the conversion into one unsigned bit.
        let bit = || {
            [
                affine(ratio(1, 2), ratio(1, 2)),
                quantize(1, 1, false, false),
            ]
        };
        let steps = match name {
            "hard_sigmoid" => hard_sigmoid(ratio(1, 2)),
            "smooth_sigmoid" => hard_sigmoid(ratio(3, 16)),
            "binary_sigmoid" => bit().into(),
            "hard_tanh" => vec![one],
            "smooth_tanh" => vec![times(ratio(3, 8)), one],
            _ => {
                let sign = affine(ratio(2, 1), -Real::one());
                bit().into_iter().chain([sign]).collect()
            }
        };
        let grid = match name {
            "binary_sigmoid" => Grid::Binary { zero_one: true },
            "binary_tanh" => Grid::Binary { zero_one: false },
            _ => Grid::Function,
        };
        Chain::with(self, name, grid, steps)
    }
}
