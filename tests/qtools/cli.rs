//! `qk-hls qtools` and `qk-hls stats` as their users meet them.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

fn model(name: &str, file: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/golden/models").join(name).join(file)
}

fn run(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("qk-hls").expect("the binary is built with its tests");
    command.env_remove("NO_COLOR").env_remove("RUST_BACKTRACE");
    let out = command.args(arguments).output().expect("it runs");
    (
        out.status.code().expect("no signal"),
        String::from_utf8(out.stdout).expect("UTF-8"),
        String::from_utf8(out.stderr).expect("UTF-8"),
    )
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("written")).expect("JSON")
}

#[test]
fn files_and_stdout_say_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let [map, energy, roofline] = ["map", "energy", "roofline"].map(|n| folder.path().join(n));
    let model = model("dense_mlp", "model.json");
    let model = model.to_str().expect("UTF-8");
    let texts = [&map, &energy, &roofline].map(|p| p.to_str().expect("UTF-8"));
    let (status, out, err) = run(&[
        "qtools",
        model,
        "--json",
        "-o",
        texts[0],
        "--energy",
        texts[1],
        "--roofline",
        texts[2],
    ]);
    assert_eq!(status, 0, "{err}");
    let out: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(out["map"], json(&map));
    assert_eq!(out["energy"], json(&energy));
    assert_eq!(out["roofline"], json(&roofline));
    for key in ["pe", "energy_sum", "energy_profile"] {
        assert!(out["energy"].get(key).is_some(), "{key}");
    }
    // The exact mode has the design's widths; QTools' own has not.
    assert!(out["map"]["fc1"]["design"]["accumulator"]["bits"].is_u64());
    let (_, out, _) = run(&["qtools", model, "--json", "--mode", "compat"]);
    let out: Value = serde_json::from_str(&out).expect("JSON");
    assert!(out["map"]["fc1"].get("design").is_none());
}

#[test]
fn a_technology_of_the_users() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = folder.path().join("nodes.toml");
    let text = "[twice]\nfpm_add = [0.00625, 0]\nfpm_mul = [0.005989583334, 0.002083333334, 0]\n\
                fp16_add = [0.8]\nfp16_mul = [2.2]\nfp32_add = [1.8]\nfp32_mul = [7.4]\n\
                sram_rd = [0]\ndram_rd = [40.625, 0]\n";
    fs::write(&table, text).expect("writable");
    let model = model("dense_mlp", "model.json");
    let common = [
        "qtools",
        model.to_str().expect("UTF-8"),
        "--json",
        "--rd-wr-on-io",
        "false",
    ];
    let op_cost = |more: &[&str]| {
        let (status, out, err) = run(&[&common, more].concat());
        assert_eq!(status, 0, "{err}");
        let out: Value = serde_json::from_str(&out).expect("JSON");
        out["energy"]["pe"]["fc2"]["energy"]["op_cost"]
            .as_f64()
            .expect("a figure")
    };
    let table = table.to_str().expect("UTF-8");
    let (one, two) = (
        op_cost(&[]),
        op_cost(&["--technology", table, "--process", "twice"]),
    );
    assert!((two - 2.0 * one).abs() < 0.02, "{one} {two}");
    let (status, _, err) = run(&[&common[..], &["--technology", table]].concat());
    assert_eq!(status, 2);
    assert!(err.contains("nodes.toml") && err.contains("twice"), "{err}");
}

#[test]
fn refusals_name_what_and_where_and_leave_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let map = folder.path().join("map.json");
    let map_text = map.to_str().expect("UTF-8");
    let mlp = model("dense_mlp", "model.json");
    let mlp = mlp.to_str().expect("UTF-8");
    let octave = model("octave", "model.keras");
    let octave = octave.to_str().expect("UTF-8");
    let cases: &[(&[&str], &[&str])] = &[
        (&[mlp, "--process", "tsmc"], &["tsmc", "horowitz"]),
        (&[mlp, "--source-quantizer", "nonsense(3)"], &["nonsense"]),
        (
            &[
                mlp,
                "--source-quantizer",
                "int8",
                "--source-quantizer",
                "int8",
            ],
            &["2 input types for 1 inputs", "source quantizers"],
        ),
        (
            &[mlp, "--keras-quantizer", "int9"],
            &["keras quantizer", "int9"],
        ),
        (
            &[mlp, "--hw-weight-dict", "missing.json"],
            &["missing.json"],
        ),
        (&[mlp, "--weights-on-memory", "flash"], &["flash"]),
    ];
    for (arguments, wanted) in cases {
        let arguments = [&["qtools", "-o", map_text], *arguments].concat();
        let (status, _, err) = run(&arguments);
        assert_eq!(status, 2, "{arguments:?}: {err}");
        for word in *wanted {
            assert!(err.contains(word), "{arguments:?}: {err}");
        }
        assert!(!map.exists(), "{arguments:?}");
    }
    // A baseline needs no number types; what QTools has no rule for is named all the same, all of it.
    let (status, _, err) = run(&["qtools", octave, "--for-reference", "-o", map_text]);
    let named = err.lines().filter(|l| l.contains("no rule")).count();
    if status == 2 {
        assert!(named >= 1 && err.contains("octave"), "{err}");
        assert!(!map.exists());
    }
}

#[test]
fn fusing_by_a_dictionary() {
    let folder = tempfile::tempdir().expect("a folder");
    let dictionary = folder.path().join("hw.json");
    let write = |layer: &str, norm: &str| {
        let text = format!(
            r#"{{"{layer}": {{"enable_bn_fusing": true, "fused_bn_layer_name": "{norm}"}}, "{norm}": {{"enable_bn_fusing": true}}}}"#
        );
        fs::write(&dictionary, text).expect("writable");
    };
    let records = crate::records::Records::open();
    let all = records.all();
    let (_, file, _) = all.iter().find(|r| r.0 == "fused_bias").expect("there");
    let arguments = |way: &str| {
        let file = file.to_str().expect("UTF-8").to_owned();
        let parts = [
            "qtools",
            &file,
            "--mode",
            "compat",
            "--json",
            "--hw-weight-dict",
            way,
        ];
        let (status, out, err) = run(&parts);
        (
            status,
            serde_json::from_str::<Value>(&out).unwrap_or_default(),
            err,
        )
    };
    write("c0", "bn");
    let (status, given, err) = arguments(dictionary.to_str().expect("UTF-8"));
    assert_eq!(status, 0, "{err}");
    let (_, found, _) = arguments("auto");
    assert_eq!(given["map"], found["map"]);
    assert!(given["map"]["c0"]["bn_inverse_quantizer"].is_object());
    write("c0", "other");
    let (status, _, err) = arguments(dictionary.to_str().expect("UTF-8"));
    assert_eq!(status, 2);
    assert!(err.contains("c0") && err.contains("other"), "{err}");
}

#[test]
fn statistics_leave_the_model_alone() {
    let model = model("dense_mlp", "model.json");
    let weights = model.with_file_name("model.weights.h5");
    let before = fs::read(&weights).expect("readable");
    let model = model.to_str().expect("UTF-8");
    let (status, text, err) = run(&["stats", model]);
    assert_eq!(status, 0, "{err}");
    assert!(text.contains("Number of operations in model:") && text.contains("Total Sparsity"));
    let (_, text, _) = run(&["stats", model, "--json"]);
    let stats: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(
        stats["operations"]["fc1"]["number_of_operations"],
        Value::from(72)
    );
    assert_eq!(fs::read(&weights).expect("readable"), before);
}
