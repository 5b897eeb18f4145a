//! Every quantizer and activation behind a dense layer, as C++ of both families, over every input code.

use qk_hls::codegen::Options;
use qk_hls::csim;
use qk_hls::ir::math::{Linear, Network, Node, NodeId, Op, Port, Step, Weights};
use qk_hls::ir::{Encoding, Origin, Periodic, pow2};
use qk_hls::num::FixedType;
use qk_hls::passes::resolve::{self, resolve};
use qk_hls::quantizers::{self, Choices, Context, InternalSigmoid};
use qk_hls::sim::batch::Batch;

use crate::support::{self, FAMILIES};

/// At least one of every name in the table.
const QUANTIZERS: &[&str] = &[
    "bernoulli(alpha=0.5)",
    "binary(alpha=1)",
    "binary(use_01=True,alpha=0.3)",
    "stochastic_binary(alpha=2)",
    "ternary(alpha=1)",
    "ternary(alpha=0.7,threshold=1.1)",
    "stochastic_ternary(alpha=1)",
    "quantized_bits(4,1)",
    "quantized_bits(5,0,1,alpha=0.3)",
    "quantized_bits(3,5,0,0)",
    "quantized_bits(1,0)",
    "quantized_bits(6,2,3)",
    "quantized_linear(5,1)",
    "quantized_linear(4,1,0,1,0.3)",
    "quantized_linear(1,1)",
    "quantized_relu(6,2)",
    "quantized_relu(4,4)",
    "quantized_relu(6,2,negative_slope=0.25)",
    "quantized_relu(4,1,negative_slope=2.0)",
    "quantized_relu(3,1,negative_slope=0.015625)",
    "quantized_relu(6,1,use_sigmoid=1)",
    "quantized_relu(6,3,relu_upper_bound=1.3,is_quantized_clip=False)",
    "quantized_po2(4,2)",
    "quantized_po2(4,quadratic_approximation=1)",
    "quantized_relu_po2(4,4)",
    "quantized_relu_po2(4,4,negative_slope=0.25,log2_rounding='floor')",
    "quantized_tanh(6)",
    "quantized_tanh(6,0,1,1)",
    "quantized_sigmoid(6)",
    "quantized_sigmoid(6,1,1)",
    "quantized_ulaw(5,1)",
    "quantized_hswish(6,2)",
    "hard_sigmoid",
    "smooth_sigmoid",
    "binary_sigmoid",
    "hard_tanh",
    "smooth_tanh",
    "binary_tanh",
    "linear",
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "swish",
    "softplus",
    "softsign",
    "exponential",
    "sigmoid",
    "tanh",
    "hard_silu",
    "hard_swish",
];

fn steps(text: &str, internal_sigmoid: InternalSigmoid) -> Vec<Step> {
    let choices = Choices {
        internal_sigmoid,
        deterministic_bernoulli: true,
        ..Choices::default()
    };
    let quantizer = quantizers::parse(&text.into(), &Context::alone(&choices));
    quantizer
        .unwrap_or_else(|e| panic!("{text}: {e}"))
        .steps()
        .unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// `in -> dense -> one output for each chain`.
fn network(chains: Vec<(String, Vec<Step>)>) -> Network {
    let mut network = Network::default();
    let mut push = |op, inputs: Vec<NodeId>, name: &str, class: &str| {
        network.push(Node {
            op,
            inputs,
            shape: vec![1],
            origin: Origin {
                layer: name.into(),
                class: class.into(),
                call: 0,
            },
        })
    };
    let input = push(Op::Input(0), vec![], "in", "InputLayer");
    let dense = Linear {
        windows: vec![],
        groups: 1,
        weights: Weights {
            shape: vec![1, 1],
            codes: vec![5],
            scale: Periodic::uniform(pow2(-2)),
            encoding: Encoding::Fixed,
        },
        bias: Some(vec![pow2(-3)]),
    };
    let dense = push(Op::Linear(dense), vec![input], "dense", "QDense");
    let outputs: Vec<Port> = chains
        .into_iter()
        .enumerate()
        .map(|(k, (text, steps))| Port {
            node: push(Op::Pointwise(steps), vec![dense], &format!("q{k}"), &text),
            name: format!("q{k}"),
        })
        .collect();
    network.inputs.push(Port {
        name: "in".into(),
        node: input,
    });
    network.outputs = outputs;
    network
}

#[test]
fn every_input_code_of_every_quantizer() {
    let named: Vec<&str> = QUANTIZERS
        .iter()
        .map(|text| text.split('(').next().expect("a name"))
        .collect();
    for name in quantizers::TABLE.iter().flat_map(|d| d.names()) {
        // The softmax is no function of one number.
        assert!(
            named.contains(name) || *name == "softmax",
            "{name} is missing"
        );
    }
    let hard = QUANTIZERS
        .iter()
        .map(|&text| (text.to_owned(), steps(text, InternalSigmoid::Hard)));
    let others = [
        "quantized_tanh(5)",
        "quantized_sigmoid(5)",
        "quantized_ulaw(4)",
    ];
    let smooth = others
        .iter()
        .map(|&text| (text.to_owned(), steps(text, InternalSigmoid::Smooth)));
    let real = others
        .iter()
        .map(|&text| (text.to_owned(), steps(text, InternalSigmoid::Real)));
    let network = network(hard.chain(smooth).chain(real).collect());
    let input = FixedType::new(10, 4, true);
    let options = resolve::Options {
        input_types: vec![Some(input)],
        ..resolve::Options::default()
    };
    let resolved = resolve(&network, &options).unwrap_or_else(|e| panic!("{e:?}"));
    let codes: Vec<i128> = (-512..512).collect();
    let batch = Batch {
        samples: codes.len(),
        inputs: vec![codes],
    };
    for (backend, family) in FAMILIES {
        let Some(headers) = support::headers_or_skip(family) else {
            continue;
        };
        let options = Options::new(support::backend(backend), "activations");
        let report = csim::check(&resolved.design, &options, &batch, &headers)
            .unwrap_or_else(|e| panic!("{backend}: {e}"));
        assert_eq!(support::complaints(&report), None, "{backend}");
    }
}
