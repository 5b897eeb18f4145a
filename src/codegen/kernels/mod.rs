//! Each kernel as C++: a config struct, constant arrays and calls of the library.

mod dot;
mod merge;
mod moves;
mod pointwise;
pub(crate) mod products;
mod window;

use crate::ir::kernel::{Design, Kernel, Merge, Node, NodeId, Reduce, TensorType};
use crate::ir::{Origin, Range};
use crate::num::Family;

use super::arrays::Array;
use super::directives::{Choice, Directives};
use super::project::{Call, Edge, Local, Typedef, describe};
use super::spell;

/// A kernel, ready for templates.
#[derive(Debug)]
pub(crate) struct KernelView {
    pub(crate) node: NodeId,
    pub(crate) origin: Origin,
    /// Number in the names of its types and constants: position in the design, from 1.
    pub(crate) index: usize,
    /// One line for comments: what it computes and the range of the result.
    pub(crate) title: String,
    pub(crate) arrays: Vec<Array>,
    pub(crate) types: Vec<Typedef>,
    pub(crate) config: Config,
    pub(crate) calls: Vec<Call>,
    pub(crate) locals: Vec<Local>,
    pub(crate) header: &'static str,
    /// Walks over positions in a loop.
    pub(crate) loops: bool,
    /// Multiplications that run in parallel.
    pub(crate) products: u64,
    /// Macros of the library that place constant arrays in memories.
    pub(crate) memories: Vec<String>,
    pub(crate) choice: Choice,
}

/// Holes of the config struct of each kernel; the templates are in `templates/common/config/`.
#[derive(Debug)]
pub(crate) enum Config {
    None,
    Dense(dot::Dense),
    Conv(dot::Conv),
    MatMul(MatMul),
    Pointwise(pointwise::Pointwise),
    Cast(pointwise::Cast),
    Lut(pointwise::Lut),
    Threshold(pointwise::Threshold),
    Pool(window::Pool),
    Merge(merge::Merge),
    Rearrange(moves::Rearrange),
    Reduce { positions: usize, channels: usize },
}

/// Extents of a product of two tensors.
#[derive(Debug)]
pub(crate) struct MatMul {
    pub(crate) batch: usize,
    pub(crate) rows: usize,
    pub(crate) inner: usize,
    pub(crate) columns: usize,
}

/// A small number for each position in a period, as the body of a C++ function of it.
#[derive(Debug)]
pub(crate) struct PerChannel {
    /// Name of the function.
    pub(crate) name: &'static str,
    /// Its result: a number, or an array's element.
    pub(crate) value: String,
    /// Whether the result depends on the position.
    pub(crate) varies: bool,
}

/// What the kernel builders share: the node, its surroundings, and what they produce.
struct Builder<'a> {
    node: &'a Node,
    operands: &'a [TensorType],
    id: NodeId,
    edges: &'a [Edge],
    family: Family,
    choice: Choice,
    index: usize,
    /// Whether every code of the first operand is -1 or 1.
    signs: bool,
    arrays: Vec<Array>,
    memories: Vec<String>,
    types: Vec<Typedef>,
    locals: Vec<Local>,
}

/// Config, headers and calls: what each kernel's builder returns.
struct Body {
    config: Config,
    header: &'static str,
    calls: Vec<Call>,
    loops: bool,
    products: u64,
}

/// The C++ of a node; `None` for inputs, which are arguments of the top function.
///
/// # Errors
/// Why it has none, for people.
pub(crate) fn view(
    design: &Design,
    id: NodeId,
    edges: &[Edge],
    family: Family,
    directives: &Directives,
) -> Result<Option<KernelView>, String> {
    let node = design.node(id);
    let operands: Vec<TensorType> = design.operand_types(node).into_iter().cloned().collect();
    let signs = (node.inputs.first()).is_some_and(|&i| products::signs(design, i));
    view_of(node, &operands, signs, id, edges, family, directives)
}

/// The C++ of a node that works on tensors of these types: those of the design, or parts of them;
/// `signs` says whether every code of the first one is -1 or 1.
///
/// # Errors
/// Why it has none, for people.
pub(crate) fn view_of(
    node: &Node,
    operands: &[TensorType],
    signs: bool,
    id: NodeId,
    edges: &[Edge],
    family: Family,
    directives: &Directives,
) -> Result<Option<KernelView>, String> {
    let mut b = Builder {
        choice: directives.of(&node.origin),
        node,
        operands,
        id,
        edges,
        family,
        index: edges[id.index()].index,
        signs,
        arrays: Vec::new(),
        memories: Vec::new(),
        types: Vec::new(),
        locals: Vec::new(),
    };
    let body = match &node.kernel {
        Kernel::Input { .. } => return Ok(None),
        Kernel::Dot(dot) => dot::dot(&mut b, dot)?,
        Kernel::MatMul => matmul(&b),
        Kernel::Affine(affine) => pointwise::affine(&mut b, affine),
        Kernel::Select(select) => pointwise::select(&mut b, select),
        Kernel::Clamp(limits) => pointwise::clamp(&mut b, limits),
        Kernel::Cast(types) => pointwise::cast(&mut b, types)?,
        Kernel::Lut(lut) => pointwise::lut(&mut b, lut),
        Kernel::Threshold(stairs) => pointwise::threshold(&mut b, stairs),
        Kernel::Pool { windows, kind } => window::pool(&mut b, windows, *kind)?,
        Kernel::Merge { op, shifts } => merge::merge(&mut b, *op, shifts),
        Kernel::Move(rearrangement) => moves::moves(&mut b, rearrangement),
        Kernel::Reduce(reduce) => reduction(&b, *reduce),
        Kernel::Loop(_) | Kernel::Part(_) => unreachable!("`cells` makes their views"),
    };
    Ok(Some(KernelView {
        node: id,
        origin: node.origin.clone(),
        index: b.index,
        title: title(node),
        arrays: b.arrays,
        types: b.types,
        config: body.config,
        calls: body.calls,
        locals: b.locals,
        header: body.header,
        loops: body.loops,
        products: body.products,
        memories: b.memories,
        choice: b.choice,
    }))
}

/// What a node computes and what its result is, in one line for comments.
pub(crate) fn title(node: &Node) -> String {
    let kind = kind(&node.kernel);
    let what = match node.note.as_str() {
        // The name of the operation: the kind says as much.
        "" | "affine" | "merge" | "moved" => kind.to_owned(),
        note if note == kind => kind.to_owned(),
        // Says more than the kind.
        note if note.starts_with("cast") || note.ends_with("under a window") => note.to_owned(),
        note => format!("{kind} ({note})"),
    };
    format!("{what}: {}", describe(&node.ty)).replace(['\n', '\r', '\\'], " ")
}

/// A function of the library with the config struct of this number.
pub(crate) fn named(function: &str, index: usize) -> String {
    format!("{function}<config{index}>")
}

impl KernelView {
    /// Whether `parameters.h` has anything to say of it.
    pub(crate) fn has_parameters(&self) -> bool {
        !matches!(self.config, Config::None) || self.arrays.iter().any(|a| !a.own_file)
    }
}

impl<'a> Builder<'a> {
    /// Array of operand `k`.
    fn operand(&self, k: usize) -> String {
        self.edges[self.node.inputs[k].index()].array.clone()
    }

    /// Type of operand `k`.
    fn operand_type(&self, k: usize) -> &'a TensorType {
        &self.operands[k]
    }

    /// Array of the result.
    fn result(&self) -> String {
        self.edges[self.id.index()].array.clone()
    }

    fn result_type(&self) -> String {
        self.edges[self.id.index()].type_name.clone()
    }

    /// `name<config5>`.
    fn function(&self, name: &str) -> String {
        named(name, self.index)
    }

    /// Adds a constant array `<stem><index>` and returns its name.
    fn constants(&mut self, stem: &str, comment: &str, codes: Vec<i128>, row: usize) -> String {
        let name = format!("{stem}{}", self.index);
        let array = Array::new(name.clone(), comment.to_owned(), codes, row);
        self.arrays.push(array);
        name
    }

    /// Adds a type `<stem><index>_t` and returns its name.
    fn define(&mut self, stem: &str, spelled: String, comment: &str) -> String {
        let name = format!("{stem}{}_t", self.index);
        self.types.push(Typedef {
            name: name.clone(),
            spelled,
            comment: comment.to_owned(),
        });
        name
    }

    /// The integer type for these codes.
    fn integer(&self, range: Range) -> String {
        spell::integer(range, self.family)
    }

    fn signed_integer(&self, range: Range) -> String {
        spell::signed_integer(range, self.family)
    }

    /// A small number that may differ between channels.
    fn per_channel(&mut self, name: &'static str, comment: &str, values: &[u32]) -> PerChannel {
        let first = values[0];
        if values.iter().all(|&v| v == first) {
            return PerChannel {
                name,
                value: first.to_string(),
                varies: false,
            };
        }
        let codes = values.iter().map(|&v| i128::from(v)).collect();
        let array = self.constants(name, comment, codes, usize::MAX);
        PerChannel {
            name,
            value: format!("{array}[c]"),
            varies: true,
        }
    }

    /// Right shift of the operand's array element to each position's own code.
    fn align(&mut self, period: usize) -> PerChannel {
        let shifts = alignment(self.operand_type(0), period);
        self.per_channel("align", "right shifts to each channel's own code", &shifts)
    }

    /// Left shift of each position's code to the binary point of the result's array.
    fn place(&mut self, period: usize) -> PerChannel {
        let shifts = alignment(&self.node.ty, period);
        self.per_channel(
            "place",
            "left shifts to the binary point of the result",
            &shifts,
        )
    }
}

/// For each position of the period: how far the code of an array element of this node's result is
/// shifted against the channel's own code.
fn alignment(ty: &TensorType, period: usize) -> Vec<u32> {
    let frac = &ty.frac;
    let finest = frac.values().iter().max().expect("a period is never empty");
    let limit = crate::ir::kernel::MAX_WIDTH;
    // Only zeros can be shifted farther than the widest type.
    (0..period)
        .map(|c| finest.abs_diff(*frac.at(c)).min(limit))
        .collect()
}

/// Shortest length that all these periods and the tensor itself are multiples of; the whole tensor
/// where they are not.
fn common_period(elements: usize, periods: &[usize]) -> usize {
    let mut common = 1;
    for &p in periods {
        common = num_integer::lcm(common, p);
        if common > elements {
            return elements;
        }
    }
    if elements.is_multiple_of(common) {
        common
    } else {
        elements
    }
}

fn matmul(b: &Builder) -> Body {
    let (left, right) = (b.operand_type(0), b.operand_type(1));
    let (rows, inner) = last_two(&left.shape);
    let (_, columns) = last_two(&right.shape);
    let batch = left.elements() / (rows * inner);
    Body {
        config: Config::MatMul(MatMul {
            batch,
            rows,
            inner,
            columns,
        }),
        header: "matmul",
        calls: vec![Call {
            function: b.function("matmul"),
            args: vec![b.operand(0), b.operand(1), b.result()],
        }],
        loops: false,
        products: (batch * rows * inner * columns) as u64,
    }
}

fn last_two(shape: &[usize]) -> (usize, usize) {
    match shape {
        [.., m, n] => (*m, *n),
        _ => panic!("operands of a matrix product have two axes"),
    }
}

fn reduction(b: &Builder, reduce: Reduce) -> Body {
    let operand = b.operand_type(0);
    let channels = operand.shape.last().copied().unwrap_or(1);
    let function = match reduce {
        Reduce::Max => "reduce_max",
        Reduce::Sum => "reduce_sum",
        Reduce::ArgMax => "reduce_argmax",
    };
    Body {
        config: Config::Reduce {
            positions: operand.elements() / channels,
            channels,
        },
        header: "reduce",
        calls: vec![Call {
            function: b.function(function),
            args: vec![b.operand(0), b.result()],
        }],
        loops: false,
        products: 0,
    }
}

/// What a kernel does, for comments.
fn kind(kernel: &Kernel) -> &'static str {
    match kernel {
        Kernel::Input { .. } => "input",
        Kernel::Dot(_) => "sum of products",
        Kernel::MatMul => "matrix product",
        Kernel::Affine(_) => "scale and offset",
        Kernel::Select(_) => "two straight lines",
        Kernel::Clamp(_) => "limits",
        Kernel::Cast(_) => "conversion",
        Kernel::Lut(_) => "table",
        Kernel::Threshold(_) => "steps",
        Kernel::Pool { .. } => "window",
        Kernel::Merge { op, .. } => match op {
            Merge::Add => "element-wise sum",
            Merge::Sub => "element-wise difference",
            Merge::Mul => "element-wise product",
            Merge::Max => "element-wise maximum",
            Merge::Min => "element-wise minimum",
        },
        Kernel::Move(_) => "rearrangement",
        Kernel::Reduce(_) => "reduction of the last axis",
        Kernel::Loop(_) => "a cell step after step",
        Kernel::Part(_) => "another result",
    }
}

/// The operand's array, then the named constants: arguments of a call.
fn call(b: &Builder, function: &str, constants: &[String]) -> Vec<Call> {
    let mut args = vec![b.operand(0), b.result()];
    args.extend_from_slice(constants);
    vec![Call {
        function: b.function(function),
        args,
    }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods() {
        assert_eq!(common_period(12, &[1, 3, 1]), 3);
        assert_eq!(common_period(12, &[2, 3]), 6);
        assert_eq!(common_period(12, &[5]), 12);
        assert_eq!(common_period(4, &[8]), 4);
    }
}
