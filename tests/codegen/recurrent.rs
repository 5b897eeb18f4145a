//! Recurrent layers as C++ of both families.

use std::path::Path;

use qk_hls::codegen::{Directives, Io, Knobs, Options, Strategy};
use qk_hls::sim::batch;
use qk_hls::{compile, csim};
use rayon::prelude::*;

use crate::support::{self, FAMILIES, IOS};

/// Complaints about a model of `tests/golden/recurrent`.
fn check(model: &str, backend: &str, io: Io, directives: Option<&Directives>) -> Option<String> {
    let (_, family) = FAMILIES.into_iter().find(|(name, _)| *name == backend)?;
    let headers = support::headers_or_skip(family)?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/recurrent");
    let (compiled, batch) = support::golden(&root.join(model)).expect("this model compiles");
    let options = Options {
        io,
        directives,
        ..Options::new(support::backend(backend), "steps")
    };
    let found = match csim::check(&compiled.design, &options, &batch, &headers) {
        Ok(report) => support::complaints(&report),
        Err(error) => Some(error.to_string()),
    };
    found.map(|text| format!("{model}, {backend}, {io:?}: {text}"))
}

/// Each cell at 1, 2, 8 and 50 steps.
#[test]
fn every_step_of_every_cell_has_the_simulators_codes() {
    let all: Vec<_> = FAMILIES
        .iter()
        .flat_map(|(backend, _)| IOS.map(|io| (*backend, io)))
        .collect();
    let wrong = all.into_par_iter();
    let wrong = wrong.filter_map(|(backend, io)| check("steps_1_2_8_50", backend, io, None));
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Plain layers with a type for their states: real functions over wide sums, overflow of the states.
#[test]
fn converted_states_have_the_simulators_codes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/recurrent/plain_states");
    let mut options = compile::Options::default();
    options.input_types.by_order = vec!["fixed<5,2>".parse().expect("a type")];
    options.resolve.default_state_type = Some("ap_fixed<9,2>".parse().expect("a type"));
    let compiled = compile::compile(&root.join("model.keras"), None, &options).expect("typed");
    let inputs = support::inputs(&root);
    let batch = batch::batch(&compiled.design, &compiled.derived_inputs, &inputs, false);
    let batch = batch.expect("recorded inputs fit");
    let wrong = FAMILIES
        .into_par_iter()
        .zip(IOS)
        .filter_map(|((backend, family), io)| {
            let headers = support::headers_or_skip(family)?;
            let options = Options {
                io,
                ..Options::new(support::backend(backend), "typed")
            };
            match csim::check(&compiled.design, &options, &batch, &headers) {
                Ok(report) => support::complaints(&report),
                Err(error) => Some(error.to_string()),
            }
        });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Steps unrolled, and weights in memory that are read in rounds.
#[test]
fn throughput_changes_no_code() {
    let of = |knobs| Directives {
        model: knobs,
        ..Directives::default()
    };
    let unrolled = of(Knobs {
        parallelization_factor: Some(3),
        target_ii: Some(2),
        ..Knobs::default()
    });
    let rounds = Knobs {
        strategy: Some(Strategy::Resource),
        reuse_factor: Some(4),
        ..Knobs::default()
    };
    let rounds = Directives {
        layer: [("q_simple_rnn".to_owned(), rounds)].into(),
        ..Directives::default()
    };
    let all = [
        ("vitis", Io::Parallel, &unrolled),
        ("catapult", Io::Parallel, &unrolled),
        ("vitis", Io::Parallel, &rounds),
        ("catapult", Io::Stream, &rounds),
    ];
    let wrong = all.into_par_iter().filter_map(|(backend, io, directives)| {
        check("simple_rnn_stacked", backend, io, Some(directives))
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
