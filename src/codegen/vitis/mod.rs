//! Vitis HLS: `vitis_hls` and `vitis-run`.

use askama::Template;

use super::project::Project;
use super::{Backend, FileSet, xilinx};
use crate::num::Family;

/// AMD Vitis HLS.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Vitis;

#[derive(Template)]
#[template(path = "vitis/build_prj.tcl", escape = "none")]
struct BuildPrj<'a> {
    project: &'a Project,
}

#[derive(Template)]
#[template(path = "vitis/build_opt.tcl", escape = "none")]
struct BuildOpt {}

impl Backend for Vitis {
    fn name(&self) -> &'static str {
        "vitis"
    }

    fn family(&self) -> Family {
        Family::Ap
    }

    fn clock_uncertainty(&self) -> &'static str {
        "27%"
    }

    fn render(&self, project: &Project, files: &mut FileSet) -> Result<(), askama::Error> {
        xilinx::add_files(project, files)?;
        files.add("build_prj.tcl", BuildPrj { project }.render()?);
        files.add("build_opt.tcl", BuildOpt {}.render()?);
        Ok(())
    }
}
