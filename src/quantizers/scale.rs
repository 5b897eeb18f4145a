//! Scales that are computed from the weights: `auto` and `auto_po2` of `quantized_bits`.
//!
//! QKeras computes them in float32. Every operation below is done in float64 and rounded to float32
//! behind it, which is float32 arithmetic exactly; only the means of the least-squares step, whose
//! order of summation QKeras leaves open, stay in float64.

/// Number format of the weights: float32, or float64 for weights that were folded first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arithmetic {
    single: bool,
}

impl Arithmetic {
    /// Float32 when all values are float32 numbers.
    pub(super) fn of(values: &[f64]) -> Self {
        Self {
            single: values.iter().all(|&v| f64::from(v as f32) == v),
        }
    }

    /// A result rounded to the format.
    pub(super) fn round(self, x: f64) -> f64 {
        if self.single { f64::from(x as f32) } else { x }
    }
}

/// Largest magnitude of each channel of the last axis; of the whole vector for rank 1.
pub(super) fn largest(values: &[f64], channels: usize) -> Vec<f64> {
    let mut result = vec![0.0_f64; channels];
    for (i, v) in values.iter().enumerate() {
        result[i % channels] = result[i % channels].max(v.abs());
    }
    result
}

/// The power of two nearest in the logarithm: `2^rne(log2(x + 1e-7))`.
pub(super) fn nearest_po2(x: f64, a: Arithmetic) -> f64 {
    let guarded = a.round(x + a.round(1e-7));
    guarded.log2().round_ties_even().exp2()
}

/// Least-squares power-of-two scale of each group: `2^rne(log2(mean(x z) / (mean(z z) + 1e-7)))`.
///
/// `groups` is the period of the scale: the channels of the last axis, or every element.
pub(super) fn least_squares_po2(x: &[f64], z: &[f64], groups: usize, a: Arithmetic) -> Vec<f64> {
    let mut products = vec![0.0; groups];
    let mut squares = vec![0.0; groups];
    for (i, (x, z)) in x.iter().zip(z).enumerate() {
        products[i % groups] += x * z;
        squares[i % groups] += z * z;
    }
    let count = (x.len() / groups) as f64;
    products
        .iter()
        .zip(&squares)
        .map(|(p, s)| nearest_po2(p / count / (s / count + a.round(1e-7)), a))
        .collect()
}

/// Codes for a scale: `sign(x) * min(floor(|x| / s + 0.5), limit)`; zero where the scale is zero.
pub(super) fn codes(x: &[f64], scale: &[f64], limit: f64, a: Arithmetic) -> Vec<f64> {
    x.iter()
        .enumerate()
        .map(|(i, &x)| {
            let s = scale[i % scale.len()];
            if s == 0.0 || x == 0.0 {
                return 0.0;
            }
            let steps = a.round(a.round(x.abs() / s) + 0.5).floor();
            steps.min(limit).copysign(x)
        })
        .collect()
}
