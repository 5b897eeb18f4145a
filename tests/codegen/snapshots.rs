//! One small project for each backend, as a reviewer sees it.

use qk_hls::codegen::Io;

use crate::support;

/// All files that are written for the project; the library's headers by name only, since they are
/// copies of `hls/`.
fn listing(backend: &str, io: Io) -> String {
    let mut text = String::new();
    for (path, content) in support::project("dense_mlp", backend, io, "tagger").iter() {
        text += &format!("==> {path} <==\n");
        if !path.starts_with("firmware/nnet_utils/") {
            text += content;
        }
        text.push('\n');
    }
    text
}

#[test]
fn vitis() {
    insta::assert_snapshot!(listing("vitis", Io::Parallel));
}

#[test]
fn vivado() {
    insta::assert_snapshot!(listing("vivado", Io::Parallel));
}

#[test]
fn catapult() {
    insta::assert_snapshot!(listing("catapult", Io::Parallel));
}

/// The firmware of a network with a branch, as streams.
fn branches(backend: &str) -> String {
    let files = support::project("residual", backend, Io::Stream, "branches");
    [
        "firmware/branches.cpp",
        "branches_fifos.cpp",
        "branches_test.cpp",
    ]
    .map(|path| format!("==> {path} <==\n{}", files.get(path).unwrap()))
    .join("\n")
}

#[test]
fn vitis_streams() {
    insta::assert_snapshot!(branches("vitis"));
}

#[test]
fn catapult_streams() {
    insta::assert_snapshot!(branches("catapult"));
}
