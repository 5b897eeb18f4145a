//! `UpSampling1D/2D/3D`: nearest repeats; bilinear interpolates at half-pixel centres with clamped
//! edges, which is exact because its weights are binary fractions for every power-of-two factor.

use super::{Call, LayerDef, Outcome};
use crate::ir::math::{Op, Step};
use crate::ir::{Move, Periodic, Real};
use num_traits::{One, Zero};

/// See the module.
pub(super) struct UpSampling;

impl LayerDef for UpSampling {
    fn classes(&self) -> &'static [&'static str] {
        &["UpSampling1D", "UpSampling2D", "UpSampling3D"]
    }

    fn lower(&self, call: &mut Call<'_>) -> Outcome {
        let axes = call.axes_in_name();
        let size = call.config.counts("size", axes, 2);
        let words: &[&str] = if axes == 2 {
            &["nearest", "bilinear"]
        } else {
            &["nearest"]
        };
        let bilinear = call.config.choice("interpolation", words) == "bilinear";
        let Some((input, _)) = call.spatial_input(axes) else {
            return Err(call.problems());
        };
        if bilinear && size.iter().any(|s| !s.is_power_of_two()) {
            call.config.problem(format!(
                "bilinear up-sampling by {size:?} is not exact; powers of two are supported"
            ));
        }
        call.finish()?;
        let mut node = input;
        for (axis, &times) in size.iter().enumerate() {
            node = if bilinear {
                interpolate(call, node, axis, times)?
            } else {
                call.moved(Move::Repeat { axis, times }, vec![node])?
            };
        }
        Ok(vec![call.back(node)])
    }

    fn doc(&self) -> &'static str {
        "nearest; bilinear (2D) by powers of two; channels first and last"
    }
}

/// Linear interpolation along one axis: output `o` lies at `(o + 1/2) / times - 1/2` of the input.
///
/// The weights depend on `o mod times` only, so the result is a weighted sum of two repeated
/// copies of the input, one shifted by a cell with its edge repeated.
fn interpolate(
    call: &mut Call<'_>,
    input: crate::ir::math::NodeId,
    axis: usize,
    times: usize,
) -> Result<crate::ir::math::NodeId, Vec<String>> {
    if times == 1 {
        return Ok(input);
    }
    let shape = call.shape_of(input);
    let length = shape[axis];
    let edge = |call: &mut Call<'_>, last: bool| {
        let mut sides = vec![(0, 0); shape.len()];
        sides[axis] = if last {
            (length - 1, 0)
        } else {
            (0, length - 1)
        };
        call.moved(Move::Crop(sides), vec![input])
    };
    // Left neighbours x[-1], x[0], .. and right neighbours x[0], .., x[n]: n + 1 gaps.
    let first = edge(call, false)?;
    let last = edge(call, true)?;
    let left = call.moved(Move::Concat(axis), vec![first, input])?;
    let right = call.moved(Move::Concat(axis), vec![input, last])?;
    // Each gap is walked in `times` steps; half a cell hangs over at both ends.
    let inner: usize = shape[axis + 1..].iter().product();
    let mut node = Vec::new();
    for (side, neighbours) in [left, right].into_iter().enumerate() {
        let repeated = call.moved(Move::Repeat { axis, times }, vec![neighbours])?;
        let mut sides = vec![(0, 0); shape.len()];
        sides[axis] = (times / 2, times / 2);
        let cut = call.moved(Move::Crop(sides), vec![repeated])?;
        let weights = (0..length * times).flat_map(|o| {
            // Position within the gap: (o + times/2) mod times, centre at + 1/2.
            let within = 2 * ((o + times / 2) % times) + 1;
            let right = Real::new(within.into(), (2 * times).into());
            let weight = if side == 1 {
                right
            } else {
                Real::one() - right
            };
            vec![weight; inner]
        });
        let step = Step::Affine {
            mul: Periodic::new(weights.collect()).compact(),
            add: Periodic::uniform(Real::zero()),
        };
        node.push(call.pointwise(cut, vec![step]));
    }
    let mut shape = shape;
    shape[axis] *= times;
    Ok(call.push(Op::Merge(crate::ir::math::Merge::Add), node, shape))
}
