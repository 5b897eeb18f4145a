//! Arrays named on the command line, and files written whole or not at all.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::Failure;
use crate::data::{self, Array, Arrays, npy, npz};
use crate::ir::kernel::Port;

/// `-i FILE` or `-i NAME=FILE`.
#[derive(Debug, Clone)]
pub(super) struct InputFile {
    name: Option<String>,
    path: PathBuf,
}

/// Reads `FILE` or `NAME=FILE`; a file whose own name holds `=` wins.
pub(super) fn input_file(text: &str) -> Result<InputFile, String> {
    match text.split_once('=') {
        Some((name, path)) if !Path::new(text).exists() => Ok(InputFile {
            name: Some(name.to_owned()),
            path: path.into(),
        }),
        _ => Ok(InputFile {
            name: None,
            path: text.into(),
        }),
    }
}

/// One array for each input of the model, in its order.
///
/// # Errors
/// Files that cannot be read, inputs without an array or with two, names that are no input's.
pub(super) fn inputs(files: &[InputFile], ports: &[Port]) -> Result<Vec<Array>, Failure> {
    let names: Vec<&str> = ports.iter().map(|p| p.name.as_str()).collect();
    let listed = names.join(", ");
    let mut found: Vec<Option<Array>> = vec![None; ports.len()];
    let mut problems = Vec::new();
    let mut next = 0;
    for file in files {
        let shown = file.path.display();
        let arrays = match data::load(&file.path) {
            Ok(arrays) => arrays,
            Err(error) => {
                problems.push(format!("{shown}: {error}"));
                continue;
            }
        };
        let mut place = |position: Option<usize>, name: &str, array: Array| match position {
            None => problems.push(format!(
                "{shown}: the model has no input {name}; its inputs are {listed}"
            )),
            Some(p) if found[p].is_some() => {
                problems.push(format!("{shown}: input {} is given twice", names[p]));
            }
            Some(p) => found[p] = Some(array),
        };
        let position = |name: &str| names.iter().position(|n| *n == name);
        match (arrays, &file.name) {
            (Arrays::One(array), Some(name)) => place(position(name), name, array),
            (Arrays::One(array), None) => {
                let number = format!("number {}", next + 1);
                place((next < names.len()).then_some(next), &number, array);
                next += 1;
            }
            (Arrays::Named(arrays), Some(name)) => match arrays.len() {
                1 => {
                    let array = arrays.into_values().next().expect("there is one");
                    place(position(name), name, array);
                }
                n => problems.push(format!(
                    "{shown}: holds {n} arrays; give the file without {name}= to match them by name"
                )),
            },
            (Arrays::Named(arrays), None) => {
                for (name, array) in arrays {
                    place(position(&name), &name, array);
                }
            }
        }
    }
    if problems.is_empty() {
        for (name, array) in names.iter().zip(&found) {
            if array.is_none() {
                problems.push(format!(
                    "no data for input {name}: give it with -i {name}=FILE"
                ));
            }
        }
    }
    if problems.is_empty() {
        Ok(found.into_iter().flatten().collect())
    } else {
        Err(problems.join("\n").into())
    }
}

/// Files to write together: nothing appears under its name before all are complete.
#[derive(Default)]
pub(super) struct Outputs {
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Outputs {
    pub(super) fn add(&mut self, path: impl Into<PathBuf>, content: Vec<u8>) {
        self.files.push((path.into(), content));
    }

    /// Adds `.npz` with every array, or `.npy` with the only one.
    ///
    /// # Errors
    /// When the ending fits neither, or `.npy` is asked for several arrays.
    pub(super) fn arrays(
        &mut self,
        path: &Path,
        arrays: &[(String, Array)],
    ) -> Result<(), Failure> {
        let shown = path.display();
        let ending = path
            .extension()
            .and_then(|e| e.to_str())
            .unwrap_or_default();
        let content = match (ending, arrays) {
            ("npz", _) => npz::write(arrays.iter().map(|(n, a)| (n.as_str(), a)))
                .map_err(|e| format!("{shown}: {e}"))?,
            ("npy", [(_, array)]) => npy::write(array),
            ("npy", _) => {
                let n = arrays.len();
                return Err(
                    format!("{shown}: {n} arrays need an .npz file, keyed by their order").into(),
                );
            }
            _ => return Err(format!("{shown}: the name must end in .npy or .npz").into()),
        };
        self.add(path, content);
        Ok(())
    }

    /// Writes everything beside its place, then moves it there.
    ///
    /// # Errors
    /// When a folder is missing or not writable; then no file was changed.
    pub(super) fn write(self) -> Result<(), Failure> {
        let mut ready = Vec::with_capacity(self.files.len());
        for (path, content) in self.files {
            let failed = |e: std::io::Error| format!("{}: {e}", path.display());
            let folder = match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            };
            let mut builder = tempfile::Builder::new();
            builder.prefix(".qk-hls-");
            // Those of an ordinary new file; temporary files are private by default.
            #[cfg(unix)]
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
            let mut file = builder.tempfile_in(folder).map_err(failed)?;
            file.write_all(&content).map_err(failed)?;
            ready.push((file, path));
        }
        for (file, path) in ready {
            file.persist(&path)
                .map_err(|e| format!("{}: {}", path.display(), e.error))?;
        }
        Ok(())
    }
}
