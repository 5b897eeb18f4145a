//! The golden models on their own inputs.

use std::fs;
use std::path::Path;

use qk_hls::compile::{self, InputTypes, Options};
use qk_hls::data::{Array, Arrays, Values};
use qk_hls::ir::kernel::NodeId;
use qk_hls::sim::batch::input_types;
use qk_hls::sim::{Policy, codes_of};

use crate::random::compare;

/// Samples that the reference, which is slow, has to run.
const SAMPLES: usize = 3;

#[test]
fn every_edge_of_every_golden_model() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut compared = 0;
    for part in ["models", "recurrent"] {
        let mut folders: Vec<_> = fs::read_dir(root.join(part))
            .unwrap()
            .map(|e| e.unwrap().path())
            .filter(|p| p.is_dir() && !p.ends_with("pools"))
            .collect();
        // The averages of `pools` take a minute to resolve without optimization; the others have all
        // its kernels.
        folders.sort();
        for folder in folders {
            compared += usize::from(golden(&folder));
        }
    }
    assert!(compared > 30, "only {compared} golden models compile");
}

/// Whether the model compiles; if it does, every edge has to be equal.
fn golden(folder: &Path) -> bool {
    let meta: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.join("meta.json")).unwrap()).unwrap();
    let types = meta["input_types"].as_array().unwrap().iter();
    let types = types
        .map(|t| t.as_str().unwrap().parse().unwrap())
        .collect();
    let file = ["model.keras", "model.h5", "model.json"]
        .map(|name| folder.join(name))
        .into_iter()
        .find(|p| p.exists())
        .unwrap();
    let options = Options {
        input_types: InputTypes {
            by_order: types,
            by_name: vec![],
        },
        ..Options::default()
    };
    let Ok(compiled) = compile::compile(&file, None, &options) else {
        return false;
    };
    if meta.get("batch_axis").is_some() {
        return false;
    }
    let design = &compiled.design;
    let arrays = inputs(folder);
    let samples = arrays[0].shape[0].min(SAMPLES);
    let batch: Vec<Vec<i128>> = arrays
        .iter()
        .zip(design.inputs.iter().zip(input_types(design)))
        .map(|(array, (port, ty))| {
            let n = design.node(port.node).ty.elements();
            let values: Vec<f64> = match &array.values {
                Values::F32(v) => v[..samples * n].iter().map(|&x| x.into()).collect(),
                other => panic!("golden inputs are float32: {other:?}"),
            };
            codes_of(&port.name, &values, n, &ty, Policy::Exact).unwrap()
        })
        .collect();
    let all: Vec<NodeId> = (0..design.nodes.len()).map(|n| NodeId(n as u32)).collect();
    compare(design, &batch, samples, &all);
    let outputs: Vec<NodeId> = design.outputs.iter().map(|p| p.node).collect();
    compare(design, &batch, samples, &outputs);
    true
}

fn inputs(folder: &Path) -> Vec<Array> {
    let npy = folder.join("x.npy");
    let file = if npy.exists() {
        npy
    } else {
        folder.join("x.npz")
    };
    match qk_hls::data::load(&file).unwrap() {
        Arrays::One(array) => vec![array],
        Arrays::Named(arrays) => (0..arrays.len())
            .map(|k| arrays[&k.to_string()].clone())
            .collect(),
    }
}
