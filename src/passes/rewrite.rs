//! Networks rebuilt node by node.

use super::Change;
use crate::ir::math::{Network, Node, NodeId};

/// A network being rebuilt from another one.
pub(super) struct Rewrite<'a> {
    /// The old one.
    pub old: &'a Network,
    /// The new one, so far.
    pub new: Network,
    /// What was done.
    pub changes: Vec<Change>,
    /// Where the old nodes went.
    places: Vec<NodeId>,
}

impl Rewrite<'_> {
    /// Where an old node went.
    pub(super) fn place(&self, old: NodeId) -> NodeId {
        self.places[old.index()]
    }

    /// Notes a change.
    pub(super) fn changed(&mut self, node: &Node, change: impl Into<String>) {
        self.changes.push(Change {
            layer: node.origin.to_string(),
            change: change.into(),
        });
    }
}

/// Rebuilds a network: `each` may put something else in a node's place, else the node is copied.
pub(super) fn rewrite(
    old: &Network,
    mut each: impl FnMut(&mut Rewrite<'_>, &Node) -> Option<NodeId>,
) -> (Network, Vec<Change>) {
    let mut work = Rewrite {
        old,
        new: Network::default(),
        changes: Vec::new(),
        places: Vec::with_capacity(old.nodes.len()),
    };
    for node in &old.nodes {
        let place = each(&mut work, node).unwrap_or_else(|| {
            let inputs = node.inputs.iter().map(|&i| work.place(i)).collect();
            work.new.push(Node {
                inputs,
                ..node.clone()
            })
        });
        work.places.push(place);
    }
    let ports = |ports: &[crate::ir::math::Port]| {
        let mut ports = ports.to_vec();
        for port in &mut ports {
            port.node = work.places[port.node.index()];
        }
        ports
    };
    (work.new.inputs, work.new.outputs, work.new.taps) =
        (ports(&old.inputs), ports(&old.outputs), ports(&old.taps));
    (work.new, work.changes)
}

/// How many nodes and model outputs read each node.
pub(super) fn readers(network: &Network) -> Vec<usize> {
    let mut count = vec![0; network.nodes.len()];
    let operands = network.nodes.iter().flat_map(|n| &n.inputs);
    let outputs = network.outputs.iter().map(|p| &p.node);
    for id in operands.chain(outputs) {
        count[id.index()] += 1;
    }
    count
}
