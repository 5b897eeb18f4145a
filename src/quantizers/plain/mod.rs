//! Functions without a grid of their own: `linear`, `relu`, `relu6`, `softmax`.

use num_traits::Zero;

use super::{Args, Context, Definition, Description, Grid, Namespace, Quantizer};
use crate::ir::math::{Step, Weights};
use crate::ir::{Periodic, Real};

/// See the module.
pub(super) struct Plain;

#[derive(Debug, Clone, Copy)]
enum Function {
    Linear,
    Relu,
    Relu6,
    Softmax,
}

impl Definition for Plain {
    fn names(&self) -> &'static [&'static str] {
        &["linear", "relu", "relu6", "softmax"]
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
            "relu" => Function::Relu,
            "relu6" => Function::Relu6,
            "softmax" => Function::Softmax,
            _ => Function::Linear,
        })
    }
}

impl Quantizer for Function {
    fn weights(&self, values: &[f64], shape: &[usize]) -> Result<Weights, String> {
        match self {
            Self::Linear => Weights::exact(values, shape.to_vec())
                .ok_or_else(|| "a weight is infinite or no number".into()),
            Self::Relu | Self::Relu6 | Self::Softmax => {
                super::evaluated(&self.steps()?, values, shape)
            }
        }
    }

    fn describe(&self) -> Description {
        Description {
            name: match self {
                Self::Linear => "linear",
                Self::Relu => "relu",
                Self::Relu6 => "relu6",
                Self::Softmax => "softmax",
            },
            grid: Grid::Function,
            auto_po2: false,
        }
    }

    fn steps(&self) -> Result<Vec<Step>, String> {
        let relu = Step::Leaky {
            threshold: Real::zero(),
            slope: Periodic::uniform(Real::zero()),
        };
        match self {
            Self::Linear => Ok(vec![]),
            Self::Relu => Ok(vec![relu]),
            Self::Relu6 => Ok(vec![
                relu,
                Step::Clip {
                    lo: None,
                    hi: Some(Real::from_integer(6.into())),
                },
            ]),
            Self::Softmax => Err("softmax is no function of one number".into()),
        }
    }

    fn is_softmax(&self) -> bool {
        matches!(self, Self::Softmax)
    }
}
