//! Which kernels need one word at a time, and what they look like then.

use super::super::kernels::{self, KernelView};
use super::{Form, Parts, pixel_call, word_size, words};
use crate::ir::Window;
use crate::ir::kernel::{Dot, Kernel, Node, NodeId, TensorType};
use crate::ir::{Move, Periodic};

/// How a process of this kernel alone would move its words.
pub(super) fn form(node: &Node, operands: &[&TensorType]) -> Form {
    match &node.kernel {
        Kernel::Dot(dot) => windows(&dot.windows, false),
        Kernel::Pool { windows: w, .. } => windows(w, true),
        Kernel::Loop(cell) => Form::Steps(cell.steps),
        _ if per_word(node, operands) => Form::Words(words(&node.ty.shape)),
        _ => Form::Whole,
    }
}

/// Whether each word of the result needs just the word of the same number of every operand.
fn per_word(node: &Node, operands: &[&TensorType]) -> bool {
    let size = word_size(&node.ty.shape);
    let lead = |shape: &[usize]| shape[..shape.len().saturating_sub(1)].to_vec();
    let same_lead = || {
        let own = lead(&node.ty.shape);
        operands.iter().all(|o| lead(&o.shape) == own)
    };
    let periods = |all: &[usize]| {
        let frac = [node.ty.frac.period(), operands[0].frac.period()];
        all.iter().chain(&frac).all(|p| size.is_multiple_of(*p))
    };
    match &node.kernel {
        Kernel::Input { .. }
        | Kernel::Dot(_)
        | Kernel::Pool { .. }
        | Kernel::MatMul
        | Kernel::Loop(_)
        | Kernel::Part(_) => false,
        Kernel::Affine(a) => periods(&[a.mul.period(), a.add.period()]),
        Kernel::Select(s) => periods(&[
            s.threshold.period(),
            s.below.mul.period(),
            s.below.add.period(),
            s.above.mul.period(),
            s.above.add.period(),
        ]),
        Kernel::Clamp(limits) => periods(&[limits.period()]),
        Kernel::Cast(types) => periods(&[types.period()]),
        Kernel::Lut(lut) => periods(&[lut.tables.period()]),
        Kernel::Threshold(stairs) => periods(&[stairs.period()]),
        Kernel::Merge { .. } => same_lead(),
        Kernel::Move(Move::Concat(axis)) => *axis + 1 == node.ty.shape.len() && same_lead(),
        Kernel::Move(Move::Reshape(_)) => word_size(&operands[0].shape) == size,
        Kernel::Move(
            Move::Permute(_)
            | Move::Pad(_)
            | Move::Crop(_)
            | Move::Repeat { .. }
            | Move::Reverse(_),
        ) => false,
        Kernel::Reduce(_) => !operands[0].shape.is_empty(),
    }
}

/// Number of images, and the axes of their rows and columns; `None` for windows over three axes.
fn image(all: &[Window]) -> Option<(usize, Window, Window)> {
    let passes = |w: &&Window| **w == Window::identity(w.input);
    let lead = all.iter().take_while(passes).count();
    let batch = all[..lead].iter().map(|w| w.input).product();
    let one = Window::identity(1);
    match &all[lead..] {
        [] => Some((batch, one, one)),
        [columns] => Some((batch, one, *columns)),
        [rows, columns] => Some((batch, *rows, *columns)),
        _ => None,
    }
}

/// Windows over up to two axes walk over pixels; those over none take one word at a time.
fn windows(all: &[Window], pool: bool) -> Form {
    let Some((batch, rows, columns)) = image(all) else {
        return Form::Whole;
    };
    let one = Window::identity(1);
    if !pool && rows == one && columns == one {
        return Form::Words(batch);
    }
    let mut steps = Vec::new();
    for _ in 0..batch {
        if pool && whole(&rows) && whole(&columns) {
            let pixels = rows.input * columns.input;
            steps.extend((1..=pixels).map(|n| (true, n == pixels)));
            continue;
        }
        for (row_real, row_fires) in grid(&rows) {
            steps
                .extend(grid(&columns).map(|(real, fires)| (row_real && real, row_fires && fires)));
        }
    }
    Form::Pixels(steps)
}

/// Whether one window covers the axis, each cell once.
fn whole(w: &Window) -> bool {
    *w == Window {
        kernel: w.input,
        output: 1,
        stride: w.stride,
        ..Window::identity(w.input)
    }
}

/// For each cell of the grid that `line_buffer.h` walks on: whether it is one of the input, and
/// whether an output is complete there.
fn grid(w: &Window) -> impl Iterator<Item = (bool, bool)> + use<> {
    let w = *w;
    let span = (w.kernel - 1) * w.dilation + 1;
    let last_output = (w.output - 1) * w.stride + span;
    let last_input = w.pad + (w.input - 1) * w.base_dilation + 1;
    (0..last_output.max(last_input)).map(move |v| {
        let real = v
            .checked_sub(w.pad)
            .is_some_and(|p| p.is_multiple_of(w.base_dilation) && p / w.base_dilation < w.input);
        let fires = (v + 1)
            .checked_sub(span)
            .is_some_and(|first| first.is_multiple_of(w.stride) && first / w.stride < w.output);
        (real, fires)
    })
}

/// The C++ of a node inside a process of this form.
///
/// # Errors
/// Why it has none, for people.
pub(super) fn view(parts: &Parts, id: NodeId, form: &Form) -> Result<KernelView, String> {
    let design = parts.design;
    let whole_node = design.node(id);
    let types = design.operand_types(whole_node);
    let first = whole_node.inputs.first();
    let signs = first.is_some_and(|&i| kernels::products::signs(design, i));
    let mut view = match form {
        Form::Words(_) => {
            let word = Node {
                kernel: of_a_word(whole_node),
                ty: word_type(&whole_node.ty),
                ..whole_node.clone()
            };
            let operands: Vec<TensorType> = types.iter().map(|t| word_type(t)).collect();
            kernels::view_of(
                &word,
                &operands,
                signs,
                id,
                parts.edges,
                parts.family,
                parts.directives,
            )?
        }
        Form::Whole | Form::Pixels(_) | Form::Clone(_) | Form::Steps(_) => {
            kernels::view(design, id, parts.edges, parts.family, parts.directives)?
        }
    }
    .expect("inputs have no process");
    view.title = kernels::title(whole_node);
    if matches!(form, Form::Pixels(_)) {
        let all = match &whole_node.kernel {
            Kernel::Pool { windows, .. } => {
                image(windows).is_some_and(|(_, r, c)| whole(&r) && whole(&c))
            }
            _ => false,
        };
        pixel_call(&mut view, all);
    }
    Ok(view)
}

/// The type of one word of a tensor.
fn word_type(ty: &TensorType) -> TensorType {
    TensorType {
        shape: vec![word_size(&ty.shape)],
        frac: ty.frac.clone(),
        // One range for all words; the widest channel's width decides types anyway.
        range: Periodic::uniform(ty.hull()),
    }
}

/// The kernel as it is on one word.
fn of_a_word(node: &Node) -> Kernel {
    match &node.kernel {
        Kernel::Dot(dot) => Kernel::Dot(Dot {
            windows: Vec::new(),
            ..dot.clone()
        }),
        Kernel::Move(Move::Concat(_)) => Kernel::Move(Move::Concat(0)),
        Kernel::Move(Move::Reshape(_)) => {
            Kernel::Move(Move::Reshape(vec![word_size(&node.ty.shape)]))
        }
        Kernel::Input { .. }
        | Kernel::MatMul
        | Kernel::Affine(_)
        | Kernel::Select(_)
        | Kernel::Clamp(_)
        | Kernel::Cast(_)
        | Kernel::Lut(_)
        | Kernel::Threshold(_)
        | Kernel::Pool { .. }
        | Kernel::Merge { .. }
        | Kernel::Move(
            Move::Permute(_)
            | Move::Pad(_)
            | Move::Crop(_)
            | Move::Repeat { .. }
            | Move::Reverse(_),
        )
        | Kernel::Reduce(_)
        | Kernel::Loop(_)
        | Kernel::Part(_) => node.kernel.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_reads_every_cell_and_completes_every_output() {
        for (kernel, stride, dilation, base_dilation, pad, input, output) in [
            (3, 1, 1, 1, 1, 8, 8),
            (3, 2, 1, 1, 0, 8, 3),
            (2, 1, 3, 1, 0, 8, 5),
            (3, 1, 1, 2, 2, 4, 9),
            (1, 3, 1, 1, 0, 8, 3),
        ] {
            let w = Window {
                input,
                output,
                kernel,
                stride,
                dilation,
                base_dilation,
                pad,
            };
            let steps: Vec<_> = grid(&w).collect();
            assert_eq!(steps.iter().filter(|s| s.0).count(), input);
            assert_eq!(steps.iter().filter(|s| s.1).count(), output);
        }
    }
}
