//! Trained networks of other people, where the folder `../shared/models` exists beside the repository.

use std::path::{Path, PathBuf};

use crate::recorded::{self, Expected};
use qk_hls::data::Array;
use qk_hls::sim::batch;

/// The folder of a model, if it is there.
fn folder(name: &str) -> Option<PathBuf> {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/models");
    if !models.exists() {
        eprintln!("skipped: {} is not there", models.display());
        return None;
    }
    Some(models.join(name))
}

/// Every recorded layer before the softmax is equal, bit for bit.
fn equal(name: &str, input_type: &str, rounded: &[&str]) {
    let Some(folder) = folder(name) else { return };
    let compiled = recorded::compile(&folder.join("model.h5"), &[input_type]).expect("compiles");
    let mut layers = recorded::named(&folder.join("acts.npz"));
    layers.retain(|name, _| !name.contains("softmax"));
    let expected = |name: &str| {
        if rounded.contains(&name) {
            Expected::Rounded
        } else {
            Expected::Exact
        }
    };
    let wrong = recorded::differences(&compiled, &recorded::inputs(&folder), &layers, &expected);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn jet_tagger() {
    equal("jet3_qkeras_k224", "ap_fixed<16,6>", &[]);
}

#[test]
fn autoencoder() {
    equal("ad08_autoencoder", "ap_fixed<16,8>", &[]);
}

#[test]
fn cifar10() {
    equal("rn06_cifar10", "ap_ufixed<8,0>", &[]);
}

#[test]
fn pruned_mnist() {
    equal(
        "mnist_cnn_pruned_k214",
        "ap_ufixed<8,0>",
        &["bn_dense_0", "bn_dense_1"],
    );
}

/// Samples of `real.npz` that the design reads correctly.
fn right(name: &str, input_type: &str) -> Option<(usize, usize)> {
    let folder = folder(name)?;
    let compiled = recorded::compile(&folder.join("model.h5"), &[input_type]).expect("compiles");
    let design = &compiled.design;
    let real = recorded::named(&folder.join("real.npz"));
    let labels = real["label"].to_f64().expect("small integers");
    let pixels = real["x_u8"].to_f64().expect("small integers");
    let mut shape = vec![labels.len()];
    shape.extend(&design.node(design.inputs[0].node).ty.shape);
    let images = Array::f64(shape, pixels.iter().map(|p| p / 256.0).collect());
    let batch = batch::batch(design, &compiled.derived_inputs, &[images], false).expect("fits");
    let output = design.outputs[0].node;
    let codes = batch::run(design, &batch, &[output]).expect("in range");
    let classes = design.node(output).ty.elements();
    let best = |sample: &[i128]| (0..classes).rev().max_by_key(|&class| sample[class]);
    let pairs = codes[0].chunks(classes).zip(&labels);
    let right = pairs.filter(|(sample, label)| best(sample) == Some(**label as usize));
    Some((right.count(), labels.len()))
}

#[test]
fn real_images_are_read_as_by_qkeras() {
    for (name, expected) in [
        // 0.984375 of 512, as recorded with the model.
        ("mnist_cnn_pruned_k214", (504, 512)),
        // What qkeras 0.9 reads of these images.
        ("rn06_cifar10", (197, 256)),
    ] {
        if let Some(found) = right(name, "ap_ufixed<8,0>") {
            assert_eq!(found, expected, "{name}");
        }
    }
}
