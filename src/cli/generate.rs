//! `qk-hls generate`: the HLS project.

use std::path::PathBuf;

use super::model_args::ModelArgs;
use super::project_args::{ProjectArgs, SampleArgs};
use super::{Answer, Failure, Ui};
use crate::{codegen, csim};

/// Write the HLS project
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    model: ModelArgs,

    /// Folder of the project
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,

    #[command(flatten)]
    project: ProjectArgs,

    #[command(flatten)]
    samples: SampleArgs,

    /// Replace what the folder holds; its other files stay
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &Args, ui: &Ui) -> Result<Answer, Failure> {
    let choices = args.project.choices(ui)?;
    let compiled = args.model.compile()?;
    for remark in &compiled.remarks {
        ui.remark(remark);
    }
    let batch = args.samples.batch(&compiled)?;
    let reference = csim::reference(&compiled.design, &batch)?;
    let files = codegen::generate(&compiled.design, &choices.options(), &reference.vectors)?;
    files.write(&args.output, args.force)?;
    for warning in &files.warnings {
        ui.remark(warning);
    }
    ui.detail(&format!(
        "{}: {} files, {} bytes, {} samples",
        args.output.display(),
        files.iter().count(),
        files.bytes(),
        batch.samples
    ));
    Ok(Answer::Yes)
}
