//! `.keras`: a zip archive with the architecture, the weights and the writer's version.

use super::error::FileProblem;
use crate::untrusted::archive::{Archive, ArchiveError};

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
    let mut archive = Archive::open(data)?;
    let missing = |archive: &Archive<'_>, member| {
        let names: Vec<&str> = archive
            .names()
            .iter()
            .take(20)
            .map(String::as_str)
            .collect();
        FileProblem::MissingMember {
            member,
            present: names.join(", "),
        }
    };
    let config = archive
        .read(CONFIG)?
        .ok_or_else(|| missing(&archive, CONFIG))?;
    let metadata = archive.read(METADATA)?;
    let weights = match archive.read(WEIGHTS)? {
        Some(weights) => weights,
        None => {
            let other = archive
                .names()
                .iter()
                .find(|name| name.starts_with("model.weights."));
            return Err(match other {
                Some(other) => FileProblem::WeightsFormat {
                    member: other.clone(),
                },
                None => missing(&archive, WEIGHTS),
            });
        }
    };
    Ok(Members {
        config,
        metadata,
        weights,
    })
}

impl From<ArchiveError> for FileProblem {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Damaged(detail) => FileProblem::Zip { detail },
            ArchiveError::Encrypted(member) => FileProblem::Encrypted { member },
            ArchiveError::Bomb {
                member,
                declared,
                stored,
            } => FileProblem::Bomb {
                member,
                declared,
                stored,
            },
        }
    }
}
