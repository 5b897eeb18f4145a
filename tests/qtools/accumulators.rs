//! The reported accumulators: every partial sum fits, the extremes occur, and one bit less would not
//! hold them.

use std::fs;
use std::path::Path;

use qk_hls::compile::{self, Compiled};
use qk_hls::ir::kernel::{Design, Dot, Kernel, Node};
use qk_hls::ir::{elements, positions};
use qk_hls::qtools::{self, Options, design};
use serde_json::Value;

fn compiled(folder: &Path, meta: &Value) -> Option<Compiled> {
    let text = |v: &Value| v.as_str().expect("a text").to_owned();
    let list = |key: &str| meta[key].as_array().expect("a list").iter().map(text);
    let options = compile::Options {
        input_types: compile::InputTypes {
            by_order: list("input_types")
                .map(|t| t.parse().expect("a type"))
                .collect(),
            ..Default::default()
        },
        ..Default::default()
    };
    let file = folder.join(list("files").next().expect("a file"));
    compile::compile(&file, None, &options).ok()
}

/// Smallest and largest code of each channel of a dot's operand.
fn operand(design: &Design, node: &Node, channels: usize) -> Vec<(i128, i128)> {
    let ty = &design.node(node.inputs[0]).ty;
    let mut found = vec![(i128::MAX, i128::MIN); channels];
    for i in 0..ty.elements() {
        let range = ty.range.at(i);
        let here = &mut found[i % channels];
        *here = (here.0.min(range.lo), here.1.max(range.hi));
    }
    found
}

/// Adds up the operand codes that push each filter's sum as far as it goes, downwards and upwards,
/// and gives the partial sums that go farthest.
fn extremes(dot: &Dot, operand: &[(i128, i128)]) -> (i128, i128) {
    let taps: Vec<usize> = dot.windows.iter().map(|w| w.kernel).collect();
    let outputs: Vec<usize> = dot.windows.iter().map(|w| w.output).collect();
    let block = dot.channels / dot.groups;
    let per_group = dot.filters / dot.groups;
    let (mut lowest, mut highest) = (0, 0);
    for at in positions(&outputs) {
        let real: Vec<usize> = positions(&taps)
            .enumerate()
            .filter(|(_, k)| {
                let mut axes = dot.windows.iter().zip(at.iter().zip(k));
                axes.all(|(w, (&o, &k))| w.tap(o, k).is_some())
            })
            .map(|(tap, _)| tap)
            .collect();
        for filter in 0..dot.filters {
            let bias = *dot.bias.at(filter);
            let shift = *dot.shift.at(filter);
            let (mut down, mut up) = (bias, bias);
            for &tap in &real {
                for c in 0..block {
                    let w = dot.weights[(tap * block + c) * dot.filters + filter] << shift;
                    let (lo, hi) = operand[filter / per_group * block + c];
                    // The order of the terms is free: those that help come first.
                    down += (w * lo).min(w * hi).min(0);
                    up += (w * lo).max(w * hi).max(0);
                }
            }
            let range = dot.accumulator.at(filter);
            assert!(
                range.lo <= down && up <= range.hi,
                "filter {filter}: {down}..{up} in {range:?}"
            );
            lowest = lowest.min(down);
            highest = highest.max(up);
        }
    }
    (lowest, highest)
}

/// Whether a type of so many bits holds a code; signed where any code is negative.
fn holds(bits: u32, signed: bool, code: i128) -> bool {
    let magnitude = bits - u32::from(signed);
    let least = if signed { -(1_i128 << magnitude) } else { 0 };
    (least..1_i128 << magnitude).contains(&code)
}

#[test]
fn accumulators_hold_every_value_and_no_bit_is_idle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/models");
    let (mut models, mut sums, mut reported) = (0, 0, 0);
    for entry in fs::read_dir(root).expect("golden models are committed") {
        let folder = entry.expect("readable").path();
        let Ok(text) = fs::read_to_string(folder.join("meta.json")) else {
            continue;
        };
        let meta: Value = serde_json::from_str(&text).expect("JSON");
        let Some(compiled) = compiled(&folder, &meta) else {
            continue;
        };
        models += 1;
        let design = &compiled.design;
        let mut needed = std::collections::BTreeMap::new();
        for node in &design.nodes {
            let Kernel::Dot(dot) = &node.kernel else {
                continue;
            };
            sums += 1;
            let operand = operand(design, node, dot.channels);
            let (lowest, highest) = extremes(dot, &operand);
            let place = format!("{} {}", folder.display(), node.origin);
            let bits = dot.accumulator_range().width();
            let signed = lowest < 0;
            assert!(
                holds(bits, signed, lowest) && holds(bits, signed, highest),
                "{place}"
            );
            let narrower =
                bits > 1 && holds(bits - 1, signed, lowest) && holds(bits - 1, signed, highest);
            let idle = elements(&node.ty.shape) > 0 && narrower;
            assert!(!idle, "{place}: {bits} bits for {lowest}..{highest}");
            needed.insert((node.origin.layer.clone(), node.origin.call), bits);
        }
        // What `qk-hls qtools` reports is that accumulator.
        let Ok(map) = qtools::analyse(&compiled.raw, &compiled.notes, &Options::default()) else {
            continue;
        };
        for (name, layer) in &map.layers {
            let widths = design::widths(design, name, layer);
            let found = widths.and_then(|w| w.accumulator);
            if let (Some(found), Some(bits)) = (found, needed.get(&(name.clone(), 0))) {
                assert_eq!(found.bits, *bits, "{}: {name}", folder.display());
                reported += 1;
            }
        }
    }
    assert!(
        models >= 60 && sums >= 150 && reported >= 80,
        "{models} models, {sums} sums, {reported} reported"
    );
}
