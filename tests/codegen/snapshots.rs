//! One small project for each backend, as a reviewer sees it.

use crate::support;

/// All files that are written for the project; the library's headers by name only, since they are
/// copies of `hls/`.
fn listing(backend: &str) -> String {
    let mut text = String::new();
    for (path, content) in support::project("dense_mlp", backend, "tagger").iter() {
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
    insta::assert_snapshot!(listing("vitis"));
}

#[test]
fn vivado() {
    insta::assert_snapshot!(listing("vivado"));
}

#[test]
fn catapult() {
    insta::assert_snapshot!(listing("catapult"));
}
