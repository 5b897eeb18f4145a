//! Weights that need no multiplier: every form, constant and from a memory, as arrays and streams.

use std::sync::Arc;

use qk_hls::codegen::{
    self, Directives, Io, Knobs, Multiplier, Options, Strategy, TestVectors, WeightStorage,
};
use qk_hls::csim;
use qk_hls::ir::kernel::{Design, Dot, Kernel, Node, NodeId, Port, Staircase, TensorType};
use qk_hls::ir::{Encoding, Origin, Periodic, Range, Window};
use qk_hls::num::FixedType;
use qk_hls::sim::batch::Batch;
use rayon::prelude::*;

use crate::designs::Dice;
use crate::support::{self, FAMILIES, IOS};

const CHANNELS: usize = 6;
const PIXELS: usize = 5;

fn push(
    design: &mut Design,
    layer: &str,
    inputs: &[NodeId],
    kernel: Kernel,
    ty: TensorType,
) -> NodeId {
    let node = Node {
        origin: Origin {
            layer: layer.into(),
            class: "QDense".into(),
            call: 0,
        },
        note: String::new(),
        inputs: inputs.to_vec(),
        kernel,
        ty,
    };
    design.push(node)
}

fn tensor(pixels: usize, ranges: Vec<Range>) -> TensorType {
    TensorType {
        shape: vec![pixels, ranges.len()],
        frac: Periodic::new(vec![0]).compact(),
        range: Periodic::new(ranges),
    }
}

/// Sums over all channels, and over three pixels in a convolution.
fn dot(
    design: &mut Design,
    dice: &mut Dice,
    layer: &str,
    x: NodeId,
    weights: &[i128],
    taps: usize,
) -> NodeId {
    let operand = design.node(x).ty.clone();
    let pixels = operand.shape[0];
    let window = Window {
        kernel: taps,
        output: pixels + 1 - taps,
        ..Window::identity(pixels)
    };
    let inner = taps * CHANNELS;
    // Every weight once, so that a form is what its name says.
    let codes: Vec<i128> = (0..inner * CHANNELS)
        .map(|i| {
            weights
                .get(i)
                .copied()
                .unwrap_or_else(|| weights[dice.below(weights.len())])
        })
        .collect();
    let bias: Vec<i128> = (0..CHANNELS).map(|_| dice.below(9) as i128 - 4).collect();
    let shift: Vec<u32> = (0..CHANNELS).map(|o| u32::from(o % 3 == 1)).collect();
    let x_range = operand.hull();
    let ranges: Vec<Range> = (0..CHANNELS)
        .map(|o| {
            let mut sum = Range::point(0);
            for k in 0..inner {
                let w = codes[k * CHANNELS + o];
                let (a, b) = (w * x_range.lo, w * x_range.hi);
                sum = Range {
                    lo: sum.lo + a.min(b).min(0),
                    hi: sum.hi + a.max(b).max(0),
                };
            }
            Range {
                lo: (sum.lo << shift[o]) + bias[o].min(0),
                hi: (sum.hi << shift[o]) + bias[o].max(0),
            }
        })
        .collect();
    let kernel = Kernel::Dot(Dot {
        windows: vec![window],
        groups: 1,
        channels: CHANNELS,
        filters: CHANNELS,
        weights: Arc::new(codes),
        weight_frac: Periodic::new(vec![0]),
        shift: Periodic::new(shift),
        bias: Periodic::new(bias),
        accumulator: Periodic::new(ranges.clone()),
        encoding: Encoding::Fixed,
    });
    let ty = tensor(window.output, ranges);
    push(design, layer, &[x], kernel, ty)
}

/// -1 or 1, by the sign of `x - 1`.
fn signs(design: &mut Design, layer: &str, x: NodeId) -> NodeId {
    let pixels = design.node(x).ty.shape[0];
    let stairs = Staircase {
        thresholds: vec![1],
        values: vec![-1, 1],
    };
    let kernel = Kernel::Threshold(Periodic::new(vec![Arc::new(stairs)]));
    let ty = tensor(pixels, vec![Range { lo: -1, hi: 1 }; CHANNELS]);
    push(design, layer, &[x], kernel, ty)
}

const TERNARY: [i128; 3] = [-1, 0, 1];
const POWERS: [i128; 5] = [0, -1, 2, -4, 16];
const BINARY: [i128; 2] = [-1, 1];
const GENERAL: [i128; 6] = [-7, 7, 3, -3, 0, 5];

/// Layers of every form: name, weights, pixels under the window, operands -1 and 1 only.
const FORMS: [(&str, &[i128], usize, bool); 11] = [
    ("ternary", &TERNARY, 1, false),
    ("ternary_conv", &TERNARY, 2, false),
    ("power", &POWERS, 1, false),
    ("power_memory", &POWERS, 1, false),
    ("sign", &BINARY, 1, false),
    ("general_unrolled", &GENERAL, 1, false),
    ("general_dsp", &GENERAL, 1, false),
    ("general_fabric_conv", &GENERAL, 2, false),
    ("xnor", &BINARY, 1, true),
    ("xnor_memory", &BINARY, 1, true),
    ("xnor_conv", &BINARY, 2, true),
];

/// The input alone.
fn start() -> (Design, NodeId) {
    let mut design = Design::default();
    let ty = tensor(PIXELS, vec![Range { lo: -8, hi: 7 }; CHANNELS]);
    let kernel = Kernel::Input {
        index: 0,
        ty: "ap_fixed<4,4>".parse::<FixedType>().expect("a type"),
    };
    let input = push(&mut design, "x", &[], kernel, ty);
    design.inputs = vec![port("x", input)];
    (design, input)
}

fn port(name: &str, node: NodeId) -> Port {
    Port {
        name: name.into(),
        node,
    }
}

fn samples(seed: u64) -> Batch {
    let mut dice = Dice::new(seed);
    let samples = 30;
    let codes = (0..samples * PIXELS * CHANNELS).map(|_| dice.below(16) as i128 - 8);
    Batch {
        samples,
        inputs: vec![codes.collect()],
    }
}

/// A layer of each form behind the other.
fn design() -> Design {
    let mut dice = Dice::new(7);
    let (mut design, mut x) = start();
    let d = &mut design;
    for (layer, weights, taps, binary) in FORMS {
        if binary {
            x = signs(d, &format!("{layer}_signs"), x);
        }
        x = dot(d, &mut dice, layer, x, weights, taps);
    }
    design.outputs = vec![port("y", x)];
    design
}

/// A layer of each form on the input, each with an output of its own.
fn branches() -> Design {
    let mut dice = Dice::new(8);
    let (mut design, input) = start();
    for (layer, weights, taps, binary) in FORMS {
        let x = if binary {
            signs(&mut design, &format!("{layer}_signs"), input)
        } else {
            input
        };
        let y = dot(&mut design, &mut dice, layer, x, weights, taps);
        design.outputs.push(port(layer, y));
    }
    design
}

fn no_samples() -> TestVectors {
    TestVectors {
        inputs: vec![Vec::new()],
        outputs: vec![Vec::new()],
    }
}

fn directives() -> Directives {
    let memory = Knobs {
        strategy: Some(Strategy::Resource),
        reuse_factor: Some(4),
        ..Knobs::default()
    };
    let multiplier = |m| Knobs {
        multiplier: Some(m),
        ..Knobs::default()
    };
    let unrolled = Knobs {
        strategy: Some(Strategy::Unrolled),
        ..Knobs::default()
    };
    let layer = [
        ("power_memory", memory),
        ("xnor_memory", memory),
        ("general_unrolled", unrolled),
        ("general_dsp", multiplier(Multiplier::Dsp)),
        ("general_fabric_conv", multiplier(Multiplier::Fabric)),
    ];
    Directives {
        layer: layer.map(|(n, k)| (n.to_owned(), k)).into(),
        ..Directives::default()
    }
}

#[test]
fn every_form_computes_the_simulators_codes() {
    let design = design();
    let directives = directives();
    let batch = samples(1);
    let runs: Vec<_> = FAMILIES
        .iter()
        .flat_map(|family| IOS.map(|io| (family, io)))
        .collect();
    let wrong: Vec<String> = runs
        .par_iter()
        .filter_map(|&(&(backend, family), io)| {
            let headers = support::headers_or_skip(family)?;
            let options = Options {
                io,
                directives: Some(&directives),
                ..Options::new(support::backend(backend), "forms")
            };
            let report = csim::check(&design, &options, &batch, &headers);
            let report = report.unwrap_or_else(|e| panic!("{backend}: {e}"));
            let found = support::complaints(&report)?;
            Some(format!("{backend}: {found}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Flips the lowest bit of one stored weight.
fn flip(text: &str, which: usize) -> String {
    let body = text.find("= {").expect("an array") + 3;
    let starts = text[body..].char_indices().filter(|(i, c)| {
        let before = text[..body + i].chars().next_back();
        (c.is_ascii_digit() || *c == '-') && before.is_none_or(|b| !b.is_ascii_digit() && b != '-')
    });
    let at = body + starts.map(|(i, _)| i).nth(which).expect("a weight");
    let end = at + text[at..].find([',', '\n']).expect("its end");
    let code: i64 = text[at..end].trim().parse().expect("a code");
    format!("{}{}{}", &text[..at], code ^ 1, &text[end..])
}

#[test]
fn a_bit_error_in_a_weight_of_any_form_is_detected() {
    let (design, directives, batch) = (branches(), directives(), samples(2));
    for (backend, family) in FAMILIES {
        let Some(headers) = support::headers_or_skip(family) else {
            continue;
        };
        let reference = csim::reference(&design, &batch).expect("codes of the input");
        let options = Options {
            directives: Some(&directives),
            ..Options::new(support::backend(backend), "faulty")
        };
        let files = codegen::generate(&design, &options, &reference.vectors).expect("a project");
        for which in [0, 17] {
            let root = tempfile::tempdir().expect("a folder");
            let mut arrays = 0;
            for (path, text) in files.iter() {
                let faulty = path.starts_with("firmware/weights/w");
                arrays += usize::from(faulty);
                let text = if faulty {
                    flip(text, which)
                } else {
                    text.to_owned()
                };
                let path = root.path().join(path);
                std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
                std::fs::write(path, text).expect("written");
            }
            assert_eq!(arrays, FORMS.len());
            let report = csim::run(root.path(), &csim::Samples::Stored(None), &headers);
            let report = report.unwrap_or_else(|e| panic!("{backend}: {e}"));
            let outputs = report.outputs.iter().zip(&reference.vectors.outputs);
            for ((found, expected), (form, ..)) in outputs.zip(FORMS) {
                assert_ne!(found, expected, "{backend}: {form}, weight {which}");
            }
        }
    }
}

#[test]
fn forms_are_named_in_the_project_and_take_no_multipliers() {
    let (design, directives) = (design(), directives());
    let options = Options {
        directives: Some(&directives),
        ..Options::new(support::backend("vitis"), "forms")
    };
    let files = codegen::generate(&design, &options, &no_samples()).expect("a project");
    let text = |path: &str| {
        files
            .iter()
            .find(|(p, _)| *p == path)
            .expect(path)
            .1
            .to_owned()
    };
    let parameters = text("firmware/parameters.h");
    for (form, count) in [
        ("ternary", 2),
        ("power_of_two", 2),
        ("sign", 1),
        ("constant", 1),
        ("multiply_dsp", 1),
        ("multiply_fabric", 1),
        ("agreement", 3),
    ] {
        let line = format!("typedef nnet::{form} product;");
        assert_eq!(parameters.matches(&line).count(), count, "{form}");
    }
    let estimate: serde_json::Value = serde_json::from_str(&text(codegen::ESTIMATE)).expect("JSON");
    for layer in estimate["layers"].as_array().expect("layers") {
        let name = layer["layer"].as_str().expect("a name");
        assert_eq!(
            layer["multipliers"] == 0,
            !name.starts_with("general"),
            "{layer}"
        );
        assert_eq!(layer["dsp"] != 0, name == "general_dsp", "{layer}");
    }
}

#[test]
fn memories_and_multipliers_are_bound_or_refused() {
    let design = design();
    let storage = Knobs {
        weight_storage: Some(WeightStorage::Lutram),
        ..Knobs::default()
    };
    let generate = |backend: &str, directives: &Directives| {
        let options = Options {
            directives: Some(directives),
            io: Io::Parallel,
            ..Options::new(support::backend(backend), "bound")
        };
        codegen::generate(&design, &options, &no_samples()).map_err(|e| e.to_string())
    };
    let mut directives = directives();
    directives
        .layer
        .get_mut("power_memory")
        .expect("a layer")
        .weight_storage = Some(WeightStorage::Lutram);
    let files = generate("vitis", &directives).expect("a project");
    let source = files
        .iter()
        .find(|(p, _)| *p == "firmware/bound.cpp")
        .expect("it")
        .1;
    assert_eq!(
        source.matches("QK_ROM(w5, lutram, ROM_nP_LUTRAM)").count(),
        1,
        "{source}"
    );
    let error = generate("catapult", &directives).unwrap_err();
    assert!(
        error.contains("weight_storage: is for vitis and vivado"),
        "{error}"
    );
    for (layer, knobs, words) in [
        ("ternary", storage, "weight_storage needs strategy resource"),
        (
            "xnor_signs",
            storage,
            "weight_storage is for layers with constant weights",
        ),
        (
            "general_unrolled",
            Knobs {
                strategy: Some(Strategy::Unrolled),
                multiplier: Some(Multiplier::Dsp),
                ..Knobs::default()
            },
            "auto and fabric are valid",
        ),
    ] {
        let directives = Directives {
            layer: [(layer.to_owned(), knobs)].into(),
            ..Directives::default()
        };
        let error = generate("vitis", &directives).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}
