//! `.keras`: a zip archive with the architecture, the weights and the writer's version.

use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use super::error::FileProblem;
use super::{FREE_EXPANSION, MAX_EXPANSION, quiet};

/// First bytes of an archive with members.
pub(super) const MAGIC: &[u8] = b"PK\x03\x04";

/// The members that matter.
pub(super) struct Members {
    pub(super) config: Vec<u8>,
    pub(super) metadata: Option<Vec<u8>>,
    pub(super) weights: Vec<u8>,
}

const CONFIG: &str = "config.json";
const METADATA: &str = "metadata.json";
const WEIGHTS: &str = "model.weights.h5";

/// Unpacks a `.keras` archive.
pub(super) fn read(data: &[u8]) -> Result<Members, FileProblem> {
    quiet::catch(|| unpack(data)).unwrap_or_else(|panic| Err(FileProblem::Zip { detail: panic }))
}

/// Opens an archive and refuses what no honest writer makes.
pub(crate) fn open(data: &[u8]) -> Result<ZipArchive<Cursor<&[u8]>>, FileProblem> {
    let archive = ZipArchive::new(Cursor::new(data)).map_err(|error| {
        let detail = match error {
            ZipError::InvalidArchive(_) => format!("{error}; it may be cut short"),
            other => other.to_string(),
        };
        FileProblem::Zip { detail }
    })?;
    let odd = |detail: String| Err(FileProblem::Zip { detail });
    if archive.has_duplicate_names() {
        return odd("two members have the same name".to_owned());
    }
    for name in archive.file_names_raw() {
        let parts = || name.split(|&byte| byte == b'/' || byte == b'\\');
        if name.starts_with(b"/")
            || name.contains(&0)
            || name.contains(&b':')
            || parts().any(|part| part == b"..")
        {
            return odd(format!(
                "the member name `{}` leaves the archive",
                String::from_utf8_lossy(name)
            ));
        }
    }
    Ok(archive)
}

/// The content of one member, `None` when there is none of that name.
pub(crate) fn member(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    name: &str,
) -> Result<Option<Vec<u8>>, FileProblem> {
    let damaged = |detail: String| FileProblem::Zip {
        detail: format!("member `{name}`: {detail}"),
    };
    let Some(index) = archive.index_for_name(name) else {
        return Ok(None);
    };
    let entry = archive
        .by_index_raw(index)
        .map_err(|error| damaged(error.to_string()))?;
    if entry.encrypted() {
        return Err(FileProblem::Encrypted {
            member: name.to_owned(),
        });
    }
    let (declared, stored) = (entry.size(), entry.compressed_size());
    drop(entry);
    let bomb = || FileProblem::Bomb {
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
    let mut entry = archive
        .by_index(index)
        .map_err(|error| damaged(error.to_string()))?;
    let mut content = Vec::new();
    let room = usize::try_from(declared).map_err(|_| bomb())?;
    content.try_reserve_exact(room).map_err(|_| bomb())?;
    // One byte more than declared shows a member that says too little.
    let mut limited = entry.by_ref().take(declared.saturating_add(1));
    limited
        .read_to_end(&mut content)
        .map_err(|error| damaged(error.to_string()))?;
    if content.len() as u64 != declared {
        return Err(damaged(format!(
            "{} bytes, {declared} were declared",
            content.len()
        )));
    }
    Ok(Some(content))
}

fn unpack(data: &[u8]) -> Result<Members, FileProblem> {
    let mut archive = open(data)?;
    let names: Vec<String> = archive
        .file_names_raw()
        .take(20)
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect();
    let present = if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    };
    let missing = |member| FileProblem::MissingMember {
        member,
        present: present.clone(),
    };
    let config = member(&mut archive, CONFIG)?.ok_or_else(|| missing(CONFIG))?;
    let metadata = member(&mut archive, METADATA)?;
    let weights = match member(&mut archive, WEIGHTS)? {
        Some(weights) => weights,
        None => {
            return Err(
                match names.iter().find(|name| name.starts_with("model.weights.")) {
                    Some(other) => FileProblem::WeightsFormat {
                        member: other.clone(),
                    },
                    None => missing(WEIGHTS),
                },
            );
        }
    };
    Ok(Members {
        config,
        metadata,
        weights,
    })
}
