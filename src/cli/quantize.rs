//! `qk-hls quantize`: a float model to a quantized one.

use std::path::{Path, PathBuf};

use super::files::{self, InputFile, Outputs};
use super::{Answer, Failure, Ui};
use crate::import::{self, RawModel};
use crate::quantize::{self, Quantized, Request, calibrate};
use crate::{export, layers};

/// Quantize a float Keras model, as QKeras' model_quantize does
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// model.keras, model.h5 or model.json of a float network
    model: PathBuf,

    /// Weights of a model.json [default: <stem>.weights.h5, <stem>_weights.h5 or <stem>.h5 beside it]
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,

    /// Quantizers by layer name, by class or under "default": QKeras' dictionary as JSON
    #[arg(long, value_name = "q.json")]
    config: PathBuf,

    /// The quantized model: .keras, .h5, or .json with .weights.h5 beside it
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// Bits of activations inside layers that have no quantizer of their own
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=32))]
    activation_bits: Option<u32>,

    /// Fold batch normalizations into the convolutions before them
    #[arg(long)]
    enable_bn_folding: bool,

    /// QAdaptiveActivation rather than QActivation where both are asked for
    #[arg(long)]
    prefer_qadaptiveactivation: bool,

    /// Samples of the input, from whose ranges the integer bits are chosen; once for each input
    #[arg(long, value_name = "[NAME=]FILE", value_parser = files::input_file)]
    calibrate: Vec<InputFile>,

    /// Print what was done as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, ui: &Ui) -> Result<Answer, Failure> {
    let written = export::files_of(&args.output)?;
    let read: Vec<&Path> = [args.model.as_path(), args.config.as_path()]
        .into_iter()
        .chain(args.weights.as_deref())
        .chain(args.calibrate.iter().map(InputFile::path))
        .collect();
    Outputs::check(&written, &read)?;
    let imported = import::load(&args.model, args.weights.as_deref())?;
    for remark in &imported.log {
        ui.remark(remark);
    }
    let mut request = request(&args.config)?;
    request.activation_bits = args.activation_bits.or(request.activation_bits);
    request.enable_bn_folding |= args.enable_bn_folding;
    request.prefer_qadaptiveactivation |= args.prefer_qadaptiveactivation;
    let format = export::format_of(&args.output)?;
    let shown = args.model.display();
    let all = |problems: Vec<String>| {
        let each: Vec<String> = problems.iter().map(|p| format!("{shown}: {p}")).collect();
        Failure(each.join("\n"))
    };
    let mut quantized = quantize::quantize(&imported.model, &request, format).map_err(all)?;
    let mut report = None;
    if !args.calibrate.is_empty() {
        let float = layers::lower(&imported.model, &layers::Options::default())
            .map_err(|errors| all(errors.iter().map(ToString::to_string).collect()))?;
        let names: Vec<String> = float
            .network
            .inputs
            .iter()
            .map(|p| p.name.clone())
            .collect();
        let arrays = files::named_inputs(&args.calibrate, &names)?;
        report = Some(calibrate::calibrate(&float.network, &mut quantized, &arrays).map_err(all)?);
    }
    for remark in &quantized.remarks {
        ui.remark(remark);
    }
    write(&args.output, &quantized)?;
    let summary = calibrate::Summary::new(&quantized, report);
    if args.json {
        ui.print(&format!("{}\n", serde_json::to_string_pretty(&summary)?))?;
    } else {
        ui.print(&summary.to_string())?;
    }
    Ok(Answer::Yes)
}

fn request(path: &Path) -> Result<Request, Failure> {
    let shown = path.display();
    let text =
        std::fs::read_to_string(path).map_err(|e| format!("{shown}: cannot be read: {e}"))?;
    let value = serde_json::from_str(&text).map_err(|e| format!("{shown}: is no JSON: {e}"))?;
    Request::from_json(&value).map_err(|problems| {
        let each: Vec<String> = problems.iter().map(|p| format!("{shown}: {p}")).collect();
        Failure(each.join("\n"))
    })
}

/// Writes the model, after it was read back and found equal.
fn write(path: &Path, quantized: &Quantized) -> Result<(), Failure> {
    let mut outputs = Outputs::default();
    add(path, quantized, &mut outputs)?;
    outputs.write()
}

/// Adds the files of the model, after it was read back and found equal.
pub(super) fn add(
    path: &Path,
    quantized: &Quantized,
    outputs: &mut Outputs,
) -> Result<(), Failure> {
    let files = export::write(&quantized.model, &quantized.network, path)?;
    let [(name, model), rest @ ..] = files.as_slice() else {
        return Err("a model is at least one file".into());
    };
    let weights = rest
        .first()
        .map(|(name, data)| (name.display().to_string(), data.clone()));
    let back = import::load_bytes(&name.display().to_string(), model.clone(), weights)?;
    if !same(&back.model, &quantized.model) {
        return Err(format!(
            "{}: the model would not be read back as it is",
            path.display()
        )
        .into());
    }
    for (path, content) in files {
        outputs.add(path, content);
    }
    Ok(())
}

/// Whether two models are the same network with the same weights, in all that a file keeps.
fn same(a: &RawModel, b: &RawModel) -> bool {
    a.layers.len() == b.layers.len()
        && a.inputs == b.inputs
        && a.outputs == b.outputs
        && a.layers.iter().zip(&b.layers).all(|(a, b)| {
            a.name == b.name
                && a.calls == b.calls
                && a.weights.len() == b.weights.len()
                && a.weights.iter().all(|(slot, tensor)| {
                    b.weights.get(slot).is_some_and(|other| {
                        other.shape == tensor.shape && other.values == tensor.values
                    })
                })
        })
}
