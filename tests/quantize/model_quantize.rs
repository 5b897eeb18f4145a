//! Small float models: the quantized model computes what QKeras' model_quantize makes of them.

use std::collections::BTreeSet;
use std::path::Path;

use qk_hls::compile::{self, InputTypes};
use qk_hls::import::{self, RawModel};
use qk_hls::layers;
use qk_hls::passes::resolve;
use qk_hls::quantizers::{self, Choices, Context, Slot};
use qk_hls::sim::batch;
use qk_hls::sim::values_of;
use serde_json::Value;

use crate::support::{array, folders, qk_hls, root};

/// Simulates a model on the arrays; one list of values for each output.
fn simulate(model: &Path, inputs: &[qk_hls::data::Array], ty: &str) -> Vec<Vec<f64>> {
    let options = compile::Options {
        input_types: InputTypes {
            by_order: vec![ty.parse().unwrap()],
            by_name: vec![],
        },
        resolve: resolve::Options {
            softmax: resolve::Softmax::Logits,
            ..resolve::Options::default()
        },
        ..compile::Options::default()
    };
    let compiled = compile::compile(model, None, &options).unwrap();
    let design = &compiled.design;
    let codes = batch::batch(design, &compiled.derived_inputs, inputs, false).unwrap();
    let wanted: Vec<_> = design.outputs.iter().map(|p| p.node).collect();
    let found = batch::run(design, &codes, &wanted).unwrap();
    let each = design.outputs.iter().zip(&found);
    each.map(|(port, codes)| values_of(&port.name, codes, &design.node(port.node).ty).unwrap())
        .collect()
}

/// What QKeras says of every layer, against the file: classes, and every quantizer as it is understood.
fn assert_configurations(place: &str, model: &RawModel, expected: &Value) {
    let expected = expected.as_object().unwrap();
    let layers = model.layers.iter().filter(|layer| !layer.is_input());
    // By position: QKeras gives recurrent layers names of its own.
    for (layer, theirs) in layers.zip(expected.values()) {
        assert_eq!(
            theirs["class_name"], layer.class_name,
            "{place}/{}",
            layer.name
        );
        let theirs = theirs["config"].as_object().unwrap();
        let ends = |key: &&String| key.ends_with("_quantizer") || key.ends_with("activation");
        let keys: BTreeSet<&String> = theirs
            .keys()
            .chain(layer.config.keys())
            .filter(ends)
            .collect();
        for key in keys {
            let none = Value::Null;
            let (ours, theirs) = (
                layer.config.get(key).unwrap_or(&none),
                theirs.get(key).unwrap_or(&none),
            );
            if ours.is_null() || theirs.is_null() || ours == "linear" {
                assert_eq!(ours, theirs, "{place}/{} {key}", layer.name);
                continue;
            }
            let slot = match key.ends_with("_quantizer") {
                true => Slot::of_key(key, &layer.class_name),
                false => Slot::Activation,
            };
            let context =
                Context::of_layer(slot, &layer.class_name, model.format, &Choices::default());
            let parsed = [ours, theirs]
                .map(|value| format!("{:?}", quantizers::parse(value, &context).unwrap()));
            assert_eq!(parsed[0], parsed[1], "{place}/{} {key}", layer.name);
        }
    }
}

#[test]
fn equal_to_qkeras() {
    let mut models = 0;
    for folder in folders("quantize") {
        let place = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let numbered = |stem: &str| {
            (0..)
                .map(|n| folder.join(format!("{stem}{n}.npy")))
                .take_while(|p| p.exists())
                .collect::<Vec<_>>()
        };
        let inputs: Vec<_> = numbered("x").iter().map(|p| array(p)).collect();
        let expected: Vec<_> = numbered("y")
            .iter()
            .map(|p| array(p).to_f64().unwrap())
            .collect();
        let dir = tempfile::tempdir().unwrap();
        for form in ["q.keras", "q.h5", "q.json"] {
            let path = dir.path().join(form);
            let mut command = qk_hls();
            command.arg("quantize").arg(folder.join("float.keras"));
            command
                .arg("--config")
                .arg(folder.join("request.json"))
                .arg("-o")
                .arg(&path);
            command.assert().success();
            let model = import::load(&path, None).unwrap().model;
            let text = std::fs::read_to_string(folder.join("expected.json")).unwrap();
            assert_configurations(&place, &model, &serde_json::from_str(&text).unwrap());
            if place == "mlp_by_name" {
                continue; // ends in a softmax, which is left out of designs
            }
            let found = simulate(&path, &inputs, "fixed<7,3>");
            assert_eq!(found, expected, "{place} as {form}");
        }
        models += 1;
    }
    assert!(models >= 8, "{models}");
}

/// The float64 evaluator and the simulator share nothing but the mathematics of the network.
#[test]
fn the_evaluator_agrees_with_the_simulator_and_with_qkeras() {
    for folder in folders("quantize") {
        if folder.ends_with("mlp_by_name") {
            continue;
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("q.h5");
        let mut command = qk_hls();
        command.arg("quantize").arg(folder.join("float.keras"));
        command
            .arg("--config")
            .arg(folder.join("request.json"))
            .arg("-o")
            .arg(&path);
        command.assert().success();
        let model = import::load(&path, None).unwrap().model;
        let network = layers::lower(&model, &layers::Options::default())
            .unwrap()
            .network;
        let numbered = |stem: &str| {
            (0..)
                .map(|n| folder.join(format!("{stem}{n}.npy")))
                .take_while(|p| p.exists())
                .collect::<Vec<_>>()
        };
        let inputs: Vec<_> = numbered("x").iter().map(|p| array(p)).collect();
        let values: Vec<Vec<f64>> = inputs.iter().map(|a| a.to_f64().unwrap()).collect();
        let samples = inputs[0].shape[0];
        let evaluator = qk_hls::evaluate::Evaluator::new(&network);
        for (n, path) in numbered("y").iter().enumerate() {
            let expected = array(path).to_f64().unwrap();
            let mut found = Vec::new();
            for sample in 0..samples {
                let slices: Vec<&[f64]> = values
                    .iter()
                    .map(|v| &v[sample * v.len() / samples..][..v.len() / samples])
                    .collect();
                found.extend(evaluator.run(&slices)[network.outputs[n].node.index()].clone());
            }
            assert_eq!(found, expected, "{}", folder.display());
        }
    }
}

/// A network trained on real data: what QKeras predicts with the file that `quantize` writes.
#[test]
fn a_trained_network_predicts_as_in_qkeras() {
    let example = root().join("examples/digits_cnn");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("q.keras");
    let mut command = qk_hls();
    command
        .arg("quantize")
        .arg(example.join("digits_cnn.keras"));
    command
        .arg("--config")
        .arg(example.join("quantize.json"))
        .arg("-o")
        .arg(&path);
    command
        .arg("--calibrate")
        .arg(example.join("x_calibrate.npy"));
    command.assert().success();
    let x = array(&example.join("x_test.npy"));
    let found = simulate(&path, &[x], "ufixed<8,4>");
    let expected = array(&example.join("logits_qkeras.npy")).to_f64().unwrap();
    assert_eq!(found[0], expected);
}
