//! Point chains against a plain rational evaluation, over every input code.

use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{Signed, ToPrimitive};
use proptest::prelude::*;

use super::{Options, resolve};
use crate::ir::kernel::{Design, Kernel};
use crate::ir::math::{Network, Node, NodeId, Op, Port, Step};
use crate::ir::{Origin, Periodic, Real, pow2};
use crate::num::{FixedType, Overflow, Quantization};

fn ty(width: u32, int_bits: i32, signed: bool) -> FixedType {
    FixedType {
        width,
        int_bits,
        signed,
        quantization: Quantization::RndConv,
        overflow: Overflow::Sat,
        sat_bits: 0,
    }
}

/// A network of one input with `channels` elements and one chain behind it.
fn chain(channels: usize, steps: Vec<Step>) -> Network {
    let origin = |layer: &str| Origin {
        layer: layer.into(),
        class: "Test".into(),
        call: 0,
    };
    let mut network = Network::default();
    let node = |op, inputs, name: &str| Node {
        op,
        inputs,
        shape: vec![channels],
        origin: origin(name),
    };
    let input = network.push(node(Op::Input(0), vec![], "in"));
    let out = network.push(node(Op::Pointwise(steps), vec![input], "chain"));
    network.inputs.push(Port {
        name: "in".into(),
        node: input,
    });
    network.outputs.push(Port {
        name: "chain".into(),
        node: out,
    });
    network
}

fn design(network: &Network, input: FixedType) -> Design {
    let options = Options {
        input_types: vec![Some(input)],
        ..Options::default()
    };
    resolve(network, &options)
        .expect("the chain has a design")
        .design
}

/// Point kernels on one element, straight from their definition.
fn run(design: &Design, channel: usize, code: i128) -> Real {
    fn value(design: &Design, id: NodeId, channel: usize, code: i128) -> i128 {
        let node = design.node(id);
        let x = match node.inputs.first() {
            None => return code,
            Some(&operand) => value(design, operand, channel, code),
        };
        let from = node
            .inputs
            .first()
            .map(|&o| *design.node(o).ty.frac.at(channel));
        let y = match &node.kernel {
            Kernel::Affine(a) => a.mul.at(channel) * x + a.add.at(channel),
            Kernel::Select(s) => {
                let branch = if x < *s.threshold.at(channel) {
                    &s.below
                } else {
                    &s.above
                };
                branch.mul.at(channel) * x + branch.add.at(channel)
            }
            Kernel::Clamp(limits) => x.max(limits.at(channel).lo).min(limits.at(channel).hi),
            Kernel::Cast(types) => {
                let exact =
                    Real::from_integer(x.into()) * pow2(-from.expect("casts have operands"));
                rounded(&exact, types.at(channel))
            }
            Kernel::Lut(lut) => {
                lut.tables.at(channel)[usize::try_from(x - lut.first).expect("in the table")]
            }
            Kernel::Threshold(stairs) => {
                let s = stairs.at(channel);
                s.values[s.thresholds.iter().filter(|t| x >= **t).count()]
            }
            other => panic!("no point kernel: {other:?}"),
        };
        assert!(
            node.ty.range.at(channel).contains(y),
            "{y} outside {:?} of {}",
            node.ty.range,
            node.note
        );
        y
    }
    let out = design.outputs[0].node;
    let code = value(design, out, channel, code);
    Real::from_integer(code.into()) * pow2(-*design.node(out).ty.frac.at(channel))
}

/// Round to nearest even (or down) and saturate, on rationals; wrapping must not be needed.
fn rounded(x: &Real, ty: &FixedType) -> i128 {
    let scaled = x * pow2(ty.frac());
    let (floor, rem) = scaled.numer().div_mod_floor(scaled.denom());
    let twice: BigInt = rem * 2;
    let up = match ty.quantization {
        Quantization::RndConv => {
            twice > *scaled.denom() || (twice == *scaled.denom() && floor.is_odd())
        }
        Quantization::Trn => false,
        other => panic!("not emitted: {other:?}"),
    };
    let code = (floor + i32::from(up))
        .to_i128()
        .expect("small in these tests");
    let (lo, hi) = if ty.signed {
        (-(1_i128 << (ty.width - 1)), (1_i128 << (ty.width - 1)) - 1)
    } else {
        (0, (1_i128 << ty.width) - 1)
    };
    match ty.overflow {
        Overflow::Sat => code.clamp(lo, hi),
        Overflow::Wrap => {
            assert!((lo..=hi).contains(&code), "{code} would wrap in {ty:?}");
            code
        }
        other => panic!("not emitted: {other:?}"),
    }
}

/// The chain on rationals, straight from the definition of the steps.
fn truth(steps: &[Step], channel: usize, x: Real) -> Real {
    steps.iter().fold(x, |x, step| match step {
        Step::Affine { mul, add } => x * mul.at(channel) + add.at(channel),
        Step::Clip { lo, hi } => {
            let x = lo
                .clone()
                .map_or(x.clone(), |lo| if x < lo { lo } else { x });
            hi.clone()
                .map_or(x.clone(), |hi| if x > hi { hi } else { x })
        }
        Step::Leaky { threshold, slope } => {
            if x > *threshold {
                x
            } else {
                (x - threshold) * slope.at(channel)
            }
        }
        Step::Quantize(types) => {
            let ty = types.at(channel);
            Real::from_integer(rounded(&x, ty).into()) * pow2(-ty.frac())
        }
        Step::Function(f) => panic!("no function in these tests: {f:?}"),
    })
}

fn compare(steps: &[Step], channels: usize, input: FixedType) {
    let network = chain(channels, steps.to_vec());
    let design = design(&network, input);
    let range = super::eval::type_range(&input).expect("small");
    for channel in 0..channels {
        for code in range.lo..=range.hi {
            let x = Real::from_integer(code.into()) * pow2(-input.frac());
            let (got, wanted) = (run(&design, channel, code), truth(steps, channel, x));
            assert_eq!(
                got, wanted,
                "channel {channel}, code {code}: {steps:?}\n{design:#?}"
            );
        }
    }
}

fn real() -> impl Strategy<Value = Real> {
    prop_oneof![
        // Long binary fractions, as normalization constants are.
        (-4.0..4.0_f64).prop_map(|x| crate::ir::from_f64(x).expect("finite")),
        (-4.0..4.0_f32).prop_map(|x| crate::ir::from_f32(x).expect("finite")),
        // Short ones, which hit rounding ties.
        (-64..64_i64, 0..5_i32).prop_map(|(n, f)| Real::from_integer(n.into()) * pow2(-f)),
        // No binary fractions, as averages are.
        (-9..9_i64, 1..13_i64).prop_map(|(n, d)| Real::new(n.into(), d.into())),
    ]
}

fn quantizer() -> impl Strategy<Value = FixedType> {
    (1..9_u32, -2..7_i32, any::<bool>()).prop_map(|(w, i, s)| ty(w + u32::from(s), i, s))
}

fn affine(channels: usize) -> impl Strategy<Value = Step> {
    let list = || prop::collection::vec(real(), channels);
    (list(), list()).prop_map(|(mul, add)| Step::Affine {
        mul: Periodic::new(mul),
        add: Periodic::new(add),
    })
}

fn middle() -> impl Strategy<Value = Vec<Step>> {
    let slope = prop_oneof![
        Just(Real::from_integer(0.into())),
        Just(pow2(-3)),
        Just(crate::ir::from_f32(0.3).expect("finite")),
    ];
    prop_oneof![
        Just(vec![]),
        (slope, prop_oneof![Just(0), -8..16_i64]).prop_map(|(slope, threshold)| {
            vec![Step::Leaky {
                threshold: Real::new(threshold.into(), 8.into()),
                slope: Periodic::uniform(slope),
            }]
        }),
        (0..40_i64).prop_map(|hi| vec![Step::Clip {
            lo: Some(Real::from_integer((-1).into())),
            hi: Some(Real::new(hi.into(), 8.into()))
        }]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn real_scales_keep_every_code(
        affine in affine(3), middle in middle(), to in quantizer(), input in quantizer()
    ) {
        let mut steps = vec![affine];
        steps.extend(middle);
        steps.push(Step::Quantize(Periodic::uniform(to)));
        compare(&steps, 3, input);
    }

    #[test]
    fn scaled_quantizers_in_a_row(
        first in quantizer(), between in affine(1), second in quantizer(), input in quantizer()
    ) {
        let quantize = |ty| Step::Quantize(Periodic::uniform(ty));
        compare(&[quantize(first), between, quantize(second)], 1, input);
    }

    #[test]
    fn a_lone_cast_loses_nothing_but_what_cannot_occur(to in quantizer(), input in quantizer()) {
        compare(&[Step::Quantize(Periodic::uniform(to))], 1, input);
    }
}

#[test]
fn without_a_quantizer_the_error_stays_below_the_bound() {
    let third = Real::new(1.into(), 3.into());
    let steps = vec![Step::Affine {
        mul: Periodic::uniform(third.clone()),
        add: Periodic::uniform(Real::from_integer(0.into())),
    }];
    let input = ty(8, 4, true);
    let design = design(&chain(1, steps), input);
    // Full range: 255/16/3. The bound is 2^-16 of it.
    let bound = Real::new(255.into(), 48.into()) * pow2(-16);
    for code in -128..128_i128 {
        let x = Real::from_integer(code.into()) * pow2(-4) * &third;
        assert!((run(&design, 0, code) - x).abs() < bound);
    }
}

#[test]
fn a_missing_input_type_is_an_error_and_a_quantizer_behind_the_input_gives_it() {
    let open = chain(1, vec![]);
    assert!(resolve(&open, &Options::default()).is_err());
    let to = ty(6, 2, true);
    let closed = chain(1, vec![Step::Quantize(Periodic::uniform(to))]);
    let resolved = resolve(&closed, &Options::default()).expect("the quantizer gives the type");
    assert!(matches!(resolved.design.nodes[0].kernel, Kernel::Input { ty, .. } if ty == to));
    assert_eq!(resolved.design.nodes.len(), 1, "the cast is the port's own");
}
