//! A pass changes no value: networks are simulated with it and without it.

use num_traits::Zero;
use proptest::prelude::*;

use super::{TABLE, resolve, run};
use crate::ir::math::{Linear, Network, Node, NodeId, Op, Port, Step, Weights};
use crate::ir::{Encoding, Move, Origin, Periodic, Real, Window, from_f64, pow2};
use crate::num::FixedType;
use crate::sim::{nearest_values, reference};

fn add(network: &mut Network, op: Op, input: Option<NodeId>, shape: &[usize]) -> NodeId {
    let layer = format!("layer{}", network.nodes.len());
    let node = network.push(Node {
        op,
        inputs: input.into_iter().collect(),
        shape: shape.to_vec(),
        origin: Origin {
            layer: layer.clone(),
            class: "Test".into(),
            call: 0,
        },
    });
    network.taps.push(Port { name: layer, node });
    node
}

fn conv(length: usize, channels: usize, filters: usize, codes: &[i128], bias: bool) -> Linear {
    let window = Window {
        input: length,
        output: length - 2,
        kernel: 3,
        stride: 1,
        dilation: 1,
        base_dilation: 1,
        pad: 0,
    };
    let count = 3 * channels * filters;
    Linear {
        windows: vec![window],
        groups: 1,
        weights: Weights {
            shape: vec![3, channels, filters],
            codes: codes.iter().copied().cycle().take(count).collect(),
            scale: Periodic::uniform(pow2(-2)),
            encoding: Encoding::Fixed,
        },
        bias: bias.then(|| {
            (0..filters)
                .map(|f| Real::new((f as i64).into(), 4.into()))
                .collect()
        }),
    }
}

/// Padding, a convolution, a normalization, two reshapes that undo each other.
fn network(
    codes: &[i128],
    pad: (usize, usize),
    scales: &[i32],
    offset: f64,
    bias: bool,
) -> Network {
    let mut n = Network::default();
    let input = add(&mut n, Op::Input(0), None, &[5, 2]);
    let length = 5 + pad.0 + pad.1;
    let padded = add(
        &mut n,
        Op::Move(Move::Pad(vec![pad, (0, 0)])),
        Some(input),
        &[length, 2],
    );
    let out = [length - 2, 3];
    let linear = conv(length, 2, 3, codes, bias);
    let conv = add(&mut n, Op::Linear(linear), Some(padded), &out);
    let affine = Step::Affine {
        mul: Periodic::new(scales.iter().map(|&s| pow2(s)).collect()),
        add: Periodic::new(vec![
            Real::zero(),
            from_f64(offset).expect("finite"),
            pow2(-3),
        ]),
    };
    let normal = add(&mut n, Op::Pointwise(vec![affine]), Some(conv), &out);
    let flat = [out[0] * 3];
    let flatten = add(
        &mut n,
        Op::Move(Move::Reshape(flat.to_vec())),
        Some(normal),
        &flat,
    );
    let back = add(
        &mut n,
        Op::Move(Move::Reshape(out.to_vec())),
        Some(flatten),
        &out,
    );
    n.inputs.push(Port {
        name: "x".into(),
        node: input,
    });
    n.outputs.push(Port {
        name: "y".into(),
        node: back,
    });
    n
}

/// Values of every layer and of the output.
fn values(network: &Network, x: &[i128]) -> Vec<(String, Vec<f64>)> {
    let options = resolve::Options {
        input_types: vec![Some(FixedType::new(6, 3, true))],
        ..Default::default()
    };
    let resolved = resolve::resolve(network, &options).expect("resolves");
    let design = &resolved.design;
    let codes = reference::run(design, &[x]).expect("inside its ranges");
    let mut all: Vec<(String, Vec<f64>)> = Vec::new();
    for port in design.taps.iter().chain(&design.outputs) {
        let (values, exact) = nearest_values(&codes[port.node.index()], &design.node(port.node).ty);
        assert!(exact);
        all.push((port.name.clone(), values));
    }
    for tap in &resolved.virtual_taps {
        let node = tap.node;
        let values = tap.values(&design.node(node).ty, &codes[node.index()]);
        all.push((tap.name.clone(), values.expect("affine steps have values")));
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

proptest! {
    #[test]
    fn every_pass_keeps_every_value(
        codes in prop::collection::vec(-7..8_i128, 1..9),
        pad in (0..3_usize, 0..3_usize),
        scales in prop::collection::vec(-3..4_i32, 3),
        offset in (-32..32_i32).prop_map(|n| f64::from(n) / 8.0),
        bias in any::<bool>(),
        x in prop::collection::vec(-32..32_i128, 10),
    ) {
        let plain = network(&codes, pad, &scales, offset, bias);
        let (improved, reports) = run(&plain, &[]);
        prop_assert_eq!(values(&plain, &x), values(&improved, &x));
        // Each of them found something to do, and nothing when it is skipped.
        let did = |name: &str| {
            let report = reports.iter().find(|r| r.pass == name).expect("in the table");
            !report.changes.is_empty()
        };
        prop_assert!(did("affine-into-linear"));
        prop_assert!(did("compose-moves"));
        prop_assert_eq!(did("pad-into-window"), pad != (0, 0));
        let all: Vec<String> = TABLE.iter().map(|p| p.name.to_owned()).collect();
        prop_assert!(run(&plain, &all).1.iter().all(|r| r.changes.is_empty()));
    }
}

#[test]
fn what_was_folded_is_gone() {
    let plain = network(&[1, -2, 3], (1, 2), &[0, 1, -1], 0.5, true);
    let (improved, _) = run(&plain, &[]);
    let output = improved.node(improved.outputs[0].node);
    let Op::Pointwise(steps) = &output.op else {
        panic!("{output:?}")
    };
    assert!(steps.is_empty());
    let linear = improved.node(output.inputs[0]);
    let Op::Linear(linear_op) = &linear.op else {
        panic!("{linear:?}")
    };
    assert_eq!(
        (linear_op.windows[0].pad, linear_op.windows[0].input),
        (1, 5)
    );
    assert!(matches!(improved.node(linear.inputs[0]).op, Op::Input(0)));
}
