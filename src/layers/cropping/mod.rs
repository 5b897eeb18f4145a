//! `Cropping1D/2D/3D`.

use super::{Call, LayerDef, Outcome};
use crate::ir::Move;

/// See the module.
pub(super) struct Cropping;

impl LayerDef for Cropping {
    fn classes(&self) -> &'static [&'static str] {
        &["Cropping1D", "Cropping2D", "Cropping3D"]
    }

    fn lower(&self, call: &mut Call<'_>) -> Outcome {
        let axes = call.axes_in_name();
        let sizes = call.sides("cropping", axes);
        let Some((input, _)) = call.spatial_input(axes) else {
            return Err(call.problems());
        };
        call.finish()?;
        let node = call.moved(Move::Crop([sizes, vec![(0, 0)]].concat()), vec![input])?;
        Ok(vec![call.back(node)])
    }

    fn doc(&self) -> &'static str {
        "any cropping that leaves something; channels first and last"
    }
}
