//! `DepthwiseConv1D`, `DepthwiseConv2D`, `QDepthwiseConv2D`: every input channel has filters of its
//! own; output channel `c * multiplier + m`.

use super::conv::Spatial;
use super::{Call, LayerDef, Outcome};

/// See the module.
pub(super) struct Depthwise;

impl LayerDef for Depthwise {
    fn classes(&self) -> &'static [&'static str] {
        &["DepthwiseConv1D", "DepthwiseConv2D", "QDepthwiseConv2D"]
    }

    fn lower(&self, call: &mut Call<'_>) -> Outcome {
        let axes = if call.class().ends_with("1D") { 1 } else { 2 };
        let multiplier = call.config.count_or("depth_multiplier", 1);
        call.config
            .ignore(&["filters", "groups", "kernel_quantizer"]);
        let spatial = Spatial::read(call, axes, false);
        let Some((input, channels)) = call.spatial_input(axes) else {
            return Err(call.problems());
        };
        let quantizer = call.quantizer("depthwise_quantizer");
        let shape = [spatial.kernel.clone(), vec![channels, multiplier]].concat();
        let weights = call.weights("depthwise_kernel", &shape, quantizer.as_deref());
        let bias = call.bias(channels * multiplier);
        let activation = call.activation();
        let windows = spatial.windows(call, &call.shape_of(input));
        call.finish()?;
        let weights = depthwise_as_grouped(weights.expect("no problem was found"), channels);
        let shape: Vec<usize> = windows
            .iter()
            .map(|w| w.output)
            .chain([channels * multiplier])
            .collect();
        let node = call.linear_on(input, windows, channels, weights, bias, shape);
        let node = call.activate(node, activation);
        Ok(vec![call.back(node)])
    }

    fn doc(&self) -> &'static str {
        "valid, same, causal (1D); strides; dilation; depth multiplier; channels first and last"
    }
}

/// A depthwise kernel `[taps.., channels, multiplier]` as a grouped one `[taps.., 1, channels *
/// multiplier]`: the same row-major data under another shape.
pub(super) fn depthwise_as_grouped(
    mut weights: crate::ir::math::Weights,
    channels: usize,
) -> crate::ir::math::Weights {
    let rank = weights.shape.len();
    let multiplier = weights.shape[rank - 1];
    weights.shape[rank - 2] = 1;
    weights.shape[rank - 1] = channels * multiplier;
    weights
}
