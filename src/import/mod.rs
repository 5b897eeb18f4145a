//! Model files to [`RawModel`]: containers, JSON and weights, without numerics.
//!
//! Reads every form in which Keras 2 and Keras 3 write a trained network: the `.keras` archive (Keras 3, and the
//! Keras 2.14 one), whole-model `.h5`, and `model.json` with a `.weights.h5` or a legacy weights file beside it.
//!
//! What this module knows: how the containers are laid out, how the JSON spells a graph, which variables each layer
//! class stores and in which order ([`slots`]). What it must not know: what any of it means. Shapes are not inferred,
//! quantizers are not parsed, numbers are not converted: a float32 weight leaves here as the float32 in the file.
//!
//! Nothing is guessed. A stored weight that no layer claims, a layer that finds no weight, a name that contradicts its
//! position: each is an [`ImportError`] with file, layer and path, and all of them are listed at once.
//!
//! # Hostile files
//! A file is untrusted. Importing one takes at most [`MEMORY_FACTOR`] times its size plus [`MEMORY_BASE`] bytes, time
//! in proportion, and ends in a model or an error, never a panic.

mod error;
mod graph;
mod h5;
mod json;
mod keras_zip;
mod load;
mod model;
mod weights;

pub use error::{FileProblem, GraphProblem, ImportError, ImportErrors, Problem, WeightProblem};
pub use load::{Import, load, load_bytes};
pub use model::{
    CallRef, Container, Dtype, Format, Inner, KerasVersion, Kwarg, Port, RawCall, RawLayer,
    RawModel, RawTensor, TensorRef, Values,
};
pub(crate) use weights::layout::GroupKeys;
pub use weights::slots::{Slot, slots};

/// Importing a file of `n` bytes allocates at most `MEMORY_FACTOR * n + MEMORY_BASE` bytes.
pub const MEMORY_FACTOR: u64 = 256;
/// See [`MEMORY_FACTOR`].
pub const MEMORY_BASE: u64 = 64 << 20;
/// Largest file that is read at all.
const MAX_FILE_BYTES: u64 = 2 << 30;
