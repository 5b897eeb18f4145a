//! Trained networks of other people, where the folder `../shared/models` exists beside the repository.

use std::path::{Path, PathBuf};

use crate::recorded::{self, Expected};

/// The folder of a model, if it is there.
fn folder(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/models")
        .join(name);
    if folder.join("model.h5").exists() {
        return Some(folder);
    }
    eprintln!("skipped: {} is not there", folder.display());
    None
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
