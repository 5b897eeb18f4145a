//! QTools' energy: operators by their gates, tensors by the memories they come from and go to.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::Rules;
use super::map::{Kind, Layer, Map};
use super::operators::Operator;
use super::types::{Mode, Type, log2};
use crate::ir::elements;

/// The tables that come with the program.
const TABLES: &str = include_str!("data/technology.toml");
/// Bits of an SRAM word.
const WORD: f32 = 64.0;

/// Energies of a process in pJ: polynomials, highest power first. `data/technology.toml` says of what.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Technology {
    fpm_add: Vec<f64>,
    fpm_mul: Vec<f64>,
    fp16_add: Vec<f64>,
    fp16_mul: Vec<f64>,
    fp32_add: Vec<f64>,
    fp32_mul: Vec<f64>,
    sram_rd: Vec<f64>,
    dram_rd: Vec<f64>,
}

impl Default for Technology {
    fn default() -> Self {
        Self::named("horowitz", None).expect("the tables of the program are valid")
    }
}

impl Technology {
    /// The table of a process out of the program's tables, or out of a user's TOML text.
    ///
    /// # Errors
    /// When the text is no such table, or has none of this name.
    pub fn named(process: &str, tables: Option<&str>) -> Result<Self, String> {
        let tables: BTreeMap<String, Self> =
            toml::from_str(tables.unwrap_or(TABLES)).map_err(|e| e.to_string())?;
        for (name, table) in &tables {
            let polynomials = [
                &table.fpm_add,
                &table.fpm_mul,
                &table.fp16_add,
                &table.fp16_mul,
                &table.fp32_add,
                &table.fp32_mul,
                &table.sram_rd,
                &table.dram_rd,
            ];
            if polynomials
                .iter()
                .any(|p| p.is_empty() || p.iter().any(|c| !c.is_finite()))
            {
                return Err(format!(
                    "process {name}: every entry is a list of finite numbers"
                ));
            }
        }
        tables.get(process).cloned().ok_or_else(|| {
            let names: Vec<&str> = tables.keys().map(String::as_str).collect();
            format!(
                "there is no process `{process}`; known are {}",
                names.join(", ")
            )
        })
    }

    /// Energy of one operation of an operator.
    fn operation(&self, operator: &Operator) -> f64 {
        operator.gate_factor * self.gate(&operator.output, operator.op, operator.gate_bits)
    }

    /// Energy of one addition into a type.
    fn addition(&self, ty: &Type) -> f64 {
        self.gate(ty, "add", ty.bits as f64)
    }

    fn gate(&self, ty: &Type, op: &str, bits: f64) -> f64 {
        let polynomial = match (ty.mode, ty.bits, op) {
            // Floats know two operators; a gate whose result was overridden with one multiplies.
            (Mode::Float, 16, "add") => &self.fp16_add,
            (Mode::Float, 16, _) => &self.fp16_mul,
            (Mode::Float, _, "add") => &self.fp32_add,
            (Mode::Float, ..) => &self.fp32_mul,
            (_, _, "mul") => &self.fpm_mul,
            // Adders, shifters and gates.
            _ => &self.fpm_add,
        };
        polynomial_at(polynomial, bits)
    }
}

/// The value of a polynomial, or 0 where it is negative.
fn polynomial_at(polynomial: &[f64], x: f64) -> f64 {
    polynomial.iter().fold(0.0, |y, c| y * x + c).max(0.0)
}

/// Where tensors are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Memory {
    /// Outside the chip.
    Dram,
    /// On the chip.
    Sram,
    /// In the logic: no transfer.
    Fixed,
}

/// `pe`'s arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryOptions {
    /// Of weights.
    pub weights: Memory,
    /// Of the tensors between layers.
    pub activations: Memory,
    /// Smallest SRAM, in bits.
    pub min_sram_size: u64,
    /// Whether tensors that cross the border of the chip pass through DRAM and SRAM.
    pub rd_wr_on_io: bool,
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self {
            weights: Memory::Dram,
            activations: Memory::Dram,
            min_sram_size: 0,
            rd_wr_on_io: true,
        }
    }
}

/// A sum that is float32 from the moment an SRAM takes part, as QTools' tensors are.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    value: f64,
    single: bool,
}

impl Sum {
    fn add(self, other: Self) -> Self {
        let single = self.single || other.single;
        let value = if single {
            f64::from(self.value as f32 + other.value as f32)
        } else {
            self.value + other.value
        };
        Self { value, single }
    }
}

/// Reads and writes of tensors.
struct Transfers<'a> {
    technology: &'a Technology,
    options: MemoryOptions,
    rules: Rules,
}

impl Transfers<'_> {
    /// Energy of a tensor's way through a memory; a write costs what a read costs.
    fn tensor(&self, memory: Memory, elements: usize, bits: i64) -> Sum {
        let total = (elements as i64).wrapping_mul(bits);
        let total = match self.rules {
            // QTools' tensors count in 32 bits.
            Rules::Compat => total as i32 as f32,
            Rules::Exact => total as f32,
        };
        let sram = || {
            let size = f64::from(total).max(self.options.min_sram_size as f64);
            let word = polynomial_at(&self.technology.sram_rd, log2(size));
            Sum {
                value: f64::from((total / WORD).ceil() * word as f32),
                single: true,
            }
        };
        let dram = || Sum {
            value: polynomial_at(&self.technology.dram_rd, f64::from(total)),
            single: false,
        };
        match memory {
            Memory::Fixed => Sum::default(),
            Memory::Sram => sram(),
            Memory::Dram if self.options.rd_wr_on_io => dram().add(sram()),
            Memory::Dram => dram(),
        }
    }

    /// Energy of a tensor between layers, or between a layer and the world.
    fn activation(&self, of_world: bool, elements: usize, bits: i64) -> Sum {
        let memory = match (of_world, self.options.rd_wr_on_io) {
            (true, true) => Memory::Dram,
            (true, false) => Memory::Sram,
            (false, _) => self.options.activations,
        };
        self.tensor(memory, elements, bits)
    }

    fn parameter(&self, elements: usize, bits: i64) -> Sum {
        self.tensor(self.options.weights, elements, bits)
    }
}

/// Energy of a layer, in pJ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Parts {
    /// Reading the operands.
    pub inputs: f64,
    /// Writing the result.
    pub outputs: f64,
    /// Reading the weights.
    pub parameters: f64,
    /// Operations.
    pub op_cost: f64,
}

impl Parts {
    fn map(self, f: impl Fn(f64) -> f64) -> Self {
        Self {
            inputs: f(self.inputs),
            outputs: f(self.outputs),
            parameters: f(self.parameters),
            op_cost: f(self.op_cost),
        }
    }

    /// The parts that QTools counts in a layer of this class.
    #[must_use]
    pub fn counted(&self, class: &str) -> f64 {
        match class {
            "QActivation" | "QAdaptiveActivation" | "Activation" | "AdaptiveActivation" => {
                self.outputs
            }
            "QBatchNormalization" | "BatchNormalization" => self.parameters,
            "Add" | "Subtract" | "MaxPooling2D" => self.op_cost,
            _ => self.inputs + self.parameters + self.op_cost,
        }
    }
}

/// Energy of a layer and what it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerEnergy {
    /// Class of the layer.
    pub class_name: String,
    /// In pJ, rounded to two decimals.
    pub energy: Parts,
}

/// Energy of a model: what `pe` returns.
#[derive(Debug, Clone, PartialEq)]
pub struct Energy {
    /// By layer.
    pub layers: IndexMap<String, LayerEnergy>,
    /// All parts of all layers, in whole pJ.
    pub total_cost: f64,
}

/// A layer of `extract_energy_profile`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Profile {
    /// All parts.
    pub energy: Parts,
    /// The parts that count.
    pub total: f64,
}

impl Energy {
    /// `extract_energy_sum`: what counts, in whole pJ.
    #[must_use]
    pub fn sum(&self) -> f64 {
        let parts = self.layers.values();
        let sum: f64 = parts.map(|l| l.energy.counted(&l.class_name)).sum();
        sum.trunc()
    }

    /// `extract_energy_profile`: what counts, by layer.
    #[must_use]
    pub fn profile(&self) -> IndexMap<String, Profile> {
        let profile = |l: &LayerEnergy| Profile {
            energy: l.energy,
            total: l.energy.counted(&l.class_name),
        };
        let layers = self.layers.iter();
        layers.map(|(name, l)| (name.clone(), profile(l))).collect()
    }

    /// `{"pe": .., "energy_sum": .., "energy_profile": ..}`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let mut pe = serde_json::Map::new();
        for (name, layer) in &self.layers {
            pe.insert(name.clone(), serde_json::json!(layer));
        }
        pe.insert("total_cost".into(), super::types::number(self.total_cost));
        serde_json::json!({
            "pe": pe,
            "energy_sum": super::types::number(self.sum()),
            "energy_profile": self.profile(),
        })
    }
}

/// Two decimals, rounded as Python prints them.
fn rounded(x: f64) -> f64 {
    format!("{x:.2}").parse().unwrap_or(x)
}

impl Map {
    /// QTools' `pe`: energy of one sample through the model.
    #[must_use]
    pub fn energy(&self, technology: &Technology, options: MemoryOptions) -> Energy {
        let transfers = Transfers {
            technology,
            options,
            rules: self.rules,
        };
        let mut layers = IndexMap::new();
        let mut total = 0.0;
        for (name, layer) in &self.layers {
            let parts = parts(layer, &transfers, self.rules);
            total += parts.inputs + parts.outputs + parts.parameters + parts.op_cost;
            let energy = LayerEnergy {
                class_name: layer.class.clone(),
                energy: parts.map(rounded),
            };
            layers.insert(name.clone(), energy);
        }
        Energy {
            layers,
            total_cost: total.trunc(),
        }
    }
}

fn parts(layer: &Layer, transfers: &Transfers<'_>, rules: Rules) -> Parts {
    if matches!(layer.kind, Kind::Fused) {
        return Parts::default();
    }
    let inputs = layer.input_shapes.iter().zip(&layer.inputs);
    let inputs = inputs.fold(Sum::default(), |sum, (shape, ty)| {
        sum.add(transfers.activation(layer.is_input, elements(shape), ty.bits))
    });
    let output = layer.output_shape.as_ref().map_or(1, |s| elements(s));
    let outputs = transfers.activation(layer.is_output, output, layer.output.bits);
    Parts {
        inputs: inputs.value,
        outputs: outputs.value,
        parameters: parameters(&layer.kind, transfers, rules).value,
        op_cost: operations(layer, transfers.technology, rules),
    }
}

/// Energy of reading a layer's weights.
fn parameters(kind: &Kind, transfers: &Transfers<'_>, rules: Rules) -> Sum {
    let exact = rules == Rules::Exact;
    match kind {
        Kind::Norm(norm) => {
            // QTools reads gamma and beta also where there are none.
            let read = [
                (exact && !norm.scale, &norm.gamma),
                (exact && !norm.center, &norm.beta),
                (false, &norm.mean),
                (false, &norm.variance),
            ];
            let read = read.iter().filter(|(absent, _)| !absent);
            read.fold(Sum::default(), |sum, (_, ty)| {
                sum.add(transfers.parameter(norm.channels, ty.bits))
            })
        }
        Kind::Linear(linear) if exact || !linear.folded => {
            let weight = transfers.parameter(elements(&linear.weight_shape), linear.weight.bits);
            let bias = linear.bias.as_ref();
            let bias = bias.map(|bias| transfers.parameter(linear.bias_shape, bias.bits));
            bias.map_or(weight, |bias| weight.add(bias))
        }
        _ => Sum::default(),
    }
}

/// Energy of a layer's operations.
fn operations(layer: &Layer, technology: &Technology, rules: Rules) -> f64 {
    let count = layer.operations as f64;
    match &layer.kind {
        Kind::Pass | Kind::Fused => 0.0,
        Kind::Norm(norm) => {
            let multiplier = norm.multiplier.as_ref();
            let each = technology.operation(&norm.divider)
                + multiplier.map_or(0.0, |m| technology.operation(m));
            each * count
        }
        Kind::Merge(merge) if ["Add", "Multiply", "Subtract"].contains(&layer.class.as_str()) => {
            let pairs = layer.inputs.len().saturating_sub(1) as f64;
            pairs
                * count
                * merge.gate_factor
                * technology.gate(&merge.output, merge.op, merge.gate_bits)
        }
        Kind::Merge(_) => 0.0,
        Kind::Dot {
            multiplier,
            accumulator,
        } => count * (technology.operation(multiplier) + technology.addition(&accumulator.output)),
        Kind::Pool {
            sum, multiplier, ..
        } => match (rules, multiplier) {
            (_, None) => count * technology.addition(&sum.output),
            (Rules::Compat, Some(_)) => 0.0,
            (Rules::Exact, Some(multiplier)) => {
                let results = layer.output_shape.as_ref().map_or(1, |s| elements(s)) as f64;
                count * technology.addition(&sum.output)
                    + results * technology.operation(multiplier)
            }
        },
        Kind::Linear(linear) if linear.counted => {
            let accumulator = &linear.accumulator.output;
            count * (technology.operation(&linear.multiplier) + technology.addition(accumulator))
        }
        Kind::Linear(_) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_the_user() {
        assert!(Technology::named("horowitz", None).is_ok());
        let unknown = Technology::named("3nm", None).expect_err("unknown");
        assert!(unknown.contains("horowitz"), "{unknown}");
        assert!(Technology::named("x", Some("[x]\nfpm_add = [1]")).is_err());
    }

    /// Half a cent goes to the even digit of the exact binary value, as Python's `%.2f`.
    #[test]
    fn two_decimals() {
        assert_eq!(rounded(0.125), 0.12);
        assert_eq!(rounded(0.375), 0.38);
        assert_eq!(rounded(2.675), 2.67);
    }
}
