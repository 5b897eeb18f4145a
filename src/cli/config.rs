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

    /// Write the JSON schema of the file as well, for editors
    #[arg(long, value_name = "FILE.json")]
    schema: Option<PathBuf>,

    /// The file [default: stdout]
    #[arg(short, long, value_name = "FILE.toml")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args, ui: &Ui) -> Result<Answer, Failure> {
    let compiled = args.model.compile()?;
    let mut text = config::template(&compiled.design);
    let mut files = Outputs::default();
    if let Some(path) = &args.schema {
        // Where editors look for it.
        text = format!(
            "#:schema {}\n{text}",
            path.display().to_string().replace(['\n', '\r'], " ")
        );
        files.add(path, config::schema().into_bytes());
    }
    if let Some(path) = &args.output {
        files.add(path, text.clone().into_bytes());
    }
    files.write()?;
    if args.output.is_none() {
        ui.print(&text)?;
    }
    Ok(Answer::Yes)
}
