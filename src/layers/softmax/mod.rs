//! `Softmax` over the last axis.

use super::{Call, LayerDef, Outcome};
use crate::ir::math::Op;

/// See the module.
pub(super) struct Softmax;

impl LayerDef for Softmax {
    fn classes(&self) -> &'static [&'static str] {
        &["Softmax"]
    }

    fn lower(&self, call: &mut Call<'_>) -> Outcome {
        let rank = call.shape(0).len();
        let axis = call.config.integer("axis", -1);
        let axis = call.axis(axis, rank);
        if axis + 1 != rank {
            call.config.problem("only the last axis is supported");
        }
        call.finish()?;
        let (input, shape) = (call.inputs[0], call.shape(0));
        Ok(vec![call.push(Op::Softmax, vec![input], shape)])
    }

    fn doc(&self) -> &'static str {
        "last axis"
    }
}
