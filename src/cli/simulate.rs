//! `qk-hls simulate`: bit-exact inference on a batch.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::files::{self, InputFile, Outputs};
use super::model_args::ModelArgs;
use super::{Answer, Failure, Ui};
use crate::compile::Compiled;
use crate::data::{Array, Values, npy};
use crate::ir::kernel::{NodeId, TensorType};
use crate::sim::plan::{Feed, Plan};
use crate::sim::{self, Codes, batch};

/// Bit-exact inference on a whole batch
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    model: ModelArgs,

    /// Samples: .npy once for each input in order, NAME=FILE, or one .npz keyed by input names or by 0, 1, ...
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

    /// Samples in memory at a time, from .npy to .npy
    #[arg(long, value_name = "N", hide = true, value_parser = clap::value_parser!(u32).range(1..))]
    chunk: Option<u32>,
}

/// Values of inputs and outputs that are in memory together, from `.npy` to `.npy`.
const CHUNK: usize = 1 << 20;

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
    Outputs::check(&written(args), &read(args))?;
    let compiled = args.model.compile()?;
    for remark in &compiled.remarks {
        ui.remark(remark);
    }
    let design = &compiled.design;
    if let Some(readers) = streamed(args, &compiled)? {
        return in_threads(args.threads, || stream(args, ui, &compiled, readers))?;
    }
    let batch = files::batch(&args.input, &compiled, args.round_input)?;

    let mut wanted: Vec<NodeId> = design.outputs.iter().map(|port| port.node).collect();
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
    let mut written = Written::default();
    for (key, port) in (0_usize..).zip(&design.outputs) {
        let (ty, codes) = of(port.node);
        let shape = batched(batch.samples, &ty.shape);
        if args.codes {
            written.codes(key.to_string(), &port.name, shape, codes, ty)?;
        } else {
            let values = sim::values_of(&port.name, codes, ty)?;
            written
                .arrays
                .push((key.to_string(), Array::f64(shape, values)));
        }
    }
    written.into_files(&args.output, &mut files)?;
    if let Some(path) = &args.trace {
        let mut written = Written::default();
        for tap in &design.taps {
            let (ty, codes) = of(tap.node);
            let shape = batched(batch.samples, &ty.shape);
            if args.codes {
                written.codes(tap.name.clone(), &tap.name, shape, codes, ty)?;
                continue;
            }
            let (values, exact) = sim::nearest_values(codes, ty);
            if !exact {
                ui.remark(&format!(
                    "layer {}: values of more than 53 significant bits are rounded to float64 in the \
                     trace; --codes writes them exactly",
                    tap.name
                ));
            }
            written
                .arrays
                .push((tap.name.clone(), Array::f64(shape, values)));
        }
        for tap in &compiled.virtual_taps {
            if args.codes {
                ui.remark(&format!(
                    "layer {}: fused into its successor, so that it has no codes of its own; it is \
                     left out of the trace",
                    tap.name
                ));
                continue;
            }
            let (ty, codes) = of(tap.node);
            let values = tap
                .values(ty, codes)
                .ok_or_else(|| format!("layer {}: a function has no value there", tap.name))?;
            let shape = batched(batch.samples, &ty.shape);
            written
                .arrays
                .push((tap.name.clone(), Array::f64(shape, values)));
        }
        written.into_files(path, &mut files)?;
    }
    files.write()?;
    ui.detail(&format!("{} samples simulated", batch.samples));
    Ok(Answer::Yes)
}

/// Readers of the inputs, where samples can go from file to file: `.npy` to `.npy`, without a trace.
fn streamed(
    args: &Args,
    compiled: &Compiled,
) -> Result<Option<Vec<(String, npy::Reader)>>, Failure> {
    let to_npy = args.output.extension().is_some_and(|e| e == "npy");
    if !to_npy || args.trace.is_some() || compiled.design.outputs.len() != 1 {
        return Ok(None);
    }
    let ports = compiled.design.inputs.iter();
    let names: Vec<&str> = ports.map(|p| p.name.as_str()).collect();
    files::readers(&args.input, &names)
}

/// Some samples at a time from file to file: memory does not grow with their number.
fn stream(
    args: &Args,
    ui: &Ui,
    compiled: &Compiled,
    mut readers: Vec<(String, npy::Reader)>,
) -> Result<Answer, Failure> {
    let design = &compiled.design;
    let ports = design.inputs.iter();
    let names: Vec<&str> = ports.map(|p| p.name.as_str()).collect();
    let shown: Vec<String> = readers.iter().map(|(file, _)| file.clone()).collect();
    let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
    let shapes: Vec<&[usize]> = readers.iter().map(|(_, r)| r.shape()).collect();
    let total =
        batch::samples_of(design, &shapes).map_err(|e| files::problems(&e, &names, &shown))?;
    let port = &design.outputs[0];
    let ty = &design.node(port.node).ty;
    let inputs = design
        .inputs
        .iter()
        .map(|p| design.node(p.node).ty.elements());
    let values = inputs.sum::<usize>() + ty.elements();
    let most = match args.chunk {
        Some(n) => usize::try_from(n)?,
        None => (CHUNK / values.max(1)).max(64),
    };

    let path = &args.output;
    let cannot = |e| files::unwritable(path, e);
    let mut file = files::temporary(path)?;
    let mut buffered = BufWriter::new(file.as_file_mut());
    let shape = batched(total, &ty.shape);
    let like = if args.codes {
        Values::I64(Vec::new())
    } else {
        Values::F64(Vec::new())
    };
    let mut writer = npy::Writer::new(&mut buffered, &shape, &like).map_err(cannot)?;
    let plan = Plan::with_edges(design, &[port.node]);
    let mut formats = Written::default();
    let bar = ui.progress(total);
    let mut done = 0;
    while done < total {
        let arrays = readers.iter_mut().map(|(file, reader)| {
            let samples = reader.samples(most);
            samples.map_err(|e| format!("{file}: from sample {done} on: it {e}"))
        });
        let arrays = arrays.collect::<Result<Vec<Array>, String>>()?;
        let batch = batch::batch(design, &compiled.derived_inputs, &arrays, args.round_input)
            .map_err(|errors| {
                let errors: Vec<_> = errors.into_iter().map(|e| e.after(done)).collect();
                files::problems(&errors, &names, &shown)
            })?;
        let feeds: Vec<Feed<'_>> = batch.inputs.iter().map(|c| Feed::I128(c)).collect();
        let results = plan.run(&feeds, batch.samples)?;
        let codes = results[0].to_i128();
        let values = if args.codes {
            formats.formats.clear();
            formats.arrays.clear();
            let shape = batched(batch.samples, &ty.shape);
            formats.codes("0".into(), &port.name, shape, &codes, ty)?;
            let (_, array) = formats.arrays.remove(0);
            array.values
        } else {
            Values::F64(sim::values_of(&port.name, &codes, ty)?)
        };
        writer.extend(&values).map_err(cannot)?;
        done += batch.samples;
        bar.set_position(done as u64);
    }
    writer.finish().map_err(cannot)?;
    buffered.flush().map_err(cannot)?;
    drop(buffered);
    bar.finish_and_clear();
    let mut beside = Outputs::default();
    if args.codes {
        let text = serde_json::to_string_pretty(&formats.formats)?;
        beside.add(formats_of(path), format!("{text}\n").into_bytes());
    }
    beside.write()?;
    files::persist(file, path)?;
    ui.detail(&format!("{done} samples simulated"));
    Ok(Answer::Yes)
}

/// Every file that the command will write.
fn written(args: &Args) -> Vec<PathBuf> {
    let arrays = std::iter::once(&args.output).chain(&args.trace);
    let formats = |path: &PathBuf| args.codes.then(|| formats_of(path));
    arrays
        .flat_map(|path| std::iter::once(path.clone()).chain(formats(path)))
        .collect()
}

/// Every file that the command reads.
fn read(args: &Args) -> Vec<&Path> {
    let inputs = args.input.iter().map(InputFile::path);
    std::iter::once(args.model.path())
        .chain(args.model.weights())
        .chain(inputs)
        .collect()
}

/// The file of formats beside a file of codes.
fn formats_of(path: &Path) -> PathBuf {
    path.with_extension("json")
}

/// Arrays of one file, and the formats of those that hold codes.
#[derive(Default)]
struct Written {
    arrays: Vec<(String, Array)>,
    formats: Vec<CodeFormat>,
}

impl Written {
    fn codes(
        &mut self,
        key: String,
        name: &str,
        shape: Vec<usize>,
        codes: &Codes,
        ty: &TensorType,
    ) -> Result<(), Failure> {
        let (aligned, format) = sim::aligned_codes(name, codes, ty)?;
        self.formats.push(CodeFormat {
            key: key.clone(),
            name: name.to_owned(),
            ty: format.to_string(),
            frac: format.frac(),
            shape: ty.shape.clone(),
        });
        self.arrays.push((key, Array::i64(shape, aligned)));
        Ok(())
    }

    fn into_files(self, path: &Path, files: &mut Outputs) -> Result<(), Failure> {
        files.arrays(path, &self.arrays)?;
        if !self.formats.is_empty() {
            let text = serde_json::to_string_pretty(&self.formats)?;
            files.add(formats_of(path), format!("{text}\n").into_bytes());
        }
        Ok(())
    }
}

fn batched(samples: usize, shape: &[usize]) -> Vec<usize> {
    std::iter::once(samples)
        .chain(shape.iter().copied())
        .collect()
}

pub(super) fn in_threads<T: Send>(
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
