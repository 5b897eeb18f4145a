//! What is checked on the raw bytes before the HDF5 reader sees them.

use super::super::error::FileProblem;
use super::MAGIC;

/// Longest name of a group or dataset in an old-style group.
const MAX_NAME: usize = 1024;

/// Refuses files that are cut short, and those whose group structures would make a reader copy much more than the
/// file holds: names of unlimited length, and groups in fractal heaps (which Keras never writes).
pub(super) fn check(data: &[u8]) -> Result<(), FileProblem> {
    if !data.starts_with(MAGIC) {
        return Err(FileProblem::Hdf5 {
            detail: "the signature is missing".to_owned(),
        });
    }
    check_length(data)?;
    let long_runs = long_runs(data);
    for at in signatures(data) {
        match &data[at..at + 4] {
            b"FRHP" => {
                let detail = "it stores a group or attributes in a fractal heap, as `libver=\"latest\"` does; \
                              rewrite it with h5py's default settings"
                    .to_owned();
                return Err(FileProblem::Hdf5 { detail });
            }
            b"HEAP" => {
                if let Some((start, end)) = heap_segment(data, at)
                    && long_runs
                        .iter()
                        .any(|&(from, to)| to.min(end).saturating_sub(from.max(start)) > MAX_NAME)
                {
                    let detail = format!("a group holds a name longer than {MAX_NAME} bytes");
                    return Err(FileProblem::Hdf5 { detail });
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Compares the end-of-file address of the superblock with the length.
fn check_length(data: &[u8]) -> Result<(), FileProblem> {
    let actual = data.len() as u64;
    // Superblock 0: five bytes of versions, then the sizes of offsets and lengths; the end-of-file address is the
    // third of four addresses after 24 bytes (28 in version 1). Superblock 2 and 3: after 12 bytes.
    let at = match (data.get(8), data.get(13), data.get(9)) {
        (Some(0), Some(8), _) => 24 + 16,
        (Some(1), Some(8), _) => 28 + 16,
        (Some(2 | 3), _, Some(8)) => 12 + 16,
        (None, ..) => {
            return Err(FileProblem::Truncated {
                declared: 96,
                actual,
            });
        }
        // Other address sizes: the reader decides.
        _ => return Ok(()),
    };
    match u64_at(data, at) {
        Some(declared) if declared > actual => Err(FileProblem::Truncated { declared, actual }),
        Some(_) => Ok(()),
        None => Err(FileProblem::Truncated {
            declared: 96,
            actual,
        }),
    }
}

/// Places where a local heap or a fractal heap may begin.
fn signatures(data: &[u8]) -> impl Iterator<Item = usize> + '_ {
    (0..data.len().saturating_sub(3)).filter(|&at| {
        let word = &data[at..at + 4];
        word == b"HEAP" || word == b"FRHP"
    })
}

/// The byte range of a local heap's names, if this is one: version 0, 3 reserved bytes, size, free list, address.
fn heap_segment(data: &[u8], at: usize) -> Option<(usize, usize)> {
    if data.get(at + 4) != Some(&0) {
        return None;
    }
    let size = usize::try_from(u64_at(data, at + 8)?).ok()?;
    let start = usize::try_from(u64_at(data, at + 24)?).ok()?;
    let end = start.checked_add(size)?;
    (end <= data.len()).then_some((start, end))
}

/// Stretches without a NUL byte that are longer than a name may be.
fn long_runs(data: &[u8]) -> Vec<(usize, usize)> {
    let mut runs = Vec::new();
    let mut start = 0;
    for piece in data.split(|&byte| byte == 0) {
        if piece.len() > MAX_NAME {
            runs.push((start, start + piece.len()));
        }
        start += piece.len() + 1;
    }
    runs
}

fn u64_at(data: &[u8], at: usize) -> Option<u64> {
    let bytes = data.get(at..at.checked_add(8)?)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}
