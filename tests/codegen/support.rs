//! Golden models, headers, and running C++ in parallel.

use std::path::{Path, PathBuf};

use qk_hls::codegen::{self, Backend, FileSet, Io, Options};
use qk_hls::compile::{self, Compiled};
use qk_hls::csim::{self, Headers, Report, headers};
use qk_hls::data::{self, Array, Arrays};
use qk_hls::num::Family;
use qk_hls::sim::batch::{self, Batch};
use serde_json::Value;

/// The backends whose C++ is compiled: one for each family of types. Vivado's C++ is that of Vitis.
pub(crate) const FAMILIES: [(&str, Family); 2] = [("vitis", Family::Ap), ("catapult", Family::Ac)];

pub(crate) const IOS: [Io; 2] = [Io::Parallel, Io::Stream];

pub(crate) fn backend(name: &str) -> &'static dyn Backend {
    codegen::backend(name).expect("a backend's name")
}

/// The headers of a family. Where there are none the test says so and ends; it fails when
/// `QK_HLS_REQUIRE_ALL` is set.
pub(crate) fn headers_or_skip(family: Family) -> Option<Headers> {
    match headers::find(family, None) {
        Ok(headers) => Some(headers),
        Err(error) => {
            let required = std::env::var_os("QK_HLS_REQUIRE_ALL").is_some_and(|v| v == "1");
            assert!(!required, "{error}");
            eprintln!("skipped: {error}");
            None
        }
    }
}

/// Folders of `tests/golden/models`.
pub(crate) fn golden_folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/models");
    let mut folders: Vec<PathBuf> = std::fs::read_dir(root)
        .expect("golden models are committed")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.join("meta.json").exists())
        .collect();
    folders.sort();
    folders
}

pub(crate) fn name(folder: &Path) -> String {
    let name = folder.file_name().expect("a name");
    name.to_string_lossy().into_owned()
}

/// The model of a golden folder; `None` when it is refused.
pub(crate) fn golden(folder: &Path) -> Option<(Compiled, Batch)> {
    let text = std::fs::read_to_string(folder.join("meta.json")).expect("readable");
    let meta: Value = serde_json::from_str(&text).expect("JSON");
    let strings = |key: &str| -> Vec<String> {
        let list = meta[key].as_array().expect("a list");
        let items = list
            .iter()
            .map(|v| v.as_str().expect("a string").to_owned());
        items.collect()
    };
    let types = strings("input_types");
    let options = compile::Options {
        input_types: compile::InputTypes {
            by_order: types.iter().map(|t| t.parse().expect("a type")).collect(),
            ..Default::default()
        },
        ..Default::default()
    };
    let file = folder.join(&strings("files")[0]);
    let compiled = compile::compile(&file, None, &options).ok()?;
    let batch = batch::batch(
        &compiled.design,
        &compiled.derived_inputs,
        &inputs(folder),
        false,
    )
    .expect("recorded inputs fit");
    Some((compiled, batch))
}

/// `x.npy`, or `x.npz` with keys `0`, `1`, ...
pub(crate) fn inputs(folder: &Path) -> Vec<Array> {
    if let Ok(Arrays::One(array)) = data::load(&folder.join("x.npy")) {
        return vec![array];
    }
    match data::load(&folder.join("x.npz")) {
        Ok(Arrays::Named(arrays)) => (0..arrays.len())
            .map(|i| arrays[&i.to_string()].clone())
            .collect(),
        other => panic!("{}: {other:?}", folder.display()),
    }
}

/// What is wrong with a run, if anything: a differing code, a warning, nothing compared.
pub(crate) fn complaints(report: &Report) -> Option<String> {
    if let Some(first) = report.first.first() {
        return Some(format!("{} mismatches: {first}", report.mismatches));
    }
    if let Some(first) = report.warnings.first() {
        return Some(first.clone());
    }
    (report.compared == 0).then(|| "nothing was compared".to_owned())
}

/// The files of a golden model's project and the samples in it.
pub(crate) fn project(model: &str, backend_name: &str, io: Io, project: &str) -> FileSet {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/models")
        .join(model);
    let (compiled, batch) = golden(&folder).expect("this model compiles");
    let reference = csim::reference(&compiled.design, &batch).expect("recorded inputs fit");
    let options = Options {
        io,
        ..Options::new(backend(backend_name), project)
    };
    codegen::generate(&compiled.design, &options, &reference.vectors).expect("it has a project")
}
