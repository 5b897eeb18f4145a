//! From a design to an HLS project: C++, Tcl, weights and test data.
//!
//! [`generate`] builds a [`Project`], the view of the design that all backends share (names, C++
//! types, constant arrays, one function a layer), and a [`Backend`] renders it with the templates
//! of `templates/`. The C++ that computes is the library in `hls/`: one header a kernel, written
//! over a thin layer (`types.h`) that hides the two families of vendor types. Templates hold the
//! C++ text; Rust fills holes.
//!
//! Rules of the emitted C++:
//! * Arrays between kernels hold fixed-point values of one type, the narrowest that holds every
//!   channel ([`TensorType::covering`](crate::ir::kernel::TensorType::covering)); kernels compute on the integer codes. Channels with a coarser
//!   binary point are shifted left by a constant.
//! * Rounding and saturation happen in casts only, by the vendor's own conversion into a type that
//!   has these modes.
//! * Everything is in a namespace named after the project, the library included.
//!
//! This module sees kernels: it knows no Keras layer, no simulator, no file format.

mod arrays;
mod catapult;
mod cells;
mod directives;
mod estimate;
mod files;
mod kernels;
mod library;
mod names;
mod project;
mod spell;
mod stream;
mod vectors;
mod vitis;
mod vivado;
mod xilinx;

use std::fmt::Write as _;

pub use directives::{Directives, Knobs, Multiplier, STRATEGIES, Strategy, WeightStorage};
pub use files::{FileSet, WriteError};
pub use vectors::{
    INPUTS, OUTPUTS, PORTS, PortInfo, ProjectInfo, TestVectors, VectorError, port_codes, read_info,
};

use sha2::{Digest, Sha256};

use crate::ir::kernel::Design;
use crate::num::Family;
use project::Project;

/// A vendor's tool that projects can be written for.
pub trait Backend: Sync {
    /// Name on the command line.
    fn name(&self) -> &'static str;

    /// Whose fixed-point types its C++ uses.
    fn family(&self) -> Family;

    /// Share of the clock period that the tool keeps in reserve, in percent.
    fn clock_uncertainty(&self) -> &'static str;

    /// Device and period in nanoseconds when none are asked for.
    fn defaults(&self) -> (&'static str, f64) {
        ("xcvu13p-flga2577-2-e", 5.0)
    }

    /// Adds the files that are the backend's own: top function, test bench, scripts.
    #[doc(hidden)]
    fn render(&self, project: &Project, files: &mut FileSet) -> Result<(), askama::Error>;
}

/// Every backend, in the order in which help texts list them.
pub const BACKENDS: &[&dyn Backend] = &[&vitis::Vitis, &vivado::Vivado, &catapult::Catapult];

/// The backend with this name.
#[must_use]
pub fn backend(name: &str) -> Option<&'static dyn Backend> {
    BACKENDS.iter().copied().find(|b| b.name() == name)
}

/// How tensors enter, leave and move between layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Io {
    /// As arrays: every layer works on whole tensors.
    Parallel,
    /// As streams of words, one pixel each: the layers are processes that run at the same time.
    Stream,
}

/// What a user may choose about a project.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// The tool.
    pub backend: &'static dyn Backend,
    /// Arrays or streams.
    pub io: Io,
    /// Name of project, namespace and top function.
    pub name: &'a str,
    /// Device; `None` is the backend's default.
    pub part: Option<&'a str>,
    /// Clock period in nanoseconds; `None` is the backend's default.
    pub clock_period: Option<f64>,
    /// Share of the clock period that the tool keeps in reserve, in percent; `None` is the
    /// backend's default.
    pub clock_uncertainty: Option<f64>,
    /// Catapult: the standard cell library of an ASIC, `None` is the device `part`.
    pub asic_library: Option<&'a str>,
    /// Throughput of the layers; `None` is one result a cycle wherever possible.
    pub directives: Option<&'a Directives>,
}

impl<'a> Options<'a> {
    /// The backend's defaults for a project of this name.
    #[must_use]
    pub fn new(backend: &'static dyn Backend, name: &'a str) -> Self {
        Self {
            backend,
            io: Io::Parallel,
            name,
            part: None,
            clock_period: None,
            clock_uncertainty: None,
            asic_library: None,
            directives: None,
        }
    }
}

/// Everything that stands in the way of a project, all at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", list(.0))]
pub struct CodegenErrors(pub Vec<CodegenError>);

fn list(errors: &[CodegenError]) -> String {
    let mut text = String::new();
    for (i, error) in errors.iter().enumerate() {
        let newline = if i > 0 { "\n" } else { "" };
        let _ = write!(text, "{newline}{error}");
    }
    text
}

/// One thing that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodegenError {
    /// The project's name cannot be a C++ namespace.
    #[error("project name `{name}` {because}")]
    Name {
        /// As given.
        name: String,
        /// Continues the sentence.
        because: String,
    },
    /// A device or clock that a script cannot carry.
    #[error("{what} `{value}` {because}")]
    Option {
        /// `part` or `clock period`.
        what: &'static str,
        /// As given.
        value: String,
        /// Continues the sentence.
        because: &'static str,
    },
    /// A throughput that a layer cannot have.
    #[error("{what}: {because}")]
    Directive {
        /// `model`, or a layer or a class of layers.
        what: String,
        /// Continues the sentence.
        because: String,
    },
    /// The kernel has no C++ form.
    #[error("layer `{layer}`: {because}")]
    Layer {
        /// The layer, as the user spelled it, and its class.
        layer: String,
        /// What was found and what would work.
        because: String,
    },
    /// The test vectors do not fit the design.
    #[error(transparent)]
    Vectors(#[from] VectorError),
}

/// Resources and latency before synthesis.
pub const ESTIMATE: &str = "estimate.json";

/// Writes a design as a project.
///
/// The same arguments give the same bytes. Every path in the files is relative.
///
/// # Errors
/// All reasons at once: an impossible name, types that the backend's family cannot express,
/// test vectors that do not fit.
///
/// # Panics
/// When the design breaks the invariants that [`crate::ir::kernel`] states.
pub fn generate(
    design: &Design,
    options: &Options,
    vectors: &TestVectors,
) -> Result<FileSet, CodegenErrors> {
    let mut errors = Vec::new();
    if let Some(because) = names::refuse_project(options.name) {
        errors.push(CodegenError::Name {
            name: options.name.to_owned(),
            because,
        });
    }
    check_options(options, &mut errors);
    let default = Directives::default();
    let directives = options.directives.unwrap_or(&default);
    directives.check(design, options.backend.name(), &mut errors);
    if !errors.is_empty() {
        return Err(CodegenErrors(errors));
    }
    let project = Project::new(design, options, directives, &mut errors);
    let mut files = FileSet::default();
    if errors.is_empty() {
        vectors::add_files(design, &project, vectors, &mut files, &mut errors);
    }
    if !errors.is_empty() {
        return Err(CodegenErrors(errors));
    }
    library::add_headers(&project, &mut files);
    arrays::add_files(&project, &mut files);
    project
        .render(&mut files)
        .and_then(|()| options.backend.render(&project, &mut files))
        .and_then(|()| project.render_build_script(&stamp(&files), &mut files))
        .expect("templates are checked when the crate is built, and writing to memory cannot fail");
    files.add(ESTIMATE, estimate::json(design, &project, directives));
    files.warnings = project.warnings;
    Ok(files)
}

/// Eight hexadecimal digits of everything that distinguishes one design from another.
fn stamp(files: &FileSet) -> String {
    let mut hash = Sha256::new();
    for (path, text) in files.iter() {
        hash.update(path);
        hash.update([0]);
        hash.update(text);
        hash.update([0]);
    }
    let digest = hash.finalize();
    digest[..4].iter().fold(String::new(), |mut s, b| {
        let _ = write!(s, "{b:02x}");
        s
    })
}

fn check_options(options: &Options, errors: &mut Vec<CodegenError>) {
    if let Some(part) = options.part
        && (part.is_empty()
            || !part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)))
    {
        errors.push(CodegenError::Option {
            what: "part",
            value: part.to_owned(),
            because: "is no device name: letters, digits, `-`, `_` and `.` are allowed",
        });
    }
    if let Some(percent) = options.clock_uncertainty
        && !(0.0..100.0).contains(&percent)
    {
        errors.push(CodegenError::Option {
            what: "clock uncertainty",
            value: percent.to_string(),
            because: "is not a share of the period in percent, from 0 to less than 100",
        });
    }
    if let Some(library) = options.asic_library {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if options.backend.family() == Family::Ap {
            errors.push(CodegenError::Option {
                what: "asic library",
                value: library.to_owned(),
                because: "is for catapult; vitis and vivado build for FPGAs",
            });
        } else if library.is_empty() || !library.chars().all(plain) {
            errors.push(CodegenError::Option {
                what: "asic library",
                value: library.to_owned(),
                because: "is no library name: letters, digits, `-`, `_` and `.` are allowed",
            });
        }
    }
    if options.backend.family() == Family::Ac
        && options.asic_library.is_none()
        && let Some(part) = options.part
        && catapult::fpga_family(part).is_none()
    {
        errors.push(CodegenError::Option {
            what: "part",
            value: part.to_owned(),
            because: catapult::UNKNOWN_FAMILY,
        });
    }
    if let Some(period) = options.clock_period
        && !(period.is_finite() && period > 0.0)
    {
        errors.push(CodegenError::Option {
            what: "clock period",
            value: period.to_string(),
            because: "is not a positive number of nanoseconds",
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_backend_folder_is_in_the_table() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut folders: Vec<String> = std::fs::read_dir(root.join("src/codegen"))
            .unwrap()
            .map(|e| e.unwrap())
            .filter(|e| e.path().join("mod.rs").exists())
            .map(|e| e.file_name().into_string().unwrap())
            .filter(|name| !["estimate", "kernels", "stream"].contains(&name.as_str()))
            .collect();
        folders.sort();
        let mut names: Vec<&str> = BACKENDS.iter().map(|b| b.name()).collect();
        names.sort_unstable();
        assert_eq!(names, folders);
        for name in names {
            assert!(
                root.join("templates").join(name).is_dir(),
                "templates/{name}"
            );
            assert!(backend(name).is_some());
        }
    }
}
