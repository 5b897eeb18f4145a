//! `qk-hls simulate`: bit-exact inference on a batch.

use std::path::PathBuf;

use serde::Serialize;

use super::files::{self, InputFile, Outputs};
use super::model_args::ModelArgs;
use super::{Answer, Failure, Ui};
use crate::compile::Compiled;
use crate::data::Array;
use crate::ir::kernel::{NodeId, TensorType};
use crate::sim::{self, Codes, batch};

/// Bit-exact inference on a whole batch
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    model: ModelArgs,

    /// Samples: .npy once for each input in order, NAME=FILE, or one .npz keyed by input names
    #[arg(short, long, value_name = "[NAME=]FILE", required = true, value_parser = files::input_file)]
    input: Vec<InputFile>,

    /// Results: .npy for one output, .npz keyed 0, 1, ... for any number
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// Each layer's output as .npz, keyed by layer names
    #[arg(long, value_name = "FILE.npz")]
    trace: Option<PathBuf>,

    /// Write raw integer codes, and their types into a .json file beside them
    #[arg(long)]
    codes: bool,

    /// Round input values half to even and saturate them
    #[arg(long)]
    round_input: bool,

    /// Worker threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

/// The format of an array of codes, for the file beside it.
#[derive(Serialize)]
struct CodeFormat {
    /// Key in an `.npz`.
    key: String,
    /// Name of the output or layer.
    name: String,
    /// Type that holds all values, in HLS spelling.
    #[serde(rename = "type")]
    ty: String,
    /// Fraction bits: a value is `code * 2^-frac`.
    frac: i32,
    shape: Vec<usize>,
}

pub(super) fn run(args: &Args, ui: &Ui) -> Result<Answer, Failure> {
    let compiled = args.model.compile()?;
    for remark in &compiled.remarks {
        ui.remark(remark);
    }
    let design = &compiled.design;
    let arrays = files::inputs(&args.input, &design.inputs)?;
    let batch = batch::batch(design, &compiled.derived_inputs, &arrays, args.round_input).map_err(
        |errors| {
            let each: Vec<String> = errors.iter().map(ToString::to_string).collect();
            each.join("\n")
        },
    )?;
    drop(arrays);

    let outputs: Vec<(String, NodeId)> = design
        .outputs
        .iter()
        .enumerate()
        .map(|(i, port)| (i.to_string(), port.node))
        .collect();
    let mut wanted: Vec<NodeId> = outputs.iter().map(|(_, node)| *node).collect();
    if args.trace.is_some() {
        wanted.extend(design.taps.iter().map(|t| t.node));
        wanted.extend(compiled.virtual_taps.iter().map(|t| t.node));
    }
    wanted.sort_unstable();
    wanted.dedup();
    let results = in_threads(args.threads, || batch::run(design, &batch, &wanted))??;
    let of = |node: NodeId| -> (&TensorType, &Codes) {
        let place = wanted
            .binary_search(&node)
            .expect("every node asked for is wanted");
        (&design.node(node).ty, &results[place])
    };

    let mut files = Outputs::default();
    let named: Vec<(String, String, NodeId)> = outputs
        .into_iter()
        .zip(&design.outputs)
        .map(|((key, node), port)| (key, port.name.clone(), node))
        .collect();
    write(
        &mut files,
        &args.output,
        &named,
        &of,
        batch.samples,
        args.codes,
        vec![],
    )?;
    if let Some(path) = &args.trace {
        let named: Vec<(String, String, NodeId)> = design
            .taps
            .iter()
            .map(|t| (t.name.clone(), t.name.clone(), t.node))
            .collect();
        let fused = if args.codes {
            for tap in &compiled.virtual_taps {
                ui.remark(&format!(
                    "layer {}: fused into its successor, so that it has no codes of its own; it is left out of the trace",
                    tap.name
                ));
            }
            vec![]
        } else {
            fused_values(&compiled, &of, batch.samples)?
        };
        write(
            &mut files,
            path,
            &named,
            &of,
            batch.samples,
            args.codes,
            fused,
        )?;
    }
    files.write()?;
    ui.detail(&format!("{} samples simulated", batch.samples));
    Ok(Answer::Yes)
}

/// Values of layers that exist only inside fused chains.
fn fused_values<'a>(
    compiled: &Compiled,
    of: &dyn Fn(NodeId) -> (&'a TensorType, &'a Codes),
    samples: usize,
) -> Result<Vec<(String, Array)>, Failure> {
    let values = |tap: &crate::passes::resolve::VirtualTap| {
        let (ty, codes) = of(tap.node);
        let values = tap
            .values(ty, codes)
            .ok_or_else(|| format!("layer {}: a function has no value there", tap.name))?;
        Ok((
            tap.name.clone(),
            Array::f64(batched(samples, &ty.shape), values),
        ))
    };
    compiled.virtual_taps.iter().map(values).collect()
}

fn batched(samples: usize, shape: &[usize]) -> Vec<usize> {
    std::iter::once(samples)
        .chain(shape.iter().copied())
        .collect()
}

/// Adds the named nodes as one file, and with `codes` their formats as a second one.
fn write<'a>(
    files: &mut Outputs,
    path: &std::path::Path,
    named: &[(String, String, NodeId)],
    of: &dyn Fn(NodeId) -> (&'a TensorType, &'a Codes),
    samples: usize,
    codes: bool,
    more: Vec<(String, Array)>,
) -> Result<(), Failure> {
    let mut arrays = Vec::new();
    let mut formats = Vec::new();
    for (key, name, node) in named {
        let (ty, raw) = of(*node);
        let shape = batched(samples, &ty.shape);
        if codes {
            let (aligned, format) = sim::aligned_codes(name, raw, ty)?;
            formats.push(CodeFormat {
                key: key.clone(),
                name: name.clone(),
                ty: format.to_string(),
                frac: format.frac(),
                shape: ty.shape.clone(),
            });
            arrays.push((key.clone(), Array::i64(shape, aligned)));
        } else {
            arrays.push((
                key.clone(),
                Array::f64(shape, sim::values_of(name, raw, ty)?),
            ));
        }
    }
    arrays.extend(more);
    files.arrays(path, &arrays)?;
    if codes {
        let text = serde_json::to_string_pretty(&formats)?;
        files.add(
            path.with_extension("json"),
            format!("{text}\n").into_bytes(),
        );
    }
    Ok(())
}

fn in_threads<T: Send>(
    threads: Option<u16>,
    work: impl FnOnce() -> T + Send,
) -> Result<T, Failure> {
    match threads {
        None => Ok(work()),
        Some(n) => {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(n.into())
                .build()?;
            Ok(pool.install(work))
        }
    }
}
