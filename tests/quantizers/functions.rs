//! Real functions over inputs of many codes against float64: thresholds on every piece, tables, rounding.

use std::sync::Arc;

use qk_hls::ir::functions::Elementary;
use qk_hls::ir::kernel::Kernel;
use qk_hls::ir::math::{Network, Node, Op, Port, Step};
use qk_hls::ir::{Origin, Periodic, Real};
use qk_hls::num::FixedType;
use qk_hls::passes::resolve::{self, Options, Resolved};
use qk_hls::sim::reference;

fn ty(text: &str) -> FixedType {
    text.parse().expect("a type's name")
}

/// A chain over a vector of this many numbers.
fn resolved(steps: Vec<Step>, input: &str, result: Option<&str>, length: usize) -> Resolved {
    let origin = Origin {
        layer: "f".into(),
        class: "Activation".into(),
        call: 0,
    };
    let mut network = Network::default();
    let node = |op, inputs| Node {
        op,
        inputs,
        shape: vec![length],
        origin: origin.clone(),
    };
    let x = network.push(node(Op::Input(0), vec![]));
    let y = network.push(node(Op::Pointwise(steps), vec![x]));
    let port = |node| Port {
        name: "f".into(),
        node,
    };
    network.inputs.push(port(x));
    network.outputs.push(port(y));
    let options = Options {
        input_types: vec![Some(ty(input))],
        default_output_type: result.map(ty),
        ..Options::default()
    };
    resolve::resolve(&network, &options).expect("resolves")
}

/// Codes of the whole range, most of them where the functions turn and near zero.
fn codes(input: FixedType) -> Vec<i128> {
    let (half, one) = (1_i128 << (input.width - 1), 1_i128 << input.frac());
    let near = |center: i128| (center - 400)..(center + 400);
    let mut codes: Vec<i128> = [0, -3 * one / 4, -(1278 * one) / 1000, -3 * one / 2]
        .into_iter()
        .flat_map(near)
        .chain((-half..half).step_by((half / 700) as usize))
        .chain([-half, half - 1])
        .collect();
    codes.retain(|c| (-half..half).contains(c));
    codes
}

#[test]
fn every_piece_is_rounded_as_in_float64() {
    let real = |n: i64| Real::from_integer(n.into());
    let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
    let cubic = |x: f64| 0.797_884_560_802_865_4 * (x + 0.044715 * x * x * x);
    type Case<'a> = (Elementary, Box<dyn Fn(f64) -> f64 + 'a>);
    let cases: Vec<Case<'_>> = vec![
        (Elementary::Logistic, Box::new(logistic)),
        (Elementary::Tanh, Box::new(f64::tanh)),
        (
            Elementary::Softplus,
            Box::new(|x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p()),
        ),
        (Elementary::Softsign, Box::new(|x: f64| x / (1.0 + x.abs()))),
        (Elementary::Silu, Box::new(move |x: f64| x * logistic(x))),
        (
            Elementary::GeluTanh,
            Box::new(move |x: f64| x * logistic(2.0 * cubic(x))),
        ),
        (
            Elementary::Elu { alpha: real(-2) },
            Box::new(|x: f64| if x < 0.0 { -2.0 * x.exp_m1() } else { x }),
        ),
        (
            Elementary::HardSwish {
                shift: real(3),
                limit: real(6),
            },
            Box::new(|x: f64| x * (x + 3.0).clamp(0.0, 6.0) / 6.0),
        ),
        (Elementary::Exp, Box::new(|x: f64| x.exp())),
    ];
    for (f, truth) in cases {
        for (input, to) in [
            ("ap_fixed<22,4>", "ap_fixed<10,4,AP_RND_CONV,AP_SAT>"),
            ("ap_fixed<14,4>", "ap_fixed<18,4,AP_TRN,AP_SAT>"),
            ("ap_fixed<40,5>", "ap_fixed<12,5,AP_RND_CONV,AP_SAT>"),
        ] {
            let (from, to) = (ty(input), ty(to));
            let codes = codes(from);
            let steps = vec![
                Step::Function(Arc::new(f.clone())),
                Step::Quantize(Periodic::uniform(to)),
            ];
            let design = resolved(steps, input, None, codes.len()).design;
            let all = reference::run(&design, &[&codes]).expect("in range");
            let output = design.outputs[0].node;
            let frac = design.node(output).ty.uniform_frac().expect("one type");
            let truncates = to.frac() > 10;
            for (&code, &ours) in codes.iter().zip(&all[output.index()]) {
                let y = truth(code as f64 * 2.0_f64.powi(-from.frac()));
                let scaled = y * 2.0_f64.powi(to.frac());
                let top = 2.0_f64.powi(to.width as i32 - 1);
                // Next to a border float64 cannot tell.
                let border = if truncates {
                    scaled.round()
                } else {
                    scaled.floor() + 0.5
                };
                if (scaled - border).abs() < 1e-6 * (1.0 + scaled.abs()) && scaled.abs() < top {
                    continue;
                }
                let rounded = if truncates {
                    scaled.floor()
                } else {
                    scaled.round()
                };
                let expected = rounded.clamp(-top, top - 1.0);
                let ours = ours as f64 * 2.0_f64.powi(to.frac() - frac);
                assert_eq!(ours, expected, "{f:?} {input} at code {code}");
            }
        }
    }
}

#[test]
fn the_form_follows_the_number_of_codes() {
    let chain = |to: &str| {
        vec![
            Step::Function(Arc::new(Elementary::Gelu)),
            Step::Quantize(Periodic::uniform(ty(to))),
        ]
    };
    let kernel = |input: &str, to: &str| {
        let design = resolved(chain(to), input, None, 1).design;
        let node = design.node(design.outputs[0].node);
        (node.kernel.clone(), node.note.clone())
    };
    let sat = "ap_fixed<8,3,AP_RND_CONV,AP_SAT>";
    let (table, note) = kernel("ap_fixed<10,4>", sat);
    assert!(matches!(table, Kernel::Lut(_)), "{note}");
    let (thresholds, note) = kernel("ap_fixed<24,4>", sat);
    assert!(matches!(thresholds, Kernel::Threshold(_)), "{note}");
    let (long, note) = kernel("ap_fixed<13,4>", "ap_fixed<16,4,AP_RND_CONV,AP_SAT>");
    assert!(matches!(long, Kernel::Lut(_)), "{note}");
}

#[test]
fn a_type_that_wraps_is_fine_where_nothing_can() {
    let steps = vec![Step::Function(Arc::new(Elementary::Logistic))];
    let found = resolved(steps, "ap_fixed<20,6>", Some("ap_fixed<10,2>"), 1);
    let design = found.design;
    let value = |code: i128| {
        let codes = reference::run(&design, &[&[code]]).expect("in range");
        let output = design.outputs[0].node;
        let frac = design.node(output).ty.uniform_frac().expect("one type");
        codes[output.index()][0] as f64 * 2.0_f64.powi(-frac)
    };
    // Truncated: nothing below 1 becomes 1, however near.
    assert_eq!(value((1 << 19) - 1), 1.0 - 2.0_f64.powi(-8));
    assert_eq!(value(-(1 << 19)), 0.0);
    assert_eq!(value(0), 0.5);
}
