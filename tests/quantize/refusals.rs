//! Requests that do not fit: every problem by name, and nothing written.

use crate::support::{qk_hls, root};

fn refused(request: &str, wanted: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("q.json");
    std::fs::write(&config, request).unwrap();
    let mut command = qk_hls();
    command
        .arg("quantize")
        .arg(root().join("examples/digits_cnn/digits_cnn.keras"));
    command
        .arg("--config")
        .arg(&config)
        .arg("-o")
        .arg(dir.path().join("out.keras"));
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{request}\n{text}");
    for part in wanted {
        assert!(
            text.contains(part),
            "{request}: `{part}` is missing in\n{text}"
        );
    }
    assert_eq!(
        std::fs::read_dir(dir.path()).unwrap().count(),
        1,
        "{request}: something was written"
    );
}

#[test]
fn all_problems_at_once() {
    refused(
        r#"{"QDense": {"kernel_quantizer": "quantized_bit(4)", "depthwise_quantizer": "quantized_bits(4)"},
            "QKonv2D": {}, "nobody": {}, "conv1_pool": {"kernel_quantizer": "quantized_bits(4)"}, "QConv2D": "x",
            "QActivation": {"relu": "quantized_relu(4,,1)"}}"#,
        &[
            "quantized_bit`",
            "`depthwise_quantizer`: there is no such slot",
            "`QKonv2D` is neither",
            "`nobody` is neither",
            "MaxPooling2D have no quantized form",
            "`QConv2D` is \"x\"",
            "`relu`",
        ],
    );
}

#[test]
fn arguments() {
    refused("[]", &["an object"]);
    refused("{", &["is no JSON"]);
    refused(
        r#"{"activation_bits": 0, "transfer_weights": false}"#,
        &["1 to 32", "the weights are always kept"],
    );
    refused(
        r#"{"quantizer_config": {}, "bits": 4}"#,
        &["`bits` is no argument"],
    );
    refused(
        r#"{"QDense": {"kernel_quantizer": "quantized_bits(4,0,alpha=1)"}}"#,
        &[
            "hidden",
            "activation relu has no activation_quantizer, so activation_bits is needed",
        ],
    );
}
