//! `qk-hls csim`: the generated C++ against the simulator.

use std::path::PathBuf;

use serde::Serialize;

use super::files::Outputs;
use super::model_args::ModelArgs;
use super::project_args::{ProjectArgs, SampleArgs};
use super::{Answer, Failure, Ui};
use crate::codegen::{self, PortInfo};
use crate::csim::{self, Report, Samples, headers};
use crate::data::Array;
use crate::ir::kernel::TensorType;
use crate::ir::{Periodic, Range};
use crate::sim;

/// Compile a project with g++ against the vendor's headers and compare it with the simulator
///
/// MODEL is a model, or the folder of a generated project.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    model: ModelArgs,

    #[command(flatten)]
    project: ProjectArgs,

    #[command(flatten)]
    samples: SampleArgs,

    /// Results of the C++: .npy for one output, .npz keyed 0, 1, ... for any number
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Folder of the vendor's headers
    #[arg(long, value_name = "DIR")]
    headers: Option<PathBuf>,

    /// As JSON
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Summary<'a> {
    project: &'a str,
    backend: &'a str,
    samples: usize,
    outputs_compared: usize,
    layers_compared: usize,
    mismatches: usize,
    first: Vec<String>,
    compile_seconds: f64,
    run_seconds: f64,
}

pub(super) fn run(args: &Args, ui: &Ui) -> Result<Answer, Failure> {
    if let Some(path) = &args.output {
        Outputs::check(std::slice::from_ref(path), &[args.model.path()])?;
    }
    let report = if args.model.path().is_dir() {
        project(args)?
    } else {
        model(args, ui)?
    };
    if let Some(path) = &args.output {
        let mut files = Outputs::default();
        let arrays = report.info.outputs.iter().zip(&report.outputs);
        let arrays: Vec<(String, Array)> = arrays
            .enumerate()
            .map(|(key, (port, codes))| {
                let values = sim::values_of(&port.name, codes, &format(port))?;
                let mut shape = vec![report.samples];
                shape.extend(&port.shape);
                Ok((key.to_string(), Array::f64(shape, values)))
            })
            .collect::<Result<_, Failure>>()?;
        files.arrays(path, &arrays)?;
        files.write()?;
    }
    for warning in &report.warnings {
        ui.remark(warning);
    }
    show(args, &report, ui)?;
    Ok(if report.mismatches == 0 {
        Answer::Yes
    } else {
        Answer::No
    })
}

/// A folder: its stored samples.
fn project(args: &Args) -> Result<Report, Failure> {
    let dir = args.model.path();
    if args.samples.given() {
        return Err(format!(
            "{}: a project holds no network to compare other inputs with; name the model instead",
            dir.display()
        )
        .into());
    }
    let info = codegen::read_info(dir)
        .map_err(|e| format!("{}: {}: {e}", dir.display(), codegen::PORTS))?;
    let backend = codegen::backend(&info.backend).ok_or_else(|| {
        format!(
            "{}: {}: unknown backend {}",
            dir.display(),
            codegen::PORTS,
            info.backend
        )
    })?;
    let headers = headers::find(backend.family(), args.headers.as_deref())?;
    Ok(csim::run(
        dir,
        &Samples::Stored(args.samples.limit()),
        &headers,
    )?)
}

/// A model: generated into a temporary folder.
fn model(args: &Args, ui: &Ui) -> Result<Report, Failure> {
    let choices = args.project.choices(ui)?;
    let compiled = args.model.compile()?;
    for remark in &compiled.remarks {
        ui.remark(remark);
    }
    let batch = args.samples.batch(&compiled)?;
    let headers = headers::find(choices.backend.family(), args.headers.as_deref())?;
    Ok(csim::check(
        &compiled.design,
        &choices.options(),
        &batch,
        &headers,
    )?)
}

/// The binary point of a port, for conversions.
fn format(port: &PortInfo) -> TensorType {
    TensorType {
        shape: port.shape.clone(),
        frac: Periodic::uniform(port.fraction_bits),
        range: Periodic::uniform(Range {
            lo: i128::MIN,
            hi: i128::MAX,
        }),
    }
}

fn show(args: &Args, report: &Report, ui: &Ui) -> Result<(), Failure> {
    if args.json {
        let summary = Summary {
            project: &report.info.project,
            backend: &report.info.backend,
            samples: report.samples,
            outputs_compared: report.compared,
            layers_compared: report.compared_inside,
            mismatches: report.mismatches,
            first: report.first.iter().map(ToString::to_string).collect(),
            compile_seconds: report.compile_time.as_secs_f64(),
            run_seconds: report.run_time.as_secs_f64(),
        };
        let text = serde_json::to_string_pretty(&summary)?;
        return ui.print(&format!("{text}\n"));
    }
    for mismatch in &report.first {
        ui.print(&format!("{mismatch}\n"))?;
    }
    ui.print(&format!(
        "{} ({}): {} samples, {} output codes and {} codes of layers compared, {} mismatches\n",
        report.info.project,
        report.info.backend,
        report.samples,
        report.compared,
        report.compared_inside,
        report.mismatches
    ))?;
    ui.detail(&format!(
        "compiled in {:.1} s, ran in {:.1} s",
        report.compile_time.as_secs_f64(),
        report.run_time.as_secs_f64()
    ));
    Ok(())
}
