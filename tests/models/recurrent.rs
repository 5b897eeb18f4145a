//! Types of states, and what recurrent layers refuse.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use qk_hls::compile::{self, Compiled, InputTypes, Options};
use qk_hls::data::Array;
use serde_json::{Value, json};

use crate::recorded::{self, Expected};

/// 30 steps, `quantized_relu(5,2)` as activation.
const RELU: &str = "simple_rnn_relu_30_steps";

fn folder(model: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/recurrent")
        .join(model)
}

fn options() -> Options {
    Options {
        input_types: InputTypes {
            by_order: vec!["fixed<5,2>".parse().expect("a type")],
            ..InputTypes::default()
        },
        ..Options::default()
    }
}

/// Compiles a golden model whose recurrent layer was changed.
fn changed(edit: impl Fn(&mut Value), options: &Options) -> Result<Compiled, String> {
    let golden = folder(RELU);
    let text = std::fs::read_to_string(golden.join("model.json")).expect("readable");
    let mut model: Value = serde_json::from_str(&text).expect("JSON");
    edit(&mut model["config"]["layers"][1]["config"]);
    let place = tempfile::tempdir().expect("a folder");
    let file = place.path().join("model.json");
    std::fs::write(&file, model.to_string()).expect("written");
    let weights = golden.join("model.weights.h5");
    compile::compile(&file, Some(&weights), options).map_err(|e| e.to_string())
}

/// Without activation and quantizer the state grows; converted into the activation's type, every
/// value is that of QKeras with the activation.
#[test]
fn a_type_of_the_state_is_a_quantizer_behind_the_cell() {
    let linear = |layer: &mut Value| layer["activation"] = Value::Null;
    let text = changed(linear, &options()).expect_err("30 steps are more than 64 bits");
    for part in ["q_simple_rnn", "of 30", "64", "--state-type 'q_simple_rnn="] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
    let ty = "ap_ufixed<5,2,AP_RND_CONV,AP_SAT>".parse().expect("a type");
    let mut options = options();
    for named in [true, false] {
        options.resolve.state_types.clear();
        options.resolve.default_state_type = None;
        if named {
            let name = "q_simple_rnn".to_owned();
            options.resolve.state_types.insert(name, ty);
        } else {
            options.resolve.default_state_type = Some(ty);
        }
        let compiled = changed(linear, &options).expect("a typed state");
        let layers = recorded::named(&folder(RELU).join("acts.npz"));
        let inputs = recorded::inputs(&folder(RELU));
        let found = recorded::differences(&compiled, &inputs, &layers, &|_| Expected::Exact);
        assert!(found.is_empty(), "{found:?}");
    }
}

/// Plain layers, computed with fractions by `tools/golden_states.py`: converted states, rounded functions.
#[test]
fn plain_layers_follow_the_type_of_their_states() {
    let mut compared = 0;
    for model in ["plain_lstm_gru", "plain_states", "k2_plain_recurrent"] {
        let golden = folder(model);
        let file = ["model.keras", "model.h5"].map(|f| golden.join(f));
        let file = file.iter().find(|f| f.exists()).expect("a model");
        let mut by_type: IndexMap<String, IndexMap<String, Array>> = IndexMap::new();
        for (key, array) in recorded::named(&golden.join("states.npz")) {
            let (ty, layer) = key.split_once('|').expect("TYPE|LAYER");
            let layers = by_type.entry(ty.to_owned()).or_default();
            layers.insert(layer.to_owned(), array);
        }
        let inputs = recorded::inputs(&golden);
        for (ty, layers) in by_type {
            let mut options = options();
            options.resolve.default_state_type = Some(ty.parse().expect("a type"));
            let compiled = compile::compile(file, None, &options).expect("a type was given");
            let found = recorded::differences(&compiled, &inputs, &layers, &|_| Expected::Exact);
            assert!(found.is_empty(), "{model}, {ty}: {found:?}");
            compared += layers.len();
        }
    }
    assert_eq!(compared, 4 * (6 + 5 + 6));
}

#[test]
fn bits_of_a_growing_state_are_told() {
    let model = folder("steps_1_2_8_50").join("model.keras");
    let compiled = compile::compile(&model, None, &options()).expect("two steps are short");
    let grown = compiled.remarks.iter().filter(|r| r.contains("after all"));
    // The LSTM and the GRU with 2 steps, which have no state quantizer.
    let grown: Vec<&String> = grown.collect();
    assert_eq!(grown.len(), 2, "{grown:?}");
    assert!(grown.iter().all(|r| r.contains("after all 2")), "{grown:?}");
}

#[test]
fn what_a_recurrent_layer_cannot_do_is_refused_by_name() {
    type Edit = fn(&mut Value);
    let cases: [(Edit, &str); 6] = [
        (|layer| layer["stateful"] = json!(true), "stateful"),
        (|layer| layer["time_major"] = json!(true), "time_major"),
        (|layer| layer["surprise"] = json!(3), "surprise"),
        (|layer| layer["units"] = json!(4), "kernel"),
        (|layer| layer["activation"] = json!("softmax"), "softmax"),
        (
            |layer| layer["state_quantizer"] = json!("nonsense(4)"),
            "nonsense",
        ),
    ];
    for (edit, word) in cases {
        let text = changed(edit, &options()).expect_err(word);
        assert!(text.contains("q_simple_rnn"), "{text}");
        assert!(text.contains(word), "{text}");
    }
    let mut options = options();
    let ty = "fixed<8,3>".parse().expect("a type");
    options.resolve.state_types.insert("rnn".into(), ty);
    let text = changed(|_| (), &options).expect_err("no such layer");
    assert!(
        text.contains("rnn") && text.contains("q_simple_rnn"),
        "{text}"
    );
}
