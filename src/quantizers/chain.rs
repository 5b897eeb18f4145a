//! Quantizers and functions that are a chain of steps and nothing else.

use std::sync::Arc;

use num_traits::{One, Zero};

use super::{Context, Definition, Description, Grid, InternalSigmoid, Quantizer};
use crate::ir::functions::Elementary;
use crate::ir::math::Step;
use crate::ir::{Periodic, Real};
use crate::num::{FixedType, Overflow, Quantization};

/// A chain of steps, for activations as for weights.
#[derive(Debug)]
pub(super) struct Chain {
    name: &'static str,
    grid: Grid,
    steps: Vec<Step>,
}

impl Chain {
    /// A function without a grid of its own; `name` is one of the definition's.
    pub(super) fn function(
        of: &dyn Definition,
        name: &str,
        steps: Vec<Step>,
    ) -> Box<dyn Quantizer> {
        Self::with(of, name, Grid::Function, steps)
    }

    /// A quantizer into fixed point.
    pub(super) fn fixed(
        of: &dyn Definition,
        (bits, integer, signed): (u32, i32, bool),
        steps: Vec<Step>,
    ) -> Box<dyn Quantizer> {
        let grid = Grid::Fixed {
            bits,
            integer,
            signed,
        };
        Self::with(of, of.names()[0], grid, steps)
    }

    /// Any chain.
    pub(super) fn with(
        of: &dyn Definition,
        name: &str,
        grid: Grid,
        steps: Vec<Step>,
    ) -> Box<dyn Quantizer> {
        let names = of.names();
        let name = names.iter().copied().find(|n| *n == name);
        Box::new(Self {
            name: name.unwrap_or(names[0]),
            grid,
            steps,
        })
    }
}

impl Quantizer for Chain {
    fn steps(&self) -> Result<Vec<Step>, String> {
        Ok(self.steps.clone())
    }

    fn describe(&self) -> Description {
        Description {
            name: self.name,
            grid: self.grid.clone(),
            auto_po2: false,
        }
    }
}

/// A fraction.
pub(super) fn ratio(n: i64, d: i64) -> Real {
    Real::new(n.into(), d.into())
}

/// `mul * x + add`.
pub(super) fn affine(mul: Real, add: Real) -> Step {
    Step::Affine {
        mul: Periodic::uniform(mul),
        add: Periodic::uniform(add),
    }
}

/// `mul * x`.
pub(super) fn times(mul: Real) -> Step {
    affine(mul, Real::zero())
}

/// `min(max(x, lo), hi)`.
pub(super) fn clip(lo: Real, hi: Real) -> Step {
    Step::Clip {
        lo: Some(lo),
        hi: Some(hi),
    }
}

/// A function of the elementary ones.
pub(super) fn function(f: Elementary) -> Step {
    Step::Function(Arc::new(f))
}

/// Conversion with round half to even.
pub(super) fn quantize(width: u32, int_bits: i32, signed: bool, symmetric: bool) -> Step {
    Step::Quantize(Periodic::uniform(FixedType {
        width,
        int_bits,
        signed,
        quantization: Quantization::RndConv,
        overflow: if symmetric {
            Overflow::SatSym
        } else {
            Overflow::Sat
        },
        sat_bits: 0,
    }))
}

/// `clip(slope x + 1/2, 0, 1)`.
pub(super) fn hard_sigmoid(slope: Real) -> Vec<Step> {
    vec![affine(slope, ratio(1, 2)), clip(Real::zero(), Real::one())]
}

/// The sigmoid inside other functions, as the user chose it.
pub(super) fn internal_sigmoid(context: &Context) -> Vec<Step> {
    match context.choices.internal_sigmoid {
        InternalSigmoid::Hard => hard_sigmoid(ratio(1, 2)),
        InternalSigmoid::Smooth => hard_sigmoid(ratio(3, 16)),
        InternalSigmoid::Real => vec![function(Elementary::Logistic)],
    }
}
