//! What works: every form of inputs and outputs, against the values QKeras recorded.

use std::path::Path;

use qk_hls::data::{Array, Values, npy, npz};

use crate::support::{Bench, TYPE, array, arrays, find, golden, qk_hls, stderr, success, values};

const TYPED: &[&str] = &["--input-type", TYPE];

fn simulate(bench: &Bench, extra: &[&str]) -> String {
    let args = ["simulate", "model.json", "-i", "x.npy"];
    let output = bench.run(&[&args, TYPED, extra].concat());
    success(&output);
    assert!(output.stdout.is_empty());
    stderr(&output)
}

/// The recorded results of the perceptron.
fn recorded(file: &str) -> Vec<(String, Array)> {
    arrays(&golden("models/dense_mlp").join(file))
}

#[test]
fn results_are_those_of_qkeras() {
    let bench = Bench::new();
    let said = simulate(&bench, &["-o", "y.npy"]);
    assert!(said.contains("weights from model.weights.h5"), "{said}");
    let y = array(&bench.path("y.npy"));
    let expected = recorded("y.npz");
    assert!(matches!(y.values, Values::F64(_)));
    assert_eq!(y.shape, find(&expected, "0").shape);
    assert_eq!(values(&y), values(find(&expected, "0")));

    simulate(&bench, &["-o", "y.npz", "--threads", "1"]);
    let archive = arrays(&bench.path("y.npz"));
    assert_eq!(archive.len(), 1);
    assert_eq!(values(find(&archive, "0")), values(&y));
    assert_eq!(
        bench.names(),
        ["model.json", "model.weights.h5", "x.npy", "y.npy", "y.npz"]
    );
}

#[test]
fn trace_holds_every_layer() {
    let bench = Bench::new();
    simulate(&bench, &["-o", "y.npy", "--trace", "acts.npz"]);
    let trace = arrays(&bench.path("acts.npz"));
    let expected = recorded("acts.npz");
    for (layer, acts) in &expected {
        let found = find(&trace, layer);
        assert_eq!(found.shape, acts.shape, "{layer}");
        assert_eq!(values(found), values(acts), "{layer}");
    }
}

#[test]
fn codes_come_with_their_types() {
    let bench = Bench::new();
    let said = simulate(&bench, &["-o", "c.npy", "--trace", "t.npz", "--codes"]);
    let formats = |file: &str| -> Vec<serde_json::Value> {
        serde_json::from_slice(&bench.read(file)).unwrap()
    };
    let codes = array(&bench.path("c.npy"));
    assert!(matches!(codes.values, Values::I64(_)));
    let format = &formats("c.json")[0];
    assert_eq!(format["key"], "0");
    assert_eq!(format["shape"], serde_json::json!(codes.shape[1..]));
    let ty: qk_hls::num::FixedType = format["type"].as_str().unwrap().parse().unwrap();
    let frac = format["frac"].as_i64().unwrap();
    assert_eq!(i64::from(ty.frac()), frac);
    let scaled = |array: &Array, frac: i64| -> Vec<f64> {
        let step = 2f64.powi(i32::try_from(-frac).unwrap());
        values(array).iter().map(|code| code * step).collect()
    };
    let expected = recorded("y.npz");
    assert_eq!(scaled(&codes, frac), values(find(&expected, "0")));

    let trace = arrays(&bench.path("t.npz"));
    let expected = recorded("acts.npz");
    let listed = formats("t.json");
    for (key, acts) in &expected {
        let Some(format) = listed.iter().find(|format| format["key"] == **key) else {
            // What has no codes of its own is named.
            assert!(said.contains(&format!("layer {key}: fused")), "{said}");
            continue;
        };
        let frac = format["frac"].as_i64().unwrap();
        assert_eq!(scaled(find(&trace, key), frac), values(acts), "{key}");
    }
    assert!(listed.len() + 1 >= expected.len());
}

/// The same samples in every element type, memory order and container.
#[test]
fn inputs_in_every_form() {
    let bench = Bench::new();
    simulate(&bench, &["-o", "y.npy"]);
    let expected = array(&bench.path("y.npy"));
    let x = array(&bench.path("x.npy"));
    let run = |input: &str| {
        let args = ["simulate", "model.json", "-i", input, "-o", "again.npy"];
        success(&bench.run(&[&args, TYPED].concat()));
        assert_eq!(array(&bench.path("again.npy")), expected, "{input}");
    };
    bench.write(
        "wide.npy",
        npy::write(&Array::f64(x.shape.clone(), values(&x))),
    );
    run("wide.npy");
    run("in0=x.npy");
    bench.write("named.npz", npz::write([("in0", &x)]).unwrap());
    run("named.npz");
    run("in0=named.npz");
    bench.write("numbered.npz", npz::write([("0", &x)]).unwrap());
    run("numbered.npz");
}

#[test]
fn no_samples_and_one_sample() {
    let bench = Bench::new();
    let x = values(&array(&bench.path("x.npy")));
    for samples in [0, 1] {
        let some = Array::f64(vec![samples, 9], x[..samples * 9].to_vec());
        bench.write("some.npy", npy::write(&some));
        let args = ["simulate", "model.json", "-i", "some.npy", "-o", "y.npy"];
        success(&bench.run(&[&args, TYPED].concat()));
        assert_eq!(array(&bench.path("y.npy")).shape[0], samples);
    }
}

/// A golden model with several inputs: files with the inputs in the model's order, and the types.
struct Several {
    bench: Bench,
    model: String,
    inputs: Vec<(String, String)>,
    types: Vec<String>,
}

fn several(name: &str) -> Several {
    let bench = Bench::empty();
    let folder = golden("models").join(name);
    let meta = std::fs::read_to_string(folder.join("meta.json")).unwrap();
    let meta: serde_json::Value = serde_json::from_str(&meta).unwrap();
    let model = folder.join(meta["files"][0].as_str().unwrap());
    let imported = qk_hls::import::load(&model, None).unwrap().model;
    let x = arrays(&folder.join("x.npz"));
    let mut inputs = Vec::new();
    let mut types = Vec::new();
    for (number, port) in imported.inputs.iter().enumerate() {
        let file = format!("in{number}.npy");
        bench.write(&file, npy::write(find(&x, &number.to_string())));
        inputs.push((imported.layers[port.tensor.layer].name.clone(), file));
    }
    for ty in meta["input_types"].as_array().unwrap() {
        types.extend(["--input-type".to_owned(), ty.as_str().unwrap().to_owned()]);
    }
    Several {
        bench,
        model: model.to_str().unwrap().to_owned(),
        inputs,
        types,
    }
}

#[test]
fn several_inputs_and_outputs() {
    for name in ["many_inputs_outputs", "named_inputs_outputs", "merges"] {
        let s = several(name);
        let folder = golden("models").join(name);
        let expected = arrays(&folder.join("y.npz"));
        let in_order: Vec<String> = s.inputs.iter().map(|(_, file)| file.clone()).collect();
        let named: Vec<String> = s
            .inputs
            .iter()
            .rev()
            .map(|(n, f)| format!("{n}={f}"))
            .collect();
        let x = arrays(&folder.join("x.npz"));
        let names = s.inputs.iter().map(|(name, _)| name.as_str());
        let by_name = names.clone().zip(x.iter().map(|(_, array)| array));
        s.bench.write("x.npz", npz::write(by_name).unwrap());
        let numbered = folder.join("x.npz").to_str().unwrap().to_owned();
        for given in [in_order, named, vec!["x.npz".to_owned()], vec![numbered]] {
            let mut args = vec!["simulate".to_owned(), s.model.clone()];
            args.extend(["-o".to_owned(), "y.npz".to_owned()]);
            args.extend(given.iter().flat_map(|g| ["-i".to_owned(), g.clone()]));
            args.extend(s.types.clone());
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            success(&s.bench.run(&args));
            let y = arrays(&s.bench.path("y.npz"));
            assert_eq!(y.len(), expected.len(), "{name}");
            for (key, array) in &expected {
                assert_eq!(find(&y, key).shape, array.shape, "{name} {key}");
                assert_eq!(values(find(&y, key)), values(array), "{name} {key}");
            }
        }
    }
}

#[test]
fn several_inputs_that_do_not_fit() {
    let s = several("many_inputs_outputs");
    let types: Vec<&str> = s.types.iter().map(String::as_str).collect();
    let run = |given: &[&str], words: &[&str]| {
        let args = [&["simulate", &s.model, "-o", "y.npz"], given, &types].concat();
        s.bench.refused(&args, words);
    };
    let missing = format!("no data for input {}", s.inputs[2].0);
    run(&["-i", "in0.npy", "-i", "in1.npy"], &[&missing]);
    let short = array(&s.bench.path("in1.npy"));
    let mut shape = short.shape.clone();
    shape[0] -= 1;
    let kept = values(&short)[..shape.iter().product()].to_vec();
    s.bench
        .write("short.npy", npy::write(&Array::f64(shape, kept)));
    let all = ["-i", "in0.npy", "-i", "short.npy", "-i", "in2.npy"];
    run(&all, &["short.npy", &s.inputs[1].0, "samples"]);
    let args = [
        "simulate", &s.model, "-o", "y.npy", "-i", "in0.npy", "-i", "in1.npy", "-i", "in2.npy",
    ];
    s.bench.refused(
        &[&args, &types[..]].concat(),
        &["y.npy", "need an .npz file"],
    );
}

#[test]
fn inspection_as_table_and_as_json() {
    let bench = Bench::new();
    let output = bench.run(&[&["inspect", "model.json"], TYPED].concat());
    success(&output);
    let table = String::from_utf8(output.stdout).unwrap();
    for word in [
        "fc1",
        "QDense",
        "accumulator",
        "parameters",
        "ap_fixed<8,3>",
    ] {
        assert!(table.contains(word), "no {word} in {table}");
    }
    let output = bench.run(&[&["inspect", "model.json", "--json"], TYPED].concat());
    success(&output);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(json["operations"].as_array().unwrap().len() >= 6, "{json}");
    let output = bench.run(&[&["inspect", "model.json", "--passes"], TYPED].concat());
    success(&output);
    assert!(!output.stdout.is_empty());
    // Nothing but what was there before.
    assert_eq!(bench.names(), ["model.json", "model.weights.h5", "x.npy"]);
}

#[test]
fn quiet_says_nothing_and_colours_obey() {
    let bench = Bench::new();
    let said = simulate(&bench, &["-o", "y.npy", "--quiet"]);
    assert_eq!(said, "");
    let said = simulate(&bench, &["-o", "y.npy", "-v"]);
    assert!(said.contains("samples simulated"), "{said}");
    let colours = |extra: &[&str], no_color: Option<&str>| {
        let mut command = qk_hls();
        command
            .current_dir(bench.dir.path())
            .args(["inspect", "absent.h5"]);
        command.args(extra);
        if let Some(value) = no_color {
            command.env("NO_COLOR", value);
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        stderr(&output).contains('\x1b')
    };
    assert!(colours(&["--color", "always"], None));
    assert!(!colours(&["--color", "never"], None));
    // stderr is no terminal here.
    assert!(!colours(&[], None));
    assert!(!colours(&[], Some("1")));
    // Errors are said all the same.
    let output = bench.run(&["inspect", "absent.h5", "--quiet"]);
    assert!(stderr(&output).contains("absent.h5"));
}

/// The reader of a pipe may leave early.
#[test]
fn closed_pipe_is_no_error() {
    let model = golden("models/dense_mlp/model.json");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_qk-hls"))
        .args(["inspect", model.to_str().unwrap(), "--json"])
        .args(TYPED)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(!stderr(&output).contains("panicked"));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn weights_named_and_found() {
    for (name, expected) in [
        ("model.weights.h5", "weights from model.weights.h5"),
        ("model_weights.h5", "weights from model_weights.h5"),
        ("model.h5", "weights from model.h5"),
    ] {
        let bench = Bench::new();
        std::fs::rename(bench.path("model.weights.h5"), bench.path("moved")).unwrap();
        std::fs::rename(bench.path("moved"), bench.path(name)).unwrap();
        let said = simulate(&bench, &["-o", "y.npy"]);
        assert!(said.contains(expected), "{said}");
        std::fs::rename(bench.path(name), bench.path("w.h5")).unwrap();
        simulate(&bench, &["-o", "z.npy", "--weights", "w.h5"]);
        assert_eq!(
            array(&bench.path("y.npy")),
            array(Path::new(&bench.path("z.npy")))
        );
    }
}

#[test]
fn manual_pages_and_completions_know_every_command() {
    let bench = Bench::empty();
    success(&bench.run(&["man", "-o", "man"]));
    let page = String::from_utf8(bench.read("man/qk-hls-simulate.1")).unwrap();
    assert!(page.contains("round\\-input"), "{page}");
    assert!(bench.path("man/qk-hls.1").exists());
    for (shell, word) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef qk-hls"),
        ("fish", "complete -c qk-hls"),
    ] {
        let output = bench.run(&["completions", shell]);
        success(&output);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            text.contains(word) && text.contains("round-input"),
            "{shell}: {text}"
        );
    }
}

#[test]
fn samples_go_from_file_to_file_in_pieces() {
    let bench = Bench::new();
    let expected = recorded("y.npz");
    let expected = values(find(&expected, "0"));
    // 16 samples: pieces that divide them, that do not, one, and more than there are.
    for chunk in ["1", "4", "5", "16", "100"] {
        simulate(&bench, &["-o", "y.npy", "--chunk", chunk]);
        let y = array(&bench.path("y.npy"));
        assert_eq!(y.shape[0], 16);
        assert_eq!(values(&y), expected, "{chunk}");
    }
    simulate(&bench, &["-o", "c.npy", "--codes", "--chunk", "3"]);
    simulate(&bench, &["-o", "c.npz", "--codes"]);
    let archive = arrays(&bench.path("c.npz"));
    assert_eq!(array(&bench.path("c.npy")), *find(&archive, "0"));
}

#[test]
fn a_value_that_does_not_fit_is_found_in_any_piece_and_leaves_nothing() {
    let bench = Bench::new();
    let mut x = array(&bench.path("x.npy"));
    let elements: usize = x.shape[1..].iter().product();
    match &mut x.values {
        Values::F32(v) => v[11 * elements + 2] = 0.3,
        Values::F64(v) => v[11 * elements + 2] = 0.3,
        Values::I64(_) => panic!("the samples are real numbers"),
    }
    std::fs::write(bench.path("x.npy"), npy::write(&x)).unwrap();
    let before = bench.names();
    let args = [
        "simulate",
        "model.json",
        "-i",
        "x.npy",
        "-o",
        "y.npy",
        "--chunk",
        "4",
    ];
    let output = bench.run(&[&args, TYPED].concat());
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.contains("sample 11, element 2: 0.3"), "{said}");
    assert_eq!(bench.names(), before);
}
