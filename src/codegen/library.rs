//! The C++ library in `hls/`: which headers a project uses, copied under its namespace.

use std::collections::BTreeSet;

use super::FileSet;
use super::project::Project;
use crate::num::Family;

/// A header of `hls/common`, and those that it includes.
struct Header {
    name: &'static str,
    text: &'static str,
    includes: &'static [&'static str],
}

macro_rules! header {
    ($name:literal, $includes:expr) => {
        Header {
            name: $name,
            text: include_str!(concat!("../../hls/common/", $name, ".h")),
            includes: &$includes,
        }
    };
}

const COMMON: &[Header] = &[
    header!("affine", ["constants"]),
    header!("cast", []),
    header!("clamp", ["constants"]),
    header!("codes", []),
    header!("constants", []),
    header!("conv", ["constants", "window"]),
    header!("dense", ["constants"]),
    header!("lut", ["constants"]),
    header!("matmul", []),
    header!("merge", []),
    header!("move", []),
    header!("pool", ["window"]),
    header!("reduce", []),
    header!("select", ["constants"]),
    header!("threshold", ["constants"]),
    header!("trace", ["codes"]),
    header!("window", []),
];

const TYPES_AP: &str = include_str!("../../hls/ap/types.h");
const TYPES_AC: &str = include_str!("../../hls/ac/types.h");

/// Where a project keeps the library.
pub(crate) const FOLDER: &str = "firmware/nnet_utils";

/// Copies the headers that the project uses. `QK_PROJECT`, which in `hls/` stands for the
/// project's namespace and in include guards, becomes its name.
pub(crate) fn add_headers(project: &Project, files: &mut FileSet) {
    let types = match project.family {
        Family::Ap => TYPES_AP,
        Family::Ac => TYPES_AC,
    };
    let mut add = |name: &str, text: &str| {
        files.add(
            format!("{FOLDER}/{name}.h"),
            text.replace("QK_PROJECT", &project.name),
        );
    };
    add("types", types);
    let mut wanted: BTreeSet<&str> = project.headers.iter().copied().collect();
    // The test bench and the bridge.
    wanted.extend(["codes", "trace"]);
    let direct: Vec<&Header> = COMMON.iter().filter(|h| wanted.contains(h.name)).collect();
    assert_eq!(direct.len(), wanted.len(), "every header wanted exists");
    wanted.extend(direct.iter().flat_map(|h| h.includes));
    for header in COMMON.iter().filter(|h| wanted.contains(h.name)) {
        add(header.name, header.text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn includes_are_what_the_table_says() {
        for header in COMMON {
            let mut found: Vec<&str> = header
                .text
                .lines()
                .filter_map(|l| l.strip_prefix("#include \"")?.strip_suffix(".h\""))
                .filter(|name| *name != "types")
                .collect();
            found.sort_unstable();
            assert_eq!(found, header.includes, "{}", header.name);
            for include in header.includes {
                let inner = COMMON.iter().find(|h| h.name == *include).unwrap();
                assert!(
                    inner.includes.is_empty(),
                    "{include}: includes go one level deep"
                );
            }
        }
    }
}
