//! [`RawModel`] to model files: the mirror image of [`crate::import`].
//!
//! Everything is written in the form of Keras 3, as a Functional model: what qkeras-v3 loads and
//! [`crate::import`] reads back equal. A model that came from Keras 2 is first spelled in the terms
//! of Keras 3; what has no counterpart there is refused by name.

mod h5;
mod keras3;
mod record;
mod weights;

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::import::{Container, Format, KerasVersion, RawModel};
use crate::ir::math::Network;
pub use keras3::upgrade;
use record::Shapes;

/// The version whose file forms are written.
const KERAS_VERSION: &str = "3.8.0";

/// Why a model cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// The file's name does not tell its form.
    #[error("{}: the name must end in .keras, .h5 or .json", .0.display())]
    Suffix(PathBuf),
    /// Something in the model has no place in a file.
    #[error("{0}")]
    Model(String),
}

/// The kind of file that a name asks for.
///
/// # Errors
/// When the ending is none of the known ones, or the file would hold weights alone.
pub fn container_of(path: &Path) -> Result<Container, ExportError> {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("");
    match name.rsplit_once('.') {
        _ if name.ends_with(".weights.h5") => Err(ExportError::Suffix(path.to_owned())),
        Some((_, "keras")) => Ok(Container::KerasArchive),
        Some((_, "h5" | "hdf5")) => Ok(Container::LegacyH5),
        Some((_, "json")) => Ok(Container::Json),
        _ => Err(ExportError::Suffix(path.to_owned())),
    }
}

/// Every file that a model written to `path` consists of; a `.json` has its weights beside it.
///
/// # Errors
/// As [`container_of`].
pub fn files_of(path: &Path) -> Result<Vec<PathBuf>, ExportError> {
    Ok(match container_of(path)? {
        Container::Json => vec![path.to_owned(), path.with_extension("weights.h5")],
        Container::KerasArchive | Container::LegacyH5 => vec![path.to_owned()],
    })
}

/// A model as the files of [`files_of`], with their contents. `network` is the lowered
/// model: the file says every tensor's shape.
///
/// # Errors
/// When the model is not in the form of Keras 3 (see [`upgrade`]) or holds something that a file cannot.
pub fn write(
    model: &RawModel,
    network: &Network,
    path: &Path,
) -> Result<Vec<(PathBuf, Vec<u8>)>, ExportError> {
    if model.format.keras != KerasVersion::V3 {
        let problem = "the model is in the form of Keras 2".to_owned();
        return Err(ExportError::Model(problem));
    }
    let shapes = Shapes::new(network);
    let container = container_of(path)?;
    let contents = match container {
        Container::KerasArchive => {
            let config = record::model(model, &shapes, record::Style::Full)?;
            // No date: equal models are equal files.
            let metadata =
                json!({ "keras_version": KERAS_VERSION, "date_saved": "1980-01-01@00:00:00" });
            let members = [
                ("metadata.json", text(&metadata, false)),
                ("config.json", text(&config, false)),
                ("model.weights.h5", weights::numbered(model)?),
            ];
            vec![archive(&members)?]
        }
        Container::LegacyH5 => {
            let config = record::model(model, &shapes, record::Style::Legacy)?;
            vec![weights::whole(model, &config.to_string(), KERAS_VERSION)?]
        }
        Container::Json => {
            let config = record::model(model, &shapes, record::Style::Full)?;
            vec![text(&config, true), weights::numbered(model)?]
        }
    };
    Ok(files_of(path)?.into_iter().zip(contents).collect())
}

/// The format that a model written to `path` is read back with.
///
/// # Errors
/// As [`container_of`].
pub fn format_of(path: &Path) -> Result<Format, ExportError> {
    Ok(Format {
        keras: KerasVersion::V3,
        container: container_of(path)?,
    })
}

fn text(value: &Value, pretty: bool) -> Vec<u8> {
    if pretty {
        format!("{value:#}\n").into_bytes()
    } else {
        value.to_string().into_bytes()
    }
}

/// A zip archive of stored members, as Keras writes it.
fn archive(members: &[(&str, Vec<u8>)]) -> Result<Vec<u8>, ExportError> {
    let failed = |e: &dyn std::fmt::Display| ExportError::Model(format!("the archive: {e}"));
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default());
    for (name, content) in members {
        zip.start_file(*name, options).map_err(|e| failed(&e))?;
        zip.write_all(content).map_err(|e| failed(&e))?;
    }
    Ok(zip.finish().map_err(|e| failed(&e))?.into_inner())
}
