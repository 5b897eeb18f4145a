//! `qk-hls stats`: operation counts, weights, sparsity.

use super::model_args::ModelArgs;
use super::qtools::ModeArg;
use super::{Answer, Failure, Ui};
use crate::qtools::stats;

/// Operation counts by kind, weight statistics, sparsity (print_qstats)
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    model: ModelArgs,

    /// Whose counting rules: the corrected ones, or those of QKeras
    #[arg(long, value_enum, default_value_t = ModeArg::Exact)]
    mode: ModeArg,

    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, ui: &Ui) -> Result<Answer, Failure> {
    let (model, lowered) = args.model.lower()?;
    let stats = stats::stats(&model, &lowered.notes, args.mode.rules())
        .map_err(|problems| args.model.naming(&problems.0))?;
    if args.json {
        let text = serde_json::to_string_pretty(&stats)?;
        ui.print(&format!("{text}\n"))?;
    } else {
        ui.print(&stats.to_string())?;
        if !stats.weights.is_empty() {
            ui.print(&tensors(&stats))?;
        }
    }
    for remark in &lowered.remarks {
        ui.remark(remark);
    }
    Ok(Answer::Yes)
}

fn tensors(stats: &stats::Stats) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header([
        "weights",
        "shape",
        "quantizer",
        "zeros",
        "smallest",
        "largest",
    ]);
    for tensor in &stats.weights {
        let shape: Vec<String> = tensor.shape.iter().map(usize::to_string).collect();
        table.add_row([
            format!("{}/{}", tensor.layer, tensor.name),
            shape.join("x"),
            tensor.quantizer.unwrap_or("none").to_owned(),
            tensor.zeros.to_string(),
            format!("{:.6}", tensor.min),
            format!("{:.6}", tensor.max),
        ]);
    }
    format!("\nWeights behind their quantizers:\n{table}\n")
}
