//! `Conv1D`, `Conv2D`, `QConv1D`, `QConv2D`: cross-correlation with groups, dilation and, for
//! `QConv2D`, a mask that multiplies the quantized kernel.

use serde_json::Value;

use super::config::as_number;
use super::geometry::{Padding, window};
use super::{Call, LayerDef, Outcome};
use crate::ir::math::Weights;
use crate::ir::{Window, elements};

/// See the module.
pub(super) struct Conv;

impl LayerDef for Conv {
    fn classes(&self) -> &'static [&'static str] {
        &["Conv1D", "Conv2D", "QConv1D", "QConv2D"]
    }

    fn lower(&self, call: &mut Call<'_>) -> Outcome {
        let axes = if call.class().ends_with("1D") { 1 } else { 2 };
        let filters = call.config.count("filters");
        let groups = call.config.count_or("groups", 1);
        let mask = call.config.get("mask").cloned();
        let spatial = Spatial::read(call, axes, true);
        let Some((input, channels)) = call.spatial_input(axes) else {
            return Err(call.problems());
        };
        if !channels.is_multiple_of(groups) || !filters.is_multiple_of(groups) {
            call.config.problem(format!(
                "groups = {groups} divides neither {channels} channels and {filters} filters"
            ));
            return Err(call.problems());
        }
        let kernel = call.quantizer("kernel_quantizer");
        let shape = [spatial.kernel.clone(), vec![channels / groups, filters]].concat();
        let mut weights = call.weights("kernel", &shape, kernel.as_deref());
        if let (Some(mask), Some(weights)) = (&mask, &mut weights)
            && let Err(problem) = apply_mask(mask, &spatial.kernel, weights)
        {
            call.config.problem(problem);
        }
        let bias = call.bias(filters);
        let activation = call.activation();
        let windows = spatial.windows(call, &call.shape_of(input));
        call.finish()?;
        let shape: Vec<usize> = windows.iter().map(|w| w.output).chain([filters]).collect();
        let weights = weights.expect("no problem was found");
        let node = call.linear_on(input, windows, groups, weights, bias, shape);
        let node = call.activate(node, activation);
        Ok(vec![call.back(node)])
    }

    fn doc(&self) -> &'static str {
        "valid, same, causal (1D); strides; dilation; groups; mask; channels first and last"
    }
}

/// Kernel size, strides, padding and dilation.
pub(super) struct Spatial {
    pub(super) kernel: Vec<usize>,
    pub(super) strides: Vec<usize>,
    pub(super) dilation: Vec<usize>,
    pub(super) padding: Padding,
}

impl Spatial {
    /// Reads the common keys; ordinary convolutions refuse strides together with dilation.
    pub(super) fn read(call: &Call<'_>, axes: usize, exclusive: bool) -> Self {
        let c = &call.config;
        let words: &[&str] = if axes == 1 {
            &["valid", "same", "causal"]
        } else {
            &["valid", "same"]
        };
        let kernel = match c.counts_opt("kernel_size", axes) {
            Some(kernel) => kernel,
            None => {
                c.problem("`kernel_size` is missing or wrong");
                vec![1; axes]
            }
        };
        let result = Self {
            kernel,
            strides: c.counts("strides", axes, 1),
            dilation: c.counts("dilation_rate", axes, 1),
            padding: Padding::from_word(c.choice("padding", words)),
        };
        if exclusive
            && result.strides.iter().any(|&s| s > 1)
            && result.dilation.iter().any(|&d| d > 1)
        {
            c.problem("strides and dilation_rate are both above 1, which Keras refuses too");
        }
        result
    }

    /// Windows over an input `[spatial.., channels]`.
    pub(super) fn windows(&self, call: &Call<'_>, input: &[usize]) -> Vec<Window> {
        let mut windows = Vec::with_capacity(self.kernel.len());
        for (axis, &length) in input.iter().enumerate().take(self.kernel.len()) {
            match window(
                length,
                self.kernel[axis],
                self.strides[axis],
                self.dilation[axis],
                self.padding,
            ) {
                Ok(w) => windows.push(w),
                Err(problem) => call.config.problem(format!("axis {}: {problem}", axis + 1)),
            }
        }
        windows
    }
}

/// Multiplies a quantized kernel by a mask of shape `(kh, kw)` or `(kh, kw, 1, 1)`.
fn apply_mask(mask: &Value, kernel: &[usize], weights: &mut Weights) -> Result<(), String> {
    fn flatten(v: &Value, into: &mut Vec<f64>) -> Option<()> {
        match v {
            Value::Array(items) => items
                .iter()
                .try_for_each(|i| flatten(i, into).ok_or(()))
                .ok(),
            v => {
                into.push(as_number(v)?);
                Some(())
            }
        }
    }
    // A NumPy constant may wrap the list.
    let list = mask.pointer("/config/value").unwrap_or(mask);
    let mut factors = Vec::new();
    let read = flatten(list, &mut factors);
    if read.is_none() || factors.len() != elements(kernel) {
        return Err(format!(
            "`mask` must hold {} numbers, one for each tap",
            elements(kernel)
        ));
    }
    let per_tap = weights.codes.len() / factors.len();
    for (codes, factor) in weights.codes.chunks_mut(per_tap).zip(factors) {
        if factor.fract() != 0.0 || factor.abs() > 1024.0 {
            return Err(format!(
                "`mask` holds {factor}; only integers are supported"
            ));
        }
        for code in codes {
            *code = code
                .checked_mul(factor as i128)
                .ok_or("the masked kernel is too wide")?;
        }
    }
    Ok(())
}
