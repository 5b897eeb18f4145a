//! `ZeroPadding1D/2D/3D`.

use super::{Call, LayerDef, Outcome};
use crate::ir::Move;

/// See the module.
pub(super) struct Padding;

impl LayerDef for Padding {
    fn classes(&self) -> &'static [&'static str] {
        &["ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"]
    }

    fn lower(&self, call: &mut Call<'_>) -> Outcome {
        let axes = call.axes_in_name();
        let sizes = call.sides("padding", axes);
        let Some((input, _)) = call.spatial_input(axes) else {
            return Err(call.problems());
        };
        call.finish()?;
        let node = call.moved(Move::Pad([sizes, vec![(0, 0)]].concat()), vec![input])?;
        Ok(vec![call.back(node)])
    }

    fn doc(&self) -> &'static str {
        "any padding; channels first and last"
    }
}
