//! Arguments of the commands that write a project.

use clap::{Args, ValueEnum};

use super::Failure;
use super::files::{self, InputFile};
use crate::codegen::{self, Backend, Io};
use crate::compile::Compiled;
use crate::sim::batch::Batch;
use crate::sim::samples;

/// What a project is for.
#[derive(Debug, Clone, Args)]
pub(super) struct ProjectArgs {
    /// The tool that the project is for
    #[arg(long, value_enum, default_value_t = BackendArg::Vitis)]
    backend: BackendArg,

    /// How tensors enter, leave and move between layers
    #[arg(long, value_enum, default_value_t = IoArg::Parallel)]
    io: IoArg,

    /// Name of project, namespace and top function
    #[arg(long, default_value = "myproject")]
    name: String,

    /// Device [default: the tool's usual one]
    #[arg(long, value_name = "PART")]
    part: Option<String>,

    /// Clock period in nanoseconds [default: 5]
    #[arg(long, value_name = "NS")]
    clock_period: Option<f64>,
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

impl ProjectArgs {
    pub(super) fn backend(&self) -> &'static dyn Backend {
        let name = match self.backend {
            BackendArg::Vitis => "vitis",
            BackendArg::Vivado => "vivado",
            BackendArg::Catapult => "catapult",
        };
        codegen::backend(name).expect("every name above is a backend's")
    }

    pub(super) fn options(&self) -> codegen::Options<'_> {
        codegen::Options {
            io: match self.io {
                IoArg::Parallel => Io::Parallel,
                IoArg::Stream => Io::Stream,
            },
            part: self.part.as_deref(),
            clock_period: self.clock_period,
            ..codegen::Options::new(self.backend(), &self.name)
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
