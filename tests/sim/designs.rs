//! Random designs: every kernel, with ranges from plain interval arithmetic.

use std::sync::Arc;

use qk_hls::ir::kernel::{
    Affine, Design, Dot, Kernel, Loop, LoopResult, Lut, Merge, Node, NodeId, PoolKind, Port,
    Reduce, Select, Staircase, TensorType,
};
use qk_hls::ir::{Encoding, Move, Origin, Periodic, Range, Shape, Window, elements};
use qk_hls::num::{self, FixedType, Overflow, Quantization};

/// A generator of numbers that proptest seeds.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub(crate) fn flip(&mut self) -> bool {
        self.next() & 1 == 0
    }

    /// A code of a range, its ends more often than others.
    pub(crate) fn code(&mut self, range: Range) -> i128 {
        match self.below(6) {
            0 => range.lo,
            1 => range.hi,
            _ => {
                let wide = i128::from(self.next()) << 60 ^ i128::from(self.next());
                match range
                    .hi
                    .checked_sub(range.lo)
                    .and_then(|n| n.checked_add(1))
                {
                    Some(n) => range.lo + wide.rem_euclid(n),
                    None => wide.clamp(range.lo, range.hi),
                }
            }
        }
    }

    /// A range of at most so many bits, often one that just fits a machine integer.
    fn range(&mut self, bits: u32) -> Range {
        let width = match self.below(5) {
            0 => 8,
            1 => 16,
            2 => 32,
            3 => 64,
            _ => 1 + self.below(bits as usize) as u32,
        }
        .clamp(2, bits);
        let top = 1_i128 << (width - 1);
        match self.below(5) {
            0 => Range {
                lo: -top,
                hi: top - 1,
            },
            1 => Range {
                lo: 0,
                hi: 2 * top - 1,
            },
            2 => Range {
                lo: -top,
                hi: -top / 2,
            },
            3 => Range { lo: -1, hi: top },
            _ => {
                let a = self.code(Range {
                    lo: -top,
                    hi: top - 1,
                });
                let b = self.code(Range {
                    lo: -top,
                    hi: top - 1,
                });
                Range {
                    lo: a.min(b),
                    hi: a.max(b),
                }
            }
        }
    }

    pub(crate) fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }
}

/// Product of two ranges.
fn times(a: Range, b: Range) -> Option<Range> {
    let mut all = Vec::new();
    for x in [a.lo, a.hi] {
        for y in [b.lo, b.hi] {
            all.push(x.checked_mul(y)?);
        }
    }
    Some(Range {
        lo: *all.iter().min()?,
        hi: *all.iter().max()?,
    })
}

fn plus(a: Range, b: Range) -> Option<Range> {
    Some(Range {
        lo: a.lo.checked_add(b.lo)?,
        hi: a.hi.checked_add(b.hi)?,
    })
}

pub(crate) fn scaled(x: Range, by: i128, add: i128) -> Option<Range> {
    plus(times(x, Range::point(by))?, Range::point(add))
}

/// Ranges beyond the width of designs.
fn allowed(range: Range) -> Option<Range> {
    (range.width() <= 120).then_some(range)
}

/// A design with a few random nodes; every node that nothing reads is an output.
pub(crate) fn design(seed: u64) -> Design {
    let mut dice = Dice::new(seed);
    let mut design = Design::default();
    for index in 0..1 + dice.below(2) {
        let shape = dice.pick::<Shape>(&[
            vec![1],
            vec![5],
            vec![16],
            vec![70],
            vec![3, 4],
            vec![5, 6, 3],
            vec![4, 4, 8],
            vec![6, 5, 1],
            vec![9, 2],
        ]);
        let width = dice.pick(&[1, 4, 6, 8, 9, 16, 17, 32, 40]);
        let signed = dice.flip();
        let ty = FixedType::new(width + u32::from(signed), 3, signed);
        let range = Range {
            lo: ty.min_raw().unwrap(),
            hi: ty.max_raw().unwrap(),
        };
        let id = push(
            &mut design,
            Kernel::Input { index, ty },
            vec![],
            shape,
            Periodic::uniform(range),
        );
        design.inputs.push(Port {
            name: format!("in{index}"),
            node: id,
        });
    }
    for _ in 0..1 + dice.below(7) {
        for _attempt in 0..10 {
            if grow(&mut design, &mut dice).is_some() {
                break;
            }
        }
    }
    let mut read = vec![false; design.nodes.len()];
    for node in &design.nodes {
        for id in &node.inputs {
            read[id.index()] = true;
        }
    }
    for (index, read) in read.iter().enumerate() {
        if !read || dice.below(8) == 0 {
            let node = NodeId(index as u32);
            design.outputs.push(Port {
                name: format!("out{index}"),
                node,
            });
        }
    }
    design
}

pub(crate) fn push(
    design: &mut Design,
    kernel: Kernel,
    inputs: Vec<NodeId>,
    shape: Shape,
    range: Periodic<Range>,
) -> NodeId {
    let origin = Origin {
        layer: format!("n{}", design.nodes.len()),
        class: "Test".into(),
        call: 0,
    };
    let ty = TensorType {
        shape,
        frac: Periodic::uniform(2),
        range,
    };
    design.push(Node {
        kernel,
        inputs,
        ty,
        origin,
        note: String::new(),
    })
}

/// Appends one node, if the kernel that was drawn fits.
fn grow(design: &mut Design, dice: &mut Dice) -> Option<()> {
    // Rather the newest node, so that chains come up.
    let newest = design.nodes.len() - 1;
    let at = if dice.below(4) == 0 {
        dice.below(newest + 1)
    } else {
        newest
    };
    let id = NodeId(at as u32);
    let ty = design.node(id).ty.clone();
    let (x, shape) = (ty.hull(), ty.shape.clone());
    let channels = *shape.last()?;
    // Parameters for the tensor, for each channel or for each element.
    let period = match dice.below(3) {
        0 => 1,
        1 => channels,
        _ => elements(&shape),
    };
    let (kernel, inputs, shape, range) = match dice.below(16) {
        0 | 1 => return dot(design, dice, id),
        14 | 15 => return looped(design, dice, id),
        2 => return merge(design, dice, id),
        3 => return moved(design, dice, id),
        4 => {
            let bits = dice.pick(&[3, 8, 20]);
            let mut own = Vec::new();
            let mul: Vec<i128> = (0..period)
                .map(|_| {
                    let r = dice.range(bits);
                    dice.code(r)
                })
                .collect();
            let add: Vec<i128> = (0..period)
                .map(|_| {
                    let r = dice.range(bits);
                    dice.code(r)
                })
                .collect();
            for (m, a) in mul.iter().zip(&add) {
                own.push(allowed(scaled(x, *m, *a)?)?);
            }
            let affine = Affine {
                mul: Periodic::new(mul),
                add: Periodic::new(add),
            };
            (Kernel::Affine(affine), vec![id], shape, Periodic::new(own))
        }
        5 => {
            let mut branch = || {
                let bits = dice.pick(&[2, 8]);
                let m: Vec<i128> = (0..period)
                    .map(|_| {
                        let r = dice.range(bits);
                        dice.code(r)
                    })
                    .collect();
                let a: Vec<i128> = (0..period)
                    .map(|_| {
                        let r = dice.range(9);
                        dice.code(r)
                    })
                    .collect();
                Affine {
                    mul: Periodic::new(m),
                    add: Periodic::new(a),
                }
            };
            let (below, above) = (branch(), branch());
            let threshold: Vec<i128> = (0..period)
                .map(|_| {
                    if dice.below(5) == 0 {
                        x.hi + 100
                    } else {
                        dice.code(x)
                    }
                })
                .collect();
            let own = (0..period)
                .map(|i| {
                    let low = scaled(x, *below.mul.at(i), *below.add.at(i))?;
                    let high = scaled(x, *above.mul.at(i), *above.add.at(i))?;
                    allowed(low.hull(high))
                })
                .collect::<Option<Vec<_>>>()?;
            let select = Select {
                threshold: Periodic::new(threshold),
                below,
                above,
            };
            (
                Kernel::Select(Box::new(select)),
                vec![id],
                shape,
                Periodic::new(own),
            )
        }
        6 => {
            let limits: Vec<Range> = (0..period)
                .map(|_| {
                    let wide = Range {
                        lo: x.lo.saturating_mul(2),
                        hi: x.hi.saturating_mul(2).saturating_add(3),
                    };
                    let (a, b) = (dice.code(wide), dice.code(wide));
                    Range {
                        lo: a.min(b),
                        hi: a.max(b),
                    }
                })
                .collect();
            let own = limits
                .iter()
                .map(|l| Range {
                    lo: x.lo.max(l.lo).min(l.hi),
                    hi: x.hi.max(l.lo).min(l.hi),
                })
                .collect();
            (
                Kernel::Clamp(Periodic::new(limits)),
                vec![id],
                shape,
                Periodic::new(own),
            )
        }
        7 | 8 => {
            let types: Vec<FixedType> = (0..period).map(|_| fixed(dice, x)).collect();
            let own = types
                .iter()
                .map(|t| Range {
                    lo: t.min_raw().unwrap(),
                    hi: t.max_raw().unwrap(),
                })
                .collect();
            (
                Kernel::Cast(Periodic::new(types)),
                vec![id],
                shape,
                Periodic::new(own),
            )
        }
        9 => {
            let n = usize::try_from(x.codes()).ok().filter(|n| *n <= 600)?;
            let to = dice.range(40);
            let period = period.min(channels);
            let tables = (0..period)
                .map(|_| Arc::new((0..n).map(|_| dice.code(to)).collect::<Vec<_>>()))
                .collect();
            let lut = Lut {
                first: x.lo,
                tables: Periodic::new(tables),
            };
            (Kernel::Lut(lut), vec![id], shape, Periodic::uniform(to))
        }
        10 => {
            let to = dice.range(40);
            let period = period.min(channels);
            let stairs = (0..period)
                .map(|_| {
                    let wide = Range {
                        lo: x.lo.saturating_sub(5),
                        hi: x.hi.saturating_add(5),
                    };
                    let mut thresholds: Vec<i128> =
                        (0..dice.below(30)).map(|_| dice.code(wide)).collect();
                    thresholds.sort_unstable();
                    thresholds.dedup();
                    let values = (0..=thresholds.len()).map(|_| dice.code(to)).collect();
                    Arc::new(Staircase { thresholds, values })
                })
                .collect();
            (
                Kernel::Threshold(Periodic::new(stairs)),
                vec![id],
                shape,
                Periodic::uniform(to),
            )
        }
        11 if shape.len() > 1 => {
            let windows: Vec<Window> = shape[..shape.len() - 1]
                .iter()
                .map(|&n| window(dice, n, true))
                .collect();
            let kind = dice.pick(&[PoolKind::Sum, PoolKind::Max]);
            let taps: usize = windows.iter().map(|w| w.kernel).product();
            let all = if kind == PoolKind::Sum {
                allowed(times(
                    x,
                    Range {
                        lo: 1,
                        hi: taps as i128,
                    },
                )?)?
            } else {
                x
            };
            let mut out: Shape = windows.iter().map(|w| w.output).collect();
            out.push(channels);
            (
                Kernel::Pool { windows, kind },
                vec![id],
                out,
                Periodic::uniform(all),
            )
        }
        12 => {
            let op = dice.pick(&[Reduce::Max, Reduce::Sum, Reduce::ArgMax]);
            let n = channels as i128;
            let own = match op {
                Reduce::Max => x,
                Reduce::Sum => allowed(times(x, Range::point(n))?)?,
                Reduce::ArgMax => Range { lo: 0, hi: n - 1 },
            };
            let mut out = shape.clone();
            *out.last_mut()? = 1;
            (Kernel::Reduce(op), vec![id], out, Periodic::uniform(own))
        }
        13 if shape.len() == 2 => {
            // A product with the own transpose.
            let transpose = Kernel::Move(Move::Permute(vec![1, 0]));
            let turned = push(
                design,
                transpose,
                vec![id],
                vec![shape[1], shape[0]],
                Periodic::uniform(x),
            );
            let own = allowed(times(
                times(x, x)?,
                Range {
                    lo: 1,
                    hi: shape[1] as i128,
                },
            )?)?;
            (
                Kernel::MatMul,
                vec![id, turned],
                vec![shape[0], shape[0]],
                Periodic::uniform(own),
            )
        }
        _ => return None,
    };
    push(design, kernel, inputs, shape, range);
    Some(())
}

pub(crate) fn fixed(dice: &mut Dice, x: Range) -> FixedType {
    use Overflow::*;
    use Quantization::*;
    let q = dice.pick(&[
        Trn, TrnZero, Rnd, RndZero, RndInf, RndMinInf, RndConv, RndConvOdd,
    ]);
    let o = dice.pick(&[Wrap, Sat, SatZero, SatSym, WrapSm]);
    let widest = if dice.below(4) == 0 { 60 } else { 12 };
    let width = 1 + dice.below(widest) as u32;
    // About the operand's size, so that rounding and overflow both happen. The operand has 2
    // fraction bits.
    let frac = 2 - dice.below(x.width() as usize + 4) as i32 + 3;
    let signed = dice.flip();
    let sat_bits = if matches!(o, Wrap | WrapSm) {
        dice.below(3) as u32
    } else {
        0
    };
    FixedType::new(width, width as i32 - frac, signed)
        .with(q, o)
        .with_sat_bits(sat_bits.min(width))
}

/// A window over `input` cells; with `full` every output reads at least one cell.
fn window(dice: &mut Dice, input: usize, full: bool) -> Window {
    loop {
        let w = Window {
            input,
            output: 1 + dice.below(6),
            kernel: 1 + dice.below(3),
            stride: 1 + dice.below(2),
            dilation: 1 + dice.below(2),
            base_dilation: if dice.below(4) == 0 { 2 } else { 1 },
            pad: dice.below(3),
        };
        if !full || (0..w.output).all(|o| w.taps(o).count() > 0) {
            return w;
        }
    }
}

fn dot(design: &mut Design, dice: &mut Dice, id: NodeId) -> Option<()> {
    let ty = design.node(id).ty.clone();
    let channels = *ty.shape.last()?;
    let windows: Vec<Window> = ty.shape[..ty.shape.len() - 1]
        .iter()
        .map(|&n| {
            if dice.below(4) == 0 {
                Window::identity(n)
            } else {
                window(dice, n, false)
            }
        })
        .collect();
    let divisors: Vec<usize> = (1..=channels)
        .filter(|g| channels.is_multiple_of(*g))
        .collect();
    let groups = if dice.below(3) == 0 {
        dice.pick(&divisors)
    } else {
        1
    };
    let filters = groups * (1 + dice.below(if groups == 1 { 20 } else { 3 }));
    let taps: usize = windows.iter().map(|w| w.kernel).product();
    let block = channels / groups;
    // Full bytes and halves, their neighbours, and sparse ones.
    let w = match dice.below(7) {
        0 => Range { lo: -128, hi: 127 },
        1 => Range { lo: -128, hi: 128 },
        2 => Range {
            lo: -32768,
            hi: 32767,
        },
        3 => Range { lo: 0, hi: 40000 },
        4 => Range { lo: -1, hi: 1 },
        5 => Range {
            lo: -(1 << 40),
            hi: 1 << 40,
        },
        _ => Range { lo: -9, hi: 8 },
    };
    let sparse = dice.below(3) == 0;
    let weights: Vec<i128> = (0..taps * block * filters)
        .map(|_| {
            if sparse && dice.below(4) > 0 {
                0
            } else {
                dice.code(w)
            }
        })
        .collect();
    let shifted = dice.below(4) == 0;
    let shift: Vec<u32> = (0..filters)
        .map(|_| if shifted { dice.below(5) as u32 } else { 0 })
        .collect();
    let bias: Vec<i128> = (0..filters)
        .map(|_| {
            dice.code(Range {
                lo: -1 << 20,
                hi: 1 << 20,
            })
        })
        .collect();
    linear(
        design,
        id,
        (windows, groups, filters),
        weights,
        (shift, bias),
    )?;
    Some(())
}

/// Appends a sum of products with its exact ranges.
pub(crate) fn linear(
    design: &mut Design,
    id: NodeId,
    (windows, groups, filters): (Vec<Window>, usize, usize),
    weights: Vec<i128>,
    (shift, bias): (Vec<u32>, Vec<i128>),
) -> Option<NodeId> {
    let ty = design.node(id).ty.clone();
    let (x, channels) = (ty.hull(), *ty.shape.last()?);
    let terms = weights.len() / filters;
    let zero = Range::point(0);
    let mut ranges = Vec::new();
    let mut partial = Vec::new();
    for f in 0..filters {
        // Any tap may be absent: every partial sum counts.
        let mut sum = zero;
        for k in 0..terms {
            let product = times(x, Range::point(weights[k * filters + f]))?.hull(zero);
            sum = plus(sum, product)?;
        }
        sum = plus(sum.shifted(shift[f])?, Range::point(bias[f]))?;
        ranges.push(allowed(sum)?);
        partial.push(sum);
    }
    let mut shape: Shape = windows.iter().map(|w| w.output).collect();
    shape.push(filters);
    let kernel = Kernel::Dot(Dot {
        windows,
        groups,
        channels,
        filters,
        weights: Arc::new(weights),
        weight_frac: Periodic::uniform(0),
        shift: Periodic::new(shift),
        bias: Periodic::new(bias),
        accumulator: Periodic::new(partial),
        encoding: Encoding::Fixed,
    });
    Some(push(design, kernel, vec![id], shape, Periodic::new(ranges)))
}

fn merge(design: &mut Design, dice: &mut Dice, id: NodeId) -> Option<()> {
    let ty = design.node(id).ty.clone();
    let x = ty.hull();
    let mut inputs = vec![id];
    let mut ranges = vec![x];
    for _ in 0..1 + dice.below(2) {
        // The same tensor, one of the same shape, or a smaller one that is broadcast.
        match dice.below(3) {
            0 => {
                inputs.push(id);
                ranges.push(x);
            }
            1 => {
                let other = design.nodes.iter().rposition(|n| n.ty.shape == ty.shape)?;
                inputs.push(NodeId(other as u32));
                ranges.push(design.nodes[other].ty.hull());
            }
            _ => {
                let crop: Vec<(usize, usize)> = ty
                    .shape
                    .iter()
                    .map(|&n| if dice.flip() { (0, n - 1) } else { (0, 0) })
                    .collect();
                let kernel = Kernel::Move(Move::Crop(crop));
                let Kernel::Move(m) = &kernel else {
                    return None;
                };
                let mut shape = m.output_shape(&[&ty.shape])?;
                let mut from = push(
                    design,
                    kernel,
                    vec![id],
                    shape.clone(),
                    Periodic::uniform(x),
                );
                if shape[0] == 1 && shape.len() > 1 {
                    // Fewer axes.
                    shape.remove(0);
                    let flat = Kernel::Move(Move::Reshape(shape.clone()));
                    from = push(design, flat, vec![from], shape, Periodic::uniform(x));
                }
                inputs.push(from);
                ranges.push(x);
            }
        }
    }
    let ops = [Merge::Add, Merge::Mul, Merge::Max, Merge::Min, Merge::Sub];
    let op = dice.pick(&ops);
    if op == Merge::Sub {
        inputs.truncate(2);
        ranges.truncate(2);
    }
    let shifts: Vec<u32> = if op == Merge::Mul {
        vec![0; inputs.len()]
    } else {
        inputs.iter().map(|_| dice.below(4) as u32).collect()
    };
    let mut all = ranges.iter().zip(&shifts).map(|(r, s)| r.shifted(*s));
    let first = all.next()??;
    let range = all.try_fold(first, |a, b| {
        let b = b?;
        match op {
            Merge::Add => plus(a, b),
            Merge::Sub => plus(
                a,
                Range {
                    lo: -b.hi,
                    hi: -b.lo,
                },
            ),
            Merge::Mul => times(a, b),
            Merge::Max => Some(Range {
                lo: a.lo.max(b.lo),
                hi: a.hi.max(b.hi),
            }),
            Merge::Min => Some(Range {
                lo: a.lo.min(b.lo),
                hi: a.hi.min(b.hi),
            }),
        }
    })?;
    let range = allowed(range)?;
    push(
        design,
        Kernel::Merge { op, shifts },
        inputs,
        ty.shape,
        Periodic::uniform(range),
    );
    Some(())
}

fn moved(design: &mut Design, dice: &mut Dice, id: NodeId) -> Option<()> {
    let ty = design.node(id).ty.clone();
    let shape = ty.shape.clone();
    let axis = dice.below(shape.len());
    let sizes = |dice: &mut Dice| {
        shape
            .iter()
            .map(|_| (dice.below(3), dice.below(3)))
            .collect()
    };
    let mut inputs = vec![id];
    let mut range = ty.hull();
    let moved = match dice.below(7) {
        0 => Move::Reshape(vec![elements(&shape)]),
        1 => {
            let mut reversed = shape.clone();
            reversed.reverse();
            Move::Reshape(reversed)
        }
        2 => Move::Permute((0..shape.len()).rev().collect()),
        3 => {
            range = range.hull(Range::point(0));
            Move::Pad(sizes(dice))
        }
        4 => Move::Crop(sizes(dice)),
        5 => Move::Repeat {
            axis,
            times: 1 + dice.below(3),
        },
        _ if dice.flip() => Move::Reverse(axis),
        _ => {
            let other = design.nodes.iter().rposition(|n| {
                let same =
                    n.ty.shape
                        .iter()
                        .zip(&shape)
                        .enumerate()
                        .all(|(a, (x, y))| a == axis || x == y);
                n.ty.shape.len() == shape.len() && same
            })?;
            inputs.push(NodeId(other as u32));
            range = range.hull(design.nodes[other].ty.hull());
            Move::Concat(axis)
        }
    };
    let shapes: Vec<&[usize]> = inputs
        .iter()
        .map(|i| design.node(*i).ty.shape.as_slice())
        .collect();
    let out = moved
        .output_shape(&shapes)
        .filter(|s| elements(s) <= 2000)?;
    push(
        design,
        Kernel::Move(moved),
        inputs,
        out,
        Periodic::uniform(range),
    );
    Some(())
}

/// A loop over the first axis: a random body, and a state that adds up what it sees.
fn looped(design: &mut Design, dice: &mut Dice, id: NodeId) -> Option<()> {
    let ty = design.node(id).ty.clone();
    let (steps, slice) = ty.shape.split_first().filter(|(_, s)| !s.is_empty())?;
    let x = ty.hull();
    let state = FixedType::new(1 + dice.below(20) as u32, 0, true);
    let state = FixedType {
        int_bits: state.width as i32 - 2,
        ..state
    };
    let kept = Range {
        lo: state.min_raw()?,
        hi: state.max_raw()?,
    };
    let mut body = Design::default();
    let port = FixedType::new(x.width(), x.width() as i32 - 2, x.signed());
    for (index, (ty, range)) in [(port, x), (state, kept)].into_iter().enumerate() {
        let kernel = Kernel::Input { index, ty };
        let node = push(
            &mut body,
            kernel,
            vec![],
            slice.to_vec(),
            Periodic::uniform(range),
        );
        let name = format!("body{index}");
        body.inputs.push(Port { name, node });
    }
    let (new, old) = (body.inputs[0].node, body.inputs[1].node);
    for _ in 0..dice.below(4) {
        random_node(&mut body, dice);
    }
    let last = NodeId(body.nodes.len() as u32 - 1);
    let sum = Kernel::Merge {
        op: Merge::Add,
        shifts: vec![0, 0],
    };
    let range = Periodic::uniform(allowed(plus(x, kept)?)?);
    let sum = push(&mut body, sum, vec![new, old], slice.to_vec(), range);
    let stored = |design: &mut Design, from| {
        let kernel = Kernel::Cast(Periodic::uniform(state));
        push(
            design,
            kernel,
            vec![from],
            slice.to_vec(),
            Periodic::uniform(kept),
        )
    };
    let next = stored(&mut body, sum);
    for (number, node) in [next, last, sum].into_iter().enumerate() {
        // Outputs are no inputs.
        if !matches!(body.node(node).kernel, Kernel::Input { .. }) {
            let name = format!("next{number}");
            body.outputs.push(Port { name, node });
        }
    }
    let mut operands = vec![id];
    if dice.flip() {
        let first: Vec<(usize, usize)> = std::iter::once((0, steps - 1))
            .chain(slice.iter().map(|_| (0, 0)))
            .collect();
        let shape = [&[1], slice].concat();
        let range = Periodic::uniform(x);
        let crop = Kernel::Move(Move::Crop(first));
        let first = push(design, crop, vec![id], shape, range.clone());
        let flat = Kernel::Move(Move::Reshape(slice.to_vec()));
        let first = push(design, flat, vec![first], slice.to_vec(), range);
        operands.push(stored(design, first));
    }
    let outputs = body.outputs.len();
    let results = (0..1 + dice.below(3)).map(|_| LoopResult {
        output: dice.below(outputs),
        sequence: dice.flip(),
    });
    let results: Vec<LoopResult> = results.collect();
    let cell = Loop {
        body: Arc::new(body),
        steps: *steps,
        sequences: 1,
        results,
    };
    let origin = Origin {
        layer: format!("loop{}", design.nodes.len()),
        class: "Test".into(),
        call: 0,
    };
    let mut add = |kernel: Kernel, inputs: Vec<NodeId>, ty: TensorType| {
        design.push(Node {
            kernel,
            inputs,
            ty,
            origin: origin.clone(),
            note: String::new(),
        })
    };
    let node = add(Kernel::Loop(cell.clone()), operands, cell.result_type(0));
    for number in 1..cell.results.len() {
        add(Kernel::Part(number), vec![node], cell.result_type(number));
    }
    Some(())
}

/// A node for the body of a loop, which holds no loops.
fn random_node(body: &mut Design, dice: &mut Dice) {
    let before = body.nodes.len();
    grow(body, dice);
    let looped = |n: &Node| matches!(n.kernel, Kernel::Loop(_));
    if body.nodes[before..].iter().any(looped) {
        body.nodes.truncate(before);
    }
}

/// A batch for every input of a design.
pub(crate) fn batch(design: &Design, samples: usize, dice: &mut Dice) -> Vec<Vec<i128>> {
    let ports = design.inputs.iter().map(|p| &design.node(p.node).ty);
    ports
        .map(|ty| {
            (0..samples * ty.elements())
                .map(|_| dice.code(ty.hull()))
                .collect()
        })
        .collect()
}

/// Every use of `num` here is to keep the generator's types valid.
#[test]
fn generated_types_are_within_conversion() {
    let mut dice = Dice::new(1);
    for _ in 0..1000 {
        let ty = fixed(&mut dice, Range { lo: -300, hi: 300 });
        assert!(num::checked_convert(5, 2, &ty).is_some());
    }
}
