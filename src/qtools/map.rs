//! The data-type map: for every layer which operators it has and how wide they are.

use indexmap::IndexMap;

use super::graph::{self, Node, Producer, largest};
use super::operators::{Operator, accumulate, add, divide, merge, multiply, shifted};
use super::types::{self, Type};
use super::{Fusing, Options, Rules};
use crate::import::RawModel;
use crate::ir::{Shape, elements};
use crate::layers::{LayerError, Note};
use crate::quantizers::{Description, Grid};

/// What QTools knows about a model.
#[derive(Debug, Clone)]
pub struct Map {
    /// Types of the model's inputs.
    pub sources: Vec<Type>,
    /// Shapes of the model's inputs, without the batch.
    pub source_shapes: Vec<Shape>,
    /// Layers in topological order, by name.
    pub layers: IndexMap<String, Layer>,
    /// What the user should know.
    pub remarks: Vec<String>,
    /// The rules that made it.
    pub rules: Rules,
}

/// A layer's types and operators.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Class name.
    pub class: String,
    /// Types of the operands, in the order of the graph.
    pub inputs: Vec<Type>,
    /// Shapes of the operands in declared order.
    pub input_shapes: Vec<Shape>,
    /// Type of the result.
    pub output: Type,
    /// Shape of the result, where there is one.
    pub output_shape: Option<Shape>,
    /// Operators.
    pub kind: Kind,
    /// Multiplications, or what stands for them.
    pub operations: u64,
    /// Whether a model input goes into it.
    pub is_input: bool,
    /// Whether no layer takes its result.
    pub is_output: bool,
}

/// Operators of a layer.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Activations, moves, and layers that QTools passes through.
    Pass,
    /// Several tensors element by element.
    Merge(Operator),
    /// A product of two tensors.
    Dot {
        /// The products.
        multiplier: Operator,
        /// Their sum.
        accumulator: Operator,
    },
    /// An average.
    Pool {
        /// Type of `1 / cells`, of quantized layers.
        average: Option<Type>,
        /// The sum.
        sum: Operator,
        /// The division, of quantized layers.
        multiplier: Option<Operator>,
    },
    /// Batch normalization.
    Norm(Box<Norm>),
    /// Batch normalization that is part of the layer in front of it.
    Fused,
    /// Dense and convolution layers.
    Linear(Box<Linear>),
}

/// Batch normalization.
#[derive(Debug, Clone)]
pub struct Norm {
    /// Type of gamma.
    pub gamma: Type,
    /// Type of beta.
    pub beta: Type,
    /// Type of the moving mean.
    pub mean: Type,
    /// Type of the moving variance.
    pub variance: Type,
    /// Whether gamma is used.
    pub scale: bool,
    /// Whether beta is used.
    pub center: bool,
    /// Number of channels.
    pub channels: usize,
    /// gamma, or the operand, by the standard deviation.
    pub divider: Operator,
    /// Times the operand.
    pub multiplier: Option<Operator>,
    /// Plus beta.
    pub accumulator: Option<Operator>,
}

/// A dense or convolution layer.
#[derive(Debug, Clone)]
pub struct Linear {
    /// Type of the weights.
    pub weight: Type,
    /// Their shape.
    pub weight_shape: Shape,
    /// Type of the bias, where there is one.
    pub bias: Option<Type>,
    /// Its length as QTools has it: the last extent of the weights.
    pub bias_shape: usize,
    /// Length of the stored bias.
    pub bias_length: usize,
    /// The products.
    pub multiplier: Operator,
    /// Their sum and the bias.
    pub accumulator: Operator,
    /// With scales or a normalization behind it worked in.
    pub fused: Option<Operator>,
    /// Types of beta, mean and inverse of a normalization behind it.
    pub norm: Option<[Type; 3]>,
    /// Whether a normalization was folded into the weights.
    pub folded: bool,
    /// Whether `pe` counts its operations.
    pub counted: bool,
}

const MERGES: [&str; 8] = [
    "Add",
    "Multiply",
    "Subtract",
    "Average",
    "Maximum",
    "Minimum",
    "Concatenate",
    "Dot",
];
const AVERAGES: [&str; 6] = [
    "AveragePooling2D",
    "AvgPool2D",
    "GlobalAvgPool2D",
    "GlobalAveragePooling2D",
    "QAveragePooling2D",
    "QGlobalAveragePooling2D",
];
const LINEAR: [&str; 10] = [
    "QDense",
    "QConv1D",
    "QConv2D",
    "QDepthwiseConv2D",
    "QConv2DTranspose",
    "Dense",
    "Conv1D",
    "Conv2D",
    "DepthwiseConv2D",
    "Conv2DTranspose",
];
/// Layers that only rearrange numbers, or choose among them: the type stays, in both rule sets.
const MOVES: [&str; 25] = [
    "ActivityRegularization",
    "AlphaDropout",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "Dropout",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "Identity",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Permute",
    "RepeatVector",
    "Reshape",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
];

/// What travels on the edges out of a node.
#[derive(Debug, Clone)]
enum OnEdge {
    /// The activation of the layer, not converted yet.
    Activation(Type),
    /// A converted type.
    Converted(Type),
}

struct Analysis<'a> {
    options: &'a Options,
    keras_quantizer: Type,
    keras_accumulator: Type,
    sources: Vec<Type>,
    edges: Vec<OnEdge>,
    /// Fused layers and the normalization behind each.
    fused: IndexMap<String, String>,
    notes: IndexMap<String, &'a Note>,
    problems: Vec<LayerError>,
    remarks: Vec<String>,
}

/// The data-type map of a model.
///
/// # Errors
/// Every layer that no rule fits, and every option that cannot be understood.
pub fn analyse(
    model: &RawModel,
    notes: &[Note],
    options: &Options,
) -> Result<Map, super::Problems> {
    let rules = options.rules;
    let mut problems = Vec::new();
    let mut named = |text: &Option<String>, option: &str| match text {
        None => Type::default_type(),
        Some(text) => Type::parse(text, rules).unwrap_or_else(|problem| {
            problems.push(format!("{option}: {problem}"));
            Type::default_type()
        }),
    };
    let keras_quantizer = named(&options.keras_quantizer, "keras quantizer");
    let keras_accumulator = named(&options.keras_accumulator, "keras accumulator");
    let sources = types::sources(&options.source_quantizers, model.inputs.len(), rules);
    let sources = sources.unwrap_or_else(|found| {
        problems.extend(found);
        vec![]
    });
    if !problems.is_empty() {
        return Err(super::Problems(problems));
    }
    let graph = graph::graph(model, notes, rules);
    let mut analysis = Analysis {
        options,
        keras_quantizer,
        keras_accumulator,
        sources,
        edges: Vec::new(),
        fused: IndexMap::new(),
        notes: graph
            .nodes
            .iter()
            .filter_map(|n| Some((n.name.clone(), n.note?)))
            .collect(),
        problems: graph.problems,
        remarks: Vec::new(),
    };
    analysis.find_fused(&graph.nodes);
    let mut layers = IndexMap::new();
    for node in &graph.nodes {
        for (name, layer) in analysis.node(node) {
            layers.insert(name, layer);
        }
    }
    if !analysis.problems.is_empty() {
        let lines = analysis.problems.iter().map(ToString::to_string);
        return Err(super::Problems(lines.collect()));
    }
    let inputs = model.inputs.iter();
    Ok(Map {
        sources: analysis.sources,
        source_shapes: inputs
            .map(|p| graph::input_shape(model.layer(p.tensor.layer)))
            .collect(),
        layers,
        remarks: analysis.remarks,
        rules,
    })
}

impl<'a> Analysis<'a> {
    fn exact(&self) -> bool {
        self.options.rules == Rules::Exact
    }

    fn problem(&mut self, node: &Node<'_>, problem: impl Into<String>) {
        self.problems.push(LayerError {
            layer: node.name.clone(),
            class: node.class.to_owned(),
            problem: problem.into(),
        });
    }

    /// The pairs of a convolution and the normalization behind it that are one operator in hardware.
    fn find_fused(&mut self, nodes: &[Node<'a>]) {
        match &self.options.fusing {
            Fusing::None => {}
            Fusing::Given(pairs) => {
                for (layer, norm) in pairs {
                    let behind = nodes
                        .iter()
                        .position(|n| n.name == *layer)
                        .is_some_and(|p| {
                            let takes = |n: &&Node<'_>| {
                                n.edges.iter().any(|e| e.producer == Producer::Node(p))
                            };
                            nodes.iter().find(takes).is_some_and(|n| n.name == *norm)
                        });
                    if behind {
                        self.fused.insert(layer.clone(), norm.clone());
                    } else {
                        self.problems.push(LayerError {
                            layer: layer.clone(),
                            class: "fused".into(),
                            problem: format!("the hardware weights fuse it with {norm}, which does not follow it in this model"),
                        });
                    }
                }
            }
            Fusing::All => {
                for (position, node) in nodes.iter().enumerate() {
                    let takes = |n: &&Node<'_>| {
                        n.edges
                            .iter()
                            .any(|e| e.producer == Producer::Node(position))
                    };
                    let behind: Vec<&Node<'_>> = nodes.iter().filter(takes).collect();
                    if let ("QConv2D" | "QDepthwiseConv2D", [norm]) =
                        (node.class, behind.as_slice())
                        && norm.class == "QBatchNormalization"
                    {
                        self.fused.insert(node.name.clone(), norm.name.clone());
                    }
                }
            }
        }
    }

    /// Plain Keras layers have no quantizers, and a baseline ignores them.
    fn plain(&self, node: &Node<'_>) -> bool {
        self.options.for_reference || !node.class.starts_with('Q')
    }

    /// The type in a slot of a quantized layer; an empty one has QTools' default.
    fn slot(&mut self, node: &Node<'_>, key: &str) -> Option<Type> {
        let description = node.note.and_then(|n| n.quantizer(key));
        let Some(description) = description else {
            return Some(Type::default_type());
        };
        let found = Type::of(description, self.options.rules);
        if found.is_none() {
            let name = description.name;
            self.problem(
                node,
                format!(
                    "`{key}` is {name}, for which QTools has no type; it knows quantized_bits, \
                     quantized_relu, quantized_po2, quantized_relu_po2, binary, ternary, their \
                     stochastic forms, bernoulli, quantized_tanh and quantized_ulaw"
                ),
            );
        }
        found
    }

    /// Types of the edges into a node.
    fn inputs(&self, node: &Node<'_>) -> Vec<Type> {
        let rules = self.options.rules;
        node.edges
            .iter()
            .map(|edge| match edge.producer {
                Producer::Source(_) if edge.lost => Type::default_type(),
                Producer::Source(n) => self.sources[n].converted_again(rules),
                Producer::Node(n) => match &self.edges[n] {
                    OnEdge::Activation(ty) => ty.clone(),
                    OnEdge::Converted(ty) => ty.converted_again(rules),
                },
            })
            .collect()
    }

    /// The activation of a layer as a type, where it has one that counts.
    fn activation(&self, node: &Node<'_>) -> Option<Type> {
        if self.options.for_reference {
            return None;
        }
        let description = node.note?.quantizer("activation")?;
        Type::of(description, self.options.rules)
    }

    /// Ends a node: `result` is the type of its last operator.
    fn finish(
        &mut self,
        node: &Node<'_>,
        inputs: Vec<Type>,
        result: &Type,
        kind: Kind,
        operations: u64,
    ) -> Layer {
        let (edge, output) = match self.activation(node) {
            Some(ty) => (OnEdge::Activation(ty.clone()), ty),
            None => (
                OnEdge::Converted(result.clone()),
                result.converted_again(self.options.rules),
            ),
        };
        self.edges.push(edge);
        Layer {
            class: node.class.to_owned(),
            inputs,
            input_shapes: node.operands.clone(),
            output,
            output_shape: node.output.clone(),
            kind,
            operations,
            is_input: node.is_input,
            is_output: node.is_output,
        }
    }

    fn node(&mut self, node: &Node<'a>) -> Vec<(String, Layer)> {
        let inputs = self.inputs(node);
        let Some(first) = inputs.first().cloned() else {
            self.problem(node, "it has no input");
            self.edges.push(OnEdge::Converted(Type::default_type()));
            return vec![];
        };
        let class = node.class;
        let operations = operation_count(node, self.options.rules);
        let name = node.name.clone();
        let layer = if MERGES.contains(&class) {
            self.merge(node, inputs, operations)
        } else if AVERAGES.contains(&class) {
            self.average(node, inputs, &first, operations)
        } else if class.contains("Activation") {
            self.activated(node, inputs, &first, operations)
        } else if class.contains("BatchNormalization") {
            self.norm(node, inputs, &first, operations)
        } else if LINEAR.contains(&class) {
            self.linear(node, inputs, &first, operations)
        } else if ["QConv2DBatchnorm", "QDepthwiseConv2DBatchnorm"].contains(&class)
            || (self.exact() && class == "QDenseBatchnorm")
        {
            self.folded(node, inputs, &first, operations)
        } else if self.exact() && class.contains("SeparableConv") && !class.contains("Transpose") {
            return self.separable(node, inputs, &first);
        } else {
            self.pass(node, inputs, &first, operations)
        };
        vec![(name, layer)]
    }

    fn merge(&mut self, node: &Node<'_>, inputs: Vec<Type>, operations: u64) -> Layer {
        let rules = self.options.rules;
        let Some(mut operator) = merge(node.class, &inputs, rules) else {
            self.problem(node, "a product of two tensors needs two different ones");
            return self.finish(node, inputs.clone(), &inputs[0], Kind::Pass, operations);
        };
        if node.class == "Dot" {
            let first = node.operands.first().map_or(1, |s| elements(s));
            let second = node.operands.get(1).map_or(1, |s| elements(s));
            let out = node.output.as_ref().map_or(1, |s| elements(s)).max(1);
            // [.., m, k] by [.., k, n]: first * second = (m k)(k n), out = m n.
            let fan_in = ((first * second / out) as f64).sqrt().round() as usize;
            let mut accumulator = accumulate(&operator.output, fan_in.max(1), 0);
            if self.options.for_reference {
                operator.output = self.keras_accumulator.clone();
                accumulator.output = self.keras_accumulator.clone();
            }
            let result = accumulator.output.clone();
            let kind = Kind::Dot {
                multiplier: operator,
                accumulator,
            };
            return self.finish(node, inputs, &result, kind, (out * fan_in) as u64);
        }
        if self.options.for_reference {
            operator.output = self.keras_accumulator.clone();
        }
        let result = operator.output.clone();
        self.finish(node, inputs, &result, Kind::Merge(operator), operations)
    }

    fn average(
        &mut self,
        node: &Node<'_>,
        inputs: Vec<Type>,
        input: &Type,
        operations: u64,
    ) -> Layer {
        let mut sum = accumulate(input, pool_area(node), 0);
        let quantized = node.class.starts_with('Q');
        let average = quantized
            .then(|| self.slot(node, "average_quantizer"))
            .flatten();
        let mut multiplier = average
            .as_ref()
            .map(|average| multiply(&sum.output, average, self.options.rules));
        if self.options.for_reference {
            sum.output = self.keras_accumulator.clone();
            if let Some(multiplier) = &mut multiplier {
                multiplier.output = self.keras_accumulator.clone();
            }
        }
        let result = multiplier
            .as_ref()
            .map_or(&sum.output, |m| &m.output)
            .clone();
        let kind = Kind::Pool {
            average,
            sum,
            multiplier,
        };
        self.finish(node, inputs, &result, kind, operations)
    }

    fn activated(
        &mut self,
        node: &Node<'_>,
        inputs: Vec<Type>,
        input: &Type,
        operations: u64,
    ) -> Layer {
        let function = node.note.and_then(|n| n.quantizer("activation"));
        let result = match function.map(|d| (d.name, &d.grid)) {
            Some((name, Grid::Function)) if self.exact() && !self.options.for_reference => {
                match name {
                    "linear" | "softmax" => input.clone(),
                    "relu" => rectified(input),
                    _ => self.keras_accumulator.clone(),
                }
            }
            _ => self.keras_accumulator.clone(),
        };
        self.finish(node, inputs, &result, Kind::Pass, operations)
    }

    fn pass(&mut self, node: &Node<'_>, inputs: Vec<Type>, input: &Type, operations: u64) -> Layer {
        let class = node.class;
        let moves = MOVES.contains(&class) || class.contains("UpSampling");
        let shapes = class.contains("MaxPool")
            || class.contains("Reshape")
            || class.contains("Flatten")
            || class.contains("UpSampling");
        let mut result = input.clone();
        if self.exact() {
            match class {
                "Softmax" => {}
                "ReLU" => result = rectified(input),
                _ if moves => {}
                _ => self.problem(
                    node,
                    "QTools has no rule for layers of this class; `--mode compat` passes the type of \
                     the input on, as it does",
                ),
            }
        } else if !shapes {
            let text = format!(
                "layer {} ({class}): QTools has no rule for it and passes the type of its input on",
                node.name
            );
            self.remarks.push(text);
        }
        let keras = self.options.keras_accumulator.is_some();
        if self.options.for_reference && keras && !node.is_input && !shapes {
            result = self.keras_accumulator.clone();
        }
        self.finish(node, inputs, &result, Kind::Pass, operations)
    }

    /// Types of gamma, beta, mean, variance and inverse.
    fn norm_types(&mut self, node: &Node<'_>, input: &Type) -> Option<[Type; 5]> {
        if self.plain(node) {
            return Some(std::array::from_fn(|_| self.keras_quantizer.clone()));
        }
        let note = node.note;
        let empty = |key: &str| note.is_none_or(|n| n.quantizer(key).is_none());
        let mut of = |key: &str, from_input: bool| {
            if from_input && empty(key) {
                Some(input.clone())
            } else {
                self.slot(node, key)
            }
        };
        let mut types = [
            of("gamma_quantizer", false)?,
            of("beta_quantizer", true)?,
            of("mean_quantizer", true)?,
            of("variance_quantizer", false)?,
            of("inverse_quantizer", false)?,
        ];
        for (slot, weight) in [(0, "gamma"), (3, "moving_variance")] {
            self.count_values(node, weight, &mut types[slot]);
        }
        Some(types)
    }

    /// In inference a power-of-two weight has only so many different values.
    fn count_values(&self, node: &Node<'_>, weight: &str, ty: &mut Type) {
        let Some(found) = node.note.and_then(|n| n.weights.get(weight)) else {
            return;
        };
        if self.options.is_inference && ty.is_po2() && !self.options.for_reference {
            let values = if self.options.weights_already_quantized {
                found.stored
            } else {
                found.quantized
            };
            ty.values = values.distinct as i64;
        }
    }

    fn norm(&mut self, node: &Node<'_>, inputs: Vec<Type>, input: &Type, operations: u64) -> Layer {
        let rules = self.options.rules;
        if self.fused.values().any(|norm| *norm == node.name) {
            let mut result = input.clone();
            let keras = self.options.keras_accumulator.is_some();
            if self.options.for_reference && keras && !node.is_input {
                result = self.keras_accumulator.clone();
            }
            return self.finish(node, inputs, &result, Kind::Fused, operations);
        }
        let found = self.norm_types(node, input).and_then(|types| {
            let [gamma, beta, mean, variance, _] = types;
            let weights = node.note.map(|n| &n.weights);
            let has = |name: &str| weights.is_some_and(|w| w.contains_key(name));
            let (scale, center) = (has("gamma"), has("beta"));
            let deviation = deviation(&variance);
            // The difference to the mean is one more adder, which QTools leaves out.
            let centred = if rules == Rules::Exact && !input.is_float() {
                add(input, &mean, rules).output.with_sign()
            } else {
                input.clone()
            };
            let numerator = if scale { &gamma } else { &centred };
            let Some(mut divider) = divide(numerator, &deviation, rules) else {
                let problem = format!(
                    "the variance is {variance}: QTools has no divider by it; powers of two, fixed \
                     point and floats are supported"
                );
                self.problem(node, problem);
                return None;
            };
            let multiplier = scale.then(|| {
                let counts = (gamma.values, deviation.values);
                if gamma.is_po2() && counts.0 > 0 && deviation.is_po2() && counts.1 > 0 {
                    divider.output.values = counts.0 * counts.1;
                }
                multiply(&divider.output, &centred, rules)
            });
            let last = multiplier.as_ref().unwrap_or(&divider).output.clone();
            let accumulator = center.then(|| add(&last, &beta, rules));
            let channels = node.note.and_then(|n| n.weights.get("moving_mean"));
            Some(Norm {
                gamma,
                beta,
                mean,
                variance,
                scale,
                center,
                channels: channels.map_or(1, |w| elements(&w.shape)),
                divider,
                multiplier,
                accumulator,
            })
        });
        let Some(mut norm) = found else {
            return self.finish(node, inputs, input, Kind::Pass, operations);
        };
        if self.plain(node) {
            let keras = self.keras_accumulator.clone();
            norm.divider.output = keras.clone();
            let others = [&mut norm.multiplier, &mut norm.accumulator];
            for operator in others.into_iter().flatten() {
                operator.output = keras.clone();
            }
        }
        let last = norm.accumulator.as_ref().or(norm.multiplier.as_ref());
        let result = last.unwrap_or(&norm.divider).output.clone();
        let mut layer = self.finish(
            node,
            inputs,
            &result,
            Kind::Norm(Box::new(norm)),
            operations,
        );
        layer.output_shape = Some(largest(&node.edges).to_vec());
        layer
    }

    /// Weight and bias types, and the weight's own quantizer.
    fn weight_types(
        &mut self,
        node: &Node<'_>,
        key: &str,
        weight: &str,
    ) -> Option<(Type, Option<Type>)> {
        if self.plain(node) {
            let keras = self.keras_quantizer.clone();
            return Some((keras.clone(), Some(keras)));
        }
        let mut ty = self.slot(node, key);
        let biased = node.note.is_some_and(|n| n.weights.contains_key("bias"));
        let folded = node.class.contains("Batchnorm");
        let empty = node
            .note
            .is_none_or(|n| n.quantizer("bias_quantizer").is_none());
        let mut bias = if (biased || folded) && !(folded && empty) {
            Some(self.slot(node, "bias_quantizer")?)
        } else {
            None
        };
        if let Some(ty) = &mut ty {
            self.count_values(node, weight, ty);
        }
        if let Some(bias) = &mut bias {
            self.count_values(node, "bias", bias);
        }
        Some((ty?, bias))
    }

    /// The shifts of the scales that `auto_po2` chose for a weight, least and most.
    fn shifts(
        &mut self,
        node: &Node<'_>,
        description: Option<&Description>,
        weight: &str,
    ) -> Option<(i64, i64)> {
        let description = description?;
        let Grid::Fixed {
            bits,
            integer,
            signed,
        } = description.grid
        else {
            return None;
        };
        if !description.auto_po2 || !description.name.starts_with("quantized_bits") {
            return None;
        }
        let unit = (integer - (bits as i32 - i32::from(signed))) as f64;
        let (least, most) = node.note?.weights.get(weight)?.scale?;
        let shift = |scale: f64| (scale.log2() - unit).trunc() as i64;
        Some((shift(least), shift(most)))
    }

    fn linear(
        &mut self,
        node: &Node<'_>,
        inputs: Vec<Type>,
        input: &Type,
        operations: u64,
    ) -> Layer {
        let depthwise = node.class.contains("Depthwise");
        let (key, weight) = if depthwise {
            ("depthwise_quantizer", "depthwise_kernel")
        } else {
            ("kernel_quantizer", "kernel")
        };
        let Some((found, kernel)) = self
            .weight_types(node, key, weight)
            .zip(node.note.and_then(|n| n.weights.get(weight)))
        else {
            return self.finish(node, inputs, input, Kind::Pass, operations);
        };
        let shape = kernel.shape.clone();
        let (weight_type, bias_type) = found;
        let positions = self.positions(node, &shape);
        let quantizer = node.note.and_then(|n| n.quantizer(key)).cloned();
        let quantizer = quantizer.filter(|_| !self.plain(node));
        let linear = Sum {
            weight_type,
            bias_type: bias_type
                .filter(|_| node.note.is_some_and(|n| n.weights.contains_key("bias"))),
            positions,
            shifts: self.shifts(node, quantizer.as_ref(), weight),
            shape,
        };
        let bias_shape = self.bias_shape(node, &linear.shape);
        let (linear, result) = self.sum(node, linear, input, bias_shape);
        self.finish(
            node,
            inputs,
            &result,
            Kind::Linear(Box::new(linear)),
            operations,
        )
    }

    /// Products in one sum.
    fn positions(&self, node: &Node<'_>, shape: &[usize]) -> usize {
        let rank = shape.len();
        if node.class.contains("Depthwise") {
            return elements(&shape[..rank - 2]);
        }
        if self.exact() && node.class.contains("Transpose") {
            // Stored with the filters before the channels.
            return elements(&shape[..rank - 2]) * shape[rank - 1];
        }
        elements(&shape[..rank - 1])
    }

    fn bias_shape(&self, node: &Node<'_>, shape: &[usize]) -> usize {
        let stored = node.note.and_then(|n| n.weights.get("bias"));
        match stored {
            Some(bias) if self.exact() => elements(&bias.shape),
            _ => shape.last().copied().unwrap_or(1),
        }
    }

    fn sum(
        &mut self,
        node: &Node<'_>,
        sum: Sum,
        input: &Type,
        bias_shape: usize,
    ) -> (Linear, Type) {
        let rules = self.options.rules;
        let mut multiplier = multiply(&sum.weight_type, input, rules);
        let fused_norm = self.fused.get(&node.name).cloned();
        let widened = |multiplier: &Operator| {
            let mut widened = multiplier.clone();
            if let Some((least, most)) = sum.shifts {
                widened.output = shifted(&widened.output, least, most);
            }
            widened
        };
        if fused_norm.is_some() {
            multiplier = widened(&multiplier);
        }
        let with_bias = |kernel: &Operator| match &sum.bias_type {
            Some(bias) => add(&kernel.output, bias, rules),
            None => kernel.clone(),
        };
        let mut kernel = accumulate(&multiplier.output, sum.positions, 0);
        let mut accumulator = with_bias(&kernel);
        let mut fused = match sum.shifts {
            Some(_) if fused_norm.is_none() => {
                let kernel = accumulate(&widened(&multiplier).output, sum.positions, 0);
                with_bias(&kernel)
            }
            _ => accumulator.clone(),
        };
        if self.plain(node) {
            let keras = self.keras_accumulator.clone();
            accumulator.output = keras.clone();
            multiplier.output = keras.clone();
            fused = accumulator.clone();
            if sum.bias_type.is_none() {
                kernel.output = keras;
            }
        }
        let mut norm = None;
        if let Some(name) = fused_norm
            && let Some((operator, types)) =
                self.fuse(node, &name, &kernel.output, sum.bias_type.as_ref(), input)
        {
            fused = operator;
            if self.plain(node) {
                fused.output = self.keras_accumulator.clone();
            }
            norm = Some(types);
        }
        let result = if norm.is_some() || self.exact() {
            fused.output.clone()
        } else {
            accumulator.output.clone()
        };
        let linear = Linear {
            weight: sum.weight_type,
            weight_shape: sum.shape,
            bias: sum.bias_type,
            bias_shape,
            bias_length: stored_bias(node),
            multiplier,
            accumulator,
            fused: Some(fused),
            norm,
            folded: false,
            counted: self.exact() || !node.class.contains("Transpose"),
        };
        (linear, result)
    }

    /// `inverse * x + (inverse * bias - inverse * mean + beta)`: a normalization worked into the
    /// layer in front of it.
    fn fuse(
        &mut self,
        node: &Node<'_>,
        norm: &str,
        kernel: &Type,
        bias: Option<&Type>,
        input: &Type,
    ) -> Option<(Operator, [Type; 3])> {
        let rules = self.options.rules;
        let note = *self.notes.get(norm)?;
        let behind = Node {
            name: norm.to_owned(),
            class: &note.class,
            again: false,
            first: None,
            note: Some(note),
            edges: vec![],
            operands: vec![],
            output: None,
            steps: 1,
            is_input: false,
            is_output: false,
        };
        let [_, beta, mean, _, inverse] = self.norm_types(&behind, input)?;
        if inverse.is_float() {
            self.problem(
                node,
                format!("the inverse of {norm} is a float; a fused normalization needs a fixed-point inverse quantizer"),
            );
            return None;
        }
        let description = note.quantizer("inverse_quantizer").cloned();
        let shifts = self.shifts(&behind, description.as_ref(), "inverse");
        let times = |x: &Type| {
            let mut product = multiply(&inverse, x, rules).output;
            if let Some((least, most)) = shifts {
                product = shifted(&product, least, most);
            }
            product
        };
        let of_mean = times(&mean);
        let mut shift = match bias {
            Some(bias) => add(&times(bias), &of_mean, rules).output,
            None => of_mean,
        };
        if note.weights.contains_key("beta") {
            shift = add(&shift, &beta, rules).output;
        }
        let result = add(&times(kernel), &shift, rules);
        Some((result, [beta, mean, inverse]))
    }

    fn folded(
        &mut self,
        node: &Node<'_>,
        inputs: Vec<Type>,
        input: &Type,
        operations: u64,
    ) -> Layer {
        let rules = self.options.rules;
        let (key, weight) = if node.class.contains("Depthwise") {
            ("depthwise_quantizer", "depthwise_kernel")
        } else {
            ("kernel_quantizer", "kernel")
        };
        let Some((found, kernel)) = self
            .weight_types(node, key, weight)
            .zip(node.note.and_then(|n| n.weights.get(weight)))
        else {
            return self.finish(node, inputs, input, Kind::Pass, operations);
        };
        let (weight_type, bias_type) = found;
        let shape = kernel.shape.clone();
        let mut multiplier = multiply(&weight_type, input, rules);
        let quantizer = node.note.and_then(|n| n.quantizer(key)).cloned();
        let quantizer = quantizer.filter(|_| !self.plain(node));
        if let Some((least, most)) = self.shifts(node, quantizer.as_ref(), weight) {
            multiplier.output = shifted(&multiplier.output, least, most);
        }
        let rank = shape.len();
        let (mut accumulator, bias) = match (bias_type, rules) {
            (Some(bias), Rules::Exact) => {
                let sum = accumulate(&multiplier.output, self.positions(node, &shape), 0);
                (add(&sum.output, &bias, rules), bias)
            }
            (bias, _) => {
                let positions = match rules {
                    Rules::Compat => elements(&shape[..rank - 1]),
                    Rules::Exact => self.positions(node, &shape),
                };
                let more = usize::from(bias.is_some());
                let mut sum = accumulate(&multiplier.output, positions, more);
                let bias = bias.unwrap_or_else(|| {
                    let as_sum = sum.output.clone();
                    if !as_sum.is_float() {
                        sum.output.bits += 1;
                        sum.output.int_bits += 1;
                    }
                    as_sum
                });
                (sum, bias)
            }
        };
        if self.plain(node) {
            accumulator.output = self.keras_accumulator.clone();
            multiplier.output = self.keras_accumulator.clone();
        }
        let result = accumulator.output.clone();
        let bias_shape = match rules {
            Rules::Compat => shape.last().copied().unwrap_or(1),
            Rules::Exact if node.class.contains("Depthwise") => elements(&shape[rank - 2..]),
            Rules::Exact => shape.last().copied().unwrap_or(1),
        };
        let linear = Linear {
            weight: weight_type,
            weight_shape: shape,
            bias: Some(bias),
            bias_shape,
            bias_length: stored_bias(node),
            multiplier,
            accumulator,
            fused: None,
            norm: None,
            folded: true,
            counted: self.exact(),
        };
        self.finish(
            node,
            inputs,
            &result,
            Kind::Linear(Box::new(linear)),
            operations,
        )
    }

    /// A separable convolution as the two layers it is made of.
    fn separable(
        &mut self,
        node: &Node<'a>,
        inputs: Vec<Type>,
        input: &Type,
    ) -> Vec<(String, Layer)> {
        let note = node.note;
        let of = |name: &str| note.and_then(|n| n.weights.get(name));
        let shapes = of("depthwise_kernel").zip(of("pointwise_kernel"));
        let slots = [
            ("depthwise_quantizer", "depthwise_kernel"),
            ("pointwise_quantizer", "pointwise_kernel"),
        ];
        let types = slots.map(|(key, weight)| self.weight_types(node, key, weight));
        let ([Some((deep, _)), Some((point, bias))], Some((first, second))) = (types, shapes)
        else {
            return vec![(
                node.name.clone(),
                self.finish(node, inputs, input, Kind::Pass, 0),
            )];
        };
        let (first, second) = (first.shape.clone(), second.shape.clone());
        let positions = node
            .output
            .as_ref()
            .map_or(1, |s| elements(&s[..s.len() - 1]));
        let described = |key: &str| note.and_then(|n| n.quantizer(key)).cloned();
        let plain = self.plain(node);
        let mut shifts = |key: &str, weight: &str| {
            let quantizer = described(key).filter(|_| !plain);
            self.shifts(node, quantizer.as_ref(), weight)
        };
        let shifts = slots.map(|(key, weight)| shifts(key, weight));
        let rank = first.len();
        let deep = Sum {
            weight_type: deep,
            bias_type: None,
            positions: elements(&first[..rank - 2]),
            shifts: shifts[0],
            shape: first.clone(),
        };
        let channels = elements(&first[rank - 2..]);
        let (linear, between) = self.sum(node, deep, input, channels);
        let count = elements(&first) * positions;
        let mut middle = node.output.clone().unwrap_or_default();
        if let Some(last) = middle.last_mut() {
            *last = channels;
        }
        let deep = Layer {
            class: node.class.to_owned(),
            inputs,
            input_shapes: node.operands.clone(),
            output: between.clone(),
            output_shape: Some(middle.clone()),
            kind: Kind::Linear(Box::new(linear)),
            operations: (count * node.steps) as u64,
            is_input: node.is_input,
            is_output: false,
        };
        let biased = note.is_some_and(|n| n.weights.contains_key("bias"));
        let filters = second.last().copied().unwrap_or(1);
        let point = Sum {
            weight_type: point,
            bias_type: bias.filter(|_| biased),
            positions: channels,
            shifts: shifts[1],
            shape: second.clone(),
        };
        let (linear, result) = self.sum(node, point, &between, filters);
        let count = (elements(&second) * positions * node.steps) as u64;
        let kind = Kind::Linear(Box::new(linear));
        let mut point = self.finish(node, vec![between], &result, kind, count);
        point.input_shapes = vec![middle];
        point.is_input = false;
        vec![
            (format!("{}/depthwise", node.name), deep),
            (node.name.clone(), point),
        ]
    }
}

/// What a sum of products is made of.
struct Sum {
    weight_type: Type,
    bias_type: Option<Type>,
    positions: usize,
    /// Scales of the weights as shifts, least and most.
    shifts: Option<(i64, i64)>,
    shape: Shape,
}

/// The type behind a rectifier.
fn rectified(input: &Type) -> Type {
    if input.mode == super::Mode::Fixed && input.signed {
        Type::fixed(input.bits - 1, input.int_bits, false)
    } else {
        input.clone()
    }
}

/// The square root of a power of two has half the exponent.
fn deviation(variance: &Type) -> Type {
    if !variance.is_po2() {
        return variance.clone();
    }
    let max_value = if variance.max_value >= 0.0 {
        f64::from(variance.max_value.sqrt() as f32).round_ties_even()
    } else {
        variance.max_value
    };
    let half = |(right, left): (i64, i64)| ((right + 1) / 2, (left + 1) / 2);
    Type {
        bits: variance.bits - 1,
        int_bits: variance.bits - 1,
        max_value,
        exponents: variance.exponents.map(half),
        ..variance.clone()
    }
}

/// Length of the bias in the file.
fn stored_bias(node: &Node<'_>) -> usize {
    let bias = node.note.and_then(|n| n.weights.get("bias"));
    bias.map_or(0, |b| elements(&b.shape))
}

/// Cells under the window of an average.
fn pool_area(node: &Node<'_>) -> usize {
    match node.note.and_then(|n| n.extents.get("pool_size")) {
        Some(size) => size.iter().product(),
        None => {
            // Steps of TimeDistributed are an axis of their own.
            let shape = &largest(&node.edges)[usize::from(node.steps > 1)..];
            elements(&shape[..shape.len().saturating_sub(1)])
        }
    }
}

/// QTools' number of operations of a layer.
pub(super) fn operation_count(node: &Node<'_>, rules: Rules) -> u64 {
    let class = node.class;
    let input = largest(&node.edges);
    let output = node.output.as_deref().unwrap_or(&[]);
    let exact = rules == Rules::Exact;
    let kernel = |name: &str| {
        let weights = node.note.map(|n| &n.weights);
        weights
            .and_then(|w| w.get(name))
            .map_or(&[] as &[usize], |w| w.shape.as_slice())
    };
    let last = |shape: &[usize]| shape.last().copied().unwrap_or(1);
    let spatial = |shape: &[usize]| elements(&shape[..shape.len().saturating_sub(1)]);
    let taps = |shape: &[usize]| elements(&shape[..shape.len().saturating_sub(2)]);
    let channels = |shape: &[usize]| {
        if exact {
            // With groups a filter sees only some of the channels.
            shape[shape.len().saturating_sub(2)..]
                .first()
                .copied()
                .unwrap_or(1)
        } else {
            last(input)
        }
    };
    let count = if MERGES.contains(&class)
        || ["MaxPool", "Reshape", "Flatten"]
            .iter()
            .any(|w| class.contains(w))
    {
        elements(input)
    } else if AVERAGES.contains(&class) {
        match (exact, class) {
            (false, "QAveragePooling2D") => 0,
            (false, _) => last(output) * pool_area(node),
            (true, _) => elements(output) * pool_area(node),
        }
    } else if class.contains("UpSampling") {
        elements(output)
    } else if class.contains("Activation") || class.contains("BatchNormalization") {
        elements(input)
    } else {
        match class {
            "QConv2D" | "Conv2D" | "QConv2DBatchnorm" | "QConv1D" | "Conv1D" => {
                let kernel = kernel("kernel");
                elements(output) * taps(kernel) * channels(kernel)
            }
            "QConv2DTranspose" | "Conv2DTranspose" if exact => {
                // Every input cell meets every tap once.
                elements(input) * taps(kernel("kernel")) * last(output)
            }
            "QConv2DTranspose" | "Conv2DTranspose" => {
                elements(output) * taps(kernel("kernel")) * last(input)
            }
            "QDepthwiseConv2D" | "DepthwiseConv2D" => {
                let filters = if exact { last(output) } else { last(input) };
                spatial(output) * taps(kernel("depthwise_kernel")) * filters
            }
            "QDepthwiseConv2DBatchnorm" if exact => {
                elements(output) * taps(kernel("depthwise_kernel"))
            }
            "QDense" | "Dense" => elements(input) * last(output),
            "QDenseBatchnorm" if exact => elements(input) * last(output),
            _ => 0,
        }
    };
    count as u64
}
