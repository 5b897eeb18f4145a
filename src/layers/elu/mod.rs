//! `ELU`: `x >= 0 ? x : alpha * (e^x - 1)`.

use serde_json::json;

use super::{Call, LayerDef, Outcome};

/// See the module.
pub(super) struct Elu;

impl LayerDef for Elu {
    fn classes(&self) -> &'static [&'static str] {
        &["ELU"]
    }

    fn lower(&self, call: &mut Call<'_>) -> Outcome {
        let alpha = call.config.number("alpha", 1.0);
        let elu = json!({"class_name": "elu", "config": {"alpha": alpha}});
        let activation = call.activation_of("alpha", &elu);
        call.finish()?;
        let input = call.inputs[0];
        Ok(vec![call.activate(input, activation)])
    }

    fn doc(&self) -> &'static str {
        "any `alpha`"
    }
}
