//! Arrays named on the command line, and files written whole or not at all.

use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::Failure;
use crate::compile::Compiled;
use crate::data::{self, Array, Arrays, npy, npz};
use crate::sim::batch::{self, Batch};

/// `-i FILE` or `-i NAME=FILE`.
#[derive(Debug, Clone)]
pub(super) struct InputFile {
    name: Option<String>,
    path: PathBuf,
}

impl InputFile {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
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

/// The samples in some files, as codes; with `round` the nearest ones.
///
/// # Errors
/// Files that cannot be read or do not fit the model's inputs, all at once.
pub(super) fn batch(
    files: &[InputFile],
    compiled: &Compiled,
    round: bool,
) -> Result<Batch, Failure> {
    let design = &compiled.design;
    let names: Vec<&str> = design.inputs.iter().map(|p| p.name.as_str()).collect();
    let (shown, arrays): (Vec<String>, Vec<Array>) = inputs(files, &names)?.into_iter().unzip();
    let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
    batch::batch(design, &compiled.derived_inputs, &arrays, round)
        .map_err(|errors| problems(&errors, &names, &shown))
}

/// Readers for inputs that come some samples at a time; `None` where a file is no plain `.npy`, or
/// where files and inputs do not go together one by one, which [`batch`] says better.
pub(super) fn readers(
    files: &[InputFile],
    names: &[&str],
) -> Result<Option<Vec<(String, npy::Reader)>>, Failure> {
    let mut found: Vec<Option<(String, npy::Reader)>> = names.iter().map(|_| None).collect();
    let mut next = 0..names.len();
    for file in files {
        let place = match &file.name {
            Some(name) => names.iter().position(|n| n == name),
            None => next.next(),
        };
        let Some(place) = place.and_then(|p| found.get_mut(p)) else {
            return Ok(None);
        };
        let shown = file.path.display().to_string();
        match npy::Reader::open(&file.path).map_err(|e| format!("{shown} {e}"))? {
            Some(reader) if place.is_none() => *place = Some((shown, reader)),
            _ => return Ok(None),
        }
    }
    Ok(found.into_iter().collect())
}

/// Problems of a batch, with the files that hold them.
pub(super) fn problems(errors: &[batch::BatchError], names: &[&str], shown: &[&str]) -> Failure {
    let each = errors.iter().map(|error| {
        let port = names.iter().position(|n| *n == error.input());
        let file = port.and_then(|p| shown.get(p)).copied().unwrap_or_default();
        format!("{file}: {error}")
    });
    each.collect::<Vec<_>>().join("\n").into()
}

/// The array for each input of the model, in its order.
///
/// # Errors
/// As for a batch.
pub(super) fn named_inputs(files: &[InputFile], names: &[String]) -> Result<Vec<Array>, Failure> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let found = inputs(files, &names)?;
    Ok(found.into_iter().map(|(_, array)| array).collect())
}

/// File and array for each input of the model, in its order.
///
/// # Errors
/// Files that cannot be read, inputs without an array or with two, names that are no input's.
fn inputs(files: &[InputFile], names: &[&str]) -> Result<Vec<(String, Array)>, Failure> {
    let listed = names.join(", ");
    let mut found: Vec<Option<(String, Array)>> = vec![None; names.len()];
    let mut problems = Vec::new();
    let mut next = 0;
    for file in files {
        let shown = file.path.display();
        let arrays = match data::load(&file.path) {
            Ok(arrays) => arrays,
            Err(error) => {
                problems.push(format!("{shown} {error}"));
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
            Some(p) => found[p] = Some((shown.to_string(), array)),
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
                // The form in which outputs are written: 0, 1, ... in the model's order.
                let numbered = arrays.len() == names.len()
                    && (0..names.len()).all(|p| arrays.contains_key(&p.to_string()));
                for (name, array) in arrays {
                    let by_number = || name.parse().ok().filter(|_| numbered);
                    place(position(&name).or_else(by_number), &name, array);
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

    /// Refuses, before any work is done, names that cannot be written or that something else needs: `read` are the
    /// files that the command reads.
    ///
    /// # Errors
    /// Every name that will not do.
    pub(super) fn check(paths: &[PathBuf], read: &[&Path]) -> Result<(), Failure> {
        let mut problems = Vec::new();
        for (place, path) in paths.iter().enumerate() {
            let shown = path.display();
            if path.is_dir() {
                problems.push(format!("{shown}: is a folder; name a file"));
            } else if !folder_of(path).is_dir() {
                let folder = folder_of(path).display();
                problems.push(format!("{shown}: there is no folder {folder}"));
            } else if paths[..place].contains(path) {
                problems.push(format!(
                    "{shown}: would be written twice; give the results different names"
                ));
            } else if let Ok(whole) = path.canonicalize()
                && read
                    .iter()
                    .any(|r| r.canonicalize().is_ok_and(|r| r == whole))
            {
                problems.push(format!(
                    "{shown}: is read by this command; write to another file"
                ));
            }
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems.join("\n").into())
        }
    }

    /// Writes everything beside its place, then moves it there.
    ///
    /// # Errors
    /// When a folder is missing or not writable; then no file was changed.
    pub(super) fn write(self) -> Result<(), Failure> {
        let mut ready = Vec::with_capacity(self.files.len());
        for (path, content) in self.files {
            let failed = |e| unwritable(&path, e);
            let mut file = temporary(&path)?;
            file.write_all(&content).map_err(failed)?;
            ready.push((file, path));
        }
        for (file, path) in ready {
            persist(file, &path)?;
        }
        Ok(())
    }
}

/// A file beside the place of `path`, to be moved there when it is complete.
pub(super) fn temporary(path: &Path) -> Result<NamedTempFile, Failure> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".qk-hls-");
    // Those of an ordinary new file; temporary files are private by default.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    Ok(builder
        .tempfile_in(folder_of(path))
        .map_err(|e| unwritable(path, e))?)
}

/// Moves a complete file to its place.
pub(super) fn persist(file: NamedTempFile, path: &Path) -> Result<(), Failure> {
    file.persist(path)
        .map_err(|e| format!("{}: cannot be written: {}", path.display(), e.error))?;
    Ok(())
}

/// A message without the name of the temporary file.
pub(super) fn unwritable(path: &Path, error: std::io::Error) -> String {
    let kind = error
        .raw_os_error()
        .map_or(error, std::io::Error::from_raw_os_error);
    format!("{}: cannot be written: {kind}", path.display())
}

/// The folder that a file lies in.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
