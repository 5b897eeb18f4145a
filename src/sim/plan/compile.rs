//! From a design to a plan: what is fused, which integers, which buffers.

use super::chain::{self, Point};
use super::dot::Dot;
use super::layout::{Cell, Layout};
use super::merge::Merging;
use super::pool::{MatMul, Pool};
use super::recurrence::Recurrence;
use super::simd::{Machine, Product};
use super::step::{Source, Stage, Step, Work};
use super::windows::Windows;
use super::{Edge, InputPort, Plan, Slot};
use crate::ir::kernel::{Design, Kernel, Merge, Node, NodeId, PoolKind};
use crate::ir::{Move, Range, Source as Origin};
use crate::num::Int;

/// A node that starts a step and the point kernels fused behind it.
struct Group {
    root: usize,
    points: Vec<usize>,
    /// Other results of a loop.
    parts: Vec<usize>,
}

/// Slot and arrangement of a tensor.
pub(super) type Place = (usize, Layout);

impl Group {
    fn last(&self) -> usize {
        self.points.last().copied().unwrap_or(self.root)
    }
}

/// Builds a plan that computes `wanted` nodes.
pub(super) fn plan(design: &Design, wanted: &[NodeId], machine: Machine) -> Plan {
    plan_with(design, wanted, &mut Slots::default(), &[], machine)
}

/// The plan of a loop's body, and where its inputs have to be put before it runs.
pub(super) fn body(design: &Design, machine: Machine) -> (Plan, Vec<Place>) {
    let mut slots = Slots::default();
    let mut take = |id: NodeId| {
        let ty = &design.node(id).ty;
        let layout = Layout::new(Cell::of(ty.hull(), false), &ty.shape);
        (slots.take(layout, usize::MAX), layout)
    };
    let ports: Vec<Place> = design.inputs.iter().map(|p| take(p.node)).collect();
    let wanted: Vec<NodeId> = design.outputs.iter().map(|p| p.node).collect();
    let plan = plan_with(design, &wanted, &mut slots, &ports, machine);
    (plan, ports)
}

/// A plan on buffers of which some are taken: `ports` are places of the design's inputs, or nothing
/// where they are fed from outside.
fn plan_with(
    design: &Design,
    wanted: &[NodeId],
    slots: &mut Slots,
    ports: &[Place],
    machine: Machine,
) -> Plan {
    let needed = needed(design, wanted);
    let groups = groups(design, &needed, wanted, !ports.is_empty());
    let half = halves(design, &needed);
    // For each node whose rows are stored: slot and arrangement.
    let mut places: Vec<Option<Place>> = vec![None; design.nodes.len()];
    for (port, place) in design.inputs.iter().zip(ports) {
        places[port.node.index()] = Some(*place);
    }
    let last_use = last_uses(design, &groups, wanted);
    let mut steps = Vec::new();
    let (mut byte_macs, mut half_macs) = (0, 0);
    for (number, group) in groups.iter().enumerate() {
        let root = &design.nodes[group.root];
        if places[group.root].is_some() {
            continue;
        }
        let last = group.last();
        let ty = &design.nodes[last].ty;
        let layout = Layout::new(Cell::of(ty.hull(), half[last]), &ty.shape);
        let inputs: Vec<(usize, Layout)> = root
            .inputs
            .iter()
            .map(|id| places[id.index()].expect("operands are stored before they are used"))
            .collect();
        match &root.kernel {
            Kernel::Dot(dot) if matches!(inputs[0].1.cell, Cell::Byte { .. }) => {
                byte_macs += dot.macs();
            }
            Kernel::Dot(dot) => half_macs += dot.macs(),
            _ => {}
        }
        if let (Kernel::Move(Move::Reshape(_)), [(slot, from)], []) =
            (&root.kernel, inputs.as_slice(), group.points.as_slice())
            && from.same_memory(layout)
        {
            slots.share(*slot, last_use[last]);
            places[last] = Some((*slot, layout));
        } else {
            let slot = slots.take(layout, last_use[last]);
            places[last] = Some((slot, layout));
            let work = match &root.kernel {
                Kernel::Loop(cell) => {
                    let mut parts = vec![(0, (slot, layout))];
                    for &part in &group.parts {
                        let ty = &design.nodes[part].ty;
                        let layout = Layout::new(Cell::of(ty.hull(), half[part]), &ty.shape);
                        let place = (slots.take(layout, last_use[part].max(number)), layout);
                        places[part] = Some(place);
                        if let Kernel::Part(result) = design.nodes[part].kernel {
                            parts.push((result, place));
                        }
                    }
                    let cell = Recurrence::new(cell, parts, machine);
                    let (bytes, halves) = cell.macs();
                    byte_macs += bytes;
                    half_macs += halves;
                    Work::Loop(Box::new(cell))
                }
                _ => work(design, group, &inputs, layout, machine),
            };
            steps.push(Step {
                inputs,
                output: (slot, layout),
                work,
            });
        }
        slots.release(number);
    }
    let edges = wanted
        .iter()
        .map(|id| {
            let (slot, layout) = places[id.index()].expect("wanted edges are stored");
            Edge {
                slot,
                layout,
                range: design.node(*id).ty.hull(),
            }
        })
        .collect();
    Plan {
        machine,
        steps,
        slots: std::mem::take(&mut slots.sizes),
        edges,
        inputs: inputs(design),
        byte_macs,
        half_macs,
        states: std::sync::Mutex::default(),
    }
}

fn inputs(design: &Design) -> Vec<InputPort> {
    let count = design
        .nodes
        .iter()
        .filter_map(|n| match n.kernel {
            Kernel::Input { index, .. } => Some(index + 1),
            _ => None,
        })
        .max()
        .unwrap_or(0);
    let mut ports = vec![
        InputPort {
            name: String::new(),
            elements: 0,
            range: Range::point(0),
        };
        count
    ];
    for (port, node) in design.inputs.iter().map(|p| (p, design.node(p.node))) {
        if let Kernel::Input { index, .. } = &node.kernel {
            ports[*index] = InputPort {
                name: port.name.clone(),
                elements: node.ty.elements(),
                range: node.ty.hull(),
            };
        }
    }
    ports
}

fn is_point(kernel: &Kernel) -> bool {
    match kernel {
        Kernel::Affine(_)
        | Kernel::Select(_)
        | Kernel::Clamp(_)
        | Kernel::Cast(_)
        | Kernel::Lut(_)
        | Kernel::Threshold(_) => true,
        Kernel::Input { .. }
        | Kernel::Dot(_)
        | Kernel::MatMul
        | Kernel::Pool { .. }
        | Kernel::Merge { .. }
        | Kernel::Move(_)
        | Kernel::Reduce(_)
        | Kernel::Loop(_)
        | Kernel::Part(_) => false,
    }
}

/// Nodes that the wanted ones depend on.
fn needed(design: &Design, wanted: &[NodeId]) -> Vec<bool> {
    let mut needed = vec![false; design.nodes.len()];
    for id in wanted {
        needed[id.index()] = true;
    }
    for (index, node) in design.nodes.iter().enumerate().rev() {
        if needed[index] {
            for id in &node.inputs {
                needed[id.index()] = true;
            }
        }
    }
    needed
}

/// Steps: a point kernel joins its operand's step when nothing else looks at the operand.
fn groups(design: &Design, needed: &[bool], wanted: &[NodeId], in_place: bool) -> Vec<Group> {
    // What is written by someone else cannot pass through a chain first.
    let stored = |kernel: &Kernel| match kernel {
        Kernel::Loop(_) | Kernel::Part(_) => true,
        Kernel::Input { .. } => in_place,
        _ => false,
    };
    let mut uses = vec![0_usize; design.nodes.len()];
    for id in wanted {
        uses[id.index()] += 2;
    }
    for (node, _) in design.nodes.iter().zip(needed).filter(|(_, n)| **n) {
        for id in &node.inputs {
            uses[id.index()] += 1;
        }
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut group_of = vec![usize::MAX; design.nodes.len()];
    for (index, node) in design.nodes.iter().enumerate() {
        if !needed[index] {
            continue;
        }
        if is_point(&node.kernel) {
            let operand = node.inputs[0].index();
            if uses[operand] == 1 && !stored(&design.nodes[operand].kernel) {
                let group = group_of[operand];
                groups[group].points.push(index);
                group_of[index] = group;
                continue;
            }
        }
        if let Kernel::Part(_) = node.kernel {
            let group = group_of[node.inputs[0].index()];
            groups[group].parts.push(index);
            group_of[index] = group;
            continue;
        }
        group_of[index] = groups.len();
        groups.push(Group {
            root: index,
            points: Vec::new(),
            parts: Vec::new(),
        });
    }
    // A group is complete only where its last point stands: order by it.
    groups.sort_by_key(Group::last);
    groups
}

/// Whether a dot product reads a node's codes as 16-bit halves even where bytes would do.
fn halves(design: &Design, needed: &[bool]) -> Vec<bool> {
    let mut half = vec![false; design.nodes.len()];
    for (node, _) in design.nodes.iter().zip(needed).filter(|(_, n)| **n) {
        if let Kernel::Dot(dot) = &node.kernel {
            let narrow = dot.weights.iter().all(|w| i8::try_from(*w).is_ok());
            let fits = dot.weights.iter().all(|w| i16::try_from(*w).is_ok());
            half[node.inputs[0].index()] |= !narrow && fits;
        }
    }
    half
}

/// For each node the number of the last group that reads its rows.
fn last_uses(design: &Design, groups: &[Group], wanted: &[NodeId]) -> Vec<usize> {
    let mut last = vec![0; design.nodes.len()];
    for (number, group) in groups.iter().enumerate() {
        last[group.last()] = last[group.last()].max(number);
        for id in &design.nodes[group.root].inputs {
            last[id.index()] = number;
        }
    }
    for id in wanted {
        last[id.index()] = usize::MAX;
    }
    last
}

/// Buffers, reused when the last reader is done.
#[derive(Default)]
struct Slots {
    sizes: Vec<Slot>,
    /// For each slot the last group that uses it, or `None` when it is free.
    busy: Vec<Option<usize>>,
}

impl Slots {
    fn take(&mut self, layout: Layout, until: usize) -> usize {
        let kind = Slot {
            cell: match layout.cell {
                Cell::Byte { .. } | Cell::Half { .. } | Cell::Word => Cell::Word,
                Cell::Long => Cell::Long,
                Cell::Wide => Cell::Wide,
            },
            rows: layout.rows(),
        };
        let free = (0..self.sizes.len())
            .filter(|&s| self.busy[s].is_none() && self.sizes[s].cell == kind.cell)
            .min_by_key(|&s| self.sizes[s].rows.abs_diff(kind.rows));
        let slot = free.unwrap_or_else(|| {
            self.sizes.push(kind);
            self.busy.push(None);
            self.sizes.len() - 1
        });
        self.sizes[slot].rows = self.sizes[slot].rows.max(kind.rows);
        self.busy[slot] = Some(until);
        slot
    }

    fn share(&mut self, slot: usize, until: usize) {
        self.busy[slot] = self.busy[slot].max(Some(until));
    }

    /// Frees what nobody reads after group `number`.
    fn release(&mut self, number: usize) {
        for busy in &mut self.busy {
            if busy.is_some_and(|until| until <= number) {
                *busy = None;
            }
        }
    }
}

/// Bits of a signed integer that holds a range.
fn signed_bits(range: Range) -> u32 {
    range.hull(Range::point(-1)).width()
}

/// Bits that a source needs.
fn source_bits(design: &Design, node: &Node) -> u32 {
    let operands = design.operand_types(node);
    let result = signed_bits(node.ty.hull());
    let with_operands = || {
        let each = operands.iter().map(|t| signed_bits(t.hull()));
        each.fold(result, u32::max)
    };
    match &node.kernel {
        // Sums and products are exact modulo 2^w when the result fits w bits.
        Kernel::Input { .. } | Kernel::Dot(_) | Kernel::MatMul | Kernel::Move(_) => result,
        Kernel::Merge { op, shifts } => match op {
            Merge::Add | Merge::Sub | Merge::Mul => result,
            Merge::Max | Merge::Min => operands
                .iter()
                .zip(shifts)
                .map(|(t, s)| t.hull().shifted(*s).map_or(128, signed_bits))
                .fold(result, u32::max),
        },
        Kernel::Pool { .. } | Kernel::Reduce(_) => with_operands(),
        Kernel::Loop(_) | Kernel::Part(_) => unreachable!("loops have plans of their own"),
        Kernel::Affine(_)
        | Kernel::Select(_)
        | Kernel::Clamp(_)
        | Kernel::Cast(_)
        | Kernel::Lut(_)
        | Kernel::Threshold(_) => with_operands(),
    }
}

fn work(
    design: &Design,
    group: &Group,
    inputs: &[Place],
    layout: Layout,
    machine: Machine,
) -> Work {
    let root = &design.nodes[group.root];
    let points = group.points.iter().copied();
    let own = is_point(&root.kernel).then_some(group.root);
    let points: Vec<usize> = own.into_iter().chain(points).collect();
    let bits = points
        .iter()
        .map(|&p| {
            let node = &design.nodes[p];
            chain::bits(&node.kernel, &design.node(node.inputs[0]).ty, &node.ty)
        })
        .fold(source_bits(design, root), u32::max);
    match bits {
        0..=32 => {
            let mut stage = stage(design, root, &points);
            packed(&mut stage, root, inputs, layout, machine);
            Work::I32(stage)
        }
        33..=64 => Work::I64(stage(design, root, &points)),
        _ => Work::I128(stage(design, root, &points)),
    }
}

/// Replaces the source by one on packed words, where there is one.
fn packed(stage: &mut Stage<i32>, root: &Node, inputs: &[Place], layout: Layout, machine: Machine) {
    match (&root.kernel, inputs) {
        (Kernel::Dot(dot), [(_, from)]) => {
            if let Some(product) = Product::new(machine, dot, *from, &stage.points) {
                stage.source = Source::Product(product);
            }
        }
        (
            Kernel::Pool {
                windows,
                kind: PoolKind::Max,
            },
            [(_, from)],
        ) if from.cell == layout.cell
            && matches!(from.cell, Cell::Byte { .. })
            && stage.points.is_empty() =>
        {
            let windows = Windows::new(windows);
            // A window without cells gives the code 0, which no byte with an offset is.
            if windows.patterns.iter().all(|taps| !taps.is_empty()) {
                stage.source = Source::MaxBytes(windows, machine);
            }
        }
        _ => {}
    }
}

fn stage<C: Int>(design: &Design, root: &Node, points: &[usize]) -> Stage<C> {
    let points = points
        .iter()
        .map(|&p| {
            let node = &design.nodes[p];
            Point::new(&node.kernel, &design.node(node.inputs[0]).ty)
        })
        .collect();
    Stage {
        source: source(design, root),
        points,
    }
}

fn source<C: Int>(design: &Design, node: &Node) -> Source<C> {
    let operands = design.operand_types(node);
    let shapes: Vec<&[usize]> = operands.iter().map(|t| t.shape.as_slice()).collect();
    match &node.kernel {
        Kernel::Input { index, .. } => Source::Input(*index),
        Kernel::Dot(dot) => Source::Dot(Dot::new(dot)),
        Kernel::MatMul => Source::MatMul(MatMul::new(shapes[0], shapes[1])),
        Kernel::Pool { windows, kind } => Source::Pool(Pool::new(windows, *kind)),
        Kernel::Merge { op, shifts } => {
            Source::Merge(Merging::new(*op, shifts, &shapes, &node.ty.shape))
        }
        Kernel::Move(Move::Reshape(_)) => Source::Copy,
        Kernel::Move(moved) => {
            let index = |x| u32::try_from(x).expect("a tensor has fewer than 2^32 elements");
            let sources = moved.sources(&shapes).into_iter().map(|s| match s {
                Origin::Element { input, index: at } => Some((index(input), index(at))),
                Origin::Zero => None,
            });
            Source::Move(sources.collect())
        }
        Kernel::Reduce(op) => {
            let length = shapes[0].last().copied().unwrap_or(1).max(1);
            Source::Reduce(*op, length)
        }
        Kernel::Loop(_) | Kernel::Part(_) => unreachable!("loops have plans of their own"),
        Kernel::Affine(_)
        | Kernel::Select(_)
        | Kernel::Clamp(_)
        | Kernel::Cast(_)
        | Kernel::Lut(_)
        | Kernel::Threshold(_) => Source::Copy,
    }
}
