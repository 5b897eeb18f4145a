//! Test data: inputs and reference outputs of the test bench.
//!
//! `tb_data/tb_input_features.dat` and `tb_output_predictions.dat` hold integer codes, one sample
//! a line, all ports one after the other, each flattened row-major. `tb_data/types.json` says what
//! a code means; the `*_values.dat` files hold the same numbers as exact decimals.

use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

use num_bigint::BigInt;
use serde::{Deserialize, Serialize};

use super::project::{PortView, Project};
use super::{CodegenError, FileSet};
use crate::ir::Range;
use crate::ir::kernel::{Design, Kernel, Node};
use crate::num::FixedType;

/// Inputs of a test bench.
pub const INPUTS: &str = "tb_data/tb_input_features.dat";
/// Its reference outputs.
pub const OUTPUTS: &str = "tb_data/tb_output_predictions.dat";
/// What the codes mean.
pub const PORTS: &str = "tb_data/types.json";

/// Samples and what the network makes of them.
///
/// Codes stand at the binary points that the design's edges state, channel by channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TestVectors {
    /// For each model input: samples one after the other, each row-major.
    pub inputs: Vec<Vec<i128>>,
    /// For each model output, likewise.
    pub outputs: Vec<Vec<i128>>,
}

/// Why test vectors do not fit a design.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VectorError {
    /// Not one vector for each port.
    #[error("test vectors for {found} {what}, but the model has {expected}")]
    Ports {
        /// `inputs` or `outputs`.
        what: &'static str,
        /// Ports of the model.
        expected: usize,
        /// Vectors given.
        found: usize,
    },
    /// Not a whole number of samples, or not the same number for all ports.
    #[error("test vector of `{port}` has {found} codes, expected {samples} samples of {elements}")]
    Length {
        /// The port.
        port: String,
        /// Codes of a sample.
        elements: usize,
        /// Samples that the first input has.
        samples: usize,
        /// Codes given.
        found: usize,
    },
    /// A code that the port's type does not have.
    #[error("test vector of `{port}`, sample {sample}: code {code} is outside {lo}..{hi}")]
    Code {
        /// The port.
        port: String,
        /// From 0.
        sample: usize,
        /// The code, at the port's binary point.
        code: i128,
        /// Lowest code of the type.
        lo: i128,
        /// Highest code of the type.
        hi: i128,
    },
}

/// What `tb_data/types.json` says of one port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortInfo {
    /// The layer's name.
    pub name: String,
    /// C++ type.
    #[serde(rename = "type")]
    pub cpp_type: String,
    /// A value is `code * 2^-fraction_bits`.
    pub fraction_bits: i32,
    /// Extents without the batch axis.
    pub shape: Vec<usize>,
}

impl PortInfo {
    /// Codes of one sample.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}

/// What `tb_data/types.json` says of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectInfo {
    /// Name of project, namespace and top function.
    pub project: String,
    /// The backend that wrote it.
    pub backend: String,
    /// `parallel` or `stream`.
    pub io: String,
    /// Multiplications and other operations on one element that one sample takes, roughly.
    pub operations: u64,
    /// Inputs in the model's order.
    pub inputs: Vec<PortInfo>,
    /// Outputs in the model's order.
    pub outputs: Vec<PortInfo>,
    /// Layers whose outputs builds with `QK_TRACE` write, in the order of writing.
    pub traces: Vec<PortInfo>,
}

/// Reads what a project on disk says of itself.
///
/// # Errors
/// When the folder holds no project of ours.
pub fn read_info(project: &Path) -> io::Result<ProjectInfo> {
    let text = fs::read_to_string(project.join(PORTS))?;
    serde_json::from_str(&text).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
}

/// Codes of the whole tensor at the binary point of its array: what the C++ ports hold.
///
/// `codes` may be several samples. `None` when a code leaves the 127 bits.
#[must_use]
pub fn port_codes(node: &Node, codes: &[i128]) -> Option<Vec<i128>> {
    let finest = *node.ty.frac.values().iter().max()?;
    let elements = node.ty.elements();
    codes
        .iter()
        .enumerate()
        .map(|(i, &code)| {
            let shift = finest.abs_diff(*node.ty.frac.at(i % elements));
            Some(Range::point(code).shifted(shift)?.lo)
        })
        .collect()
}

pub(crate) fn add_files(
    design: &Design,
    project: &Project,
    vectors: &TestVectors,
    files: &mut FileSet,
    errors: &mut Vec<CodegenError>,
) {
    let samples = match (vectors.inputs.first(), project.inputs.first()) {
        (Some(codes), Some(port)) => codes.len() / port.elements,
        _ => 0,
    };
    let sides = [
        ("inputs", &project.inputs, &vectors.inputs, INPUTS),
        ("outputs", &project.outputs, &vectors.outputs, OUTPUTS),
    ];
    for (what, ports, given, path) in sides {
        if ports.len() != given.len() {
            errors.push(
                VectorError::Ports {
                    what,
                    expected: ports.len(),
                    found: given.len(),
                }
                .into(),
            );
            continue;
        }
        let mut aligned = Vec::new();
        for (port, codes) in ports.iter().zip(given) {
            match align(design, port, codes, samples) {
                Ok(codes) => aligned.push(codes),
                Err(error) => errors.push(error.into()),
            }
        }
        if errors.is_empty() {
            let columns: Vec<_> = ports.iter().zip(&aligned).collect();
            files.add(path, table(&columns, samples, |code, _| code.to_string()));
            let values = path.replace(".dat", "_values.dat");
            files.add(values, table(&columns, samples, decimal));
        }
    }
    let port = |name: &str, spelled: &str, fixed: &FixedType, node| PortInfo {
        name: name.to_owned(),
        cpp_type: spelled.to_owned(),
        fraction_bits: fixed.frac(),
        shape: design.node(node).ty.shape.clone(),
    };
    let ports = |ports: &[PortView]| {
        let all = ports
            .iter()
            .map(|p| port(&p.name, &p.spelled, &p.fixed, p.node));
        all.collect()
    };
    let traces = &project.traces;
    let info = ProjectInfo {
        project: project.name.clone(),
        backend: project.backend.to_owned(),
        io: if project.is_stream() {
            "stream"
        } else {
            "parallel"
        }
        .to_owned(),
        operations: operations(design),
        inputs: ports(&project.inputs),
        outputs: ports(&project.outputs),
        traces: traces
            .iter()
            .map(|t| port(&t.name, &t.spelled, &t.fixed, t.node))
            .collect(),
    };
    let text = serde_json::to_string_pretty(&info).expect("plain data has a JSON form");
    files.add(PORTS, text);
}

fn operations(design: &Design) -> u64 {
    let of = |node: &Node| match &node.kernel {
        Kernel::Dot(dot) => dot.macs(),
        Kernel::MatMul => {
            let left = design.node(node.inputs[0]).ty.shape.last();
            (node.ty.elements() * left.copied().unwrap_or(1)) as u64
        }
        Kernel::Pool { windows, .. } => {
            let taps: usize = windows.iter().map(|w| w.kernel).product();
            (node.ty.elements() * taps) as u64
        }
        Kernel::Loop(cell) => cell.steps as u64 * operations(&cell.body),
        Kernel::Input { .. }
        | Kernel::Affine(_)
        | Kernel::Select(_)
        | Kernel::Clamp(_)
        | Kernel::Cast(_)
        | Kernel::Lut(_)
        | Kernel::Threshold(_)
        | Kernel::Merge { .. }
        | Kernel::Part(_)
        | Kernel::Move(_)
        | Kernel::Reduce(_) => node.ty.elements() as u64,
    };
    design.nodes.iter().map(of).sum()
}

/// A port's codes at its binary point, checked.
fn align(
    design: &Design,
    port: &PortView,
    codes: &[i128],
    samples: usize,
) -> Result<Vec<i128>, VectorError> {
    if codes.len() != samples * port.elements {
        return Err(VectorError::Length {
            port: port.name.clone(),
            elements: port.elements,
            samples,
            found: codes.len(),
        });
    }
    let Range { lo, hi } = codes_of(&port.fixed);
    let refuse = |i: usize, code: i128| VectorError::Code {
        port: port.name.clone(),
        sample: i / port.elements,
        code,
        lo,
        hi,
    };
    let aligned = port_codes(design.node(port.node), codes);
    let aligned = aligned.ok_or_else(|| refuse(0, codes.first().copied().unwrap_or(0)))?;
    match aligned.iter().position(|c| !(lo..=hi).contains(c)) {
        Some(i) => Err(refuse(i, aligned[i])),
        None => Ok(aligned),
    }
}

/// The codes of a type of at most 127 bits.
fn codes_of(ty: &FixedType) -> Range {
    let bits = ty.width.min(127);
    if ty.signed {
        let half = 1_i128 << (bits - 1);
        Range {
            lo: -half,
            hi: half - 1,
        }
    } else {
        let top = 1_i128 << (bits - 1);
        Range {
            lo: 0,
            hi: top - 1 + top,
        }
    }
}

/// One line a sample.
fn table(
    columns: &[(&PortView, &Vec<i128>)],
    samples: usize,
    show: impl Fn(i128, i32) -> String,
) -> String {
    let mut text = String::new();
    for s in 0..samples {
        let mut first = true;
        for (port, codes) in columns {
            for &code in &codes[s * port.elements..(s + 1) * port.elements] {
                let space = if first { "" } else { " " };
                let _ = write!(text, "{space}{}", show(code, port.fixed.frac()));
                first = false;
            }
        }
        text.push('\n');
    }
    text
}

/// Most fraction or trailing zero bits that are written out as digits.
const MOST_DIGITS: u32 = 2048;

/// `code * 2^-frac` as an exact decimal number; as a product beyond reason.
fn decimal(code: i128, frac: i32) -> String {
    if frac.unsigned_abs() > MOST_DIGITS {
        return format!("{code}*2^{}", -i64::from(frac));
    }
    let Ok(digits @ 1..) = usize::try_from(frac) else {
        return (BigInt::from(code) << frac.unsigned_abs()).to_string();
    };
    // code / 2^f = code * 5^f / 10^f
    let scaled = BigInt::from(code.unsigned_abs()) * BigInt::from(5).pow(frac.unsigned_abs());
    let text = format!(
        "{scaled:0>width$}",
        scaled = scaled.to_string(),
        width = digits + 1
    );
    let (whole, part) = text.split_at(text.len() - digits);
    let part = part.trim_end_matches('0');
    let sign = if code < 0 { "-" } else { "" };
    if part.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{part}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact() {
        for (code, frac, text) in [
            (3, 2, "0.75"),
            (-3, 2, "-0.75"),
            (-5, 0, "-5"),
            (5, -3, "40"),
            (8, 3, "1"),
            (0, 10, "0"),
            (1, 10, "0.0009765625"),
            (-25, 1, "-12.5"),
            (1, 100_000, "1*2^-100000"),
        ] {
            assert_eq!(decimal(code, frac), text);
        }
    }

    #[test]
    fn ranges_of_types() {
        let mut ty = FixedType {
            width: 8,
            int_bits: 3,
            signed: true,
            quantization: crate::num::Quantization::Trn,
            overflow: crate::num::Overflow::Wrap,
            sat_bits: 0,
        };
        assert_eq!(codes_of(&ty), Range { lo: -128, hi: 127 });
        ty.signed = false;
        assert_eq!(codes_of(&ty), Range { lo: 0, hi: 255 });
    }
}
