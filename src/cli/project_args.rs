//! Arguments of the commands that write a project.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::files::{self, InputFile};
use super::{Failure, Ui};
use crate::codegen::{self, Backend, Directives, Io};
use crate::compile::Compiled;
use crate::config::{BackendName, Config, IoName, yaml};
use crate::sim::batch::Batch;
use crate::sim::samples;

/// What a project is for; options win over the configuration file.
#[derive(Debug, Clone, Args)]
pub(super) struct ProjectArgs {
    /// The tool that the project is for [default: vitis]
    #[arg(long, value_enum)]
    backend: Option<BackendArg>,

    /// How tensors enter, leave and move between layers [default: parallel]
    #[arg(long, value_enum)]
    io: Option<IoArg>,

    /// Configuration file; `qk-hls config` writes one. A .yml or .yaml file is read as hls4ml's
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Name of project, namespace and top function [default: myproject]
    #[arg(long)]
    name: Option<String>,

    /// Device [default: the tool's usual one]
    #[arg(long, value_name = "PART")]
    part: Option<String>,

    /// Clock period in nanoseconds [default: 5]
    #[arg(long, value_name = "NS")]
    clock_period: Option<f64>,

    /// Share of the clock period that the tool keeps in reserve, in percent [default: 27 vitis, 12.5 vivado, 0 catapult]
    #[arg(long, value_name = "PERCENT")]
    clock_uncertainty: Option<f64>,

    /// Catapult: a library of standard cells, for an ASIC instead of a device
    #[arg(long, value_name = "LIBRARY")]
    asic_library: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum BackendArg {
    Vitis,
    Vivado,
    Catapult,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum IoArg {
    /// Arrays; every layer works on whole tensors
    Parallel,
    /// Streams of words, one pixel each; the layers run at the same time
    Stream,
}

/// Everything that is decided about a project.
pub(super) struct Choices {
    pub(super) backend: &'static dyn Backend,
    io: Io,
    name: String,
    part: Option<String>,
    clock_period: Option<f64>,
    clock_uncertainty: Option<f64>,
    asic_library: Option<String>,
    directives: Directives,
}

impl ProjectArgs {
    /// Reads the configuration file and puts the options on top.
    ///
    /// # Errors
    /// A file that cannot be read or understood.
    pub(super) fn choices(&self, ui: &Ui) -> Result<Choices, Failure> {
        let file = match &self.config {
            None => Config::default(),
            Some(path) => {
                let shown = path.display();
                let text = std::fs::read_to_string(path).map_err(|e| format!("{shown}: {e}"))?;
                let yaml = path.extension().is_some_and(|e| e == "yml" || e == "yaml");
                if yaml {
                    let (config, unused) = yaml::parse(&text).map_err(|e| {
                        format!("{shown}: {}", e.replace('\n', &format!("\n{shown}: ")))
                    })?;
                    if !unused.is_empty() {
                        let unused = unused.join(", ");
                        ui.remark(&format!(
                            "{shown}: not used, as number types come from the model and files from \
                             the options: {unused}"
                        ));
                    }
                    config
                } else {
                    Config::parse(&text).map_err(|e| format!("{shown}: {e}"))?
                }
            }
        };
        let directives = file.directives();
        let project = file.project;
        let given = self.backend.map(|b| match b {
            BackendArg::Vitis => BackendName::Vitis,
            BackendArg::Vivado => BackendName::Vivado,
            BackendArg::Catapult => BackendName::Catapult,
        });
        let name = match given.or(project.backend).unwrap_or(BackendName::Vitis) {
            BackendName::Vitis => "vitis",
            BackendName::Vivado => "vivado",
            BackendName::Catapult => "catapult",
        };
        let given = self.io.map(|io| match io {
            IoArg::Parallel => IoName::Parallel,
            IoArg::Stream => IoName::Stream,
        });
        let io = match given.or(project.io).unwrap_or(IoName::Parallel) {
            IoName::Parallel => Io::Parallel,
            IoName::Stream => Io::Stream,
        };
        let named = self.name.clone().or(project.name);
        Ok(Choices {
            backend: codegen::backend(name).expect("every name above is a backend's"),
            io,
            name: named.unwrap_or_else(|| "myproject".to_owned()),
            part: self.part.clone().or(project.part),
            clock_period: self.clock_period.or(project.clock_period),
            clock_uncertainty: self.clock_uncertainty.or(project.clock_uncertainty),
            asic_library: self.asic_library.clone().or(project.asic_library),
            directives,
        })
    }
}

impl Choices {
    pub(super) fn options(&self) -> codegen::Options<'_> {
        codegen::Options {
            io: self.io,
            part: self.part.as_deref(),
            clock_period: self.clock_period,
            clock_uncertainty: self.clock_uncertainty,
            asic_library: self.asic_library.as_deref(),
            directives: Some(&self.directives),
            ..codegen::Options::new(self.backend, &self.name)
        }
    }
}

/// Samples for a test bench.
#[derive(Debug, Clone, Args)]
pub(super) struct SampleArgs {
    /// Samples: .npy once for each input in order, NAME=FILE, or one .npz keyed by input names or by 0, 1, ... [default: random ones]
    #[arg(short, long, value_name = "[NAME=]FILE", value_parser = files::input_file)]
    input: Vec<InputFile>,

    /// How many samples [default: all of the given ones, or 10 random ones]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    samples: Option<u32>,

    /// Round input values half to even and saturate them
    #[arg(long, requires = "input")]
    round_input: bool,
}

/// Random samples where nothing else is asked for: the two extreme ones and some more.
const RANDOM: usize = 10;

impl SampleArgs {
    /// Whether files are named.
    pub(super) fn given(&self) -> bool {
        !self.input.is_empty()
    }

    /// The number that the user asked for.
    pub(super) fn limit(&self) -> Option<usize> {
        self.samples
            .map(|n| usize::try_from(n).unwrap_or(usize::MAX))
    }

    /// The samples, as codes.
    ///
    /// # Errors
    /// Files that cannot be read or do not fit the model's inputs.
    pub(super) fn batch(&self, compiled: &Compiled) -> Result<Batch, Failure> {
        let design = &compiled.design;
        if !self.given() {
            return Ok(samples::random(design, self.limit().unwrap_or(RANDOM), 0));
        }
        let mut batch = files::batch(&self.input, compiled, self.round_input)?;
        if batch.samples == 0 {
            return Err("the input arrays hold no samples".into());
        }
        if let Some(limit) = self.limit().filter(|&n| n < batch.samples) {
            for codes in &mut batch.inputs {
                codes.truncate(codes.len() / batch.samples * limit);
            }
            batch.samples = limit;
        }
        Ok(batch)
    }
}
