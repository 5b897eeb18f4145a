//! `GlobalMaxPooling1D/2D/3D`, `GlobalAveragePooling1D/2D/3D`, `QGlobalAveragePooling2D`.
//!
//! With an average quantizer `Q` the average of `A` cells is `sum * Q(1 / A)`.

use super::{Call, LayerDef, Outcome};
use crate::ir::Window;
use crate::ir::math::{Op, Pool, PoolKind, Step};
use crate::ir::{Move, Periodic, Real};
use num_traits::{One, Zero};

/// See the module.
pub(super) struct GlobalPooling;

impl LayerDef for GlobalPooling {
    fn classes(&self) -> &'static [&'static str] {
        &[
            "GlobalAveragePooling1D",
            "GlobalAveragePooling2D",
            "GlobalAveragePooling3D",
            "GlobalMaxPooling1D",
            "GlobalMaxPooling2D",
            "GlobalMaxPooling3D",
            "QGlobalAveragePooling2D",
        ]
    }

    fn lower(&self, call: &mut Call<'_>) -> Outcome {
        let class = call.class().to_owned();
        let axes = usize::from(class.as_bytes()[class.len() - 2] - b'0');
        let keep = call.config.flag("keepdims", false);
        let quantizer = call.quantizer("average_quantizer");
        let activation = if class.starts_with('Q') {
            call.activation()
        } else {
            None
        };
        let Some((input, channels)) = call.spatial_input(axes) else {
            return Err(call.problems());
        };
        let lengths = call.shape_of(input)[..axes].to_vec();
        let area: usize = lengths.iter().product();
        let factor = call.average_factor(area, quantizer.as_deref());
        call.finish()?;
        let kind = if class.contains("Max") {
            PoolKind::Max
        } else {
            PoolKind::Sum
        };
        let windows = lengths
            .iter()
            .map(|&n| Window {
                output: 1,
                kernel: n,
                ..Window::identity(n)
            })
            .collect();
        let shape = [vec![1; axes], vec![channels]].concat();
        let mut node = call.push(Op::Pool(Pool { windows, kind }), vec![input], shape);
        if kind == PoolKind::Sum {
            let mul = factor.unwrap_or_else(|| Real::new(One::one(), area.into()));
            let step = Step::Affine {
                mul: Periodic::uniform(mul),
                add: Periodic::uniform(Real::zero()),
            };
            node = call.pointwise(node, vec![step]);
        }
        let node = if keep {
            call.back(node)
        } else {
            call.moved(Move::Reshape(vec![channels]), vec![node])?
        };
        Ok(vec![call.activate(node, activation)])
    }

    fn doc(&self) -> &'static str {
        "keepdims; average quantizer and activation; channels first and last"
    }
}
