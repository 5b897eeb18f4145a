//! `Dot`: the product of two tensors over one axis of each, sample by sample.

use super::{Call, LayerDef, Outcome};
use crate::ir::math::{NodeId, Op};
use crate::ir::{Move, elements};

/// See the module.
pub(super) struct Dot;

impl LayerDef for Dot {
    fn classes(&self) -> &'static [&'static str] {
        &["Dot"]
    }

    fn lower(&self, call: &mut Call<'_>) -> Outcome {
        call.config.must_be_off("normalize");
        let &[left, right] = call.inputs.as_slice() else {
            let count = call.inputs.len();
            call.config
                .problem(format!("{count} inputs; two are wanted"));
            return Err(call.problems());
        };
        let axes = match call.config.get("axes") {
            Some(serde_json::Value::Array(pair)) if pair.len() == 2 => {
                pair[0].as_i64().zip(pair[1].as_i64())
            }
            Some(value) => value.as_i64().map(|a| (a, a)),
            None => None,
        };
        let Some((a, b)) = axes else {
            call.config
                .problem("`axes` must be an integer or a pair of integers");
            return Err(call.problems());
        };
        let (x, y) = (call.shape_of(left), call.shape_of(right));
        let (a, b) = (call.axis(a, x.len()), call.axis(b, y.len()));
        if x.get(a) != y.get(b) {
            call.config.problem(format!(
                "the axes to multiply have different extents in inputs of shape {x:?} and {y:?}"
            ));
        }
        call.finish()?;
        let (rows, left) = matrix(call, left, a, true)?;
        let (columns, right) = matrix(call, right, b, false)?;
        let shape = vec![elements(&rows), elements(&columns)];
        let product = call.push(Op::MatMul, vec![left, right], shape);
        // Two vectors give one number, which keeps an axis of its own.
        let mut shape = [rows, columns].concat();
        if shape.is_empty() {
            shape.push(1);
        }
        Ok(vec![call.moved(Move::Reshape(shape), vec![product])?])
    }

    fn doc(&self) -> &'static str {
        "any axes; no normalization"
    }
}

/// A tensor as a matrix with `axis` as its columns (`last`) or rows, and the extents of the other axes.
fn matrix(
    call: &mut Call<'_>,
    node: NodeId,
    axis: usize,
    last: bool,
) -> Result<(Vec<usize>, NodeId), Vec<String>> {
    let shape = call.shape_of(node);
    let others: Vec<usize> = (0..shape.len()).filter(|&i| i != axis).collect();
    let rest: Vec<usize> = others.iter().map(|&i| shape[i]).collect();
    let count = elements(&rest);
    let (order, extents) = if last {
        ([others.as_slice(), &[axis]].concat(), [count, shape[axis]])
    } else {
        ([&[axis], others.as_slice()].concat(), [shape[axis], count])
    };
    let node = call.moved(Move::Permute(order), vec![node])?;
    let node = call.moved(Move::Reshape(extents.to_vec()), vec![node])?;
    Ok((rest, node))
}
