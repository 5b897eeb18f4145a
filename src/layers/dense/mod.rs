//! `Dense` and `QDense`: `y = act(x . Q(kernel) + Q(bias))` over the last axis.

use super::{Call, LayerDef, Outcome};
use crate::ir::Window;

/// See the module.
pub(super) struct Dense;

impl LayerDef for Dense {
    fn classes(&self) -> &'static [&'static str] {
        &["Dense", "QDense"]
    }

    fn takes_time_major(&self) -> bool {
        true
    }

    fn lower(&self, call: &mut Call<'_>) -> Outcome {
        let units = call.config.count("units");
        let mut shape = call.shape(0);
        let Some(channels) = shape.last().copied() else {
            return Err(vec![
                "a dense layer needs an input of rank 1 or more".into(),
            ]);
        };
        let kernel = call.quantizer("kernel_quantizer");
        let weights = call.weights("kernel", &[channels, units], kernel.as_deref());
        let bias = call.bias(units);
        let activation = call.activation();
        call.finish()?;
        let windows: Vec<Window> = shape[..shape.len() - 1]
            .iter()
            .map(|&n| Window::identity(n))
            .collect();
        let mut weights = weights.expect("no problem was found");
        // A position is a window of one tap for each leading axis.
        weights.shape = [vec![1; windows.len()], vec![channels, units]].concat();
        *shape.last_mut().expect("rank was checked") = units;
        let node = call.linear(windows, 1, weights, bias, shape);
        Ok(vec![call.activate(node, activation)])
    }

    fn doc(&self) -> &'static str {
        "any rank; kernel and bias quantizers; activation"
    }
}
