//! Compiling a project's test bench, and running it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::samples::{Table, lines, parse};
use super::{CsimError, Headers, at};
use crate::codegen::{self, PortInfo, ProjectInfo};

/// Codes that a test bench wrote, port by port.
pub(super) struct Results {
    pub(super) outputs: Vec<Vec<i128>>,
    pub(super) traces: Vec<Vec<i128>>,
}

/// The C++ compiler's command.
fn compiler() -> String {
    std::env::var("CXX")
        .ok()
        .filter(|c| !c.trim().is_empty())
        .unwrap_or_else(|| "g++".to_owned())
}

/// Flags of every compilation.
const FLAGS: [&str; 5] = ["-std=c++11", "-Wall", "-Wextra", "-pipe", "-DQK_TRACE"];

/// Operations, over all samples, from which optimizing takes less time than it saves: a second of
/// unoptimized arithmetic on the vendors' types.
const WORTH_OPTIMIZING: u64 = 4_000_000;

/// A test bench, ready to run.
pub(super) struct Program {
    path: PathBuf,
    /// What the compiler had to say about the project's files.
    pub(super) warnings: Vec<String>,
}

/// Builds the test bench in `folder`.
pub(super) fn compile(
    project: &Path,
    info: &ProjectInfo,
    samples: usize,
    headers: &Headers,
    folder: &Path,
) -> Result<Program, CsimError> {
    let name = &info.project;
    // One translation unit: the vendor's headers are most of the work.
    let unit = folder.join("unit.cpp");
    let text = if info.io == "stream" {
        // All processes at once, on FIFOs of the declared depths.
        format!(
            "#define QK_FIFO_CHECK\n#include \"{name}_fifos.cpp\"\n#include \"{name}_test.cpp\"\n"
        )
    } else {
        format!("#include \"firmware/{name}.cpp\"\n#include \"{name}_test.cpp\"\n")
    };
    fs::write(&unit, text).map_err(at(&unit))?;
    let project = fs::canonicalize(project).map_err(at(project))?;
    let path = folder.join("test");
    let compiler = compiler();
    let work = info.operations.saturating_mul(samples as u64);
    let level = if work < WORTH_OPTIMIZING {
        "-O0"
    } else {
        "-O1"
    };
    let mut words = compiler.split_ascii_whitespace();
    let output = Command::new(words.next().unwrap_or("g++"))
        .args(words)
        .args(FLAGS)
        .arg(level)
        .arg("-isystem")
        .arg(&headers.dir)
        .arg("-I")
        .arg(&project)
        .arg("-o")
        .arg(&path)
        .arg(&unit)
        .output()
        .map_err(|source| CsimError::Compiler {
            compiler: compiler.clone(),
            source,
        })?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(CsimError::Compile {
            compiler,
            message: excerpt(&said, 20),
        });
    }
    Ok(Program {
        path,
        warnings: warnings(&said, &project),
    })
}

/// Warnings about files of the project, with paths from its folder on. The vendors' headers draw
/// some that are no business of ours.
fn warnings(said: &str, project: &Path) -> Vec<String> {
    let prefix = format!("{}/", project.display());
    let ours = said.lines().filter_map(|line| line.strip_prefix(&prefix));
    ours.filter(|line| line.contains("warning:"))
        .map(str::to_owned)
        .collect()
}

/// The first lines of a long text.
fn excerpt(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    let mut shown = all[..all.len().min(lines)].join("\n");
    if all.len() > lines {
        let _ = write!(shown, "\n... and {} lines more", all.len() - lines);
    }
    shown
}

/// Runs the test bench on all samples.
pub(super) fn execute(
    program: &Program,
    folder: &Path,
    info: &ProjectInfo,
    samples: &Table,
) -> Result<Results, CsimError> {
    let data = folder.join("tb_data");
    fs::create_dir_all(&data).map_err(at(&data))?;
    let inputs = folder.join(codegen::INPUTS);
    let text = lines(&samples.inputs, &info.inputs, samples.count);
    fs::write(&inputs, text).map_err(at(&inputs))?;
    let reference = folder.join(codegen::OUTPUTS);
    let text = match &samples.outputs {
        Some(expected) => lines(expected, &info.outputs, samples.count),
        None => {
            let zeros = |p: &PortInfo| vec![0; p.elements() * samples.count];
            let zeros: Vec<Vec<i128>> = info.outputs.iter().map(zeros).collect();
            lines(&zeros, &info.outputs, samples.count)
        }
    };
    fs::write(&reference, text).map_err(at(&reference))?;
    let output = Command::new(&program.path)
        .current_dir(folder)
        .output()
        .map_err(at(&program.path))?;
    check_status(&output)?;
    let read = |name: &str, ports: &[PortInfo]| {
        let path = data.join(name);
        let text = fs::read_to_string(&path).map_err(at(&path))?;
        let stopped = |message: String| CsimError::Run {
            status: output.status.to_string(),
            message: format!("{name}: {message}"),
        };
        let columns = parse(&text, ports, None).map_err(stopped)?;
        for (port, codes) in ports.iter().zip(&columns) {
            let (found, elements) = (codes.len(), port.elements());
            if found != elements * samples.count {
                return Err(stopped(format!(
                    "{found} codes of `{}` for {} samples of {elements}",
                    port.name, samples.count
                )));
            }
        }
        Ok(columns)
    };
    Ok(Results {
        outputs: read("csim_results.log", &info.outputs)?,
        traces: read("csim_traces.log", &info.traces)?,
    })
}

/// 0 and 1 are answers; everything else is a failure.
fn check_status(output: &Output) -> Result<(), CsimError> {
    match output.status.code() {
        Some(0 | 1) => Ok(()),
        _ => Err(CsimError::Run {
            status: output.status.to_string(),
            message: excerpt(String::from_utf8_lossy(&output.stderr).trim(), 20),
        }),
    }
}
