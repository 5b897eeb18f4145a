//! Random designs and batches.

use proptest::prelude::*;
use qk_hls::ir::kernel::{Design, NodeId};
use qk_hls::sim::plan::{Feed, Plan};
use qk_hls::sim::reference;

use crate::designs::{Dice, batch, design};

/// Compares the given edges of a plan with the reference.
pub(crate) fn compare(design: &Design, inputs: &[Vec<i128>], samples: usize, edges: &[NodeId]) {
    let plan = Plan::with_edges(design, edges);
    let feeds: Vec<Feed<'_>> = inputs.iter().map(|c| Feed::I128(c)).collect();
    let results = plan.run(&feeds, samples).expect("the batch fits");
    assert_eq!(results.len(), edges.len());
    for sample in 0..samples {
        let one: Vec<&[i128]> = inputs
            .iter()
            .map(|codes| {
                let n = codes.len() / samples;
                &codes[sample * n..(sample + 1) * n]
            })
            .collect();
        let truth = reference::run(design, &one).expect("ranges hold");
        for (edge, result) in edges.iter().zip(&results) {
            let wanted = &truth[edge.index()];
            let n = wanted.len();
            assert_eq!(result.len(), n * samples);
            for (index, &code) in wanted.iter().enumerate() {
                assert_eq!(
                    result.get(sample * n + index),
                    code,
                    "sample {sample}, element {index} of {} ({:?})",
                    design.node(*edge).origin,
                    design.node(*edge).kernel,
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn equal_to_the_reference(seed: u64, samples in prop::sample::select(vec![1_usize, 2, 17, 65])) {
        let design = design(seed);
        let inputs = batch(&design, samples, &mut Dice::new(!seed));
        let outputs: Vec<NodeId> = design.outputs.iter().map(|p| p.node).collect();
        compare(&design, &inputs, samples, &outputs);
    }

    #[test]
    fn every_edge_can_be_wanted(seed: u64) {
        let design = design(seed);
        let inputs = batch(&design, 3, &mut Dice::new(!seed));
        let all: Vec<NodeId> = (0..design.nodes.len()).map(|n| NodeId(n as u32)).collect();
        compare(&design, &inputs, 3, &all);
    }
}
