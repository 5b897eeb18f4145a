//! Zip archives: `.keras` and `.npz`.

use std::io::{Cursor, Read};

use thiserror::Error;
use zip::ZipArchive;
use zip::result::ZipError;

use super::quiet;

/// First bytes of an archive with members.
pub(crate) const MAGIC: &[u8] = b"PK\x03\x04";
/// First bytes of an archive without.
pub(crate) const EMPTY_MAGIC: &[u8] = b"PK\x05\x06";

/// Decompressed bytes allowed for each stored one. Weights of a pruned network and indented JSON compress well;
/// deflate itself ends at 1032.
pub(crate) const MAX_EXPANSION: u64 = 64;
/// Decompressed bytes allowed whatever the stored size.
pub(crate) const FREE_EXPANSION: u64 = 1 << 20;

/// Why an archive cannot be used.
#[derive(Debug, Error)]
pub(crate) enum ArchiveError {
    #[error("{0}")]
    Damaged(String),
    #[error("member `{0}` is encrypted")]
    Encrypted(String),
    #[error("member `{member}` claims {declared} bytes from {stored} stored ones")]
    Bomb {
        member: String,
        declared: u64,
        stored: u64,
    },
}

/// An opened archive.
pub(crate) struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    names: Vec<String>,
}

impl<'a> Archive<'a> {
    /// Reads the directory, and refuses what no honest writer makes: duplicate names, names that lead out of the
    /// archive.
    pub(crate) fn open(data: &'a [u8]) -> Result<Self, ArchiveError> {
        let zip =
            quiet::catch(|| ZipArchive::new(Cursor::new(data))).map_err(ArchiveError::Damaged)?;
        let zip = zip.map_err(|error| match error {
            ZipError::InvalidArchive(_) => {
                ArchiveError::Damaged(format!("{error}; it may be cut short"))
            }
            other => ArchiveError::Damaged(other.to_string()),
        })?;
        if zip.has_duplicate_names() {
            return Err(ArchiveError::Damaged(
                "two members have the same name".to_owned(),
            ));
        }
        let mut names = Vec::with_capacity(zip.len());
        for name in zip.file_names_raw() {
            let separator = |byte: &u8| matches!(byte, b'/' | b'\\');
            let leaves = name.first().is_some_and(separator)
                || name.contains(&0)
                || matches!(name, [_, b':', next, ..] if separator(next))
                || name.split(separator).any(|part| part == b"..");
            let text = String::from_utf8_lossy(name).into_owned();
            if leaves {
                return Err(ArchiveError::Damaged(format!(
                    "the member name `{text}` leaves the archive"
                )));
            }
            names.push(text);
        }
        Ok(Archive { zip, names })
    }

    /// Names of all members, in the order of the directory.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The content of a member; `None` when there is none of that name.
    pub(crate) fn read(&mut self, name: &str) -> Result<Option<Vec<u8>>, ArchiveError> {
        let Some(index) = self.zip.index_for_name(name) else {
            return Ok(None);
        };
        let zip = &mut self.zip;
        let read = quiet::catch(|| read_member(zip, index, name))
            .unwrap_or_else(|panic| Err(damaged(name, panic)));
        read.map(Some)
    }
}

fn damaged(name: &str, detail: impl ToString) -> ArchiveError {
    ArchiveError::Damaged(format!("member `{name}`: {}", detail.to_string()))
}

fn read_member(
    zip: &mut ZipArchive<Cursor<&[u8]>>,
    index: usize,
    name: &str,
) -> Result<Vec<u8>, ArchiveError> {
    let entry = zip
        .by_index_raw(index)
        .map_err(|error| damaged(name, error))?;
    if entry.encrypted() {
        return Err(ArchiveError::Encrypted(name.to_owned()));
    }
    let (declared, stored) = (entry.size(), entry.compressed_size());
    drop(entry);
    let bomb = || ArchiveError::Bomb {
        member: name.to_owned(),
        declared,
        stored,
    };
    if declared
        > stored
            .saturating_mul(MAX_EXPANSION)
            .saturating_add(FREE_EXPANSION)
    {
        return Err(bomb());
    }
    let entry = zip.by_index(index).map_err(|error| damaged(name, error))?;
    let mut content = Vec::new();
    // The stored size is a claim as well, so memory is taken as bytes arrive. One byte more than declared shows a
    // member that declares too little.
    entry
        .take(declared.saturating_add(1))
        .read_to_end(&mut content)
        .map_err(|error| damaged(name, error))?;
    if content.len() as u64 != declared {
        let detail = format!(
            "{declared} bytes were declared, {} or more are there",
            content.len()
        );
        return Err(damaged(name, detail));
    }
    Ok(content)
}
