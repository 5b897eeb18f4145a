//! Linear maps: weight codes, binary points, accumulators.

use std::collections::BTreeSet;
use std::sync::Arc;

use num_integer::Integer;
use num_traits::{One, Zero};

use super::{ErrorKind, Lazy, Resolver};
use crate::ir::kernel::{Dot, Kernel, MAX_WIDTH, NodeId, TensorType};
use crate::ir::math::{self, Linear, Step, Weights};
use crate::ir::{Periodic, Range, Real, Window, dyadic, positions};

/// Weights of one filter as integers: `weight = code * 2^-frac * scale`.
struct Filter {
    codes: Vec<i128>,
    frac: i32,
    /// A factor that is no power of two, left to the point functions behind the sum.
    scale: Real,
}

impl Resolver<'_> {
    /// The sum of products; scales that are no power of two and biases finer than the products
    /// become pending steps, so that a following quantizer can choose their constants.
    pub(super) fn linear(
        &mut self,
        linear: &Linear,
        operand: NodeId,
        node: &math::Node,
    ) -> Result<Lazy, ErrorKind> {
        let input = self.ty(operand).clone();
        let input_frac = input.uniform_frac().expect("the operand was made uniform");
        let filters = *linear
            .weights
            .shape
            .last()
            .expect("weights have a filter axis");
        let parts = split(&linear.weights, filters)?;
        let fracs: Vec<i32> = parts.iter().map(|f| f.frac).collect();

        // A bias joins the accumulator when it is no finer than the products of its filter.
        let bias = linear.bias.as_ref().map(|bias| {
            let exact = bias.iter().zip(&parts).map(|(b, f)| {
                let (code, frac) = dyadic(b)?;
                let up = u32::try_from(input_frac.checked_add(f.frac)?.checked_sub(frac)?).ok();
                let up = if code == 0 { Some(0) } else { up };
                f.scale.is_one().then_some(())?;
                Range::point(code).shifted(up?).map(|r| r.lo)
            });
            exact.collect::<Option<Vec<i128>>>().ok_or(bias)
        });
        let scales = Periodic::new(parts.iter().map(|f| f.scale.clone()).collect()).compact();
        let (codes, pending) = match bias {
            None => (vec![0; filters], vec![]),
            Some(Ok(codes)) => (codes, vec![]),
            Some(Err(real)) => (vec![0; filters], vec![Periodic::new(real.clone())]),
        };
        let mut steps = Vec::new();
        if let [add] = pending.as_slice() {
            steps.push(Step::Affine {
                mul: scales,
                add: add.clone(),
            });
        } else if !scales.as_uniform().is_some_and(One::is_one) {
            steps.push(Step::Affine {
                mul: scales,
                add: Periodic::uniform(Real::zero()),
            });
        }

        let weights = interleave(&parts);
        let channels = input.shape.last().copied().unwrap_or(1);
        let channel_ranges = hull_per_channel(&input, channels);
        let ranges = ranges(linear, &weights, filters, &channel_ranges, &codes)?;
        let dot = Dot {
            windows: linear.windows.clone(),
            groups: linear.groups,
            channels: channel_ranges.len(),
            filters,
            weights: Arc::new(weights),
            weight_frac: Periodic::new(fracs.clone()).compact(),
            shift: Periodic::uniform(0),
            bias: Periodic::new(codes),
            accumulator: Periodic::new(ranges.iter().map(|r| r.partial).collect()),
            encoding: linear.weights.encoding,
        };
        let ty = TensorType {
            shape: node.shape.clone(),
            frac: Periodic::new(fracs.iter().map(|f| f + input_frac).collect()),
            range: Periodic::new(ranges.iter().map(|r| r.total).collect()),
        };
        let id = self.push(
            Kernel::Dot(dot),
            vec![operand],
            ty,
            &node.origin,
            "sum of products",
        );
        self.advance(Lazy { node: id, steps }, &node.origin)
    }
}

/// Splits weights into filters with the coarsest binary point each that keeps every bit.
fn split(weights: &Weights, filters: usize) -> Result<Vec<Filter>, ErrorKind> {
    let unrepresentable = || ErrorKind::TooWide {
        what: "the span between the largest and the smallest weight".into(),
        bits: u64::from(MAX_WIDTH) + 1,
        limit: MAX_WIDTH,
    };
    let scale_count = weights.scale.period();
    let per_filter = filters.is_multiple_of(scale_count);
    let factors: Vec<(i128, i32)> = weights
        .scale
        .values()
        .iter()
        .map(|s| dyadic(s).ok_or_else(unrepresentable))
        .collect::<Result<_, _>>()?;
    let mut result = Vec::with_capacity(filters);
    for o in 0..filters {
        let column = || weights.codes.iter().enumerate().skip(o).step_by(filters);
        let filter = if per_filter {
            let (odd, frac) = factors[o % scale_count];
            // Scale zero belongs to a channel without any weight.
            let scale = if odd == 0 {
                Real::one()
            } else {
                Real::from_integer(odd.into())
            };
            let codes = column()
                .map(|(_, &c)| if odd == 0 { 0 } else { c })
                .collect();
            Filter { codes, frac, scale }
        } else {
            let used = || column().filter(|&(i, &c)| c != 0 && factors[i % scale_count].0 != 0);
            let frac = used()
                .map(|(i, _)| factors[i % scale_count].1)
                .max()
                .unwrap_or(0);
            let codes = column()
                .map(|(i, &code)| {
                    let (odd, f) = factors[i % scale_count];
                    let value = code.checked_mul(odd)?;
                    if value == 0 {
                        return Some(0);
                    }
                    Range::point(value).shifted(frac.abs_diff(f)).map(|r| r.lo)
                })
                .collect::<Option<_>>()
                .ok_or_else(unrepresentable)?;
            Filter {
                codes,
                frac,
                scale: Real::one(),
            }
        };
        result.push(filter);
    }
    drop_zero_bits(&mut result);
    Ok(result)
}

/// Removes low bits that are zero in every weight: of each filter alone where filters have binary
/// points of their own already, else of all together so that the tensor keeps one.
fn drop_zero_bits(filters: &mut [Filter]) {
    let zeros = |f: &Filter| {
        f.codes
            .iter()
            .filter(|c| **c != 0)
            .map(|c| c.trailing_zeros())
            .min()
    };
    let shared_point = {
        let mut used = filters
            .iter()
            .filter(|f| zeros(f).is_some())
            .map(|f| f.frac);
        used.next().is_none_or(|first| used.all(|f| f == first))
    };
    let common = filters.iter().filter_map(zeros).min().unwrap_or(0);
    for f in &mut *filters {
        let drop = if shared_point {
            common
        } else {
            zeros(f).unwrap_or(0)
        };
        for code in &mut f.codes {
            *code >>= drop;
        }
        f.frac = f.frac.saturating_sub(drop.cast_signed());
    }
    // A filter of zeros has no binary point of its own: it takes a neighbour's.
    let point = filters
        .iter()
        .find(|f| zeros(f).is_some())
        .map_or(0, |f| f.frac);
    for f in filters.iter_mut().filter(|f| zeros(f).is_none()) {
        f.frac = point;
    }
}

fn interleave(filters: &[Filter]) -> Vec<i128> {
    let rows = filters.first().map_or(0, |f| f.codes.len());
    (0..rows)
        .flat_map(|r| filters.iter().map(move |f| f.codes[r]))
        .collect()
}

/// Ranges of a tensor's channels: exact per element for a vector, else the hull over positions.
pub(super) fn hull_per_channel(ty: &TensorType, channels: usize) -> Vec<Range> {
    let period = ty
        .range
        .period()
        .lcm(&channels)
        .min(ty.elements().max(channels));
    let mut result: Vec<Option<Range>> = vec![None; channels];
    for i in 0..period {
        let slot = &mut result[i % channels];
        let range = *ty.range.at(i);
        *slot = Some(slot.map_or(range, |h| h.hull(range)));
    }
    result
        .into_iter()
        .map(|r| r.expect("every channel has an element"))
        .collect()
}

/// What one filter's sum can be.
struct FilterRange {
    /// The finished sum.
    total: Range,
    /// Every partial sum in any order, from the bias on.
    partial: Range,
}

/// Sets of taps that meet real cells at some output position, for one spatial axis.
fn tap_sets(window: &Window) -> BTreeSet<Vec<usize>> {
    (0..window.output)
        .map(|o| window.taps(o).map(|(k, _)| k).collect())
        .collect()
}

/// Exact smallest and largest sum of every filter over all output positions.
fn ranges(
    linear: &Linear,
    weights: &[i128],
    filters: usize,
    channel_ranges: &[Range],
    bias: &[i128],
) -> Result<Vec<FilterRange>, ErrorKind> {
    let taps: Vec<usize> = linear.windows.iter().map(|w| w.kernel).collect();
    let block = channel_ranges.len() / linear.groups;
    let filters_per_group = filters / linear.groups;
    let sets: Vec<Vec<Vec<usize>>> = linear
        .windows
        .iter()
        .map(|w| tap_sets(w).into_iter().collect())
        .collect();
    let patterns: Vec<Vec<usize>> = {
        let extents: Vec<usize> = sets.iter().map(Vec::len).collect();
        positions(&extents)
            .map(|pick| {
                // Flat tap indices of this combination of per-axis sets.
                let chosen: Vec<&Vec<usize>> =
                    pick.iter().zip(&sets).map(|(&i, s)| &s[i]).collect();
                let counts: Vec<usize> = chosen.iter().map(|c| c.len()).collect();
                positions(&counts)
                    .map(|at| {
                        at.iter()
                            .zip(&chosen)
                            .zip(&taps)
                            .fold(0, |flat, ((&i, set), &n)| flat * n + set[i])
                    })
                    .collect()
            })
            .collect()
    };
    let tap_count: usize = taps.iter().product();
    (0..filters)
        .map(|o| {
            let group = o / filters_per_group;
            let inputs = &channel_ranges[group * block..(group + 1) * block];
            let overflow = || ErrorKind::TooWide {
                what: format!("the accumulator of filter {o}"),
                bits: u64::from(MAX_WIDTH) + 1,
                limit: MAX_WIDTH,
            };
            let per_tap: Vec<Option<[i128; 4]>> = (0..tap_count)
                .map(|t| {
                    let mut sums = [0_i128; 4];
                    for (c, range) in inputs.iter().enumerate() {
                        let w = weights[(t * block + c) * filters + o];
                        let (a, b) = (w.checked_mul(range.lo)?, w.checked_mul(range.hi)?);
                        let (lo, hi) = (a.min(b), a.max(b));
                        for (sum, term) in sums.iter_mut().zip([lo, hi, lo.min(0), hi.max(0)]) {
                            *sum = sum.checked_add(term)?;
                        }
                    }
                    Some(sums)
                })
                .collect();
            let mut result: Option<FilterRange> = None;
            for pattern in &patterns {
                let mut sums = [bias[o]; 4];
                for &t in pattern {
                    let terms = per_tap[t].ok_or_else(overflow)?;
                    for (sum, term) in sums.iter_mut().zip(terms) {
                        *sum = sum.checked_add(term).ok_or_else(overflow)?;
                    }
                }
                let [lo, hi, part_lo, part_hi] = sums;
                let here = FilterRange {
                    total: Range { lo, hi },
                    partial: Range {
                        lo: part_lo,
                        hi: part_hi,
                    },
                };
                result = Some(match result {
                    None => here,
                    Some(r) => FilterRange {
                        total: r.total.hull(here.total),
                        partial: r.partial.hull(here.partial),
                    },
                });
            }
            result
                .filter(|r| r.partial.width() <= MAX_WIDTH)
                .ok_or_else(overflow)
        })
        .collect()
}
