//! `qk-hls quantizer` against vectors recorded from QKeras.

use serde_json::Value;

use crate::support::{Bench, array, arrays, find, golden, stderr, success, values};
use qk_hls::data::npy;

/// Runs the recorded case with this id; returns what it printed.
fn recorded(id: &str) -> String {
    let bench = Bench::empty();
    let index = std::fs::read_to_string(golden("quantizers/index.json")).unwrap();
    let index: Value = serde_json::from_str(&index).unwrap();
    let mut cases = index["cases"].as_array().unwrap().iter();
    let case = cases.find(|c| c["id"] == id).expect("a recorded case");
    let text = |key: &str| case[key].as_str().unwrap();
    let data = arrays(&golden("quantizers").join(text("file")));
    bench.write("x.npy", npy::write(find(&data, text("x"))));
    let quantizer = match &case["quantizer"] {
        Value::String(text) => text.clone(),
        object => {
            bench.write("q.json", object.to_string());
            "@q.json".to_owned()
        }
    };
    let args = [
        "quantizer",
        &quantizer,
        "-i",
        "x.npy",
        "-o",
        "y.npy",
        "--codes",
        "c.npy",
    ];
    let output = bench.run(&[&args[..], &["--as", text("as")]].concat());
    success(&output);
    let (y, theirs) = (array(&bench.path("y.npy")), find(&data, text("y")));
    assert_eq!(
        (y.shape.as_slice(), values(&y)),
        (theirs.shape.as_slice(), values(theirs)),
        "{id}"
    );
    let codes = values(&array(&bench.path("c.npy")));
    assert_eq!(codes, values(find(&data, text("codes"))), "{id}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn activations_and_weights_as_recorded() {
    assert_eq!(
        recorded("quantized_bits-025"),
        "ap_fixed<6,3,AP_RND_CONV,AP_SAT_SYM>\n"
    );
    recorded("quantized_bits-100");
    recorded("quantized_relu-017");
    recorded("ternary-014");
    assert!(recorded("quantized_po2-005").starts_with("power of two"));
    assert!(recorded("weights_bits-035").contains("step a power of two"));
    recorded("quantized_po2-040");
}

#[test]
fn what_cannot_be_is_an_error() {
    let bench = Bench::empty();
    bench.write(
        "x.npy",
        npy::write(&qk_hls::data::Array::f64(vec![2], vec![0.5, -1.0])),
    );
    for (quantizer, word) in [
        ("quantized_bits(4,0,alpha=auto)", "auto"),
        ("quantised_bits(4)", "known are"),
        ("bernoulli", "--deterministic-bernoulli"),
        ("{\"class_name\":", "QUANTIZER"),
        ("@missing.json", "missing.json"),
    ] {
        let output = bench.run(&["quantizer", quantizer, "-i", "x.npy", "-o", "y.npy"]);
        assert_eq!(output.status.code(), Some(2), "{quantizer}");
        assert!(
            stderr(&output).contains(word),
            "{quantizer}: {}",
            stderr(&output)
        );
        assert!(!bench.path("y.npy").exists());
    }
    let args = [
        "quantizer",
        "bernoulli",
        "--deterministic-bernoulli",
        "-i",
        "x.npy",
        "-o",
        "y.npy",
    ];
    success(&bench.run(&args));
    assert_eq!(values(&array(&bench.path("y.npy"))), [1.0, 0.0]);
}
