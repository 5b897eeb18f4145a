//! `qk-hls completions` and `qk-hls man`: what shells and manuals know of the command line, made from clap.

use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::Shell;

use super::files::Outputs;
use super::{Answer, Cli, Failure, Ui};

/// Completions of a shell, on stdout
#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(super) fn completions(args: &CompletionsArgs, ui: &Ui) -> Result<Answer, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "qk-hls", &mut text);
    ui.print(&String::from_utf8(text)?)?;
    Ok(Answer::Yes)
}

/// Manual pages, one for each command
#[derive(Debug, clap::Args)]
pub(super) struct ManArgs {
    /// Folder that they are written into
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
}

pub(super) fn man(args: &ManArgs) -> Result<Answer, Failure> {
    let place = |e: std::io::Error| format!("{}: {e}", args.output.display());
    std::fs::create_dir_all(&args.output).map_err(place)?;
    let pages = tempfile::tempdir_in(&args.output).map_err(place)?;
    clap_mangen::generate_to(Cli::command(), pages.path())?;
    let mut files = Outputs::default();
    for page in std::fs::read_dir(pages.path())? {
        let page = page?;
        files.add(
            args.output.join(page.file_name()),
            std::fs::read(page.path())?,
        );
    }
    files.write()?;
    Ok(Answer::Yes)
}
