//! The architecture: from the JSON of a model to layers, calls and their order.

mod calls;
mod order;
mod ports;

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::error::{GraphProblem, Report};
use super::json::strip_package;
use super::model::{Format, Inner, KerasVersion, Port, RawCall, RawLayer, RawModel, TensorRef};

/// Builds a model from its JSON record. Problems go to the report; `None` when nothing could be built.
pub(super) fn model(record: &Value, format: Format, report: &mut Report) -> Option<RawModel> {
    Level {
        format,
        place: String::new(),
        report,
    }
    .model(record, None)
}

/// The writer's major version where no version is stored, told by the spelling of the JSON.
pub(super) fn keras_version(record: &Value) -> KerasVersion {
    let stored = record.get("keras_version").and_then(Value::as_str);
    match stored {
        Some(version) => version_of(version),
        None if mentions_keras2(record) => KerasVersion::V2,
        None => KerasVersion::V3,
    }
}

/// Major version of a version string such as `2.2.4-tf` or `3.15.1`.
pub(super) fn version_of(version: &str) -> KerasVersion {
    match version
        .split('.')
        .next()
        .and_then(|major| major.trim().parse::<u32>().ok())
    {
        Some(0..=2) => KerasVersion::V2,
        Some(_) | None => KerasVersion::V3,
    }
}

/// Keras 2 gives input shapes as `batch_input_shape`; Keras 3 never does.
fn mentions_keras2(value: &Value) -> bool {
    match value {
        Value::Object(map) => {
            map.contains_key("batch_input_shape") || map.values().any(mentions_keras2)
        }
        Value::Array(items) => items.iter().any(mentions_keras2),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Parsing of one level of nesting.
struct Level<'a> {
    format: Format,
    /// Names of the enclosing layers: empty or `outer/`.
    place: String,
    report: &'a mut Report,
}

/// A layer record with what is needed to resolve references to it.
struct Listed<'a> {
    layer: RawLayer,
    inbound: Option<&'a Value>,
    /// Index by which other layers refer to the first listed call.
    first_node: i64,
    /// The same for `output_layers`.
    first_output_node: i64,
}

impl Level<'_> {
    fn problem(&mut self, layer: &str, problem: GraphProblem) {
        let place = format!("{}{layer}", self.place);
        self.report.layer(&place, problem);
    }

    /// A model record `{class_name, config}`; `listed_name` is its name as a nested layer.
    fn model(&mut self, record: &Value, listed_name: Option<&str>) -> Option<RawModel> {
        let class = record
            .get("class_name")
            .and_then(Value::as_str)
            .map(strip_package);
        let config = record.get("config");
        let shown = listed_name.unwrap_or("model");
        match (class, config) {
            (Some("Functional" | "Model"), Some(Value::Object(config))) => {
                self.functional(config, shown)
            }
            (Some("Sequential"), Some(Value::Object(config))) => {
                let layers = config.get("layers");
                self.sequential(
                    layers,
                    config.get("name"),
                    config.get("build_input_shape"),
                    record,
                    shown,
                )
            }
            // Keras 2.2 and older: the configuration of a Sequential is the plain list.
            (Some("Sequential"), Some(layers @ Value::Array(_))) => {
                self.sequential(Some(layers), None, None, record, shown)
            }
            (Some("Functional" | "Model" | "Sequential"), other) => {
                self.field(shown, "config", other, "an object");
                None
            }
            (Some(class), _) => {
                let class = class.to_owned();
                self.problem(shown, GraphProblem::ModelClass { class });
                None
            }
            (None, _) => {
                self.field(
                    shown,
                    "class_name",
                    record.get("class_name"),
                    "the class of a model",
                );
                None
            }
        }
    }

    fn field(&mut self, layer: &str, field: &str, found: Option<&Value>, expected: &'static str) {
        let problem = GraphProblem::Field {
            field: field.to_owned(),
            found: describe(found),
            expected,
        };
        self.problem(layer, problem);
    }

    fn functional(&mut self, config: &Map<String, Value>, shown: &str) -> Option<RawModel> {
        let name = config
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or(shown)
            .to_owned();
        let Some(Value::Array(records)) = config.get("layers") else {
            self.field(
                shown,
                "config.layers",
                config.get("layers"),
                "a list of layers",
            );
            return None;
        };
        let before = self.report.errors.len();
        let mut listed: Vec<Listed<'_>> = Vec::with_capacity(records.len());
        for (nth, record) in records.iter().enumerate() {
            listed.extend(self.listed(record, nth));
        }
        let names = self.index(&listed);
        // References into broken records would only repeat their errors.
        if self.report.errors.len() > before {
            return None;
        }
        let calls = calls::resolve(self, &listed, &names);
        for (entry, calls) in listed.iter_mut().zip(calls) {
            entry.layer.calls = calls;
        }
        let inputs = ports::read(self, config, "input_layers", &listed, &names);
        let outputs = ports::read(self, config, "output_layers", &listed, &names);
        if self.report.errors.len() > before {
            return None;
        }
        let layers = listed.into_iter().map(|entry| entry.layer).collect();
        self.finish(RawModel {
            name,
            format: self.format,
            layers,
            inputs,
            outputs,
            order: Vec::new(),
        })
    }

    fn sequential(
        &mut self,
        layers: Option<&Value>,
        name: Option<&Value>,
        build_input_shape: Option<&Value>,
        record: &Value,
        shown: &str,
    ) -> Option<RawModel> {
        let name = name.and_then(Value::as_str).unwrap_or(shown).to_owned();
        let Some(Value::Array(records)) = layers else {
            self.field(shown, "config.layers", layers, "a list of layers");
            return None;
        };
        let before = self.report.errors.len();
        let mut layers: Vec<RawLayer> = Vec::with_capacity(records.len() + 1);
        for (nth, record) in records.iter().enumerate() {
            layers.extend(self.listed(record, nth).map(|entry| entry.layer));
        }
        if self.report.errors.len() > before {
            return None;
        }
        if !layers.first().is_some_and(RawLayer::is_input) {
            let build_config = record
                .get("build_config")
                .and_then(|config| config.get("input_shape"));
            let first = records.first();
            let shape = [build_input_shape, build_config]
                .into_iter()
                .flatten()
                .chain(first.into_iter().flat_map(record_shapes))
                .find(|shape| is_shape(shape))
                .cloned()
                .or_else(|| layers.first().and_then(inner_shape));
            let Some(shape) = shape else {
                self.problem(shown, GraphProblem::Unbuilt);
                return None;
            };
            layers.insert(0, materialised_input(&layers, shape));
        }
        let mut tensor: Option<TensorRef> = None;
        for (index, layer) in layers.iter_mut().enumerate() {
            let inputs: Vec<TensorRef> = tensor.into_iter().collect();
            if layer.is_input() && index > 0 {
                self.problem(
                    &layer.name,
                    GraphProblem::InputClass {
                        class: "second InputLayer".to_owned(),
                    },
                );
                return None;
            }
            if let Inner::Model(inner) = &layer.inner
                && inner.inputs.len() != inputs.len()
            {
                let problem = GraphProblem::NestedInputs {
                    found: inputs.len(),
                    expected: inner.inputs.len(),
                };
                self.problem(&layer.name, problem);
                return None;
            }
            layer.calls = vec![RawCall {
                inputs,
                ..RawCall::default()
            }];
            tensor = Some(TensorRef {
                layer: index,
                call: 0,
                output: 0,
            });
        }
        let input = Port {
            key: None,
            tensor: TensorRef {
                layer: 0,
                call: 0,
                output: 0,
            },
        };
        let outputs: Vec<Port> = tensor
            .into_iter()
            .map(|tensor| Port { key: None, tensor })
            .collect();
        let named: Vec<Listed<'_>> = layers
            .into_iter()
            .map(|layer| Listed {
                layer,
                inbound: None,
                first_node: 0,
                first_output_node: 0,
            })
            .collect();
        self.index(&named);
        if self.report.errors.len() > before {
            return None;
        }
        let layers = named.into_iter().map(|entry| entry.layer).collect();
        self.finish(RawModel {
            name,
            format: self.format,
            layers,
            inputs: vec![input],
            outputs,
            order: Vec::new(),
        })
    }

    /// Orders the calls; the last step of a level.
    fn finish(&mut self, mut model: RawModel) -> Option<RawModel> {
        match order::needed_calls(&model) {
            Ok(order) => {
                model.order = order;
                Some(model)
            }
            Err(problems) => {
                for (layer, problem) in problems {
                    self.problem(&layer, problem);
                }
                None
            }
        }
    }

    /// Listed name -> index, and names made unique: if removing `PruneLowMagnitude` makes two layers namesakes, the
    /// wrapped one keeps the wrapper's name.
    fn index(&mut self, listed: &[Listed<'_>]) -> IndexMap<String, usize> {
        let mut names = IndexMap::with_capacity(listed.len());
        for (index, entry) in listed.iter().enumerate() {
            let name = entry.layer.listed_name();
            if names.insert(name.to_owned(), index).is_some() {
                self.problem(name, GraphProblem::DuplicateLayer);
            }
        }
        let mut shown: IndexMap<&str, usize> = IndexMap::with_capacity(listed.len());
        for (index, entry) in listed.iter().enumerate() {
            if let Some(other) = shown.insert(&entry.layer.name, index)
                && listed[other].layer.listed_name() != entry.layer.listed_name()
            {
                self.problem(&entry.layer.name, GraphProblem::DuplicateLayer);
            }
        }
        names
    }

    /// One entry of `config.layers`.
    fn listed<'v>(&mut self, record: &'v Value, nth: usize) -> Option<Listed<'v>> {
        let layer = self.layer(record, &format!("number {nth} of the list"))?;
        // A Functional model built on its own inputs has a node before its first call, which is never listed.
        // Keras 2 counts it everywhere; Keras 3 in `output_layers` only, and not for Sequential.
        let (first_node, first_output_node) = match (&layer.inner, self.format.keras) {
            (Inner::Model(_), KerasVersion::V2) => {
                let first = i64::from(has_own_input(record));
                (first, first)
            }
            (Inner::Model(_), KerasVersion::V3) => (0, i64::from(layer.class_name != "Sequential")),
            _ => (0, 0),
        };
        let inbound = record.get("inbound_nodes");
        Some(Listed {
            layer,
            inbound,
            first_node,
            first_output_node,
        })
    }

    /// A layer record `{class_name, config, name?, module?}`; `fallback` stands for its name in messages.
    fn layer(&mut self, record: &Value, fallback: &str) -> Option<RawLayer> {
        let config = record.get("config");
        let name = record
            .get("name")
            .or_else(|| config.and_then(|config| config.get("name")))
            .and_then(Value::as_str);
        let shown = name.unwrap_or(fallback);
        let Some(class_name) = record
            .get("class_name")
            .and_then(Value::as_str)
            .map(strip_package)
        else {
            self.field(
                shown,
                "class_name",
                record.get("class_name"),
                "the class of a layer",
            );
            return None;
        };
        if class_name == "PruneLowMagnitude" {
            let Some(inner) = config.and_then(|config| config.get("layer")) else {
                self.field(shown, "config.layer", None, "the wrapped layer");
                return None;
            };
            let mut layer = self.layer(inner, shown)?;
            layer.wrapper = Some(shown.to_owned());
            return Some(layer);
        }
        let inner = if matches!(class_name, "Functional" | "Model" | "Sequential") {
            let place = format!("{}{shown}/", self.place);
            let mut level = Level {
                format: self.format,
                place,
                report: self.report,
            };
            Inner::Model(Box::new(level.model(record, Some(shown))?))
        } else {
            match config {
                Some(Value::Object(config)) => self.inner(class_name, config, shown)?,
                _ => Inner::None,
            }
        };
        let mut config = match config {
            Some(Value::Object(config)) => config.clone(),
            // A nested Sequential of Keras 2.2 has a list.
            Some(Value::Array(_)) if matches!(inner, Inner::Model(_)) => Map::new(),
            other => {
                self.field(shown, "config", other, "an object");
                return None;
            }
        };
        // What the children hold is not repeated in the configuration.
        if matches!(inner, Inner::Model(_)) {
            config.retain(|key, _| {
                !matches!(key.as_str(), "layers" | "input_layers" | "output_layers")
            });
        }
        if class_name == "InputLayer"
            && let Some(shape) = config.get("batch_input_shape").cloned()
        {
            config.entry("batch_shape").or_insert(shape);
        }
        let name = match &inner {
            Inner::Model(model) => name.unwrap_or(&model.name).to_owned(),
            _ => shown.to_owned(),
        };
        Some(RawLayer {
            name,
            wrapper: None,
            class_name: class_name.to_owned(),
            module: record
                .get("module")
                .and_then(Value::as_str)
                .map(str::to_owned),
            config,
            calls: Vec::new(),
            weights: IndexMap::new(),
            inner,
        })
    }

    /// The layers inside a wrapper or recurrent layer.
    fn inner(
        &mut self,
        class_name: &str,
        config: &Map<String, Value>,
        shown: &str,
    ) -> Option<Inner> {
        let record = |key: &str| config.get(key).filter(|value| !value.is_null());
        match class_name {
            "TimeDistributed" => Some(Inner::Layer(Box::new(self.child(
                record("layer"),
                "layer",
                shown,
            )?))),
            "Bidirectional" | "QBidirectional" => {
                let forward = self.child(record("layer"), "layer", shown)?;
                let backward = match record("backward_layer") {
                    Some(backward) => self.child(Some(backward), "backward_layer", shown)?,
                    None => {
                        let mut backward = forward.clone();
                        let flipped = !super::json::flag(&backward.config, "go_backwards", false);
                        backward
                            .config
                            .insert("go_backwards".to_owned(), Value::Bool(flipped));
                        backward
                    }
                };
                Some(Inner::Directions {
                    forward: Box::new(forward),
                    backward: Box::new(backward),
                })
            }
            "RNN" => {
                let cell = record("cell");
                let stacked = cell
                    .and_then(|cell| cell.get("class_name"))
                    .and_then(Value::as_str);
                if stacked.map(strip_package) != Some("StackedRNNCells") {
                    return Some(Inner::Cells(vec![self.child(cell, "cell", shown)?]));
                }
                let cells = cell
                    .and_then(|cell| cell.get("config"))
                    .and_then(|config| config.get("cells"));
                let Some(Value::Array(cells)) = cells else {
                    self.field(shown, "config.cell.config.cells", cells, "a list of cells");
                    return None;
                };
                let cells: Vec<_> = cells
                    .iter()
                    .map(|cell| self.child(Some(cell), "cell", shown))
                    .collect();
                Some(Inner::Cells(cells.into_iter().collect::<Option<_>>()?))
            }
            _ => Some(Inner::None),
        }
    }

    fn child(&mut self, record: Option<&Value>, key: &str, shown: &str) -> Option<RawLayer> {
        let Some(record @ Value::Object(_)) = record else {
            self.field(shown, &format!("config.{key}"), record, "a layer");
            return None;
        };
        let place = format!("{}{shown}/", self.place);
        let mut level = Level {
            format: self.format,
            place,
            report: self.report,
        };
        let child = level.layer(record, key)?;
        if child.is_input() {
            self.problem(
                shown,
                GraphProblem::InnerClass {
                    class: child.class_name,
                },
            );
            return None;
        }
        Some(child)
    }
}

/// Whether the record of a nested model begins with its own `InputLayer`.
fn has_own_input(record: &Value) -> bool {
    let config = record.get("config");
    let layers = config.and_then(|config| config.get("layers")).or(config);
    let first = layers
        .and_then(|layers| layers.get(0))
        .and_then(|layer| layer.get("class_name"));
    let sequential = record
        .get("class_name")
        .and_then(Value::as_str)
        .map(strip_package)
        == Some("Sequential");
    !sequential || first.and_then(Value::as_str).map(strip_package) == Some("InputLayer")
}

/// Places where a layer record may say its input shape.
fn record_shapes(record: &Value) -> impl Iterator<Item = &Value> {
    // Pruning wrappers keep the shape inside.
    let inner = record.get("config").and_then(|config| config.get("layer"));
    [Some(record), inner]
        .into_iter()
        .flatten()
        .flat_map(|record| {
            let config = record.get("config");
            let from_config = |key| config.and_then(|config| config.get(key));
            let built = record
                .get("build_config")
                .and_then(|config| config.get("input_shape"));
            [
                from_config("batch_shape"),
                from_config("batch_input_shape"),
                built,
            ]
            .into_iter()
            .flatten()
        })
}

fn is_shape(value: &Value) -> bool {
    value
        .as_array()
        .is_some_and(|sizes| sizes.iter().all(|size| size.is_null() || size.is_u64()))
}

/// The input shape of a nested model with one input.
fn inner_shape(layer: &RawLayer) -> Option<Value> {
    let Inner::Model(inner) = &layer.inner else {
        return None;
    };
    let [port] = inner.inputs.as_slice() else {
        return None;
    };
    inner.layers[port.tensor.layer]
        .config
        .get("batch_shape")
        .cloned()
}

/// The `InputLayer` that a Sequential without one implies, named as Keras names it.
fn materialised_input(layers: &[RawLayer], shape: Value) -> RawLayer {
    let first = layers.first().map_or("sequential", RawLayer::listed_name);
    let mut name = format!("{first}_input");
    while layers
        .iter()
        .any(|layer| layer.name == name || layer.listed_name() == name)
    {
        name.push('_');
    }
    let mut config = Map::new();
    config.insert("batch_shape".to_owned(), shape);
    config.insert("name".to_owned(), json!(name));
    RawLayer {
        name,
        wrapper: None,
        class_name: "InputLayer".to_owned(),
        module: None,
        config,
        calls: Vec::new(),
        weights: IndexMap::new(),
        inner: Inner::None,
    }
}

/// A JSON value for a message: short.
fn describe(value: Option<&Value>) -> String {
    match value {
        None => "absent".to_owned(),
        Some(Value::Object(_)) => "an object".to_owned(),
        Some(Value::Array(items)) => format!("a list of {}", items.len()),
        Some(other) => other.to_string().chars().take(60).collect(),
    }
}
