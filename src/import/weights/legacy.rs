//! Legacy HDF5: one group per layer, named after it, with the list of its weights' names.
//!
//! The list holds the trainable weights of the layer, or of a whole nested model, and then the others. Weights are
//! taken by position in that order, and the last part of every stored name must agree with the slot it falls on.

use std::collections::HashMap;

use super::super::error::WeightProblem;
use super::super::json::flag;
use super::super::model::{Inner, RawLayer, RawModel};
use super::slots::{Kind, Slot, slots};
use super::{Binder, list, place_of};

/// Groups beside those of the layers.
const OTHER_GROUPS: [&str; 2] = ["top_level_model_weights", "optimizer_weights"];

pub(super) fn bind(binder: &mut Binder<'_>, root: &str, model: &mut RawModel) {
    let stored = match stored_layers(binder, root) {
        Ok(stored) => stored,
        Err(problem) => return binder.report.file(problem),
    };
    let by_name: HashMap<&str, &StoredLayer> = stored
        .iter()
        .map(|layer| (layer.name.as_str(), layer))
        .collect();
    let named = |layer: &RawLayer| by_name.get(layer.listed_name()).copied();
    let wanting: Vec<bool> = model
        .layers
        .iter()
        .map(|layer| expected(layer).is_none_or(|e| !e.is_empty()))
        .collect();
    let missing = model
        .layers
        .iter()
        .zip(&wanting)
        .any(|(layer, &wanting)| wanting && named(layer).is_none());
    let with_weights: Vec<&StoredLayer> = stored
        .iter()
        .filter(|layer| !layer.weights.is_empty())
        .collect();
    let wanting_count = wanting.iter().filter(|&&wanting| wanting).count();
    // Keras itself goes by order: layers with generated names change them from session to session.
    let by_order = missing && with_weights.len() == wanting_count;
    if by_order {
        binder.log.push(
            "weights matched to layers by order: their stored names are different".to_owned(),
        );
    }
    let mut in_order = with_weights.iter();
    let mut bound: Vec<&str> = Vec::new();
    for (layer, wanting) in model.layers.iter_mut().zip(wanting) {
        let place = place_of("", layer);
        let source = if !by_order {
            named(layer)
        } else if wanting {
            in_order.next().copied()
        } else {
            None
        };
        match source {
            Some(source) => {
                bound.push(&source.name);
                bind_top_level(binder, layer, source, &place);
            }
            None if wanting => {
                let path = format!("{root}/{}", layer.listed_name());
                binder.report.layer(
                    &place,
                    WeightProblem::Missing {
                        slot: first_slot(layer),
                        path,
                    },
                );
            }
            None => {}
        }
    }
    for layer in stored
        .iter()
        .filter(|layer| !bound.contains(&layer.name.as_str()))
    {
        binder.report_unused(&layer.group, None);
    }
    binder.report_unused(&format!("{root}/{}", OTHER_GROUPS[0]), None);
}

fn first_slot(layer: &RawLayer) -> String {
    let slots = expected(layer).unwrap_or_default();
    slots
        .first()
        .map_or("weights", |(_, slot)| slot.name)
        .to_owned()
}

/// A layer's group.
struct StoredLayer {
    name: String,
    group: String,
    /// Dataset paths in stored order, without those that are no weights.
    weights: Vec<String>,
}

/// The layers of the file in stored order, each with its weights.
fn stored_layers(binder: &mut Binder<'_>, root: &str) -> Result<Vec<StoredLayer>, WeightProblem> {
    let names = binder
        .file
        .strings(root, "layer_names")?
        .unwrap_or_default();
    let mut layers = Vec::with_capacity(names.len());
    for name in names {
        let group = format!("{root}/{name}");
        let mut weights = Vec::new();
        for weight in binder
            .file
            .strings(&group, "weight_names")?
            .unwrap_or_default()
        {
            let path = format!("{group}/{weight}");
            if is_pruning_variable(&weight, &name) || weight.contains("seed_generator") {
                binder.used.insert(path);
            } else if is_noise_factor(&weight) {
                check_noise_factor(binder, &name, path);
            } else {
                weights.push(path);
            }
        }
        layers.push(StoredLayer {
            name,
            group,
            weights,
        });
    }
    Ok(layers)
}

/// The last part of a stored weight name, without the `:0` of TensorFlow.
fn base_name(path: &str) -> &str {
    let last = path.rsplit('/').next().unwrap_or(path);
    last.split(':').next().unwrap_or(last)
}

/// `mask`, `threshold` and `pruning_step` of a pruning wrapper, which repeats them numbered for each pruned weight.
fn is_pruning_variable(weight: &str, layer: &str) -> bool {
    let base = base_name(weight)
        .trim_end_matches(|c: char| c.is_ascii_digit())
        .trim_end_matches('_');
    layer.starts_with("prune_low_magnitude")
        && matches!(base, "mask" | "threshold" | "pruning_step")
}

/// QKeras 0.9 keeps a quantizer's noise factor as a variable if asked to.
fn is_noise_factor(weight: &str) -> bool {
    base_name(weight).starts_with("qnoise_factor")
}

fn check_noise_factor(binder: &mut Binder<'_>, place: &str, path: String) {
    match binder.file.tensor(&path).map(|tensor| tensor.to_f64()) {
        Ok(Some(values)) if values == [1.0] => {}
        Ok(values) => {
            let value = values
                .and_then(|values| values.first().copied())
                .unwrap_or(f64::NAN);
            binder.report.layer(
                place,
                WeightProblem::NoiseFactor {
                    path: path.clone(),
                    value,
                },
            );
        }
        Err(problem) => binder.report.layer(place, problem),
    }
    binder.used.insert(path);
}

/// A weight a layer expects: the way to its owner inside the layer, and the slot. Trainable ones first.
type Expected = Vec<(Vec<usize>, Slot)>;

/// `None`: a class inside is unknown, so the list cannot be divided.
fn expected(layer: &RawLayer) -> Option<Expected> {
    let mut trainable = Vec::new();
    let mut other = Vec::new();
    walk(layer, &mut Vec::new(), &mut |way, slot, frozen| {
        let list = if slot.trainable && !frozen {
            &mut trainable
        } else {
            &mut other
        };
        list.push((way.to_vec(), slot));
    })?;
    trainable.extend(other);
    Some(trainable)
}

/// Visits the slots of a layer and of everything inside, in Keras' order. `frozen`: the owner is not trainable.
fn walk(
    layer: &RawLayer,
    way: &mut Vec<usize>,
    visit: &mut impl FnMut(&[usize], Slot, bool),
) -> Option<()> {
    if matches!(layer.inner, Inner::None) {
        let frozen = !flag(&layer.config, "trainable", true);
        for slot in slots(&layer.class_name, &layer.config)? {
            visit(way, slot, frozen);
        }
        return Some(());
    }
    for (nth, child) in children(layer).into_iter().enumerate() {
        way.push(nth);
        walk(child, way, visit)?;
        way.pop();
    }
    Some(())
}

/// The layers directly inside a layer, in the order in which Keras lists their weights.
fn children(layer: &RawLayer) -> Vec<&RawLayer> {
    match &layer.inner {
        Inner::None => Vec::new(),
        Inner::Model(model) => model.layers.iter().collect(),
        Inner::Layer(inner) => vec![inner],
        Inner::Directions { forward, backward } => vec![forward, backward],
        Inner::Cells(cells) => cells.iter().collect(),
    }
}

/// The owner of a slot: `way` comes from [`walk`] over the same layer.
fn descend<'a>(layer: &'a mut RawLayer, way: &[usize]) -> &'a mut RawLayer {
    way.iter()
        .fold(layer, |layer, &nth| match &mut layer.inner {
            Inner::None => unreachable!("a way leads only into layers that hold others"),
            Inner::Model(model) => &mut model.layers[nth],
            Inner::Layer(inner) => inner,
            Inner::Directions { forward, .. } if nth == 0 => forward,
            Inner::Directions { backward, .. } => backward,
            Inner::Cells(cells) => &mut cells[nth],
        })
}

fn bind_top_level(
    binder: &mut Binder<'_>,
    layer: &mut RawLayer,
    source: &StoredLayer,
    place: &str,
) {
    let Some(expected) = expected(layer) else {
        if matches!(layer.inner, Inner::None) {
            for path in &source.weights {
                binder.take_unknown(layer, place, base_name(path), path);
            }
        } else {
            // The layer table refuses the unknown class inside.
            binder.used.extend(source.weights.iter().cloned());
        }
        return;
    };
    let stored = &source.weights;
    if stored.len() != expected.len() {
        let problem = WeightProblem::Count {
            class: layer.class_name.clone(),
            path: source.group.clone(),
            found: list(stored.iter().map(|path| base_name(path))),
            expected: list(expected.iter().map(|(_, slot)| slot.name)),
        };
        binder.used.extend(stored.iter().cloned());
        return binder.report.layer(place, problem);
    }
    let Some(order) = fitting_order(binder, expected, stored) else {
        let problem = WeightProblem::Names {
            class: layer.class_name.clone(),
            found: list(stored.iter().map(|path| base_name(path))),
            expected: first_names(layer),
        };
        binder.used.extend(stored.iter().cloned());
        return binder.report.layer(place, problem);
    };
    for ((way, slot), path) in order.iter().zip(stored) {
        let owner = descend(layer, way);
        let place = if way.is_empty() {
            place.to_owned()
        } else {
            place_of(place, owner)
        };
        binder.take(owner, &place, slot, path);
    }
    sort_weights(layer);
    binder.report_unused(&source.group, Some(place));
}

fn first_names(layer: &RawLayer) -> String {
    list(
        expected(layer)
            .unwrap_or_default()
            .iter()
            .map(|(_, slot)| slot.name),
    )
}

/// The expected weights in an order with which every stored name agrees: trainable weights first, or, as for frozen
/// layers whose `trainable` flag was not saved, in plain order.
fn fitting_order(binder: &Binder<'_>, expected: Expected, stored: &[String]) -> Option<Expected> {
    let fits = |order: &Expected| {
        order
            .iter()
            .zip(stored)
            .all(|((_, slot), path)| agrees(binder, slot, path))
    };
    if fits(&expected) {
        return Some(expected);
    }
    let mut plain = expected;
    // A stable sort by owner restores the order of the owners; inside an owner the slots' own order.
    plain.sort_by(|(a, _), (b, _)| a.cmp(b));
    fits(&plain).then_some(plain)
}

/// Whether a stored name can be that of a slot, and the dataset what the slot holds.
fn agrees(binder: &Binder<'_>, slot: &Slot, path: &str) -> bool {
    if slot.kind == Kind::Counter && !binder.file.is_counter(path) {
        return false;
    }
    let names = slot.stored_names();
    let base = base_name(path);
    let numberless = base
        .trim_end_matches(|c: char| c.is_ascii_digit())
        .trim_end_matches('_');
    names.is_empty() || names.contains(&base) || names.contains(&numberless)
}

/// Puts every layer's weights in the order of its slots.
fn sort_weights(layer: &mut RawLayer) {
    if let Some(slots) = slots(&layer.class_name, &layer.config) {
        let rank = |name: &str| slots.iter().position(|slot| slot.name == name);
        layer.weights.sort_by(|a, _, b, _| rank(a).cmp(&rank(b)));
    }
    match &mut layer.inner {
        Inner::None => {}
        Inner::Model(model) => model.layers.iter_mut().for_each(sort_weights),
        Inner::Layer(inner) => sort_weights(inner),
        Inner::Directions { forward, backward } => {
            sort_weights(forward);
            sort_weights(backward);
        }
        Inner::Cells(cells) => cells.iter_mut().for_each(sort_weights),
    }
}
