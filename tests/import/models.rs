//! Models trained by others, and the example network in every form that Keras 2 and Keras 3 write.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use qk_hls::import::{self, Container, KerasVersion, RawModel, RawTensor};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder of shared models; absent on most machines.
fn shared(model: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("QK_HLS_SHARED_MODELS")
        .map_or_else(|| root().join("../shared/models"), PathBuf::from);
    let file = folder.join(model).join("model.h5");
    if !file.exists() {
        eprintln!("skipped: no {}", file.display());
        return None;
    }
    Some(file)
}

fn load(path: &Path) -> RawModel {
    import::load(path, None)
        .unwrap_or_else(|errors| panic!("{errors}"))
        .model
}

/// Slots and shapes by layer name.
fn weights(model: &RawModel) -> BTreeMap<&str, Vec<(&str, &[usize])>> {
    let mut all = BTreeMap::new();
    for layer in &model.layers {
        if !layer.weights.is_empty() {
            let slots = layer.weights.iter();
            all.insert(
                layer.name.as_str(),
                slots
                    .map(|(slot, tensor)| (slot.as_str(), tensor.shape.as_slice()))
                    .collect(),
            );
        }
    }
    all
}

fn names_in_order(model: &RawModel) -> Vec<&str> {
    model
        .order
        .iter()
        .map(|call| model.layers[call.layer].name.as_str())
        .collect()
}

#[test]
fn jet_tagger_of_keras_2_2() {
    let Some(path) = shared("jet3_qkeras_k224") else {
        return;
    };
    let model = load(&path);
    assert_eq!(model.format.keras, KerasVersion::V2);
    assert_eq!(model.format.container, Container::LegacyH5);
    let order = [
        "input_1", "fc1", "relu1", "fc2", "relu2", "fc3", "relu3", "output", "softmax",
    ];
    assert_eq!(names_in_order(&model), order);
    let dense = |inputs: &'static [usize], units: &'static [usize]| {
        vec![("kernel", inputs), ("bias", units)]
    };
    let expected = BTreeMap::from([
        ("fc1", dense(&[16, 64], &[64])),
        ("fc2", dense(&[64, 32], &[32])),
        ("fc3", dense(&[32, 32], &[32])),
        ("output", dense(&[32, 5], &[5])),
    ]);
    assert_eq!(weights(&model), expected);
}

#[test]
fn autoencoder_with_folded_batch_normalization() {
    let Some(path) = shared("ad08_autoencoder") else {
        return;
    };
    let model = load(&path);
    let slots: Vec<&str> = model.layers[1].weights.keys().map(String::as_str).collect();
    assert_eq!(
        slots,
        [
            "kernel",
            "bias",
            "gamma",
            "beta",
            "moving_mean",
            "moving_variance"
        ]
    );
    assert_eq!(model.order.len(), 12);
}

#[test]
fn convolutions_with_folded_batch_normalization() {
    let Some(path) = shared("rn06_cifar10") else {
        return;
    };
    let model = load(&path);
    assert_eq!(
        weights(&model)["q_conv2d_batchnorm"][0],
        ("kernel", [3, 3, 3, 32].as_slice())
    );
    assert_eq!(
        weights(&model)["q_dense"][0],
        ("kernel", [2048, 10].as_slice())
    );
}

#[test]
fn pruning_wrappers_are_seen_through() {
    let Some(path) = shared("mnist_cnn_pruned_k214") else {
        return;
    };
    let model = load(&path);
    let layer = &model.layers[1];
    assert_eq!(layer.name, "fused_convbn_0");
    assert_eq!(
        layer.wrapper.as_deref(),
        Some("prune_low_magnitude_fused_convbn_0")
    );
    assert_eq!(layer.class_name, "QConv2DBatchnorm");
    assert_eq!(layer.weights.len(), 6);
    assert_eq!(
        weights(&model)["dense_0"],
        [("kernel", [400, 48].as_slice())]
    );
}

/// The six forms of the example hold the same numbers, so each form checks the reading of all others.
#[test]
fn every_form_of_the_example_gives_the_same_weights() {
    let forms = [
        (
            "examples/digits/digits.keras",
            KerasVersion::V3,
            Container::KerasArchive,
        ),
        (
            "examples/digits/digits.h5",
            KerasVersion::V3,
            Container::LegacyH5,
        ),
        (
            "examples/digits/digits.json",
            KerasVersion::V3,
            Container::Json,
        ),
        (
            "tests/golden/digits_keras2/model.h5",
            KerasVersion::V2,
            Container::LegacyH5,
        ),
        (
            "tests/golden/digits_keras2/arch.json",
            KerasVersion::V2,
            Container::Json,
        ),
    ];
    let mut first: Option<Vec<(String, String, RawTensor)>> = None;
    for (form, keras, container) in forms {
        let model = load(&root().join(form));
        assert_eq!(
            (model.format.keras, model.format.container),
            (keras, container),
            "{form}"
        );
        let all: Vec<_> = model
            .layers
            .iter()
            .flat_map(|layer| {
                layer
                    .weights
                    .iter()
                    .map(|(slot, tensor)| (layer.name.clone(), slot.clone(), tensor))
            })
            .map(|(layer, slot, tensor)| {
                (
                    layer,
                    slot,
                    RawTensor {
                        path: String::new(),
                        ..tensor.clone()
                    },
                )
            })
            .collect();
        assert_eq!(all.len(), 6, "{form}");
        assert_eq!(first.get_or_insert_with(|| all.clone()), &all, "{form}");
    }
}

#[test]
fn the_weights_file_found_is_named() {
    let import = import::load(&root().join("examples/digits/digits.json"), None).unwrap();
    assert_eq!(import.log.len(), 1);
    assert!(
        import.log[0].ends_with("digits.weights.h5"),
        "{:?}",
        import.log
    );
}
