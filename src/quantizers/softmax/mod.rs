//! `softmax`, which is no function of one number.

use super::{Args, Context, Definition, Description, Grid, Namespace, Quantizer};
use crate::ir::math::Step;

/// See the module.
pub(super) struct Softmax;

#[derive(Debug)]
struct Config;

impl Definition for Softmax {
    fn names(&self) -> &'static [&'static str] {
        &["softmax"]
    }

    fn arguments(&self) -> &'static [&'static str] {
        &["axis"]
    }

    fn namespaces(&self) -> &'static [Namespace] {
        &[Namespace::Keras2, Namespace::Keras3]
    }

    fn doc(&self) -> &'static str {
        include_str!("doc.md")
    }

    fn build(&self, _name: &str, args: &Args, _context: &Context) -> Box<dyn Quantizer> {
        if args.integer("axis", -1) != -1 {
            args.problem("`axis` of an activation has to be the last; the layer Softmax takes any");
        }
        Box::new(Config)
    }
}

impl Quantizer for Config {
    fn describe(&self) -> Description {
        Description {
            name: "softmax",
            grid: Grid::Function,
            auto_po2: false,
        }
    }

    fn steps(&self) -> Result<Vec<Step>, String> {
        Err("softmax is no function of one number".into())
    }

    fn is_softmax(&self) -> bool {
        true
    }
}
