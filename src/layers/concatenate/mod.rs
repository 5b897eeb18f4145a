//! `Concatenate` along any axis but the batch.

use super::{Call, LayerDef, Outcome};
use crate::ir::Move;

/// See the module.
pub(super) struct Concatenate;

impl LayerDef for Concatenate {
    fn classes(&self) -> &'static [&'static str] {
        &["Concatenate"]
    }

    fn lower(&self, call: &mut Call<'_>) -> Outcome {
        let axis = call.config.integer("axis", -1);
        let rank = call.shape(0).len();
        let axis = call.axis(axis, rank);
        call.finish()?;
        let inputs = call.inputs.clone();
        Ok(vec![call.moved(Move::Concat(axis), inputs)?])
    }

    fn doc(&self) -> &'static str {
        "any axis but the batch"
    }
}
