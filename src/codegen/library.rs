//! The C++ library in `hls/`: which headers a project uses, copied under its namespace.

use std::collections::BTreeSet;

use super::FileSet;
use super::project::Project;
use crate::num::Family;

/// A header of `hls/`, and those that it includes.
struct Header {
    name: &'static str,
    text: &'static str,
    includes: &'static [&'static str],
}

macro_rules! header {
    ($folder:literal, $name:literal, $includes:expr) => {
        Header {
            name: $name,
            text: include_str!(concat!("../../hls/", $folder, "/", $name, ".h")),
            includes: &$includes,
        }
    };
}

const COMMON: &[Header] = &[
    header!("common", "affine", ["constants"]),
    header!("common", "array", []),
    header!("common", "cast", ["machine"]),
    header!("common", "clamp", ["constants"]),
    header!("common", "codes", ["types"]),
    header!("common", "constants", ["types"]),
    header!("common", "conv", ["product", "window"]),
    header!("common", "conv_stream", ["line_buffer", "product"]),
    header!("common", "dense", ["product"]),
    header!("common", "dense_resource", ["product"]),
    header!("common", "doubles", ["types"]),
    header!("common", "fifo", []),
    header!("common", "line_buffer", ["stream", "window"]),
    header!("common", "lut", ["constants"]),
    header!("common", "machine", ["types"]),
    header!("common", "matmul", ["types"]),
    header!("common", "merge", ["types"]),
    header!("common", "move", ["types"]),
    header!("common", "pool", ["machine", "window"]),
    header!("common", "pool_stream", ["line_buffer", "pool"]),
    header!("common", "product", ["constants", "machine"]),
    header!("common", "queue", []),
    header!("common", "reduce", ["types"]),
    header!("common", "select", ["constants"]),
    header!("common", "steps", ["move"]),
    header!("common", "threshold", ["constants"]),
    header!("common", "trace", ["codes", "doubles"]),
    header!("common", "trace_stream", ["stream", "trace"]),
    header!("common", "window", []),
    header!("common", "words", []),
];

const AP: &[Header] = &[
    header!("ap", "stream", ["array", "fifo", "queue", "types", "words"]),
    header!("ap", "types", []),
];

const AC: &[Header] = &[
    header!("ac", "stream", ["array", "fifo", "queue", "types", "words"]),
    header!("ac", "types", []),
];

/// Where a project keeps the library.
pub(crate) const FOLDER: &str = "firmware/nnet_utils";

fn all(family: Family) -> impl Iterator<Item = &'static Header> {
    let own = match family {
        Family::Ap => AP,
        Family::Ac => AC,
    };
    COMMON.iter().chain(own)
}

/// Copies the headers that the project uses. `QK_PROJECT`, which in `hls/` stands for the
/// project's namespace and in include guards, becomes its name.
pub(crate) fn add_headers(project: &Project, files: &mut FileSet) {
    let mut wanted: BTreeSet<&str> = project.headers.iter().copied().collect();
    // The test bench and the bridge.
    wanted.extend(["codes", "doubles", "trace", "types"]);
    if project.is_stream() {
        wanted.insert("trace_stream");
    }
    loop {
        let known = wanted.len();
        let used: Vec<&Header> = all(project.family)
            .filter(|h| wanted.contains(h.name))
            .collect();
        assert_eq!(used.len(), known, "every header wanted exists");
        wanted.extend(used.iter().flat_map(|h| h.includes));
        if wanted.len() == known {
            for header in used {
                files.add(
                    format!("{FOLDER}/{}.h", header.name),
                    header.text.replace("QK_PROJECT", &project.name),
                );
            }
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn includes_are_what_the_table_says() {
        for family in [Family::Ap, Family::Ac] {
            for header in all(family) {
                let mut found: Vec<&str> = header
                    .text
                    .lines()
                    .filter_map(|l| l.strip_prefix("#include \"")?.strip_suffix(".h\""))
                    .filter(|name| !name.starts_with("ap_") && !name.starts_with("ac_"))
                    .filter(|name| *name != "hls_stream")
                    .collect();
                found.sort_unstable();
                assert_eq!(found, header.includes, "{}", header.name);
            }
        }
    }
}
