//! `Flatten`, `Reshape`, `Permute`, `RepeatVector`.

use serde_json::Value;

use super::config::as_integer;
use super::{Call, LayerDef, Outcome};
use crate::ir::{Move, elements};

/// See the module.
pub(super) struct Reshape;

impl LayerDef for Reshape {
    fn classes(&self) -> &'static [&'static str] {
        &["Flatten", "Permute", "RepeatVector", "Reshape"]
    }

    fn lower(&self, call: &mut Call<'_>) -> Outcome {
        let shape = call.shape(0);
        let mut input = call.inputs[0];
        let moved = match call.class() {
            "Flatten" => {
                // Channels-first data is flattened in channels-last order.
                if call.config.channels_first() && shape.len() > 1 {
                    let axes = (1..shape.len()).chain([0]).collect();
                    input = call.moved(Move::Permute(axes), vec![input])?;
                }
                Some(Move::Reshape(vec![elements(&shape)]))
            }
            "Permute" => call.integers("dims").and_then(|dims| {
                let axes: Option<Vec<usize>> =
                    dims.iter().map(|&d| usize::try_from(d - 1).ok()).collect();
                axes.map(Move::Permute)
            }),
            "RepeatVector" => {
                let n = call.config.count("n");
                input = call.moved(Move::Reshape([vec![1], shape].concat()), vec![input])?;
                Some(Move::Repeat { axis: 0, times: n })
            }
            _ => call.integers("target_shape").and_then(|target| {
                let known: i64 = target.iter().filter(|&&d| d != -1).product();
                let total = i64::try_from(elements(&shape)).ok()?;
                let missing = target.iter().filter(|&&d| d == -1).count();
                let rest = if known > 0 { total / known } else { 0 };
                let dims = target
                    .iter()
                    .map(|&d| usize::try_from(if d == -1 && missing == 1 { rest } else { d }).ok());
                dims.collect::<Option<Vec<_>>>().map(Move::Reshape)
            }),
        };
        let Some(moved) = moved else {
            call.config.problem("the target shape is missing or wrong");
            return Err(call.problems());
        };
        call.finish()?;
        Ok(vec![call.moved(moved, vec![input])?])
    }

    fn doc(&self) -> &'static str {
        "row-major; one -1 in target_shape; channels-first data is flattened channels-last"
    }
}

impl Call<'_> {
    /// A list of integers.
    fn integers(&self, key: &str) -> Option<Vec<i64>> {
        let Some(Value::Array(items)) = self.config.get(key) else {
            return None;
        };
        items.iter().map(as_integer).collect()
    }
}
