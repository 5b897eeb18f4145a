//! Siemens Catapult.

use askama::Template;

use super::project::{Project, Schedule};
use super::stream::{Form, Network};
use super::{Backend, FileSet};
use crate::num::Family;

/// Siemens Catapult HLS.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Catapult;

#[derive(Template)]
#[template(path = "catapult/project.cpp", escape = "none")]
struct Source<'a> {
    project: &'a Project,
}

#[derive(Template)]
#[template(path = "catapult/stream.cpp", escape = "none")]
struct StreamSource<'a> {
    project: &'a Project,
    network: &'a Network,
}

#[derive(Template)]
#[template(path = "catapult/project.h", escape = "none")]
struct Header<'a> {
    project: &'a Project,
}

#[derive(Template)]
#[template(path = "catapult/build_prj.tcl", escape = "none")]
struct BuildPrj<'a> {
    project: &'a Project,
}

impl Backend for Catapult {
    fn name(&self) -> &'static str {
        "catapult"
    }

    fn family(&self) -> Family {
        Family::Ac
    }

    fn clock_uncertainty(&self) -> &'static str {
        "0%"
    }

    fn render(&self, project: &Project, files: &mut FileSet) -> Result<(), askama::Error> {
        let name = &project.name;
        let source = match &project.network {
            None => Source { project }.render()?,
            Some(network) => StreamSource { project, network }.render()?,
        };
        files.add(format!("firmware/{name}.cpp"), source);
        files.add(format!("firmware/{name}.h"), Header { project }.render()?);
        files.add("build_prj.tcl", BuildPrj { project }.render()?);
        Ok(())
    }
}
