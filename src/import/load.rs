//! Entry points: a path, or bytes, to a model with its weights.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::error::{FileProblem, GraphProblem, ImportErrors, Report, fail};
use super::h5::{self, H5};
use super::model::{Container, Format, Inner, RawModel};
use super::{MAX_FILE_BYTES, graph, json, keras_zip, weights};
use crate::untrusted::archive;

/// A model and what there is to say about how it was read.
#[derive(Debug)]
pub struct Import {
    /// The network.
    pub model: RawModel,
    /// Remarks for the user's log, e.g. which weights file was chosen.
    pub log: Vec<String>,
}

/// Reads a model file: `.keras`, whole-model `.h5`, `model.json`, or the directory of an unzipped `.keras`.
///
/// `weights` names the weights of a `model.json`. Without it they are looked for beside it: `<stem>.weights.h5`,
/// `<stem>_weights.h5`, `<stem>.h5`, in this order.
pub fn load(model: &Path, weights: Option<&Path>) -> Result<Import, ImportErrors> {
    if model.is_dir() {
        return load_directory(model, weights);
    }
    let name = model.display().to_string();
    let data = read_file(model)?;
    if kind_of(&data) != Kind::Json {
        return load_bytes(
            &name,
            data,
            weights.map(|path| (path.display().to_string(), Vec::new())),
        );
    }
    let (weights, log) = match weights {
        Some(path) => (path.to_owned(), Vec::new()),
        None => {
            // Errors in the JSON come before the missing weights.
            parse_json(&name, &data)?;
            let path = find_weights(model).map_err(|problem| fail(&name, problem))?;
            let remark = format!("weights from {}", path.display());
            (path, vec![remark])
        }
    };
    let weights_data = read_file(&weights)?;
    let mut import = load_bytes(
        &name,
        data,
        Some((weights.display().to_string(), weights_data)),
    )?;
    import.log.splice(0..0, log);
    Ok(import)
}

/// Reads a model from the content of its files. `name` and the name of the weights are for messages.
pub fn load_bytes(
    name: &str,
    model: Vec<u8>,
    weights: Option<(String, Vec<u8>)>,
) -> Result<Import, ImportErrors> {
    let container = match kind_of(&model) {
        Kind::Zip => Container::KerasArchive,
        Kind::Hdf5 => Container::LegacyH5,
        Kind::Json => Container::Json,
        Kind::Unusable(problem) => return Err(fail(name, problem)),
    };
    if container != Container::Json
        && let Some((weights, _)) = weights
    {
        return Err(fail(name, FileProblem::TwoWeights { weights }));
    }
    match container {
        Container::KerasArchive => {
            let members = keras_zip::read(&model).map_err(|problem| fail(name, problem))?;
            drop(model);
            load_members(name, members)
        }
        Container::LegacyH5 => load_whole_h5(name, model),
        Container::Json => {
            let record = parse_json(name, &model)?;
            drop(model);
            let Some((weights_name, data)) = weights else {
                return Err(fail(
                    name,
                    FileProblem::NoWeights {
                        tried: "none given".to_owned(),
                    },
                ));
            };
            let keras = graph::keras_version(&record);
            let file = open_weights(&weights_name, data)?;
            assemble(
                name,
                &record,
                Format { keras, container },
                &weights_name,
                &file,
            )
        }
    }
}

#[derive(Debug)]
enum Kind {
    Zip,
    Hdf5,
    Json,
    Unusable(FileProblem),
}

impl PartialEq for Kind {
    fn eq(&self, other: &Kind) -> bool {
        matches!(
            (self, other),
            (Kind::Zip, Kind::Zip) | (Kind::Hdf5, Kind::Hdf5) | (Kind::Json, Kind::Json)
        )
    }
}

/// What a file is, by its first bytes.
fn kind_of(data: &[u8]) -> Kind {
    let text = data
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(data)
        .trim_ascii_start();
    if data.starts_with(archive::MAGIC) {
        Kind::Zip
    } else if data.starts_with(h5::MAGIC) {
        Kind::Hdf5
    } else if text.starts_with(b"{") || text.starts_with(b"[") {
        Kind::Json
    } else if data.starts_with(b"version https://git-lfs") {
        Kind::Unusable(FileProblem::LfsPointer)
    } else if data.starts_with(archive::EMPTY_MAGIC) {
        Kind::Unusable(FileProblem::Zip {
            detail: "it has no members".to_owned(),
        })
    } else if !data.is_empty() && h5::MAGIC.starts_with(data) {
        Kind::Unusable(FileProblem::Truncated {
            declared: 96,
            actual: data.len() as u64,
        })
    } else {
        let found = match data {
            [] => "nothing (it is empty)".to_owned(),
            _ => format!("\"{}\"", data[..data.len().min(8)].escape_ascii()),
        };
        Kind::Unusable(FileProblem::NotAModel { found })
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, ImportErrors> {
    let read = || -> Result<Vec<u8>, FileProblem> {
        let file = fs::File::open(path)?;
        let bytes = file.metadata()?.len();
        let too_large = |bytes| FileProblem::TooLarge {
            bytes,
            limit: MAX_FILE_BYTES,
        };
        if bytes > MAX_FILE_BYTES {
            return Err(too_large(bytes));
        }
        let mut data = Vec::new();
        // Pipes and devices have no size.
        file.take(MAX_FILE_BYTES + 1).read_to_end(&mut data)?;
        if data.len() as u64 > MAX_FILE_BYTES {
            return Err(too_large(data.len() as u64));
        }
        Ok(data)
    };
    read().map_err(|problem| fail(&path.display().to_string(), problem))
}

/// The weights file beside a `model.json`.
fn find_weights(model: &Path) -> Result<PathBuf, FileProblem> {
    let stem = model.file_stem().unwrap_or_default().to_string_lossy();
    let names = [
        format!("{stem}.weights.h5"),
        format!("{stem}_weights.h5"),
        format!("{stem}.h5"),
    ];
    let found = names
        .iter()
        .map(|name| model.with_file_name(name))
        .find(|path| path.exists());
    found.ok_or_else(|| FileProblem::NoWeights {
        tried: names.join(", "),
    })
}

fn load_directory(path: &Path, weights: Option<&Path>) -> Result<Import, ImportErrors> {
    let name = path.display().to_string();
    if let Some(weights) = weights {
        return Err(fail(
            &name,
            FileProblem::TwoWeights {
                weights: weights.display().to_string(),
            },
        ));
    }
    let config = path.join("config.json");
    if !config.is_file() {
        let saved = path.join("saved_model.pb").exists();
        let problem = if saved {
            FileProblem::SavedModel
        } else {
            FileProblem::EmptyDirectory
        };
        return Err(fail(&name, problem));
    }
    let metadata = path.join("metadata.json");
    let metadata = if metadata.is_file() {
        Some(read_file(&metadata)?)
    } else {
        None
    };
    let members = keras_zip::Members {
        config: read_file(&config)?,
        metadata,
        weights: read_file(&path.join("model.weights.h5"))?,
    };
    load_members(&name, members)
}

fn load_members(name: &str, members: keras_zip::Members) -> Result<Import, ImportErrors> {
    let record = parse_json(&format!("{name} (config.json)"), &members.config)?;
    let metadata = match members.metadata {
        Some(metadata) => Some(parse_json(&format!("{name} (metadata.json)"), &metadata)?),
        None => None,
    };
    let version = metadata
        .as_ref()
        .and_then(|metadata| metadata.get("keras_version"))
        .and_then(Value::as_str);
    let keras = version.map_or_else(|| graph::keras_version(&record), graph::version_of);
    let weights_name = format!("{name} (model.weights.h5)");
    let file = open_h5(&weights_name, members.weights)?;
    assemble(
        name,
        &record,
        Format {
            keras,
            container: Container::KerasArchive,
        },
        &weights_name,
        &file,
    )
}

fn load_whole_h5(name: &str, data: Vec<u8>) -> Result<Import, ImportErrors> {
    let file = open_h5(name, data)?;
    let text = |attribute| {
        file.strings("", attribute)
            .map_err(|problem| fail(name, problem))
    };
    let Some(config) = text("model_config")? else {
        let problem = match weights::layout(&file) {
            Ok(_) => FileProblem::WeightsOnly,
            Err(problem) => problem,
        };
        return Err(fail(name, problem));
    };
    let record = parse_json(
        &format!("{name} (model_config)"),
        config.concat().as_bytes(),
    )?;
    let keras = text("keras_version")?
        .and_then(|versions| versions.first().map(|version| graph::version_of(version)))
        .unwrap_or_else(|| graph::keras_version(&record));
    assemble(
        name,
        &record,
        Format {
            keras,
            container: Container::LegacyH5,
        },
        name,
        &file,
    )
}

/// Opens the weights of a `model.json`: HDF5 in any layout, or a `.keras` archive.
fn open_weights(name: &str, data: Vec<u8>) -> Result<H5, ImportErrors> {
    match kind_of(&data) {
        Kind::Hdf5 => open_h5(name, data),
        Kind::Zip => {
            let members = keras_zip::read(&data).map_err(|problem| fail(name, problem))?;
            open_h5(&format!("{name} (model.weights.h5)"), members.weights)
        }
        Kind::Json => {
            let record = parse_json(name, &data)?;
            let sharded = record.get("weight_map").is_some();
            let problem = if sharded {
                FileProblem::Sharded
            } else {
                FileProblem::Hdf5 {
                    detail: "it is JSON, not weights".to_owned(),
                }
            };
            Err(fail(name, problem))
        }
        Kind::Unusable(FileProblem::NotAModel { found }) => {
            let detail = format!("it starts with {found}");
            Err(fail(name, FileProblem::Hdf5 { detail }))
        }
        Kind::Unusable(problem) => Err(fail(name, problem)),
    }
}

fn open_h5(name: &str, data: Vec<u8>) -> Result<H5, ImportErrors> {
    if !data.starts_with(h5::MAGIC)
        && let Kind::Unusable(problem) = kind_of(&data)
    {
        return Err(fail(name, problem));
    }
    H5::open(data).map_err(|problem| fail(name, problem))
}

fn parse_json(name: &str, text: &[u8]) -> Result<Value, ImportErrors> {
    json::parse(text).map_err(|problem| fail(name, problem))
}

/// Architecture and weights together.
fn assemble(
    name: &str,
    record: &Value,
    format: Format,
    weights_name: &str,
    file: &H5,
) -> Result<Import, ImportErrors> {
    let mut report = Report::new(name);
    if record.get("weight_map").is_some() && record.get("class_name").is_none() {
        return Err(fail(name, FileProblem::Sharded));
    }
    let model = graph::model(record, format, &mut report);
    report.check()?;
    let Some(mut model) = model else {
        return Err(fail(name, GraphProblem::NoPorts { what: "layers" }));
    };
    let mut report = Report::new(weights_name);
    let mut log = Vec::new();
    let layout = weights::layout(file).map_err(|problem| fail(weights_name, problem))?;
    weights::bind(file, layout, &mut model, &mut report, &mut log);
    if let Err(mut problems) = report.check() {
        // A layer of unknown class is often why weights fit nowhere, so it is named first.
        let mut unknown = Report::new(name);
        report_unknown(&model, "", &mut unknown);
        problems.0.splice(0..0, unknown.errors);
        return Err(problems);
    }
    Ok(Import { model, log })
}

/// Reports layers whose class the importer does not know, at every level.
fn report_unknown(model: &RawModel, prefix: &str, report: &mut Report) {
    for layer in &model.layers {
        let place = format!("{prefix}{}", layer.name);
        match &layer.inner {
            Inner::Model(inner) => report_unknown(inner, &format!("{place}/"), report),
            Inner::None if weights::slots::slots(&layer.class_name, &layer.config).is_none() => {
                let class = layer.class_name.clone();
                report.layer(&place, GraphProblem::UnknownClass { class });
            }
            Inner::None | Inner::Layer(_) | Inner::Directions { .. } | Inner::Cells(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::KerasVersion;
    use super::*;

    #[test]
    fn kinds_by_first_bytes() {
        assert_eq!(kind_of(b"PK\x03\x04rest"), Kind::Zip);
        assert_eq!(kind_of(b"\x89HDF\r\n\x1a\nrest"), Kind::Hdf5);
        assert_eq!(kind_of(b"\xef\xbb\xbf \n{}"), Kind::Json);
        assert!(matches!(
            kind_of(b"version https://git-lfs.github.com/spec/v1"),
            Kind::Unusable(FileProblem::LfsPointer)
        ));
        assert!(matches!(
            kind_of(b"\x89HDF"),
            Kind::Unusable(FileProblem::Truncated { .. })
        ));
        assert!(matches!(
            kind_of(b""),
            Kind::Unusable(FileProblem::NotAModel { .. })
        ));
    }

    #[test]
    fn keras_version_by_spelling() {
        assert_eq!(graph::version_of("2.2.4-tf"), KerasVersion::V2);
        assert_eq!(graph::version_of("3.15.1"), KerasVersion::V3);
    }
}
