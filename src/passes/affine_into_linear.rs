//! Scales that are powers of two, and offsets behind them, go into the weights and bias in front.
//!
//! Such a batch normalization costs nothing: the weights keep their codes, only binary points and
//! biases change. Real scales stay where they are, since they would make wide weights of narrow ones; they meet
//! the following quantizer in `resolve`.

use num_traits::{Signed, Zero};

use super::rewrite::{readers, rewrite};
use super::{Change, Pass};
use crate::ir::math::{Linear, Network, Node, Op, Step, Weights};
use crate::ir::{Periodic, Real, dyadic};

pub(super) const PASS: Pass = Pass {
    name: "affine-into-linear",
    doc: "power-of-two scales and offsets behind a linear layer go into its weights and bias",
    run,
};

fn run(network: &Network) -> (Network, Vec<Change>) {
    let readers = readers(network);
    rewrite(network, |work, node| {
        let Op::Pointwise(steps) = &node.op else {
            return None;
        };
        let [Step::Affine { mul, add }, rest @ ..] = steps.as_slice() else {
            return None;
        };
        let before = work.old.node(node.inputs[0]);
        let Op::Linear(linear) = &before.op else {
            return None;
        };
        // Others need the values as they are.
        if readers[node.inputs[0].index()] != 1 {
            return None;
        }
        let folded = fold(linear, mul, add)?;
        work.changed(
            node,
            format!("scale and offset taken over by {}", before.origin),
        );
        let inputs = before.inputs.iter().map(|&i| work.place(i)).collect();
        let linear = work.new.push(Node {
            op: Op::Linear(folded),
            inputs,
            ..before.clone()
        });
        Some(work.new.push(Node {
            op: Op::Pointwise(rest.to_vec()),
            inputs: vec![linear],
            ..node.clone()
        }))
    })
}

/// `mul * (w . x + b) + add` as one linear map, where every factor is a positive power of two and every
/// addend a binary fraction.
fn fold(linear: &Linear, mul: &Periodic<Real>, add: &Periodic<Real>) -> Option<Linear> {
    let filters = *linear.weights.shape.last()?;
    // Element `i` of the output belongs to filter `i mod filters`.
    let fits = |p: &Periodic<Real>| filters % p.period() == 0;
    let power = |m: &Real| m.is_positive() && dyadic(m).is_some_and(|(odd, _)| odd == 1);
    if !fits(mul) || !fits(add) || !mul.values().iter().all(power) {
        return None;
    }
    if add.values().iter().any(|a| dyadic(a).is_none()) {
        return None;
    }
    let weights = Weights {
        scale: linear.weights.scale.zip(mul, |scale, m| scale * m),
        ..linear.weights.clone()
    };
    let bias = (0..filters).map(|f| {
        let own = linear
            .bias
            .as_ref()
            .map_or_else(Real::zero, |b| b[f].clone());
        own * mul.at(f) + add.at(f)
    });
    Some(Linear {
        bias: Some(bias.collect()),
        weights,
        ..linear.clone()
    })
}
