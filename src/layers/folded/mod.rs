//! `QConv2DBatchnorm`, `QDepthwiseConv2DBatchnorm`, `QDenseBatchnorm`: batch normalization folded
//! into the weights before they are quantized.
//!
//! `inv = gamma / sqrt(variance + epsilon)`; kernel `Q(inv * kernel)`, bias
//! `Q(inv * (bias - mean) + beta)`, always added. Both folding modes are the same at inference.

use super::batch_norm::Statistics;
use super::conv::Spatial;
use super::depthwise::depthwise_as_grouped;
use super::{Call, LayerDef, Outcome};
use crate::ir::Window;

/// See the module.
pub(super) struct Folded;

impl LayerDef for Folded {
    fn classes(&self) -> &'static [&'static str] {
        &[
            "QConv2DBatchnorm",
            "QDenseBatchnorm",
            "QDepthwiseConv2DBatchnorm",
        ]
    }

    fn lower(&self, call: &mut Call<'_>) -> Outcome {
        let class = call.class().to_owned();
        let dense = class == "QDenseBatchnorm";
        let depthwise = class == "QDepthwiseConv2DBatchnorm";
        call.config.ignore(&[
            "axis",
            "ema_freeze_delay",
            "groups",
            "mask",
            "momentum",
            "renorm_clipping",
            "renorm_momentum",
        ]);
        call.config.must_be_off("renorm");
        call.config.choice(
            "folding_mode",
            &["ema_stats_folding", "batch_stats_folding"],
        );
        for key in ["scale", "center"] {
            if !call.config.flag(key, true) {
                call.config.problem(format!(
                    "`{key}` = false: QKeras cannot run this layer either"
                ));
            }
        }
        if call.config.has("iteration") {
            call.config.ignore(&["iteration"]);
        }
        call.ignore_weight("iteration");
        let spatial = if dense {
            None
        } else {
            Some(Spatial::read(call, 2, !depthwise))
        };
        let (input, channels) = if dense {
            let Some(&channels) = call.shape(0).last() else {
                return Err(vec![
                    "a dense layer needs an input of rank 1 or more".into(),
                ]);
            };
            (call.inputs[0], channels)
        } else {
            let Some(found) = call.spatial_input(2) else {
                return Err(call.problems());
            };
            found
        };
        let multiplier = if depthwise {
            call.config.count_or("depth_multiplier", 1)
        } else {
            1
        };
        let filters = match (dense, depthwise) {
            (true, _) => call.config.count("units"),
            (_, true) => channels * multiplier,
            _ => call.config.count("filters"),
        };
        let taps = spatial.as_ref().map_or_else(Vec::new, |s| s.kernel.clone());
        let (name, key) = if depthwise {
            call.config.ignore(&["filters", "kernel_quantizer"]);
            ("depthwise_kernel", "depthwise_quantizer")
        } else {
            ("kernel", "kernel_quantizer")
        };
        let last = if depthwise {
            vec![channels, multiplier]
        } else {
            vec![channels, filters]
        };
        let shape = [taps, last].concat();
        let kernel = call.values(name, &shape);
        let use_bias = call.config.flag("use_bias", true);
        let bias = if use_bias {
            call.values("bias", &[filters])
        } else {
            None
        };
        let statistics = Statistics::read(call, filters);
        let quantizer = call.quantizer(key);
        let bias_quantizer = call.quantizer("bias_quantizer");
        let activation = call.activation();
        let windows = spatial
            .as_ref()
            .map(|s| s.windows(call, &call.shape_of(input)));
        call.finish()?;
        let statistics = statistics.expect("no problem was found");
        let inv = statistics.inverse(call)?;
        let mut kernel = kernel.expect("no problem was found");
        for (i, w) in kernel.iter_mut().enumerate() {
            *w *= inv[i % filters];
        }
        let folded_bias = statistics.folded_bias(&inv, bias.as_deref());
        let weights = call.quantized(name, &kernel, &shape, quantizer.as_deref());
        let bias = call.quantized("bias", &folded_bias, &[filters], bias_quantizer.as_deref());
        let (Some(mut weights), Some(bias)) = (weights, bias) else {
            return Err(call.problems());
        };
        let groups = if depthwise {
            weights = depthwise_as_grouped(weights, channels);
            channels
        } else {
            1
        };
        let windows = windows.unwrap_or_else(|| {
            let shape = call.shape_of(input);
            shape[..shape.len() - 1]
                .iter()
                .map(|&n| Window::identity(n))
                .collect()
        });
        if dense {
            weights.shape = [vec![1; windows.len()], vec![channels, filters]].concat();
        }
        let shape = windows.iter().map(|w| w.output).chain([filters]).collect();
        let node = call.linear_on(input, windows, groups, weights, Some(bias.values()), shape);
        let node = call.activate(node, activation);
        Ok(vec![call.back(node)])
    }

    fn doc(&self) -> &'static str {
        "both folding modes; quantizers act on the folded values"
    }
}
