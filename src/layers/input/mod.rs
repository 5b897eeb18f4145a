//! `InputLayer`: a port of the model. Its node is made by the walk over the graph, which knows
//! whether the model stands alone or inside another one.

use super::{Call, LayerDef, Outcome};

/// See the module.
pub(super) struct Input;

impl LayerDef for Input {
    fn classes(&self) -> &'static [&'static str] {
        &["InputLayer"]
    }

    fn lower(&self, call: &mut Call<'_>) -> Outcome {
        Ok(call.inputs.clone())
    }

    fn doc(&self) -> &'static str {
        "fixed shape"
    }
}
