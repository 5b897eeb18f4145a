//! Datasets as exact values.

use std::cell::Cell;

use hdf5_reader::error::ByteOrder;
use hdf5_reader::messages::datatype::Datatype;
use hdf5_reader::{Dataset, RawAttribute};

use super::super::error::WeightProblem;
use super::super::model::{Dtype, RawTensor, Values};
use super::{attributes, show_shape, spend};

/// Highest rank of a stored weight.
const MAX_RANK: usize = 8;

/// Whether a dataset holds integers.
pub(super) fn is_integer(dataset: &Dataset) -> bool {
    matches!(dataset.dtype(), Datatype::FixedPoint { .. })
}

/// Reads a dataset of a file of `file_size` bytes.
pub(super) fn read(
    dataset: &Dataset,
    path: &str,
    file_size: u64,
    budget: &Cell<u64>,
) -> Result<RawTensor, String> {
    let (dtype, width) = element_type(dataset, budget)?;
    let shape = dataset.shape();
    let shown = show_shape(shape);
    if shape.len() > MAX_RANK {
        return Err(format!(
            "it has {} dimensions; at most {MAX_RANK} are read",
            shape.len()
        ));
    }
    let bytes = dataset
        .num_elements()
        .ok()
        .and_then(|count| count.checked_mul(width))
        .ok_or_else(|| format!("shape {shown} is too large"))?;
    if bytes == 0 {
        return Err(format!("shape {shown} has no elements"));
    }
    if dataset.chunks().is_none() && bytes > file_size {
        return Err(format!(
            "shape {shown} needs {bytes} bytes, the whole file has {file_size}"
        ));
    }
    spend(budget, bytes)?;
    let raw = dataset
        .read_raw_bytes()
        .map_err(|error| error.to_string())?;
    let shape = shape
        .iter()
        .map(|&size| usize::try_from(size))
        .collect::<Result<_, _>>();
    let shape = shape.map_err(|error| error.to_string())?;
    Ok(RawTensor {
        path: path.to_owned(),
        shape,
        dtype,
        values: decode(&raw, dtype, width, dataset.dtype()),
    })
}

/// Storage type and bytes per element. The encoding is compared bit by bit with the type's definition, because
/// HDF5 can describe floats of any layout.
fn element_type(dataset: &Dataset, budget: &Cell<u64>) -> Result<(Dtype, u64), String> {
    let order = match dataset.dtype() {
        Datatype::FixedPoint { byte_order, .. } | Datatype::FloatingPoint { byte_order, .. } => {
            *byte_order
        }
        _ => ByteOrder::LittleEndian,
    };
    if order != ByteOrder::LittleEndian {
        return Err("it is big endian; Keras writes little endian".to_owned());
    }
    match dataset.dtype() {
        Datatype::FloatingPoint { size, .. } => {
            let encoding = dataset.raw_datatype().map_err(|error| error.to_string())?;
            let dtype = [
                (2, Dtype::F16, &F16),
                (4, Dtype::F32, &F32),
                (8, Dtype::F64, &F64),
            ]
            .into_iter()
            .find(|(width, _, fields)| {
                width == size && encoding.get(8..20) == Some(fields.as_slice())
            })
            .map(|(_, dtype, _)| dtype)
            .ok_or_else(|| format!("its {size}-byte floating-point type is not an IEEE one"))?;
            Ok((dtype, u64::from(*size)))
        }
        Datatype::FixedPoint {
            size: size @ (1 | 2 | 4 | 8),
            ..
        } => Ok((Dtype::Int, u64::from(*size))),
        Datatype::Opaque { size: 2, .. } if is_bfloat16(dataset, budget)? => Ok((Dtype::Bf16, 2)),
        other => Err(format!(
            "its type is {}; a float type is needed",
            describe(other)
        )),
    }
}

/// Properties of the IEEE types in a datatype message: bit offset, precision, exponent place and size, mantissa
/// place and size, exponent bias.
const F16: [u8; 12] = [0, 0, 16, 0, 10, 5, 0, 10, 15, 0, 0, 0];
const F32: [u8; 12] = [0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0];
const F64: [u8; 12] = [0, 0, 64, 0, 52, 11, 0, 52, 0xff, 3, 0, 0];

/// Keras stores bfloat16 as two opaque bytes with an attribute that says so.
fn is_bfloat16(dataset: &Dataset, budget: &Cell<u64>) -> Result<bool, String> {
    let attributes = dataset
        .raw_attributes()
        .map_err(|error| error.to_string())?;
    let Some(named) = attributes
        .iter()
        .map(RawAttribute::message)
        .find(|attribute| attribute.name == "dtype")
    else {
        return Ok(false);
    };
    let resolve = |reference: &[u8]| dataset.resolve_vlen_reference_bytes(reference, 1);
    let names = attributes::decode(named, dataset.vlen_reference_size(), resolve, budget)?;
    Ok(names == ["bfloat16"])
}

fn describe(datatype: &Datatype) -> &'static str {
    match datatype {
        Datatype::FixedPoint { .. } => "an integer of odd width",
        Datatype::FloatingPoint { .. } => "floating-point",
        Datatype::String { .. } => "a string",
        Datatype::Compound { .. } => "a compound",
        Datatype::Array { .. } => "an array",
        Datatype::Enum { .. } => "an enumeration",
        Datatype::VarLen { .. } => "of variable length",
        Datatype::Opaque { .. } => "opaque bytes",
        Datatype::Reference { .. } => "a reference",
        Datatype::Bitfield { .. } => "a bit field",
    }
}

fn decode(raw: &[u8], dtype: Dtype, width: u64, datatype: &Datatype) -> Values {
    fn halves(raw: &[u8], convert: fn(u16) -> f32) -> Values {
        Values::F32(
            raw.chunks_exact(2)
                .map(|b| convert(u16::from_le_bytes([b[0], b[1]])))
                .collect(),
        )
    }
    match dtype {
        Dtype::F16 => halves(raw, f16_to_f32),
        Dtype::Bf16 => halves(raw, |bits| f32::from_bits(u32::from(bits) << 16)),
        Dtype::F32 => Values::F32(
            raw.chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect(),
        ),
        Dtype::F64 => Values::F64(
            raw.chunks_exact(8)
                .map(|b| f64::from_bits(word(b)))
                .collect(),
        ),
        Dtype::Int => {
            let signed = matches!(datatype, Datatype::FixedPoint { signed: true, .. });
            // Sign or zero extension from the stored width; a uint64 above i64::MAX wraps, but integers are
            // counters, which are never used as numbers.
            let unused = 64 - 8 * width;
            let extend = |b: &[u8]| {
                let shifted = word(b) << unused;
                if signed {
                    shifted.cast_signed() >> unused
                } else {
                    (shifted >> unused).cast_signed()
                }
            };
            let width = raw.len().min(usize::try_from(width).unwrap_or(8));
            Values::I64(raw.chunks_exact(width).map(extend).collect())
        }
    }
}

/// Up to eight little-endian bytes as an integer.
fn word(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |word, &byte| word << 8 | u64::from(byte))
}

/// Exact: float32 holds every float16.
fn f16_to_f32(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let exponent = u32::from(bits >> 10 & 0x1f);
    let fraction = u32::from(bits & 0x3ff);
    let magnitude = match exponent {
        // Multiples of 2^-24.
        0 => (f32::from(bits & 0x3ff) * f32::from_bits(103 << 23)).to_bits(),
        31 => 0xff << 23 | fraction << 13,
        // The exponent bias goes from 15 to 127.
        _ => (exponent + 112) << 23 | fraction << 13,
    };
    f32::from_bits(sign | magnitude)
}

/// Refuses NaN and infinities.
pub(super) fn check_finite(tensor: &RawTensor) -> Result<(), WeightProblem> {
    let found = match &tensor.values {
        Values::F32(values) => values
            .iter()
            .position(|value| !value.is_finite())
            .map(|at| (at, f64::from(values[at]))),
        Values::F64(values) => values
            .iter()
            .position(|value| !value.is_finite())
            .map(|at| (at, values[at])),
        Values::I64(_) => None,
    };
    match found {
        None => Ok(()),
        Some((index, value)) => {
            let shape: Vec<u64> = tensor.shape.iter().map(|&size| size as u64).collect();
            Err(WeightProblem::NonFinite {
                path: tensor.path.clone(),
                index,
                value,
                shape: show_shape(&shape),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::f16_to_f32;

    #[test]
    fn half_precision_by_hand() {
        let cases = [
            (0x0000, 0.0),
            (0x8000, -0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_95),
            (0x7bff, 65504.0),
            (0x0400, 6.103_515_6e-5),
            (0x0001, 5.960_464_5e-8),
            (0x7c00, f32::INFINITY),
        ];
        for (bits, value) in cases {
            assert_eq!(
                f16_to_f32(bits).to_bits(),
                f32::to_bits(value),
                "{bits:#06x}"
            );
        }
        assert!(f16_to_f32(0x7e00).is_nan());
    }
}
