//! `Activation` and `QActivation`.

use super::{Call, LayerDef, Outcome};

/// See the module.
pub(super) struct Activation;

impl LayerDef for Activation {
    fn classes(&self) -> &'static [&'static str] {
        &["Activation", "QActivation"]
    }

    fn takes_time_major(&self) -> bool {
        true
    }

    fn lower(&self, call: &mut Call<'_>) -> Outcome {
        if call.config.get("activation").is_none() {
            call.config.problem("`activation` is missing");
        }
        let activation = call.activation();
        call.finish()?;
        let input = call.inputs[0];
        Ok(vec![call.activate(input, activation)])
    }

    fn doc(&self) -> &'static str {
        "every quantizer and activation function of the quantizer table"
    }
}
