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

/// Device families as Catapult's libraries name them: the beginning of a part's name, the family of
/// devices whose name ends in `p` (UltraScale+), and of the others.
const FAMILIES: [(&str, &str, &str); 11] = [
    ("xcvu", "VIRTEX-uplus", "VIRTEX-u"),
    ("xcku", "KINTEX-uplus", "KINTEX-u"),
    ("xcau", "ARTIX-uplus", "ARTIX-uplus"),
    ("xczu", "ZYNQ-uplus", "ZYNQ-uplus"),
    ("xck26", "ZYNQ-uplus", "ZYNQ-uplus"),
    ("xcu", "VIRTEX-uplus", "VIRTEX-uplus"),
    ("xc7v", "VIRTEX-7", "VIRTEX-7"),
    ("xc7k", "KINTEX-7", "KINTEX-7"),
    ("xc7a", "ARTIX-7", "ARTIX-7"),
    ("xc7s", "SPARTAN-7", "SPARTAN-7"),
    ("xc7z", "ZYNQ", "ZYNQ"),
];

/// Why a part is refused.
pub(super) const UNKNOWN_FAMILY: &str = "is of no device family whose Catapult library is known; parts that \
    begin with xcvu, xcku, xcau, xczu, xck26, xcu, xc7v, xc7k, xc7a, xc7s and xc7z are, and asic_library \
    names a library of standard cells instead";

/// The family of a part in the names of Catapult's libraries.
pub(super) fn fpga_family(part: &str) -> Option<&'static str> {
    let device = part.split('-').next()?;
    let found = FAMILIES
        .iter()
        .find(|(prefix, ..)| device.starts_with(prefix));
    found.map(|(_, plus, other)| if device.ends_with('p') { *plus } else { *other })
}

/// The speed grade of a part, `-2` for instance.
fn speed(part: &str) -> &'static str {
    let mut words = part.split('-').skip(1);
    match words.find_map(|word| word.chars().next().filter(char::is_ascii_digit)) {
        Some('1') => "-1",
        Some('3') => "-3",
        _ => "-2",
    }
}

impl BuildPrj<'_> {
    fn family(&self) -> &'static str {
        fpga_family(&self.project.part).unwrap_or("VIRTEX-uplus")
    }

    fn speed(&self) -> &'static str {
        speed(&self.project.part)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_of_parts() {
        for (part, family) in [
            ("xcvu13p-flga2577-2-e", Some("VIRTEX-uplus")),
            ("xcvu095-ffva2104-2-e", Some("VIRTEX-u")),
            ("xcku115-flvb2104-2-i", Some("KINTEX-u")),
            ("xcu250-figd2104-2L-e", Some("VIRTEX-uplus")),
            ("xc7z020clg400-1", Some("ZYNQ")),
            ("10AX115", None),
        ] {
            assert_eq!(fpga_family(part), family, "{part}");
        }
        assert_eq!(speed("xc7z020clg400-1"), "-1");
    }
}
