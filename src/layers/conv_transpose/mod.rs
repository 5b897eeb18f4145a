//! Transposed convolutions: `Conv1DTranspose`, `Conv2DTranspose`, `QConv2DTranspose`,
//! `QDepthwiseConv2DTranspose`, `QSeparableConv2DTranspose`.
//!
//! Each becomes an ordinary convolution over the stretched input with the taps reversed. The
//! quantized layers ignore `output_padding`, and the last two apply no activation (QKeras does not
//! save it); `QDepthwiseConv2DTranspose` stores a bias that it never adds.

use super::geometry::transposed;
use super::{Call, LayerDef, Outcome};
use crate::ir::math::Weights;
use crate::ir::{Window, elements, positions};

/// See the module.
pub(super) struct ConvTranspose;

impl LayerDef for ConvTranspose {
    fn classes(&self) -> &'static [&'static str] {
        &[
            "Conv1DTranspose",
            "Conv2DTranspose",
            "QConv2DTranspose",
            "QDepthwiseConv2DTranspose",
            "QSeparableConv2DTranspose",
        ]
    }

    fn lower(&self, call: &mut Call<'_>) -> Outcome {
        let axes = if call.class() == "Conv1DTranspose" {
            1
        } else {
            2
        };
        let quantized = call.class().starts_with('Q');
        let c = &call.config;
        let kernel = c.counts_opt("kernel_size", axes).unwrap_or_else(|| {
            c.problem("`kernel_size` is missing or wrong");
            vec![1; axes]
        });
        let strides = c.counts("strides", axes, 1);
        let dilation = c.counts("dilation_rate", axes, 1);
        let same = c.choice("padding", &["valid", "same"]) == "same";
        let output_padding = if quantized {
            c.ignore(&["output_padding"]);
            None
        } else {
            c.get("output_padding")
                .map(|_| read_output_padding(call, axes))
        };
        let Some((input, channels)) = call.spatial_input(axes) else {
            return Err(call.problems());
        };
        let lengths = call.shape_of(input);
        let windows: Vec<Window> = (0..axes)
            .map(|a| {
                let extra = output_padding.as_ref().map(|p| p[a]);
                transposed(lengths[a], kernel[a], strides[a], dilation[a], same, extra)
            })
            .collect();
        let out: Vec<usize> = windows.iter().map(|w| w.output).collect();
        let node = match call.class() {
            "QDepthwiseConv2DTranspose" => {
                let group = call.config.count_or("group_size", 1);
                call.config.ignore(&[
                    "filters",
                    "depth_multiplier",
                    "activation",
                    "bias_quantizer",
                ]);
                if call.config.flag("use_bias", true) {
                    call.ignore_weight("bias");
                }
                let quantizer = call.quantizer("depthwise_kernel_quantizer");
                let shape = [kernel.clone(), vec![channels, group]].concat();
                let weights = call.weights("depthwise_kernel", &shape, quantizer.as_deref());
                if !channels.is_multiple_of(group) {
                    call.config.problem(format!(
                        "group_size {group} does not divide {channels} channels"
                    ));
                }
                call.finish()?;
                let weights = reversed(&weights.expect("no problem was found"), &kernel);
                let node = call.linear_on(
                    input,
                    windows,
                    channels / group,
                    weights,
                    None,
                    [out, vec![channels]].concat(),
                );
                return Ok(vec![call.back(node)]);
            }
            "QSeparableConv2DTranspose" => {
                let filters = call.config.count("filters");
                call.config
                    .ignore(&["group_size", "depth_multiplier", "activation"]);
                let depth = call.quantizer("depthwise_kernel_quantizer");
                let point = call.quantizer("pointwise_kernel_quantizer");
                let shape = [kernel.clone(), vec![1, channels]].concat();
                let depthwise = call.weights("depthwise_kernel", &shape, depth.as_deref());
                let shape = [vec![1; axes], vec![filters, channels]].concat();
                let pointwise = call.weights("pointwise_kernel", &shape, point.as_deref());
                let bias = call.bias(filters);
                call.finish()?;
                let taps = elements(&kernel);
                let depthwise = depthwise.expect("no problem was found");
                // One channel in, one channel out: only the taps turn around.
                let sources: Vec<usize> = (0..taps)
                    .flat_map(|t| (0..channels).map(move |c| (taps - 1 - t) * channels + c))
                    .collect();
                let depthwise = depthwise.gather(depthwise.shape.clone(), &sources);
                let shape = [out.clone(), vec![channels]].concat();
                let node = call.linear_on(input, windows, channels, depthwise, None, shape);
                let ones = vec![1; axes];
                let pointwise = reversed(&pointwise.expect("no problem was found"), &ones);
                let windows = out.iter().map(|&n| Window::identity(n)).collect();
                call.linear_on(
                    node,
                    windows,
                    1,
                    pointwise,
                    bias,
                    [out, vec![filters]].concat(),
                )
            }
            _ => {
                let filters = call.config.count("filters");
                call.config.ignore(&["groups"]);
                let quantizer = call.quantizer("kernel_quantizer");
                let shape = [kernel.clone(), vec![filters, channels]].concat();
                let weights = call.weights("kernel", &shape, quantizer.as_deref());
                let bias = call.bias(filters);
                let activation = call.activation();
                call.finish()?;
                let weights = reversed(&weights.expect("no problem was found"), &kernel);
                let shape = [out, vec![filters]].concat();
                let node = call.linear_on(input, windows, 1, weights, bias, shape);
                call.activate(node, activation)
            }
        };
        Ok(vec![call.back(node)])
    }

    fn doc(&self) -> &'static str {
        "valid, same; strides; dilation; output_padding where Keras honours it"
    }
}

fn read_output_padding(call: &Call<'_>, axes: usize) -> Vec<usize> {
    let value = call.config.get("output_padding");
    let one = |v: &serde_json::Value| v.as_u64().and_then(|x| usize::try_from(x).ok());
    let list = match value {
        Some(serde_json::Value::Array(items)) => items.iter().map(one).collect::<Option<Vec<_>>>(),
        Some(v) => one(v).map(|x| vec![x; axes]),
        None => Some(vec![0; axes]),
    };
    list.filter(|l| l.len() == axes && l.iter().all(|&x| x < 1 << 20))
        .unwrap_or_else(|| {
            call.config
                .problem("`output_padding` must hold small integers, one for each axis");
            vec![0; axes]
        })
}

/// A kernel `[taps.., filters, channels]` as `[reversed taps.., channels, filters]`.
fn reversed(weights: &Weights, taps: &[usize]) -> Weights {
    let (filters, channels) = (weights.shape[taps.len()], weights.shape[taps.len() + 1]);
    let flat = |at: &[usize]| at.iter().zip(taps).fold(0, |f, (&i, &n)| f * n + i);
    let mut sources = Vec::with_capacity(weights.codes.len());
    for at in positions(taps) {
        let mirror: Vec<usize> = at.iter().zip(taps).map(|(&i, &n)| n - 1 - i).collect();
        let tap = flat(&mirror);
        for c in 0..channels {
            sources.extend((0..filters).map(|f| (tap * filters + f) * channels + c));
        }
    }
    weights.gather([taps, &[channels, filters]].concat(), &sources)
}
