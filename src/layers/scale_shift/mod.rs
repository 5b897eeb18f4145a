//! `QScaleShift`: `act(x * Q(weight) + Q(bias))` with one weight and one bias for the tensor.

use super::{Call, LayerDef, Outcome};
use crate::ir::math::Step;
use crate::ir::{Periodic, Real};
use num_traits::Zero;

/// See the module.
pub(super) struct ScaleShift;

impl LayerDef for ScaleShift {
    fn classes(&self) -> &'static [&'static str] {
        &["QScaleShift"]
    }

    fn lower(&self, call: &mut Call<'_>) -> Outcome {
        let weight_quantizer = call.quantizer("weight_quantizer");
        let weight = call.weights("weight", &[1, 1], weight_quantizer.as_deref());
        let bias = if call.config.flag("use_bias", true) {
            let bias_quantizer = call.quantizer("bias_quantizer");
            call.weights("bias", &[1, 1], bias_quantizer.as_deref())
        } else {
            call.config.ignore(&["bias_quantizer"]);
            None
        };
        let activation = call.activation();
        call.finish()?;
        let mul = weight.expect("no problem was found").values().remove(0);
        let add = bias.map_or_else(Real::zero, |b| b.values().remove(0));
        let step = Step::Affine {
            mul: Periodic::uniform(mul),
            add: Periodic::uniform(add),
        };
        let input = call.inputs[0];
        let node = call.pointwise(input, vec![step]);
        Ok(vec![call.activate(node, activation)])
    }

    fn doc(&self) -> &'static str {
        "weight and bias quantizers; activation"
    }
}
