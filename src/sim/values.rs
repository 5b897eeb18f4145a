//! Numbers of the outside world as codes, and back.

use crate::ir::kernel::TensorType;
use crate::ir::{Real, from_f64};
use crate::num::{self, FixedType, Overflow, Quantization};

/// Codes of a batch: samples one after the other, each flat and row-major.
pub type Codes = Vec<i128>;

/// What happens to input values that the port's type does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// They are an error.
    Exact,
    /// Rounded half to even and saturated.
    Round,
    /// Converted by the type's own modes: the port is the network's quantizer.
    Convert,
}

/// A value that cannot be converted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ValueError {
    /// Not on the grid or out of range.
    #[error(
        "input {input}, sample {sample}, element {index}: {value} is no value of {ty} ({}); \
         --round-input rounds to the nearest one, half to even, and saturates",
        span(.ty)
    )]
    NotHeld {
        /// Name of the input.
        input: String,
        /// Sample number.
        sample: usize,
        /// Flat index in the sample.
        index: usize,
        /// The value.
        value: f64,
        /// The port's type.
        ty: FixedType,
    },
    /// Infinite or no number.
    #[error("input {input}, sample {sample}, element {index}: {value} is no finite number")]
    NotFinite {
        /// Name of the input.
        input: String,
        /// Sample number.
        sample: usize,
        /// Flat index in the sample.
        index: usize,
        /// The value.
        value: f64,
    },
    /// A result that no int64 holds.
    #[error("output {output}: {ty} has codes beyond 64 bits")]
    Wide {
        /// Name of the output.
        output: String,
        /// Its type.
        ty: String,
    },
    /// A result with more significant bits than a float64 has.
    #[error(
        "output {output}: code {code} with {frac} fraction bits needs more than 53 significant bits; \
         --codes writes the raw integers"
    )]
    NoFloat {
        /// Name of the output.
        output: String,
        /// The code.
        code: i128,
        /// Its binary point.
        frac: i32,
    },
}

impl ValueError {
    /// The same in a batch that so many samples precede.
    #[must_use]
    pub fn after(mut self, samples: usize) -> Self {
        if let Self::NotHeld { sample, .. } | Self::NotFinite { sample, .. } = &mut self {
            *sample += samples;
        }
        self
    }

    /// Name of the input or output that holds the value.
    #[must_use]
    pub fn port(&self) -> &str {
        match self {
            Self::NotHeld { input, .. } | Self::NotFinite { input, .. } => input,
            Self::Wide { output, .. } | Self::NoFloat { output, .. } => output,
        }
    }
}

/// Range and step of a type, in words.
fn span(ty: &FixedType) -> String {
    let step = value_of(1, ty.frac());
    let end = |raw: Option<i128>| value_of(raw?, ty.frac());
    match (end(ty.min_raw()), end(ty.max_raw()), step) {
        (Some(lo), Some(hi), Some(step)) => format!("from {lo} to {hi} in steps of {step}"),
        _ => format!("steps of 2^{}", -i64::from(ty.frac())),
    }
}

/// Codes of an input batch of `values` (samples of `elements` values each).
///
/// # Errors
/// The first value that the policy refuses.
pub fn codes_of(
    input: &str,
    values: &[f64],
    elements: usize,
    ty: &FixedType,
    policy: Policy,
) -> Result<Codes, ValueError> {
    let nearest = FixedType {
        quantization: Quantization::RndConv,
        overflow: if matches!(policy, Policy::Exact) {
            Overflow::Sat
        } else {
            ty.overflow
        },
        ..*ty
    };
    let target = match policy {
        Policy::Exact => nearest,
        Policy::Round => FixedType {
            overflow: Overflow::Sat,
            ..nearest
        },
        Policy::Convert => *ty,
    };
    let place = |i: usize| (i / elements.max(1), i % elements.max(1));
    let quick = Quick::new(ty);
    values
        .iter()
        .enumerate()
        .map(|(i, &value)| {
            if let Some(code) = quick.as_ref().and_then(|q| q.code_of(value)) {
                return Ok(code);
            }
            let (sample, index) = place(i);
            let Some(code) = code_of(value, &target) else {
                return Err(ValueError::NotFinite {
                    input: input.into(),
                    sample,
                    index,
                    value,
                });
            };
            if policy == Policy::Exact && value_of(code, ty.frac()) != Some(value) {
                return Err(ValueError::NotHeld {
                    input: input.into(),
                    sample,
                    index,
                    value,
                    ty: *ty,
                });
            }
            Ok(code)
        })
        .collect()
}

/// Codes that no rounding and no overflow touches, in float64: most of what files hold.
struct Quick {
    scale: f64,
    lo: f64,
    hi: f64,
}

impl Quick {
    /// `None` for types whose codes or binary point float64 does not hold.
    fn new(ty: &FixedType) -> Option<Self> {
        if ty.frac().unsigned_abs() > 500 {
            return None;
        }
        let exact = |raw: i128| i32::try_from(raw).ok().map(f64::from);
        Some(Self {
            scale: 2.0_f64.powi(ty.frac()),
            // Symmetric types do not convert to their least code.
            lo: exact(ty.min_raw()?)? + f64::from(u8::from(ty.signed)),
            hi: exact(ty.max_raw()?)?,
        })
    }

    /// The code, if the value is one of the type; scaling by a power of two is exact, or so far from
    /// the type's codes that it does not matter.
    fn code_of(&self, value: f64) -> Option<i128> {
        let scaled = value * self.scale;
        let inside = self.lo <= scaled && scaled <= self.hi && scaled.trunc() == scaled;
        // Too small a number must not become zero.
        (inside && (scaled != 0.0 || value == 0.0)).then_some(scaled as i128)
    }
}

/// The code of a finite float64 in a type.
fn code_of(value: f64, ty: &FixedType) -> Option<i128> {
    let exact: Real = from_f64(value)?;
    // A float64 is m * 2^e with m below 2^53: as a code with frac = -e.
    let (mantissa, frac) = crate::ir::dyadic(&exact)?;
    Some(num::convert(mantissa, frac, ty))
}

/// The float64 of a code, if it has one.
fn value_of(code: i128, frac: i32) -> Option<f64> {
    if code == 0 {
        return Some(0.0);
    }
    let zeros = code.trailing_zeros();
    let odd = code >> zeros;
    if 128 - odd.unsigned_abs().leading_zeros() > 53 {
        return None;
    }
    // Both factors are exact and so is their product, unless it under- or overflows.
    let exponent = i32::try_from(i64::from(zeros) - i64::from(frac)).ok()?;
    let value = odd as f64 * 2.0_f64.powi(exponent);
    (value.is_finite() && value != 0.0).then_some(value)
}

/// Exact float64 values of a batch of codes.
///
/// # Errors
/// The first code that no float64 holds.
pub fn values_of(output: &str, codes: &[i128], ty: &TensorType) -> Result<Vec<f64>, ValueError> {
    let elements = ty.elements().max(1);
    codes
        .iter()
        .enumerate()
        .map(|(i, &code)| {
            let frac = *ty.frac.at(i % elements);
            value_of(code, frac).ok_or_else(|| ValueError::NoFloat {
                output: output.into(),
                code,
                frac,
            })
        })
        .collect()
}

/// The float64 values nearest to a batch of codes, and whether all of them are exact.
#[must_use]
pub fn nearest_values(codes: &[i128], ty: &TensorType) -> (Vec<f64>, bool) {
    let elements = ty.elements().max(1);
    let mut exact = true;
    let values = codes.iter().enumerate().map(|(i, &code)| {
        let frac = *ty.frac.at(i % elements);
        value_of(code, frac).unwrap_or_else(|| {
            exact = false;
            // An integer is rounded to nearest by the conversion.
            code as f64 * 2.0_f64.powi(frac.saturating_neg())
        })
    });
    (values.collect(), exact)
}

/// Codes of a batch at one binary point for all channels, the finest, and the type that holds them.
///
/// # Errors
/// When a code needs more than 64 bits.
pub fn aligned_codes(
    output: &str,
    codes: &[i128],
    ty: &TensorType,
) -> Result<(Vec<i64>, FixedType), ValueError> {
    let wide = |ty: String| ValueError::Wide {
        output: output.into(),
        ty,
    };
    let width = || format!("a tensor of {} bits", ty.width());
    let format = ty.covering().ok_or_else(|| wide(width()))?;
    let elements = ty.elements().max(1);
    let aligned = codes.iter().enumerate().map(|(i, &code)| {
        let shift = format.frac() - ty.frac.at(i % elements);
        i64::try_from(code << shift).map_err(|_| wide(format.to_string()))
    });
    Ok((aligned.collect::<Result<_, _>>()?, format))
}
