//! Functions as tables of the input codes, or as thresholds.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::chain::{
    MAX_LONG_TABLE, MAX_TABLE, MAX_THRESHOLDS, THRESHOLD_ENTRIES, names, steps_period, too_wide,
};
use super::exact::code_at;
use super::{ErrorKind, Resolver, requantize};
use crate::ir::eval;
use crate::ir::kernel::{Kernel, Lut, NodeId, Staircase, TensorType};
use crate::ir::math::Step;
use crate::ir::quick::Quick;
use crate::ir::{Origin, Periodic, Range, Real, dyadic};
use num_traits::ToPrimitive;

impl Resolver<'_> {
    /// Form 4: a table, or thresholds.
    pub(super) fn tabulated(
        &mut self,
        node: NodeId,
        steps: &[Step],
        origin: &Origin,
    ) -> Result<NodeId, ErrorKind> {
        let ty = self.ty(node).clone();
        let channels = self.channels(node, steps);
        let hull = ty.hull();
        let impossible = || ErrorKind::TooManyCodes {
            function: names(steps),
            codes: hull.codes(),
        };
        let value =
            |c: usize, code: i128| eval::decide(steps, c, &eval::value(code, *ty.frac.at(c)));
        // Channels with the same function share their values.
        let shared = steps_period(steps) == 1;
        let key = |c: usize| (*ty.frac.at(c), if shared { 0 } else { c });
        let mut groups: BTreeMap<(i32, usize), (usize, Range)> = BTreeMap::new();
        for c in 0..channels {
            let range = *ty.range.at(c);
            let group = groups.entry(key(c)).or_insert((c, range));
            group.1 = group.1.hull(range);
        }
        let mut runs_of: BTreeMap<(i32, usize), Vec<(i128, Real)>> = BTreeMap::new();
        for (&group, &(c, range)) in &groups {
            // Where the function only scales, its steps are known without a search.
            let frac = *ty.frac.at(c);
            if let Some(changes) = requantize::changes(steps, c, frac, range) {
                let Some(Step::Quantize(types)) = steps.last() else {
                    unreachable!("such a chain ends in a quantizer");
                };
                let to = types.at(c).frac();
                let run = |(first, code)| (first, eval::value(code, to));
                runs_of.insert(group, changes.into_iter().map(run).collect());
                continue;
            }
            let quick = Quick::new(steps, c, frac);
            let exact = |code: i128| value(c, code);
            let f = |code: i128| {
                let quick = quick.as_ref().and_then(|q| q.decide(code));
                quick.or_else(|| exact(code))
            };
            let before = &steps[..steps.len() - 1];
            let f = Probe {
                value: &f,
                estimate: &|code| quick.as_ref()?.estimate(code),
                sure: &|code| {
                    quick
                        .as_ref()
                        .is_some_and(|q| q.decide_code(code).is_some())
                },
                close: &|code| {
                    let y = eval::bounds(before, c, &eval::value(code, frac))?;
                    Some(y.lo)
                },
            };
            let runs = match eval::pieces(steps, c, *ty.frac.at(c), range) {
                Some(pieces) => runs(&f, pieces.iter().map(|p| p.range)),
                None if hull.codes() <= MAX_LONG_TABLE => {
                    runs(&f, (range.lo..=range.hi).map(Range::point))
                }
                None => None,
            };
            runs_of.insert(group, runs.ok_or_else(impossible)?);
        }
        let most = runs_of.values().map(Vec::len).max().unwrap_or(0);
        // A comparator costs about as much as a few entries of a table.
        let tables = hull.codes() <= MAX_TABLE
            || hull.codes() <= MAX_LONG_TABLE && most as u128 * THRESHOLD_ENTRIES > hull.codes();
        if !tables && most > MAX_THRESHOLDS + 1 {
            return Err(impossible());
        }
        // One binary point for the results of a channel: the finest that occurs.
        let few = runs_of
            .values()
            .all(|r| r.len() <= 4 && r.len() as u128 * 4 <= hull.codes());
        let mut stairs: BTreeMap<(i32, usize), (i32, Arc<Staircase>)> = BTreeMap::new();
        for (group, runs) in runs_of {
            let codes = runs.iter().map(|(_, y)| dyadic(y));
            let codes = codes.collect::<Option<Vec<_>>>().ok_or_else(impossible)?;
            let finest = codes.iter().filter(|(code, _)| *code != 0);
            let frac = finest.map(|(_, frac)| *frac).max().unwrap_or(0);
            let values = runs.iter().map(|(_, y)| code_at(y, frac));
            let values = values.collect::<Option<Vec<_>>>();
            let stair = Staircase {
                thresholds: runs.iter().skip(1).map(|(x, _)| *x).collect(),
                values: values.ok_or_else(|| too_wide(128))?,
            };
            stairs.insert(group, (frac, Arc::new(stair)));
        }
        let of = |c: usize| &stairs[&key(c)];
        let fracs = (0..channels).map(|c| of(c).0).collect();
        let ranges = (0..channels).map(|c| {
            let (stair, range) = (&of(c).1, ty.range.at(c));
            let at = |x: i128| stair.thresholds.partition_point(|t| *t <= x);
            let values = &stair.values[at(range.lo)..=at(range.hi)];
            let points = values.iter().map(|&v| Range::point(v));
            points.reduce(Range::hull).expect("a range holds a code")
        });
        let ranges = ranges.collect();
        let out = TensorType {
            shape: ty.shape.clone(),
            frac: Periodic::new(fracs),
            range: Periodic::new(ranges),
        };
        let as_table = tables && !few;
        let (kernel, note) = if as_table {
            let entries = |stair: &Staircase| {
                let at = |x: i128| stair.thresholds.partition_point(|t| *t <= x);
                let table = (hull.lo..=hull.hi).map(|x| stair.values[at(x)]);
                Arc::new(table.collect::<Vec<_>>())
            };
            let tables: BTreeMap<_, _> = stairs
                .iter()
                .map(|(group, (_, stair))| (*group, entries(stair)))
                .collect();
            let tables = (0..channels)
                .map(|c| Arc::clone(&tables[&key(c)]))
                .collect();
            let lut = Lut {
                first: hull.lo,
                tables: Periodic::new(tables).compact(),
            };
            (
                Kernel::Lut(lut),
                format!("{}: table of {} codes", names(steps), hull.codes()),
            )
        } else {
            let stairs = (0..channels).map(|c| Arc::clone(&of(c).1)).collect();
            let stairs = Periodic::new(stairs).compact();
            let most = most.saturating_sub(1);
            (
                Kernel::Threshold(stairs),
                format!("{}: {most} thresholds", names(steps)),
            )
        };
        Ok(self.push(kernel, vec![node], out, origin, note))
    }
}

/// A chain over codes.
struct Probe<'a> {
    value: &'a dyn Fn(i128) -> Option<Real>,
    /// About the value before the last rounding, where that is easily told.
    estimate: &'a dyn Fn(i128) -> Option<f64>,
    /// Whether the value is quickly told.
    sure: &'a dyn Fn(i128) -> bool,
    /// The estimate closely, at the price of an exact value.
    close: &'a dyn Fn(i128) -> Option<Real>,
}

/// First code and value of every run of equal values; `f` is monotone on each of the ranges, which
/// follow each other.
fn runs(f: &Probe<'_>, pieces: impl Iterator<Item = Range>) -> Option<Vec<(i128, Real)>> {
    let mut runs: Vec<(i128, Real)> = Vec::new();
    for piece in pieces {
        let first = (f.value)(piece.lo)?;
        if runs.last().is_none_or(|(_, last)| *last != first) {
            runs.push((piece.lo, first));
        }
        if piece.hi > piece.lo {
            let last = (f.value)(piece.hi)?;
            bisect(f, piece, &last, &mut runs)?;
        }
        if runs.len() as u128 > MAX_LONG_TABLE {
            return None;
        }
    }
    Some(runs)
}

/// Finds the steps of a function that is monotone on `piece`; the last run holds its first code.
fn bisect(f: &Probe<'_>, piece: Range, at_hi: &Real, runs: &mut Vec<(i128, Real)>) -> Option<()> {
    // Depth-first, left to right; the stack holds right ends still to be reached.
    let mut stack = vec![(piece.hi, at_hi.clone())];
    let mut left = piece.lo;
    // Length of the gap at the last guess, and whether that was a close one.
    let mut guessed: Option<(i128, bool)> = None;
    while let Some((right, at_right)) = stack.pop() {
        let at_left = &runs.last()?.1;
        if *at_left == at_right {
            left = right;
        } else if right - left == 1 {
            runs.push((right, at_right));
            left = right;
            if runs.len() as u128 > MAX_LONG_TABLE {
                return None;
            }
        } else {
            // Not halves but where a straight line would step over the border, with the codes next to
            // it on both sides; halves where that does not narrow the search.
            let gap = right - left;
            let ends = (left, right);
            let near = match guessed {
                Some((before, closely)) if gap > before / 8 => {
                    let near = if closely {
                        None
                    } else {
                        close_guess(f, ends, at_left, &at_right)
                    };
                    near.map(|near| (near, true))
                }
                _ => guess(f, ends, at_left, &at_right).map(|near| (near, false)),
            };
            let near = near.filter(|(near, _)| !near.is_empty());
            guessed = near.as_ref().map(|(_, closely)| (gap, *closely));
            let near = near.map(|(near, _)| near);
            let probes = near.unwrap_or_else(|| vec![left + gap / 2]);
            stack.push((right, at_right));
            for code in probes.into_iter().rev() {
                let at_code = (f.value)(code)?;
                stack.push((code, at_code));
            }
        }
    }
    Some(())
}

/// The same where codes lie closer than quick estimates can tell.
fn close_guess(
    f: &Probe<'_>,
    (left, right): (i128, i128),
    a: &Real,
    b: &Real,
) -> Option<Vec<i128>> {
    let gap = right - left;
    if gap < 64 || (f.sure)(left + gap / 2) {
        return None;
    }
    let (from, to) = ((f.close)(left)?, (f.close)(right)?);
    if from == to {
        return None;
    }
    let border = (a + b) / Real::from_integer(2.into());
    let part = ((border - &from) / (to - &from)).to_f64()?;
    around(part, (left, right), (gap >> 30).max(1))
}

/// Codes on both sides of the place where a long gap between two results should have its step.
fn guess(f: &Probe<'_>, (left, right): (i128, i128), a: &Real, b: &Real) -> Option<Vec<i128>> {
    let gap = right - left;
    if gap < 64 {
        return None;
    }
    let (from, to) = ((f.estimate)(left)?, (f.estimate)(right)?);
    let border = (a + b).to_f64()? / 2.0 * (1_u64 << 60) as f64;
    // A line errs by a small part of the gap; the first time by more.
    let part = (border - from) / (to - from);
    around(part, (left, right), (gap >> 12).max(1))
}

/// Codes on both sides of a part of a gap.
fn around(part: f64, (left, right): (i128, i128), margin: i128) -> Option<Vec<i128>> {
    if !(0.0..=1.0).contains(&part) {
        return None;
    }
    let place = left + (part * (right - left) as f64) as i128;
    let ends = [place - margin, place + margin + 1];
    let inside = ends.into_iter().filter(|&code| code > left && code < right);
    Some(inside.collect())
}
