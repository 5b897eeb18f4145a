//! Layers that do nothing at inference: dropout, noise, regularization.

use super::{Call, LayerDef, Outcome};

/// See the module.
pub(super) struct Identity;

impl LayerDef for Identity {
    fn classes(&self) -> &'static [&'static str] {
        &[
            "ActivityRegularization",
            "AlphaDropout",
            "Dropout",
            "GaussianDropout",
            "GaussianNoise",
            "Identity",
            "SpatialDropout1D",
            "SpatialDropout2D",
            "SpatialDropout3D",
        ]
    }

    fn takes_time_major(&self) -> bool {
        true
    }

    fn lower(&self, call: &mut Call<'_>) -> Outcome {
        call.config
            .ignore(&["rate", "stddev", "l1", "l2", "data_format"]);
        call.finish()?;
        let input = call.inputs[0];
        Ok(vec![call.pointwise(input, vec![])])
    }

    fn doc(&self) -> &'static str {
        "identity at inference"
    }
}
