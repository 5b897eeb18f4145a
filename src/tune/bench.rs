//! One trial: quantize, compile, simulate, count.

use std::collections::HashMap;
use std::sync::Mutex;

use super::{Genome, Space, Trial};
use crate::compile::{self, Compiled, InputTypes};
use crate::data::Array;
use crate::evaluate::argmax;
use crate::import::{Container, Format, Import, KerasVersion, RawModel};
use crate::num::FixedType;
use crate::qtools::{self, MemoryOptions, Technology};
use crate::quantize::calibrate::{self, Observed};
use crate::quantize::{self, Quantized};
use crate::sim::{batch, nearest_values};
use crate::{layers, qtools::Map};

/// Samples and what they are.
#[derive(Debug, Clone)]
pub struct Data {
    /// One array for each input of the model.
    pub inputs: Vec<Array>,
    /// The class of each sample.
    pub labels: Vec<usize>,
}

/// What all trials have in common.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Types of the model's inputs.
    pub input_types: InputTypes,
    /// Where tensors are kept.
    pub memory: MemoryOptions,
    /// Coefficients of the energy.
    pub technology: Technology,
}

/// Where trials are made.
#[derive(Debug)]
pub struct Bench<'a> {
    model: &'a RawModel,
    space: &'a Space,
    data: &'a Data,
    settings: &'a Settings,
    observed: Observed,
    /// Quantizers after the choice of integer bits: it depends on nothing but the layer and its own width.
    chosen: Mutex<HashMap<(String, String, String), serde_json::Value>>,
}

/// The form in which trials are quantized.
const FORMAT: Format = Format {
    keras: KerasVersion::V3,
    container: Container::LegacyH5,
};

impl<'a> Bench<'a> {
    /// A bench for a float model.
    ///
    /// # Errors
    /// A model that cannot be evaluated, samples that do not fit it.
    pub fn new(
        model: &'a RawModel,
        space: &'a Space,
        data: &'a Data,
        settings: &'a Settings,
    ) -> Result<Self, Vec<String>> {
        let lowered = layers::lower(model, &layers::Options::default())
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        let observed = Observed::new(&lowered.network, &data.inputs)?;
        Ok(Self {
            model,
            space,
            data,
            settings,
            observed,
            chosen: Mutex::default(),
        })
    }

    /// Samples that the float model classifies as labelled.
    ///
    /// # Errors
    /// As [`Bench::new`].
    pub fn float_correct(model: &RawModel, data: &Data) -> Result<usize, Vec<String>> {
        let lowered = layers::lower(model, &layers::Options::default())
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        let observed = Observed::new(&lowered.network, &data.inputs)?;
        let output = lowered
            .network
            .outputs
            .first()
            .map_or("", |p| p.name.as_str());
        Ok(observed
            .layer(output)
            .map_or(0, |values| correct(values, &data.labels)))
    }

    /// The quantized model of some widths, integer bits chosen.
    ///
    /// # Errors
    /// Whatever stands in the way.
    pub fn quantized(&self, genome: &Genome, format: Format) -> Result<Quantized, Vec<String>> {
        let mut quantized = quantize::quantize(self.model, &self.space.request(genome), format)?;
        let text = |layer: &str, key: &str, model: &RawModel| {
            let layer = model.layers.iter().find(|l| l.name == layer)?;
            layer.config.get(key).map(ToString::to_string)
        };
        let all = quantized.placed.clone();
        let before: Vec<Option<(String, String, String)>> = all
            .iter()
            .map(|p| {
                Some((
                    p.layer.clone(),
                    p.key.clone(),
                    text(&p.layer, &p.key, &quantized.model)?,
                ))
            })
            .collect();
        // What was chosen in an earlier trial is put in; the rest is chosen now.
        let mut open = Vec::new();
        {
            let chosen = self
                .chosen
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            for (placed, before) in all.iter().zip(&before) {
                let known = before.as_ref().and_then(|key| chosen.get(key));
                let layer = quantized
                    .model
                    .layers
                    .iter_mut()
                    .find(|l| l.name == placed.layer);
                match (known, layer) {
                    (Some(value), Some(layer)) => {
                        layer.config.insert(placed.key.clone(), value.clone());
                    }
                    _ => open.push(placed.clone()),
                }
            }
        }
        quantized.placed = open;
        calibrate::choose(&mut quantized, &self.observed);
        let mut chosen = self
            .chosen
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        for placed in &quantized.placed {
            let layer = quantized
                .model
                .layers
                .iter()
                .find(|l| l.name == placed.layer);
            let value = layer.and_then(|l| l.config.get(&placed.key));
            let key = all
                .iter()
                .zip(&before)
                .find(|(p, _)| *p == placed)
                .and_then(|(_, key)| key.clone());
            if let (Some(value), Some(key)) = (value, key) {
                chosen.insert(key, value.clone());
            }
        }
        quantized.placed = all;
        let lowered = layers::lower(&quantized.model, &layers::Options::default())
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        quantized.network = lowered.network;
        Ok(quantized)
    }

    fn compiled(&self, genome: &Genome) -> Result<Compiled, Vec<String>> {
        let quantized = self.quantized(genome, FORMAT)?;
        let import = Import {
            model: quantized.model,
            log: Vec::new(),
        };
        let options = compile::Options {
            input_types: self.settings.input_types.clone(),
            ..compile::Options::default()
        };
        compile::compile_import("", import, &options).map_err(|e| {
            e.to_string()
                .lines()
                .map(|l| l.trim_start_matches(": ").to_owned())
                .collect()
        })
    }

    /// Tries some widths.
    ///
    /// # Errors
    /// Whatever stands in the way.
    pub fn trial(&self, genome: &Genome) -> Result<Trial, Vec<String>> {
        let compiled = self.compiled(genome)?;
        let map = self.map(&compiled, false)?;
        Ok(Trial {
            correct: simulate(&compiled, self.data)?,
            energy: map
                .energy(&self.settings.technology, self.settings.memory)
                .sum(),
        })
    }

    /// Samples of other data that are classified as labelled.
    ///
    /// # Errors
    /// Whatever stands in the way.
    pub fn correct_on(&self, genome: &Genome, data: &Data) -> Result<usize, Vec<String>> {
        simulate(&self.compiled(genome)?, data)
    }

    /// The energy of AutoQKeras' reference: every weight int8, every sum int32, whatever the quantizers say.
    ///
    /// # Errors
    /// Whatever stands in the way.
    pub fn reference_energy(&self) -> Result<f64, Vec<String>> {
        let compiled = self.compiled(&self.space.uniform(self.space.most))?;
        let map = self.map(&compiled, true)?;
        Ok(map
            .energy(&self.settings.technology, self.settings.memory)
            .sum())
    }

    fn map(&self, compiled: &Compiled, for_reference: bool) -> Result<Map, Vec<String>> {
        let int = |name: &str| for_reference.then(|| name.to_owned());
        let options = qtools::Options {
            source_quantizers: batch::input_types(&compiled.design)
                .iter()
                .map(quantizer_of)
                .collect(),
            for_reference,
            keras_quantizer: int("int8"),
            keras_accumulator: int("int32"),
            ..qtools::Options::default()
        };
        qtools::analyse(&compiled.raw, &compiled.notes, &options).map_err(|problems| problems.0)
    }
}

/// A type of hardware as a quantizer.
fn quantizer_of(ty: &FixedType) -> String {
    let integer = ty.int_bits - i32::from(ty.signed);
    let sign = if ty.signed {
        ""
    } else {
        ",keep_negative=False"
    };
    format!("quantized_bits({},{integer},1{sign})", ty.width)
}

fn simulate(compiled: &Compiled, data: &Data) -> Result<usize, Vec<String>> {
    let design = &compiled.design;
    let one = |e: String| vec![e];
    let batch = batch::batch(design, &compiled.derived_inputs, &data.inputs, true)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let Some(port) = design.outputs.first() else {
        return Err(one("the model has no output".to_owned()));
    };
    let found = batch::run(design, &batch, &[port.node]).map_err(|e| one(e.to_string()))?;
    let (values, _) = nearest_values(&found[0], &design.node(port.node).ty);
    Ok(correct(&values, &data.labels))
}

/// Rows whose largest value stands at the label.
fn correct(values: &[f64], labels: &[usize]) -> usize {
    let classes = (values.len() / labels.len().max(1)).max(1);
    let rows = values.chunks(classes).zip(labels);
    rows.filter(|(row, label)| argmax(row) == **label).count()
}
