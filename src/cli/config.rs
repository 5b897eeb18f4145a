//! `qk-hls config`: a configuration file to start from.

use std::path::PathBuf;

use super::files::Outputs;
use super::model_args::ModelArgs;
use super::{Answer, Failure, Ui};
use crate::config;

/// Write a commented configuration file for generate --config
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    model: ModelArgs,

    /// The file [default: stdout]
    #[arg(short, long, value_name = "FILE.toml")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args, ui: &Ui) -> Result<Answer, Failure> {
    let compiled = args.model.compile()?;
    let text = config::template(&compiled.design);
    match &args.output {
        None => ui.print(&text)?,
        Some(path) => {
            let mut files = Outputs::default();
            files.add(path, text.into_bytes());
            files.write()?;
        }
    }
    Ok(Answer::Yes)
}
