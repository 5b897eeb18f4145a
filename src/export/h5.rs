//! HDF5 files, as far as model files need them: groups, datasets of numbers, attributes of text.

use hdf5_pure::{AttrValue, FileBuilder, GroupBuilder};
use indexmap::IndexMap;

use super::ExportError;
use crate::import::{RawTensor, Values};

/// A group, or a whole file, in the making.
#[derive(Default)]
pub(super) struct Group {
    attributes: Vec<(String, AttrValue)>,
    groups: IndexMap<String, Group>,
    tensors: Vec<(String, RawTensor)>,
}

/// Largest list of names in one attribute, in bytes of its references; Keras cuts longer lists into
/// numbered parts, and readers put them together.
const MAX_NAMES: usize = 2000;

impl Group {
    /// The group at a path below this one, made where it is not there.
    pub(super) fn group(&mut self, path: &str) -> &mut Group {
        path.split('/')
            .filter(|part| !part.is_empty())
            .fold(self, |group, part| {
                group.groups.entry(part.to_owned()).or_default()
            })
    }

    /// Adds a text.
    pub(super) fn text(&mut self, name: &str, text: &str) {
        let value = AttrValue::VarLenString(text.to_owned());
        self.attributes.push((name.to_owned(), value));
    }

    /// Adds a list of texts, in parts where it is long.
    pub(super) fn texts(&mut self, name: &str, texts: &[String]) {
        let list = |texts: &[String]| AttrValue::VarLenStringArray(texts.to_vec());
        match texts {
            // What h5py makes of an empty list.
            [] => self
                .attributes
                .push((name.to_owned(), AttrValue::F64Array(Vec::new()))),
            _ if texts.len() <= MAX_NAMES => self.attributes.push((name.to_owned(), list(texts))),
            _ => {
                let parts = texts.chunks(MAX_NAMES).enumerate();
                self.attributes
                    .extend(parts.map(|(n, part)| (format!("{name}{n}"), list(part))));
            }
        }
    }

    /// Adds a tensor at a path below this group.
    pub(super) fn tensor(&mut self, path: &str, tensor: &RawTensor) {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        self.group(folder)
            .tensors
            .push((name.to_owned(), tensor.clone()));
    }

    fn fill(self, builder: &mut GroupBuilder) {
        for (name, value) in self.attributes {
            builder.set_attr(&name, value);
        }
        for (name, tensor) in &self.tensors {
            let shape: Vec<u64> = tensor.shape.iter().map(|&n| n as u64).collect();
            let dataset = builder.create_dataset(name);
            match &tensor.values {
                Values::F32(values) => dataset.with_f32_data(values),
                Values::F64(values) => dataset.with_f64_data(values),
                Values::I64(values) => dataset.with_i64_data(values),
            }
            .with_shape(&shape);
        }
        for (name, group) in self.groups {
            let mut inner = builder.create_group(&name);
            group.fill(&mut inner);
            builder.add_group(inner.finish());
        }
    }

    /// The bytes of the file whose root this is. Tensors stand in groups.
    pub(super) fn finish(self) -> Result<Vec<u8>, ExportError> {
        let mut file = FileBuilder::new();
        for (name, value) in self.attributes {
            file.set_attr(&name, value);
        }
        for (name, group) in self.groups {
            let mut inner = file.create_group(&name);
            group.fill(&mut inner);
            file.add_group(inner.finish());
        }
        file.finish()
            .map_err(|e| ExportError::Model(format!("the HDF5 file: {e}")))
    }
}
