//! Whole batches: arrays in, codes out.

use super::plan::{Feed, Ints, Plan, RunError};
use super::{Codes, Policy, ValueError, codes_of};
use crate::data::Array;
use crate::ir::kernel::{Design, Kernel, NodeId, Port};
use crate::num::FixedType;

/// Input codes of many samples.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Number of samples.
    pub samples: usize,
    /// For each input of the design the codes of all samples, one after the other.
    pub inputs: Vec<Codes>,
}

/// Why arrays are no batch for a design.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BatchError {
    /// Another shape.
    #[error("input {input}: the array has shape {}, the model takes {}", tuple(.found), batch_of(.wanted))]
    Shape {
        /// Name of the input.
        input: String,
        /// Shape of the array.
        found: Vec<usize>,
        /// Shape of one sample.
        wanted: Vec<usize>,
    },
    /// Inputs of different lengths.
    #[error("input {input} has {found} samples, input {first} has {wanted}")]
    Samples {
        /// Name of the input.
        input: String,
        /// Its samples.
        found: usize,
        /// Name of the first input.
        first: String,
        /// The first input's samples.
        wanted: usize,
    },
    /// An integer beyond 2^53, which is no float64.
    #[error("input {input}, flat index {index}: the integer is no float64")]
    Integer {
        /// Name of the input.
        input: String,
        /// Flat index in the array.
        index: usize,
    },
    /// A value the input's type does not hold.
    #[error(transparent)]
    Value(#[from] ValueError),
}

impl BatchError {
    /// The same in a batch that so many samples precede.
    #[must_use]
    pub fn after(self, samples: usize) -> Self {
        match self {
            Self::Value(error) => Self::Value(error.after(samples)),
            other => other,
        }
    }

    /// Name of the input that does not fit.
    #[must_use]
    pub fn input(&self) -> &str {
        match self {
            Self::Shape { input, .. }
            | Self::Samples { input, .. }
            | Self::Integer { input, .. } => input,
            Self::Value(error) => error.port(),
        }
    }
}

fn tuple(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    format!("({})", sizes.join(", "))
}

fn batch_of(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(|s| format!(", {s}")).collect();
    format!("(samples{})", sizes.concat())
}

/// The type of each input port.
///
/// # Panics
/// When a port names another node than an input, which no design does.
#[must_use]
pub fn input_types(design: &Design) -> Vec<FixedType> {
    let ty = |port: &Port| match &design.node(port.node).kernel {
        Kernel::Input { ty, .. } => *ty,
        other => unreachable!("an input port names an input node, not {other:?}"),
    };
    design.inputs.iter().map(ty).collect()
}

/// Codes of one array for each input of the design.
///
/// An input whose entry in `derived` is true has the type of the network's own quantizer, so that
/// converting any value is part of the network. Other inputs take values of their type only, or
/// with `round` the nearest one.
///
/// # Errors
/// All inputs that do not fit, each with its first problem.
pub fn batch(
    design: &Design,
    derived: &[bool],
    arrays: &[Array],
    round: bool,
) -> Result<Batch, Vec<BatchError>> {
    let mut errors = Vec::new();
    let mut inputs = Vec::with_capacity(arrays.len());
    let first = arrays.first().and_then(|a| a.shape.first().copied());
    let samples = first.unwrap_or(0);
    let ports = design.inputs.iter().zip(input_types(design));
    for ((port, ty), (array, &derived)) in ports.zip(arrays.iter().zip(derived)) {
        let shape = &design.node(port.node).ty.shape;
        if array.shape.is_empty() || array.shape[1..] != shape[..] {
            errors.push(BatchError::Shape {
                input: port.name.clone(),
                found: array.shape.clone(),
                wanted: shape.clone(),
            });
            continue;
        }
        if array.shape[0] != samples {
            errors.push(BatchError::Samples {
                input: port.name.clone(),
                found: array.shape[0],
                first: design.inputs[0].name.clone(),
                wanted: samples,
            });
            continue;
        }
        let policy = match (derived, round) {
            (true, _) => Policy::Convert,
            (false, true) => Policy::Round,
            (false, false) => Policy::Exact,
        };
        let elements = shape.iter().product();
        let codes = array.to_f64().map_err(|index| BatchError::Integer {
            input: port.name.clone(),
            index,
        });
        match codes.and_then(|v| Ok(codes_of(&port.name, &v, elements, &ty, policy)?)) {
            Ok(codes) => inputs.push(codes),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(Batch { samples, inputs })
    } else {
        Err(errors)
    }
}

/// Whether arrays of these shapes are a batch for a design: the number of samples.
///
/// # Errors
/// All inputs that do not fit.
pub fn samples_of(design: &Design, shapes: &[&[usize]]) -> Result<usize, Vec<BatchError>> {
    let samples = shapes.first().and_then(|s| s.first()).copied().unwrap_or(0);
    let mut errors = Vec::new();
    for (port, found) in design.inputs.iter().zip(shapes) {
        let wanted = &design.node(port.node).ty.shape;
        let input = port.name.clone();
        if found.get(1..) != Some(wanted) {
            errors.push(BatchError::Shape {
                input,
                found: found.to_vec(),
                wanted: wanted.clone(),
            });
        } else if found[0] != samples {
            errors.push(BatchError::Samples {
                input,
                found: found[0],
                first: design.inputs[0].name.clone(),
                wanted: samples,
            });
        }
    }
    if errors.is_empty() {
        Ok(samples)
    } else {
        Err(errors)
    }
}

/// Codes of the wanted nodes for all samples, one sample after the other, on all threads.
///
/// # Errors
/// Codes that an input port does not hold.
pub fn run(design: &Design, batch: &Batch, wanted: &[NodeId]) -> Result<Vec<Codes>, RunError> {
    let feeds: Vec<Feed<'_>> = batch.inputs.iter().map(|c| Feed::I128(c)).collect();
    let results = Plan::with_edges(design, wanted).run(&feeds, batch.samples)?;
    Ok(results.iter().map(Ints::to_i128).collect())
}
