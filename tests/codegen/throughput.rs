//! Throughput control: other hardware, the same codes; impossible values are refused.

use qk_hls::codegen::{self, Directives, Options, TestVectors};
use qk_hls::config::Config;
use qk_hls::csim;

use crate::support::{self, FAMILIES, IOS};

fn directives(text: &str) -> Directives {
    Config::parse(text).expect("valid TOML").directives()
}

fn model(name: &str) -> (qk_hls::compile::Compiled, qk_hls::sim::batch::Batch) {
    let folders = support::golden_folders();
    let folder = folders.iter().find(|f| support::name(f) == name);
    support::golden(folder.expect("a golden model")).expect("it compiles")
}

#[test]
fn shared_multipliers_compute_the_same_codes() {
    let dense = "[layer_type.QDense]\nstrategy = \"resource\"\nreuse_factor = 4\n";
    let conv = "[model]\nreuse_factor = 2\ntarget_ii = 3\nparallelization_factor = 2\n";
    for (backend, family) in FAMILIES {
        let Some(headers) = support::headers_or_skip(family) else {
            continue;
        };
        for (name, text) in [("dense_mlp", dense), ("cnn_small", conv)] {
            let (compiled, batch) = model(name);
            for io in IOS {
                let directives = directives(text);
                let options = Options {
                    io,
                    directives: Some(&directives),
                    ..Options::new(support::backend(backend), "shared")
                };
                let report = csim::check(&compiled.design, &options, &batch, &headers).unwrap();
                assert_eq!(support::complaints(&report), None, "{name}, {backend}");
            }
        }
    }
}

#[test]
fn impossible_values_are_refused_with_the_valid_ones() {
    let (compiled, _) = model("dense_mlp");
    for (text, words) in [
        (
            "[layer.fc1]\nstrategy = \"resource\"\nreuse_factor = 7\n",
            "layer fc1: reuse_factor = 7 does not divide its 72 products; valid are 1, 2, 3, 4, 6, 8",
        ),
        (
            "[layer.fc1]\nstrategy = \"unrolled\"\nreuse_factor = 2\n",
            "layer fc1: reuse_factor = 2: strategy unrolled shares nothing, so 1 is valid",
        ),
        ("[model]\ntarget_ii = 0\n", "model: target_ii = 0"),
        (
            "[layer.fc9]\nreuse_factor = 2\n",
            "layer fc9: is not in the design, whose layers are in0, fc1, relu1, fc2, q2, fc3",
        ),
        (
            "[layer_type.Dense]\nreuse_factor = 2\n",
            "layer type Dense: is not in the design, whose layer types are InputLayer, QDense",
        ),
    ] {
        let directives = directives(text);
        let options = Options {
            directives: Some(&directives),
            ..Options::new(support::backend("vitis"), "refused")
        };
        let error = codegen::generate(&compiled.design, &options, &TestVectors::default());
        let error = error.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}
