//! The network of `examples/digits`, in every file form that it is stored in.

use std::path::Path;

use crate::recorded::{self, Expected};
use qk_hls::data::{self, Arrays};

#[test]
fn every_file_form_gives_every_layer() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("examples/digits");
    let mut layers = recorded::named(&folder.join("acts_reference.npz"));
    // The design's softmax is a function of its own.
    layers.shift_remove("softmax");
    let Ok(Arrays::One(images)) = data::load(&folder.join("x_test.npy")) else {
        panic!("x_test.npy holds the test images");
    };
    for file in [
        "examples/digits/digits.keras",
        "examples/digits/digits.h5",
        "examples/digits/digits.json",
    ] {
        let compiled = recorded::compile(&root.join(file), &[]).expect("compiles");
        let wrong =
            recorded::differences(&compiled, std::slice::from_ref(&images), &layers, &|_| {
                Expected::Exact
            });
        assert!(wrong.is_empty(), "{file}: {}", wrong.join("\n"));
    }
}
