//! Loops: what a state can be, over all steps of the model.
//!
//! A state begins as its initial value; the cell, resolved for everything that it can be so far,
//! tells what it can be one step later. That is repeated until nothing is added, or for as many steps
//! as the layer has. With a quantizer on the state it ends after two or three rounds; without one the
//! exact state becomes finer with every step, and its type is the finest that was reached.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{ErrorKind, Lazy, ResolveError, Resolver, Within};
use crate::ir::eval;
use crate::ir::kernel::{Design, Kernel, Loop, LoopResult, NodeId, Port, TensorType};
use crate::ir::math::{self, Network, Op, Step};
use crate::ir::{Move, Periodic, Range, Real, elements};
use crate::num::FixedType;

/// Widest state that is kept exactly.
const STATE_WIDTH: u32 = 64;
/// Binary point of a state that was always zero: coarser than any other, so that it refines none.
const ZERO_FRAC: i32 = -64;
/// Rounds after which ranges that still grow are doubled, so that the search ends.
const PATIENCE: usize = 256;

/// Steps after which the states of a few stacked cells have seen each other.
const SETTLING: usize = 12;

/// A cell as kernels.
struct Body {
    design: Design,
    /// The body's outputs, uniform.
    outputs: Vec<NodeId>,
    /// Whether kernels are missing.
    unfinished: bool,
    remarks: Vec<String>,
    dropped_casts: Vec<crate::passes::Change>,
    narrowed_casts: Vec<crate::passes::Change>,
}

/// A loop to be resolved.
struct Task<'a> {
    cell: &'a math::Loop,
    layer: &'a str,
    /// Formats of the slices of its sequences.
    slices: &'a [TensorType],
    /// The type that the user chose for its states.
    state_type: Option<FixedType>,
}

impl Task<'_> {
    /// States that cannot be kept, with the bits of the new ones after each step so far.
    fn too_wide(&self, widths: &[u32], cause: Option<ErrorKind>) -> ErrorKind {
        let bits = widths.last().copied().unwrap_or(0);
        let before = widths.len().checked_sub(2).map(|k| widths[k]);
        ErrorKind::StateGrows {
            layer: self.layer.to_owned(),
            bits,
            step: widths.len(),
            steps: self.cell.steps,
            growth: before.map_or(0, |before| bits.saturating_sub(before)),
            limit: STATE_WIDTH,
            cause: cause.map(Box::new),
        }
    }
}

/// What the states of a loop come to.
struct Reached {
    /// The cell for these states.
    body: Body,
    states: Vec<TensorType>,
    /// Whether more steps would add to the states.
    grows: bool,
    /// Bits of the new states after each step.
    widths: Vec<u32>,
}

impl Body {
    fn types(&self, count: usize) -> Vec<TensorType> {
        let each = self.outputs[..count].iter();
        each.map(|&id| self.design.node(id).ty.clone()).collect()
    }
}

impl Resolver<'_> {
    /// A slice or a state, as an input of a body.
    pub(super) fn slice(
        &mut self,
        number: usize,
        ty: TensorType,
        node: &math::Node,
    ) -> Result<NodeId, ErrorKind> {
        let port = ty.covering().ok_or_else(|| ErrorKind::TooWide {
            what: "the state".into(),
            bits: ty.width().into(),
            limit: crate::ir::kernel::MAX_WIDTH,
        })?;
        let kernel = Kernel::Input {
            index: number,
            ty: port,
        };
        Ok(self.push(kernel, vec![], ty, &node.origin, "of this step"))
    }

    /// A cell applied step after step.
    pub(super) fn looped(
        &mut self,
        cell: &math::Loop,
        operands: Vec<Lazy>,
        node: &math::Node,
    ) -> Result<NodeId, ErrorKind> {
        let layer = &node.origin.layer;
        let state_type = self.state_type(layer);
        let typed;
        let cell = match state_type {
            Some(ty) => {
                typed = with_state_type(cell, ty);
                &typed
            }
            None => cell,
        };
        let (cell, quantizers) = written(cell);
        let cell = &cell;
        let operands = operands
            .into_iter()
            .enumerate()
            .map(|(k, mut operand)| {
                let state = k.checked_sub(cell.sequences);
                let quantizer = state.and_then(|k| quantizers[k].clone());
                operand.steps.extend(quantizer.unwrap_or_default());
                self.uniform(operand, &node.origin)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let (sequences, initial) = operands.split_at(cell.sequences);
        let slices: Vec<TensorType> = sequences.iter().map(|&s| slice_of(self.ty(s))).collect();
        let states: Vec<TensorType> = match initial {
            [] => (cell.body.inputs[cell.sequences..].iter())
                .map(|port| zero(&cell.body.node(port.node).shape))
                .collect(),
            given => given.iter().map(|&s| self.ty(s).clone()).collect(),
        };
        let task = Task {
            cell,
            layer,
            slices: &slices,
            state_type,
        };
        // Ranges first, for as many steps as it takes; kernels once, for what the states came to.
        let initial_states = states.clone();
        let mut reached = self.reach(&task, states, true)?;
        if reached.body.unfinished {
            let body = self.body(&task, &reached.states, false);
            let body = body.map_err(|errors| self.failed(&task, &reached.widths, errors))?;
            let count = cell.states();
            let mut both = body.types(count).into_iter().zip(reached.body.types(count));
            if both.all(|(kernel, range)| join(&range, &kernel, 0).as_ref() == Some(&range)) {
                reached.body = body;
            } else {
                reached = self.reach(&task, initial_states, false)?;
            }
        }
        let Reached {
            body,
            states,
            grows,
            ..
        } = reached;
        if grows && cell.steps > 1 && state_type.is_none() {
            self.remarks.push(format!(
                "layer {}: without a state quantizer the exact state becomes wider with every step; it \
                 has {} bits after all {}",
                node.origin,
                width(&body.types(cell.states())),
                cell.steps
            ));
        }
        let aligned = (sequences.iter())
            .map(|&s| Ok(s))
            .chain(initial.iter().zip(&states).map(|(&id, state)| {
                let frac = state.uniform_frac().expect("states are uniform");
                self.align(id, frac)
            }))
            .collect::<Result<Vec<_>, ErrorKind>>()?;
        let converted = if state_type.is_some() {
            "a cell step after step, states converted"
        } else {
            "a cell step after step"
        };
        let kernel = finished(cell, body, &states, self)?;
        let ty = kernel.result_type(0);
        Ok(self.push(Kernel::Loop(kernel), aligned, ty, &node.origin, converted))
    }

    /// Everything that the states can be in front of any step, and the cell for that.
    fn reach(
        &mut self,
        task: &Task<'_>,
        mut states: Vec<TensorType>,
        ranges_only: bool,
    ) -> Result<Reached, ErrorKind> {
        let cell = task.cell;
        // Bits of the new states after each step.
        let mut widths: Vec<u32> = Vec::new();
        let mut grows = false;
        let mut body = None;
        for step in 1..=cell.steps {
            let next = self
                .body(task, &states, ranges_only)
                .map_err(|errors| self.failed(task, &widths, errors))?;
            let new = next.types(cell.states());
            let before = widths.last().copied();
            widths.push(width(&new));
            let joined = states
                .iter()
                .zip(&new)
                .map(|(old, new)| join(old, new, step));
            let joined: Vec<TensorType> = joined.collect::<Option<_>>().ok_or_else(|| {
                super::chain::too_wide(u64::from(crate::ir::kernel::MAX_WIDTH) + 1)
            })?;
            body = Some(next);
            if joined == states {
                break;
            }
            // A quantizer on the state, or a type for it, ends the growth at any width.
            let wide = width(&new) > STATE_WIDTH && task.state_type.is_none();
            if wide && before.is_some_and(|before| before < width(&new)) {
                return Err(task.too_wide(&widths, None));
            }
            if step == cell.steps {
                grows = !self.settles(task, joined);
                if grows && wide {
                    return Err(task.too_wide(&widths, None));
                }
                break;
            }
            states = joined;
        }
        let mut body = body.expect("a loop has a step");
        let new = body.types(cell.states());
        if states.iter().any(is_zero) {
            // A state that is never anything but zero takes the binary point of what it becomes.
            for (state, new) in states.iter_mut().zip(&new) {
                if is_zero(state) {
                    let frac = new.uniform_frac().expect("outputs are uniform").min(0);
                    state.frac = Periodic::uniform(frac);
                }
            }
            body = match self.body(task, &states, ranges_only) {
                Ok(body) => body,
                Err(mut errors) => return Err(errors.remove(0).kind),
            };
        }
        Ok(Reached {
            body,
            states,
            grows,
            widths,
        })
    }

    /// Why a cell cannot be resolved; all reasons but the one that is returned are recorded.
    fn failed(
        &mut self,
        task: &Task<'_>,
        widths: &[u32],
        mut errors: Vec<ResolveError>,
    ) -> ErrorKind {
        let first = errors.remove(0).kind;
        if widths.last() > widths.first() && task.state_type.is_none() {
            // The cell cannot hold what its state has become.
            return task.too_wide(widths, Some(first));
        }
        self.errors.extend(errors);
        if let ErrorKind::TooWide { .. } = first
            && task.state_type.is_none()
        {
            let layer = task.layer;
            return ErrorKind::Unsupported(format!(
                "{first}, or choose a type for the states with --state-type '{layer}=ap_fixed<16,6>': every \
                 new state is converted into it, and all results follow from that"
            ));
        }
        first
    }

    /// Whether a few more steps add nothing to the states any more.
    fn settles(&mut self, task: &Task<'_>, mut states: Vec<TensorType>) -> bool {
        let most = width(&states).max(STATE_WIDTH);
        for step in 0..SETTLING {
            let Ok(next) = self.body(task, &states, true) else {
                return false;
            };
            let new = next.types(task.cell.states());
            let joined = states
                .iter()
                .zip(&new)
                .map(|(old, new)| join(old, new, step));
            match joined.collect::<Option<Vec<_>>>() {
                Some(joined) if joined == states => return true,
                Some(joined) if width(&joined) <= most => states = joined,
                _ => return false,
            }
        }
        false
    }

    /// The type that the user chose for a layer's states.
    fn state_type(&self, layer: &str) -> Option<FixedType> {
        let types = &self.options.state_types;
        let mut name = layer;
        loop {
            if let Some(ty) = types.get(name) {
                return Some(*ty);
            }
            let Some((around, _)) = name.rsplit_once('/') else {
                return self.options.default_state_type;
            };
            name = around;
        }
    }

    /// Another result of a loop.
    pub(super) fn part(&mut self, number: usize, from: NodeId, node: &math::Node) -> NodeId {
        let Kernel::Loop(cell) = &self.design.node(from).kernel else {
            unreachable!("parts are taken of loops");
        };
        let ty = cell.result_type(number);
        self.push(
            Kernel::Part(number),
            vec![from],
            ty,
            &node.origin,
            "of the loop",
        )
    }

    /// The cell for operands of these formats.
    fn body(
        &self,
        task: &Task<'_>,
        states: &[TensorType],
        ranges_only: bool,
    ) -> Result<Body, Vec<ResolveError>> {
        let network = &task.cell.body;
        let inputs = [task.slices, states].concat();
        let within = Within {
            inputs: &inputs,
            state_type: task.state_type,
            ranges_only,
        };
        let mut inner = Resolver::new(network, self.options, Some(within));
        inner.run();
        let mut outputs = Vec::new();
        for port in &network.outputs {
            let Some(lazy) = inner.values[port.node.index()].clone() else {
                continue;
            };
            let origin = &network.node(port.node).origin;
            match inner.uniform(lazy, origin) {
                Ok(id) => {
                    outputs.push(id);
                    // A state that is a result as well is computed once.
                    inner.values[port.node.index()] = Some(Lazy::exact(id));
                }
                Err(kind) => inner.error(origin, kind),
            }
        }
        if !inner.errors.is_empty() {
            return Err(inner.errors);
        }
        for port in &network.inputs {
            let node = inner.values[port.node.index()]
                .as_ref()
                .expect("no error was reported")
                .node;
            let name = port.name.clone();
            inner.design.inputs.push(Port { name, node });
        }
        Ok(Body {
            design: inner.design,
            outputs,
            unfinished: inner.unfinished,
            remarks: inner.remarks,
            dropped_casts: inner.dropped_casts,
            narrowed_casts: inner.narrowed_casts,
        })
    }
}

/// The kernel of a cell: new states at the binary points of the states, then what the results need.
fn finished(
    cell: &math::Loop,
    body: Body,
    states: &[TensorType],
    outer: &mut Resolver<'_>,
) -> Result<Loop, ErrorKind> {
    for remark in body.remarks {
        // The gates of a cell say the same.
        if !outer.remarks.contains(&remark) {
            outer.remarks.push(remark);
        }
    }
    outer.dropped_casts.extend(body.dropped_casts);
    outer.narrowed_casts.extend(body.narrowed_casts);
    let mut design = body.design;
    let copied = |design: &mut Design, id: NodeId| {
        let node = design.node(id).clone();
        if !matches!(node.kernel, Kernel::Input { .. }) {
            return id;
        }
        design.push(crate::ir::kernel::Node {
            kernel: Kernel::Move(Move::Reshape(node.ty.shape.clone())),
            inputs: vec![id],
            note: "passed on".into(),
            ..node
        })
    };
    let outputs: Vec<NodeId> = body
        .outputs
        .iter()
        .map(|&id| copied(&mut design, id))
        .collect();
    let mut ports: Vec<Port> = Vec::new();
    for (k, state) in states.iter().enumerate() {
        let frac = state.uniform_frac().expect("states are uniform");
        let node = stored(&mut design, outputs[k], frac)?;
        let name = cell.body.outputs[k].name.clone();
        ports.push(Port { name, node });
    }
    let mut results = Vec::new();
    let mut places: BTreeMap<NodeId, usize> = BTreeMap::new();
    for result in &cell.results {
        let node = outputs[result.output];
        let output = *places.entry(node).or_insert_with(|| {
            let own = ports.iter().position(|p| p.node == node);
            own.unwrap_or_else(|| {
                let name = cell.body.outputs[result.output].name.clone();
                ports.push(Port { name, node });
                ports.len() - 1
            })
        });
        results.push(LoopResult { output, ..*result });
    }
    design.outputs = ports;
    Ok(Loop {
        body: Arc::new(design.hardware()),
        steps: cell.steps,
        sequences: cell.sequences,
        results,
    })
}

/// A new state at the binary point of the state. Where bits are lost they are zero after every step
/// but the last, behind which nothing reads the state.
fn stored(design: &mut Design, id: NodeId, frac: i32) -> Result<NodeId, ErrorKind> {
    let node = design.node(id);
    let ty = &node.ty;
    let own = ty.uniform_frac().expect("outputs are uniform");
    if own == frac {
        return Ok(id);
    }
    let moved = |r: &Range| {
        if own > frac {
            let down = own.abs_diff(frac).min(127);
            return Some(Range {
                lo: r.lo >> down,
                hi: r.hi >> down,
            });
        }
        r.shifted(own.abs_diff(frac))
    };
    let too_wide = || super::chain::too_wide(u64::from(ty.width()) + 1);
    let ranges: Option<Vec<Range>> = ty.range.values().iter().map(moved).collect();
    let ty = TensorType {
        shape: ty.shape.clone(),
        frac: Periodic::uniform(frac),
        range: Periodic::new(ranges.ok_or_else(too_wide)?).compact(),
    };
    let node = crate::ir::kernel::Node {
        kernel: Kernel::Cast(Periodic::uniform(eval::plain_type(ty.hull(), frac))),
        inputs: vec![id],
        ty,
        origin: node.origin.clone(),
        note: "state stored".into(),
    };
    Ok(design.push(node))
}

/// A loop whose new states are converted into a type: results and everything else of the same step that
/// reads a new state, such as the output of an LSTM, see the converted one.
fn with_state_type(cell: &math::Loop, ty: FixedType) -> math::Loop {
    let new = &cell.body.outputs[..cell.states()];
    let mut body = Network {
        inputs: cell.body.inputs.clone(),
        ..Network::default()
    };
    // What stands for each node in front of its readers, and the node itself.
    let mut seen = Vec::with_capacity(cell.body.nodes.len());
    let mut places = Vec::with_capacity(cell.body.nodes.len());
    for (index, node) in cell.body.nodes.iter().enumerate() {
        let mut node = node.clone();
        for input in &mut node.inputs {
            *input = seen[input.index()];
        }
        let place = body.push(node.clone());
        places.push(place);
        let state = new.iter().any(|port| port.node.index() == index);
        let converted = state.then(|| {
            body.push(math::Node {
                op: Op::Pointwise(vec![Step::Quantize(Periodic::uniform(ty))]),
                inputs: vec![place],
                ..node
            })
        });
        seen.push(converted.unwrap_or(place));
    }
    for port in &mut body.inputs {
        port.node = places[port.node.index()];
    }
    let moved = |port: &Port| Port {
        name: port.name.clone(),
        node: seen[port.node.index()],
    };
    body.outputs = cell.body.outputs.iter().map(moved).collect();
    body.taps = cell.body.taps.iter().map(moved).collect();
    math::Loop {
        body,
        ..cell.clone()
    }
}

/// The same loop, with every state that is read through a quantizer only quantized when it is written:
/// its register is as narrow as the quantizer's type. Zero stays zero in any type. Initial values go
/// through the quantizers that are returned.
fn written(cell: &math::Loop) -> (math::Loop, Vec<Option<Vec<Step>>>) {
    let quantizers: Vec<Option<Vec<Step>>> = cell.body.inputs[cell.sequences..]
        .iter()
        .map(|port| sole_quantizer(&cell.body, port.node))
        .collect();
    let mut body = cell.body.clone();
    let ports = body.outputs.clone();
    let mut stored = Vec::with_capacity(ports.len() + quantizers.len());
    for (k, quantizer) in quantizers.iter().enumerate() {
        let Port { name, node } = ports[k].clone();
        let Some(quantizer) = quantizer else {
            stored.push(Port { name, node });
            continue;
        };
        let state = cell.body.inputs[cell.sequences + k].node;
        for reader in body.nodes.iter_mut().filter(|n| n.inputs.contains(&state)) {
            if let Op::Pointwise(steps) = &mut reader.op {
                steps.drain(..quantizer.len());
            }
        }
        let of = body.node(node).clone();
        let node = body.push(math::Node {
            op: Op::Pointwise(quantizer.clone()),
            inputs: vec![node],
            ..of
        });
        stored.push(Port { name, node });
    }
    let first = stored.len();
    stored.extend(ports);
    body.outputs = stored;
    let mut cell = math::Loop {
        body,
        ..cell.clone()
    };
    for result in &mut cell.results {
        result.output += first;
    }
    (cell, quantizers)
}

/// The type into which a loop converts a tensor that is the initial value of its states, and nothing
/// else to it.
pub(super) fn quantizer_of(
    cell: &math::Loop,
    operands: &[math::NodeId],
    index: usize,
) -> Option<FixedType> {
    let mut found = None;
    for k in (0..operands.len()).filter(|&k| operands[k].index() == index) {
        let state = cell.body.inputs.get(k).filter(|_| k >= cell.sequences)?;
        let quantizer = sole_quantizer(&cell.body, state.node)?;
        let [Step::Quantize(types)] = quantizer.as_slice() else {
            return None;
        };
        let ty = types.as_uniform().copied()?;
        if found.is_some_and(|before| before != ty) {
            return None;
        }
        found = Some(ty);
    }
    found
}

/// The quantizer with which every reader of a node begins, where all have the same and it keeps zero.
fn sole_quantizer(body: &Network, id: math::NodeId) -> Option<Vec<Step>> {
    if body.outputs.iter().any(|p| p.node == id) {
        return None;
    }
    let mut found: Option<&[Step]> = None;
    for reader in body.nodes.iter().filter(|n| n.inputs.contains(&id)) {
        let Op::Pointwise(steps) = &reader.op else {
            return None;
        };
        let end = steps.iter().position(super::chain::ends_chain)?;
        match (found, &steps[..=end]) {
            (None, own) => found = Some(own),
            (Some([Step::Quantize(before)]), [Step::Quantize(types)]) if before == types => {}
            _ => return None,
        }
    }
    let quantizer = found?;
    let zero = Real::from_integer(0.into());
    let keeps = |channel| eval::decide(quantizer, channel, &zero).as_ref() == Some(&zero);
    let channels = super::chain::steps_period(quantizer);
    (0..channels).all(keeps).then(|| quantizer.to_vec())
}

/// The format of any slice of a sequence.
fn slice_of(ty: &TensorType) -> TensorType {
    let shape = ty.shape[1..].to_vec();
    let n = elements(&shape).max(1);
    TensorType {
        range: Periodic::new(super::dot::hull_per_channel(ty, n)).compact(),
        frac: ty.frac.clone(),
        shape,
    }
}

fn zero(shape: &[usize]) -> TensorType {
    TensorType {
        shape: shape.to_vec(),
        frac: Periodic::uniform(ZERO_FRAC),
        range: Periodic::uniform(Range::point(0)),
    }
}

fn is_zero(ty: &TensorType) -> bool {
    ty.hull() == Range::point(0) && ty.uniform_frac() == Some(ZERO_FRAC)
}

fn width(states: &[TensorType]) -> u32 {
    states.iter().map(TensorType::width).max().unwrap_or(0)
}

/// Everything that a state was and is, at the finer binary point. `None` beyond the widest codes.
fn join(old: &TensorType, new: &TensorType, step: usize) -> Option<TensorType> {
    let point = |ty: &TensorType| ty.uniform_frac().expect("states are uniform");
    let (a, b) = match (old.hull(), new.hull()) {
        (zero, _) if zero == Range::point(0) => (point(new), point(new)),
        (_, zero) if zero == Range::point(0) => (point(old), point(old)),
        _ => (point(old), point(new)),
    };
    let frac = a.max(b);
    let mut fits = true;
    let mut ranges = old.range.zip(&new.range, |x, y| {
        match (x.shifted(frac.abs_diff(a)), y.shifted(frac.abs_diff(b))) {
            (Some(x), Some(y)) => x.hull(y),
            _ => {
                fits = false;
                *x
            }
        }
    });
    if step > PATIENCE {
        // Ranges that still grow go on to the next power of two.
        ranges = ranges.zip(&old.range, |new, old| {
            if new == old {
                return *new;
            }
            let bits = new.hull(Range::point(-1)).width().min(120);
            let top = 1_i128 << (bits - 1);
            Range {
                lo: if new.lo < old.lo { -top } else { new.lo },
                hi: if new.hi > old.hi { top - 1 } else { new.hi },
            }
        });
    }
    fits.then(|| TensorType {
        shape: new.shape.clone(),
        frac: Periodic::uniform(frac),
        range: ranges.compact(),
    })
}
