//! What an import yields: the network exactly as the file tells it.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::weights::slots::{is_recurrent, slots};

/// Major version of the Keras that wrote the file. Layer semantics differ between the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KerasVersion {
    /// Keras 2 (`tf.keras`, `tf_keras`, and Keras 2.2 before it).
    V2,
    /// Keras 3.
    V3,
}

/// The kind of file that held the architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Container {
    /// A `.keras` archive, or the directory it was unzipped to.
    KerasArchive,
    /// Whole-model `.h5` (the `model_config` attribute).
    LegacyH5,
    /// `model.json` with the weights in another file.
    Json,
}

/// Where a model came from, as far as it changes what its layers mean
/// (`QActivation("hard_sigmoid")` of Keras 3 differs between `.keras` and `.h5`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Format {
    /// Major version of the writer.
    pub keras: KerasVersion,
    /// Kind of file.
    pub container: Container,
}

/// One level of a network: the whole model, or a nested Functional/Sequential.
#[derive(Debug, Clone, PartialEq)]
pub struct RawModel {
    /// The model's name in the file.
    pub name: String,
    /// Writer and container, the same on every level.
    pub format: Format,
    /// All layers, in the order of the file. A Sequential begins with its (possibly materialised) `InputLayer`.
    pub layers: Vec<RawLayer>,
    /// Inputs in the user's order.
    pub inputs: Vec<Port>,
    /// Outputs in the user's order.
    pub outputs: Vec<Port>,
    /// The calls the outputs need, each after those it reads. Never empty; calls not listed are dead.
    pub order: Vec<CallRef>,
}

/// One input or output of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// The key, where the user gave a dict.
    pub key: Option<String>,
    /// The tensor; of an input always output 0 of call 0 of an `InputLayer`.
    pub tensor: TensorRef,
}

/// Names one tensor of a level. The importer has checked that layer and call exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TensorRef {
    /// Index into [`RawModel::layers`].
    pub layer: usize,
    /// Index into [`RawLayer::calls`]. Keras 2's extra node of nested models is already removed.
    pub call: usize,
    /// Which output of the call; greater than 0 only for nested models and layers with several outputs.
    pub output: usize,
}

/// Names one call of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallRef {
    /// Index into [`RawModel::layers`].
    pub layer: usize,
    /// Index into [`RawLayer::calls`].
    pub call: usize,
}

impl TensorRef {
    /// The call that makes this tensor.
    pub fn source(self) -> CallRef {
        CallRef {
            layer: self.layer,
            call: self.call,
        }
    }
}

/// A layer as configured, with its weights.
#[derive(Debug, Clone, PartialEq)]
pub struct RawLayer {
    /// The user's name; of a pruned layer the inner layer's name, which is also what traces are keyed by.
    pub name: String,
    /// Name of the `PruneLowMagnitude` wrapper that was seen through.
    pub wrapper: Option<String>,
    /// Class without package prefix: `QDense`, not `qkeras>QDense`.
    pub class_name: String,
    /// Python module of the class, where the file says it.
    pub module: Option<String>,
    /// The `config` object, unchanged but for two things: non-finite numbers are the strings `"NaN"`, `"Infinity"`,
    /// `"-Infinity"`, and an `InputLayer` always has `batch_shape`.
    pub config: Map<String, Value>,
    /// The calls in the file's order. An `InputLayer` has one, without inputs; an unused layer none.
    /// Layers inside wrappers have none.
    pub calls: Vec<RawCall>,
    /// Weights by slot name in the order of [`slots`](super::slots); of an unknown class by their stored names.
    pub weights: IndexMap<String, RawTensor>,
    /// Layers or models inside this one.
    pub inner: Inner,
}

/// What a layer contains.
#[derive(Debug, Clone, PartialEq)]
pub enum Inner {
    /// Nothing.
    None,
    /// A nested Functional or Sequential. Its inputs bind to a call's inputs in order.
    Model(Box<RawModel>),
    /// `TimeDistributed`: the layer applied to every step.
    Layer(Box<RawLayer>),
    /// `Bidirectional`/`QBidirectional`. Without a stored backward layer it is the forward configuration with
    /// `go_backwards` flipped.
    Directions {
        /// `forward_layer`
        forward: Box<RawLayer>,
        /// `backward_layer`
        backward: Box<RawLayer>,
    },
    /// `RNN` over one cell, or over `StackedRNNCells`: the cells from input to output.
    Cells(Vec<RawLayer>),
}

/// One call of a layer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RawCall {
    /// The tensors among the positional arguments, flattened in order.
    pub inputs: Vec<TensorRef>,
    /// Positional arguments that are no tensors (operator layers have them), nulls left out.
    pub constants: Vec<Value>,
    /// Keyword arguments, without those that say nothing (`null`, `training: false`).
    pub kwargs: IndexMap<String, Kwarg>,
}

/// A keyword argument of a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Kwarg {
    /// One or several tensors, e.g. `initial_state`.
    Tensors(Vec<TensorRef>),
    /// Anything else.
    Value(Value),
}

impl RawCall {
    /// Every tensor the call reads, those in keyword arguments last.
    pub fn tensors(&self) -> impl Iterator<Item = TensorRef> + '_ {
        let kwargs = self.kwargs.values().flat_map(|kwarg| match kwarg {
            Kwarg::Tensors(tensors) => tensors.as_slice(),
            Kwarg::Value(_) => &[],
        });
        self.inputs.iter().chain(kwargs).copied()
    }
}

impl RawLayer {
    /// The name the file lists the layer under, which its graph references and legacy weight groups use.
    pub fn listed_name(&self) -> &str {
        self.wrapper.as_deref().unwrap_or(&self.name)
    }

    /// Outputs of a call, where the class alone tells: recurrent layers depend on their configuration.
    pub(super) fn output_count(&self) -> Option<usize> {
        match &self.inner {
            Inner::Model(model) => Some(model.outputs.len()),
            Inner::Layer(_) | Inner::Directions { .. } | Inner::Cells(_) => None,
            Inner::None if is_recurrent(&self.class_name) => None,
            Inner::None => slots(&self.class_name, &self.config).map(|_| 1),
        }
    }

    /// Whether this is an `InputLayer`.
    pub fn is_input(&self) -> bool {
        self.class_name == "InputLayer"
    }
}

impl RawModel {
    /// The layer of a call or tensor of this level.
    pub fn layer(&self, index: usize) -> &RawLayer {
        &self.layers[index]
    }
}

/// A stored weight, values in row-major (C) order.
#[derive(Debug, Clone, PartialEq)]
pub struct RawTensor {
    /// Where it is stored, as in the file: `/layers/q_dense/vars/0`.
    pub path: String,
    /// Dimensions; empty for a scalar.
    pub shape: Vec<usize>,
    /// The type it is stored in.
    pub dtype: Dtype,
    /// The values, exactly; all finite.
    pub values: Values,
}

/// Storage type of a weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dtype {
    /// IEEE half precision.
    F16,
    /// The upper half of a float32.
    Bf16,
    /// IEEE single precision.
    F32,
    /// IEEE double precision.
    F64,
    /// An integer of any width; counters are stored so.
    Int,
}

/// Values of a tensor in a type that holds each of them exactly.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// float32, float16 and bfloat16.
    F32(Vec<f32>),
    /// float64.
    F64(Vec<f64>),
    /// Integers.
    I64(Vec<i64>),
}

impl RawTensor {
    /// Number of values.
    pub fn len(&self) -> usize {
        match &self.values {
            Values::F32(values) => values.len(),
            Values::F64(values) => values.len(),
            Values::I64(values) => values.len(),
        }
    }

    /// Whether there are no values. The importer refuses such tensors.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values as float64, exact for every floating-point [`Dtype`]; `None` for integers.
    pub fn to_f64(&self) -> Option<Vec<f64>> {
        match &self.values {
            Values::F32(values) => Some(values.iter().copied().map(f64::from).collect()),
            Values::F64(values) => Some(values.clone()),
            Values::I64(_) => None,
        }
    }
}
