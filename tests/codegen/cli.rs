//! The commands `generate`, `csim`, `config` and `headers`.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use qk_hls::num::Family;

use crate::support;

fn model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/models/dense_mlp/model.json")
}

fn qk_hls(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("qk-hls").expect("the program was built");
    command.args(arguments);
    command
}

fn on_model(command: &str, more: &[&str]) -> Command {
    let mut command = qk_hls(&[command]);
    command
        .arg(model())
        .args(["--input-type", "fixed<8,3>"])
        .args(more);
    command
}

fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn generate_writes_whole_projects_and_leaves_other_files_alone() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("p");
    let dir = dir.to_str().unwrap();
    on_model("generate", &["-o", dir]).assert().code(0);
    assert!(root.path().join("p/firmware/myproject.cpp").exists());
    // A second time only with --force, and then other files stay.
    std::fs::write(root.path().join("p/notes.txt"), "mine").unwrap();
    let output = on_model("generate", &["-o", dir])
        .assert()
        .code(2)
        .get_output()
        .clone();
    assert!(said(&output).contains("--force"), "{}", said(&output));
    on_model("generate", &["-o", dir, "--force", "--name", "other"])
        .assert()
        .code(0);
    assert!(root.path().join("p/firmware/other.cpp").exists());
    assert!(!root.path().join("p/firmware/myproject.cpp").exists());
    assert!(root.path().join("p/notes.txt").exists());
}

#[test]
fn nothing_is_written_for_a_refused_project() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("p");
    for more in [
        &["--name", "class"][..],
        &["--clock-period", "-1"],
        &["--part", "a b"],
        &["--config", "/does/not/exist.toml"],
    ] {
        let mut command = on_model("generate", &["-o", dir.to_str().unwrap()]);
        command.args(more).assert().code(2);
        assert_eq!(
            std::fs::read_dir(root.path()).unwrap().count(),
            0,
            "{more:?}"
        );
    }
}

#[test]
fn the_written_configuration_is_read_back() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("c.toml");
    let path = path.to_str().unwrap();
    on_model("config", &["-o", path]).assert().code(0);
    let text = std::fs::read_to_string(path).unwrap();
    assert!(
        text.contains("#[layer.\"fc1\"]") || text.contains("#[layer.fc1]"),
        "{text}"
    );
    std::fs::write(path, text.replace("\"parallel\"", "\"stream\"")).unwrap();
    let dir = root.path().join("p");
    on_model("generate", &["-o", dir.to_str().unwrap(), "--config", path])
        .assert()
        .code(0);
    assert!(dir.join("fifo_depths.json").exists());
    // Options win.
    let dir = root.path().join("q");
    let more = [
        "-o",
        dir.to_str().unwrap(),
        "--config",
        path,
        "--io",
        "parallel",
    ];
    on_model("generate", &more).assert().code(0);
    assert!(!dir.join("fifo_depths.json").exists());
    std::fs::write(path, "[model]\nstrategy = \"fast\"\n").unwrap();
    let output = on_model("generate", &["-o", dir.to_str().unwrap(), "--config", path])
        .assert()
        .code(2)
        .get_output()
        .clone();
    assert!(said(&output).contains("`latency`"), "{}", said(&output));
}

#[test]
fn csim_says_whether_the_codes_are_equal() {
    if support::headers_or_skip(Family::Ac).is_none() {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let results = root.path().join("y.npy");
    let results = results.to_str().unwrap();
    let arguments = [
        "--backend",
        "catapult",
        "--json",
        "--samples",
        "5",
        "-o",
        results,
    ];
    let output = on_model("csim", &arguments)
        .assert()
        .code(0)
        .get_output()
        .clone();
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["mismatches"], 0);
    assert_eq!(summary["samples"], 5);
    assert_eq!(summary["outputs_compared"], 20);
    assert!(Path::new(results).exists());
    // A folder, before and after a code of its reference is changed.
    let dir = root.path().join("p");
    let dir = dir.to_str().unwrap();
    on_model("generate", &["-o", dir, "--backend", "catapult"])
        .assert()
        .code(0);
    qk_hls(&["csim", dir]).assert().code(0);
    let path = Path::new(dir).join("tb_data/tb_output_predictions.dat");
    let text = std::fs::read_to_string(&path).unwrap();
    let (first, rest) = text.split_once(' ').unwrap();
    let first: i64 = first.parse().unwrap();
    std::fs::write(&path, format!("{} {rest}", first ^ 1)).unwrap();
    let output = qk_hls(&["csim", dir]).assert().code(1).get_output().clone();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("sample 0, output") && text.contains("1 mismatches"),
        "{text}"
    );
    // What is no project.
    qk_hls(&["csim", root.path().to_str().unwrap()])
        .assert()
        .code(2);
}

#[test]
fn a_folder_without_headers_is_named() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().to_str().unwrap();
    let output = on_model("csim", &["--headers", dir])
        .assert()
        .code(2)
        .get_output()
        .clone();
    assert!(said(&output).contains("ap_fixed.h"), "{}", said(&output));
    let mut command = qk_hls(&["headers", "path", "--family", "ap"]);
    command
        .env_clear()
        .env("XDG_CACHE_HOME", dir)
        .env("PATH", "")
        .assert()
        .code(2);
}

#[test]
fn reports_stand_beside_the_estimate() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("p");
    on_model("generate", &["-o", dir.to_str().unwrap()])
        .assert()
        .code(0);
    let run = |code: i32| {
        let output = qk_hls(&["report", dir.to_str().unwrap(), "--json"])
            .assert()
            .code(code)
            .get_output()
            .clone();
        serde_json::from_slice::<serde_json::Value>(&output.stdout)
    };
    let rows = run(0).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 1);
    assert!(rows[0]["lut"].as_f64().unwrap() > 0.0);
    std::fs::write(
        dir.join("vivado_synth.rpt"),
        "| CLB LUTs* | 1526 | 0 |\n| DSPs | 66 | 0 |\n",
    )
    .unwrap();
    let rows = run(0).unwrap();
    assert_eq!(rows[1]["report"], "vsynth");
    assert_eq!(rows[1]["lut"], 1526.0);
    qk_hls(&["report", root.path().to_str().unwrap()])
        .assert()
        .code(2);
}
