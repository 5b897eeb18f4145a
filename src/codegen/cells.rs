//! Loops as C++: the cell as one function, and a loop over the steps that keeps its states.

use super::CodegenError;
use super::directives::Directives;
use super::estimate;
use super::kernels::{self, Config, KernelView};
use super::names::Namer;
use super::project::{Call, Edge, Local, Stage, Typedef, describe, edge_type, node_id};
use super::project::{multipliers, refuse_type};
use super::spell;
use crate::ir::kernel::{Design, Kernel, Loop, NodeId};
use crate::num::Family;

/// A loop of the design.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) node: NodeId,
    /// The function of one step.
    pub(crate) function: String,
    /// The function of all steps, in io parallel.
    pub(crate) loop_function: String,
    pub(crate) title: String,
    pub(crate) steps: usize,
    /// Parameters: a slice of each sequence, then the states.
    pub(crate) slices: Vec<Local>,
    pub(crate) states: Vec<Local>,
    /// Results of a step, each once.
    pub(crate) outputs: Vec<Local>,
    /// The output behind each new state.
    pub(crate) next: Vec<String>,
    /// What of it leaves the loop.
    pub(crate) results: Vec<CellResult>,
    pub(crate) locals: Vec<Local>,
    pub(crate) stages: Vec<Stage>,
    pub(crate) kernels: Vec<KernelView>,
    /// Cycles from one step to the next; `None` where a kernel inside loops itself.
    pub(crate) ii: Option<u32>,
    /// Cycles of a step in the schedule: the next one waits for its state.
    pub(crate) cycles: u32,
    /// Multipliers that the tool may use, where they are shared.
    pub(crate) multipliers: Option<u64>,
    /// Steps that are computed in one round of the loop.
    pub(crate) unroll: u32,
    /// The operands' arrays: sequences, then initial states.
    operands: Vec<Local>,
}

/// A result of a loop.
#[derive(Debug)]
pub(crate) struct CellResult {
    /// Outside of the loop.
    pub(crate) array: Local,
    /// The cell's output.
    pub(crate) from: Local,
    /// Every step's values, or the last ones.
    pub(crate) sequence: bool,
}

impl Cell {
    /// Arguments of a step.
    pub(crate) fn args(&self) -> Vec<&str> {
        let all = self.slices.iter().chain(&self.states).chain(&self.outputs);
        all.map(|a| a.name.as_str()).collect()
    }

    /// Each sequence, with its slice.
    pub(crate) fn sequences(&self) -> impl Iterator<Item = (&Local, &Local)> {
        self.operands.iter().zip(&self.slices)
    }

    /// Each state with the array of its initial value, if it has one.
    pub(crate) fn initial(&self) -> impl Iterator<Item = (&Local, Option<&Local>)> {
        let given = |k: usize| self.operands.get(self.slices.len() + k);
        let states = self.states.iter().enumerate();
        states.map(move |(k, state)| (state, given(k)))
    }

    /// Parameters of the function of all steps.
    pub(crate) fn operands(&self) -> &[Local] {
        &self.operands
    }

    /// Each new state, with the state that it becomes.
    pub(crate) fn updates(&self) -> impl Iterator<Item = (&String, &Local)> {
        self.next.iter().zip(&self.states)
    }
}

/// What cells are built from.
pub(crate) struct Parts<'a> {
    pub(crate) design: &'a Design,
    pub(crate) live: &'a [bool],
    pub(crate) edges: &'a [Edge],
    pub(crate) family: Family,
    pub(crate) directives: &'a Directives,
    /// Clock period in nanoseconds.
    pub(crate) period: f64,
}

/// The cells of all loops, and their types.
pub(crate) fn cells(
    parts: &Parts,
    namer: &mut Namer,
    errors: &mut Vec<CodegenError>,
) -> (Vec<Cell>, Vec<Typedef>) {
    let mut cells = Vec::new();
    let mut types = Vec::new();
    let mut first = parts.design.nodes.len();
    for (i, node) in parts.design.nodes.iter().enumerate() {
        let Kernel::Loop(cell) = &node.kernel else {
            continue;
        };
        if parts.live[i] {
            cells.extend(parts.cell(node_id(i), cell, first, namer, &mut types, errors));
        }
        first += cell.body.nodes.len();
    }
    (cells, types)
}

impl Parts<'_> {
    /// One loop; the nodes of its body are numbered from `first` on.
    fn cell(
        &self,
        id: NodeId,
        cell: &Loop,
        first: usize,
        namer: &mut Namer,
        types: &mut Vec<Typedef>,
        errors: &mut Vec<CodegenError>,
    ) -> Option<Cell> {
        let body = &cell.body;
        let edges = self.body_edges(body, first, types, errors)?;
        let mut views = Vec::new();
        for (i, node) in body.nodes.iter().enumerate() {
            let view = match node.kernel {
                Kernel::Loop(_) | Kernel::Part(_) => {
                    Err("loops inside loops have no C++ form".into())
                }
                _ => kernels::view(body, node_id(i), &edges, self.family, self.directives),
            };
            match view {
                Ok(view) => views.extend(view),
                Err(because) => errors.push(CodegenError::Layer {
                    layer: node.origin.to_string(),
                    because,
                }),
            }
        }
        let local = |id: NodeId| array(&edges[id.index()]);
        let inputs: Vec<Local> = body.inputs.iter().map(|p| local(p.node)).collect();
        let (slices, states) = inputs.split_at(cell.sequences);
        let mut output_nodes: Vec<NodeId> = Vec::new();
        for port in &body.outputs {
            if !output_nodes.contains(&port.node) {
                output_nodes.push(port.node);
            }
        }
        let hidden = views.iter().map(|v| v.node);
        let hidden = hidden.filter(|id| !output_nodes.contains(id)).map(local);
        let temporary = views.iter().flat_map(|v| v.locals.iter().cloned());
        let node = self.design.node(id);
        let layer = &node.origin.layer;
        let choice = self.directives.of(&node.origin);
        let ii = views
            .iter()
            .map(|v| v.choice.ii())
            .fold(choice.ii(), u32::max);
        let cycles = estimate::step_cycles(cell, choice, self.period);
        Some(Cell {
            node: id,
            function: namer.unique(&format!("{layer}_cell")),
            loop_function: namer.unique(&format!("{layer}_steps")),
            title: node.origin.to_string(),
            steps: cell.steps,
            slices: slices.to_vec(),
            states: states.to_vec(),
            next: (0..cell.states())
                .map(|k| local(body.outputs[k].node).name)
                .collect(),
            results: self.results(id, cell, &local),
            locals: hidden.chain(temporary).collect(),
            stages: views
                .iter()
                .map(|v| Stage {
                    comment: v.title.clone(),
                    memories: v.memories.clone(),
                    calls: v.calls.clone(),
                })
                .collect(),
            outputs: output_nodes.into_iter().map(local).collect(),
            ii: Some(ii).filter(|_| !views.iter().any(|v| v.loops)),
            cycles: u32::try_from(cycles).unwrap_or(u32::MAX),
            multipliers: multipliers(&views),
            unroll: choice.parallelization_factor,
            operands: node
                .inputs
                .iter()
                .map(|i| array(&self.edges[i.index()]))
                .collect(),
            kernels: views,
        })
    }

    /// Types and arrays of a body's nodes.
    fn body_edges(
        &self,
        body: &Design,
        first: usize,
        types: &mut Vec<Typedef>,
        errors: &mut Vec<CodegenError>,
    ) -> Option<Vec<Edge>> {
        let mut edges = Vec::with_capacity(body.nodes.len());
        for (i, node) in body.nodes.iter().enumerate() {
            let index = first + i + 1;
            let edge = Edge {
                index,
                type_name: format!("layer{index}_t"),
                array: format!("layer{index}_out"),
                elements: node.ty.elements(),
            };
            let fixed = edge_type(node);
            match fixed.and_then(|f| spell::fixed(&f, self.family)) {
                Some(spelled) => types.push(Typedef {
                    name: edge.type_name.clone(),
                    spelled,
                    comment: format!("{}, in a step: {}", node.origin, describe(&node.ty)),
                }),
                None => errors.push(CodegenError::Layer {
                    layer: node.origin.to_string(),
                    because: refuse_type(node, fixed, self.family),
                }),
            }
            edges.push(edge);
        }
        errors.is_empty().then_some(edges)
    }

    /// The loop's own result and those of its parts that something needs.
    fn results(&self, id: NodeId, cell: &Loop, local: &dyn Fn(NodeId) -> Local) -> Vec<CellResult> {
        let nodes = self.design.nodes.iter().enumerate();
        let parts = nodes.filter(|(i, n)| self.live[*i] && n.inputs.first() == Some(&id));
        let parts = parts.filter_map(|(i, n)| match n.kernel {
            Kernel::Part(number) => Some((node_id(i), number)),
            _ => None,
        });
        std::iter::once((id, 0))
            .chain(parts)
            .map(|(node, number)| CellResult {
                array: array(&self.edges[node.index()]),
                from: local(cell.source(number)),
                sequence: cell.results[number].sequence,
            })
            .collect()
    }
}

/// An edge's array.
fn array(edge: &Edge) -> Local {
    Local {
        type_name: edge.type_name.clone(),
        name: edge.array.clone(),
        elements: edge.elements,
    }
}

/// Loops and their parts as kernels of the design: `None` for any other node.
pub(crate) fn view(
    cells: &[Cell],
    design: &Design,
    id: NodeId,
    directives: &Directives,
) -> Option<KernelView> {
    let node = design.node(id);
    let mut view = KernelView {
        node: id,
        origin: node.origin.clone(),
        index: id.index() + 1,
        title: kernels::title(node),
        arrays: Vec::new(),
        types: Vec::new(),
        config: Config::None,
        calls: Vec::new(),
        locals: Vec::new(),
        header: "steps",
        loops: true,
        products: 0,
        memories: Vec::new(),
        choice: directives.of(&node.origin),
    };
    match node.kernel {
        Kernel::Loop(_) => {
            let cell = cells.iter().find(|c| c.node == id)?;
            let results = cell.results.iter().map(|r| &r.array);
            let args = cell.operands.iter().chain(results);
            view.calls.push(Call {
                function: cell.loop_function.clone(),
                args: args.map(|a| a.name.clone()).collect(),
            });
            view.products = cell.kernels.iter().map(|k| k.products).sum();
        }
        // Written by the loop.
        Kernel::Part(_) => {}
        _ => return None,
    }
    Some(view)
}
