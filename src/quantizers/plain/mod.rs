//! Functions without a grid of their own: `linear`, `relu6`.

use num_traits::Zero;

use super::{Args, Context, Definition, Description, Grid, Namespace, Quantizer};
use crate::ir::Real;
use crate::ir::math::{Step, Weights};

/// See the module.
pub(super) struct Plain;

#[derive(Debug, Clone, Copy)]
enum Function {
    Linear,
    Relu6,
}

impl Definition for Plain {
    fn names(&self) -> &'static [&'static str] {
        &["linear", "relu6"]
    }

    fn arguments(&self) -> &'static [&'static str] {
        &[]
    }

    fn namespaces(&self) -> &'static [Namespace] {
        &[Namespace::Keras2, Namespace::Keras3]
    }

    fn doc(&self) -> &'static str {
        include_str!("doc.md")
    }

    fn build(&self, name: &str, _args: &Args, _context: &Context) -> Box<dyn Quantizer> {
        Box::new(match name {
            "relu6" => Function::Relu6,
            _ => Function::Linear,
        })
    }
}

impl Quantizer for Function {
    fn weights(&self, values: &[f64], shape: &[usize]) -> Result<Weights, String> {
        match self {
            Self::Linear => Weights::exact(values, shape.to_vec())
                .ok_or_else(|| "a weight is infinite or no number".into()),
            Self::Relu6 => super::evaluated(&self.steps()?, values, shape),
        }
    }

    fn describe(&self) -> Description {
        Description {
            name: match self {
                Self::Linear => "linear",
                Self::Relu6 => "relu6",
            },
            grid: Grid::Function,
            auto_po2: false,
        }
    }

    fn steps(&self) -> Result<Vec<Step>, String> {
        Ok(match self {
            Self::Linear => vec![],
            Self::Relu6 => vec![Step::Clip {
                lo: Some(Real::zero()),
                hi: Some(Real::from_integer(6.into())),
            }],
        })
    }
}
