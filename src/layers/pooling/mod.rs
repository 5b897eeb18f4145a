//! Window pools: `MaxPooling1D/2D/3D`, `AveragePooling1D/2D/3D`, `QAveragePooling2D`.
//!
//! Cells of `same` padding take no part: a maximum ignores them, an average divides by the number
//! of real cells. With an average quantizer `Q`, `QAveragePooling2D` is
//! `(sum * A / real cells) * Q(1 / A)` with `A` cells in the window.

use super::geometry::{Padding, window};
use super::{Call, LayerDef, Outcome};
use crate::ir::math::{Op, Pool, PoolKind, Step};
use crate::ir::{Periodic, Real, Window, positions};
use num_traits::{One, Zero};

/// See the module.
pub(super) struct Pooling;

impl LayerDef for Pooling {
    fn classes(&self) -> &'static [&'static str] {
        &[
            "AveragePooling1D",
            "AveragePooling2D",
            "AveragePooling3D",
            "MaxPooling1D",
            "MaxPooling2D",
            "MaxPooling3D",
            "QAveragePooling2D",
        ]
    }

    fn lower(&self, call: &mut Call<'_>) -> Outcome {
        let class = call.class().to_owned();
        let axes = usize::from(class.as_bytes()[class.len() - 2] - b'0');
        let size = call.config.counts("pool_size", axes, 2);
        let strides = call
            .config
            .counts_opt("strides", axes)
            .unwrap_or_else(|| size.clone());
        call.note_extents("pool_size", &size);
        let padding = Padding::from_word(call.config.choice("padding", &["valid", "same"]));
        let quantizer = call.quantizer("average_quantizer");
        let activation = if class.starts_with('Q') {
            call.activation()
        } else {
            None
        };
        let Some((input, channels)) = call.spatial_input(axes) else {
            return Err(call.problems());
        };
        let lengths = call.shape_of(input);
        let mut windows = Vec::new();
        for axis in 0..axes {
            match window(lengths[axis], size[axis], strides[axis], 1, padding) {
                Ok(w) => windows.push(w),
                Err(problem) => call.config.problem(format!("axis {}: {problem}", axis + 1)),
            }
        }
        let area: usize = size.iter().product();
        let factor = call.average_factor(area, quantizer.as_deref());
        call.finish()?;
        let kind = if class.starts_with("Max") {
            PoolKind::Max
        } else {
            PoolKind::Sum
        };
        let out: Vec<usize> = windows.iter().map(|w| w.output).collect();
        let shape = [out.clone(), vec![channels]].concat();
        let counts = cell_counts(&windows);
        let node = call.push(Op::Pool(Pool { windows, kind }), vec![input], shape);
        if kind == PoolKind::Max {
            return Ok(vec![call.back(node)]);
        }
        let of_cells = |&n: &usize| match &factor {
            // (sum * A / n) * Q(1/A)
            Some(q) => q * Real::new(area.into(), n.into()),
            None => Real::new(One::one(), n.into()),
        };
        let mul = if counts.windows(2).all(|w| w[0] == w[1]) {
            Periodic::uniform(of_cells(&counts[0]))
        } else {
            let repeated = counts.iter().flat_map(|n| vec![of_cells(n); channels]);
            Periodic::new(repeated.collect())
        };
        let step = Step::Affine {
            mul,
            add: Periodic::uniform(Real::zero()),
        };
        let node = call.pointwise(node, vec![step]);
        let node = call.activate(node, activation);
        Ok(vec![call.back(node)])
    }

    fn doc(&self) -> &'static str {
        "valid, same; strides; average quantizer and activation; channels first and last"
    }
}

/// Real cells under the window at every output position, row-major.
fn cell_counts(windows: &[Window]) -> Vec<usize> {
    let out: Vec<usize> = windows.iter().map(|w| w.output).collect();
    let count = |at: Vec<usize>| {
        at.iter()
            .zip(windows)
            .map(|(&o, w)| w.taps(o).count())
            .product()
    };
    positions(&out).map(count).collect()
}
