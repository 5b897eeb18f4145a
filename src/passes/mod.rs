//! From mathematics to hardware, and improvements that keep every bit.
//!
//! Order: the passes of [`TABLE`], each `Network` to `Network`, then [`resolve`], which makes a
//! `Design` and has two improvements of its own on casts. A pass may not know Keras: names and classes reach
//! it only as `Origin`, for messages.
//!
//! A pass never removes a node that a layer's recorded output refers to: it leaves it behind without
//! consumers, where it costs no hardware and can still be traced.

mod affine_into_linear;
mod compose_moves;
mod pad_into_window;
pub mod resolve;
mod rewrite;
#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::ir::math::Network;

/// An improvement.
pub struct Pass {
    /// Name, as `inspect --passes` shows it and `--skip-pass` takes it.
    pub name: &'static str,
    /// What it does, in a line.
    pub doc: &'static str,
    run: fn(&Network) -> (Network, Vec<Change>),
}

/// Something that a pass did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The layer it did it to.
    pub layer: String,
    /// What, in words.
    pub change: String,
}

/// What a pass did to a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Name of the pass.
    pub pass: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// Where it did it.
    pub changes: Vec<Change>,
}

/// Every pass on the mathematics, in the order in which they run.
///
/// Moves first, since two reshapes in a row hide a padding; padding before the affine steps, which look
/// for a linear map right in front of them.
pub const TABLE: &[Pass] = &[
    compose_moves::PASS,
    pad_into_window::PASS,
    affine_into_linear::PASS,
];

/// Runs every pass but those named.
#[must_use]
pub fn run(network: &Network, skip: &[String]) -> (Network, Vec<Report>) {
    let mut network = network.clone();
    let mut reports = Vec::new();
    for pass in TABLE {
        let mut changes = Vec::new();
        if !skip.iter().any(|name| name == pass.name) {
            (network, changes) = (pass.run)(&network);
        }
        reports.push(Report {
            pass: pass.name,
            doc: pass.doc,
            changes,
        });
    }
    (network, reports)
}
