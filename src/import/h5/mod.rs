//! HDF5 files as Keras writes them: a tree of groups and datasets, string attributes, small numeric arrays.
//!
//! The only place that knows the `hdf5-reader` crate. The whole tree is walked once when a file is opened. An object
//! reached by two names (soft links, hard links, loops) is refused: Keras never writes one.

mod attributes;
mod bounded;
mod scan;
mod tensor;

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use hdf5_reader::group::Group;
use hdf5_reader::{Dataset, Hdf5File, OpenOptions};

use super::error::{FileProblem, WeightProblem};
use super::model::RawTensor;
use crate::untrusted::archive::{FREE_EXPANSION, MAX_EXPANSION};
use crate::untrusted::quiet;
use bounded::BoundedBytes;

/// First bytes of every HDF5 file.
pub(super) const MAGIC: &[u8] = b"\x89HDF\r\n\x1a\n";

/// Deepest nesting of groups; Keras needs four levels, and two more for each nested model.
const MAX_DEPTH: usize = 200;

/// An opened file.
pub(super) struct H5 {
    /// All groups and datasets by absolute path. Sorted, so that a group's descendants follow it.
    nodes: BTreeMap<String, Node>,
    bytes: Arc<BoundedBytes>,
    /// Bytes that attributes and datasets may still decode to.
    budget: Cell<u64>,
}

enum Node {
    Group(Group),
    Dataset(Box<Dataset>),
}

impl H5 {
    /// Opens a file and lists its objects.
    pub(super) fn open(data: Vec<u8>) -> Result<Self, FileProblem> {
        let size = data.len() as u64;
        scan::check(&data)?;
        let allowance = size.saturating_mul(MAX_EXPANSION) + FREE_EXPANSION;
        let bytes = Arc::new(BoundedBytes::new(data));
        let opened = quiet::catch(|| {
            let limit = usize::try_from(allowance).unwrap_or(usize::MAX);
            let options = OpenOptions::default()
                .with_max_chunk_bytes(limit)
                .with_max_read_bytes(limit)
                .with_max_object_header_bytes(usize::try_from(size).unwrap_or(usize::MAX))
                .with_chunk_cache_bytes(0);
            let file = Hdf5File::from_storage_with_options(bytes.clone(), options)?;
            let superblock = file.superblock();
            if superblock.base_address != 0 {
                return Ok(Err("it begins with a user block".to_owned()));
            }
            if superblock.version >= 2 && superblock.consistency_flags & 1 != 0 {
                return Ok(Err(
                    "it was still open for writing when it was copied".to_owned()
                ));
            }
            let mut walk = Walk {
                nodes: BTreeMap::new(),
                seen: HashMap::new(),
            };
            let root = file.root_group()?;
            Ok(walk.group(root, String::new(), 0).map(|()| walk.nodes))
        });
        let nodes = flatten(opened).map_err(|detail| FileProblem::Hdf5 { detail })?;
        Ok(H5 {
            nodes,
            bytes,
            budget: Cell::new(allowance),
        })
    }

    /// Whether there is a group at `path`; the root is `""`.
    pub(super) fn is_group(&self, path: &str) -> bool {
        matches!(self.nodes.get(path), Some(Node::Group(_)))
    }

    /// Names of the members of a group, sorted; empty when there is no such group.
    pub(super) fn members<'a>(&'a self, group: &str) -> impl Iterator<Item = &'a str> {
        let prefix = format!("{group}/");
        let length = prefix.len();
        let inside = prefix.clone();
        self.nodes
            .range(prefix..)
            .map(|(path, _)| path.as_str())
            .take_while(move |path| path.starts_with(&inside))
            .filter_map(move |path| path.get(length..))
            .filter(|rest| !rest.contains('/'))
    }

    /// Paths of all datasets at or below `path`, sorted.
    pub(super) fn datasets_below<'a>(&'a self, path: &str) -> impl Iterator<Item = &'a str> {
        let prefix = format!("{path}/");
        let inside = prefix.clone();
        self.nodes
            .range(prefix..)
            .take_while(move |(path, _)| path.starts_with(&inside))
            .filter(|(_, node)| matches!(node, Node::Dataset(_)))
            .map(|(path, _)| path.as_str())
    }

    /// Shape of a dataset, for messages.
    pub(super) fn shape(&self, path: &str) -> Vec<u64> {
        match self.nodes.get(path) {
            Some(Node::Dataset(dataset)) => dataset.shape().to_vec(),
            Some(Node::Group(_)) | None => Vec::new(),
        }
    }

    /// Whether a dataset is a scalar integer: a counter, never a weight.
    pub(super) fn is_counter(&self, path: &str) -> bool {
        match self.nodes.get(path) {
            Some(Node::Dataset(dataset)) => {
                dataset.shape().is_empty() && tensor::is_integer(dataset)
            }
            Some(Node::Group(_)) | None => false,
        }
    }

    /// The strings of an attribute, also when split into `name0`, `name1`, ...; `None` when absent.
    /// An empty list may be stored as an empty array of any type.
    pub(super) fn strings(
        &self,
        group: &str,
        name: &str,
    ) -> Result<Option<Vec<String>>, WeightProblem> {
        let Some(Node::Group(group_node)) = self.nodes.get(group) else {
            return Ok(None);
        };
        let read = quiet::catch(|| attributes::strings(group_node, name, &self.budget));
        read.unwrap_or_else(Err)
            .map_err(|detail| WeightProblem::Unreadable {
                path: format!("{group}@{name}"),
                detail,
            })
    }

    /// Reads a dataset. All values are finite.
    pub(super) fn tensor(&self, path: &str) -> Result<RawTensor, WeightProblem> {
        let unreadable = |detail: String| WeightProblem::Unreadable {
            path: path.to_owned(),
            detail,
        };
        let Some(Node::Dataset(dataset)) = self.nodes.get(path) else {
            return Err(unreadable("there is no such dataset".to_owned()));
        };
        let read = quiet::catch(|| tensor::read(dataset, path, self.bytes.size(), &self.budget));
        let tensor = read.unwrap_or_else(Err).map_err(unreadable)?;
        tensor::check_finite(&tensor)?;
        Ok(tensor)
    }

    /// Bytes read from the file so far, for tests of the read limit.
    #[cfg(test)]
    fn bytes_read(&self) -> u64 {
        self.bytes.read.load(std::sync::atomic::Ordering::Relaxed)
    }
}

/// A dimension list as Python prints it.
pub(super) fn show_shape(shape: &[u64]) -> String {
    let sizes: Vec<String> = shape.iter().map(u64::to_string).collect();
    format!("({})", sizes.join(", "))
}

/// Takes `bytes` from what may still be decoded.
fn spend(budget: &Cell<u64>, bytes: u64) -> Result<(), String> {
    let left = budget.get().checked_sub(bytes);
    budget.set(left.ok_or("the file decodes to far more data than it is long")?);
    Ok(())
}

/// Joins the three ways in which opening can fail.
fn flatten<T>(
    result: Result<hdf5_reader::error::Result<Result<T, String>>, String>,
) -> Result<T, String> {
    match result {
        Ok(Ok(inner)) => inner,
        Ok(Err(error)) => Err(error.to_string()),
        Err(panic) => Err(format!("its structure is damaged ({panic})")),
    }
}

struct Walk {
    nodes: BTreeMap<String, Node>,
    /// Path by object header address.
    seen: HashMap<u64, String>,
}

impl Walk {
    fn group(&mut self, group: Group, path: String, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!("groups are nested deeper than {MAX_DEPTH}"));
        }
        self.visit(group.address(), &path)?;
        let (groups, datasets) = group.members().map_err(|error| error.to_string())?;
        for dataset in datasets {
            let path = child_path(&path, dataset.name())?;
            self.visit(dataset.address(), &path)?;
            if self
                .nodes
                .insert(path.clone(), Node::Dataset(Box::new(dataset)))
                .is_some()
            {
                return Err(format!("`{path}` occurs twice"));
            }
        }
        for child in groups {
            let path = child_path(&path, child.name())?;
            if self.nodes.contains_key(&path) {
                return Err(format!("`{path}` occurs twice"));
            }
            self.group(child, path, depth + 1)?;
        }
        self.nodes.insert(path, Node::Group(group));
        Ok(())
    }

    fn visit(&mut self, address: u64, path: &str) -> Result<(), String> {
        match self.seen.insert(address, path.to_owned()) {
            Some(other) => Err(format!("`{other}` and `{path}` are links to one object")),
            None => Ok(()),
        }
    }
}

fn child_path(parent: &str, name: &str) -> Result<String, String> {
    if name.is_empty() || name == "." || name == ".." || name.contains('/') {
        return Err(format!(
            "a member of `{parent}` has the impossible name `{name}`"
        ));
    }
    Ok(format!("{parent}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden(name: &str) -> Vec<u8> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        std::fs::read(path).unwrap()
    }

    /// The limit on reads must be far from what an honest file needs.
    #[test]
    fn honest_files_stay_far_below_the_read_limit() {
        for name in [
            "examples/digits/digits.h5",
            "tests/golden/digits_keras2/arch_weights.h5",
        ] {
            let data = golden(name);
            let size = data.len() as u64;
            let file = H5::open(data).unwrap();
            let paths: Vec<String> = file.datasets_below("").map(str::to_owned).collect();
            assert_eq!(paths.len(), 6, "{name}");
            for path in &paths {
                file.tensor(path).unwrap();
            }
            assert!(
                file.bytes_read() < 4 * size,
                "{name}: {} of {size}",
                file.bytes_read()
            );
        }
    }

    #[test]
    fn members_are_the_direct_ones() {
        let file = H5::open(golden("examples/digits/digits.weights.h5")).unwrap();
        let members: Vec<&str> = file.members("/layers/q_dense").collect();
        assert_eq!(members, ["vars"]);
        assert_eq!(
            file.members("/layers/q_dense/vars").collect::<Vec<_>>(),
            ["0", "1"]
        );
        assert_eq!(file.members("/nowhere").count(), 0);
        assert_eq!(
            file.strings("/layers/q_dense/vars", "name").unwrap(),
            Some(vec!["hidden1".to_owned()])
        );
        assert_eq!(
            file.strings("/layers/q_dense/vars", "absent").unwrap(),
            None
        );
    }
}
