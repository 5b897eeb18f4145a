//! The view of a design that every backend's templates share.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;

use super::arrays::Array;
use super::cells::{self, Cell};
use super::directives::{Multiplier, Strategy};
use super::kernels::{self, Config, KernelView};
use super::names::Namer;
use super::stream::{self, Network, Stream};
use super::{CodegenError, Directives, FileSet, Io, Options, spell};
use crate::ir::Range;
use crate::ir::kernel::{Design, Kernel, Node, NodeId, TensorType};
use crate::num::{Family, FixedType};

/// A design with names, C++ types and constants, ready for templates.
#[derive(Debug)]
pub struct Project {
    pub(crate) name: String,
    pub(crate) backend: &'static str,
    pub(crate) family: Family,
    pub(crate) part: String,
    pub(crate) clock_period: String,
    /// In percent, with its sign.
    pub(crate) clock_uncertainty: String,
    pub(crate) asic_library: Option<String>,
    pub(crate) inputs: Vec<PortView>,
    pub(crate) outputs: Vec<PortView>,
    pub(crate) types: Vec<Typedef>,
    pub(crate) kernels: Vec<KernelView>,
    /// The bodies of loops.
    pub(crate) cells: Vec<Cell>,
    pub(crate) layers: Vec<LayerView>,
    /// Outputs that are inputs, or used inside as well, or asked for twice.
    pub(crate) copies: Vec<Call>,
    pub(crate) traces: Vec<Trace>,
    pub(crate) headers: BTreeSet<&'static str>,
    pub(crate) schedule: Schedule,
    /// The processes of io stream; `layers` and `copies` are empty then.
    pub(crate) network: Option<Network>,
    pub(crate) warnings: Vec<String>,
}

/// How the layer functions of the top function run together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Schedule {
    /// All of it is one pipeline: every loop unrolled.
    Pipeline,
    /// A chain of tasks, some of which walk over positions in a loop.
    Dataflow,
    /// As dataflow, but with branches, which tools accept only with explicit copies of arrays.
    Sequence,
}

/// An argument of the top function.
#[derive(Debug, Clone)]
pub(crate) struct PortView {
    /// As the user knows it.
    pub(crate) name: String,
    /// C++ name.
    pub(crate) array: String,
    /// Name of the C++ type.
    pub(crate) type_name: String,
    /// That type.
    pub(crate) fixed: FixedType,
    /// As C++ writes it.
    pub(crate) spelled: String,
    pub(crate) elements: usize,
    /// Words of its stream, in io stream.
    pub(crate) words: usize,
    pub(crate) node: NodeId,
}

/// A line of `defines.h`.
#[derive(Debug, Clone)]
pub(crate) struct Typedef {
    pub(crate) name: String,
    pub(crate) spelled: String,
    pub(crate) comment: String,
}

/// One array between kernels.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    /// Number in the names of the node's types and constants, from 1.
    pub(crate) index: usize,
    /// Type of its elements.
    pub(crate) type_name: String,
    pub(crate) array: String,
    pub(crate) elements: usize,
}

impl Edge {
    /// In io stream, the type of the words.
    pub(crate) fn word(&self) -> String {
        word_of(&self.type_name)
    }
}

/// The type of words of elements of this type.
fn word_of(type_name: &str) -> String {
    type_name.replace("_value_t", "_t")
}

/// A call of the library.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) function: String,
    pub(crate) args: Vec<String>,
}

/// A declaration of an array.
#[derive(Debug, Clone)]
pub(crate) struct Local {
    pub(crate) type_name: String,
    pub(crate) name: String,
    pub(crate) elements: usize,
}

/// The calls of one kernel.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    pub(crate) comment: String,
    /// Macros of the library that come before the calls.
    pub(crate) memories: Vec<String>,
    pub(crate) calls: Vec<Call>,
}

/// The function of one layer: a run of consecutive kernels with one origin.
#[derive(Debug, Clone)]
pub(crate) struct LayerView {
    pub(crate) function: String,
    pub(crate) title: String,
    pub(crate) inputs: Vec<Local>,
    pub(crate) outputs: Vec<Local>,
    pub(crate) locals: Vec<Local>,
    pub(crate) stages: Vec<Stage>,
    /// Declared by the top function before the call.
    pub(crate) declares: Vec<Local>,
    /// Whether it walks over positions in a loop instead of being unrolled as a whole.
    pub(crate) loops: bool,
    /// Cycles from one input to the next.
    pub(crate) ii: u32,
    /// Multipliers that the tool may use, where they are shared.
    pub(crate) multipliers: Option<u64>,
}

impl PortView {
    /// In io stream, the type of the words.
    pub(crate) fn word(&self) -> String {
        word_of(&self.type_name)
    }
}

impl LayerView {
    /// Operands, then results, as the top function passes them.
    pub(crate) fn args(&self) -> Vec<&str> {
        let all = self.inputs.iter().chain(&self.outputs);
        all.map(|a| a.name.as_str()).collect()
    }
}

/// The output of a layer that builds with `QK_TRACE` show.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    /// The layer as the user knows it.
    pub(crate) name: String,
    pub(crate) array: String,
    pub(crate) elements: usize,
    pub(crate) node: NodeId,
    pub(crate) fixed: FixedType,
    pub(crate) spelled: String,
}

impl Trace {
    /// The name as the inside of a C++ string literal.
    pub(crate) fn literal(&self) -> String {
        spell::text(&self.name)
    }
}

/// Most elements that the tools partition or unroll completely.
const PARTITION_LIMIT: usize = 4096;

impl Project {
    /// Names everything and turns every kernel into calls and constants; what cannot be expressed
    /// is added to `errors`.
    pub(crate) fn new(
        design: &Design,
        options: &Options,
        directives: &Directives,
        errors: &mut Vec<CodegenError>,
    ) -> Self {
        let family = options.backend.family();
        let (part, clock_period) = options.backend.defaults();
        let mut project = Self {
            name: options.name.to_owned(),
            backend: options.backend.name(),
            family,
            part: options.part.unwrap_or(part).to_owned(),
            clock_period: options.clock_period.unwrap_or(clock_period).to_string(),
            clock_uncertainty: match options.clock_uncertainty {
                Some(percent) => format!("{percent}%"),
                None => options.backend.clock_uncertainty().to_owned(),
            },
            asic_library: options.asic_library.map(str::to_owned),
            inputs: Vec::new(),
            outputs: Vec::new(),
            types: Vec::new(),
            kernels: Vec::new(),
            cells: Vec::new(),
            layers: Vec::new(),
            copies: Vec::new(),
            traces: Vec::new(),
            headers: BTreeSet::new(),
            schedule: Schedule::Pipeline,
            network: None,
            warnings: Vec::new(),
        };
        let live = live_nodes(design);
        let mut namer = Namer::avoiding([options.name]);
        let edges = project.name_edges(design, options.io, &live, &mut namer, errors);
        if !errors.is_empty() {
            return project;
        }
        let parts = cells::Parts {
            design,
            live: &live,
            edges: &edges,
            family,
            directives,
            period: project.clock_period.parse().unwrap_or(clock_period),
        };
        let (cells, types) = cells::cells(&parts, &mut namer, errors);
        project.add_cells(cells, types);
        match options.io {
            Io::Parallel => {
                project.add_kernels(design, &live, &edges, directives, errors);
                project.add_layers(design, &live, &edges, &mut namer);
                project.schedule = project.choose_schedule();
                project.check_limits();
            }
            Io::Stream => {
                project.add_network(design, &live, &edges, directives, &mut namer, errors);
                project.check_limits();
            }
        }
        project.add_traces(design, &edges);
        project
    }

    fn add_network(
        &mut self,
        design: &Design,
        live: &[bool],
        edges: &[Edge],
        directives: &Directives,
        namer: &mut Namer,
        errors: &mut Vec<CodegenError>,
    ) {
        let parts = stream::Parts {
            design,
            live,
            edges,
            inputs: &self.inputs,
            outputs: &self.outputs,
            family: self.family,
            directives,
            cells: &self.cells,
            period: self.clock_period.parse().unwrap_or(5.0),
        };
        let (network, views) = stream::network(&parts, namer, errors);
        self.headers.insert("stream");
        for view in &views {
            self.headers.insert(view.header);
            self.types.extend(view.types.iter().cloned());
        }
        self.kernels = views;
        self.network = Some(network);
        self.schedule = Schedule::Dataflow;
    }

    fn add_cells(&mut self, cells: Vec<Cell>, types: Vec<Typedef>) {
        self.types.extend(types);
        for view in cells.iter().flat_map(|c| &c.kernels) {
            self.headers.insert(view.header);
            self.types.extend(view.types.iter().cloned());
        }
        self.cells = cells;
    }

    /// Every kernel, those of cells first.
    pub(crate) fn all_kernels(&self) -> impl Iterator<Item = &KernelView> {
        let cells = self.cells.iter().flat_map(|c| &c.kernels);
        cells.chain(&self.kernels)
    }

    /// Every constant array, in the order of the kernels.
    pub(crate) fn arrays(&self) -> impl Iterator<Item = &Array> {
        self.all_kernels().flat_map(|k| &k.arrays)
    }

    /// Arrays of the ports, inputs first: the arguments of the top function.
    pub(crate) fn port_arrays(&self) -> Vec<&str> {
        let ports = self.inputs.iter().chain(&self.outputs);
        ports.map(|p| p.array.as_str()).collect()
    }

    /// The top function's name in its definition.
    pub(crate) fn top(&self) -> String {
        match self.family {
            Family::Ap => self.name.clone(),
            Family::Ac => format!("CCS_BLOCK({})", self.name),
        }
    }

    /// The statement that ends the test bench.
    pub(crate) fn finish(&self, status: &str) -> String {
        match self.family {
            Family::Ap => format!("return {status}"),
            Family::Ac => format!("CCS_RETURN({status})"),
        }
    }

    /// The share of the clock period that is kept in reserve, in nanoseconds.
    pub(crate) fn uncertainty_ns(&self) -> String {
        let number = |text: &str| text.trim_end_matches('%').parse().unwrap_or(0.0);
        let ns = number(&self.clock_uncertainty) / 100.0 * number(&self.clock_period);
        format!("{ns:.3}")
    }

    /// Functions of layers that name what multiplies, and whether that is DSPs.
    pub(crate) fn multipliers(&self) -> Vec<(&str, bool)> {
        let functions = self.layers.iter().map(|l| (&l.function, &l.title));
        let processes = self.network.iter().flat_map(|n| &n.processes);
        let functions = functions.chain(processes.map(|p| (&p.function, &p.title)));
        let chosen = functions.filter_map(|(function, title)| {
            let mut kernels = self.all_kernels();
            let kernel = kernels.find(|k| k.products > 0 && k.origin.to_string() == *title)?;
            match kernel.choice.multiplier {
                Multiplier::Auto => None,
                Multiplier::Dsp => Some((function.as_str(), true)),
                Multiplier::Fabric => Some((function.as_str(), false)),
            }
        });
        chosen.collect()
    }

    /// Cycles from one sample to the next, when the design is one pipeline.
    pub(crate) fn ii(&self) -> u32 {
        self.layers.iter().map(|l| l.ii).max().unwrap_or(1)
    }

    pub(crate) fn is_stream(&self) -> bool {
        self.network.is_some()
    }

    /// Traces of what the process of a node writes into a stream.
    pub(crate) fn traces_of<'a>(&'a self, stream: &'a Stream) -> impl Iterator<Item = &'a Trace> {
        let traces = self.traces.iter();
        traces.filter(|t| stream.source && t.node == stream.node)
    }

    /// Names, as in C++ literals, and elements of all traces, each name once, in the order of the
    /// names.
    pub(crate) fn trace_storage(&self) -> Vec<(String, usize)> {
        let mut largest: BTreeMap<&str, usize> = BTreeMap::new();
        for trace in &self.traces {
            let elements = largest.entry(&trace.name).or_default();
            *elements = trace.elements.max(*elements);
        }
        let storage = largest.into_iter();
        storage.map(|(name, n)| (spell::text(name), n)).collect()
    }

    pub(crate) fn is_catapult(&self) -> bool {
        self.family == Family::Ac
    }

    /// Gives every live tensor an array and a type; fills `inputs`, `outputs`, `types`, `copies`.
    fn name_edges(
        &mut self,
        design: &Design,
        io: Io,
        live: &[bool],
        namer: &mut Namer,
        errors: &mut Vec<CodegenError>,
    ) -> Vec<Edge> {
        let read = read_nodes(design, live);
        let mut edges = Vec::with_capacity(design.nodes.len());
        let ending = match io {
            Io::Parallel => "_t",
            Io::Stream => "_value_t",
        };
        let numbered = |stem: &str, n: usize| {
            let number = if n == 0 {
                String::new()
            } else {
                (n + 1).to_string()
            };
            format!("{stem}{number}{ending}")
        };
        let wanted = |id: NodeId| design.outputs.iter().filter(|p| p.node == id).count();
        for (i, node) in design.nodes.iter().enumerate() {
            let index = i + 1;
            let id = node_id(i);
            let fixed = edge_type(node);
            let spelled = fixed.and_then(|f| spell::fixed(&f, self.family));
            let direct = design
                .outputs
                .iter()
                .position(|p| p.node == id)
                .filter(|_| !read[i] && !matches!(node.kernel, Kernel::Input { .. }))
                // A stream has one reader.
                .filter(|_| io == Io::Parallel || wanted(id) == 1);
            let input = design.inputs.iter().position(|p| p.node == id);
            let edge = Edge {
                index,
                type_name: match (input, direct) {
                    (Some(n), _) => numbered("input", n),
                    (_, Some(n)) => numbered("result", n),
                    _ => format!("layer{index}{ending}"),
                },
                array: match input {
                    Some(n) => namer.unique(&design.inputs[n].name),
                    None => format!("layer{index}_out"),
                },
                elements: node.ty.elements(),
            };
            edges.push(edge.clone());
            if !live[i] && input.is_none() {
                continue;
            }
            let (Some(fixed), Some(spelled)) = (fixed, spelled) else {
                errors.push(CodegenError::Layer {
                    layer: node.origin.to_string(),
                    because: refuse_type(node, fixed, self.family),
                });
                continue;
            };
            self.types.push(Typedef {
                name: edge.type_name.clone(),
                spelled: spelled.clone(),
                comment: format!("{}: {}", node.origin, describe(&node.ty)),
            });
            if io == Io::Stream {
                let size = stream::word_size(&node.ty.shape);
                self.types.push(Typedef {
                    name: edge.word(),
                    spelled: format!("nnet::array<{}, {size}>", edge.type_name),
                    comment: "one word of its stream".to_owned(),
                });
            }
            let port = |name: &str| PortView {
                name: name.to_owned(),
                array: edge.array.clone(),
                type_name: edge.type_name.clone(),
                fixed,
                spelled: spelled.clone(),
                elements: edge.elements,
                words: edge.elements / stream::word_size(&node.ty.shape),
                node: id,
            };
            if let Some(n) = input {
                self.inputs.push(port(&design.inputs[n].name));
            }
            if let Some(n) = direct {
                self.outputs.push(port(&design.outputs[n].name));
            }
        }
        self.inputs
            .sort_by_key(|p| design.inputs.iter().position(|q| q.node == p.node));
        if errors.is_empty() {
            self.add_copies(design, io, &edges, namer, numbered);
        }
        edges
    }

    /// Completes `outputs` with those that need an array of their own, in the model's order.
    fn add_copies(
        &mut self,
        design: &Design,
        io: Io,
        edges: &[Edge],
        namer: &mut Namer,
        numbered: impl Fn(&str, usize) -> String,
    ) {
        let mut direct = std::mem::take(&mut self.outputs);
        for (n, output) in design.outputs.iter().enumerate() {
            if let Some(i) = direct.iter().position(|p| p.node == output.node) {
                self.outputs.push(direct.remove(i));
                continue;
            }
            let i = output.node.index();
            let (edge, node) = (&edges[i], &design.nodes[i]);
            if io == Io::Stream {
                // A clone of the stream, with the same words.
                let fixed = edge_type(node).expect("checked when the edge was named");
                self.outputs.push(PortView {
                    name: output.name.clone(),
                    array: namer.unique(&format!("{}_result", output.name)),
                    type_name: edge.type_name.clone(),
                    fixed,
                    spelled: spell::fixed(&fixed, self.family)
                        .expect("checked when the edge was named"),
                    elements: edge.elements,
                    words: edge.elements / stream::word_size(&node.ty.shape),
                    node: output.node,
                });
                continue;
            }
            let fixed = node.ty.covering().expect("checked when the edge was named");
            let spelled = spell::fixed(&fixed, self.family).expect("a covering type has no modes");
            let type_name = numbered("result", n);
            let array = namer.unique(&format!("{}_result", output.name));
            self.types.push(Typedef {
                name: type_name.clone(),
                spelled: spelled.clone(),
                comment: format!("output {}: {}", output.name, describe(&node.ty)),
            });
            self.copies.push(Call {
                function: format!("copy<{}>", edge.elements),
                args: vec![edge.array.clone(), array.clone()],
            });
            self.headers.insert("move");
            self.outputs.push(PortView {
                name: output.name.clone(),
                array,
                type_name,
                fixed,
                spelled,
                elements: edge.elements,
                words: edge.elements / stream::word_size(&node.ty.shape),
                node: output.node,
            });
        }
    }

    fn add_kernels(
        &mut self,
        design: &Design,
        live: &[bool],
        edges: &[Edge],
        directives: &Directives,
        errors: &mut Vec<CodegenError>,
    ) {
        for (i, node) in design.nodes.iter().enumerate() {
            if !live[i] {
                continue;
            }
            let of_loop = cells::view(&self.cells, design, node_id(i), directives);
            let view = match of_loop {
                Some(view) => Ok(Some(view)),
                None => kernels::view(design, node_id(i), edges, self.family, directives),
            };
            match view {
                Ok(None) => {}
                Ok(Some(view)) => {
                    self.headers.insert(view.header);
                    self.types.extend(view.types.iter().cloned());
                    self.kernels.push(view);
                }
                Err(because) => errors.push(CodegenError::Layer {
                    layer: node.origin.to_string(),
                    because,
                }),
            }
        }
    }

    /// Groups the kernels into layer functions: runs of one origin, so that the functions can be
    /// called in order.
    fn add_layers(&mut self, design: &Design, live: &[bool], edges: &[Edge], namer: &mut Namer) {
        let mut runs: Vec<Vec<&KernelView>> = Vec::new();
        for view in &self.kernels {
            let origin = |v: &KernelView| &design.node(v.node).origin;
            match runs.last_mut() {
                Some(run) if origin(run[0]) == origin(view) => run.push(view),
                _ => runs.push(vec![view]),
            }
        }
        let output_nodes: Vec<NodeId> = self.outputs.iter().map(|p| p.node).collect();
        let ports: Vec<String> = self.outputs.iter().map(|p| p.array.clone()).collect();
        let local = |id: NodeId| {
            let edge = &edges[id.index()];
            Local {
                type_name: edge.type_name.clone(),
                name: edge.array.clone(),
                elements: edge.elements,
            }
        };
        let mut layers = Vec::new();
        for run in &runs {
            let inside = |id: NodeId| run.iter().any(|v| v.node == id);
            let used_outside = |id: NodeId| {
                output_nodes.contains(&id)
                    || design
                        .nodes
                        .iter()
                        .enumerate()
                        .any(|(j, n)| live[j] && !inside(node_id(j)) && n.inputs.contains(&id))
            };
            let mut operands: Vec<NodeId> = Vec::new();
            for id in run.iter().flat_map(|v| &design.node(v.node).inputs) {
                if !inside(*id) && !operands.contains(id) {
                    operands.push(*id);
                }
            }
            let (results, hidden): (Vec<NodeId>, Vec<NodeId>) =
                run.iter().map(|v| v.node).partition(|&id| used_outside(id));
            let origin = &design.node(run[0].node).origin;
            let outputs: Vec<Local> = results.into_iter().map(local).collect();
            let temporary = run.iter().flat_map(|v| v.locals.iter().cloned());
            layers.push(LayerView {
                function: namer.unique(&origin.layer),
                title: origin.to_string(),
                inputs: operands.into_iter().map(local).collect(),
                declares: outputs
                    .iter()
                    .filter(|o| !ports.contains(&o.name))
                    .cloned()
                    .collect(),
                outputs,
                locals: hidden.into_iter().map(local).chain(temporary).collect(),
                stages: run
                    .iter()
                    .map(|v| Stage {
                        comment: v.title.clone(),
                        memories: v.memories.clone(),
                        calls: v.calls.clone(),
                    })
                    .collect(),
                loops: run.iter().any(|v| v.loops),
                ii: run.iter().map(|v| v.choice.ii()).max().unwrap_or(1),
                multipliers: multipliers(run.iter().copied()),
            });
        }
        self.layers = layers;
    }

    /// Layer outputs that the top function can see.
    fn add_traces(&mut self, design: &Design, edges: &[Edge]) {
        let outside: BTreeSet<&str> = self
            .layers
            .iter()
            .flat_map(|l| &l.outputs)
            .map(|o| o.name.as_str())
            .collect();
        let visible = |id: NodeId, array: &str| match &self.network {
            Some(network) => network.source(id).is_some(),
            None => outside.contains(array),
        };
        let mut traces = Vec::new();
        for tap in &design.taps {
            let edge = &edges[tap.node.index()];
            if visible(tap.node, &edge.array) {
                let fixed = edge_type(design.node(tap.node)).expect("checked when it was named");
                traces.push(Trace {
                    name: tap.name.clone(),
                    array: edge.array.clone(),
                    elements: edge.elements,
                    node: tap.node,
                    fixed,
                    spelled: spell::fixed(&fixed, self.family).expect("checked when it was named"),
                });
            }
        }
        self.traces = traces;
    }

    fn choose_schedule(&self) -> Schedule {
        if !self.layers.iter().any(|l| l.loops) {
            return Schedule::Pipeline;
        }
        let readers = |name: &str| {
            let layers = self.layers.iter().flat_map(|l| &l.inputs);
            let copies = self.copies.iter().flat_map(|c| c.args.first());
            layers.filter(|a| a.name == name).count() + copies.filter(|a| *a == name).count()
        };
        let arrays = self.layers.iter().flat_map(|l| &l.outputs);
        let ports = &self.inputs;
        let chain = arrays.map(|o| o.name.as_str()).all(|n| readers(n) <= 1)
            && ports.iter().all(|p| readers(&p.array) <= 1);
        if chain {
            Schedule::Dataflow
        } else {
            Schedule::Sequence
        }
    }

    /// What the vendor tools are known to refuse.
    fn check_limits(&mut self) {
        for layer in &self.layers {
            for array in layer.outputs.iter().chain(&layer.locals) {
                if array.elements > PARTITION_LIMIT {
                    self.warnings.push(format!(
                        "layer `{}`: {} has {} elements; the tools partition at most {PARTITION_LIMIT} \
                         into registers, so io parallel will not synthesise: use io stream",
                        layer.title, array.name, array.elements
                    ));
                }
            }
        }
        for kernel in &self.kernels {
            if kernel.products > PARTITION_LIMIT as u64 {
                let rounds = kernel.products.div_ceil(PARTITION_LIMIT as u64);
                let advice = match kernel.config {
                    Config::Dense(_) => format!(
                        "use strategy resource with a reuse_factor of {rounds} or more that divides \
                         its products"
                    ),
                    _ => "prune it or split it into layers with fewer filters".to_owned(),
                };
                self.warnings.push(format!(
                    "layer `{}`: {} products in parallel; the tools unroll loops of at most \
                     {PARTITION_LIMIT} rounds: {advice}",
                    kernel.origin, kernel.products
                ));
            }
        }
    }

    /// Adds the files that are the same for every backend.
    pub(crate) fn render(&self, files: &mut FileSet) -> Result<(), askama::Error> {
        let name = &self.name;
        files.add("firmware/defines.h", Defines { project: self }.render()?);
        files.add(
            "firmware/parameters.h",
            Parameters { project: self }.render()?,
        );
        files.add(
            format!("{name}_test.cpp"),
            TestBench { project: self }.render()?,
        );
        files.add(
            format!("{name}_bridge.cpp"),
            Bridge { project: self }.render()?,
        );
        if let Some(network) = &self.network {
            let fifos = Fifos {
                project: self,
                network,
            };
            files.add(format!("{name}_fifos.cpp"), fifos.render()?);
            files.add("fifo_depths.json", network.summary());
        }
        Ok(())
    }

    /// Adds the script that builds the shared library. `stamp` tells the libraries of different
    /// designs apart.
    pub(crate) fn render_build_script(
        &self,
        stamp: &str,
        files: &mut FileSet,
    ) -> Result<(), askama::Error> {
        let script = BuildLib {
            project: self,
            stamp,
        };
        files.add("build_lib.sh", script.render()?);
        Ok(())
    }
}

#[derive(Template)]
#[template(path = "common/defines.h", escape = "none")]
struct Defines<'a> {
    project: &'a Project,
}

#[derive(Template)]
#[template(path = "common/parameters.h", escape = "none")]
struct Parameters<'a> {
    project: &'a Project,
}

#[derive(Template)]
#[template(path = "common/test.cpp", escape = "none")]
struct TestBench<'a> {
    project: &'a Project,
}

#[derive(Template)]
#[template(path = "common/bridge.cpp", escape = "none")]
struct Bridge<'a> {
    project: &'a Project,
}

#[derive(Template)]
#[template(path = "common/fifos.cpp", escape = "none")]
struct Fifos<'a> {
    project: &'a Project,
    network: &'a Network,
}

#[derive(Template)]
#[template(path = "common/build_lib.sh", escape = "none")]
struct BuildLib<'a> {
    project: &'a Project,
    stamp: &'a str,
}

/// How many multipliers a latency layer with a reuse factor may use; `None` without one.
pub(crate) fn multipliers<'a>(kernels: impl IntoIterator<Item = &'a KernelView>) -> Option<u64> {
    let each = kernels.into_iter().filter(|v| {
        v.products > 0 && v.choice.reuse_factor > 1 && v.choice.strategy == Strategy::Latency
    });
    each.map(|v| v.products.div_ceil(v.choice.reuse_factor.into()))
        .max()
}

pub(crate) fn node_id(index: usize) -> NodeId {
    NodeId(u32::try_from(index).expect("a design has fewer than 2^32 nodes"))
}

/// The C++ type of a node's array; `None` beyond 127 bits.
pub(crate) fn edge_type(node: &Node) -> Option<FixedType> {
    match &node.kernel {
        // Callers outside assign to the port, so it keeps its modes.
        Kernel::Input { ty, .. } => Some(*ty),
        Kernel::Dot(_)
        | Kernel::MatMul
        | Kernel::Affine(_)
        | Kernel::Select(_)
        | Kernel::Clamp(_)
        | Kernel::Cast(_)
        | Kernel::Lut(_)
        | Kernel::Threshold(_)
        | Kernel::Pool { .. }
        | Kernel::Merge { .. }
        | Kernel::Move(_)
        | Kernel::Reduce(_)
        | Kernel::Loop(_)
        | Kernel::Part(_) => node.ty.covering(),
    }
}

pub(crate) fn refuse_type(node: &Node, fixed: Option<FixedType>, family: Family) -> String {
    match fixed {
        None => format!(
            "its channels, aligned to the finest binary point, need more than {} bits ({})",
            crate::ir::kernel::MAX_WIDTH,
            describe(&node.ty)
        ),
        Some(ty) => refuse_modes(&ty, family),
    }
}

/// Why a type's modes cannot be written.
pub(crate) fn refuse_modes(ty: &FixedType, family: Family) -> String {
    let tool = match family {
        Family::Ap => "AP",
        Family::Ac => "AC",
    };
    format!(
        "{:?} with {:?} and {} saturation bits is not written for {tool} types: the header \
         families give it no common meaning; TRN, TRN_ZERO, RND, RND_CONV, RND_ZERO, RND_INF and \
         RND_MIN_INF with WRAP, SAT, SAT_SYM and SAT_ZERO are",
        ty.quantization, ty.overflow, ty.sat_bits
    )
}

/// Nodes that an output depends on.
fn live_nodes(design: &Design) -> Vec<bool> {
    let mut live = vec![false; design.nodes.len()];
    for port in &design.outputs {
        live[port.node.index()] = true;
    }
    for i in (0..design.nodes.len()).rev() {
        if live[i] {
            for input in &design.nodes[i].inputs {
                live[input.index()] = true;
            }
        }
    }
    live
}

/// Nodes whose result another live node reads.
fn read_nodes(design: &Design, live: &[bool]) -> Vec<bool> {
    let mut read = vec![false; design.nodes.len()];
    for (node, _) in design.nodes.iter().zip(live).filter(|(_, live)| **live) {
        for input in &node.inputs {
            read[input.index()] = true;
        }
    }
    read
}

/// Shape, values and binary point of a tensor, for comments.
pub(crate) fn describe(ty: &TensorType) -> String {
    let shape: Vec<String> = ty.shape.iter().map(usize::to_string).collect();
    let shape = if shape.is_empty() {
        "scalar".to_owned()
    } else {
        shape.join(" x ")
    };
    let Range { lo, hi } = ty.hull();
    match ty.uniform_frac() {
        Some(frac) => format!(
            "{shape}, codes {lo}..{hi}, value = code * 2^{}",
            -i64::from(frac)
        ),
        None => format!("{shape}, codes {lo}..{hi}, each channel with its own binary point"),
    }
}
