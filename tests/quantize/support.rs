//! Folders of golden models, and the program.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use qk_hls::data::{self, Array, Arrays};

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every folder below one of the golden folders, sorted.
pub(crate) fn folders(of: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("tests/golden").join(of)).unwrap();
    let mut folders: Vec<PathBuf> = entries
        .map(|e| e.unwrap().path())
        .filter(|p| p.is_dir())
        .collect();
    folders.sort();
    folders
}

pub(crate) fn array(path: &Path) -> Array {
    match data::load(path).unwrap() {
        Arrays::One(array) => array,
        Arrays::Named(_) => panic!("{}: one array is wanted", path.display()),
    }
}

pub(crate) fn qk_hls() -> Command {
    let mut command = Command::cargo_bin("qk-hls").expect("the binary is built with its tests");
    command.env_remove("NO_COLOR").env_remove("RUST_BACKTRACE");
    command
}
