//! Scales that are computed from the weights: `auto` and `auto_po2`.
//!
//! QKeras computes them in float32. Every operation below is done in float64 and rounded to float32
//! behind it, which is float32 arithmetic exactly; only the means of the least-squares step, whose
//! order of summation QKeras leaves open, stay in float64.

use serde_json::Value;

use super::Args;
use crate::ir::{Periodic, Real, from_f64};

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

    /// The sign that TensorFlow sees: subnormal float32 numbers are zero.
    pub(super) fn sign(self, x: f64) -> f64 {
        if x == 0.0 || (self.single && x.abs() < f64::from(f32::MIN_POSITIVE)) {
            0.0
        } else {
            x.signum()
        }
    }

    /// Keras' epsilon in this format.
    fn epsilon(self) -> f64 {
        self.round(1e-7)
    }
}

/// Which elements of a tensor share a scale.
#[derive(Debug, Clone)]
pub(super) struct Groups {
    /// Group of each element of one period.
    of: Vec<usize>,
    count: usize,
}

impl Groups {
    /// One group for all elements.
    pub(super) fn whole() -> Self {
        Self {
            of: vec![0],
            count: 1,
        }
    }

    /// A group for each channel of the last axis; each element its own for rank 1.
    pub(super) fn channels(shape: &[usize]) -> Self {
        let count = shape.last().copied().unwrap_or(1).max(1);
        Self {
            of: (0..count).collect(),
            count,
        }
    }

    /// A group for each block of `blocks[k]` consecutive indices along `axes[k]`.
    fn along(shape: &[usize], axes: &[usize], blocks: &[usize]) -> Self {
        let mut of = vec![0; shape.iter().product::<usize>().max(1)];
        let mut count = 1;
        for (&axis, &block) in axes.iter().zip(blocks) {
            let inner: usize = shape[axis + 1..].iter().product();
            let groups = shape[axis] / block;
            for (i, group) in of.iter_mut().enumerate() {
                *group = *group * groups + i / inner % shape[axis] / block;
            }
            count *= groups;
        }
        Self { of, count }
    }

    /// Group of element `i`.
    fn at(&self, i: usize) -> usize {
        self.of[i % self.of.len()]
    }

    /// A value for each group as a property of the elements.
    pub(super) fn spread(&self, values: &[f64], unit: f64) -> Result<Periodic<Real>, String> {
        let each = self.of.iter().map(|&g| from_f64(values[g] * unit));
        let each = each.collect::<Option<Vec<_>>>();
        Ok(Periodic::new(each.ok_or("a scale is no finite number")?).compact())
    }

    /// Sums of a function of the elements, and their number, for each group.
    fn sums(&self, length: usize, f: impl Fn(usize) -> f64) -> Vec<(f64, f64)> {
        let mut sums = vec![(0.0, 0.0); self.count];
        for i in 0..length {
            let sum = &mut sums[self.at(i)];
            sum.0 += f(i);
            sum.1 += 1.0;
        }
        sums
    }

    /// Largest `f` of each group.
    pub(super) fn largest(&self, values: &[f64], f: impl Fn(f64) -> f64) -> Vec<f64> {
        let mut largest = vec![f64::NEG_INFINITY; self.count];
        for (i, &v) in values.iter().enumerate() {
            let most = &mut largest[self.at(i)];
            *most = most.max(f(v));
        }
        largest
    }
}

/// How scales are spread over the weights: `scale_axis`, `elements_per_scale` and the limits of
/// power-of-two exponents. None of it is ever saved; it comes in text forms only.
#[derive(Debug, Clone, Default)]
pub(super) struct Scaling {
    axes: Option<Vec<usize>>,
    blocks: Option<Vec<usize>>,
    exponents: Option<(i32, i32)>,
}

impl Scaling {
    /// Reads the arguments; problems are recorded in `args`.
    pub(super) fn read(args: &Args, po2: bool) -> Self {
        let list = |key: &str| {
            let numbers = args.numbers(key)?;
            let fit =
                |&x: &f64| (x.fract() == 0.0 && (0.0..64e6).contains(&x)).then_some(x as usize);
            let list: Option<Vec<usize>> = numbers.iter().map(fit).collect();
            if list.is_none() {
                args.problem(format!("`{key}` must hold integers that are not negative"));
            }
            list
        };
        let axes = list("scale_axis");
        let mut blocks = list("elements_per_scale");
        match (&axes, &mut blocks) {
            (None, Some(_)) => args.problem("`elements_per_scale` needs `scale_axis`"),
            (Some(axes), Some(blocks)) => {
                let is_list = |key| matches!(args.get(key), Some(Value::Array(_)));
                if blocks.len() == 1 && !is_list("elements_per_scale") {
                    blocks.resize(axes.len(), blocks[0]);
                }
                if blocks.len() != axes.len() || blocks.contains(&0) {
                    args.problem("`elements_per_scale` does not fit `scale_axis`");
                }
            }
            _ => {}
        }
        let limits = ["min_po2_exponent", "max_po2_exponent"];
        let exponents = match limits.map(|key| args.get(key).is_some()) {
            [false, false] => None,
            [true, true] => Some((args.integer(limits[0], 0), args.integer(limits[1], 0))),
            _ => {
                args.problem("`min_po2_exponent` and `max_po2_exponent` need each other");
                None
            }
        };
        if !po2 && exponents.is_some() {
            args.problem("limits of exponents need alpha \"auto_po2\"");
        }
        Self {
            axes,
            blocks,
            exponents,
        }
    }

    fn along(&self, shape: &[usize], blocks: Option<&[usize]>) -> Result<Option<Groups>, String> {
        let Some(axes) = self.axes.as_deref().filter(|_| shape.len() > 1) else {
            return Ok(None);
        };
        if let Some(axis) = axes.iter().find(|&&a| a >= shape.len()) {
            return Err(format!(
                "`scale_axis` {axis} for weights of shape {shape:?}"
            ));
        }
        let ones = vec![1; axes.len()];
        let blocks = blocks.unwrap_or(&ones);
        let uneven = axes
            .iter()
            .zip(blocks)
            .any(|(&a, &b)| !shape[a].is_multiple_of(b));
        if uneven {
            return Err(format!(
                "`elements_per_scale` {blocks:?} does not divide weights of shape {shape:?}"
            ));
        }
        Ok(Some(Groups::along(shape, axes, blocks)))
    }

    /// Elements that share the scale to start from; for rank 1 what the quantizer says.
    pub(super) fn start(&self, shape: &[usize], rank1: Groups) -> Result<Groups, String> {
        if shape.len() <= 1 {
            return Ok(rank1);
        }
        Ok(self
            .along(shape, None)?
            .unwrap_or_else(|| Groups::channels(shape)))
    }

    /// Elements that share a least-squares scale; for rank 1 each element has its own.
    pub(super) fn least_squares(&self, shape: &[usize]) -> Result<Groups, String> {
        Ok(self
            .along(shape, self.blocks.as_deref())?
            .unwrap_or_else(|| Groups::channels(shape)))
    }

    /// Least-squares scale of each group, `mean(x z) / (mean(z z) + 1e-7)`, with `po2` the power of
    /// two nearest to it.
    pub(super) fn fit(
        &self,
        groups: &Groups,
        x: &[f64],
        z: &[f64],
        po2: bool,
        a: Arithmetic,
    ) -> Vec<f64> {
        let products = groups.sums(x.len(), |i| x[i] * z[i]);
        let squares = groups.sums(x.len(), |i| z[i] * z[i]);
        let scale = products.iter().zip(&squares).map(|(p, s)| {
            let scale = (p.0 / p.1) / (s.0 / s.1 + a.epsilon());
            if !po2 {
                return a.round(scale);
            }
            let scale = nearest_po2(scale, a);
            match self.exponents {
                Some((lo, hi)) => scale.max(f64::from(lo).exp2()).min(f64::from(hi).exp2()),
                None => scale,
            }
        });
        scale.collect()
    }
}

/// The power of two nearest in the logarithm: `2^rne(log2(x + 1e-7))`.
pub(super) fn nearest_po2(x: f64, a: Arithmetic) -> f64 {
    let guarded = a.round(x + a.epsilon());
    guarded.log2().round_ties_even().exp2()
}

/// Codes for a scale: `sign(x) * min(floor(|x| / s + 0.5), limit)`; zero where the scale is zero.
pub(super) fn codes(
    x: &[f64],
    groups: &Groups,
    scale: &[f64],
    limit: f64,
    a: Arithmetic,
) -> Vec<f64> {
    x.iter()
        .enumerate()
        .map(|(i, &x)| {
            let s = scale[groups.at(i)];
            if s == 0.0 || x == 0.0 {
                return 0.0;
            }
            let steps = a.round(a.round(x.abs() / s) + 0.5).floor();
            steps.min(limit).copysign(x)
        })
        .collect()
}

/// Rounded quotients `f(x / s)`, where `f` sees zero in place of a quotient by zero.
pub(super) fn quotients(
    x: &[f64],
    groups: &Groups,
    scale: &[f64],
    a: Arithmetic,
    f: impl Fn(f64) -> f64,
) -> Vec<f64> {
    x.iter()
        .enumerate()
        .map(|(i, &x)| match scale[groups.at(i)] {
            0.0 => f(0.0),
            s => f(a.round(x / s)),
        })
        .collect()
}
