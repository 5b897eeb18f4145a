//! A trained network from file to compiled C++: what README's first command runs.
//!
//! Imports the network of this folder from all its file forms, simulates the test digits in integers, compares every
//! layer with what QKeras computed, then writes an HLS project for each family of vendor types, compiles it with g++
//! and compares again. Ends with status 1 if a single number differs.

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use qk_hls::codegen::{self, Options};
use qk_hls::compile::{self, Compiled};
use qk_hls::csim::{self, headers};
use qk_hls::data::{self, Array, Arrays};
use qk_hls::ir::kernel::NodeId;
use qk_hls::num::Family;
use qk_hls::sim::{self, batch};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(mismatches) => {
            say(format!("{mismatches} mismatches in all"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Number of mismatches.
fn run() -> Result<usize> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/digits");
    let array = |name: &str| -> Result<Array> {
        match data::load(&folder.join(name))? {
            Arrays::One(array) => Ok(array),
            Arrays::Named(_) => Err(format!("{name} holds several arrays").into()),
        }
    };
    let values = |array: &Array| {
        array
            .to_f64()
            .map_err(|i| format!("value {i} is no float64"))
    };
    let images = array("x_test.npy")?;
    let labels = values(&array("labels.npy")?)?;
    let reference = values(&array("y_reference.npy")?)?;
    let Arrays::Named(layers) = data::load(&folder.join("acts_reference.npz"))? else {
        return Err("acts_reference.npz holds no named arrays".into());
    };
    say(format!(
        "{} test digits; QKeras reads {} of them right",
        labels.len(),
        right(&reference, &labels)
    ));

    let mut mismatches = 0;
    let mut last: Option<Compiled> = None;
    for file in ["digits.h5", "digits.json", "digits.keras"] {
        let started = Instant::now();
        let compiled = compile::compile(&folder.join(file), None, &compile::Options::default())?;
        say(format!(
            "\n{file}: imported, its ranges proven in {:.1} ms",
            1e3 * started.elapsed().as_secs_f64()
        ));
        let design = &compiled.design;
        let batch = batch::batch(
            design,
            &compiled.derived_inputs,
            std::slice::from_ref(&images),
            false,
        )
        .map_err(|errors| errors[0].clone())?;
        let output = design.outputs[0].node;
        let wanted: Vec<NodeId> = design.taps.iter().map(|t| t.node).chain([output]).collect();
        let codes = batch::run(design, &batch, &wanted)?;
        let outputs = sim::values_of("output", &codes[design.taps.len()], &design.node(output).ty)?;
        say(format!(
            "  the integers of the design read {} right",
            right(&outputs, &labels)
        ));
        for (tap, codes) in design.taps.iter().zip(&codes) {
            let Some(theirs) = layers.get(&tap.name) else {
                continue;
            };
            let left_out = design
                .taps
                .iter()
                .any(|t| t.name == "logits" && t.node == tap.node);
            if tap.name == "softmax" && left_out {
                say("  softmax    left out: the design ends in its input, the logits");
                continue;
            }
            let (theirs, ty) = (values(theirs)?, &design.node(tap.node).ty);
            let (ours, _) = sim::nearest_values(codes, ty);
            let pairs = ours.iter().zip(&theirs);
            let what = if tap.name == "softmax" {
                // The design's softmax is a fixed-point function of its own, with a stated bound.
                let error = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                format!("largest difference {error:.2e}")
            } else {
                let different = pairs.filter(|(a, b)| a != b).count();
                mismatches += different;
                format!("{different} mismatches in {} values", theirs.len())
            };
            say(format!("  {:10} {what}", tap.name));
        }
        last = Some(compiled);
    }

    let Some(compiled) = last else {
        return Ok(mismatches);
    };
    let design = &compiled.design;
    let batch = batch::batch(design, &compiled.derived_inputs, &[images], false)
        .map_err(|errors| errors[0].clone())?;
    for (backend, family) in [("vitis", Family::Ap), ("catapult", Family::Ac)] {
        let backend = codegen::backend(backend).ok_or("an unknown backend")?;
        let options = Options::new(backend, "digits");
        let headers = headers::find(family, None).or_else(|_| {
            headers::install()?;
            headers::find(family, None)
        })?;
        let reference = csim::reference(design, &batch)?;
        let started = Instant::now();
        let files = codegen::generate(design, &options, &reference.vectors)?;
        let time = 1e3 * started.elapsed().as_secs_f64();
        let report = csim::check(design, &options, &batch, &headers)?;
        mismatches += report.mismatches;
        say(format!(
            "\n{}: project of {} files, {} KiB with its test data, generated in {time:.1} ms\n  \
             C++ compiled in {:.1} s; {} mismatches in {} output codes and {} codes of layers",
            backend.name(),
            files.iter().count(),
            files.bytes() / 1024,
            report.compile_time.as_secs_f64(),
            report.mismatches,
            report.compared,
            report.compared_inside,
        ));
    }
    Ok(mismatches)
}

/// How many samples have their largest output where the label says.
fn right(outputs: &[f64], labels: &[f64]) -> usize {
    let classes = outputs.len() / labels.len();
    let best = |sample: &[f64]| {
        (0..classes)
            .rev()
            .max_by(|&a, &b| sample[a].total_cmp(&sample[b]))
    };
    let pairs = outputs.chunks(classes).zip(labels);
    pairs
        .filter(|(sample, label)| best(sample) == Some(**label as usize))
        .count()
}

fn say(text: impl std::fmt::Display) {
    // A reader that went away is no error of ours.
    let _ = writeln!(std::io::stdout(), "{text}");
}
