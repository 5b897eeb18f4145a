//! The models of `tests/golden`: every layer equals what QKeras computed.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::recorded::{self, Expected};

fn folders(kind: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(kind);
    let mut folders: Vec<PathBuf> = std::fs::read_dir(root)
        .expect("golden models are committed")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.join("meta.json").exists())
        .collect();
    folders.sort();
    folders
}

fn meta(folder: &Path) -> Value {
    let text = std::fs::read_to_string(folder.join("meta.json")).expect("readable");
    serde_json::from_str(&text).expect("JSON")
}

fn strings(value: &Value) -> Vec<&str> {
    let items = value.as_array().expect("a list");
    items
        .iter()
        .map(|v| v.as_str().expect("a string"))
        .collect()
}

/// What differs between a folder's records and our simulation; `Err` when the model is refused.
fn check(folder: &Path) -> Result<Vec<String>, String> {
    let meta = meta(folder);
    let file = strings(&meta["files"])[0];
    let compiled = recorded::compile(&folder.join(file), &strings(&meta["input_types"]))?;
    let exact = strings(&meta["exact"]);
    let layers = recorded::named(&folder.join("acts.npz"));
    // Pruning wrappers are seen through.
    let mut layers: indexmap::IndexMap<String, _> = layers
        .into_iter()
        .map(|(name, array)| {
            (
                name.trim_start_matches("prune_low_magnitude_").to_owned(),
                array,
            )
        })
        .collect();
    let expected = |name: &str| {
        if exact.contains(&name) {
            Expected::Exact
        } else {
            Expected::Rounded
        }
    };
    let mut inputs = recorded::inputs(folder);
    // Samples come first here, time in these models.
    if meta.get("batch_axis").is_some() {
        inputs.iter_mut().for_each(recorded::swap_axes);
        for array in layers.values_mut().filter(|a| a.shape.len() > 2) {
            recorded::swap_axes(array);
        }
    }
    Ok(recorded::differences(
        &compiled, &inputs, &layers, &expected,
    ))
}

#[test]
fn every_layer_equals_qkeras() {
    let folders = folders("models");
    assert!(folders.len() >= 100, "{} golden models", folders.len());
    let mut wrong = Vec::new();
    for folder in &folders {
        let name = folder.file_name().expect("a name").to_string_lossy();
        match check(folder) {
            Ok(differences) => wrong.extend(differences.iter().map(|d| format!("{name}: {d}"))),
            Err(refusal) => wrong.push(format!("{name}: {refusal}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_recurrent_layer_equals_qkeras() {
    let folders = folders("recurrent");
    assert!(folders.len() >= 40, "{} golden models", folders.len());
    let mut wrong = Vec::new();
    for folder in &folders {
        let name = folder.file_name().expect("a name").to_string_lossy();
        match check(folder) {
            Ok(differences) => wrong.extend(differences.iter().map(|d| format!("{name}: {d}"))),
            // Exact states of cells without quantizers grow beyond what is kept.
            Err(text) => assert!(text.contains("--state-type"), "{text}"),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn models_to_refuse_are_refused_by_layer() {
    let folders = folders("refused");
    assert!(!folders.is_empty());
    for folder in &folders {
        let meta = meta(folder);
        let file = strings(&meta["files"])[0];
        let types = meta
            .get("input_types")
            .map(strings)
            .unwrap_or_else(|| vec!["fixed<8,3>"]);
        let text = recorded::compile(&folder.join(file), &types)
            .err()
            .unwrap_or_else(|| panic!("{} is not refused", folder.display()));
        for layer in strings(&meta["refused"]) {
            assert!(
                text.contains(layer),
                "{}: {layer} is not named in: {text}",
                folder.display()
            );
        }
    }
}
