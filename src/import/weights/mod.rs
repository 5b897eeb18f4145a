//! From stored weights to the layers they belong to, by stored names and never by guess.

pub(crate) mod layout;
mod legacy;
pub(crate) mod slots;
mod snake;

use std::collections::HashSet;

use super::error::{FileProblem, Report, WeightProblem};
use super::h5::{H5, show_shape};
use super::model::{Dtype, RawLayer, RawModel, RawTensor};
use slots::{Kind, Slot};

/// The arrangements in which Keras stores weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// `.weights.h5`: groups by class name.
    Objects,
    /// Groups by layer name, with lists of weight names, below this path.
    Legacy(&'static str),
}

/// Tells the layout by content.
pub(super) fn layout(file: &H5) -> Result<Layout, FileProblem> {
    let listed = |group: &str| matches!(file.strings(group, "layer_names"), Ok(Some(_)));
    if file.is_group("/model_weights") {
        Ok(Layout::Legacy("/model_weights"))
    } else if listed("") {
        Ok(Layout::Legacy(""))
    } else if layout::container(file, "").is_some() || file.is_group("/vars") {
        Ok(Layout::Objects)
    } else {
        Err(FileProblem::NotKeras)
    }
}

/// Gives every layer of the model its weights; problems go to the report, remarks to the log.
pub(super) fn bind(
    file: &H5,
    layout: Layout,
    model: &mut RawModel,
    report: &mut Report,
    log: &mut Vec<String>,
) {
    let mut binder = Binder {
        file,
        used: HashSet::new(),
        report,
        log,
    };
    match layout {
        Layout::Objects => layout::bind(&mut binder, model),
        Layout::Legacy(root) => legacy::bind(&mut binder, root, model),
    }
}

/// One binding of a file to a model.
struct Binder<'a> {
    file: &'a H5,
    /// Datasets that a layer took, or that are known to be no weights.
    used: HashSet<String>,
    report: &'a mut Report,
    log: &'a mut Vec<String>,
}

impl Binder<'_> {
    /// Reads one weight into its layer.
    fn take(&mut self, layer: &mut RawLayer, place: &str, slot: &Slot, path: &str) {
        self.used.insert(path.to_owned());
        if slot.kind == Kind::Counter {
            return;
        }
        let tensor = match self.file.tensor(path) {
            Ok(tensor) => tensor,
            Err(problem) => return self.report.layer(place, problem),
        };
        let slot_name = slot.name.to_owned();
        let path = path.to_owned();
        if !slot.ranks.contains(&tensor.shape.len()) {
            let rank: Vec<String> = slot.ranks.iter().map(usize::to_string).collect();
            let shape = show_tensor_shape(&tensor);
            let problem = WeightProblem::Rank {
                slot: slot_name,
                path,
                shape,
                rank: rank.join(" or "),
            };
            return self.report.layer(place, problem);
        }
        if tensor.dtype == Dtype::Int && slot.kind != Kind::Any {
            return self.report.layer(
                place,
                WeightProblem::Integer {
                    slot: slot_name,
                    path,
                },
            );
        }
        layer.weights.insert(slot_name, tensor);
    }

    /// Reads whatever a layer of unknown class stores. The layer table refuses the class; nothing is lost until then.
    fn take_unknown(&mut self, layer: &mut RawLayer, place: &str, name: &str, path: &str) {
        self.used.insert(path.to_owned());
        match self.file.tensor(path) {
            Ok(tensor) => {
                layer.weights.insert(name.to_owned(), tensor);
            }
            Err(problem) => self.report.layer(place, problem),
        }
    }

    /// Reports datasets below `group` that nothing used.
    fn report_unused(&mut self, group: &str, place: Option<&str>) {
        let file = self.file;
        for path in file.datasets_below(group) {
            if self.used.contains(path) || path.contains("/seed_generator/") {
                continue;
            }
            let shape = show_shape(&file.shape(path));
            let problem = WeightProblem::Unused {
                path: path.to_owned(),
                shape,
            };
            match place {
                Some(place) => self.report.layer(place, problem),
                None => self.report.file(problem),
            }
        }
    }
}

fn show_tensor_shape(tensor: &RawTensor) -> String {
    let sizes: Vec<String> = tensor.shape.iter().map(usize::to_string).collect();
    format!("({})", sizes.join(", "))
}

/// `outer/inner`, as messages name layers of nested models.
fn place_of(place: &str, layer: &RawLayer) -> String {
    if place.is_empty() {
        layer.name.clone()
    } else {
        format!("{place}/{}", layer.name)
    }
}

/// Slot names for a message.
fn list(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let names: Vec<String> = names
        .into_iter()
        .map(|name| name.as_ref().to_owned())
        .collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        format!("{} ({})", names.len(), names.join(", "))
    }
}
