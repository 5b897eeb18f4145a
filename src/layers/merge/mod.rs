//! `Add`, `Subtract`, `Multiply`, `Average`, `Maximum`, `Minimum`: element by element, NumPy
//! broadcasting.

use super::{Call, LayerDef, Outcome};
use crate::ir::math::{self, Op, Step};
use crate::ir::{Periodic, Real};
use num_traits::{One, Zero};

/// See the module.
pub(super) struct Merge;

impl LayerDef for Merge {
    fn classes(&self) -> &'static [&'static str] {
        &[
            "Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum",
        ]
    }

    fn lower(&self, call: &mut Call<'_>) -> Outcome {
        let op = match call.class() {
            "Subtract" => math::Merge::Sub,
            "Multiply" => math::Merge::Mul,
            "Maximum" => math::Merge::Max,
            "Minimum" => math::Merge::Min,
            _ => math::Merge::Add,
        };
        let count = call.inputs.len();
        if count < 2 || (op == math::Merge::Sub && count != 2) {
            call.config.problem(format!(
                "{count} inputs do not fit a layer of class {}",
                call.class()
            ));
        }
        let shapes: Vec<Vec<usize>> = call.inputs.iter().map(|&i| call.shape_of(i)).collect();
        let views: Vec<&[usize]> = shapes.iter().map(Vec::as_slice).collect();
        let shape = math::broadcast(&views);
        if shape.is_none() {
            call.config.problem(format!(
                "the inputs have shapes {shapes:?}, which do not broadcast"
            ));
        }
        call.finish()?;
        let inputs = call.inputs.clone();
        let mut node = call.push(Op::Merge(op), inputs, shape.expect("no problem was found"));
        if call.class() == "Average" {
            let step = Step::Affine {
                mul: Periodic::uniform(Real::new(One::one(), count.into())),
                add: Periodic::uniform(Real::zero()),
            };
            node = call.pointwise(node, vec![step]);
        }
        Ok(vec![node])
    }

    fn doc(&self) -> &'static str {
        "two or more inputs (Subtract: two), broadcasting"
    }
}
