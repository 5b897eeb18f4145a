//! Point functions as integer kernels.
//!
//! A chain that ends in a quantizer maps input codes to output codes, channel by channel. The forms,
//! in the order in which they are tried:
//!
//! 1. a lone quantizer is a `Cast`;
//! 2. rectifiers, clips and affine steps with short constants are exact integer kernels and a `Cast`;
//! 3. affine steps with real constants: the narrowest constants for which the `Cast` gives the right
//!    code for every input code (`requantize`);
//! 4. anything else: a table of the input codes, or thresholds on every piece on which the chain is
//!    monotone.

use std::collections::HashMap;

use num_traits::{Signed, ToPrimitive, Zero};

use super::exact::{ExactChain, code_at, exact};
use super::{ErrorKind, Lazy, Resolver};
use crate::ir::eval;
use crate::ir::kernel::{Kernel, MAX_WIDTH, NodeId, TensorType};
use crate::ir::math::Step;
use crate::ir::{Origin, Periodic, Range, Real, dyadic, pow2};
use crate::num::{FixedType, Overflow, Quantization};

/// Why a value is rounded.
pub(super) const NO_SHORT_FORM: &str =
    "no quantizer follows and the value has no short binary form";
/// Bits that exact constants may add to a value before narrower ones are searched.
const SHORT_CONSTANT: u32 = 12;
/// Widest value that is kept exactly where no quantizer follows.
const EXACT_WIDTH: u32 = 64;
/// Widest model output that is kept exactly: what a float64 can tell.
const FLOAT64_WIDTH: u32 = 53;
/// Most entries of a table of a function.
pub(super) const MAX_TABLE: u128 = 1 << 12;
/// Most codes of a table where thresholds are impossible, or nearly as many as codes.
pub(super) const MAX_LONG_TABLE: u128 = 1 << 18;
/// Entries of a table that a threshold is worth.
pub(super) const THRESHOLD_ENTRIES: u128 = 16;
/// Most thresholds of a staircase.
pub(super) const MAX_THRESHOLDS: usize = 1 << 16;

impl Resolver<'_> {
    /// Turns the steps of a value into kernels as far as quantizers end them.
    pub(super) fn advance(&mut self, mut lazy: Lazy, origin: &Origin) -> Result<Lazy, ErrorKind> {
        loop {
            let Some(first) = lazy.steps.first() else {
                return Ok(lazy);
            };
            if let Some(end) = lazy.steps.iter().position(ends_chain) {
                let chain: Vec<Step> = lazy.steps.drain(..=end).collect();
                lazy.node = self.quantized(lazy.node, &chain, origin)?;
            } else if is_free(first) {
                let step = lazy.steps.remove(0);
                lazy.node = self
                    .exact_steps(lazy.node, &[step], origin)
                    .ok_or_else(|| too_wide(64))?;
            } else {
                return Ok(lazy);
            }
        }
    }

    /// The value itself as an edge: pending steps are written exactly where that is short, else
    /// rounded into the output type.
    pub(super) fn force(&mut self, lazy: Lazy, origin: &Origin) -> Result<NodeId, ErrorKind> {
        let lazy = self.advance(lazy, origin)?;
        if lazy.steps.is_empty() {
            return Ok(lazy.node);
        }
        // Inside a cell exactness goes before the type of the layer's results.
        let given = self.given_type(origin);
        if (given.is_none() || self.within.is_some())
            && let Some(chains) = self.short(&lazy)
        {
            return Ok(self.emit_exact(lazy.node, &chains, origin));
        }
        let ty = match given {
            Some(ty) => ty,
            None if self.within.is_some() && lazy.steps.iter().all(is_exact) => {
                // Only what has no exact value is rounded in a cell.
                let chains = self.exact_chains(lazy.node, &lazy.steps);
                let chains = chains.ok_or_else(|| too_wide(u64::from(MAX_WIDTH) + 1))?;
                return Ok(self.emit_exact(lazy.node, &chains, origin));
            }
            None => self.output_type(lazy.node, &lazy.steps)?,
        };
        self.rounded(lazy, ty, NO_SHORT_FORM, origin)
    }

    /// The pending steps as exact integer operations, where their values are short.
    pub(super) fn short(&self, lazy: &Lazy) -> Option<Vec<ExactChain>> {
        let chains = self.exact_chains(lazy.node, &lazy.steps)?;
        let short = chains.iter().all(|c| c.range.width() <= EXACT_WIDTH);
        short.then_some(chains)
    }

    /// The type that the user chose for a layer's values where no quantizer follows.
    pub(super) fn given_type(&self, origin: &Origin) -> Option<FixedType> {
        let types = &self.options.output_types;
        let named = types.get(&origin.layer).copied();
        named.or(self.options.default_output_type)
    }

    pub(super) fn rounded(
        &mut self,
        lazy: Lazy,
        ty: FixedType,
        reason: &str,
        origin: &Origin,
    ) -> Result<NodeId, ErrorKind> {
        let bound = pow2(-ty.frac() - 1);
        self.remarks.push(format!(
            "layer {origin}: {reason}; rounded to nearest into {ty}, error at most {:e}",
            bound.to_f64().unwrap_or(f64::NAN)
        ));
        let mut steps = lazy.steps;
        steps.push(Step::Quantize(Periodic::uniform(ty)));
        self.quantized(lazy.node, &steps, origin)
    }

    /// The value of a model output: in the type that the user chose, else exact while a float64 holds
    /// it, else rounded as [`Self::force`] does.
    pub(super) fn output(&mut self, lazy: Lazy, origin: &Origin) -> Result<NodeId, ErrorKind> {
        let mut lazy = self.advance(lazy, origin)?;
        if let Some(ty) = self.given_type(origin) {
            lazy.steps.push(Step::Quantize(Periodic::uniform(ty)));
            let lazy = self.advance(lazy, origin)?;
            return self.uniform(lazy, origin);
        }
        let node = self.uniform(lazy, origin)?;
        if self.ty(node).width() <= FLOAT64_WIDTH {
            return Ok(node);
        }
        let ty = self.output_type(node, &[])?;
        let reason = format!("its exact value has {} bits", self.ty(node).width());
        self.rounded(Lazy::exact(node), ty, &reason, origin)
    }

    /// The narrowest type whose rounding error is below 2^-16 of the full range of the values; in a cell
    /// whose states have a chosen type no finer than that.
    pub(super) fn output_type(&self, node: NodeId, steps: &[Step]) -> Result<FixedType, ErrorKind> {
        let ty = self.ty(node);
        let mut hull: Option<(Real, Real)> = None;
        let failed = || ErrorKind::Unsupported(format!("{} has no bounded value", names(steps)));
        for channel in 0..self.channels(node, steps) {
            let (frac, range) = (*ty.frac.at(channel), *ty.range.at(channel));
            let mut include = |code: i128| {
                let x = eval::value(code, frac);
                let y = eval::bounds(steps, channel, &x).ok_or_else(failed)?;
                hull = Some(match hull.take() {
                    None => (y.lo, y.hi),
                    Some((lo, hi)) => (lo.min(y.lo), hi.max(y.hi)),
                });
                Ok::<(), ErrorKind>(())
            };
            match eval::pieces(steps, channel, frac, range) {
                Some(pieces) => {
                    for piece in pieces {
                        include(piece.range.lo)?;
                        include(piece.range.hi)?;
                    }
                }
                None if range.codes() > MAX_LONG_TABLE => {
                    return Err(ErrorKind::TooManyCodes {
                        function: names(steps),
                        codes: range.codes(),
                    });
                }
                None => (range.lo..=range.hi).try_for_each(include)?,
            }
        }
        let (lo, hi) = hull.ok_or_else(failed)?;
        // error = lsb/2 < 2^-16 * (hi - lo), so lsb < 2^-15 * (hi - lo).
        let spread = (&hi - &lo) * pow2(-15);
        let mut frac = if spread.is_positive() {
            -eval::floor_log2(&spread)
        } else {
            16
        };
        if spread.is_positive() && pow2(-frac) >= spread {
            frac += 1;
        }
        // What is finer than the states is lost with them.
        if let Some(state) = self.within.and_then(|w| w.state_type) {
            frac = frac.min(state.frac());
        }
        let code = |x: &Real| (x * pow2(frac)).round().to_integer().to_i128();
        let range = code(&lo).zip(code(&hi)).ok_or_else(failed)?;
        let plain = eval::plain_type(
            Range {
                lo: range.0,
                hi: range.1,
            },
            frac,
        );
        // Ties of functions such as Keras' hard_sigmoid go up in a cell: one multiplication with a short
        // constant can do that, while ties to even need a comparator for every code.
        let quantization = if self.within.is_some() {
            Quantization::Rnd
        } else {
            Quantization::RndConv
        };
        Ok(FixedType {
            quantization,
            overflow: Overflow::Sat,
            ..plain
        })
    }

    /// Period of a node's channels together with the steps' parameters.
    pub(super) fn channels(&self, node: NodeId, steps: &[Step]) -> usize {
        channels(self.ty(node), steps)
    }

    fn exact_chains(&self, node: NodeId, steps: &[Step]) -> Option<Vec<ExactChain>> {
        let ty = self.ty(node);
        (0..self.channels(node, steps))
            .map(|c| exact(steps, c, *ty.frac.at(c), *ty.range.at(c)))
            .collect()
    }

    fn exact_steps(&mut self, node: NodeId, steps: &[Step], origin: &Origin) -> Option<NodeId> {
        let chains = self.exact_chains(node, steps)?;
        Some(self.emit_exact(node, &chains, origin))
    }

    /// `steps`, the last of which ends the chain, as kernels.
    fn quantized(
        &mut self,
        node: NodeId,
        steps: &[Step],
        origin: &Origin,
    ) -> Result<NodeId, ErrorKind> {
        let (last, pre) = steps.split_last().expect("a chain has an end");
        if let Step::Quantize(types) = last {
            if pre.is_empty() {
                return self.cast(node, types, origin);
            }
            let width = self.ty(node).width();
            if let Some(chains) = self.exact_chains(node, pre)
                && chains
                    .iter()
                    .all(|c| c.range.width() <= width + SHORT_CONSTANT)
            {
                let node = self.emit_exact(node, &chains, origin);
                return self.cast(node, types, origin);
            }
            if self.within.is_some_and(|w| w.ranges_only)
                && let Some(node) = self.ranged(node, steps, types, origin)
            {
                return Ok(node);
            }
            if let Some(node) = self.requantized(node, pre, types, origin) {
                return self.cast(node, types, origin);
            }
        }
        self.tabulated(node, steps, origin)
    }

    /// A node that stands for a chain over many codes: with its range, without its kernel.
    fn ranged(
        &mut self,
        node: NodeId,
        steps: &[Step],
        types: &Periodic<FixedType>,
        origin: &Origin,
    ) -> Option<NodeId> {
        let ty = self.ty(node).clone();
        if ty.hull().codes() <= MAX_TABLE {
            return None;
        }
        let mut known: HashMap<(i32, Range, usize), Range> = HashMap::new();
        let period = steps_period(steps);
        let mut ranges = Vec::new();
        for c in 0..self.channels(node, steps) {
            let (frac, range) = (*ty.frac.at(c), *ty.range.at(c));
            let key = (frac, range, c % period);
            if let Some(image) = known.get(&key) {
                ranges.push(*image);
                continue;
            }
            let mut image: Option<Range> = None;
            for piece in eval::pieces(steps, c, frac, range)? {
                for end in [piece.range.lo, piece.range.hi] {
                    let y = eval::decide(steps, c, &eval::value(end, frac))?;
                    let code = Range::point(code_at(&y, types.at(c).frac())?);
                    image = Some(image.map_or(code, |i| i.hull(code)));
                }
            }
            known.insert(key, image?);
            ranges.push(image?);
        }
        let fracs = types.values().iter().map(FixedType::frac).collect();
        let ty = TensorType {
            shape: ty.shape,
            frac: Periodic::new(fracs),
            range: Periodic::new(ranges),
        };
        self.unfinished = true;
        let kernel = Kernel::Cast(types.clone());
        Some(self.push(kernel, vec![node], ty, origin, "range only"))
    }

    /// Form 3: the narrowest affine constants that give the right code for every input code.
    fn requantized(
        &mut self,
        node: NodeId,
        pre: &[Step],
        types: &Periodic<FixedType>,
        origin: &Origin,
    ) -> Option<NodeId> {
        let (Step::Affine { mul, add }, post) = pre.split_first()? else {
            return None;
        };
        if post.iter().any(|s| {
            matches!(
                s,
                Step::Affine { .. } | Step::Quantize(_) | Step::Function(_)
            )
        }) {
            return None;
        }
        let ty = self.ty(node).clone();
        let mut steps = pre.to_vec();
        steps.push(Step::Quantize(types.clone()));
        let channels = self.channels(node, &steps);
        // In a cell, where this is searched anew for every gate, one function for all channels has one
        // pair of constants.
        let shared = self.within.is_some() && steps_period(&steps) == 1 && ty.frac.period() == 1;
        let together = shared.then(|| ty.hull());
        let mut found = None;
        let mut chains = Vec::with_capacity(channels);
        for c in 0..channels {
            let (frac, range) = (*ty.frac.at(c), *ty.range.at(c));
            let known = found.take().filter(|_| shared);
            let constants = known.or_else(|| {
                super::requantize::search(&super::requantize::Problem {
                    mul: mul.at(c),
                    add: add.at(c),
                    post,
                    to: types.at(c),
                    channel: c,
                    frac,
                    range: together.unwrap_or(range),
                })
            })?;
            let affine = Step::Affine {
                mul: Periodic::uniform(constants.mul.clone()),
                add: Periodic::uniform(constants.add.clone()),
            };
            found = Some(constants);
            let mut narrow = vec![affine];
            narrow.extend(post.iter().cloned());
            // Parameters of `post` may differ between channels: `exact` reads them at `c`.
            chains.push(exact(&narrow, c, frac, range)?);
        }
        Some(self.emit_exact(node, &chains, origin))
    }
}

/// Period of a tensor's channels together with the steps' parameters.
pub(super) fn channels(ty: &TensorType, steps: &[Step]) -> usize {
    let lcm = num_integer::lcm::<usize>;
    lcm(
        lcm(ty.frac.period(), ty.range.period()),
        steps_period(steps),
    )
}

/// Period of the steps' parameters.
pub(super) fn steps_period(steps: &[Step]) -> usize {
    let lcm = num_integer::lcm::<usize>;
    steps.iter().fold(1, |n, step| match step {
        Step::Affine { mul, add } => lcm(n, lcm(mul.period(), add.period())),
        Step::Leaky { slope, .. } => lcm(n, slope.period()),
        Step::Quantize(types) => lcm(n, types.period()),
        Step::Clip { .. } | Step::Function(_) => n,
    })
}

/// Whether a step turns whatever comes in into finitely many codes.
pub(super) fn ends_chain(step: &Step) -> bool {
    match step {
        Step::Quantize(_) => true,
        Step::Function(f) => f.discrete(),
        Step::Affine { .. } | Step::Clip { .. } | Step::Leaky { .. } => false,
    }
}

/// Whether a step turns binary fractions into binary fractions.
fn is_exact(step: &Step) -> bool {
    let exact = |values: &Periodic<Real>| values.values().iter().all(|v| dyadic(v).is_some());
    match step {
        Step::Affine { mul, add } => exact(mul) && exact(add),
        Step::Leaky { threshold, slope } => dyadic(threshold).is_some() && exact(slope),
        Step::Clip { lo, hi } => [lo, hi].into_iter().flatten().all(|l| dyadic(l).is_some()),
        Step::Quantize(_) | Step::Function(_) => false,
    }
}

/// Whether a step costs nothing: it only moves the binary point.
fn is_free(step: &Step) -> bool {
    let Step::Affine { mul, add } = step else {
        return false;
    };
    add.values().iter().all(Zero::is_zero)
        && mul
            .values()
            .iter()
            .all(|m| dyadic(m).is_some_and(|(odd, _)| odd == 1))
}

pub(super) fn too_wide(bits: u64) -> ErrorKind {
    ErrorKind::TooWide {
        what: "the value".into(),
        bits,
        limit: MAX_WIDTH,
    }
}

/// The functions of a chain, for messages.
pub(super) fn names(steps: &[Step]) -> String {
    let name = |step: &Step| match step {
        Step::Affine { .. } => "affine".to_owned(),
        Step::Clip { .. } => "clip".to_owned(),
        Step::Leaky { .. } => "rectifier".to_owned(),
        Step::Quantize(_) => "quantizer".to_owned(),
        Step::Function(f) => f.name(),
    };
    steps.iter().map(name).collect::<Vec<_>>().join(" + ")
}
