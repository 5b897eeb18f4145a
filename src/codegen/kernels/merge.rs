//! Element-wise combination of tensors, with broadcasting.

use super::{Body, Builder, Config};
use crate::codegen::project::{Call, Local};
use crate::ir::Range;
use crate::ir::kernel::Merge as Op;

/// A combination.
#[derive(Debug)]
pub(crate) struct Merge {
    pub(crate) elements: usize,
    pub(crate) kind: &'static str,
    pub(crate) total: String,
    /// Left shift of each operand.
    pub(crate) shift: String,
    /// Flat index into each operand for element `i` of the result.
    pub(crate) index: String,
}

impl Merge {
    /// Whether the index depends on the element.
    pub(crate) fn uses_i(&self) -> bool {
        self.index
            .split(|c: char| !c.is_ascii_alphanumeric())
            .any(|word| word == "i")
    }
}

pub(super) fn merge(b: &mut Builder, op: Op, shifts: &[u32]) -> Body {
    let shape = &b.node.ty.shape;
    let operands: Vec<_> = (0..b.node.inputs.len())
        .map(|k| b.operand_type(k))
        .collect();
    let shift = |k: usize| shifts.get(k).copied().unwrap_or(0);
    let result = b.node.ty.hull();
    let aligned = |k: usize| operands[k].hull().shifted(shift(k));
    // Comparisons need every bit of the operands; arithmetic is exact modulo the result.
    let every_bit: Range = (0..operands.len())
        .filter_map(aligned)
        .fold(result, Range::hull);
    let (kind, total) = match op {
        Op::Add => ("nnet::merge_add", result),
        Op::Sub => ("nnet::merge_sub", result),
        Op::Mul => ("nnet::merge_mul", result),
        Op::Max => ("nnet::merge_max", every_bit),
        Op::Min => ("nnet::merge_min", every_bit),
    };
    let indices: Vec<String> = operands
        .iter()
        .map(|o| broadcast_index(&o.shape, shape))
        .collect();
    let used_shifts: Vec<String> = (0..operands.len()).map(|k| shift(k).to_string()).collect();
    let elements = b.node.ty.elements();
    let spelled = b.integer(total);
    let layer = b.node.origin.layer.escape_default().to_string();
    let total_t = b.define("total", spelled, &format!("{layer}: operands so far"));
    let array = format!("total{}", b.index);
    b.locals.push(Local {
        type_name: total_t.clone(),
        name: array.clone(),
        elements,
    });
    let mut calls = Vec::new();
    for k in 0..operands.len() {
        let step = if k == 0 { "merge_first" } else { "merge_next" };
        calls.push(Call {
            function: format!("{step}<config{}, {k}>", b.index),
            args: vec![b.operand(k), array.clone()],
        });
    }
    calls.push(Call {
        function: b.function("merge_last"),
        args: vec![array, b.result()],
    });
    let products = match op {
        Op::Mul => (elements * operands.len().saturating_sub(1)) as u64,
        Op::Add | Op::Sub | Op::Max | Op::Min => 0,
    };
    Body {
        config: Config::Merge(Merge {
            elements,
            kind,
            total: total_t,
            shift: choose(&used_shifts),
            index: choose(&indices),
        }),
        header: "merge",
        calls,
        loops: false,
        products,
    }
}

/// `operand == 0 ? a : operand == 1 ? b : c`, or just `a` when all are the same.
fn choose(values: &[String]) -> String {
    let (last, others) = values.split_last().expect("a merge has operands");
    if others.iter().all(|v| v == last) {
        return last.clone();
    }
    let mut text = String::new();
    for (k, value) in others.iter().enumerate() {
        text.push_str(&format!("operand == {k} ? {value} : "));
    }
    text + last
}

/// Flat index into an operand of shape `from` for flat index `i` of the result, as C++.
fn broadcast_index(from: &[usize], to: &[usize]) -> String {
    let offset = to.len() - from.len();
    // Neighbouring axes that behave alike are one: (extent, present in the operand).
    let mut axes: Vec<(usize, bool)> = Vec::new();
    for (a, &extent) in to.iter().enumerate() {
        let present = a >= offset && from[a - offset] == extent;
        match axes.last_mut() {
            _ if extent == 1 => {}
            Some((n, p)) if *p == present => *n *= extent,
            _ => axes.push((extent, present)),
        }
    }
    let (mut terms, mut inner, mut stride) = (Vec::new(), 1, 1);
    for (n, (extent, present)) in axes.iter().rev().enumerate() {
        if *present {
            let mut term = if inner == 1 {
                "i".to_owned()
            } else {
                format!("i / {inner}")
            };
            if n + 1 < axes.len() {
                term = format!("{term} % {extent}");
            }
            if stride > 1 {
                term = format!("{term} * {stride}");
            }
            terms.push(term);
            stride *= extent;
        }
        inner *= extent;
    }
    terms.reverse();
    match terms.as_slice() {
        [] => "0".to_owned(),
        [one] if !one.contains(' ') => one.clone(),
        _ => format!("({})", terms.join(" + ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasting() {
        for (from, to, index) in [
            (&[4, 3][..], &[4, 3][..], "i"),
            (&[3], &[4, 3], "(i % 3)"),
            (&[4, 1], &[4, 3], "(i / 3)"),
            (&[1], &[4, 3], "0"),
            (&[], &[4, 3], "0"),
            (&[5, 1, 3], &[5, 4, 3], "(i / 12 * 3 + i % 3)"),
            (&[2, 1, 2, 1], &[2, 3, 2, 3], "(i / 18 * 2 + i / 3 % 2)"),
            (&[1, 1], &[1, 1], "0"),
        ] {
            assert_eq!(broadcast_index(from, to), index, "{from:?} {to:?}");
        }
    }

    #[test]
    fn choices() {
        let text = |v: &[&str]| choose(&v.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
        assert_eq!(text(&["i", "i"]), "i");
        assert_eq!(
            text(&["i", "0", "i"]),
            "operand == 0 ? i : operand == 1 ? 0 : i"
        );
    }
}
