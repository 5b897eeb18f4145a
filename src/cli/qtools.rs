//! `qk-hls qtools`: QTools' data-type map and energy, with the design's own widths beside them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::ValueEnum;
use comfy_table::{Table, presets};
use serde_json::{Value, json};

use super::files::Outputs;
use super::model_args::ModelArgs;
use super::{Answer, Failure, Ui};
use crate::compile::{CompileError, Compiled};
use crate::import::RawModel;
use crate::ir::kernel::Design;
use crate::layers::Note;
use crate::num::FixedType;
use crate::qtools::{
    self, Energy, Fusing, Kind, Map, Memory, MemoryOptions, Options, Rules, Technology, Type,
    design,
};

/// Data types, operators and energy of every layer (QTools)
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    model: ModelArgs,

    /// Type of an input: a quantizer, or int8, int16, int32, fp16, fp32; once for all inputs or once
    /// for each, in order
    #[arg(
        long,
        visible_alias = "source-quantizers",
        value_name = "Q",
        default_value = "quantized_bits(8,0,1)"
    )]
    source_quantizer: Vec<String>,

    /// Whose rules: the corrected ones with the design's widths, or QTools' own
    #[arg(long, value_enum, default_value_t = ModeArg::Exact)]
    mode: ModeArg,

    /// The data-type map, as QTools writes it
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The energy: pe, energy_sum and energy_profile
    #[arg(long, value_name = "FILE")]
    energy: Option<PathBuf>,

    /// The roofline numbers
    #[arg(long, value_name = "FILE")]
    roofline: Option<PathBuf>,

    /// Everything to stdout, as JSON
    #[arg(long)]
    json: bool,

    /// Count the different values of power-of-two weights
    #[arg(long)]
    is_inference: bool,

    /// Weights and biases of plain Keras layers, and of all layers with --for-reference
    #[arg(long, value_name = "Q")]
    keras_quantizer: Option<String>,

    /// Products and sums of plain Keras layers, and of all layers with --for-reference
    #[arg(long, value_name = "Q")]
    keras_accumulator: Option<String>,

    /// A baseline that ignores the layers' quantizers
    #[arg(long)]
    for_reference: bool,

    /// Whether the stored weights are on the grids of their quantizers
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    model_weights_already_quantized: bool,

    /// Work batch normalizations into the convolutions in front of them: `auto`, or a JSON file with
    /// what model_save_quantized_weights says of each layer (enable_bn_fusing, fused_bn_layer_name)
    #[arg(long, value_name = "auto|FILE")]
    hw_weight_dict: Option<String>,

    /// Process of the technology table
    #[arg(long, default_value = "horowitz")]
    process: String,

    /// A technology table of your own (TOML) instead of the built-in one
    #[arg(long, value_name = "FILE")]
    technology: Option<PathBuf>,

    /// Where the weights are kept
    #[arg(long, value_enum, default_value_t = MemoryArg::Dram)]
    weights_on_memory: MemoryArg,

    /// Where tensors between layers are kept
    #[arg(long, value_enum, default_value_t = MemoryArg::Dram)]
    activations_on_memory: MemoryArg,

    /// Smallest SRAM, in bits
    #[arg(long, value_name = "BITS", default_value_t = 0)]
    min_sram_size: u64,

    /// Whether inputs and outputs of the model pass through DRAM and SRAM
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    rd_wr_on_io: bool,

    /// Bits of a float in the roofline numbers
    #[arg(long, value_name = "BITS", default_value_t = 32)]
    default_float_bits: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ModeArg {
    /// Corrected
    Exact,
    /// As QKeras computes them, errors included
    Compat,
}

impl ModeArg {
    pub(super) fn rules(self) -> Rules {
        match self {
            Self::Exact => Rules::Exact,
            Self::Compat => Rules::Compat,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum MemoryArg {
    Dram,
    Sram,
    Fixed,
}

impl From<MemoryArg> for Memory {
    fn from(arg: MemoryArg) -> Self {
        match arg {
            MemoryArg::Dram => Self::Dram,
            MemoryArg::Sram => Self::Sram,
            MemoryArg::Fixed => Self::Fixed,
        }
    }
}

/// What is known of the model: its layers, and the design where there is one.
struct Model {
    raw: RawModel,
    notes: Vec<Note>,
    design: Option<Design>,
    remarks: Vec<String>,
}

impl From<Compiled> for Model {
    fn from(compiled: Compiled) -> Self {
        Self {
            raw: compiled.raw,
            notes: compiled.notes,
            design: Some(compiled.design),
            remarks: compiled.remarks,
        }
    }
}

pub(super) fn run(args: &Args, ui: &Ui) -> Result<Answer, Failure> {
    let named = [&args.output, &args.energy, &args.roofline];
    let paths: Vec<PathBuf> = named.into_iter().flatten().cloned().collect();
    let read = [
        Some(args.model.path()),
        args.model.weights(),
        args.technology.as_deref(),
    ];
    let read: Vec<_> = read.into_iter().flatten().collect();
    Outputs::check(&paths, &read)?;
    let options = args.options()?;
    let technology = args.technology()?;
    let model = args.read(&options)?;
    let map = qtools::analyse(&model.raw, &model.notes, &options)
        .map_err(|problems| args.model.naming(&problems.0))?;
    let memory = MemoryOptions {
        weights: args.weights_on_memory.into(),
        activations: args.activations_on_memory.into(),
        min_sram_size: args.min_sram_size,
        rd_wr_on_io: args.rd_wr_on_io,
    };
    let energy = map.energy(&technology, memory);
    let roofline = map.roofline(true, args.default_float_bits);
    let map_json = Value::Object(match &model.design {
        Some(design) => map.to_json_with(design),
        None => map.to_json(),
    });
    let mut outputs = Outputs::default();
    let files = [
        (&args.output, map_json.clone()),
        (&args.energy, energy.to_json()),
        (&args.roofline, json!(roofline)),
    ];
    for (path, value) in files {
        if let Some(path) = path {
            outputs.add(path, pretty(&value)?.into_bytes());
        }
    }
    outputs.write()?;
    if args.json {
        let all = json!({
            "map": map_json,
            "energy": energy.to_json(),
            "roofline": roofline,
        });
        ui.print(&pretty(&all)?)?;
    } else {
        ui.print(&table(&map, &energy, model.design.as_ref()))?;
        ui.print(&format!(
            "\nenergy {} pJ counted of {} pJ; ACE {}, weights {} bytes, activations {} bytes\n",
            energy.sum(),
            energy.total_cost,
            roofline.ace,
            roofline.weight_in_bytes,
            roofline.activation_in_bytes
        ))?;
    }
    for remark in model.remarks.iter().chain(&map.remarks) {
        ui.remark(remark);
    }
    Ok(Answer::Yes)
}

/// Four blanks, as QTools writes.
fn pretty(value: &Value) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let format = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut writer = serde_json::Serializer::with_formatter(&mut bytes, format);
    serde::Serialize::serialize(value, &mut writer)?;
    Ok(String::from_utf8(bytes)? + "\n")
}

impl Args {
    fn options(&self) -> Result<Options, Failure> {
        Ok(Options {
            rules: self.mode.rules(),
            source_quantizers: self.source_quantizer.clone(),
            is_inference: self.is_inference,
            keras_quantizer: self.keras_quantizer.clone(),
            keras_accumulator: self.keras_accumulator.clone(),
            for_reference: self.for_reference,
            weights_already_quantized: self.model_weights_already_quantized,
            fusing: match self.hw_weight_dict.as_deref() {
                None => Fusing::None,
                Some("auto") => Fusing::All,
                Some(path) => fusing(path)?,
            },
        })
    }

    fn technology(&self) -> Result<Technology, Failure> {
        let Some(path) = &self.technology else {
            return Ok(Technology::named(&self.process, None)?);
        };
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|e| format!("{shown}: {e}"))?;
        Technology::named(&self.process, Some(&text)).map_err(|e| format!("{shown}: {e}").into())
    }

    /// The model; in exact mode with its design, whose inputs have the types of the sources where
    /// neither `--input-type` nor a quantizer behind them says more.
    fn read(&self, options: &Options) -> Result<Model, Failure> {
        if self.mode == ModeArg::Compat || self.for_reference {
            let (raw, lowered) = self.model.lower()?;
            return Ok(Model {
                raw,
                notes: lowered.notes,
                design: None,
                remarks: lowered.remarks,
            });
        }
        let mut compile = self.model.options();
        let first = self.model.compile_with(&compile);
        let given =
            !compile.input_types.by_order.is_empty() || !compile.input_types.by_name.is_empty();
        match first {
            Ok(compiled) => return Ok(compiled.into()),
            Err(error @ CompileError::Resolve { .. }) if !given => {
                let types = hardware(options)?;
                if types.is_empty() {
                    return Err(error.into());
                }
                compile.input_types.by_order = types;
            }
            Err(error) => return Err(error.into()),
        }
        let compiled = self.model.compile_with(&compile).map_err(|e| {
            format!(
                "{e}\nhelp: source quantizers stand for the inputs' types here, one for all or one for each \
                 input; `--mode compat` and `--for-reference` need no number types"
            )
        })?;
        Ok(compiled.into())
    }
}

/// Hardware types of the sources; none where one is a float.
fn hardware(options: &Options) -> Result<Vec<FixedType>, String> {
    let types = options.source_quantizers.iter();
    let types = types.map(|text| Type::parse(text, options.rules).map(|t| t.hardware()));
    let types: Result<Vec<Option<FixedType>>, String> = types.collect();
    Ok(types?
        .into_iter()
        .collect::<Option<Vec<_>>>()
        .unwrap_or_default())
}

/// The pairs of layers that a dictionary of `model_save_quantized_weights` fuses.
fn fusing(path: &str) -> Result<Fusing, Failure> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))?;
    let value: Value = serde_json::from_str(&text).map_err(|e| format!("{path}: {e}"))?;
    let Value::Object(layers) = value else {
        return Err(format!("{path}: an object with the layers' names is wanted").into());
    };
    let mut pairs = BTreeMap::new();
    let mut problems = Vec::new();
    for (layer, entry) in &layers {
        let on = entry
            .get("enable_bn_fusing")
            .and_then(Value::as_bool)
            .unwrap_or(false);
        match entry.get("fused_bn_layer_name") {
            Some(Value::String(norm)) if on => {
                pairs.insert(layer.clone(), norm.clone());
            }
            Some(other) if on => problems.push(format!(
                "{path}: {layer}: `fused_bn_layer_name` is {other}, but a layer's name is wanted"
            )),
            // The normalization itself has the flag without a name.
            _ => {}
        }
    }
    if problems.is_empty() {
        Ok(Fusing::Given(pairs))
    } else {
        Err(problems.join("\n").into())
    }
}

fn table(map: &Map, energy: &Energy, design: Option<&Design>) -> String {
    let mut table = Table::new();
    let mut header = vec![
        "layer",
        "class",
        "operation",
        "weights",
        "multiplier",
        "accumulator",
        "output",
        "count",
        "pJ",
    ];
    if design.is_some() {
        header.extend(["proven accumulator", "proven output", "saved"]);
    }
    table.load_style(presets::NOTHING).set_header(header);
    for (name, layer) in &map.layers {
        let (op, weights, multiplier, accumulator) = match &layer.kind {
            Kind::Pass | Kind::Fused => Default::default(),
            Kind::Merge(m) => (m.op, String::new(), m.output.to_string(), String::new()),
            Kind::Dot {
                multiplier: m,
                accumulator: a,
            } => (
                m.op,
                String::new(),
                m.output.to_string(),
                a.output.to_string(),
            ),
            Kind::Pool {
                sum, multiplier, ..
            } => {
                let m = multiplier.as_ref();
                let product = m.map_or_else(String::new, |m| m.output.to_string());
                (
                    m.map_or("add", |m| m.op),
                    String::new(),
                    product,
                    sum.output.to_string(),
                )
            }
            Kind::Norm(n) => {
                let sum = n.accumulator.as_ref().map(|a| a.output.to_string());
                let m = n.multiplier.as_ref().unwrap_or(&n.divider);
                (
                    m.op,
                    n.gamma.to_string(),
                    m.output.to_string(),
                    sum.unwrap_or_default(),
                )
            }
            Kind::Linear(l) => {
                let sum = l
                    .fused
                    .as_ref()
                    .unwrap_or(&l.accumulator)
                    .output
                    .to_string();
                (
                    l.multiplier.op,
                    l.weight.to_string(),
                    l.multiplier.output.to_string(),
                    sum,
                )
            }
        };
        let mut row = vec![
            name.clone(),
            layer.class.clone(),
            op.to_owned(),
            weights,
            multiplier,
            accumulator,
            layer.output.to_string(),
            layer.operations.to_string(),
            energy.layers.get(name).map_or_else(String::new, |l| {
                format!("{:.2}", l.energy.counted(&l.class_name))
            }),
        ];
        if let Some(design) = design {
            let found = design::widths(design, name, layer);
            row.extend(match found {
                Some(w) => [
                    w.accumulator.map_or_else(String::new, |a| a.ty),
                    w.output.ty,
                    w.saved.accumulator.unwrap_or(w.saved.output).to_string(),
                ],
                None => Default::default(),
            });
        }
        table.add_row(row);
    }
    format!("{table}\n")
}
