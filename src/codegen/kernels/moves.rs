//! Rearrangements.

use super::{Body, Builder, Config};
use crate::codegen::project::Call;
use crate::ir::Move;

/// A rearrangement, axis by axis of the result.
#[derive(Debug)]
pub(crate) struct Rearrange {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) axes: usize,
    pub(crate) origin: usize,
    /// Name in the config struct and its value as C++, possibly of axis `a`.
    pub(crate) functions: Vec<(&'static str, String, bool)>,
}

/// How one axis of the result walks along the operand.
#[derive(Debug, Clone, Copy)]
struct Walk {
    extent: i128,
    before: i128,
    inside: i128,
    times: i128,
    step: i128,
}

pub(super) fn moves(b: &mut Builder, rearrangement: &Move) -> Body {
    let plain = |calls: Vec<Call>| Body {
        config: Config::None,
        header: "move",
        calls,
        loops: false,
        products: 0,
    };
    match rearrangement {
        Move::Reshape(_) => plain(vec![Call {
            function: format!("copy<{}>", b.node.ty.elements()),
            args: vec![b.operand(0), b.result()],
        }]),
        Move::Concat(axis) => plain(concat(b, *axis)),
        Move::Permute(_)
        | Move::Pad(_)
        | Move::Crop(_)
        | Move::Repeat { .. }
        | Move::Reverse(_) => {
            let (walks, origin) = walks(b, rearrangement);
            rearrange(b, &walks, origin)
        }
    }
}

fn signed(n: usize) -> i128 {
    i128::try_from(n).expect("every index fits")
}

/// One call for each operand.
fn concat(b: &Builder, axis: usize) -> Vec<Call> {
    let shape = &b.node.ty.shape;
    let count: usize = shape[..axis].iter().product();
    let inner: usize = shape[axis + 1..].iter().product();
    let distance = shape[axis] * inner;
    let mut first = 0;
    let mut calls = Vec::new();
    for k in 0..b.node.inputs.len() {
        let block = b.operand_type(k).shape[axis] * inner;
        calls.push(Call {
            function: format!("place<{count}, {block}, {first}, {distance}>"),
            args: vec![b.operand(k), b.result()],
        });
        first += block;
    }
    calls
}

fn walks(b: &Builder, rearrangement: &Move) -> (Vec<Walk>, usize) {
    let from = &b.operand_type(0).shape;
    let to = &b.node.ty.shape;
    let mut strides = vec![1_usize; from.len()];
    for a in (1..from.len()).rev() {
        strides[a - 1] = strides[a] * from[a];
    }
    let mut origin = 0;
    let mut walks: Vec<Walk> = (0..to.len())
        .map(|a| Walk {
            extent: signed(to[a]),
            before: 0,
            inside: signed(to[a]),
            times: 1,
            step: signed(strides[a]),
        })
        .collect();
    match rearrangement {
        Move::Permute(axes) => {
            for (walk, &axis) in walks.iter_mut().zip(axes) {
                walk.step = signed(strides[axis]);
            }
        }
        Move::Pad(sizes) => {
            for (a, (walk, size)) in walks.iter_mut().zip(sizes).enumerate() {
                walk.before = signed(size.0);
                walk.inside = signed(from[a]);
            }
        }
        Move::Crop(sizes) => {
            for (a, (walk, size)) in walks.iter_mut().zip(sizes).enumerate() {
                walk.before = -signed(size.0);
                walk.inside = signed(from[a]);
            }
        }
        Move::Repeat { axis, times } => {
            walks[*axis].times = signed(*times);
            walks[*axis].inside = signed(from[*axis]);
        }
        Move::Reverse(axis) => {
            walks[*axis].step = -walks[*axis].step;
            origin = strides[*axis] * (from[*axis] - 1);
        }
        Move::Reshape(_) | Move::Concat(_) => unreachable!("handled by the caller"),
    }
    (walks, origin)
}

fn rearrange(b: &mut Builder, walks: &[Walk], origin: usize) -> Body {
    let mut functions = Vec::new();
    type Part = fn(&Walk) -> i128;
    let parts: [(&'static str, &str, Part); 5] = [
        ("extent", "extents of the result", |w| w.extent),
        ("before", "elements before the operand's first one", |w| {
            w.before
        }),
        (
            "inside",
            "extents of the operand along the result's axes",
            |w| w.inside,
        ),
        ("times", "how often each slice stands in the result", |w| {
            w.times
        }),
        ("step", "distance of neighbours in the operand", |w| w.step),
    ];
    for (name, comment, part) in parts {
        let values: Vec<i128> = walks.iter().map(part).collect();
        let (value, varies) = if values.windows(2).all(|v| v[0] == v[1]) {
            let value = values.first().copied().unwrap_or(1);
            (value.to_string(), false)
        } else {
            let array = b.constants(name, comment, values, usize::MAX);
            (format!("{array}[a]"), true)
        };
        functions.push((name, value, varies));
    }
    Body {
        config: Config::Rearrange(Rearrange {
            inputs: b.operand_type(0).elements(),
            outputs: b.node.ty.elements(),
            axes: walks.len(),
            origin,
            functions,
        }),
        header: "move",
        calls: vec![Call {
            function: b.function("rearrange"),
            args: vec![b.operand(0), b.result()],
        }],
        loops: false,
        products: 0,
    }
}
