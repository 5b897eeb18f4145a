//! The design as a chain and branches of processes that exchange words, one pixel each.
//!
//! A stream word holds the last axis of a tensor. Kernels that need one word at a time (point
//! functions, dense layers, sums of equal shapes) run in a loop over words, several of one layer
//! together; convolutions and pools keep a line buffer; everything else takes in the whole tensor
//! first. A stream with several readers is cloned.

mod local;
pub(crate) mod tokens;

use std::collections::VecDeque;

use serde::Serialize;

use super::cells::{self, Cell, CellResult};
use super::kernels::{self, Config, KernelView};
use super::names::Namer;
use super::project::{Call, Edge, Local, PortView, Stage, node_id};
use super::{CodegenError, Directives, estimate};
use crate::ir::kernel::{Design, Kernel, NodeId};
use crate::num::Family;
use tokens::{Op, Timing, TokenGraph, pipelined};

/// Processes in the order in which a sequential simulation calls them.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) processes: Vec<Process>,
    pub(crate) streams: Vec<Stream>,
    pub(crate) timing: Timing,
}

/// A stream between processes, or a port.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    pub(crate) name: String,
    /// Type of its words.
    pub(crate) word: String,
    /// Words of one sample.
    pub(crate) words: usize,
    pub(crate) port: bool,
    /// Places of the FIFO.
    pub(crate) depth: usize,
    /// Fewest places for which the design does not deadlock.
    pub(crate) smallest: usize,
    /// The node whose values it carries.
    pub(crate) node: NodeId,
    /// Written by the node's own process, not a clone.
    pub(crate) source: bool,
}

/// What `fifo_depths.json` says.
#[derive(Serialize)]
struct Summary<'a> {
    /// From the first input word to the last output word, in cycles, when every round of a
    /// process takes one; an estimate.
    latency_cycles: u64,
    /// From one sample to the next.
    interval_cycles: u64,
    fifos: Vec<FifoSummary<'a>>,
}

#[derive(Serialize)]
struct FifoSummary<'a> {
    name: &'a str,
    /// Words of one sample.
    words: usize,
    /// Places in the project.
    depth: usize,
    /// Fewest places for which the design does not deadlock.
    smallest: usize,
}

impl Network {
    /// Depths, latency and interval as JSON.
    pub(crate) fn summary(&self) -> String {
        let fifos = self.streams.iter().filter(|s| !s.port);
        let summary = Summary {
            latency_cycles: self.timing.latency,
            interval_cycles: self.timing.interval,
            fifos: fifos
                .map(|s| FifoSummary {
                    name: &s.name,
                    words: s.words,
                    depth: s.depth,
                    smallest: s.smallest,
                })
                .collect(),
        };
        serde_json::to_string_pretty(&summary).expect("plain data has a JSON form")
    }

    /// The stream that the process of a node writes, if it is not hidden inside the process.
    pub(crate) fn source(&self, node: NodeId) -> Option<&Stream> {
        self.streams.iter().find(|s| s.source && s.node == node)
    }
}

/// A function of the project.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) function: String,
    pub(crate) title: String,
    pub(crate) inputs: Vec<Arm>,
    pub(crate) outputs: Vec<Arm>,
    pub(crate) locals: Vec<Local>,
    pub(crate) stages: Vec<Stage>,
    pub(crate) form: Form,
    /// Cycles from one word to the next; `None` where a kernel inside loops itself.
    pub(crate) ii: Option<u32>,
    /// The same for the schedule, loops inside included.
    cycles: u32,
    /// Cycles between a word that comes in and the one that leaves for it; 0 where each round waits
    /// for the one before.
    pipeline: u32,
    /// Position of its cell among those of the project.
    cell: Option<usize>,
}

/// A stream as a process sees it: a parameter, and an array for its elements.
#[derive(Debug, Clone)]
pub(crate) struct Arm {
    /// Position in [`Network::streams`].
    pub(crate) stream: usize,
    pub(crate) parameter: String,
    pub(crate) word: String,
    pub(crate) words: usize,
    /// Words that each step of a loop moves; `None` where all of them move at once.
    pub(crate) per_step: Option<usize>,
    pub(crate) array: Local,
}

/// How a process moves words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    /// A loop of so many rounds: a word from every input, then one to every output.
    Words(usize),
    /// All words of all inputs, then all words of all outputs.
    Whole,
    /// A kernel of the library that reads and writes streams itself; whether each step of the
    /// grid reads and writes.
    Pixels(Vec<(bool, bool)>),
    /// A loop of so many rounds: each word to every output.
    Clone(usize),
    /// A loop of so many steps of a cell: a slice of each of the first inputs, the sequences, and one of
    /// every output that is a sequence; the other inputs before the loop, the other outputs behind it.
    Steps(usize),
}

impl Arm {
    /// Moves a slice with each of so many steps.
    fn slice_of(&mut self, steps: usize) {
        self.per_step = Some(self.words / steps);
        self.array.elements /= steps;
    }
}

impl Process {
    /// The cell whose steps it walks through.
    pub(crate) fn cell<'a>(&self, cells: &'a [Cell]) -> Option<&'a Cell> {
        cells.get(self.cell?)
    }

    /// The arm of a result.
    pub(crate) fn output(&self, result: &CellResult) -> Option<&Arm> {
        let mut outputs = self.outputs.iter();
        outputs.find(|a| a.array.name == result.array.name)
    }

    /// Arms of sequences, with the cell's slices.
    pub(crate) fn sequences<'a>(
        &'a self,
        cell: &'a Cell,
    ) -> impl Iterator<Item = (&'a Arm, &'a Local)> {
        self.inputs.iter().zip(&cell.slices)
    }

    /// The cell's states, with the arms of their initial values.
    pub(crate) fn initial<'a>(
        &'a self,
        cell: &'a Cell,
    ) -> impl Iterator<Item = (&'a Local, Option<&'a Arm>)> {
        let first = cell.slices.len();
        let states = cell.states.iter().enumerate();
        states.map(move |(k, state)| (state, self.inputs.get(first + k)))
    }

    /// Every array that it works on.
    pub(crate) fn arrays(&self) -> Vec<&Local> {
        let arms = self.inputs.iter().chain(&self.outputs).map(|a| &a.array);
        arms.chain(&self.locals).collect()
    }

    /// Streams in the order of the parameters.
    pub(crate) fn args<'a>(&'a self, streams: &'a [Stream]) -> Vec<&'a str> {
        let arms = self.inputs.iter().chain(&self.outputs);
        arms.map(|a| streams[a.stream].name.as_str()).collect()
    }

    fn program(&self) -> Vec<Op> {
        let reads = || self.inputs.iter().map(|a| Op::Read(a.stream));
        let writes = || self.outputs.iter().map(|a| Op::Write(a.stream));
        let mut ops = Vec::new();
        match &self.form {
            Form::Words(count) | Form::Clone(count) => {
                for _ in 0..*count {
                    ops.extend(reads().chain(writes()));
                    ops.push(Op::Step);
                }
            }
            Form::Whole => {
                let all = |arms: &[Arm], op: fn(usize) -> Op| -> Vec<Op> {
                    let each = arms.iter().flat_map(|a| vec![a.stream; a.words]);
                    each.flat_map(|s| [op(s), Op::Step]).collect()
                };
                ops.extend(all(&self.inputs, Op::Read));
                ops.extend(all(&self.outputs, Op::Write));
            }
            Form::Steps(count) => {
                let words = |arms: &[Arm], op: fn(usize) -> Op, inside: bool| -> Vec<Op> {
                    let each = arms.iter().filter(|a| a.per_step.is_some() == inside);
                    let each = each.flat_map(|a| vec![a.stream; a.per_step.unwrap_or(a.words)]);
                    each.flat_map(|s| [op(s), Op::Step]).collect()
                };
                ops.extend(words(&self.inputs, Op::Read, false));
                for _ in 0..*count {
                    let mut round = words(&self.inputs, Op::Read, true);
                    round.extend(words(&self.outputs, Op::Write, true));
                    // The first word of every stream in the cycle of the step itself.
                    round.retain(|op| *op != Op::Step);
                    let most = self.inputs.iter().chain(&self.outputs);
                    let most = most.filter_map(|a| a.per_step).max().unwrap_or(1);
                    round.extend(vec![Op::Step; most]);
                    ops.extend(round);
                }
                ops.extend(words(&self.outputs, Op::Write, false));
            }
            Form::Pixels(steps) => {
                for &(read, write) in steps {
                    ops.extend(reads().filter(|_| read));
                    ops.extend(writes().filter(|_| write));
                    ops.push(Op::Step);
                }
            }
        }
        ops
    }
}

/// Fewest places of a FIFO in hardware: with one, writer and reader would take turns.
const HARDWARE_DEPTH: usize = 2;

/// A run of kernels that becomes one process.
struct Group {
    form: Form,
    nodes: Vec<NodeId>,
}

/// What a network is built from.
pub(crate) struct Parts<'a> {
    pub(crate) design: &'a Design,
    pub(crate) live: &'a [bool],
    pub(crate) edges: &'a [Edge],
    pub(crate) inputs: &'a [PortView],
    pub(crate) outputs: &'a [PortView],
    pub(crate) family: Family,
    pub(crate) directives: &'a Directives,
    pub(crate) cells: &'a [Cell],
    /// Nanoseconds of a clock cycle.
    pub(crate) period: f64,
}

/// The processes, and the views of their kernels in the order of the design.
pub(crate) fn network(
    parts: &Parts,
    namer: &mut Namer,
    errors: &mut Vec<CodegenError>,
) -> (Network, Vec<KernelView>) {
    let groups = parts.groups();
    let mut builder = Builder {
        parts,
        namer,
        streams: Vec::new(),
        processes: Vec::new(),
        views: Vec::new(),
        ready: vec![VecDeque::new(); parts.design.nodes.len()],
        readers: parts.readers(&groups),
    };
    for port in parts.inputs {
        builder.produce(port.node, true);
    }
    for group in &groups {
        builder.add(group, errors);
    }
    let Builder {
        mut streams,
        processes,
        views,
        ..
    } = builder;
    let programs: Vec<Vec<Op>> = processes.iter().map(Process::program).collect();
    let in_hardware = processes.iter().zip(&programs);
    let in_hardware =
        in_hardware.map(|(p, program)| pipelined(program, p.pipeline.div_ceil(p.cycles) as usize));
    let hardware = TokenGraph {
        programs: in_hardware.collect(),
        cycles: processes.iter().map(|p| p.cycles.into()).collect(),
        ports: streams.iter().map(|s| s.port).collect(),
        whole_rounds: true,
    };
    let software = TokenGraph {
        programs,
        whole_rounds: false,
        ..hardware.clone()
    };
    let depths = hardware.depths().into_iter().zip(software.depths());
    for (stream, (hardware, software)) in streams.iter_mut().zip(depths) {
        stream.smallest = hardware.max(software);
        stream.depth = stream.smallest.max(HARDWARE_DEPTH);
    }
    let network = Network {
        processes,
        streams,
        timing: hardware.timing(),
    };
    (network, views)
}

/// Elements of a word: the last axis.
pub(crate) fn word_size(shape: &[usize]) -> usize {
    shape.last().copied().unwrap_or(1)
}

fn words(shape: &[usize]) -> usize {
    let all: usize = shape.iter().product();
    all / word_size(shape)
}

impl Parts<'_> {
    /// Neighbouring kernels of one layer that can share a process.
    fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for (i, node) in self.design.nodes.iter().enumerate() {
            if !self.live[i] || matches!(node.kernel, Kernel::Input { .. }) {
                continue;
            }
            if let Kernel::Part(_) = node.kernel {
                // Written by the loop's process.
                let from = node.inputs[0];
                let group = groups.iter_mut().find(|g| g.nodes.contains(&from));
                group
                    .expect("a loop stands before its parts")
                    .nodes
                    .push(node_id(i));
                continue;
            }
            let form = local::form(node, &self.design.operand_types(node));
            let joins = groups.last().is_some_and(|last| {
                let origin = &self.design.node(last.nodes[0]).origin;
                origin == &node.origin
                    && match (&last.form, &form) {
                        (Form::Words(a), Form::Words(b)) => a == b,
                        (Form::Whole, Form::Words(_) | Form::Whole) => true,
                        _ => false,
                    }
            });
            match groups.last_mut() {
                Some(last) if joins => last.nodes.push(node_id(i)),
                _ => groups.push(Group {
                    form,
                    nodes: vec![node_id(i)],
                }),
            }
        }
        groups
    }

    /// Nodes outside the group whose results it reads, each once, in the order of use.
    fn operands(&self, group: &Group) -> Vec<NodeId> {
        let mut operands = Vec::new();
        for id in &group.nodes {
            for from in &self.design.node(*id).inputs {
                if !group.nodes.contains(from) && !operands.contains(from) {
                    operands.push(*from);
                }
            }
        }
        operands
    }

    /// For each node how many groups and outputs read it as a stream.
    fn readers(&self, groups: &[Group]) -> Vec<usize> {
        let mut readers = vec![0; self.design.nodes.len()];
        for id in groups.iter().flat_map(|g| self.operands(g)) {
            readers[id.index()] += 1;
        }
        for port in self.outputs {
            readers[port.node.index()] += 1;
        }
        readers
    }
}

struct Builder<'a> {
    parts: &'a Parts<'a>,
    namer: &'a mut Namer,
    streams: Vec<Stream>,
    processes: Vec<Process>,
    views: Vec<KernelView>,
    /// For each node the streams that readers have not taken yet.
    ready: Vec<VecDeque<usize>>,
    readers: Vec<usize>,
}

impl Builder<'_> {
    fn stream(&mut self, name: String, node: NodeId, port: bool) -> usize {
        let ty = &self.parts.design.node(node).ty;
        self.streams.push(Stream {
            name,
            word: self.parts.edges[node.index()].word(),
            words: words(&ty.shape),
            port,
            depth: 0,
            smallest: 0,
            node,
            source: false,
        });
        self.streams.len() - 1
    }

    /// The stream that a node writes, and clones of it where several read. Returns the former.
    fn produce(&mut self, node: NodeId, input: bool) -> usize {
        let array = self.parts.edges[node.index()].array.clone();
        let ports: Vec<&PortView> = self
            .parts
            .outputs
            .iter()
            .filter(|p| p.node == node)
            .collect();
        let readers = self.readers[node.index()];
        let direct = readers == 1 && !input && ports.len() == 1;
        let name = if direct {
            ports[0].array.clone()
        } else {
            array.clone()
        };
        let first = self.stream(name, node, input || direct);
        self.streams[first].source = !input;
        if readers == 1 && (ports.is_empty() || direct) {
            if !direct {
                self.ready[node.index()].push_back(first);
            }
            return first;
        }
        let mut copies: Vec<usize> = Vec::new();
        for n in 1..=readers - ports.len() {
            let name = self.namer.unique(&format!("{array}_{n}"));
            let copy = self.stream(name, node, false);
            self.ready[node.index()].push_back(copy);
            copies.push(copy);
        }
        for port in ports {
            copies.push(self.stream(port.array.clone(), node, true));
        }
        let origin = &self.parts.design.node(node).origin;
        let process = Process {
            function: self.namer.unique(&format!("clone_{array}")),
            title: match copies.len() {
                0 => format!("{origin}: nothing reads it"),
                1 => format!("{origin}: passed on"),
                n => format!("{origin}: one copy for each of {n} readers"),
            },
            inputs: vec![self.arm(first)],
            outputs: copies.into_iter().map(|c| self.arm(c)).collect(),
            locals: Vec::new(),
            stages: Vec::new(),
            form: Form::Clone(self.streams[first].words),
            ii: Some(1),
            cycles: 1,
            pipeline: estimate::process_cycles(
                self.parts.design,
                [],
                self.parts.directives,
                self.parts.period,
            ),
            cell: None,
        };
        // An input is there before everything; a layer's own process comes before its clones.
        self.processes.push(process);
        first
    }

    fn arm(&self, stream: usize) -> Arm {
        let Stream {
            name, word, words, ..
        } = &self.streams[stream];
        Arm {
            stream,
            parameter: format!("{name}_stream"),
            word: word.clone(),
            words: *words,
            per_step: None,
            array: Local {
                type_name: String::new(),
                name: name.clone(),
                elements: 0,
            },
        }
    }

    /// The arm of a process for the values of a node, with the array of a word or of the tensor.
    fn operand(&self, stream: usize, node: NodeId, form: &Form) -> Arm {
        let edge = &self.parts.edges[node.index()];
        let shape = &self.parts.design.node(node).ty.shape;
        Arm {
            parameter: format!("{}_stream", edge.array),
            array: local_array(edge, shape, form),
            ..self.arm(stream)
        }
    }

    fn add(&mut self, group: &Group, errors: &mut Vec<CodegenError>) {
        let Parts { design, edges, .. } = *self.parts;
        let mut stages = Vec::new();
        let mut locals = Vec::new();
        let mut views = Vec::new();
        for &id in &group.nodes {
            let of_loop = cells::view(self.parts.cells, design, id, self.parts.directives);
            let view = match of_loop {
                Some(view) => Ok(view),
                None => local::view(self.parts, id, &group.form),
            };
            match view {
                Ok(view) => {
                    stages.push(Stage {
                        comment: view.title.clone(),
                        memories: view.memories.clone(),
                        calls: view.calls.clone(),
                    });
                    locals.extend(view.locals.iter().cloned());
                    views.push(view);
                }
                Err(because) => errors.push(CodegenError::Layer {
                    layer: design.node(id).origin.to_string(),
                    because,
                }),
            }
        }
        if !errors.is_empty() {
            return;
        }
        let cycles = views.iter().map(|v| v.choice.ii()).max().unwrap_or(1);
        let cell = self.parts.cells.iter().find(|c| c.node == group.nodes[0]);
        let cycles = cell.map_or(cycles, |c| c.cycles);
        let ii = Some(cycles).filter(|_| !views.iter().any(|v| v.loops));
        let nodes = group.nodes.iter().map(|id| design.node(*id));
        let Parts {
            directives, period, ..
        } = *self.parts;
        let pipeline = match cell {
            Some(_) => 0,
            None => estimate::process_cycles(design, nodes, directives, period),
        };
        self.views.extend(views);
        let mut inputs: Vec<Arm> = self
            .parts
            .operands(group)
            .into_iter()
            .map(|id| {
                let stream = self.ready[id.index()]
                    .pop_front()
                    .expect("every reader was counted");
                self.operand(stream, id, &group.form)
            })
            .collect();
        let origin = &design.node(group.nodes[0]).origin;
        let function = self.namer.unique(&origin.layer);
        let place = self.processes.len();
        let mut outputs = Vec::new();
        for &id in &group.nodes {
            if self.readers[id.index()] > 0 {
                let stream = self.produce(id, false);
                outputs.push(self.operand(stream, id, &group.form));
            } else {
                let shape = &design.node(id).ty.shape;
                locals.push(local_array(&edges[id.index()], shape, &group.form));
            }
        }
        if let Some(cell) = cell {
            // Words of a step: of the sequences among the inputs, and among the results.
            let steps = cell.steps;
            for arm in inputs.iter_mut().take(cell.slices.len()) {
                arm.slice_of(steps);
            }
            for result in cell.results.iter().filter(|r| r.sequence) {
                let arm = outputs
                    .iter_mut()
                    .find(|a| a.array.name == result.array.name);
                arm.into_iter().for_each(|a| a.slice_of(steps));
            }
        }
        if matches!(group.form, Form::Pixels(_)) {
            let streams: Vec<String> = inputs
                .iter()
                .chain(&outputs)
                .map(|a| a.parameter.clone())
                .collect();
            to_streams(&mut stages, &streams);
        }
        let process = Process {
            function,
            title: origin.to_string(),
            inputs,
            outputs,
            locals,
            stages,
            form: group.form.clone(),
            ii: cell.map_or(ii, |c| c.ii),
            cycles,
            pipeline,
            cell: self
                .parts
                .cells
                .iter()
                .position(|c| c.node == group.nodes[0]),
        };
        self.processes.insert(place, process);
    }
}

/// The array of a word, or of the whole tensor.
fn local_array(edge: &Edge, shape: &[usize], form: &Form) -> Local {
    Local {
        type_name: edge.type_name.clone(),
        name: edge.array.clone(),
        elements: match form {
            Form::Words(_) | Form::Clone(_) | Form::Pixels(_) => word_size(shape),
            Form::Whole | Form::Steps(_) => shape.iter().product(),
        },
    }
}

/// Replaces the first arguments of the only call, arrays, by streams.
fn to_streams(stages: &mut [Stage], streams: &[String]) {
    for call in stages.iter_mut().flat_map(|s| &mut s.calls) {
        for (argument, stream) in call.args.iter_mut().zip(streams) {
            argument.clone_from(stream);
        }
    }
}

/// The library's function on streams for a kernel with windows.
fn pixel_call(view: &mut KernelView, all: bool) {
    let (header, name) = match &view.config {
        Config::Conv(_) => ("conv_stream", "conv_stream"),
        Config::Pool(_) if all => ("pool_stream", "pool_all_stream"),
        Config::Pool(_) => ("pool_stream", "pool_stream"),
        other => unreachable!("only windows walk over pixels: {other:?}"),
    };
    view.header = header;
    for Call { function, .. } in &mut view.calls {
        *function = kernels::named(name, view.index);
    }
}
