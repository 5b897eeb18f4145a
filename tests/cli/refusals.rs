//! What is no model, no input or no place to write: a message for people, status 2, and nothing written.

use qk_hls::data::{Array, Values, npy};
use qk_hls::import;

use crate::support::{Bench, TYPE, array, golden, stderr, success, values};

const TYPED: &[&str] = &["--input-type", TYPE];

#[test]
fn truncated_hdf5() {
    let bench = Bench::new();
    let whole = std::fs::read(golden("models/dense_optimizer_h5/model.h5")).unwrap();
    for length in [9, 100, 4096, whole.len() / 2, whole.len() - 1] {
        bench.write("cut.h5", &whole[..length]);
        let words = ["cut.h5", "help: copy or download the file again"];
        bench.every_command_refuses("cut.h5", TYPED, &words);
    }
    let cut = format!("{} bytes of {}", whole.len() - 1, whole.len());
    bench.every_command_refuses("cut.h5", TYPED, &[cut.as_str()]);

    let weights = bench.read("model.weights.h5");
    bench.write("model.weights.h5", &weights[..weights.len() - 700]);
    bench.every_command_refuses("model.json", TYPED, &["model.weights.h5", "cut short"]);
}

#[test]
fn archive_that_is_no_zip() {
    let bench = Bench::new();
    bench.write(
        "model.keras",
        "these are not the weights you are looking for",
    );
    let words = [
        "model.keras",
        "starts with \"these ar\"",
        "give a .keras archive",
    ];
    bench.every_command_refuses("model.keras", TYPED, &words);

    let whole = std::fs::read(golden("models/dense_single/model.keras")).unwrap();
    bench.write("model.keras", &whole[..whole.len() / 2]);
    bench.every_command_refuses("model.keras", TYPED, &["model.keras", "cut short"]);

    bench.write(
        "model.keras",
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    );
    bench.every_command_refuses("model.keras", TYPED, &["Git LFS", "git lfs pull"]);
    bench.every_command_refuses("absent.keras", TYPED, &["absent.keras", "cannot be read"]);
}

#[test]
fn json_without_weights() {
    let bench = Bench::new();
    std::fs::remove_file(bench.path("model.weights.h5")).unwrap();
    let words = [
        "model.json",
        "model.weights.h5, model_weights.h5, model.h5",
        "--weights",
    ];
    bench.every_command_refuses("model.json", TYPED, &words);
    let given = [TYPED, &["--weights", "other.h5"]].concat();
    bench.every_command_refuses("model.json", &given, &["other.h5", "cannot be read"]);
}

#[test]
fn json_that_is_no_model() {
    let bench = Bench::new();
    for (text, word) in [
        ("{", "model.json"),
        ("[1, 2]", "model.json"),
        ("{\"class_name\": \"Sequential\"}", "config"),
        ("{\"class_name\": \"MyModel\", \"config\": {}}", "MyModel"),
    ] {
        bench.write("model.json", text);
        bench.every_command_refuses("model.json", TYPED, &[word]);
    }
}

#[test]
fn weights_of_another_shape() {
    let bench = Bench::new();
    bench.replace("model.json", "\"units\": 8", "\"units\": 9");
    let words = [
        "model.json",
        "layer fc1 (QDense)",
        "`kernel`",
        "[9, 8]",
        "[9, 9]",
        "same model",
    ];
    bench.every_command_refuses("model.json", TYPED, &words);

    // The weights of another network.
    let bench = Bench::new();
    std::fs::copy(
        golden("models/conv2d_valid/model.weights.h5"),
        bench.path("model.weights.h5"),
    )
    .unwrap();
    bench.every_command_refuses(
        "model.json",
        TYPED,
        &["model.weights.h5", "fc1", "same model"],
    );
}

#[test]
fn unknown_layer() {
    // With weights, without, and one of Keras that nothing supports.
    for (old, new, name) in [
        ("\"QDense\"", "\"QFancyDense\"", "fc1"),
        ("\"QActivation\"", "\"MyActivation\"", "relu1"),
        ("\"QActivation\"", "\"Embedding\"", "relu1"),
    ] {
        let bench = Bench::new();
        bench.replace("model.json", old, new);
        let class = new.trim_matches('"');
        bench.every_command_refuses("model.json", TYPED, &["model.json", name, class]);
    }
}

#[test]
fn unknown_quantizer() {
    let bench = Bench::new();
    bench.replace("model.json", "\"quantized_bits\"", "\"quantized_bitz\"");
    // Every place at once.
    let words = [
        "layer fc1 (QDense): `kernel_quantizer`",
        "layer fc1 (QDense): `bias_quantizer`",
        "layer fc3 (QDense): `kernel_quantizer`",
        "layer q2 (QActivation)",
        "`quantized_bitz`",
        "quantized_bits,",
    ];
    bench.every_command_refuses("model.json", TYPED, &words);
}

#[test]
fn no_number_in_the_weights() {
    for (bad, shown) in [(f32::NAN, "NaN"), (f32::NEG_INFINITY, "-inf")] {
        let bench = Bench::new();
        let model = import::load(&bench.path("model.json"), None).unwrap().model;
        let layer = model.layers.iter().find(|l| l.name == "fc2").unwrap();
        let import::Values::F32(kernel) = &layer.weights["kernel"].values else {
            panic!("Keras stores float32");
        };
        // The kernel as it lies in the file, with another number at index 5.
        let stored: Vec<u8> = kernel.iter().flat_map(|w| w.to_le_bytes()).collect();
        let mut file = bench.read("model.weights.h5");
        let at = file
            .windows(stored.len())
            .position(|window| window == stored)
            .unwrap();
        file[at + 20..at + 24].copy_from_slice(&bad.to_le_bytes());
        bench.write("model.weights.h5", file);
        let words = ["model.weights.h5", "fc2", shown, "index 5", "train again"];
        bench.every_command_refuses("model.json", TYPED, &words);
    }
}

#[test]
fn input_without_a_type() {
    let bench = Bench::new();
    let words = ["layer in0 (InputLayer)", "no number type", "--input-type"];
    bench.every_command_refuses("model.json", &[], &words);
    for (given, words) in [
        ("wide<8,3>", ["unknown type `wide`", "ap_fixed"]),
        ("fixed<8>", ["fixed<8>", "--input-type"]),
        ("fixed<0,0>", ["fixed<0,0>", "--input-type"]),
        ("other=fixed<8,3>", ["no input named other", "in0"]),
    ] {
        bench.every_command_refuses("model.json", &["--input-type", given], &words);
    }
    let two = ["--input-type", TYPE, "--input-type", TYPE];
    bench.every_command_refuses("model.json", &two, &["2 input types for 1 inputs"]);
}

fn simulate(bench: &Bench, input: &str, words: &[&str]) {
    let args = [
        "simulate",
        "model.json",
        "-i",
        input,
        "-o",
        "y.npy",
        "--trace",
        "t.npz",
    ];
    bench.refused(&[&args, TYPED].concat(), words);
    let args = ["generate", "model.json", "-i", input, "-o", "project"];
    bench.refused(&[&args, TYPED].concat(), words);
}

#[test]
fn inputs_that_do_not_fit() {
    let bench = Bench::new();
    let shaped = |shape: &[usize]| {
        npy::write(&Array::f64(
            shape.to_vec(),
            vec![0.0; shape.iter().product()],
        ))
    };
    for (shape, shown) in [
        (&[4, 7][..], "(4, 7)"),
        (&[9], "(9)"),
        (&[2, 9, 1], "(2, 9, 1)"),
        (&[], "()"),
    ] {
        bench.write("bad.npy", shaped(shape));
        simulate(
            &bench,
            "bad.npy",
            &["bad.npy", "in0", shown, "(samples, 9)"],
        );
    }
    bench.write("bad.npy", "no array");
    simulate(
        &bench,
        "bad.npy",
        &["bad.npy", "neither .npy nor .npz", "numpy.save"],
    );
    let whole = bench.read("x.npy");
    bench.write("bad.npy", &whole[..whole.len() - 1]);
    simulate(&bench, "bad.npy", &["bad.npy", "cut short"]);
    simulate(&bench, "absent.npy", &["absent.npy", "cannot be read"]);
    simulate(&bench, "other=x.npy", &["no input other", "in0"]);
    let twice = [
        "simulate",
        "model.json",
        "-i",
        "x.npy",
        "-i",
        "in0=x.npy",
        "-o",
        "y.npy",
    ];
    bench.refused(&[&twice, TYPED].concat(), &["input in0 is given twice"]);
    let twice = [
        "simulate",
        "model.json",
        "-i",
        "x.npy",
        "-i",
        "x.npy",
        "-o",
        "y.npy",
    ];
    bench.refused(&[&twice, TYPED].concat(), &["no input number 2"]);
}

#[test]
fn inputs_that_the_type_does_not_hold() {
    let bench = Bench::new();
    let good = array(&bench.path("x.npy"));
    // fixed<8,3> holds multiples of 1/32 from -4 to 127/32.
    for bad in [0.1, 4.0, -4.03125, 0.015625, 1e300, -1e-300] {
        let mut changed = values(&good);
        changed[9 * 3 + 4] = bad;
        bench.write(
            "bad.npy",
            npy::write(&Array::f64(good.shape.clone(), changed)),
        );
        let shown = format!("{bad}");
        let words = [
            "bad.npy",
            "in0",
            "sample 3",
            "element 4",
            &shown,
            "ap_fixed<8,3>",
            "from -4 to 3.96875 in steps of 0.03125",
            "--round-input",
        ];
        simulate(&bench, "bad.npy", &words);
    }
    for (bad, shown) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
        let mut changed = values(&good);
        changed[9 * 3 + 4] = bad;
        bench.write(
            "bad.npy",
            npy::write(&Array::f64(good.shape.clone(), changed)),
        );
        let words = ["bad.npy", "in0", "sample 3", "element 4", shown, "finite"];
        simulate(&bench, "bad.npy", &words);
    }
}

/// `--round-input` gives what the nearest representable inputs give: half to even, then saturated, here in float64
/// arithmetic that is exact for such small numbers.
#[test]
fn rounded_inputs_are_the_nearest_ones() {
    let bench = Bench::new();
    let good = array(&bench.path("x.npy"));
    let count = values(&good).len();
    let ties = [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.499, 0.501, -7.75];
    let far = [1e9, -1e9, 127.5, 127.49, -128.5, -128.75, 127.0];
    let raw: Vec<f64> = (0..count)
        .map(|i| {
            ties.iter().chain(&far).cycle().nth(i * 7).unwrap() + f64::from(i as u32 % 5) * 2.0
        })
        .collect();
    let input: Vec<f64> = raw.iter().map(|x| x / 32.0).collect();
    let nearest: Vec<f64> = raw
        .iter()
        .map(|x| {
            let (below, rest) = (x.floor(), x - x.floor());
            let even = below % 2.0 == 0.0;
            let up = rest > 0.5 || (rest == 0.5 && !even);
            let rounded = if up { below + 1.0 } else { below };
            rounded.clamp(-128.0, 127.0) / 32.0
        })
        .collect();
    assert_ne!(input, nearest);
    bench.write(
        "rough.npy",
        npy::write(&Array::f64(good.shape.clone(), input)),
    );
    bench.write("near.npy", npy::write(&Array::f64(good.shape, nearest)));

    let run = |input: &str, output: &str, extra: &[&str]| {
        let args = ["simulate", "model.json", "-i", input, "-o", output];
        success(&bench.run(&[&args, TYPED, extra].concat()));
        array(&bench.path(output))
    };
    let rounded = run("rough.npy", "rounded.npy", &["--round-input"]);
    assert_eq!(rounded, run("near.npy", "exact.npy", &[]));
    let Values::F64(values) = &rounded.values else {
        panic!("results are float64");
    };
    assert!(values.iter().any(|v| *v != values[0]));
    // It changes nothing where every value is held.
    let plain = run("x.npy", "a.npy", &[]);
    assert_eq!(run("x.npy", "b.npy", &["--round-input"]), plain);
}

#[test]
fn places_that_cannot_be_written() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("folder.npz")).unwrap();
    let cases: [(&[&str], &[&str]); 8] = [
        (&["-o", "none/y.npy"], &["none/y.npy", "no folder none"]),
        (&["-o", "y.txt"], &["y.txt", ".npy or .npz"]),
        (&["-o", "folder.npz"], &["folder.npz", "is a folder"]),
        // The second file fails: the first is not left behind.
        (
            &["-o", "y.npy", "--trace", "folder.npz"],
            &["folder.npz", "is a folder"],
        ),
        (&["-o", "y.npy", "--trace", "t.npy"], &["t.npy"]),
        (&["-o", "y.npz", "--trace", "y.npz"], &["y.npz", "twice"]),
        // Both formats would lie in y.json.
        (
            &["-o", "y.npy", "--trace", "y.npz", "--codes"],
            &["y.json", "twice"],
        ),
        // The formats would replace the model.
        (
            &["-o", "model.npy", "--codes"],
            &["model.json", "is read by this command"],
        ),
    ];
    for (places, words) in cases {
        let args = ["simulate", "model.json", "-i", "x.npy"];
        bench.refused(&[&args, places, TYPED].concat(), words);
    }
    let args = ["simulate", "model.json", "-i", "x.npy", "-o", "x.npy"];
    bench.refused(
        &[&args, TYPED].concat(),
        &["x.npy", "is read by this command"],
    );
}

#[test]
fn folder_with_other_files() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("project")).unwrap();
    bench.write("project/notes.txt", "mine");
    let args = [&["generate", "model.json", "-o", "project"], TYPED].concat();
    bench.refused(&args, &["project", "already holds other files", "--force"]);
    assert_eq!(std::fs::read_dir(bench.path("project")).unwrap().count(), 1);

    success(&bench.run(&[&args[..], &["--force"]].concat()));
    assert_eq!(bench.read("project/notes.txt"), b"mine");
    assert!(std::fs::read_dir(bench.path("project")).unwrap().count() > 1);
}

#[test]
fn bad_usage() {
    let bench = Bench::new();
    let cases: [(&[&str], &[&str]); 7] = [
        (&[], &["Usage"]),
        (&["explain"], &["explain"]),
        (&["inspect"], &["MODEL"]),
        (&["simulate", "model.json", "-i", "x.npy"], &["--output"]),
        (&["simulate", "model.json", "-o", "y.npy"], &["--input"]),
        (
            &["inspect", "model.json", "--skip-pass", "magic"],
            &["magic", "the passes are"],
        ),
        (
            &["generate", "model.json", "-o", "p", "--backend", "quartus"],
            &["quartus", "vitis"],
        ),
    ];
    for (args, words) in cases {
        bench.refused(args, words);
    }
    let output = bench.run(&["help"]);
    success(&output);
    assert!(!output.stdout.is_empty() && stderr(&output).is_empty());
    success(&bench.run(&["--version"]));
}

/// Every problem of a model is told at once, each with its layer.
#[test]
fn golden_refusals_name_their_layers() {
    let mut seen = 0;
    for entry in std::fs::read_dir(golden("refused")).unwrap() {
        let folder = entry.unwrap().path();
        let meta = std::fs::read_to_string(folder.join("meta.json")).unwrap();
        let meta: serde_json::Value = serde_json::from_str(&meta).unwrap();
        let model = folder.join(meta["files"][0].as_str().unwrap());
        let layers = meta["refused"].as_array().unwrap();
        let layers: Vec<&str> = layers.iter().map(|l| l.as_str().unwrap()).collect();
        let bench = Bench::empty();
        let typed = [
            "inspect",
            model.to_str().unwrap(),
            "--input-type",
            "fixed<8,3>",
        ];
        bench.refused(&typed, &layers);
        seen += 1;
    }
    assert!(seen > 5, "{seen} golden refusals");
}
