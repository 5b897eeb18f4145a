//! `Rescaling`: `x * scale + offset`.

use super::{Call, LayerDef, Outcome};
use crate::ir::math::Step;
use crate::ir::{Periodic, from_f64};

/// See the module.
pub(super) struct Rescaling;

impl LayerDef for Rescaling {
    fn classes(&self) -> &'static [&'static str] {
        &["Rescaling"]
    }

    fn lower(&self, call: &mut Call<'_>) -> Outcome {
        if call.config.get("scale").is_none() {
            call.config.problem("`scale` is missing");
        }
        let scale = from_f64(call.config.number("scale", 1.0));
        let offset = from_f64(call.config.number("offset", 0.0));
        call.finish()?;
        let (Some(mul), Some(add)) = (scale, offset) else {
            return Err(vec!["`scale` or `offset` is no finite number".into()]);
        };
        let step = Step::Affine {
            mul: Periodic::uniform(mul),
            add: Periodic::uniform(add),
        };
        let input = call.inputs[0];
        Ok(vec![call.pointwise(input, vec![step])])
    }

    fn doc(&self) -> &'static str {
        "scalar scale and offset"
    }
}
