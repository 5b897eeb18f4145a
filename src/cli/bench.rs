//! `qk-hls bench`: throughput of the simulator in this process.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::files::{self, InputFile};
use super::model_args::ModelArgs;
use super::{Answer, Failure, Ui};
use crate::ir::Range;
use crate::ir::kernel::Design;
use crate::sim::plan::{Ints, Plan};
use crate::sim::samples::random;

/// Random samples, where no file is given; most codes of inputs and outputs together, so that they
/// stay in a cache: this measures the simulator, not the memory.
const SAMPLES: usize = 65_536;
const MOST_CODES: usize = 1 << 21;

/// Simulator throughput, beside this machine's limit
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    model: ModelArgs,

    /// Samples: .npy once for each input in order, NAME=FILE, or one .npz [default: random ones]
    #[arg(short, long, value_name = "[NAME=]FILE", value_parser = files::input_file)]
    input: Vec<InputFile>,

    /// Measuring time
    #[arg(long, value_name = "S", default_value_t = 2.0, value_parser = seconds)]
    seconds: f64,

    /// Worker threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,

    /// As JSON
    #[arg(long)]
    json: bool,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(s) if s > 0.0 && s <= 3600.0 => Ok(s),
        _ => Err("a number of seconds above 0 and up to 3600".to_owned()),
    }
}

#[derive(Serialize)]
struct Throughput {
    samples_per_s: f64,
    macs_per_s: f64,
    limit_macs_per_s: f64,
    threads: usize,
}

pub(super) fn run(args: &Args, ui: &Ui) -> Result<Answer, Failure> {
    let compiled = args.model.compile()?;
    let design = &compiled.design;
    let batch = if args.input.is_empty() {
        let ports = design.inputs.iter().chain(&design.outputs);
        let codes: usize = ports.map(|p| design.node(p.node).ty.elements()).sum();
        let samples = (MOST_CODES / codes.max(1)).clamp(1, SAMPLES);
        random(design, samples, 1)
    } else {
        files::batch(&args.input, &compiled, false)?
    };
    if batch.samples == 0 {
        return Err("there are no samples to run".into());
    }
    let inputs: Vec<Ints> = design
        .inputs
        .iter()
        .zip(&batch.inputs)
        .map(|(port, codes)| Ints::narrowest(range(design, port.node), codes))
        .collect();
    let result = super::simulate::in_threads(args.threads, || {
        measure(design, &inputs, batch.samples, args.seconds)
    })??;
    if args.json {
        ui.print(&format!("{}\n", serde_json::to_string(&result)?))?;
    } else {
        ui.print(&format!(
            "{:.0} samples/s, {:.3} GMAC/s: {:.1} % of {:.1} GMAC/s, the limit of {} threads\n",
            result.samples_per_s,
            result.macs_per_s / 1e9,
            100.0 * result.macs_per_s / result.limit_macs_per_s,
            result.limit_macs_per_s / 1e9,
            result.threads
        ))?;
    }
    Ok(Answer::Yes)
}

fn range(design: &Design, node: crate::ir::kernel::NodeId) -> Range {
    design.node(node).ty.hull()
}

fn measure(
    design: &Design,
    inputs: &[Ints],
    samples: usize,
    seconds: f64,
) -> Result<Throughput, Failure> {
    let plan = Plan::new(design);
    let feeds: Vec<_> = inputs.iter().map(Ints::feed).collect();
    let mut results = plan.run(&feeds, samples)?; // buffers and caches
    let limit = plan.limit(Duration::from_millis(100));
    let begin = Instant::now();
    let mut runs = 0_u32;
    while runs == 0 || begin.elapsed().as_secs_f64() < seconds {
        plan.run_into(&feeds, samples, &mut results)?;
        runs += 1;
    }
    let done = f64::from(runs) * samples as f64;
    let samples_per_s = done / begin.elapsed().as_secs_f64();
    Ok(Throughput {
        samples_per_s,
        macs_per_s: samples_per_s * plan.macs() as f64,
        limit_macs_per_s: limit,
        threads: rayon::current_num_threads(),
    })
}
