//! `Softmax` over one or several axes.

use serde_json::Value;

use super::{Call, LayerDef, Outcome};
use crate::ir::math::Op;
use crate::ir::{Move, elements};

/// See the module.
pub(super) struct Softmax;

impl LayerDef for Softmax {
    fn classes(&self) -> &'static [&'static str] {
        &["Softmax"]
    }

    fn lower(&self, call: &mut Call<'_>) -> Outcome {
        let shape = call.shape(0);
        let rank = shape.len();
        let mut axes: Vec<usize> = match call.config.get("axis") {
            Some(Value::Array(items)) => {
                let wanted = items.iter().map(Value::as_i64);
                let wanted = wanted.collect::<Option<Vec<i64>>>().unwrap_or_else(|| {
                    call.config.problem("`axis` must hold integers");
                    vec![-1]
                });
                wanted.into_iter().map(|a| call.axis(a, rank)).collect()
            }
            _ => vec![call.axis(call.config.integer("axis", -1), rank)],
        };
        axes.sort_unstable();
        axes.dedup();
        if axes.is_empty() {
            call.config.problem("`axis` names no axis");
        }
        call.finish()?;
        let input = call.inputs[0];
        if axes == [rank - 1] {
            return Ok(vec![call.push(Op::Softmax, vec![input], shape)]);
        }
        // The axes go to the end and become one, then back.
        let kept = (0..rank).filter(|a| !axes.contains(a));
        let order: Vec<usize> = kept.chain(axes.iter().copied()).collect();
        let mut back = vec![0; rank];
        for (position, &axis) in order.iter().enumerate() {
            back[axis] = position;
        }
        let moved = call.moved(Move::Permute(order), vec![input])?;
        let apart = call.shape_of(moved);
        let (rows, row) = apart.split_at(rank - axes.len());
        let rows = [rows, &[elements(row)]].concat();
        let row = call.moved(Move::Reshape(rows.clone()), vec![moved])?;
        let softmax = call.push(Op::Softmax, vec![row], rows);
        let softmax = call.moved(Move::Reshape(apart), vec![softmax])?;
        Ok(vec![call.moved(Move::Permute(back), vec![softmax])?])
    }

    fn doc(&self) -> &'static str {
        "any axes; a table form with a proven bound, the logits, or the index of the largest"
    }
}
