//! Conversions into fixed-point types.

use super::chain::too_wide;
use super::{ErrorKind, Resolver};
use crate::ir::eval;
use crate::ir::kernel::{Kernel, MAX_WIDTH, NodeId, TensorType};
use crate::ir::math::Step;
use crate::ir::{Origin, Periodic, Range};
use crate::num::{self, FixedType, Overflow};
use crate::passes::Change;

impl Resolver<'_> {
    /// A conversion. A type that provably cannot overflow loses its saturation and the bits that
    /// never occur; a conversion that changes no value is left out.
    pub(super) fn cast(
        &mut self,
        node: NodeId,
        types: &Periodic<FixedType>,
        origin: &Origin,
    ) -> Result<NodeId, ErrorKind> {
        let from = self.ty(node).clone();
        let channels = self.channels(node, &[Step::Quantize(types.clone())]);
        let mut to = Vec::with_capacity(channels);
        let mut ranges = Vec::with_capacity(channels);
        let mut lossless = true;
        for c in 0..channels {
            let (frac, range, ty) = (*from.frac.at(c), *from.range.at(c), types.at(c));
            let all = eval::type_range(ty).ok_or_else(|| too_wide(ty.width.into()))?;
            let wide = FixedType {
                width: MAX_WIDTH,
                int_bits: MAX_WIDTH.cast_signed().saturating_sub(ty.frac()),
                signed: true,
                overflow: Overflow::Sat,
                ..*ty
            };
            let rounded = Range {
                lo: num::convert(range.lo, frac, &wide),
                hi: num::convert(range.hi, frac, &wide),
            };
            let symmetric_min =
                ty.overflow == Overflow::SatSym && ty.signed && rounded.lo == all.lo;
            let fits = all.contains(rounded.lo) && all.contains(rounded.hi) && !symmetric_min;
            lossless &= fits && frac <= ty.frac();
            let image = if fits {
                rounded
            } else {
                match ty.overflow {
                    Overflow::Sat | Overflow::SatSym => Range {
                        lo: num::convert(range.lo, frac, ty),
                        hi: num::convert(range.hi, frac, ty),
                    },
                    Overflow::Wrap | Overflow::SatZero | Overflow::WrapSm => all,
                }
            };
            to.push(if fits {
                FixedType {
                    quantization: ty.quantization,
                    ..eval::plain_type(image, ty.frac())
                }
            } else {
                *ty
            });
            ranges.push(image);
        }
        if lossless && from.uniform_frac().is_some() {
            self.dropped_casts.push(Change {
                layer: origin.to_string(),
                change: format!("{} holds every value", spelled(types)),
            });
            return Ok(node);
        }
        let ty = TensorType {
            shape: from.shape,
            frac: Periodic::new(to.iter().map(FixedType::frac).collect()),
            range: Periodic::new(ranges),
        };
        let to = widest(to);
        if to != *types {
            self.narrowed_casts.push(Change {
                layer: origin.to_string(),
                change: format!("{} instead of {}", spelled(&to), spelled(types)),
            });
        }
        let note = match to.as_uniform() {
            Some(ty) => format!("cast to {ty}"),
            None => "cast, a type for each channel".to_owned(),
        };
        Ok(self.push(Kernel::Cast(to), vec![node], ty, origin, note))
    }
}

fn spelled(types: &Periodic<FixedType>) -> String {
    match types.as_uniform() {
        Some(ty) => ty.to_string(),
        None => format!("a type for each of {} channels", types.period()),
    }
}

/// Casts of one design node share the modes: a channel that cannot overflow may keep the plain
/// modes only if all can, and one width serves them all.
fn widest(types: Vec<FixedType>) -> Periodic<FixedType> {
    let plain = types.iter().all(|t| t.overflow == Overflow::Wrap);
    let same_point = types.windows(2).all(|w| w[0].frac() == w[1].frac());
    if !plain || !same_point {
        return Periodic::new(types).compact();
    }
    let hull = types
        .iter()
        .filter_map(eval::type_range)
        .reduce(Range::hull);
    match hull {
        Some(hull) => {
            let merged = eval::plain_type(hull, types[0].frac());
            Periodic::uniform(FixedType {
                quantization: types[0].quantization,
                ..merged
            })
        }
        None => Periodic::new(types).compact(),
    }
}
