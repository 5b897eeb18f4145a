//! C simulation: a generated project, compiled with g++ against the vendor's headers and run.
//!
//! The project's own test bench runs in a temporary folder, on the samples that are stored in the
//! project or on others; the codes of its outputs, and of every layer it can trace, are compared
//! with the reference here once more, so that a report can name the differences. Nothing is
//! written into the project.
//!
//! [`run`] knows generated projects, not how they are generated; [`check`] puts generation,
//! simulation and comparison together.

mod build;
mod check;
pub mod headers;
mod samples;

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::codegen::{self, PortInfo, ProjectInfo};
pub use check::{CheckError, Reference, check, reference};
pub use headers::{Headers, HeadersError};
pub use samples::Samples;
use samples::Table;

/// What came out.
#[derive(Debug, Clone)]
pub struct Report {
    /// Ports of the project.
    pub info: ProjectInfo,
    /// Samples run.
    pub samples: usize,
    /// Output codes compared.
    pub compared: usize,
    /// Codes of layers compared.
    pub compared_inside: usize,
    /// How many of all these differ.
    pub mismatches: usize,
    /// The first ones: layers in their order, then outputs, each in the order of samples.
    pub first: Vec<Mismatch>,
    /// For each output, the codes of all samples.
    pub outputs: Vec<Vec<i128>>,
    /// What the compiler warned of in the project's files; empty, as it should be.
    pub warnings: Vec<String>,
    /// Time that g++ took.
    pub compile_time: Duration,
    /// Time that the test bench took.
    pub run_time: Duration,
}

/// A code that is not the reference's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// `layer` or `output`.
    pub what: &'static str,
    /// Its name.
    pub name: String,
    /// Sample, from 0.
    pub sample: usize,
    /// Element of the flattened tensor.
    pub index: usize,
    /// What the C++ computed.
    pub found: i128,
    /// The reference.
    pub expected: i128,
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "sample {}, {} `{}`[{}]: code {}, expected {}",
            self.sample, self.what, self.name, self.index, self.found, self.expected
        )
    }
}

/// How many mismatches of one tensor a report lists.
const LISTED: usize = 5;

/// Why a project could not be simulated.
#[derive(Debug, thiserror::Error)]
pub enum CsimError {
    /// No headers.
    #[error(transparent)]
    Headers(#[from] HeadersError),
    /// No compiler.
    #[error(
        "{compiler} cannot be run ({source}). Install g++ (Debian and Ubuntu: `apt install g++`, \
         Fedora: `dnf install gcc-c++`, macOS: `xcode-select --install`) or name a C++ compiler in CXX"
    )]
    Compiler {
        /// The command.
        compiler: String,
        /// The reason.
        source: io::Error,
    },
    /// The compiler refused the project.
    #[error("{compiler} could not compile the project:\n{message}")]
    Compile {
        /// The command.
        compiler: String,
        /// Its first complaints.
        message: String,
    },
    /// The test bench failed without comparing.
    #[error("the test bench stopped ({status}): {message}")]
    Run {
        /// Its exit status.
        status: String,
        /// What it said.
        message: String,
    },
    /// The folder is no project of ours, or it is damaged.
    #[error("`{path}` is no project written by qk-hls: {because}")]
    Project {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong.
        because: String,
    },
    /// The samples do not fit the ports.
    #[error("{0}")]
    Samples(String),
    /// Reading or writing failed.
    #[error("`{path}`: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> CsimError {
    let path = path.to_owned();
    move |source| CsimError::Io { path, source }
}

/// Compiles a project's firmware and test bench, runs it, and compares every code that has a
/// reference.
///
/// # Errors
/// Everything but a mismatch, which is a result.
pub fn run(project: &Path, samples: &Samples, headers: &Headers) -> Result<Report, CsimError> {
    let info = codegen::read_info(project).map_err(|e| CsimError::Project {
        path: project.to_owned(),
        because: format!("{}: {e}", codegen::PORTS),
    })?;
    let table = Table::of(project, &info, samples)?;
    let folder = tempfile::tempdir().map_err(at(Path::new("temporary folder")))?;
    let started = Instant::now();
    let program = build::compile(project, &info, table.count, headers, folder.path())?;
    let compile_time = started.elapsed();
    let started = Instant::now();
    let results = build::execute(&program, folder.path(), &info, &table)?;
    let run_time = started.elapsed();
    let mut report = Report {
        samples: table.count,
        compared: 0,
        compared_inside: 0,
        mismatches: 0,
        first: Vec::new(),
        outputs: results.outputs,
        warnings: program.warnings,
        compile_time,
        run_time,
        info,
    };
    for (port, found) in report.info.traces.iter().zip(&results.traces) {
        if let Some(expected) = table.traces.get(&port.name) {
            let (count, first) = differences("layer", port, found, expected);
            report.compared_inside += found.len();
            report.mismatches += count;
            report.first.extend(first);
        }
    }
    for (i, port) in report.info.outputs.iter().enumerate() {
        if let Some(expected) = &table.outputs {
            let found = &report.outputs[i];
            let (count, first) = differences("output", port, found, &expected[i]);
            report.compared += found.len();
            report.mismatches += count;
            report.first.extend(first);
        }
    }
    Ok(report)
}

/// How many codes differ, and the first ones.
fn differences(
    what: &'static str,
    port: &PortInfo,
    found: &[i128],
    expected: &[i128],
) -> (usize, Vec<Mismatch>) {
    let elements = port.elements();
    let different = || {
        let pairs = found.iter().zip(expected).enumerate();
        pairs.filter(|(_, (f, e))| f != e)
    };
    let first = different()
        .take(LISTED)
        .map(|(i, (&found, &expected))| Mismatch {
            what,
            name: port.name.clone(),
            sample: i / elements,
            index: i % elements,
            found,
            expected,
        });
    (different().count(), first.collect())
}
