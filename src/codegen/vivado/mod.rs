//! Vivado HLS: `vivado_hls`.

use askama::Template;

use super::project::Project;
use super::{Backend, FileSet, xilinx};
use crate::num::Family;

/// Xilinx Vivado HLS.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Vivado;

#[derive(Template)]
#[template(path = "vivado/build_prj.tcl", escape = "none")]
struct BuildPrj<'a> {
    project: &'a Project,
}

impl Backend for Vivado {
    fn name(&self) -> &'static str {
        "vivado"
    }

    fn family(&self) -> Family {
        Family::Ap
    }

    fn clock_uncertainty(&self) -> &'static str {
        "12.5%"
    }

    fn render(&self, project: &Project, files: &mut FileSet) -> Result<(), askama::Error> {
        xilinx::add_files(project, files)?;
        files.add("build_prj.tcl", BuildPrj { project }.render()?);
        Ok(())
    }
}
