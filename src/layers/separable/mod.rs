//! `SeparableConv1D`, `SeparableConv2D`, `QSeparableConv1D`, `QSeparableConv2D`: a depthwise
//! convolution without bias, then a 1x1 convolution. The value in between is exact.

use super::conv::Spatial;
use super::depthwise::depthwise_as_grouped;
use super::{Call, LayerDef, Outcome};
use crate::ir::Window;

/// See the module.
pub(super) struct Separable;

impl LayerDef for Separable {
    fn classes(&self) -> &'static [&'static str] {
        &[
            "SeparableConv1D",
            "SeparableConv2D",
            "QSeparableConv1D",
            "QSeparableConv2D",
        ]
    }

    fn lower(&self, call: &mut Call<'_>) -> Outcome {
        let axes = if call.class().ends_with("1D") { 1 } else { 2 };
        let filters = call.config.count("filters");
        let multiplier = call.config.count_or("depth_multiplier", 1);
        call.config.ignore(&["groups", "kernel_quantizer"]);
        let spatial = Spatial::read(call, axes, false);
        let Some((input, channels)) = call.spatial_input(axes) else {
            return Err(call.problems());
        };
        let depth_quantizer = call.quantizer("depthwise_quantizer");
        let point_quantizer = call.quantizer("pointwise_quantizer");
        let inner = channels * multiplier;
        let shape = [spatial.kernel.clone(), vec![channels, multiplier]].concat();
        let depthwise = call.weights("depthwise_kernel", &shape, depth_quantizer.as_deref());
        let shape = [vec![1; axes], vec![inner, filters]].concat();
        let pointwise = call.weights("pointwise_kernel", &shape, point_quantizer.as_deref());
        let bias = call.bias(filters);
        let activation = call.activation();
        let windows = spatial.windows(call, &call.shape_of(input));
        call.finish()?;
        let lengths: Vec<usize> = windows.iter().map(|w| w.output).collect();
        let depthwise = depthwise_as_grouped(depthwise.expect("no problem was found"), channels);
        let shape = [lengths.clone(), vec![inner]].concat();
        let node = call.linear_on(input, windows, channels, depthwise, None, shape);
        let windows = lengths.iter().map(|&n| Window::identity(n)).collect();
        let shape = [lengths, vec![filters]].concat();
        let pointwise = pointwise.expect("no problem was found");
        let node = call.linear_on(node, windows, 1, pointwise, bias, shape);
        let node = call.activate(node, activation);
        Ok(vec![call.back(node)])
    }

    fn doc(&self) -> &'static str {
        "valid, same, causal (1D); strides and dilation of the depthwise step; depth multiplier"
    }
}
