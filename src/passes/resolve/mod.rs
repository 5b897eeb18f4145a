//! `Network` -> `Design`: formats, ranges and kernels, without changing a value.
//!
//! Every value of the network is kept as a *lazy* pair: an exact kernel edge and the point functions
//! still to be applied to it. Functions with real constants (batch normalization, real scales, real
//! activations) stay pending until a quantizer ends them; then the whole chain becomes integer
//! kernels that give the same code for every input code that can occur. Where an
//! operation needs the value itself and no quantizer came, the value is written exactly if it has a
//! short binary form, else rounded once into a stated type (the output rule, [`Options`]).
//!
//! `dot` treats linear maps, `edges` everything that only combines or moves codes. Chains of point
//! functions are taken apart in `chain`, with one file for each form they end in: `cast`, `exact`
//! (integer arithmetic), `requantize` (the search for narrow constants), `table`. All of them are
//! measured by the exact evaluation of `ir::eval`.

mod cast;
mod chain;
mod dot;
mod edges;
mod error;
mod exact;
mod recurrence;
mod requantize;
mod softmax;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use error::{ErrorKind, ResolveError};

use crate::ir::eval;
use crate::ir::kernel::{Design, Kernel, Node, NodeId, Port, TensorType};
use crate::ir::math::{self, Network, Op, Step};
use crate::ir::{Origin, Periodic, Range};
use crate::num::FixedType;
use crate::passes::{Change, Report};

/// What the user decides about types.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Type of each model input, in order; missing entries are derived from the quantizer right
    /// after the input.
    pub input_types: Vec<Option<FixedType>>,
    /// Type of a layer's result where no quantizer follows, by layer name.
    pub output_types: BTreeMap<String, FixedType>,
    /// Type for all other such results; without it the narrowest type whose rounding error is
    /// below 2^-16 of the full range.
    pub default_output_type: Option<FixedType>,
    /// Type of the states of a recurrent layer, by its name or that of a layer or model around it:
    /// every new state is converted into it.
    pub state_types: BTreeMap<String, FixedType>,
    /// Type for the states of all other recurrent layers.
    pub default_state_type: Option<FixedType>,
    /// What becomes of a softmax.
    pub softmax: Softmax,
}

/// Hardware form of a softmax that ends the model. Any other is a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Softmax {
    /// The integer softmax of `softmax.rs`.
    #[default]
    Table,
    /// The design ends before the softmax: its output is the logits.
    Logits,
    /// The index of the largest logit, the lower index on ties.
    ArgMax,
}

/// A design and what was decided on the way.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The hardware.
    pub design: Design,
    /// Decisions a user should know of: rounded values and their bounds, stages left out.
    pub remarks: Vec<String>,
    /// For each input whether its type is that of the quantizer right after it, so that converting
    /// values into it is the network's own operation.
    pub derived_inputs: Vec<bool>,
    /// Layer outputs that have no edge of their own, as functions of one that has.
    pub virtual_taps: Vec<VirtualTap>,
    /// What became of casts.
    pub passes: Vec<Report>,
}

/// A layer output that exists only inside a fused chain: `steps(node)`.
#[derive(Debug, Clone)]
pub struct VirtualTap {
    /// The layer's name.
    pub name: String,
    /// The edge that the chain starts from.
    pub node: NodeId,
    /// The chain.
    pub steps: Vec<Step>,
}

impl VirtualTap {
    /// Values for codes of [`VirtualTap::node`] (whole samples, flat), rounded to float64.
    ///
    /// `None` where a function of the chain has no value.
    #[must_use]
    pub fn values(&self, ty: &TensorType, codes: &[i128]) -> Option<Vec<f64>> {
        let channels = chain::channels(ty, &self.steps);
        let elements = ty.elements().max(1);
        let mut known: std::collections::HashMap<(usize, i128), f64> = Default::default();
        codes
            .iter()
            .enumerate()
            .map(|(i, &code)| {
                let element = i % elements;
                let channel = element % channels;
                if let Some(&value) = known.get(&(channel, code)) {
                    return Some(value);
                }
                let x = eval::value(code, *ty.frac.at(element));
                let value = eval::approximate(&self.steps, channel, &x)?;
                known.insert((channel, code), value);
                Some(value)
            })
            .collect()
    }
}

/// A value: `steps(node)`, with `node` an exact edge of the design.
#[derive(Debug, Clone)]
struct Lazy {
    node: NodeId,
    steps: Vec<Step>,
}

impl Lazy {
    fn exact(node: NodeId) -> Self {
        Self {
            node,
            steps: Vec::new(),
        }
    }
}

/// What the body of a loop is told.
#[derive(Debug, Clone, Copy)]
struct Within<'a> {
    /// Formats of the inputs.
    inputs: &'a [TensorType],
    /// The type that the user chose for the states.
    state_type: Option<FixedType>,
    /// Functions over many codes get the range of their result only, which is quick: neither tables nor
    /// constants are searched.
    ranges_only: bool,
}

struct Resolver<'a> {
    network: &'a Network,
    options: &'a Options,
    /// Set where the network is the body of a loop.
    within: Option<Within<'a>>,
    /// Whether some node stands for a kernel that was not made: see [`Within::ranges_only`].
    unfinished: bool,
    design: Design,
    remarks: Vec<String>,
    derived_inputs: Vec<bool>,
    values: Vec<Option<Lazy>>,
    dropped_casts: Vec<Change>,
    narrowed_casts: Vec<Change>,
    errors: Vec<ResolveError>,
}

/// Finds formats, ranges and kernels for a whole network.
///
/// # Errors
/// All reasons at once why the network has no exact design, each with its layer.
pub fn resolve(network: &Network, options: &Options) -> Result<Resolved, Vec<ResolveError>> {
    let mut r = Resolver::new(network, options, None);
    r.run();
    if r.errors.is_empty() {
        r.finish();
    }
    if !r.errors.is_empty() {
        r.errors.dedup();
        return Err(r.errors);
    }
    let virtual_taps = r.taps();
    Ok(Resolved {
        design: r.design,
        remarks: r.remarks,
        derived_inputs: r.derived_inputs,
        virtual_taps,
        passes: vec![
            Report {
                pass: "drop-cast",
                doc: "casts that change no value that can occur go into their producer",
                changes: r.dropped_casts,
            },
            Report {
                pass: "narrow-cast",
                doc: "casts that provably cannot overflow lose their saturation and unused bits",
                changes: r.narrowed_casts,
            },
        ],
    })
}

impl<'a> Resolver<'a> {
    fn new(network: &'a Network, options: &'a Options, within: Option<Within<'a>>) -> Self {
        Self {
            network,
            options,
            within,
            unfinished: false,
            design: Design::default(),
            remarks: Vec::new(),
            derived_inputs: Vec::new(),
            values: Vec::new(),
            dropped_casts: Vec::new(),
            narrowed_casts: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// Every node of the network.
    fn run(&mut self) {
        for (index, node) in self.network.nodes.iter().enumerate() {
            let operands: Option<Vec<Lazy>> = node
                .inputs
                .iter()
                .map(|i| self.values[i.index()].clone())
                .collect();
            // A node whose operand failed has nothing of its own to report.
            let value = operands.and_then(|operands| {
                let value = self.node(index, node, operands);
                value.map_err(|kind| self.error(&node.origin, kind)).ok()
            });
            self.values.push(value);
        }
    }

    fn error(&mut self, origin: &Origin, kind: ErrorKind) {
        self.errors.push(ResolveError {
            origin: origin.clone(),
            kind,
        });
    }
}

impl Resolver<'_> {
    fn node(
        &mut self,
        index: usize,
        node: &math::Node,
        mut operands: Vec<Lazy>,
    ) -> Result<Lazy, ErrorKind> {
        let origin = &node.origin;
        match &node.op {
            Op::Input(number) => self.input(*number, index, node).map(Lazy::exact),
            Op::Pointwise(steps) => {
                let mut lazy = operands.remove(0);
                if self.within.is_some() && !lazy.steps.is_empty() && self.shared(node, steps) {
                    // One function, rounded once, instead of one for every reader.
                    let forced = self.force(lazy, origin)?;
                    lazy = Lazy::exact(forced);
                    self.values[node.inputs[0].index()] = Some(lazy.clone());
                }
                if self.finer(&lazy, steps)? {
                    lazy = Lazy::exact(self.force(lazy, origin)?);
                }
                lazy.steps.extend(steps.iter().cloned());
                self.advance(lazy, origin)
            }
            Op::Linear(linear) => {
                let operand = self.uniform(operands.remove(0), origin)?;
                self.linear(linear, operand, node)
            }
            Op::Move(moved) => {
                if let (math::NodeId(_), true) = (node.inputs[0], edges::commutes(moved)) {
                    let lazy = operands.remove(0);
                    let steps = lazy.steps.clone();
                    let moved = self.moved(moved, &[lazy.node], node)?;
                    return Ok(Lazy { node: moved, steps });
                }
                let operands = self.aligned(operands, origin)?;
                self.moved(moved, &operands, node).map(Lazy::exact)
            }
            Op::Pool(pool) => {
                let operand = self.uniform(operands.remove(0), origin)?;
                self.pool(pool, operand, node).map(Lazy::exact)
            }
            Op::Merge(op) => {
                let operands = operands
                    .into_iter()
                    .map(|o| self.uniform(o, origin))
                    .collect::<Result<Vec<_>, _>>()?;
                self.merge(*op, &operands, node).map(Lazy::exact)
            }
            Op::Reduce(op) => {
                let operand = self.uniform(operands.remove(0), origin)?;
                self.reduce(*op, operand, node).map(Lazy::exact)
            }
            Op::MatMul => {
                let a = self.uniform(operands.remove(0), origin)?;
                let b = self.uniform(operands.remove(0), origin)?;
                self.matmul(a, b, node).map(Lazy::exact)
            }
            Op::Softmax => self.softmax(index, operands.remove(0), node),
            Op::Loop(cell) => self.looped(cell, operands, node).map(Lazy::exact),
            Op::Part(number) => Ok(Lazy::exact(self.part(*number, operands[0].node, node))),
        }
    }

    /// Whether a conversion is into a type of the states that tells more than functions are computed to.
    fn finer(&self, lazy: &Lazy, steps: &[Step]) -> Result<bool, ErrorKind> {
        let state = self.within.and_then(|w| w.state_type);
        let [Step::Quantize(types)] = steps else {
            return Ok(false);
        };
        if state.is_none() || types.as_uniform() != state.as_ref() || self.short(lazy).is_some() {
            return Ok(false);
        }
        let own = self.output_type(lazy.node, &lazy.steps)?;
        Ok(state.is_some_and(|ty| own.frac() < ty.frac()))
    }

    /// Whether a node without a quantizer reads a value that another one needs as well.
    fn shared(&self, node: &math::Node, steps: &[Step]) -> bool {
        let readers = self.network.nodes.iter().flat_map(|n| &n.inputs);
        let affine = |step: &Step| matches!(step, Step::Affine { .. });
        steps.iter().all(affine) && readers.filter(|&&i| i == node.inputs[0]).count() > 1
    }

    /// The model's input: its type is the user's, else that of the quantizer that alone reads it.
    fn input(
        &mut self,
        number: usize,
        index: usize,
        node: &math::Node,
    ) -> Result<NodeId, ErrorKind> {
        if let Some(within) = self.within {
            return self.slice(number, within.inputs[number].clone(), node);
        }
        let given = self.options.input_types.get(number).copied().flatten();
        let ty = given
            .or_else(|| self.quantizer_after(index))
            .ok_or(ErrorKind::MissingInputType)?;
        let range = eval::type_range(&ty).ok_or_else(|| ErrorKind::TooWide {
            what: "the input type".into(),
            bits: ty.width.into(),
            limit: crate::ir::kernel::MAX_WIDTH,
        })?;
        self.derived_inputs.push(given.is_none());
        let note = if given.is_some() {
            "type given"
        } else {
            "type of the quantizer after the input"
        };
        Ok(self.push(
            Kernel::Input { index: number, ty },
            vec![],
            TensorType {
                shape: node.shape.clone(),
                frac: Periodic::uniform(ty.frac()),
                range: Periodic::uniform(range),
            },
            &node.origin,
            note,
        ))
    }

    /// The type into which every reader of a node quantizes it first, when they all agree;
    /// rearrangements in between change nothing.
    fn quantizer_after(&self, index: usize) -> Option<FixedType> {
        let network = self.network;
        if network.outputs.iter().any(|o| o.node.index() == index) {
            return None;
        }
        let readers = network.nodes.iter().enumerate().skip(index + 1);
        let mut readers = readers.filter(|(_, n)| n.inputs.iter().any(|i| i.index() == index));
        let type_of = |(position, node): (usize, &math::Node)| match &node.op {
            Op::Pointwise(steps) => match steps.first()? {
                Step::Quantize(types) => types.as_uniform().copied(),
                _ => None,
            },
            Op::Move(moved) if edges::commutes(moved) => self.quantizer_after(position),
            Op::Loop(cell) => recurrence::quantizer_of(cell, &node.inputs, index),
            _ => None,
        };
        let first = type_of(readers.next()?)?;
        readers
            .all(|reader| type_of(reader) == Some(first))
            .then_some(first)
    }

    fn push(
        &mut self,
        kernel: Kernel,
        inputs: Vec<NodeId>,
        ty: TensorType,
        origin: &Origin,
        note: impl Into<String>,
    ) -> NodeId {
        let ty = TensorType {
            shape: ty.shape,
            frac: ty.frac.compact(),
            range: ty.range.compact(),
        };
        self.design.push(Node {
            kernel,
            inputs,
            ty,
            origin: origin.clone(),
            note: note.into(),
        })
    }

    fn ty(&self, node: NodeId) -> &TensorType {
        &self.design.node(node).ty
    }

    /// The value as an edge with one binary point for the whole tensor.
    pub(super) fn uniform(&mut self, lazy: Lazy, origin: &Origin) -> Result<NodeId, ErrorKind> {
        let node = self.force(lazy, origin)?;
        if self.ty(node).uniform_frac().is_some() {
            return Ok(node);
        }
        let frac = *self
            .ty(node)
            .frac
            .values()
            .iter()
            .max()
            .expect("a period is never empty");
        self.align(node, frac)
    }

    /// Values as edges that all have the same binary point.
    fn aligned(&mut self, operands: Vec<Lazy>, origin: &Origin) -> Result<Vec<NodeId>, ErrorKind> {
        let nodes: Vec<NodeId> = operands
            .into_iter()
            .map(|o| self.force(o, origin))
            .collect::<Result<_, _>>()?;
        let fracs = nodes
            .iter()
            .flat_map(|&n| self.ty(n).frac.values().iter().copied());
        let frac = fracs.max().expect("every operation has an operand");
        nodes.into_iter().map(|n| self.align(n, frac)).collect()
    }

    /// A lossless cast to a finer binary point; the node itself when it is there already.
    fn align(&mut self, node: NodeId, frac: i32) -> Result<NodeId, ErrorKind> {
        let ty = self.ty(node);
        if ty.uniform_frac() == Some(frac) {
            return Ok(node);
        }
        let too_wide = || ErrorKind::TooWide {
            what: "the tensor with its binary points aligned".into(),
            bits: u64::from(ty.width()) + 1,
            limit: crate::ir::kernel::MAX_WIDTH,
        };
        let mut hull: Option<Range> = None;
        let mut ranges = Vec::new();
        let mut fits = true;
        ty.frac
            .zip(&ty.range, |f, r| match r.shifted(frac.abs_diff(*f)) {
                Some(range) if range.width() <= crate::ir::kernel::MAX_WIDTH => {
                    hull = Some(hull.map_or(range, |h: Range| h.hull(range)));
                    ranges.push(range);
                }
                _ => fits = false,
            });
        let hull = hull.filter(|_| fits).ok_or_else(too_wide)?;
        let to = eval::plain_type(hull, frac);
        let ty = TensorType {
            shape: ty.shape.clone(),
            frac: Periodic::uniform(frac),
            range: Periodic::new(ranges),
        };
        let origin = self.design.node(node).origin.clone();
        Ok(self.push(
            Kernel::Cast(Periodic::uniform(to)),
            vec![node],
            ty,
            &origin,
            "binary points of the channels aligned",
        ))
    }

    /// Outputs get edges of their own; ports are named.
    fn finish(&mut self) {
        for port in &self.network.inputs {
            let lazy = self.values[port.node.index()]
                .clone()
                .expect("no error was reported");
            self.design.inputs.push(Port {
                name: port.name.clone(),
                node: lazy.node,
            });
        }
        for port in &self.network.outputs {
            let origin = self.network.node(port.node).origin.clone();
            let lazy = self.values[port.node.index()]
                .clone()
                .expect("no error was reported");
            match self.output(lazy, &origin) {
                Ok(node) => {
                    self.values[port.node.index()] = Some(Lazy::exact(node));
                    self.design.outputs.push(Port {
                        name: port.name.clone(),
                        node,
                    });
                }
                Err(kind) => self.error(&origin, kind),
            }
        }
    }

    /// Layer outputs: exact edges go into the design, the others are returned.
    fn taps(&mut self) -> Vec<VirtualTap> {
        let mut fused = Vec::new();
        for tap in &self.network.taps {
            let lazy = self.values[tap.node.index()]
                .clone()
                .expect("no error was reported");
            if lazy.steps.is_empty() {
                self.design.taps.push(Port {
                    name: tap.name.clone(),
                    node: lazy.node,
                });
            } else {
                fused.push(VirtualTap {
                    name: tap.name.clone(),
                    node: lazy.node,
                    steps: lazy.steps,
                });
            }
        }
        fused
    }
}
