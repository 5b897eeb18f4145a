//! The files of a project, in memory and on disk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Files by their path relative to the project's folder, in the order of their paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileSet {
    files: BTreeMap<String, String>,
    /// Things a user should know that did not stop the generation.
    pub warnings: Vec<String>,
}

/// Why a project was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The folder holds something already.
    #[error(
        "`{0}` already holds other files; choose another folder, or replace the project in it with --force"
    )]
    NotEmpty(PathBuf),
    /// The path is no folder.
    #[error("`{0}` exists and is no folder")]
    NotAFolder(PathBuf),
    /// The operating system refused.
    #[error("`{path}` could not be written: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Its reason.
        source: io::Error,
    },
}

impl FileSet {
    /// Adds a file; a last newline is added where the text has none. `/` separates folders.
    pub fn add(&mut self, path: impl Into<String>, mut text: String) {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        self.files.insert(path.into(), text);
    }

    /// Path and text of every file.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(p, t)| (p.as_str(), t.as_str()))
    }

    /// The text of one file.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Size of all texts in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.files.values().map(String::len).sum()
    }

    /// Writes the project to `dir`: first to a temporary folder beside it, which is renamed when
    /// it is whole.
    ///
    /// With `force`, an existing folder is replaced. Of its files and folders at the top level,
    /// those whose names the project does not use are kept (results of the vendor tools, notes).
    ///
    /// # Errors
    /// [`WriteError::NotEmpty`] when `dir` holds files and `force` is not set. Nothing was written
    /// then, nor after any other error.
    pub fn write(&self, dir: &Path, force: bool) -> Result<(), WriteError> {
        let fail = |path: &Path| {
            let path = path.to_owned();
            move |source| WriteError::Io { path, source }
        };
        // A link to a folder stays a link.
        let target = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
        let existing = match fs::metadata(&target) {
            Ok(found) if !found.is_dir() => return Err(WriteError::NotAFolder(dir.to_owned())),
            Ok(_) => true,
            Err(_) => false,
        };
        let names = if existing {
            entries(&target).map_err(fail(dir))?
        } else {
            Vec::new()
        };
        if !names.is_empty() && !force {
            return Err(WriteError::NotEmpty(dir.to_owned()));
        }
        let parent = match target.parent() {
            Some(p) if !p.as_os_str().is_empty() => p.to_owned(),
            _ => PathBuf::from("."),
        };
        fs::create_dir_all(&parent).map_err(fail(&parent))?;
        let temporary = tempfile::Builder::new()
            .prefix(".qk-hls-")
            .tempdir_in(&parent)
            .map_err(fail(&parent))?;
        let fresh = temporary.path().join("project");
        self.write_files(&fresh)?;
        if !existing {
            return fs::rename(&fresh, &target).map_err(fail(dir));
        }
        let old = temporary.path().join("old");
        fs::rename(&target, &old).map_err(fail(dir))?;
        if let Err(source) = fs::rename(&fresh, &target) {
            fs::rename(&old, &target).map_err(fail(dir))?;
            return Err(fail(dir)(source));
        }
        for name in names {
            let kept = target.join(&name);
            if !kept.exists() {
                fs::rename(old.join(&name), &kept).map_err(fail(&kept))?;
            }
        }
        Ok(())
    }

    fn write_files(&self, root: &Path) -> Result<(), WriteError> {
        for (path, text) in &self.files {
            let file = root.join(path);
            let fail = |source| WriteError::Io {
                path: file.clone(),
                source,
            };
            if let Some(folder) = file.parent() {
                fs::create_dir_all(folder).map_err(fail)?;
            }
            fs::write(&file, text).map_err(fail)?;
            if path.ends_with(".sh") {
                make_executable(&file).map_err(fail)?;
            }
        }
        Ok(())
    }
}

/// Names in a folder, sorted.
fn entries(dir: &Path) -> io::Result<Vec<std::ffi::OsString>> {
    let mut names = fs::read_dir(dir)?
        .map(|e| Ok(e?.file_name()))
        .collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

#[cfg(unix)]
fn make_executable(file: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut mode = fs::metadata(file)?.permissions();
    mode.set_mode(mode.mode() | 0o111);
    fs::set_permissions(file, mode)
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(text: &str) -> FileSet {
        let mut files = FileSet::default();
        files.add("a/b.txt", text.to_owned());
        files.add("run.sh", "#!/bin/sh".to_owned());
        files
    }

    #[test]
    fn writes_a_new_folder_and_an_empty_one() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("x/project");
        sample("one").write(&dir, false).unwrap();
        assert_eq!(fs::read_to_string(dir.join("a/b.txt")).unwrap(), "one\n");
        let empty = root.path().join("empty");
        fs::create_dir(&empty).unwrap();
        sample("one").write(&empty, false).unwrap();
        assert_eq!(entries(root.path()).unwrap(), ["empty", "x"]);
    }

    #[test]
    fn other_files_are_not_touched_without_force() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("notes.txt"), "mine").unwrap();
        let refused = sample("one").write(root.path(), false);
        assert!(matches!(refused, Err(WriteError::NotEmpty(_))));
        assert_eq!(entries(root.path()).unwrap(), ["notes.txt"]);
    }

    #[test]
    fn force_replaces_the_project_and_keeps_the_rest() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("p");
        sample("one").write(&dir, false).unwrap();
        fs::write(dir.join("notes.txt"), "mine").unwrap();
        fs::write(dir.join("a/stale.txt"), "old").unwrap();
        sample("two").write(&dir, true).unwrap();
        assert_eq!(fs::read_to_string(dir.join("a/b.txt")).unwrap(), "two\n");
        assert_eq!(entries(&dir).unwrap(), ["a", "notes.txt", "run.sh"]);
        assert_eq!(entries(&dir.join("a")).unwrap(), ["b.txt"]);
        assert_eq!(entries(root.path()).unwrap(), ["p"]);
    }

    #[test]
    fn a_file_in_the_way_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("p");
        fs::write(&file, "").unwrap();
        let refused = sample("one").write(&file, true);
        assert!(matches!(refused, Err(WriteError::NotAFolder(_))));
    }
}
