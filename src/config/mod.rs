//! The configuration file of a project: TOML, what `generate --config` reads and `config` writes; the
//! YAML of hls4ml is understood as well, see [`yaml`].
//!
//! ```toml
//! [project]
//! backend = "vitis"
//! io = "stream"
//!
//! [model]
//! strategy = "latency"
//!
//! [layer_type.QDense]
//! strategy = "resource"
//!
//! [layer.fc1]
//! reuse_factor = 4
//! ```

pub mod yaml;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::codegen::{self, Directives, Knobs, Multiplier, Strategy, WeightStorage};
use crate::ir::kernel::Design;

/// A configuration file.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The project as a whole.
    pub project: ProjectSection,
    /// All layers.
    pub model: Section,
    /// Layers of a class.
    pub layer_type: BTreeMap<String, Section>,
    /// Single layers.
    pub layer: BTreeMap<String, Section>,
}

/// `[project]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProjectSection {
    /// Name of project, namespace and top function.
    pub name: Option<String>,
    /// `vitis`, `vivado` or `catapult`.
    pub backend: Option<BackendName>,
    /// `parallel` or `stream`.
    pub io: Option<IoName>,
    /// Device.
    pub part: Option<String>,
    /// Nanoseconds.
    pub clock_period: Option<f64>,
    /// Share of the period that the tool keeps in reserve, in percent.
    pub clock_uncertainty: Option<f64>,
    /// Catapult: a library of standard cells, for an ASIC instead of a device.
    pub asic_library: Option<String>,
}

/// The tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BackendName {
    /// Vitis HLS.
    Vitis,
    /// Vivado HLS.
    Vivado,
    /// Catapult HLS.
    Catapult,
}

/// How tensors move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IoName {
    /// Arrays.
    Parallel,
    /// Streams of words.
    Stream,
}

/// `[model]`, `[layer_type.X]`, `[layer.X]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Section {
    /// `latency`, `resource` or `unrolled`.
    pub strategy: Option<StrategyName>,
    /// How many times a multiplier is used for one result.
    pub reuse_factor: Option<u32>,
    /// Output pixels at the same time.
    pub parallelization_factor: Option<u32>,
    /// Cycles from one input to the next.
    pub target_ii: Option<u32>,
    /// `auto`, `dsp` or `fabric`: what multiplies, where weights need multiplications.
    pub multiplier: Option<MultiplierName>,
    /// `bram`, `lutram` or `uram`: the memory of weights, strategy resource.
    pub weight_storage: Option<StorageName>,
}

/// The strategies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StrategyName {
    /// Unrolled and pipelined.
    Latency,
    /// In rounds, weights in memory.
    Resource,
    /// Unrolled, every constant its own logic.
    Unrolled,
}

/// What multiplies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MultiplierName {
    /// The tool decides.
    Auto,
    /// DSP blocks.
    Dsp,
    /// LUTs.
    Fabric,
}

/// Memories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StorageName {
    /// Block RAM.
    Bram,
    /// LUTs.
    Lutram,
    /// UltraRAM.
    Uram,
}

impl From<Section> for Knobs {
    fn from(section: Section) -> Self {
        Self {
            strategy: section.strategy.map(|s| match s {
                StrategyName::Latency => Strategy::Latency,
                StrategyName::Resource => Strategy::Resource,
                StrategyName::Unrolled => Strategy::Unrolled,
            }),
            reuse_factor: section.reuse_factor,
            parallelization_factor: section.parallelization_factor,
            target_ii: section.target_ii,
            multiplier: section.multiplier.map(|m| match m {
                MultiplierName::Auto => Multiplier::Auto,
                MultiplierName::Dsp => Multiplier::Dsp,
                MultiplierName::Fabric => Multiplier::Fabric,
            }),
            weight_storage: section.weight_storage.map(|s| match s {
                StorageName::Bram => WeightStorage::Bram,
                StorageName::Lutram => WeightStorage::Lutram,
                StorageName::Uram => WeightStorage::Uram,
            }),
        }
    }
}

impl Config {
    /// Reads TOML.
    ///
    /// # Errors
    /// Text that is no TOML, unknown keys and values, with line and what would be valid.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|e| e.to_string().trim_end().to_owned())
    }

    /// What it says of the layers.
    #[must_use]
    pub fn directives(&self) -> Directives {
        let all = |sections: &BTreeMap<String, Section>| {
            let each = sections.iter().map(|(n, s)| (n.clone(), Knobs::from(*s)));
            each.collect()
        };
        Directives {
            model: self.model.into(),
            layer_type: all(&self.layer_type),
            layer: all(&self.layer),
        }
    }
}

/// The JSON schema of the file, for editors that complete and check TOML.
///
/// # Panics
/// Never: a schema has a JSON form.
#[must_use]
pub fn schema() -> String {
    let schema = schemars::schema_for!(Config);
    serde_json::to_string_pretty(&schema).expect("a schema has a JSON form") + "\n"
}

/// A commented starting point: everything at its default, every layer with multiplications named.
#[must_use]
pub fn template(design: &Design) -> String {
    let mut text = String::from(
        "# Configuration of an HLS project, for `qk-hls generate --config`. Every value here is the\n\
         # default; number types come from the model and are not configured.\n\
         \n\
         [project]\n\
         name = \"myproject\"      # namespace and top function\n\
         backend = \"vitis\"       # vitis, vivado, catapult\n\
         io = \"parallel\"         # parallel, stream\n",
    );
    let (part, period) = codegen::BACKENDS[0].defaults();
    let _ = write!(
        text,
        "part = \"{part}\"\n\
         clock_period = {period:.1}      # nanoseconds\n\
         #clock_uncertainty = 27 # percent of the period [default: 27 vitis, 12.5 vivado, 0 catapult]\n\
         #asic_library = \"nangate-45nm_beh\"  # catapult: standard cells instead of a device\n\
         \n\
         # For all layers; [layer_type.CLASS] and [layer.\"NAME\"] take the same keys and win.\n\
         [model]\n\
         strategy = \"latency\"    # latency, resource, unrolled\n\
         reuse_factor = 1        # uses of a multiplier for one result\n\
         parallelization_factor = 1  # output pixels at the same time, io parallel\n\
         target_ii = 1           # cycles from one input to the next\n\
         multiplier = \"auto\"     # auto, dsp, fabric: where weights need multiplications\n\
         #weight_storage = \"bram\"  # bram, lutram, uram: strategy resource\n"
    );
    let mut seen: Vec<&str> = Vec::new();
    for node in design.all_nodes() {
        if let crate::ir::kernel::Kernel::Dot(dot) = &node.kernel
            && !seen.contains(&node.origin.layer.as_str())
        {
            seen.push(&node.origin.layer);
            let key = toml::Value::from(node.origin.layer.as_str());
            let _ = write!(
                text,
                "\n# {}: {} products\n#[layer.{key}]\n#reuse_factor = 1\n",
                node.origin.to_string().replace(['\n', '\r'], " "),
                dot.weights.len()
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_values_are_refused_with_the_valid_ones() {
        let error = Config::parse("[model]\nstrategy = \"fast\"\n").unwrap_err();
        for word in ["fast", "latency", "resource", "unrolled"] {
            assert!(error.contains(word), "{error}");
        }
        let error = Config::parse("[layer.fc1]\nreuse = 2\n").unwrap_err();
        assert!(error.contains("reuse_factor"), "{error}");
    }

    #[test]
    fn the_template_is_the_default() {
        let config = Config::parse(&template(&Design::default())).unwrap();
        let directives = config.directives();
        assert_eq!(directives.model.reuse_factor, Some(1));
        assert!(directives.layer.is_empty());
    }
}
