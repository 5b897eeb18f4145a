//! `qk-hls headers`: the vendors' open headers.

use clap::{Subcommand, ValueEnum};

use super::{Answer, Failure, Ui};
use crate::csim::headers;
use crate::num::Family;

/// Find or install the vendors' open headers
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Option<Action>,

    /// Only those of one family
    #[arg(long, global = true, value_enum)]
    family: Option<FamilyArg>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Action {
    /// Print the folders that hold them
    Path,
    /// Download the open ones with pip into the user's cache folder
    Install,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FamilyArg {
    /// Vivado and Vitis: ap_fixed, ap_int
    Ap,
    /// Catapult: ac_fixed, ac_int
    Ac,
}

pub(super) fn run(args: &Args, ui: &Ui) -> Result<Answer, Failure> {
    if let Some(Action::Install) = args.action {
        let cache = headers::install()?;
        ui.remark(&format!("installed in {}", cache.display()));
    }
    let families = match args.family {
        Some(FamilyArg::Ap) => &[Family::Ap][..],
        Some(FamilyArg::Ac) => &[Family::Ac],
        None => &[Family::Ap, Family::Ac],
    };
    let mut text = String::new();
    let mut missing = Vec::new();
    for &family in families {
        match headers::find(family, None) {
            Ok(found) => {
                text += &format!("{}\n", found.dir.display());
                ui.detail(&format!("{}: {}", found.dir.display(), found.place));
            }
            Err(error) => missing.push(error.to_string()),
        }
    }
    ui.print(&text)?;
    if missing.is_empty() {
        Ok(Answer::Yes)
    } else {
        Err(missing.join("\n").into())
    }
}
