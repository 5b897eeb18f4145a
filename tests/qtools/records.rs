//! The map and every energy figure of every recorded call equal those of the real QTools.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use qk_hls::compile;
use qk_hls::import::RawModel;
use qk_hls::layers::{self, Note};
use qk_hls::qtools::{self, Fusing, Memory, MemoryOptions, Options, Rules, Technology};
use serde_json::Value;

/// Where the records and their models lie.
pub(crate) struct Records {
    folder: tempfile::TempDir,
}

impl Records {
    pub(crate) fn open() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/qtools/records.zip");
        let file = fs::File::open(root).expect("the records are committed");
        let mut archive = zip::ZipArchive::new(file).expect("an archive");
        let folder = tempfile::tempdir().expect("a temporary folder");
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).expect("readable");
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).expect("readable");
            let name = entry.name().expect("a plain name").into_owned();
            fs::write(folder.path().join(name), bytes).expect("writable");
        }
        Self { folder }
    }

    /// Name, model file and record of each model.
    pub(crate) fn all(&self) -> Vec<(String, PathBuf, Value)> {
        let only = std::env::var("QTOOLS_RECORDS");
        let mut found: Vec<_> = fs::read_dir(self.folder.path())
            .expect("a folder")
            .filter_map(|entry| {
                let path = entry.expect("readable").path();
                let name = path.file_name()?.to_str()?.strip_suffix(".record.json")?;
                let text = fs::read_to_string(&path).expect("readable");
                let record: Value = serde_json::from_str(&text).expect("JSON");
                let model = record["model"].as_str().expect("a name");
                let file = match model.strip_prefix("../") {
                    Some(golden) => Path::new(env!("CARGO_MANIFEST_DIR"))
                        .join("tests/golden")
                        .join(golden),
                    None => self.folder.path().join(model),
                };
                let chosen = only.as_ref().map_or(true, |only| name.contains(only));
                chosen.then(|| (name.to_owned(), file, record))
            })
            .collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// The options of a recorded call.
pub(crate) fn options(recorded: &Value) -> Options {
    let flag = |key: &str| recorded[key].as_bool().unwrap_or(false);
    Options {
        rules: Rules::Compat,
        source_quantizers: match &recorded["source_quantizers"] {
            Value::Array(list) => list.iter().filter_map(text).collect(),
            one => text(one).into_iter().collect(),
        },
        is_inference: flag("is_inference"),
        keras_quantizer: text(&recorded["keras_quantizer"]),
        keras_accumulator: text(&recorded["keras_accumulator"]),
        for_reference: flag("for_reference"),
        weights_already_quantized: true,
        fusing: if flag("hw_weight_dict") {
            Fusing::All
        } else {
            Fusing::None
        },
    }
}

fn memory(recorded: &Value) -> MemoryOptions {
    let place = |key: &str| match recorded[key].as_str() {
        Some("dram") => Memory::Dram,
        Some("sram") => Memory::Sram,
        Some("fixed") => Memory::Fixed,
        other => panic!("{other:?}"),
    };
    MemoryOptions {
        weights: place("weights_on_memory"),
        activations: place("activations_on_memory"),
        min_sram_size: recorded["min_sram_size"].as_u64().expect("a size"),
        rd_wr_on_io: recorded["rd_wr_on_io"].as_bool().expect("a flag"),
    }
}

/// Whether two JSON values say the same: flags may be 0 and 1, figures differ by rounding only.
pub(crate) fn differences(
    place: &str,
    ours: &Value,
    theirs: &Value,
    figures: bool,
    into: &mut Vec<String>,
) {
    let as_number = |v: &Value| {
        v.as_f64()
            .or_else(|| v.as_bool().map(|b| f64::from(u8::from(b))))
    };
    let same = match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            for (key, value) in b {
                match a.get(key) {
                    Some(mine) => {
                        differences(&format!("{place}.{key}"), mine, value, figures, into);
                    }
                    None => into.push(format!("{place}.{key}: missing, {value}")),
                }
            }
            for key in a.keys().filter(|k| !b.contains_key(*k)) {
                into.push(format!("{place}.{key}: too much"));
            }
            true
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                differences(&format!("{place}[{i}]"), a, b, figures, into);
            }
            true
        }
        _ => match (as_number(ours), as_number(theirs)) {
            (Some(a), Some(b)) => {
                let tolerance = if figures {
                    0.011_f64.max(1e-6 * b.abs())
                } else {
                    0.0
                };
                (a - b).abs() <= tolerance
            }
            _ => ours == theirs,
        },
    };
    if !same {
        into.push(format!("{place}: {ours}, but QTools has {theirs}"));
    }
}

/// A model and its layers; `None` where a layer is refused.
pub(crate) fn lowered(file: &Path) -> Option<(RawModel, Vec<Note>)> {
    let mut options = layers::Options::default();
    options.quantizers.deterministic_bernoulli = true;
    let (model, lowered) = compile::lower(file, None, &options).ok()?;
    Some((model, lowered.notes))
}

#[test]
fn compat_equals_the_records() {
    let records = Records::open();
    let (mut models, mut figures, mut failed) = (0, 0, Vec::new());
    for (name, file, record) in records.all() {
        let Some((model, notes)) = lowered(&file) else {
            continue;
        };
        models += 1;
        for run in record["runs"].as_array().expect("runs") {
            if run.get("error").is_some() {
                continue;
            }
            let what = format!("{name} {}", run["options"]);
            let map = qtools::analyse(&model, &notes, &options(&run["options"]));
            let map = match map {
                Ok(map) => map,
                // A source of a kind that is not built yet.
                Err(problems) if problems.to_string().contains("there is no quantizer") => continue,
                Err(problems) => {
                    failed.push(format!("{what}: {problems}"));
                    continue;
                }
            };
            let mut found = Vec::new();
            differences(
                "map",
                &Value::Object(map.to_json()),
                &run["map"],
                false,
                &mut found,
            );
            for energy in run["energy"].as_array().expect("energies") {
                if energy.get("error").is_some() {
                    continue;
                }
                let ours = map
                    .energy(&Technology::default(), memory(&energy["memory"]))
                    .to_json();
                differences("pe", &ours["pe"], &energy["pe"], true, &mut found);
                differences("sum", &ours["energy_sum"], &energy["sum"], true, &mut found);
                for (layer, total) in energy["profile"].as_object().expect("a profile") {
                    let ours = &ours["energy_profile"][layer]["total"];
                    differences(layer, ours, total, true, &mut found);
                }
                figures += 4 * energy["pe"].as_object().map_or(0, |pe| pe.len() - 1);
            }
            if run["roofline"].get("error").is_none() {
                let ours = serde_json::to_value(map.roofline(true, 32)).expect("JSON");
                differences("roofline", &ours, &run["roofline"], true, &mut found);
            }
            failed.extend(found.into_iter().map(|f| format!("{what}: {f}")));
        }
    }
    assert!(
        models >= 100 && figures > 20_000,
        "{models} models, {figures} figures"
    );
    assert!(
        failed.is_empty(),
        "{} differences\n{}",
        failed.len(),
        failed.join("\n")
    );
}
