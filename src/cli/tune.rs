//! `qk-hls tune`: bit widths for every layer of a float network.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use sha2::{Digest, Sha256};

use super::files::{self, InputFile, Outputs};
use super::model_args::{NamedType, named_type};
use super::qtools::MemoryArg;
use super::{Answer, Failure, Ui};
use crate::compile::InputTypes;
use crate::data::{self, Arrays};
use crate::export;
use crate::import::{self, RawModel};
use crate::qtools::{MemoryOptions, Technology};
use crate::tune::{
    self, Bench, Data, Forgiving, Genome, Outcome, Point, Settings, Space, State, Trial,
};

/// Search bit widths for every layer: best accuracy at the least energy
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// model.keras, model.h5 or model.json of a float network
    model: PathBuf,

    /// Weights of a model.json [default: <stem>.weights.h5, <stem>_weights.h5 or <stem>.h5 beside it]
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,

    /// Samples of the input, once for each input
    #[arg(long, required = true, value_name = "[NAME=]FILE", value_parser = files::input_file)]
    calibrate: Vec<InputFile>,

    /// The class of each sample
    #[arg(long, value_name = "FILE")]
    labels: PathBuf,

    /// Samples that the search does not see; the accuracy on them is reported as well
    #[arg(long, value_name = "[NAME=]FILE", value_parser = files::input_file, requires = "test_labels")]
    test: Vec<InputFile>,

    /// The class of each of them
    #[arg(long, value_name = "FILE", requires = "test")]
    test_labels: Option<PathBuf>,

    /// Type of an input, as T or NAME=T; once for all inputs or once for each, in order
    #[arg(long, value_name = "[NAME=]T", value_parser = named_type)]
    input_type: Vec<NamedType>,

    /// The result: the front and the uniform widths, as JSON
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// A picture of it
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,

    /// The quantized model of the chosen point: .keras, .h5 or .json
    #[arg(long, value_name = "FILE")]
    quantized: Option<PathBuf>,

    /// Trials, kept here: an interrupted search goes on
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,

    /// Smallest width
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(2..=16))]
    min_bits: u32,

    /// Largest width
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(2..=16))]
    max_bits: u32,

    /// Different widths that are tried at most
    #[arg(long, value_name = "N", default_value_t = 600)]
    evaluations: usize,

    /// Seed of the search
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Choose the best accuracy up to this energy in pJ, instead of the best score
    #[arg(long, value_name = "pJ")]
    budget: Option<f64>,

    /// Forgiving factor: per cent of the score for an energy below the reference
    #[arg(long, value_name = "P", default_value_t = 8.0)]
    delta_p: f64,

    /// Forgiving factor: per cent of the score for an energy above the reference
    #[arg(long, value_name = "P", default_value_t = 8.0)]
    delta_n: f64,

    /// Forgiving factor: the ratio of energies that these are for
    #[arg(long, value_name = "R", default_value_t = 2.0)]
    rate: f64,

    /// Forgiving factor: multiplies the reference energy
    #[arg(long, value_name = "S", default_value_t = 1.0)]
    stress: f64,

    /// Where weights are kept
    #[arg(long, value_enum, default_value_t = MemoryArg::Sram)]
    weights_on_memory: MemoryArg,

    /// Where the tensors between layers are kept
    #[arg(long, value_enum, default_value_t = MemoryArg::Sram)]
    activations_on_memory: MemoryArg,

    /// Smallest SRAM, in bits
    #[arg(long, value_name = "BITS", default_value_t = 0)]
    min_sram_size: u64,

    /// Whether inputs and outputs pass through DRAM
    #[arg(long, value_name = "true|false", default_value_t = false, action = clap::ArgAction::Set)]
    rd_wr_on_io: bool,
}

pub(super) fn run(args: &Args, ui: &Ui) -> Result<Answer, Failure> {
    let written = args.written()?;
    let read: Vec<&Path> = [args.model.as_path(), args.labels.as_path()]
        .into_iter()
        .chain(args.weights.as_deref())
        .chain(args.test_labels.as_deref())
        .chain(args.calibrate.iter().chain(&args.test).map(InputFile::path))
        .collect();
    Outputs::check(&written, &read)?;
    if args.min_bits > args.max_bits {
        return Err("--min-bits is larger than --max-bits".into());
    }
    let forgiving = args.forgiving()?;
    let imported = import::load(&args.model, args.weights.as_deref())?;
    for remark in &imported.log {
        ui.remark(remark);
    }
    let model = imported.model;
    let shown = args.model.display();
    let all = |problems: Vec<String>| {
        let each: Vec<String> = problems.iter().map(|p| format!("{shown}: {p}")).collect();
        Failure(each.join("\n"))
    };
    let data = args.data(&model, &args.calibrate, &args.labels)?;
    let test = match &args.test_labels {
        Some(labels) => Some(args.data(&model, &args.test, labels)?),
        None => None,
    };
    let space = Space::new(&model, args.min_bits, args.max_bits).map_err(|p| all(vec![p]))?;
    let settings = args.settings()?;
    let bench = Bench::new(&model, &space, &data, &settings).map_err(all)?;

    let fingerprint = args.fingerprint(&space)?;
    let mut state = match &args.state {
        Some(path) if path.exists() => {
            let text =
                std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
            let state =
                State::read(&text, &fingerprint).map_err(|e| format!("{}: {e}", path.display()))?;
            ui.remark(&format!(
                "{}: {} trials are there already",
                path.display(),
                state.len()
            ));
            state
        }
        _ => State::new(fingerprint),
    };
    let save = |state: &State| match &args.state {
        None => Ok(()),
        Some(path) => {
            let mut outputs = Outputs::default();
            outputs.add(path, state.to_text().into_bytes());
            outputs.write().map_err(|Failure(text)| vec![text])
        }
    };
    let options = tune::Options {
        evaluations: args.evaluations,
        seed: args.seed,
    };
    let tried = tune::search(
        &space,
        options,
        &mut state,
        |genome| bench.trial(genome),
        save,
    )
    .map_err(all)?;

    let reference_energy = bench.reference_energy().map_err(all)?;
    let samples = data.labels.len() as f64;
    let point = |genome: &Genome, trial: Trial| -> Result<Point, Vec<String>> {
        let accuracy = trial.correct as f64 / samples;
        let test_accuracy = match &test {
            Some(test) => Some(bench.correct_on(genome, test)? as f64 / test.labels.len() as f64),
            None => None,
        };
        let bits: IndexMap<String, u32> = space
            .genes
            .iter()
            .zip(genome)
            .map(|(gene, &bits)| (gene.to_string(), bits))
            .collect();
        let request = space.request(genome);
        Ok(Point {
            accuracy,
            test_accuracy,
            energy: trial.energy,
            score: forgiving.score(accuracy, trial.energy, reference_energy),
            bits,
            request: serde_json::json!({
                "quantizer_config": request.quantizers, "enable_bn_folding": request.enable_bn_folding,
            }),
        })
    };
    let uniform: Vec<Genome> = (space.least..=space.most)
        .map(|bits| space.uniform(bits))
        .collect();
    let uniform: Vec<Point> = uniform
        .iter()
        .map(|g| point(g, tried[g]))
        .collect::<Result<_, _>>()
        .map_err(all)?;
    let genomes: Vec<(&Genome, Trial)> = tune::front(&tried);
    let front: Vec<Point> = genomes
        .iter()
        .map(|(g, t)| point(g, *t))
        .collect::<Result<_, _>>()
        .map_err(all)?;
    let best = |of: fn(&Point) -> f64| {
        let within = |p: &Point| args.budget.is_none_or(|budget| p.energy <= budget);
        let mut points = (0..front.len()).filter(|&i| within(&front[i]));
        let first = points.next()?;
        Some(points.fold(first, |best, i| {
            if of(&front[i]) > of(&front[best]) {
                i
            } else {
                best
            }
        }))
    };
    let chosen = match args.budget {
        Some(budget) => best(|p| p.accuracy).ok_or_else(|| {
            format!(
                "no widths need at most {budget} pJ; the least found is {:.0} pJ",
                front[0].energy
            )
        })?,
        None => best(|p| p.score).unwrap_or(0),
    };
    let share = |data: &Data| -> Result<f64, Failure> {
        let correct = Bench::float_correct(&model, data).map_err(all)?;
        Ok(correct as f64 / data.labels.len() as f64)
    };
    let outcome = Outcome {
        evaluations: tried.len(),
        seed: args.seed,
        float_accuracy: share(&data)?,
        float_test_accuracy: test.as_ref().map(share).transpose()?,
        reference_energy,
        forgiving,
        uniform,
        front,
        chosen,
    };
    let mut outputs = Outputs::default();
    outputs.add(
        &args.output,
        format!("{}\n", serde_json::to_string_pretty(&outcome)?).into_bytes(),
    );
    if let Some(path) = &args.plot {
        outputs.add(path, tune::plot(&outcome)?.into_bytes());
    }
    if let Some(path) = &args.quantized {
        let format = export::format_of(path)?;
        let quantized = bench.quantized(genomes[chosen].0, format).map_err(all)?;
        super::quantize::add(path, &quantized, &mut outputs)?;
    }
    outputs.write()?;
    ui.print(&table(&outcome))?;
    Ok(Answer::Yes)
}

impl Args {
    fn written(&self) -> Result<Vec<PathBuf>, Failure> {
        let mut written = vec![self.output.clone()];
        written.extend(self.plot.clone());
        written.extend(self.state.clone());
        if let Some(path) = &self.quantized {
            written.extend(export::files_of(path)?);
        }
        Ok(written)
    }

    fn forgiving(&self) -> Result<Forgiving, Failure> {
        let Self {
            delta_p,
            delta_n,
            rate,
            stress,
            ..
        } = *self;
        let finite = [delta_p, delta_n, rate, stress]
            .iter()
            .all(|v| v.is_finite());
        if !finite || rate <= 0.0 || (rate - 1.0).abs() < 1e-9 || stress <= 0.0 {
            return Err("--rate is a positive ratio other than 1, --stress is positive".into());
        }
        Ok(Forgiving {
            delta_p,
            delta_n,
            rate,
            stress,
        })
    }

    fn settings(&self) -> Result<Settings, Failure> {
        let mut input_types = InputTypes::default();
        for given in &self.input_type {
            match &given.name {
                Some(name) => input_types.by_name.push((name.clone(), given.ty)),
                None => input_types.by_order.push(given.ty),
            }
        }
        Ok(Settings {
            input_types,
            memory: MemoryOptions {
                weights: self.weights_on_memory.into(),
                activations: self.activations_on_memory.into(),
                min_sram_size: self.min_sram_size,
                rd_wr_on_io: self.rd_wr_on_io,
            },
            technology: Technology::named("horowitz", None)?,
        })
    }

    /// Samples and labels; both have to be there for each other.
    fn data(&self, model: &RawModel, inputs: &[InputFile], labels: &Path) -> Result<Data, Failure> {
        let names: Vec<String> = model
            .inputs
            .iter()
            .map(|p| model.layer(p.tensor.layer).name.clone())
            .collect();
        let inputs = files::named_inputs(inputs, &names)?;
        let shown = labels.display();
        let Arrays::One(array) = data::load(labels).map_err(|e| format!("{shown} {e}"))? else {
            return Err(format!("{shown}: one array of classes is wanted").into());
        };
        let samples = inputs
            .first()
            .and_then(|a| a.shape.first().copied())
            .unwrap_or(0);
        let values = array
            .to_f64()
            .map_err(|i| format!("{shown}: index {i} is no class"))?;
        let classes: Option<Vec<usize>> = values
            .iter()
            .map(|&v| (v >= 0.0 && v.fract() == 0.0 && v < 1e6).then_some(v as usize))
            .collect();
        match classes {
            Some(labels) if labels.len() == samples && samples > 0 => Ok(Data { inputs, labels }),
            Some(labels) => {
                Err(format!("{shown}: {} classes for {samples} samples", labels.len()).into())
            }
            None => Err(format!("{shown}: classes are numbers from 0").into()),
        }
    }

    /// What a trial depends on. Seed and number of evaluations are none of it.
    fn fingerprint(&self, space: &Space) -> Result<String, Failure> {
        let mut hash = Sha256::new();
        let beside = self.weights.iter().map(PathBuf::as_path);
        let data = self.calibrate.iter().map(InputFile::path);
        let files = [self.model.as_path(), self.labels.as_path()]
            .into_iter()
            .chain(beside)
            .chain(data);
        for path in files.filter(|path| path.is_file()) {
            hash.update(std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?);
        }
        hash.update(format!(
            "{:?} {:?} {:?} {:?} {} {}",
            space.genes,
            self.input_type,
            self.weights_on_memory,
            self.activations_on_memory,
            self.min_sram_size,
            self.rd_wr_on_io
        ));
        Ok(hash
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect())
    }
}

/// The result for people.
fn table(outcome: &Outcome) -> String {
    let mut text = format!(
        "{} widths tried; float network: accuracy {:.4}\n\n{:<10} {:>10} {:>10} {:>12} {:>8}\n",
        outcome.evaluations,
        outcome.float_accuracy,
        "",
        "accuracy",
        "on test",
        "energy, pJ",
        "score"
    );
    let mut line = |name: String, point: &Point| {
        let test = point
            .test_accuracy
            .map_or("-".to_owned(), |a| format!("{a:.4}"));
        text += &format!(
            "{name:<10} {:>10.4} {test:>10} {:>12.0} {:>8.4}\n",
            point.accuracy, point.energy, point.score
        );
    };
    for point in &outcome.uniform {
        let bits = point.bits.values().next().copied().unwrap_or(0);
        line(format!("{bits} bits"), point);
    }
    for (i, point) in outcome.front.iter().enumerate() {
        line(
            if i == outcome.chosen {
                "chosen"
            } else {
                "front"
            }
            .to_owned(),
            point,
        );
    }
    let bits = &outcome.front[outcome.chosen].bits;
    let each: Vec<String> = bits
        .iter()
        .map(|(gene, bits)| format!("{gene} {bits}"))
        .collect();
    text + "\nchosen: " + &each.join(", ") + "\n"
}
