//! Searches on the example network: deterministic, resumable, better than the same width everywhere.

use std::path::Path;

use serde_json::Value;

use crate::support::{array, qk_hls, root};

/// Runs a search in a folder; the arguments come after those that every run has.
fn tune(dir: &Path, name: &str, arguments: &[&str]) -> std::process::Output {
    let example = root().join("examples/digits_cnn");
    let mut command = qk_hls();
    command
        .current_dir(dir)
        .arg("tune")
        .arg(example.join("digits_cnn.keras"));
    command
        .arg("--calibrate")
        .arg(example.join("x_calibrate.npy"));
    command
        .arg("--labels")
        .arg(example.join("labels_calibrate.npy"));
    command
        .args(["--input-type", "ufixed<5,1>", "-o", name])
        .args(arguments);
    command.output().unwrap()
}

fn result(dir: &Path, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(dir.join(name)).unwrap()).unwrap()
}

#[test]
fn an_interrupted_search_ends_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let whole = tune(
        dir.path(),
        "whole.json",
        &[
            "--evaluations",
            "40",
            "--state",
            "s.json",
            "--plot",
            "p.svg",
            "--quantized",
            "q.keras",
        ],
    );
    assert!(
        whole.status.success(),
        "{}",
        String::from_utf8_lossy(&whole.stderr)
    );
    // As after a stop in the middle: some trials are there.
    let mut state = result(dir.path(), "s.json");
    let trials = state["trials"].as_object_mut().unwrap();
    assert_eq!(trials.len(), 40);
    let mut n = 0;
    trials.retain(|_, _| {
        n += 1;
        n % 3 != 0
    });
    std::fs::write(dir.path().join("s.json"), state.to_string()).unwrap();
    let again = tune(
        dir.path(),
        "again.json",
        &[
            "--evaluations",
            "40",
            "--state",
            "s.json",
            "--plot",
            "p2.svg",
        ],
    );
    assert!(again.status.success());
    for (a, b) in [("whole.json", "again.json"), ("p.svg", "p2.svg")] {
        assert_eq!(
            std::fs::read(dir.path().join(a)).unwrap(),
            std::fs::read(dir.path().join(b)).unwrap()
        );
    }

    // The written model has the accuracy that was reported.
    let found = result(dir.path(), "whole.json");
    let chosen = &found["front"][found["chosen"].as_u64().unwrap() as usize];
    let example = root().join("examples/digits_cnn");
    let mut command = qk_hls();
    command.current_dir(dir.path()).args([
        "simulate",
        "q.keras",
        "-o",
        "y.npy",
        "--input-type",
        "ufixed<5,1>",
        "-i",
    ]);
    command
        .arg(example.join("x_calibrate.npy"))
        .assert()
        .success();
    let logits = array(&dir.path().join("y.npy")).to_f64().unwrap();
    let labels = array(&example.join("labels_calibrate.npy"))
        .to_f64()
        .unwrap();
    let right = |(row, label): &(&[f64], &f64)| {
        let best = (0..10)
            .max_by(|&a, &b| row[a].total_cmp(&row[b]).then(b.cmp(&a)))
            .unwrap();
        best as f64 == **label
    };
    let correct = logits.chunks(10).zip(&labels).filter(right).count();
    assert_eq!(
        chosen["accuracy"].as_f64().unwrap(),
        correct as f64 / labels.len() as f64
    );

    // Another model, samples or settings: another state.
    let other = tune(
        dir.path(),
        "other.json",
        &["--state", "s.json", "--weights-on-memory", "dram"],
    );
    assert_eq!(other.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&other.stderr)
            .contains("another model, other samples or other settings")
    );
    assert!(!dir.path().join("other.json").exists());
}

#[test]
fn less_energy_than_the_same_width_everywhere() {
    let dir = tempfile::tempdir().unwrap();
    let output = tune(
        dir.path(),
        "f.json",
        &["--evaluations", "120", "--min-bits", "3", "--max-bits", "6"],
    );
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let found = result(dir.path(), "f.json");
    let accuracy = |p: &Value| p["accuracy"].as_f64().unwrap();
    let energy = |p: &Value| p["energy"].as_f64().unwrap();
    let uniform = found["uniform"].as_array().unwrap();
    let top = uniform.iter().map(accuracy).fold(0.0, f64::max);
    let best = uniform
        .iter()
        .filter(|p| accuracy(p) == top)
        .map(energy)
        .fold(f64::INFINITY, f64::min);
    let front = found["front"].as_array().unwrap();
    let ours = front
        .iter()
        .filter(|p| accuracy(p) >= top)
        .map(energy)
        .fold(f64::INFINITY, f64::min);
    assert!(ours < best, "{ours} against {best}");
}

#[test]
fn refusals() {
    let dir = tempfile::tempdir().unwrap();
    let wrong = |arguments: &[&str], part: &str| {
        let output = tune(dir.path(), "f.json", arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(
            text.contains(part),
            "{arguments:?}: `{part}` is missing in {text}"
        );
        assert_eq!(
            std::fs::read_dir(dir.path()).unwrap().count(),
            0,
            "{arguments:?}"
        );
    };
    wrong(&["--min-bits", "6", "--max-bits", "4"], "larger than");
    wrong(&["--quantized", "q.txt"], ".keras, .h5 or .json");
    wrong(&["--rate", "1"], "other than 1");
    let labels = root().join("examples/digits_cnn/labels_test.npy");
    let samples = root().join("examples/digits_cnn/x_calibrate.npy");
    let (labels, samples) = (labels.to_str().unwrap(), samples.to_str().unwrap());
    wrong(
        &["--test", samples, "--test-labels", labels],
        "500 classes for 300 samples",
    );
}
