//! `qk-hls inspect`: layers, types, widths, and what became of them.

use comfy_table::{Table, presets};

use super::model_args::ModelArgs;
use super::{Answer, Failure, Ui};
use crate::report::{self, Inspection};

/// Layers, shapes, number types, parameters, and what is unsupported
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    model: ModelArgs,

    /// What each optimization did, instead of the table
    #[arg(long)]
    passes: bool,

    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, ui: &Ui) -> Result<Answer, Failure> {
    let compiled = args.model.compile()?;
    let inspection = report::inspect(&compiled);
    if args.json {
        let text = serde_json::to_string_pretty(&inspection)?;
        ui.print(&format!("{text}\n"))?;
    } else if args.passes {
        ui.print(&passes(&inspection))?;
    } else {
        ui.print(&table(&inspection))?;
    }
    for remark in &compiled.remarks {
        ui.remark(remark);
    }
    Ok(Answer::Yes)
}

fn table(inspection: &Inspection) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header([
        "layer",
        "class",
        "operation",
        "shape",
        "weights",
        "accumulator",
        "saved",
        "output",
    ]);
    for op in &inspection.operations {
        let shape: Vec<String> = op.shape.iter().map(usize::to_string).collect();
        let (weights, accumulator, saved) = match &op.product {
            Some(p) => (
                format!("{} x {}", p.count, p.weights),
                format!("{} bits", p.accumulator_bits),
                format!("{} bits", p.bits_saved),
            ),
            None => Default::default(),
        };
        let operation = if op.note.is_empty() {
            op.kernel.to_owned()
        } else {
            format!("{}: {}", op.kernel, op.note)
        };
        table.add_row([
            op.layer.clone(),
            op.class.clone(),
            operation,
            shape.join("x"),
            weights,
            accumulator,
            saved,
            op.output.clone(),
        ]);
    }
    format!(
        "{table}\n\n{}: {} parameters, {} multiply-accumulates a sample; proven ranges save {} \
         accumulator bits against the fan-in rule\n",
        inspection.model, inspection.parameters, inspection.macs, inspection.accumulator_bits_saved
    )
}

fn passes(inspection: &Inspection) -> String {
    let mut text = String::new();
    for report in &inspection.passes {
        text += &format!("{}: {}\n", report.pass, report.doc);
        for change in &report.changes {
            text += &format!("    {}: {}\n", change.layer, change.change);
        }
        if report.changes.is_empty() {
            text += "    nothing to do\n";
        }
    }
    text
}
