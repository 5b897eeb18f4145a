//! The YAML of hls4ml: a configuration dictionary, or the `hls4ml_config.yml` of a project.
//!
//! Keys that say how much hardware a layer may use are taken over. Keys that choose number types have
//! no place here, since types come from the model and are exact; they, and keys about hls4ml's own
//! files, are listed as not used. Everything else is refused.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{BackendName, Config, IoName, Section, StrategyName};

/// Keys of a project that say nothing about the hardware of the layers.
const PROJECT_UNUSED: [&str; 16] = [
    "OutputDir",
    "KerasModel",
    "KerasH5",
    "KerasJson",
    "OnnxModel",
    "PytorchModel",
    "InputShape",
    "InputData",
    "OutputPredictions",
    "Stamp",
    "Version",
    "WriterConfig",
    "WriteWeightsTxt",
    "WriteTar",
    "Namespace",
    "TBOutputStream",
];

/// Keys of a layer about number types and tables, tracing, and the memories of hls4ml's layers.
const LAYER_UNUSED: [&str; 15] = [
    "Precision",
    "TraceOutput",
    "Trace",
    "BramFactor",
    "Implementation",
    "ConvImplementation",
    "TableSize",
    "TableT",
    "ExpTableT",
    "InvTableT",
    "Skip",
    "Compression",
    "Optimizers",
    "accum_t",
    "result_t",
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct File {
    #[serde(rename = "HLSConfig")]
    hls: Option<Hls>,
    #[serde(flatten)]
    project: BTreeMap<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Hls {
    #[serde(rename = "Model")]
    model: BTreeMap<String, Value>,
    #[serde(rename = "LayerType")]
    layer_type: BTreeMap<String, BTreeMap<String, Value>>,
    #[serde(rename = "LayerName")]
    layer_name: BTreeMap<String, BTreeMap<String, Value>>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// Reads hls4ml's YAML. Returns what it says in the terms of [`Config`], and the keys that are not
/// used here.
///
/// # Errors
/// Text that is no YAML, and every key and value without a counterpart, with the valid ones.
pub fn parse(text: &str) -> Result<(Config, Vec<String>), String> {
    let file: File = serde_saphyr::from_str(text).map_err(|e| e.to_string())?;
    // A dictionary of `config_from_keras_model` has no outer level.
    let (hls, mut project) = match file.hls {
        Some(hls) => (hls, file.project),
        None => (
            serde_saphyr::from_str(text).map_err(|e| e.to_string())?,
            BTreeMap::new(),
        ),
    };
    let mut reader = Reader::default();
    let mut config = Config::default();
    if !project.is_empty() || !hls.rest.is_empty() {
        project.extend(hls.rest);
        reader.project(&project, &mut config);
    }
    config.model = reader.section("Model", &hls.model);
    for (name, keys) in &hls.layer_type {
        let section = reader.section(&format!("LayerType.{name}"), keys);
        config.layer_type.insert(name.clone(), section);
    }
    for (name, keys) in &hls.layer_name {
        let section = reader.section(&format!("LayerName.{name}"), keys);
        if section != Section::default() {
            config.layer.insert(name.clone(), section);
        }
    }
    if reader.problems.is_empty() {
        Ok((config, reader.unused))
    } else {
        Err(reader.problems.join("\n"))
    }
}

#[derive(Default)]
struct Reader {
    problems: Vec<String>,
    unused: Vec<String>,
}

impl Reader {
    fn project(&mut self, keys: &BTreeMap<String, Value>, config: &mut Config) {
        for (key, value) in keys {
            let project = &mut config.project;
            match key.as_str() {
                "Backend" => {
                    project.backend = self.one_of(
                        key,
                        value,
                        &[
                            ("vitis", BackendName::Vitis),
                            ("vivado", BackendName::Vivado),
                            ("catapult", BackendName::Catapult),
                        ],
                    );
                }
                "IOType" => {
                    project.io = self.one_of(
                        key,
                        value,
                        &[
                            ("io_parallel", IoName::Parallel),
                            ("io_stream", IoName::Stream),
                        ],
                    );
                }
                "ProjectName" => project.name = self.text(key, value),
                "Part" | "XilinxPart" => project.part = self.text(key, value),
                "ClockPeriod" => project.clock_period = self.decimal(key, value),
                "ClockUncertainty" => project.clock_uncertainty = self.decimal(key, value),
                "ASICLibs" => project.asic_library = self.text(key, value),
                _ if value.is_null() || PROJECT_UNUSED.contains(&key.as_str()) => {
                    self.unused.push(key.clone());
                }
                _ => self.problems.push(format!(
                    "{key}: unknown key; Backend, IOType, ProjectName, Part, ClockPeriod, \
                     ClockUncertainty, ASICLibs and HLSConfig are taken over"
                )),
            }
        }
    }

    fn section(&mut self, place: &str, keys: &BTreeMap<String, Value>) -> Section {
        let mut section = Section::default();
        for (key, value) in keys {
            let at = format!("{place}.{key}");
            match key.as_str() {
                "Strategy" => {
                    section.strategy = self.one_of(
                        &at,
                        value,
                        &[
                            ("latency", StrategyName::Latency),
                            ("resource", StrategyName::Resource),
                            ("unrolled", StrategyName::Unrolled),
                            ("resource_unrolled", StrategyName::Unrolled),
                        ],
                    );
                }
                "ReuseFactor" => section.reuse_factor = self.count(&at, value),
                "ParallelizationFactor" => {
                    section.parallelization_factor = self.count(&at, value);
                }
                "TargetII" | "PipelineInterval" => section.target_ii = self.count(&at, value),
                _ if LAYER_UNUSED.contains(&key.as_str()) || key.ends_with("_t") => {
                    self.unused.push(at);
                }
                _ => self.problems.push(format!(
                    "{at}: unknown key; Strategy, ReuseFactor, ParallelizationFactor and TargetII \
                     are taken over"
                )),
            }
        }
        section
    }

    fn one_of<T: Copy>(&mut self, at: &str, value: &Value, valid: &[(&str, T)]) -> Option<T> {
        let given = value.as_str().map(str::to_lowercase);
        let found = given.and_then(|given| valid.iter().find(|(name, _)| *name == given));
        if found.is_none() {
            let names: Vec<&str> = valid.iter().map(|(name, _)| *name).collect();
            let message = format!("{at}: {value} is not one of {}", names.join(", "));
            self.problems.push(message);
        }
        found.map(|(_, value)| *value)
    }

    fn text(&mut self, at: &str, value: &Value) -> Option<String> {
        let found = value.as_str().map(str::to_owned);
        if found.is_none() && !value.is_null() {
            self.problems.push(format!("{at}: {value} is not a text"));
        }
        found
    }

    /// Numbers, also as text; hls4ml writes percentages as text.
    fn decimal(&mut self, at: &str, value: &Value) -> Option<f64> {
        let text = value.as_str().map(|s| s.trim().trim_end_matches('%'));
        let found = value.as_f64().or_else(|| text?.parse().ok());
        if found.is_none() && !value.is_null() {
            self.problems.push(format!("{at}: {value} is not a number"));
        }
        found
    }

    fn count(&mut self, at: &str, value: &Value) -> Option<u32> {
        let found = value.as_u64().and_then(|n| u32::try_from(n).ok());
        if found.is_none() {
            let message = format!("{at}: {value} is not a whole number; 1, 2, 3, ... are valid");
            self.problems.push(message);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_of_hls4ml() {
        let text = "Backend: Vitis\nClockPeriod: 5\nClockUncertainty: 27%\nIOType: io_stream\nOutputDir: /tmp/x\n\
                    HLSConfig:\n  Model:\n    Precision: fixed<16,6>\n    ReuseFactor: 1\n    Strategy: Latency\n  \
                    LayerName:\n    fc1:\n      ReuseFactor: 4\n      Strategy: Resource\n    relu: {Precision: auto}\n";
        let (config, unused) = parse(text).unwrap();
        assert_eq!(config.project.backend, Some(BackendName::Vitis));
        assert_eq!(config.project.io, Some(IoName::Stream));
        assert_eq!(config.project.clock_uncertainty, Some(27.0));
        assert_eq!(config.model.strategy, Some(StrategyName::Latency));
        assert_eq!(config.layer["fc1"].reuse_factor, Some(4));
        assert!(!config.layer.contains_key("relu"));
        assert_eq!(
            unused,
            ["OutputDir", "Model.Precision", "LayerName.relu.Precision"]
        );
    }

    #[test]
    fn a_dictionary_of_hls4ml() {
        let (config, _) =
            parse("Model: {ReuseFactor: 2}\nLayerType: {Dense: {TargetII: 3}}\n").unwrap();
        assert_eq!(config.model.reuse_factor, Some(2));
        assert_eq!(config.layer_type["Dense"].target_ii, Some(3));
    }

    #[test]
    fn unknown_keys_and_values_are_refused_with_the_valid_ones() {
        let error = parse(
            "Backend: Quartus\nHLSConfig: {Model: {Strategy: Fast, Reuse: 2, ReuseFactor: x}}\n",
        )
        .unwrap_err();
        for words in [
            "Backend: \"Quartus\" is not one of vitis, vivado, catapult",
            "Model.Strategy: \"Fast\" is not one of latency, resource, unrolled",
            "Model.Reuse: unknown key; Strategy, ReuseFactor",
            "Model.ReuseFactor: \"x\" is not a whole number",
        ] {
            assert!(error.contains(words), "{error}");
        }
        assert!(parse("[1, 2").is_err());
    }
}
