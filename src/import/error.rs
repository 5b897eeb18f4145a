//! What can be wrong with a model file. Every error has a code, a place, and a line that helps.

use std::fmt;
use std::io;

use thiserror::Error;

/// All that is wrong with a model, never empty.
#[derive(Debug)]
pub struct ImportErrors(pub Vec<ImportError>);

/// One thing that is wrong, with its place.
#[derive(Debug)]
pub struct ImportError {
    /// The file, as the user named it.
    pub file: String,
    /// The layer as the user spelled it; inside nested models `outer/inner`.
    pub layer: Option<String>,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong, by stage.
#[derive(Debug, Error)]
pub enum Problem {
    /// The container.
    #[error(transparent)]
    File(#[from] FileProblem),
    /// The architecture.
    #[error(transparent)]
    Graph(#[from] GraphProblem),
    /// The weights.
    #[error(transparent)]
    Weight(#[from] WeightProblem),
}

/// The container cannot be used.
#[derive(Debug, Error)]
pub enum FileProblem {
    /// The operating system refused.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// Larger than anything that is read.
    #[error("is {bytes} bytes long; at most {limit} are read")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// None of the known kinds.
    #[error("is neither a .keras archive, nor HDF5, nor JSON: it starts with {found}")]
    NotAModel {
        /// Its first bytes, readable.
        found: String,
    },
    /// The pointer that Git LFS leaves when the content was not fetched.
    #[error("is a Git LFS pointer, not the model itself")]
    LfsPointer,
    /// A TensorFlow SavedModel.
    #[error("is a TensorFlow SavedModel directory")]
    SavedModel,
    /// A directory without a model.
    #[error("is a directory without config.json")]
    EmptyDirectory,
    /// The zip container is damaged or odd.
    #[error("is no usable .keras archive: {detail}")]
    Zip {
        /// What is wrong.
        detail: String,
    },
    /// A member is absent.
    #[error("has no member `{member}`; it has {present}")]
    MissingMember {
        /// Its name.
        member: &'static str,
        /// The members there are.
        present: String,
    },
    /// A member is encrypted.
    #[error("member `{member}` is encrypted")]
    Encrypted {
        /// Its name.
        member: String,
    },
    /// A member expands too much.
    #[error("member `{member}` claims {declared} bytes from {stored} stored ones")]
    Bomb {
        /// Its name.
        member: String,
        /// Size it claims.
        declared: u64,
        /// Size in the archive.
        stored: u64,
    },
    /// A member of a weights format that is not read.
    #[error("keeps its weights in `{member}`")]
    WeightsFormat {
        /// The member.
        member: String,
    },
    /// The HDF5 structure is damaged or uses something Keras never writes.
    #[error("is no usable HDF5 file: {detail}")]
    Hdf5 {
        /// What is wrong.
        detail: String,
    },
    /// Shorter than its own header says.
    #[error("is cut short: {actual} bytes of {declared}")]
    Truncated {
        /// Length the header gives.
        declared: u64,
        /// Length found.
        actual: u64,
    },
    /// Weights without the architecture.
    #[error("holds weights only, no architecture")]
    WeightsOnly,
    /// The text is not JSON, or too deep or too large.
    #[error("is no usable JSON: {detail}")]
    Json {
        /// The parser's words.
        detail: String,
    },
    /// A weights manifest of Keras 3's sharded format.
    #[error("is the index of sharded weights")]
    Sharded,
    /// `model.json` alone.
    #[error("holds no weights, and no weights file was found beside it (looked for {tried})")]
    NoWeights {
        /// The file names tried.
        tried: String,
    },
    /// A weights file was given for a model that has its own.
    #[error("has its own weights, so a separate weights file ({weights}) cannot be meant")]
    TwoWeights {
        /// The file given.
        weights: String,
    },
    /// HDF5, but no Keras layout inside.
    #[error(
        "is HDF5, but not from Keras: it has neither `model_config`, nor `layer_names`, nor `layers`"
    )]
    NotKeras,
}

/// The architecture cannot be used.
#[derive(Debug, Error)]
pub enum GraphProblem {
    /// A field of the wrong kind or absent.
    #[error("`{field}` is {found}; {expected} is needed")]
    Field {
        /// Dotted path of the field.
        field: String,
        /// What is there.
        found: String,
        /// What would do.
        expected: &'static str,
    },
    /// Neither Functional nor Sequential.
    #[error("model class `{class}` is neither Functional nor Sequential")]
    ModelClass {
        /// The class.
        class: String,
    },
    /// A layer that is not supported, whose weights cannot be told.
    #[error("its class `{class}` is not known")]
    UnknownClass {
        /// The class.
        class: String,
    },
    /// Two layers of one level share a name.
    #[error("several layers have this name")]
    DuplicateLayer,
    /// A reference to a layer that is not there.
    #[error("reads the output of `{target}`, which is no layer of this model")]
    UnknownLayer {
        /// The name referred to.
        target: String,
    },
    /// A reference to a call that is not there.
    #[error("reads call {node} of `{target}`, which is called {calls} times{hint}")]
    NoSuchCall {
        /// The layer referred to.
        target: String,
        /// Node index as written.
        node: i64,
        /// Calls there are.
        calls: usize,
        /// More to say.
        hint: &'static str,
    },
    /// A reference to an output that is not there.
    #[error("reads output {output} of `{target}`, which has {outputs}")]
    NoSuchOutput {
        /// The layer referred to.
        target: String,
        /// Tensor index as written.
        output: usize,
        /// Outputs there are.
        outputs: usize,
    },
    /// A layer depends on itself.
    #[error("depends on its own output: {path}")]
    Cycle {
        /// The layers of the cycle.
        path: String,
    },
    /// An `InputLayer` that an output needs is not among the model's inputs.
    #[error("is an InputLayer that the outputs need, but it is not among the model's inputs")]
    NotAnInput,
    /// A model input that is no `InputLayer`.
    #[error("is listed as a model input, but is a {class}")]
    InputClass {
        /// Its class.
        class: String,
    },
    /// No inputs or no outputs.
    #[error("has no {what}")]
    NoPorts {
        /// `inputs` or `outputs`.
        what: &'static str,
    },
    /// A Sequential without known input shape.
    #[error("does not know its input shape: it was saved before it was built")]
    Unbuilt,
    /// The call of a nested model does not fit its inputs.
    #[error("is called with {found} tensors, but has {expected} inputs")]
    NestedInputs {
        /// Tensors given.
        found: usize,
        /// Inputs there are.
        expected: usize,
    },
    /// A model inside something that cannot hold one.
    #[error("wraps a {class}, which cannot stand here")]
    InnerClass {
        /// The class found.
        class: String,
    },
}

/// The weights cannot be used.
#[derive(Debug, Error)]
pub enum WeightProblem {
    /// The group or dataset of a layer is absent.
    #[error("weight `{slot}` is not in the file: there is no `{path}`")]
    Missing {
        /// The weight.
        slot: String,
        /// Where it should be.
        path: String,
    },
    /// The number of stored weights does not fit.
    #[error("stores {found} under `{path}`, but a {class} with this configuration has {expected}")]
    Count {
        /// The class.
        class: String,
        /// Group.
        path: String,
        /// Stored names.
        found: String,
        /// Expected slots.
        expected: String,
    },
    /// A weight no layer claims.
    #[error("`{path}` (shape {shape}) belongs to no layer of the model")]
    Unused {
        /// The dataset.
        path: String,
        /// Its shape.
        shape: String,
    },
    /// Wrong number of dimensions.
    #[error("weight `{slot}` at `{path}` has shape {shape}; {rank} dimensions are needed")]
    Rank {
        /// The weight.
        slot: String,
        /// The dataset.
        path: String,
        /// Its shape.
        shape: String,
        /// Ranks that would do.
        rank: String,
    },
    /// Not a floating-point type.
    #[error(
        "weight `{slot}` at `{path}` holds integers; float16, bfloat16, float32 or float64 is needed"
    )]
    Integer {
        /// The weight.
        slot: String,
        /// The dataset.
        path: String,
    },
    /// NaN or infinity.
    #[error("`{path}` holds {value} at flat index {index} of shape {shape}")]
    NonFinite {
        /// The dataset.
        path: String,
        /// Flat row-major index of the first such value.
        index: usize,
        /// The value.
        value: f64,
        /// The shape.
        shape: String,
    },
    /// Data that cannot be read, or in a form Keras never writes.
    #[error("`{path}` cannot be read: {detail}")]
    Unreadable {
        /// The dataset or attribute.
        path: String,
        /// What is wrong.
        detail: String,
    },
    /// Stored names contradict the order.
    #[error("the stored names {found} do not fit the weights {expected} of a {class}")]
    Names {
        /// The class.
        class: String,
        /// Stored names.
        found: String,
        /// Expected slots.
        expected: String,
    },
    /// The name stored with the weights is another layer's.
    #[error("the weights in `{path}` carry the name of layer `{stored}`")]
    OtherLayer {
        /// The group.
        path: String,
        /// The stored name.
        stored: String,
    },
    /// A quantizer variable with a value that changes inference.
    #[error("`{path}` is a quantization noise factor of {value}; only 1 is exact")]
    NoiseFactor {
        /// The dataset.
        path: String,
        /// Its value.
        value: f64,
    },
}

impl Problem {
    /// A short stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Problem::File(problem) => problem.code(),
            Problem::Graph(problem) => problem.code(),
            Problem::Weight(problem) => problem.code(),
        }
    }

    /// What would work.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Problem::File(problem) => problem.help(),
            Problem::Graph(problem) => problem.help(),
            Problem::Weight(problem) => problem.help(),
        }
    }
}

impl FileProblem {
    fn code(&self) -> &'static str {
        match self {
            FileProblem::Io(_) => "file::unreadable",
            FileProblem::TooLarge { .. } => "file::too-large",
            FileProblem::NotAModel { .. } => "file::kind",
            FileProblem::LfsPointer => "file::lfs-pointer",
            FileProblem::SavedModel => "file::saved-model",
            FileProblem::EmptyDirectory => "file::directory",
            FileProblem::Zip { .. } => "file::zip",
            FileProblem::MissingMember { .. } => "file::zip-member",
            FileProblem::Encrypted { .. } => "file::zip-encrypted",
            FileProblem::Bomb { .. } => "file::zip-bomb",
            FileProblem::WeightsFormat { .. } => "file::weights-format",
            FileProblem::Hdf5 { .. } => "file::hdf5",
            FileProblem::Truncated { .. } => "file::truncated",
            FileProblem::WeightsOnly => "file::weights-only",
            FileProblem::Json { .. } => "file::json",
            FileProblem::Sharded => "file::sharded",
            FileProblem::NoWeights { .. } => "file::no-weights",
            FileProblem::TwoWeights { .. } => "file::two-weights",
            FileProblem::NotKeras => "file::not-keras",
        }
    }

    fn help(&self) -> Option<&'static str> {
        const FORMS: &str =
            "give a .keras archive, a whole-model .h5, or a model.json with its weights";
        const RESAVE: &str = "copy or download the file again, or save the model again";
        Some(match self {
            FileProblem::Io(_) | FileProblem::TooLarge { .. } => return None,
            FileProblem::NotAModel { .. } | FileProblem::EmptyDirectory | FileProblem::NotKeras => {
                FORMS
            }
            FileProblem::LfsPointer => "run `git lfs pull` in the repository it came from",
            FileProblem::SavedModel => {
                "load it in Keras and save it with `model.save(\"model.keras\")`"
            }
            FileProblem::Zip { .. } | FileProblem::Hdf5 { .. } | FileProblem::Truncated { .. } => {
                RESAVE
            }
            FileProblem::MissingMember { .. } => {
                "a .keras archive needs config.json and model.weights.h5"
            }
            FileProblem::Encrypted { .. } => "unpack it with its password and zip it again without",
            FileProblem::Bomb { .. } => "save the model again: Keras stores members uncompressed",
            FileProblem::WeightsFormat { .. } | FileProblem::Sharded => {
                "save the model with `model.save(\"model.keras\")`, which stores model.weights.h5"
            }
            FileProblem::WeightsOnly => {
                "give the model.json written by `model.to_json()`, and this file with --weights"
            }
            FileProblem::Json { .. } => "give the text written by `model.to_json()`",
            FileProblem::NoWeights { .. } => "give the weights file with --weights",
            FileProblem::TwoWeights { .. } => "leave out --weights, or give model.json instead",
        })
    }
}

impl GraphProblem {
    fn code(&self) -> &'static str {
        match self {
            GraphProblem::Field { .. } => "graph::field",
            GraphProblem::ModelClass { .. } => "graph::model-class",
            GraphProblem::UnknownClass { .. } => "graph::unknown-class",
            GraphProblem::DuplicateLayer => "graph::duplicate-layer",
            GraphProblem::UnknownLayer { .. } => "graph::unknown-layer",
            GraphProblem::NoSuchCall { .. } => "graph::node-index",
            GraphProblem::NoSuchOutput { .. } => "graph::tensor-index",
            GraphProblem::Cycle { .. } => "graph::cycle",
            GraphProblem::NotAnInput => "graph::not-an-input",
            GraphProblem::InputClass { .. } => "graph::input-class",
            GraphProblem::NoPorts { .. } => "graph::no-ports",
            GraphProblem::Unbuilt => "graph::unbuilt",
            GraphProblem::NestedInputs { .. } => "graph::nested-inputs",
            GraphProblem::InnerClass { .. } => "graph::inner-class",
        }
    }

    fn help(&self) -> Option<&'static str> {
        match self {
            GraphProblem::ModelClass { .. } => Some(
                "rebuild the network as keras.Model(inputs, outputs) or keras.Sequential and save that",
            ),
            GraphProblem::UnknownClass { .. } => {
                Some("rebuild this part of the network from layers of Keras and QKeras")
            }
            GraphProblem::Unbuilt => {
                Some("call the model once, or begin it with keras.Input(shape), then save it")
            }
            _ => None,
        }
    }
}

impl WeightProblem {
    fn code(&self) -> &'static str {
        match self {
            WeightProblem::Missing { .. } => "weights::missing",
            WeightProblem::Count { .. } => "weights::count",
            WeightProblem::Unused { .. } => "weights::unused",
            WeightProblem::Rank { .. } => "weights::shape",
            WeightProblem::Integer { .. } => "weights::dtype",
            WeightProblem::NonFinite { .. } => "weights::not-finite",
            WeightProblem::Unreadable { .. } => "weights::unreadable",
            WeightProblem::Names { .. } => "weights::names",
            WeightProblem::OtherLayer { .. } => "weights::other-layer",
            WeightProblem::NoiseFactor { .. } => "weights::noise-factor",
        }
    }

    fn help(&self) -> Option<&'static str> {
        const SAME: &str =
            "architecture and weights must come from the same model: save both again together";
        match self {
            WeightProblem::Missing { .. }
            | WeightProblem::Count { .. }
            | WeightProblem::Unused { .. }
            | WeightProblem::Rank { .. }
            | WeightProblem::Names { .. }
            | WeightProblem::OtherLayer { .. } => Some(SAME),
            WeightProblem::NonFinite { .. } => {
                Some("training has diverged here: train again or restore a checkpoint")
            }
            _ => None,
        }
    }
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.layer {
            Some(layer) => write!(f, "{}: layer `{layer}`: {}", self.file, self.problem),
            None => write!(f, "{} {}", self.file, self.problem),
        }
    }
}

impl std::error::Error for ImportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.problem)
    }
}

impl fmt::Display for ImportErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, error) in self.0.iter().enumerate() {
            if nth > 0 {
                writeln!(f)?;
            }
            write!(f, "[{}] {error}", error.problem.code())?;
            if let Some(help) = error.problem.help() {
                write!(f, "\n  help: {help}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for ImportErrors {}

/// Where errors of one file are gathered.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) file: String,
    pub(super) errors: Vec<ImportError>,
}

/// More errors than anyone reads; a hostile file could list millions.
const MAX_ERRORS: usize = 100;

impl Report {
    pub(super) fn new(file: &str) -> Self {
        Report {
            file: file.to_owned(),
            errors: Vec::new(),
        }
    }

    pub(super) fn file(&mut self, problem: impl Into<Problem>) {
        self.push(None, problem.into());
    }

    pub(super) fn layer(&mut self, layer: &str, problem: impl Into<Problem>) {
        self.push(Some(layer.to_owned()), problem.into());
    }

    fn push(&mut self, layer: Option<String>, problem: Problem) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(ImportError {
                file: self.file.clone(),
                layer,
                problem,
            });
        }
    }

    /// The errors as a failure, if there are any.
    pub(super) fn check(&mut self) -> Result<(), ImportErrors> {
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(ImportErrors(std::mem::take(&mut self.errors)))
        }
    }
}

/// A single failure of a file.
pub(super) fn fail(file: &str, problem: impl Into<Problem>) -> ImportErrors {
    ImportErrors(vec![ImportError {
        file: file.to_owned(),
        layer: None,
        problem: problem.into(),
    }])
}
