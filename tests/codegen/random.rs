//! Random designs of every kernel, as C++ of both families.

use std::sync::Arc;

use qk_hls::codegen::{Io, Options};
use qk_hls::csim::{self, CheckError};
use qk_hls::ir::Periodic;
use qk_hls::ir::kernel::{Affine, Design, Kernel, Node, NodeId};
use qk_hls::sim::batch::Batch;
use rayon::prelude::*;

use crate::designs::{Dice, batch, design};
use crate::support::{self, FAMILIES};

const SEEDS: u64 = 24;

/// The generator leaves every binary point at 2. Here the results of casts get the binary points
/// of their types, and readers that need the old ones get the same codes through an affine node.
fn with_binary_points(random: &Design, dice: &mut Dice) -> Design {
    with_points(random, dice, true)
}

/// `moved` outputs have the binary points of their casts.
fn with_points(random: &Design, dice: &mut Dice, moved: bool) -> Design {
    let mut design = Design::default();
    // For each old node: the node with the same codes at 2 fraction bits, and one at any.
    let mut plain: Vec<NodeId> = Vec::new();
    let mut own: Vec<NodeId> = Vec::new();
    for node in &random.nodes {
        let any = match node.kernel {
            Kernel::Select(_) | Kernel::Clamp(_) | Kernel::Lut(_) | Kernel::Threshold(_) => {
                dice.flip()
            }
            _ => false,
        };
        let from = if any { &own } else { &plain };
        let mut node = Node {
            inputs: node.inputs.iter().map(|id| from[id.index()]).collect(),
            ..node.clone()
        };
        if let Kernel::Input { ty, .. } = &mut node.kernel {
            ty.int_bits = i32::try_from(ty.width).expect("small") - 2;
        }
        if let Kernel::Loop(cell) = &mut node.kernel {
            cell.body = Arc::new(with_points(&cell.body, dice, false));
        }
        let Kernel::Cast(types) = &node.kernel else {
            let id = design.push(node);
            own.push(id);
            plain.push(id);
            continue;
        };
        node.ty.frac = types.map(|t| t.frac());
        let mut same = Node {
            kernel: Kernel::Affine(Affine {
                mul: Periodic::uniform(1),
                add: Periodic::uniform(0),
            }),
            ..node.clone()
        };
        same.ty.frac = Periodic::uniform(2);
        let id = design.push(node);
        same.inputs = vec![id];
        own.push(id);
        plain.push(design.push(same));
    }
    for (from, to) in [
        (&random.inputs, &mut design.inputs),
        (&random.outputs, &mut design.outputs),
    ] {
        to.extend(from.iter().cloned().map(|mut port| {
            let places = if moved { &own } else { &plain };
            port.node = places[port.node.index()];
            port
        }));
    }
    design
}

#[test]
fn random_designs_compute_the_simulators_codes_as_arrays() {
    check(Io::Parallel);
}

#[test]
fn random_designs_compute_the_simulators_codes_as_streams() {
    check(Io::Stream);
}

fn check(io: Io) {
    for (backend, family) in FAMILIES {
        let Some(headers) = support::headers_or_skip(family) else {
            continue;
        };
        let options = Options {
            io,
            ..Options::new(support::backend(backend), "trial")
        };
        let results: Vec<Result<(), String>> = (0..SEEDS)
            .into_par_iter()
            .filter_map(|seed| {
                let mut dice = Dice::new(!seed);
                let design = with_binary_points(&design(seed), &mut dice);
                let batch = Batch {
                    samples: 20,
                    inputs: batch(&design, 20, &mut dice),
                };
                let found = match csim::check(&design, &options, &batch, &headers) {
                    Ok(report) => support::complaints(&report),
                    // Modes of the other family; channels too far apart for one type.
                    Err(CheckError::Codegen(_)) => return None,
                    Err(error) => Some(error.to_string()),
                };
                Some(found.map_or(Ok(()), |text| {
                    Err(format!("seed {seed}, {backend}: {text}"))
                }))
            })
            .collect();
        assert!(results.len() > 12, "{} designs", results.len());
        let wrong: Vec<String> = results.into_iter().filter_map(Result::err).collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
