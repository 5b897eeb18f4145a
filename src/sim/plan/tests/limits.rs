//! Sums of products at the limits of bytes and halves.

use super::designs::{Dice, fixed, linear, push, scaled};
use crate::ir::kernel::{Affine, Design, Kernel, NodeId, Port};
use crate::ir::{Periodic, Range, Shape, Window};
use crate::num::FixedType;

/// A dense layer with one filter and a signed operand of so many bits.
pub(super) fn dense(bits: u32, weights: &[i128]) -> Design {
    let mut design = Design::default();
    let id = operand(
        &mut design,
        FixedType::new(bits, 3, true),
        vec![weights.len()],
    );
    let made = linear(
        &mut design,
        id,
        (vec![], 1, 1),
        weights.to_vec(),
        (vec![0], vec![0]),
    );
    made.expect("the caller's sums fit");
    output(&mut design);
    design
}

fn operand(design: &mut Design, ty: FixedType, shape: Shape) -> NodeId {
    let range = Range {
        lo: ty.min_raw().unwrap(),
        hi: ty.max_raw().unwrap(),
    };
    let kernel = Kernel::Input { index: 0, ty };
    let node = push(design, kernel, vec![], shape, Periodic::uniform(range));
    let name = "in0".into();
    design.inputs.push(Port { name, node });
    node
}

/// Makes the newest node the output.
fn output(design: &mut Design) {
    let node = NodeId(design.nodes.len() as u32 - 1);
    let name = "out".into();
    design.outputs.push(Port { name, node });
}

/// A sum of products whose operands, weights and length are at the limits of bytes and halves, of
/// every kind of layer, often with a cast or a clamp behind it.
pub(super) fn product(dice: &mut Dice) -> Design {
    loop {
        let mut design = Design::default();
        if limits(&mut design, dice).is_some() {
            output(&mut design);
            return design;
        }
    }
}

fn limits(design: &mut Design, dice: &mut Dice) -> Option<()> {
    let channels = dice.pick(&[1, 2, 3, 4, 5, 7, 8, 33]);
    let axis = |input: usize, kernel: usize, base_dilation: usize, pad: usize| Window {
        input,
        output: ((input - 1) * base_dilation + 1 + 2 * pad).saturating_sub(kernel) + 1,
        kernel,
        stride: 1,
        dilation: 1,
        base_dilation,
        pad,
    };
    let (windows, groups, channels) = match dice.below(6) {
        // Dense.
        0 => (vec![], 1, dice.pick(&[1, 2, 3, 5, 31, 64, 257, 1021])),
        // 1D and 2D convolution.
        1 => (vec![axis(5, 3, 1, 1)], 1, channels),
        2 => (vec![axis(3, 2, 1, 1), axis(4, 3, 1, 0)], 1, channels),
        // Depthwise, grouped, transposed.
        3 => (vec![axis(4, 2, 1, 1), axis(3, 3, 1, 1)], channels, channels),
        4 => (vec![axis(4, 3, 1, 1)], 3, 3 * (1 + dice.below(5))),
        _ => (vec![axis(3, 3, 2, 2)], 1, channels),
    };
    let filters = groups * (1 + dice.below(if groups == 1 { 18 } else { 2 }));
    let bits = dice.pick(&[7, 8, 8, 15, 16, 16]);
    let ty = FixedType::new(bits, 3, dice.flip());
    let mut shape: Shape = windows.iter().map(|w| w.input).collect();
    shape.push(channels);
    let mut id = operand(design, ty, shape.clone());
    if dice.below(3) == 0 {
        // Codes far from zero: stored with an offset.
        let add = dice.pick(&[-200, -100, 40, 1000]);
        let range = scaled(design.node(id).ty.hull(), 1, add)?;
        let affine = Affine {
            mul: Periodic::uniform(1),
            add: Periodic::uniform(add),
        };
        let kernel = Kernel::Affine(affine);
        id = push(design, kernel, vec![id], shape, Periodic::uniform(range));
    }
    let taps: usize = windows.iter().map(|w| w.kernel).product();
    let ends = dice.pick(&[
        Range { lo: -128, hi: 127 },
        Range { lo: -128, hi: 127 },
        Range {
            lo: -32768,
            hi: 32767,
        },
        Range { lo: -128, hi: 128 },
    ]);
    let pattern = dice.below(4);
    let weights = (0..taps * channels / groups * filters)
        .map(|k| match pattern {
            0 => ends.lo,
            1 => ends.hi,
            2 if (k / filters).is_multiple_of(2) => ends.lo,
            2 => ends.hi,
            _ => dice.code(ends),
        })
        .collect();
    let most = 4 * dice.below(2);
    let shift = (0..filters).map(|_| dice.below(most + 1) as u32);
    let shift: Vec<u32> = shift.collect();
    let add = Range {
        lo: -1 << 20,
        hi: 1 << 20,
    };
    let bias = (0..filters).map(|_| dice.code(add)).collect();
    let id = linear(
        design,
        id,
        (windows, groups, filters),
        weights,
        (shift, bias),
    )?;
    let ty = design.node(id).ty.clone();
    let (kernel, range) = match dice.below(4) {
        0 => return Some(()),
        1 => {
            let to = dice.pick(&[Range { lo: -128, hi: 127 }, Range { lo: 0, hi: 255 }]);
            let range = ty.range.map(|x| Range {
                lo: x.lo.clamp(to.lo, to.hi),
                hi: x.hi.clamp(to.lo, to.hi),
            });
            (Kernel::Clamp(Periodic::uniform(to)), range)
        }
        _ => {
            let count = if dice.flip() { filters } else { 1 };
            let types = (0..count).map(|_| fixed(dice, ty.hull()));
            let types = Periodic::new(types.collect());
            let range = types.map(|t| Range {
                lo: t.min_raw().unwrap(),
                hi: t.max_raw().unwrap(),
            });
            (Kernel::Cast(types), range)
        }
    };
    push(design, kernel, vec![id], ty.shape, range);
    Some(())
}

/// Samples at the limits of a design's first input: its ends everywhere, its ends by the sign of
/// each filter's weights, which is where that filter's sum is greatest and smallest, and random ones.
pub(super) fn extremes(design: &Design, dice: &mut Dice) -> Vec<i128> {
    let ty = &design.node(design.inputs[0].node).ty;
    let (x, n) = (ty.hull(), ty.elements());
    let mut codes = [vec![x.lo; n], vec![x.hi; n]].concat();
    for node in &design.nodes {
        let Kernel::Dot(dot) = &node.kernel else {
            continue;
        };
        let block = dot.channels / dot.groups;
        for filter in 0..dot.filters.min(12) {
            for flip in [false, true] {
                codes.extend((0..n).map(|k| {
                    let tap = k / dot.channels;
                    let at = (tap * block + k % block) * dot.filters + filter;
                    let positive = dot.weights.get(at).is_none_or(|w| *w > 0);
                    if positive == flip { x.lo } else { x.hi }
                }));
            }
        }
    }
    codes.extend((0..3 * n).map(|_| dice.code(x)));
    codes
}
