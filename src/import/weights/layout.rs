//! `.weights.h5`: one group per layer, named after its class, with numbered variables.

use std::collections::HashMap;

use super::super::error::WeightProblem;
use super::super::h5::H5;
use super::super::model::{Inner, RawLayer, RawModel};
use super::slots::{Kind, Slot, is_recurrent, slots};
use super::snake::snake_case;
use super::{Binder, list, place_of};

/// The group that holds the layers of the model stored at `path`. The second name is that of Keras 2.12 to 2.14.
pub(super) fn container(file: &H5, path: &str) -> Option<String> {
    ["layers", "_layer_checkpoint_dependencies"]
        .into_iter()
        .map(|name| format!("{path}/{name}"))
        .find(|group| file.is_group(group))
}

pub(super) fn bind(binder: &mut Binder<'_>, model: &mut RawModel) {
    bind_model(binder, model, "", "");
    if let Some(container) = container(binder.file, "") {
        binder.report_unused(&container, None);
    }
    binder.report_unused("/vars", None);
}

fn bind_model(binder: &mut Binder<'_>, model: &mut RawModel, path: &str, place: &str) {
    let container = container(binder.file, path).unwrap_or_else(|| format!("{path}/layers"));
    let mut counters = GroupKeys::default();
    for layer in &mut model.layers {
        // Input layers store nothing, and a Sequential does not even list them.
        if layer.is_input() {
            continue;
        }
        let class = if layer.wrapper.is_some() {
            "PruneLowMagnitude"
        } else {
            layer.class_name.as_str()
        };
        let place = place_of(place, layer);
        let key = counters.next(class);
        if let Some(group) = verified(binder, &container, &key, class, layer, &place) {
            bind_layer(binder, layer, &group, &place);
        }
    }
}

/// The group of a layer: the one its key says, provided the name stored there agrees. If not, the only group of the
/// class that carries the name.
fn verified(
    binder: &mut Binder<'_>,
    container: &str,
    key: &str,
    class: &str,
    layer: &RawLayer,
    place: &str,
) -> Option<String> {
    let group = format!("{container}/{key}");
    let stored = match stored_name(binder.file, &group) {
        Ok(stored) => stored,
        Err(problem) => {
            binder.report.layer(place, problem);
            return None;
        }
    };
    // Recurrent layers and their wrappers carry the names of earlier sessions.
    let trusted = !is_recurrent(class) && class != "TimeDistributed";
    let Some(stored) = stored.filter(|stored| trusted && stored != layer.listed_name()) else {
        return Some(group);
    };
    let prefix = snake_case(class);
    let namesakes: Vec<String> = binder
        .file
        .members(container)
        .filter(|member| member.strip_prefix(&prefix).is_some_and(is_counter_suffix))
        .map(|member| format!("{container}/{member}"))
        .filter(|group| matches!(stored_name(binder.file, group), Ok(Some(name)) if name == layer.listed_name()))
        .collect();
    if let [group] = namesakes.as_slice() {
        binder.log.push(format!(
            "layer `{place}`: weights found by name in {group}, not in {container}/{key}"
        ));
        return Some(group.clone());
    }
    binder.report.layer(
        place,
        WeightProblem::OtherLayer {
            path: group,
            stored,
        },
    );
    None
}

fn is_counter_suffix(suffix: &str) -> bool {
    suffix.is_empty()
        || suffix
            .strip_prefix('_')
            .is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()))
}

fn stored_name(file: &H5, group: &str) -> Result<Option<String>, WeightProblem> {
    let names = file.strings(&format!("{group}/vars"), "name")?;
    Ok(names.and_then(|names| names.into_iter().next()))
}

/// Group keys of one container: the snake-case class name, counted from the second layer of the class on.
#[derive(Debug, Default)]
pub(crate) struct GroupKeys(HashMap<String, usize>);

impl GroupKeys {
    /// The key of the next layer of a class.
    pub(crate) fn next(&mut self, class: &str) -> String {
        let base = snake_case(class);
        let count = self.0.entry(base.clone()).or_insert(0);
        let key = if *count == 0 {
            base
        } else {
            format!("{base}_{count}")
        };
        *count += 1;
        key
    }
}

fn bind_layer(binder: &mut Binder<'_>, layer: &mut RawLayer, group: &str, place: &str) {
    let group = if layer.wrapper.is_some() {
        skip_pruning_variables(binder, group);
        format!("{group}/layer")
    } else {
        group.to_owned()
    };
    match &mut layer.inner {
        Inner::Model(model) => bind_model(binder, model, &group, place),
        Inner::Layer(inner) => bind_layer(binder, inner, &format!("{group}/layer"), place),
        Inner::Directions { forward, backward } => {
            bind_layer(binder, forward, &format!("{group}/forward_layer"), place);
            bind_layer(binder, backward, &format!("{group}/backward_layer"), place);
        }
        Inner::Cells(cells) => {
            let stacked = format!("{group}/cell/cells");
            if let ([cell], false) = (cells.as_mut_slice(), binder.file.is_group(&stacked)) {
                return bind_layer(binder, cell, &format!("{group}/cell"), place);
            }
            let mut counters = GroupKeys::default();
            for cell in cells {
                let key = counters.next(&cell.class_name);
                bind_layer(binder, cell, &format!("{stacked}/{key}"), place);
            }
        }
        Inner::None => bind_variables(binder, layer, &group, place),
    }
}

fn bind_variables(binder: &mut Binder<'_>, layer: &mut RawLayer, group: &str, place: &str) {
    let Some(slots) = slots(&layer.class_name, &layer.config) else {
        let paths: Vec<String> = binder
            .file
            .datasets_below(group)
            .map(str::to_owned)
            .collect();
        for path in paths
            .iter()
            .filter(|path| !path.contains("/seed_generator/"))
        {
            let name = path
                .strip_prefix(group)
                .unwrap_or(path)
                .trim_start_matches('/');
            binder.take_unknown(layer, place, name, path);
        }
        return;
    };
    let mut owners: Vec<&str> = slots.iter().map(|slot| slot.group).collect();
    owners.dedup();
    for owner in owners {
        let owned: Vec<Slot> = slots
            .iter()
            .filter(|slot| slot.group == owner)
            .copied()
            .collect();
        let vars = if owner.is_empty() {
            format!("{group}/vars")
        } else {
            format!("{group}/{owner}/vars")
        };
        bind_group(binder, layer, &owned, &vars, place);
    }
}

/// Binds the numbered variables of one group, in the order of the numbers.
fn bind_group(
    binder: &mut Binder<'_>,
    layer: &mut RawLayer,
    slots: &[Slot],
    vars: &str,
    place: &str,
) {
    let counted = slots.iter().any(|slot| slot.kind == Kind::Counter);
    let mut numbered: Vec<(u64, String)> = Vec::new();
    for member in binder.file.members(vars) {
        let path = format!("{vars}/{member}");
        if counted && binder.file.is_counter(&path) {
            binder.used.insert(path);
        } else if let Ok(number) = member.parse() {
            numbered.push((number, path));
        }
    }
    numbered.sort();
    let weights: Vec<Slot> = slots
        .iter()
        .filter(|slot| slot.kind != Kind::Counter)
        .copied()
        .collect();
    let Some(first) = weights.first() else { return };
    if numbered.is_empty() {
        let problem = WeightProblem::Missing {
            slot: first.name.to_owned(),
            path: format!("{vars}/0"),
        };
        return binder.report.layer(place, problem);
    }
    if numbered.len() != weights.len() {
        let problem = WeightProblem::Count {
            class: layer.class_name.clone(),
            path: vars.to_owned(),
            found: list(numbered.iter().map(|(number, _)| number.to_string())),
            expected: list(weights.iter().map(|slot| slot.name)),
        };
        binder
            .used
            .extend(numbered.into_iter().map(|(_, path)| path));
        return binder.report.layer(place, problem);
    }
    for (slot, (_, path)) in weights.iter().zip(&numbered) {
        binder.take(layer, place, slot, path);
    }
}

/// The mask, threshold and step that a pruning wrapper keeps besides its layer.
fn skip_pruning_variables(binder: &mut Binder<'_>, group: &str) {
    let own: Vec<String> = binder
        .file
        .datasets_below(&format!("{group}/vars"))
        .map(str::to_owned)
        .collect();
    binder.used.extend(own);
}
