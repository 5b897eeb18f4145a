//! The command line: arguments in, files and text out. The only place that prints.
//!
//! One file for each command: a clap `Args` structure and a `run` function.

mod bench;
mod choices;
mod config;
mod csim;
mod files;
mod fixed;
mod generate;
mod headers;
mod inspect;
mod manual;
mod model_args;
mod project_args;
mod qtools;
mod quantize;
mod quantizer;
mod report;
mod simulate;
mod stats;
mod tune;
mod ui;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub(crate) use ui::Ui;

/// QKeras networks to bit-exact HLS projects.
///
/// Every model is exact, or refused by name.
#[derive(Debug, Parser)]
#[command(name = "qk-hls", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    ui: ui::UiArgs,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Inspect(inspect::Args),
    Simulate(simulate::Args),
    Bench(bench::Args),
    Generate(generate::Args),
    Csim(csim::Args),
    Config(config::Args),
    Headers(headers::Args),
    Quantizer(quantizer::Args),
    Fixed(fixed::Args),
    Report(report::Args),
    Qtools(qtools::Args),
    Stats(stats::Args),
    Quantize(quantize::Args),
    Tune(tune::Args),
    Completions(manual::CompletionsArgs),
    Man(manual::ManArgs),
}

/// What a command found, when it could do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Done, or yes.
    Yes,
    /// The work was done and the answer is no.
    No,
}

/// Why a command could not do its work: text for people, one problem a line.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl<E: std::fmt::Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to stdout with status 0, anything else is bad usage.
            let status = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print();
            return ExitCode::from(status);
        }
    };
    let ui = Ui::new(&cli.ui);
    let answer = match cli.command {
        Command::Inspect(args) => inspect::run(&args, &ui),
        Command::Simulate(args) => simulate::run(&args, &ui),
        Command::Bench(args) => bench::run(&args, &ui),
        Command::Generate(args) => generate::run(&args, &ui),
        Command::Csim(args) => csim::run(&args, &ui),
        Command::Config(args) => config::run(&args, &ui),
        Command::Headers(args) => headers::run(&args, &ui),
        Command::Fixed(args) => fixed::run(&args, &ui),
        Command::Quantizer(args) => quantizer::run(&args, &ui),
        Command::Report(args) => report::run(&args, &ui),
        Command::Qtools(args) => qtools::run(&args, &ui),
        Command::Stats(args) => stats::run(&args, &ui),
        Command::Quantize(args) => quantize::run(&args, &ui),
        Command::Tune(args) => tune::run(&args, &ui),
        Command::Completions(args) => manual::completions(&args, &ui),
        Command::Man(args) => manual::man(&args),
    };
    match answer {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        Err(Failure(text)) => {
            ui.errors(&text);
            ExitCode::from(2)
        }
    }
}
