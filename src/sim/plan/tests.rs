//! Every kernel on every instruction set that this machine has against the reference.
//!
//! The tests of the crate's interface run the best instruction set only; these run all.

// Also the generator of the tests of the crate's interface, which names the crate.
#[path = "../../../tests/sim/designs.rs"]
mod designs;
mod limits;

use proptest::prelude::*;

use super::compile;
use super::simd::Machine;
use super::step::{Source, Work};
use super::{Feed, Plan};
use crate::ir::kernel::{Design, NodeId};
use crate::sim::reference;
use designs::{Dice, batch, design};
use limits::{dense, extremes, product};

fn outputs(design: &Design) -> Vec<NodeId> {
    design.outputs.iter().map(|p| p.node).collect()
}

/// Compares the outputs of every machine's plan with the reference.
fn compare(design: &Design, inputs: &[Vec<i128>], samples: usize) -> Result<(), TestCaseError> {
    let edges = outputs(design);
    let truth: Vec<Vec<Vec<i128>>> = (0..samples)
        .map(|sample| {
            let one: Vec<&[i128]> = inputs
                .iter()
                .map(|codes| {
                    let n = codes.len() / samples;
                    &codes[sample * n..(sample + 1) * n]
                })
                .collect();
            reference::run(design, &one).expect("ranges hold")
        })
        .collect();
    let feeds: Vec<Feed<'_>> = inputs.iter().map(|c| Feed::I128(c)).collect();
    for machine in Machine::all() {
        let plan = compile::plan(design, &edges, machine);
        let results = plan.run(&feeds, samples).expect("the batch fits");
        prop_assert_eq!(results.len(), edges.len());
        for (edge, result) in edges.iter().zip(&results) {
            let wanted = truth.iter().flat_map(|all| &all[edge.index()]);
            let found: Vec<i128> = (0..result.len()).map(|k| result.get(k)).collect();
            let wanted: Vec<i128> = wanted.copied().collect();
            prop_assert_eq!(
                found,
                wanted,
                "{:?}: {:?}",
                machine,
                &design.node(*edge).kernel
            );
        }
    }
    Ok(())
}

/// Whether the plan takes sums of products on packed words, and whether the points are fused.
fn packed(plan: &Plan) -> Option<bool> {
    plan.steps.iter().find_map(|step| match &step.work {
        Work::I32(stage) => match &stage.source {
            Source::Product(product) => Some(product.fused),
            _ => None,
        },
        _ => None,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn every_kernel_on_every_machine(
        seed: u64, samples in prop::sample::select(vec![1_usize, 3, 33, 65])
    ) {
        let design = design(seed);
        let inputs = batch(&design, samples, &mut Dice::new(!seed));
        compare(&design, &inputs, samples)?;
    }

    #[test]
    fn products_at_the_limits_on_every_machine(seed: u64) {
        let mut dice = Dice::new(seed);
        let design = product(&mut dice);
        let inputs = extremes(&design, &mut dice);
        let samples = inputs.len() / design.node(design.inputs[0].node).ty.elements();
        compare(&design, &[inputs], samples)?;
    }
}

/// The generator of products reaches what it is for: packed words, with and without fused points.
#[test]
fn products_at_the_limits_take_the_packed_kernels() {
    let mut found = [0; 3];
    for seed in 0..300 {
        let design = product(&mut Dice::new(seed));
        let plan = compile::plan(&design, &outputs(&design), Machine::detect());
        found[match packed(&plan) {
            None => 0,
            Some(false) => 1,
            Some(true) => 2,
        }] += 1;
    }
    assert!(found.iter().all(|n| *n >= 10), "{found:?}");
}

/// The longest sums that 32 bits hold: -128 x -128 on bytes, -32768 x -32768 on halves. The
/// expected sums are closed forms.
#[test]
fn longest_sums_at_the_limits() {
    for (bits, length) in [(8_u32, 131_071_usize), (16, 1)] {
        let low = -(1_i128 << (bits - 1));
        let high = -low - 1;
        // One more product would be 2^31.
        assert!(low * low * length as i128 <= i128::from(i32::MAX));
        if bits == 8 {
            assert!(low * low * (length as i128 + 1) > i128::from(i32::MAX));
        }
        for weight in [low, high] {
            let design = dense(bits, &vec![weight; length]);
            let inputs: Vec<i128> = [low, high, 0]
                .iter()
                .flat_map(|x| std::iter::repeat_n(*x, length))
                .collect();
            for machine in Machine::all() {
                let plan = compile::plan(&design, &outputs(&design), machine);
                assert_eq!(packed(&plan), Some(true), "{machine:?}");
                let sums = plan.run(&[Feed::I128(&inputs)], 3).expect("fits");
                for (sample, x) in [low, high, 0].iter().enumerate() {
                    let wanted = x * weight * length as i128;
                    assert_eq!(sums[0].get(sample), wanted, "{machine:?}, {x} x {weight}");
                }
            }
        }
    }
}
