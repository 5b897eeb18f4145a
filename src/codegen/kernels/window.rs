//! Spatial axes, and reductions over them.

use super::{Body, Builder, Config, call};
use crate::codegen::directives::Choice;
use crate::ir::kernel::PoolKind;
use crate::ir::{Range, Window};

/// Spatial axes as the library takes them: leading axes that pass through, then up to three.
#[derive(Debug)]
pub(crate) struct Axes {
    pub(crate) batch: usize,
    /// Planes, rows, columns: C++ types.
    pub(crate) windows: [String; 3],
    trivial: bool,
}

impl Axes {
    /// # Errors
    /// More than three axes that do not just pass through.
    pub(super) fn of(windows: &[Window]) -> Result<Self, String> {
        let passes = |w: &Window| *w == Window::identity(w.input);
        let lead = windows.iter().take_while(|w| passes(w)).count();
        let (leading, rest) = windows.split_at(lead);
        if rest.len() > 3 {
            return Err(format!(
                "windows over {} axes have no C++ form; up to 3 do",
                rest.len()
            ));
        }
        let mut names = [const { String::new() }; 3];
        for (slot, name) in names.iter_mut().enumerate() {
            *name = match (slot + rest.len()).checked_sub(3) {
                Some(i) => spell(&rest[i]),
                None => "nnet::no_axis".to_owned(),
            };
        }
        Ok(Self {
            batch: leading.iter().map(|w| w.input).product(),
            windows: names,
            trivial: rest.is_empty(),
        })
    }

    /// Number of positions when every axis passes through.
    pub(super) fn positions(&self) -> Option<usize> {
        self.trivial.then_some(self.batch)
    }
}

fn spell(w: &Window) -> String {
    format!(
        "nnet::window<{}, {}, {}, {}, {}, {}, {}>",
        w.input, w.output, w.kernel, w.stride, w.dilation, w.base_dilation, w.pad
    )
}

/// A window reduction.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) axes: Axes,
    pub(crate) choice: Choice,
    pub(crate) channels: usize,
    pub(crate) kind: &'static str,
    pub(crate) accum: String,
}

pub(super) fn pool(b: &mut Builder, windows: &[Window], kind: PoolKind) -> Result<Body, String> {
    let operand = b.operand_type(0);
    let result = b.node.ty.hull();
    let (name, range): (_, Range) = match kind {
        PoolKind::Sum => ("nnet::pool_sum", result),
        PoolKind::Max => ("nnet::pool_max", result.hull(operand.hull())),
    };
    let spelled = b.integer(range);
    let layer = b.node.origin.layer.escape_default().to_string();
    let config = Pool {
        axes: Axes::of(windows)?,
        choice: b.choice,
        channels: operand.shape.last().copied().unwrap_or(1),
        kind: name,
        accum: b.define("accum", spelled, &format!("{layer}: what a window holds")),
    };
    Ok(Body {
        config: Config::Pool(config),
        header: "pool",
        calls: call(b, "pool", &[]),
        loops: true,
        products: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_axes_that_pass_through_are_one() {
        let conv = Window {
            kernel: 3,
            pad: 1,
            ..Window::identity(8)
        };
        let axes = Axes::of(&[Window::identity(5), Window::identity(2), conv]).unwrap();
        assert_eq!(axes.batch, 10);
        assert_eq!(axes.positions(), None);
        assert_eq!(axes.windows[1], "nnet::no_axis");
        assert_eq!(axes.windows[2], "nnet::window<8, 8, 3, 1, 1, 1, 1>");
        assert_eq!(
            Axes::of(&[Window::identity(5)]).unwrap().positions(),
            Some(5)
        );
        assert!(Axes::of(&[conv; 4]).is_err());
    }
}
