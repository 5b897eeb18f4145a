//! Samples as a test bench reads them, and results as it writes them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::{CsimError, at};
use crate::codegen::{self, PortInfo, ProjectInfo};

/// What to run a project on. Codes are those of the C++ ports, see
/// [`port_codes`](crate::codegen::port_codes).
#[derive(Debug, Clone, Copy)]
pub enum Samples<'a> {
    /// The samples in the project's `tb_data`, at most this many.
    Stored(Option<usize>),
    /// Others: for each port the codes of all samples one after the other.
    Given {
        /// One for each input.
        inputs: &'a [Vec<i128>],
        /// One for each output, where there is a reference.
        outputs: Option<&'a [Vec<i128>]>,
        /// Layer outputs to compare, by the layer's name.
        traces: &'a BTreeMap<String, Vec<i128>>,
    },
}

/// Input and reference codes of all samples, port by port.
pub(super) struct Table {
    pub(super) count: usize,
    pub(super) inputs: Vec<Vec<i128>>,
    pub(super) outputs: Option<Vec<Vec<i128>>>,
    pub(super) traces: BTreeMap<String, Vec<i128>>,
}

impl Table {
    pub(super) fn of(
        project: &Path,
        info: &ProjectInfo,
        samples: &Samples,
    ) -> Result<Self, CsimError> {
        match *samples {
            Samples::Stored(limit) => {
                let read = |name: &str, ports: &[PortInfo]| {
                    let path = project.join(name);
                    let text = fs::read_to_string(&path).map_err(at(&path))?;
                    parse(&text, ports, limit)
                        .map_err(|because| CsimError::Project { path, because })
                };
                let inputs = read(codegen::INPUTS, &info.inputs)?;
                let outputs = read(codegen::OUTPUTS, &info.outputs)?;
                Self::checked(info, inputs, Some(outputs), BTreeMap::new())
            }
            Samples::Given {
                inputs,
                outputs,
                traces,
            } => Self::checked(
                info,
                inputs.to_vec(),
                outputs.map(<[_]>::to_vec),
                traces.clone(),
            ),
        }
    }

    fn checked(
        info: &ProjectInfo,
        inputs: Vec<Vec<i128>>,
        outputs: Option<Vec<Vec<i128>>>,
        traces: BTreeMap<String, Vec<i128>>,
    ) -> Result<Self, CsimError> {
        let count = match (inputs.first(), info.inputs.first()) {
            (Some(codes), Some(port)) => codes.len() / port.elements().max(1),
            _ => 0,
        };
        let fits = |ports: &[PortInfo], columns: &[Vec<i128>]| {
            ports.len() == columns.len()
                && ports
                    .iter()
                    .zip(columns)
                    .all(|(p, c)| c.len() == count * p.elements())
        };
        if count == 0 || !fits(&info.inputs, &inputs) {
            return Err(CsimError::Samples(
                "the input codes are not a whole number of samples, at least one, for each input"
                    .to_owned(),
            ));
        }
        let lengths = |p: &PortInfo| {
            let codes = traces.get(&p.name);
            codes.is_none_or(|c| c.len() == count * p.elements())
        };
        if outputs.as_ref().is_some_and(|o| !fits(&info.outputs, o))
            || !info.traces.iter().all(lengths)
        {
            return Err(CsimError::Samples(format!(
                "the reference does not hold {count} samples for each output and layer"
            )));
        }
        Ok(Self {
            count,
            inputs,
            outputs,
            traces,
        })
    }
}

/// Codes of a data file, port by port.
pub(super) fn parse(
    text: &str,
    ports: &[PortInfo],
    limit: Option<usize>,
) -> Result<Vec<Vec<i128>>, String> {
    let mut columns = vec![Vec::new(); ports.len()];
    for (number, line) in text.lines().enumerate().take(limit.unwrap_or(usize::MAX)) {
        let mut words = line.split_ascii_whitespace();
        for (port, column) in ports.iter().zip(&mut columns) {
            for _ in 0..port.elements() {
                let word = words.next().ok_or_else(|| {
                    format!("line {}: too few codes for `{}`", number + 1, port.name)
                })?;
                let code = word.parse::<i128>().map_err(|e| {
                    format!("line {}: `{word}` is no integer code: {e}", number + 1)
                })?;
                column.push(code);
            }
        }
        if words.next().is_some() {
            return Err(format!("line {}: too many codes", number + 1));
        }
    }
    Ok(columns)
}

/// One line a sample.
pub(super) fn lines(columns: &[Vec<i128>], ports: &[PortInfo], count: usize) -> String {
    let mut text = String::new();
    for sample in 0..count {
        for (port, codes) in ports.iter().zip(columns) {
            let n = port.elements();
            for code in &codes[sample * n..(sample + 1) * n] {
                let _ = write!(text, "{code} ");
            }
        }
        text.push('\n');
    }
    text
}
