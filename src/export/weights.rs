//! Weights in the two layouts of Keras 3, by the table of [`crate::import::slots`].

use indexmap::IndexMap;

use super::ExportError;
use super::h5::Group;
use crate::import::{Dtype, GroupKeys, Inner, RawLayer, RawModel, RawTensor, Slot, Values, slots};

/// `.weights.h5`: a group for each layer, numbered variables.
pub(super) fn numbered(model: &RawModel) -> Result<Vec<u8>, ExportError> {
    let mut file = Group::default();
    file.group("vars").text("name", &model.name);
    numbered_model(model, &mut file)?;
    file.finish()
}

fn numbered_model(model: &RawModel, at: &mut Group) -> Result<(), ExportError> {
    let mut keys = GroupKeys::default();
    let layers = at.group("layers");
    for layer in &model.layers {
        let class = match layer.inner {
            Inner::Model(_) => "Functional",
            _ => &layer.class_name,
        };
        let group = layers.group(&keys.next(class));
        group.group("vars").text("name", &layer.name);
        numbered_layer(layer, group)?;
    }
    Ok(())
}

fn numbered_layer(layer: &RawLayer, at: &mut Group) -> Result<(), ExportError> {
    match &layer.inner {
        Inner::Model(model) => numbered_model(model, at),
        Inner::Layer(inner) => numbered_layer(inner, at.group("layer")),
        Inner::Directions { forward, backward } => {
            numbered_layer(forward, at.group("forward_layer"))?;
            numbered_layer(backward, at.group("backward_layer"))
        }
        Inner::Cells(cells) => match cells.as_slice() {
            [cell] => numbered_layer(cell, at.group("cell")),
            cells => {
                let mut keys = GroupKeys::default();
                let at = at.group("cell/cells");
                cells.iter().try_for_each(|cell| {
                    numbered_layer(cell, at.group(&keys.next(&cell.class_name)))
                })
            }
        },
        Inner::None => {
            let mut numbers: IndexMap<&str, usize> = IndexMap::new();
            for (slot, tensor) in variables(layer)? {
                let vars = at.group(slot.group()).group("vars");
                // Of the depthwise class QKeras reads it back under its number, of the others under its name.
                if slot.is_counter() && layer.class_name != "QDepthwiseConv2DBatchnorm" {
                    vars.tensor("iteration", &tensor);
                    continue;
                }
                let number = numbers.entry(slot.group()).or_default();
                vars.tensor(&number.to_string(), &tensor);
                *number += 1;
            }
            Ok(())
        }
    }
}

/// The variables of a layer in their order; a folded layer that was never trained has its counter at -1.
fn variables(layer: &RawLayer) -> Result<Vec<(Slot, RawTensor)>, ExportError> {
    let missing = |what: String| {
        ExportError::Model(format!(
            "layer {} ({}): {what}",
            layer.name, layer.class_name
        ))
    };
    let Some(slots) = slots(&layer.class_name, &layer.config) else {
        return Err(missing("the class is not known".to_owned()));
    };
    let tensor = |slot: Slot| match layer.weights.get(slot.name) {
        Some(tensor) => Ok((slot, tensor.clone())),
        None if slot.is_counter() => Ok((slot, counter())),
        None => Err(missing(format!("it has no {}", slot.name))),
    };
    slots.into_iter().map(tensor).collect()
}

fn counter() -> RawTensor {
    RawTensor {
        path: "iteration".to_owned(),
        shape: Vec::new(),
        dtype: Dtype::Int,
        values: Values::I64(vec![-1]),
    }
}

/// Whole-model `.h5`: a group for each layer with the list of its weights, trainable ones first.
pub(super) fn whole(model: &RawModel, config: &str, version: &str) -> Result<Vec<u8>, ExportError> {
    let mut file = Group::default();
    file.text("model_config", config);
    let root = file.group("model_weights");
    let mut names = Vec::new();
    for layer in &model.layers {
        names.push(layer.name.clone());
        let mut weights = Vec::new();
        listed(layer, &layer.name, &mut weights)?;
        let (first, last): (Vec<_>, Vec<_>) = weights.into_iter().partition(|w| w.trainable);
        let group = root.group(&layer.name);
        let mut paths = Vec::new();
        for weight in first.into_iter().chain(last) {
            // Inner names need not be unique; the list is what readers go by.
            let mut path = weight.path.clone();
            for n in 1.. {
                if !paths.contains(&path) {
                    break;
                }
                path = format!("{}_{n}", weight.path);
            }
            group.tensor(&path, &weight.tensor);
            paths.push(path);
        }
        group.texts("weight_names", &paths);
    }
    root.texts("layer_names", &names);
    root.group("top_level_model_weights")
        .texts("weight_names", &[]);
    for group in ["", "model_weights"] {
        let group = file.group(group);
        group.text("backend", "tensorflow");
        group.text("keras_version", version);
    }
    file.finish()
}

/// A weight of a legacy list.
struct Listed {
    path: String,
    trainable: bool,
    tensor: RawTensor,
}

/// Every weight of a layer or nested model, in plain order.
fn listed(layer: &RawLayer, place: &str, into: &mut Vec<Listed>) -> Result<(), ExportError> {
    match &layer.inner {
        Inner::Model(model) => {
            let mut inner = model.layers.iter();
            inner.try_for_each(|l| listed(l, &l.name, into))
        }
        Inner::Layer(inner) => listed(inner, place, into),
        Inner::Directions { forward, backward } => {
            listed(forward, &format!("{place}/forward_{}", forward.name), into)?;
            listed(
                backward,
                &format!("{place}/backward_{}", backward.name),
                into,
            )
        }
        Inner::Cells(cells) => {
            let mut cells = cells.iter();
            cells.try_for_each(|cell| listed(cell, &format!("{place}/{}", cell.name), into))
        }
        Inner::None => {
            // A frozen layer has everything among the weights that are not trained.
            let frozen = layer
                .config
                .get("trainable")
                .and_then(serde_json::Value::as_bool)
                == Some(false);
            for (slot, tensor) in variables(layer)? {
                let folder = if slot.group() == "batchnorm" {
                    "/batch_normalization"
                } else {
                    ""
                };
                into.push(Listed {
                    path: format!("{place}{folder}/{}", slot.name),
                    trainable: slot.is_trainable() && !frozen,
                    tensor,
                });
            }
            Ok(())
        }
    }
}
