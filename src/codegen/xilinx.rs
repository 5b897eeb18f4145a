//! What the projects of Vitis and Vivado HLS have in common.

use askama::Template;

use super::FileSet;
use super::project::{Project, Schedule};
use super::stream::{Form, Network};

#[derive(Template)]
#[template(path = "xilinx/project.cpp", escape = "none")]
struct Source<'a> {
    project: &'a Project,
}

#[derive(Template)]
#[template(path = "xilinx/stream.cpp", escape = "none")]
struct StreamSource<'a> {
    project: &'a Project,
    network: &'a Network,
}

#[derive(Template)]
#[template(path = "xilinx/project.h", escape = "none")]
struct Header<'a> {
    project: &'a Project,
}

#[derive(Template)]
#[template(path = "xilinx/project.tcl", escape = "none")]
struct Settings<'a> {
    project: &'a Project,
}

#[derive(Template)]
#[template(path = "xilinx/vivado_synth.tcl", escape = "none")]
struct Synthesis {}

/// Adds the files that both tools read.
pub(crate) fn add_files(project: &Project, files: &mut FileSet) -> Result<(), askama::Error> {
    let name = &project.name;
    let source = match &project.network {
        None => Source { project }.render()?,
        Some(network) => StreamSource { project, network }.render()?,
    };
    files.add(format!("firmware/{name}.cpp"), source);
    files.add(format!("firmware/{name}.h"), Header { project }.render()?);
    files.add("project.tcl", Settings { project }.render()?);
    files.add("vivado_synth.tcl", Synthesis {}.render()?);
    Ok(())
}
