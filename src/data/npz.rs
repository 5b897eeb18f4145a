//! `.npz`: several arrays by name, a zip archive of `.npy` files.

use std::io::{Cursor, Write};

use indexmap::IndexMap;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::{Array, DataError, npy};
use crate::untrusted::archive::{Archive, ArchiveError};

/// Reads all arrays of an archive, in its order. Names are those of the members without `.npy`, as in NumPy.
pub fn read(data: &[u8]) -> Result<IndexMap<String, Array>, DataError> {
    let mut archive = Archive::open(data)?;
    let members = archive.names().to_vec();
    let mut arrays = IndexMap::with_capacity(members.len());
    // Members may share their bytes in the archive; what they decode to is bounded in all.
    let mut left = expansion_limit(data.len());
    for member in members {
        let content = archive.read(&member)?.unwrap_or_default();
        left = left.checked_sub(content.len() as u64).ok_or_else(|| {
            DataError::Archive(
                "its members decode to far more data than the archive is long".to_owned(),
            )
        })?;
        let array = npy::read(&content).map_err(|source| DataError::Member {
            member: member.clone(),
            source: Box::new(source),
        })?;
        let name = member.strip_suffix(".npy").unwrap_or(&member).to_owned();
        if arrays.insert(name, array).is_some() {
            return Err(DataError::Archive(format!(
                "two members are called `{member}`"
            )));
        }
    }
    Ok(arrays)
}

/// Arrays as the content of an `.npz` file: uncompressed, in the order given, the same bytes for the same arrays.
///
/// # Errors
/// If a name is no file name in a zip archive (too long), or occurs twice.
pub fn write<'a>(
    arrays: impl IntoIterator<Item = (&'a str, &'a Array)>,
) -> Result<Vec<u8>, DataError> {
    let archive = |error: zip::result::ZipError| DataError::Archive(error.to_string());
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, array) in arrays {
        let content = npy::write(array);
        // Sizes beyond 4 GiB must be announced.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .large_file(content.len() as u64 >= u64::from(u32::MAX));
        writer
            .start_file(format!("{name}.npy"), options)
            .map_err(archive)?;
        writer.write_all(&content)?;
    }
    Ok(writer.finish().map_err(archive)?.into_inner())
}

fn expansion_limit(stored: usize) -> u64 {
    use crate::untrusted::archive::{FREE_EXPANSION, MAX_EXPANSION};
    (stored as u64)
        .saturating_mul(MAX_EXPANSION)
        .saturating_add(FREE_EXPANSION)
}

impl From<ArchiveError> for DataError {
    fn from(error: ArchiveError) -> Self {
        DataError::Archive(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_archives_read_back_in_order() {
        let arrays = IndexMap::from([
            ("z".to_owned(), Array::f64(vec![2], vec![1.0, 2.0])),
            ("a/b".to_owned(), Array::i64(vec![], vec![-7])),
        ]);
        let bytes = write(arrays.iter().map(|(name, array)| (name.as_str(), array))).unwrap();
        let back = read(&bytes).unwrap();
        assert_eq!(back, arrays);
        assert_eq!(back.keys().collect::<Vec<_>>(), ["z", "a/b"]);
    }

    #[test]
    fn an_empty_archive_has_no_arrays() {
        let bytes = write([]).unwrap();
        assert_eq!(read(&bytes).unwrap().len(), 0);
    }
}
