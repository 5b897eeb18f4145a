//! `qk-hls report`: the reports of a build beside the estimate.

use std::path::PathBuf;

use comfy_table::{Table, presets};

use super::{Answer, Failure, Ui};
use crate::codegen;
use crate::report::tools::{self, Row};

/// Reports of the vendors' tools in a project, beside the estimate
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder of a generated project
    project: PathBuf,

    /// The estimate of each layer, with C synthesis of its function, instead of the whole
    #[arg(long)]
    layers: bool,

    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, ui: &Ui) -> Result<Answer, Failure> {
    let shown = args.project.display();
    let info = codegen::read_info(&args.project)
        .map_err(|e| format!("{shown}: {}: {e}", codegen::PORTS))?;
    if args.layers {
        return layers(args, ui);
    }
    let rows = tools::read(&args.project, &info.project)?;
    if rows.is_empty() {
        return Err(format!("{shown}: neither an estimate nor a report of a build").into());
    }
    if args.json {
        let text = serde_json::to_string_pretty(&rows)?;
        return ui.print(&format!("{text}\n")).map(|()| Answer::Yes);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header([
        "report", "LUT", "FF", "DSP", "BRAM18", "latency", "interval", "clock ns", "file",
    ]);
    for row in &rows {
        table.add_row(cells(row));
    }
    ui.print(&format!("{table}\n"))?;
    for kind in ["csynth", "cosim", "vsynth"] {
        if !rows.iter().any(|r| r.report == kind) {
            ui.remark(&format!(
                "no {kind} report: run build_prj.tcl with the tool"
            ));
        }
    }
    Ok(Answer::Yes)
}

/// The layers' estimates, each with the report of its function below it.
fn layers(args: &Args, ui: &Ui) -> Result<Answer, Failure> {
    let rows = tools::layers(&args.project)?;
    if args.json {
        let text = serde_json::to_string_pretty(&rows)?;
        return ui.print(&format!("{text}\n")).map(|()| Answer::Yes);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header([
        "layer", "class", "mult", "add", "report", "LUT", "FF", "DSP", "BRAM18", "latency",
        "interval", "clock ns", "file",
    ]);
    for row in &rows {
        let mut line = vec![
            row.layer.clone(),
            row.class.clone(),
            row.multipliers.to_string(),
            row.adders.to_string(),
        ];
        line.extend(cells(&row.estimate));
        table.add_row(line);
        if let Some(found) = &row.csynth {
            let mut line = vec![String::new(); 4];
            line.extend(cells(found));
            table.add_row(line);
        }
    }
    ui.print(&format!("{table}\n"))?;
    Ok(Answer::Yes)
}

fn cells(row: &Row) -> Vec<String> {
    let number = |n: Option<f64>| n.map_or("-".to_owned(), |n| n.to_string());
    vec![
        row.report.to_owned(),
        number(row.lut),
        number(row.ff),
        number(row.dsp),
        number(row.bram18),
        number(row.latency_cycles),
        number(row.interval_cycles),
        number(row.clock_period),
        row.file.clone(),
    ]
}
