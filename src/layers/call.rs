//! What a layer sees of one of its calls: configuration, operands, weights, quantizers; and the
//! verbs that build its part of the network.

use std::collections::BTreeMap;

use indexmap::IndexSet;

use super::graph::Options;
use super::note::WeightNote;
use super::{Config, Note};
use crate::import::{Format, Inner, RawLayer};
use crate::ir::math::{Linear, Network, Node, NodeId, Op, Port, Step, Weights};
use crate::ir::{Move, Origin, Real, Shape, Window};
use crate::quantizers::{self, Activation, Quantizer, Slot};

/// One call of a layer.
pub struct Call<'a> {
    /// The layer's configuration and its problems so far.
    pub config: Config<'a>,
    /// The operands, in order.
    pub inputs: Vec<NodeId>,
    pub(super) keywords: BTreeMap<String, Vec<NodeId>>,
    pub(super) layer: &'a RawLayer,
    pub(super) format: Format,
    pub(super) options: &'a Options,
    pub(super) origin: Origin,
    pub(super) network: &'a mut Network,
    pub(super) remarks: &'a mut Vec<String>,
    pub(super) used: IndexSet<String>,
    /// What is found on the way.
    pub(super) note: Note,
    /// Whether the layer's tensors are channels-first.
    pub(super) channels_first: bool,
    /// Whether the batch is the second axis of the operands and time the first one.
    pub(super) time_major: bool,
}

/// A stored weight as exact float64 values.
pub type Tensor = Vec<f64>;

impl<'a> Call<'a> {
    /// What is inside the layer.
    #[must_use]
    pub fn inner(&self) -> &'a Inner {
        &self.layer.inner
    }

    /// A layer inside this one, with the same operands. Its nodes bear this layer's name, with
    /// `/name` where one is given.
    pub fn inside<'b>(&'b mut self, layer: &'b RawLayer, name: Option<&str>) -> Call<'b> {
        let mut origin = self.origin.clone();
        if let Some(name) = name {
            origin.layer = format!("{}/{name}", origin.layer);
            origin.class.clone_from(&layer.class_name);
        }
        Call {
            config: Config::new(&layer.config),
            inputs: self.inputs.clone(),
            keywords: BTreeMap::new(),
            layer,
            format: self.format,
            options: self.options,
            origin,
            network: &mut *self.network,
            remarks: &mut *self.remarks,
            used: IndexSet::new(),
            note: Note::default(),
            channels_first: false,
            time_major: self.time_major,
        }
    }
}

impl Call<'_> {
    /// Where the model came from.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// Tensors of a keyword argument of the call; none when it is absent.
    pub fn keyword(&mut self, name: &str) -> Vec<NodeId> {
        self.keywords.remove(name).unwrap_or_default()
    }

    /// Reads `time_major`, which has to be as the operands are.
    pub fn time_major_as_configured(&self) {
        let said = self.config.flag("time_major", false);
        if said && !self.time_major {
            self.config.problem(
                "`time_major` is true, but the first axis of the input is the batch; with \
                 Input(batch_shape=(steps, None, features)) it is time",
            );
        } else if !said && self.time_major {
            self.config.problem(
                "`time_major` is false, but the batch is the second axis of the input and time the first",
            );
        }
    }

    /// Builds a network of its own: `build` pushes its nodes and names its inputs and outputs.
    pub fn body<T>(
        &mut self,
        build: impl FnOnce(&mut Self) -> (Vec<Port>, Vec<Port>, T),
    ) -> (Network, T) {
        let outer = std::mem::take(self.network);
        let (inputs, outputs, value) = build(self);
        let mut body = std::mem::replace(self.network, outer);
        (body.inputs, body.outputs) = (inputs, outputs);
        (body, value)
    }

    /// An input of a network that [`Call::body`] builds.
    pub fn input(&mut self, number: usize, shape: Shape) -> NodeId {
        self.push(Op::Input(number), vec![], shape)
    }

    /// The layer's class, without package prefix.
    #[must_use]
    pub fn class(&self) -> &str {
        &self.layer.class_name
    }

    /// The digit in class names like `ZeroPadding2D`.
    #[must_use]
    pub fn axes_in_name(&self) -> usize {
        self.class()
            .chars()
            .find_map(|c| c.to_digit(10))
            .map_or(1, |d| d as usize)
    }

    /// Shape of operand `i`.
    #[must_use]
    pub fn shape(&self, i: usize) -> Shape {
        self.shape_of(self.inputs[i])
    }

    /// Shape of a node.
    #[must_use]
    pub fn shape_of(&self, node: NodeId) -> Shape {
        self.network.node(node).shape.clone()
    }

    /// Ends the reading of the configuration.
    ///
    /// # Errors
    /// All problems found, unread weights among them.
    pub fn finish(&self) -> Result<(), Vec<String>> {
        for name in self
            .layer
            .weights
            .keys()
            .filter(|n| !self.used.contains(*n))
        {
            self.config.problem(format!(
                "the stored weight `{name}` has no use in this layer"
            ));
        }
        self.config.finish()
    }

    /// The problems found so far; for layers that cannot go on.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        match self.config.finish() {
            Ok(()) => vec!["the layer could not be read".into()],
            Err(problems) => problems,
        }
    }

    /// A remark for the user that is no error.
    pub fn remark(&mut self, text: &str) {
        self.remarks.push(format!("layer {}: {text}", self.origin));
    }

    /// An axis counted as Keras does (batch is 0, negative from the end), as an axis of the tensor
    /// without batch.
    #[must_use]
    pub fn axis(&self, axis: i64, rank: usize) -> usize {
        let from_end = axis + rank as i64;
        let found = if axis < 0 { from_end } else { axis - 1 };
        usize::try_from(found)
            .ok()
            .filter(|&a| a < rank)
            .unwrap_or_else(|| {
                self.config
                    .problem(format!("axis {axis} is out of range or the batch axis"));
                0
            })
    }

    /// The operand with channels last, and its channels; records a problem when its rank is not
    /// `axes + 1`. Reads `data_format`.
    pub fn spatial_input(&mut self, axes: usize) -> Option<(NodeId, usize)> {
        self.channels_first = self.config.channels_first();
        let shape = self.shape(0);
        if shape.len() != axes + 1 {
            self.config.problem(format!(
                "the input has shape {shape:?}; {} axes without the batch are wanted",
                axes + 1
            ));
            return None;
        }
        let input = self.inputs[0];
        let input = if self.channels_first {
            let order = (1..=axes).chain([0]).collect();
            self.moved(Move::Permute(order), vec![input]).ok()?
        } else {
            input
        };
        let channels = *self.shape_of(input).last()?;
        Some((input, channels))
    }

    /// The result in the layer's own data format.
    pub fn back(&mut self, node: NodeId) -> NodeId {
        if !self.channels_first {
            return node;
        }
        let rank = self.shape_of(node).len();
        let order = [rank - 1].into_iter().chain(0..rank - 1).collect();
        self.moved(Move::Permute(order), vec![node])
            .expect("a permutation of all axes fits")
    }

    /// Cells before and after each axis: an integer, a pair, or pairs.
    #[must_use]
    pub fn sides(&self, key: &str, axes: usize) -> Vec<(usize, usize)> {
        use serde_json::Value;
        let cells = |v: &Value| {
            v.as_u64()
                .and_then(|n| usize::try_from(n).ok())
                .filter(|&n| n < 1 << 24)
        };
        let pair = |v: &Value| match v {
            Value::Array(two) if two.len() == 2 => Some((cells(&two[0])?, cells(&two[1])?)),
            v => cells(v).map(|n| (n, n)),
        };
        let found = match self.config.get(key) {
            None => Some(vec![(1, 1); axes]),
            // One axis may have its pair without a list around it.
            Some(Value::Array(items)) if axes == 1 && items.len() == 2 => {
                pair(&Value::Array(items.clone())).map(|p| vec![p])
            }
            Some(Value::Array(items)) => items.iter().map(pair).collect(),
            Some(v) => pair(v).map(|p| vec![p; axes]),
        };
        found.filter(|f| f.len() == axes).unwrap_or_else(|| {
            self.config.problem(format!(
                "`{key}` must hold cells before and after each of {axes} axes"
            ));
            vec![(0, 0); axes]
        })
    }

    /// Marks a stored weight as known to be without effect.
    pub fn ignore_weight(&mut self, name: &str) {
        self.used.insert(name.to_owned());
    }

    /// Values of a stored weight; records a problem when it is missing or has another shape.
    pub fn values(&mut self, name: &str, shape: &[usize]) -> Option<Tensor> {
        self.used.insert(name.to_owned());
        let Some(tensor) = self.layer.weights.get(name) else {
            self.config
                .problem(format!("the weight `{name}` is missing"));
            return None;
        };
        if tensor.shape != shape {
            self.config.problem(format!(
                "the weight `{name}` ({}) has shape {:?}; the configuration asks for {shape:?}: \
                 architecture and weights must come from the same model",
                tensor.path, tensor.shape
            ));
            return None;
        }
        let values = tensor.to_f64();
        if values.is_none() {
            self.config.problem(format!(
                "the weight `{name}` ({}) is no float tensor",
                tensor.path
            ));
        }
        if let Some(values) = &values {
            let note = WeightNote::stored(shape, values);
            self.note.weights.insert(name.to_owned(), note);
        }
        values
    }

    /// The quantizer of a slot, `None` when the slot is empty (the raw weights are used).
    pub fn quantizer(&mut self, key: &str) -> Option<Box<dyn Quantizer>> {
        let Some(value) = self.config.get(key).cloned() else {
            self.note.quantizers.insert(key.to_owned(), None);
            return None;
        };
        self.parsed_quantizer(key, &value)
    }

    /// A quantizer given as text when the key is absent altogether; an explicit `null` is none.
    pub fn quantizer_or(&mut self, key: &str, default: &str) -> Option<Box<dyn Quantizer>> {
        if self.config.has(key) {
            return self.quantizer(key);
        }
        self.parsed_quantizer(key, &serde_json::Value::String(default.to_owned()))
    }

    fn parsed_quantizer(
        &mut self,
        key: &str,
        value: &serde_json::Value,
    ) -> Option<Box<dyn Quantizer>> {
        let context = self.context(Slot::of_key(key, self.class()));
        match quantizers::parse(value, &context) {
            Ok(parsed) => {
                let description = parsed.describe();
                self.note
                    .quantizers
                    .insert(key.to_owned(), Some(description));
                Some(parsed)
            }
            Err(problem) => {
                self.config.problem(format!("`{key}`: {problem}"));
                None
            }
        }
    }

    /// Notes the quantizer of a slot that has no effect on this layer's values.
    pub fn note_quantizer(&mut self, key: &str, default: Option<&str>) {
        let default = default.map(|text| serde_json::Value::String(text.to_owned()));
        let value = if self.config.has(key) {
            self.config.get(key).cloned()
        } else {
            default
        };
        let context = self.context(Slot::of_key(key, self.class()));
        let parsed = value.and_then(|v| quantizers::parse(&v, &context).ok());
        let description = parsed.map(|q| q.describe());
        self.note.quantizers.insert(key.to_owned(), description);
    }

    /// Notes extents that the configuration gives.
    pub fn note_extents(&mut self, key: &'static str, extents: &[usize]) {
        self.note.extents.insert(key, extents.to_vec());
    }

    /// Notes what a quantizer makes of values that the layer computed itself.
    pub fn note_weights(&mut self, name: &str, values: &[f64], weights: &Weights) {
        let mut note = WeightNote::stored(&[values.len()], values);
        note.quantized(None, None, values, weights);
        self.note.weights.insert(name.to_owned(), note);
    }

    fn context(&self, slot: Slot) -> quantizers::Context {
        quantizers::Context::of_layer(slot, self.class(), self.format, &self.options.quantizers)
    }

    /// A stored weight through its quantizer, or exactly as stored when there is none.
    pub fn weights(
        &mut self,
        name: &str,
        shape: &[usize],
        quantizer: Option<&dyn Quantizer>,
    ) -> Option<Weights> {
        let values = self.values(name, shape)?;
        self.quantized(name, &values, shape, quantizer)
    }

    /// Values through a quantizer, or exactly when there is none.
    pub fn quantized(
        &mut self,
        name: &str,
        values: &[f64],
        shape: &[usize],
        quantizer: Option<&dyn Quantizer>,
    ) -> Option<Weights> {
        let result = match quantizer {
            Some(q) => q.weights(values, shape).map_err(|e| e.to_string()),
            None => Weights::exact(values, shape.to_vec())
                .ok_or_else(|| "holds infinite or undefined values".to_owned()),
        };
        match result {
            Ok(weights) => {
                if let Some(note) = self.note.weights.get_mut(name) {
                    let description = quantizer.map(Quantizer::describe);
                    let stored = self.layer.weights.get(name);
                    note.quantized(description.as_ref(), stored, values, &weights);
                }
                Some(weights)
            }
            Err(problem) => {
                self.config.problem(format!("weight `{name}`: {problem}"));
                None
            }
        }
    }

    /// The bias of a layer with `use_bias` and `bias_quantizer`; `None` without bias.
    pub fn bias(&mut self, filters: usize) -> Option<Vec<Real>> {
        if !self.config.flag("use_bias", true) {
            self.note_quantizer("bias_quantizer", None);
            return None;
        }
        let quantizer = self.quantizer("bias_quantizer");
        self.weights("bias", &[filters], quantizer.as_deref())
            .map(|w| w.values())
    }

    /// `Q(1 / cells)` where there is an average quantizer.
    pub fn average_factor(
        &mut self,
        cells: usize,
        quantizer: Option<&dyn Quantizer>,
    ) -> Option<Real> {
        let quantizer = quantizer?;
        let weights = self.quantized("1 / cells", &[1.0 / cells as f64], &[1], Some(quantizer))?;
        let factor = weights.values().remove(0);
        if factor == Real::from_integer(0.into()) {
            self.remark("the average quantizer turns 1/cells into zero: the output is always zero");
        }
        Some(factor)
    }

    /// The layer's `activation`.
    pub fn activation(&mut self) -> Option<Activation> {
        let value = self.config.get("activation")?;
        self.activation_of("activation", value)
    }

    /// An activation from its serialized form; problems name `key`.
    pub fn activation_of(&mut self, key: &str, value: &serde_json::Value) -> Option<Activation> {
        let context = self.context(Slot::Activation);
        let parsed = quantizers::parse(value, &context).and_then(|quantizer| {
            let description = Some(quantizer.describe());
            self.note.quantizers.insert(key.to_owned(), description);
            quantizers::activation(quantizer.as_ref())
        });
        match parsed {
            Ok(activation) => {
                for remark in quantizers::remarks(value, &context) {
                    self.remark(&remark);
                }
                Some(activation)
            }
            Err(problem) => {
                self.config.problem(format!("`{key}`: {problem}"));
                None
            }
        }
    }

    /// Appends a node of this layer.
    pub fn push(&mut self, op: Op, inputs: Vec<NodeId>, shape: Shape) -> NodeId {
        self.network.push(Node {
            op,
            inputs,
            shape,
            origin: self.origin.clone(),
        })
    }

    /// A chain of point functions; an empty chain is the node itself under this layer's name.
    pub fn pointwise(&mut self, node: NodeId, steps: Vec<Step>) -> NodeId {
        let shape = self.shape_of(node);
        self.push(Op::Pointwise(steps), vec![node], shape)
    }

    /// The result of a layer through its activation.
    pub fn activate(&mut self, node: NodeId, activation: Option<Activation>) -> NodeId {
        match activation {
            None => node,
            Some(Activation::Steps(steps)) => self.pointwise(node, steps),
            Some(Activation::Softmax) => {
                let shape = self.shape_of(node);
                self.push(Op::Softmax, vec![node], shape)
            }
        }
    }

    /// A rearrangement.
    ///
    /// # Errors
    /// When it does not fit the shapes.
    pub fn moved(&mut self, moved: Move, inputs: Vec<NodeId>) -> Result<NodeId, Vec<String>> {
        let shapes: Vec<Shape> = inputs.iter().map(|&i| self.shape_of(i)).collect();
        let views: Vec<&[usize]> = shapes.iter().map(Vec::as_slice).collect();
        match moved.output_shape(&views) {
            Some(shape) if crate::ir::elements(&shape) <= super::graph::MAX_ELEMENTS => {
                Ok(self.push(Op::Move(moved), inputs, shape))
            }
            Some(shape) => Err(vec![format!("a tensor of shape {shape:?} is too large")]),
            None => Err(vec![format!(
                "{moved:?} does not fit inputs of shape {shapes:?}"
            )]),
        }
    }

    /// A linear map of operand 0.
    pub fn linear(
        &mut self,
        windows: Vec<Window>,
        groups: usize,
        weights: Weights,
        bias: Option<Vec<Real>>,
        shape: Shape,
    ) -> NodeId {
        let input = self.inputs[0];
        self.linear_on(input, windows, groups, weights, bias, shape)
    }

    /// A linear map of any node.
    pub fn linear_on(
        &mut self,
        input: NodeId,
        windows: Vec<Window>,
        groups: usize,
        weights: Weights,
        bias: Option<Vec<Real>>,
        shape: Shape,
    ) -> NodeId {
        self.push(
            Op::Linear(Linear {
                windows,
                groups,
                weights,
                bias,
            }),
            vec![input],
            shape,
        )
    }
}
