//! A folder with a model, inputs, and what QKeras computed from them.

use std::collections::BTreeMap;
use std::path::Path;

use indexmap::IndexMap;
use qk_hls::compile::{self, Compiled};
use qk_hls::data::{self, Array, Arrays};
use qk_hls::ir::kernel::NodeId;
use qk_hls::sim::{self, batch};

/// How near a layer's recorded values are to the exact ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Expected {
    /// Equal.
    Exact,
    /// Rounded on the way: to float64, by a scale in float32, or by one step of the output's type.
    Rounded,
}

/// Compares every layer that was recorded, and all outputs; returns what differs, in words.
pub(crate) fn differences(
    compiled: &Compiled,
    inputs: &[Array],
    layers: &IndexMap<String, Array>,
    expected: &dyn Fn(&str) -> Expected,
) -> Vec<String> {
    let design = &compiled.design;
    let batch = match batch::batch(design, &compiled.derived_inputs, inputs, false) {
        Ok(batch) => batch,
        Err(errors) => return errors.iter().map(ToString::to_string).collect(),
    };
    let all: Vec<NodeId> = design
        .taps
        .iter()
        .map(|t| t.node)
        .chain(compiled.virtual_taps.iter().map(|t| t.node))
        .collect();
    let codes = match batch::run(design, &batch, &all) {
        Ok(codes) => codes,
        Err(violation) => return vec![format!("{violation:?}")],
    };
    let mut ours: BTreeMap<&str, (Vec<f64>, f64)> = BTreeMap::new();
    let mut found = Vec::new();
    for (tap, codes) in design.taps.iter().zip(&codes) {
        let ty = &design.node(tap.node).ty;
        let coarsest = ty.frac.values().iter().min().copied().unwrap_or(0);
        let (values, _) = sim::nearest_values(codes, ty);
        ours.insert(&tap.name, (values, 2.0_f64.powi(-coarsest)));
    }
    for (tap, codes) in compiled
        .virtual_taps
        .iter()
        .zip(&codes[design.taps.len()..])
    {
        match tap.values(&design.node(tap.node).ty, codes) {
            Some(values) => {
                ours.insert(&tap.name, (values, 0.0));
            }
            None => found.push(format!("{}: no value", tap.name)),
        }
    }
    for (name, theirs) in layers {
        let Some((values, step)) = ours.get(name.as_str()) else {
            found.push(format!("{name}: not in the trace"));
            continue;
        };
        let theirs = theirs.to_f64().expect("recorded as floats");
        if values.len() < theirs.len() {
            found.push(format!(
                "{name}: {} values for {}",
                values.len(),
                theirs.len()
            ));
            continue;
        }
        // Relative to the largest value: sums lose what their largest terms lose.
        let scale = theirs.iter().fold(1.0_f64, |m, v| m.max(v.abs()));
        let allowed = match expected(name) {
            Expected::Exact => 0.0,
            Expected::Rounded => step + 1e-5 * scale,
        };
        let wrong: Vec<usize> = (0..theirs.len())
            // The difference of equal infinities is no number.
            .filter(|&i| values[i] != theirs[i])
            .filter(|&i| allowed == 0.0 || (values[i] - theirs[i]).abs() > allowed)
            .collect();
        if let Some(&i) = wrong.first() {
            found.push(format!(
                "{name}: {} of {} values differ, first at {i}: {} instead of {}",
                wrong.len(),
                theirs.len(),
                values[i],
                theirs[i]
            ));
        }
    }
    found
}

/// `x.npy`, or `x.npz` with keys `0`, `1`, ...
pub(crate) fn inputs(folder: &Path) -> Vec<Array> {
    match data::load(&folder.join("x.npy")) {
        Ok(Arrays::One(array)) => vec![array],
        _ => {
            let arrays = named(&folder.join("x.npz"));
            (0..arrays.len())
                .map(|i| arrays[&i.to_string()].clone())
                .collect()
        }
    }
}

/// Swaps the first two axes of a float32 or float64 array.
pub(crate) fn swap_axes(array: &mut Array) {
    let [a, b, ..] = array.shape[..] else {
        panic!("two axes are wanted");
    };
    let inner: usize = array.shape[2..].iter().product();
    let values = array.to_f64().expect("floats");
    let source = |i: usize| {
        let (block, rest) = (i / inner, i % inner);
        values[(block % a * b + block / a) * inner + rest]
    };
    array.values = data::Values::F64((0..values.len()).map(source).collect());
    array.shape.swap(0, 1);
}

/// The arrays of an `.npz`.
pub(crate) fn named(path: &Path) -> IndexMap<String, Array> {
    match data::load(path) {
        Ok(Arrays::Named(arrays)) => arrays,
        other => panic!("{}: {other:?}", path.display()),
    }
}

/// Compiles with these input types.
pub(crate) fn compile(model: &Path, input_types: &[&str]) -> Result<Compiled, String> {
    let types = input_types
        .iter()
        .map(|t| t.parse().expect("a type's name"));
    let options = compile::Options {
        input_types: compile::InputTypes {
            by_order: types.collect(),
            ..Default::default()
        },
        ..Default::default()
    };
    compile::compile(model, None, &options).map_err(|e| e.to_string())
}
