//! Functions as tables of the input codes, or as thresholds.

use std::sync::Arc;

use super::chain::{MAX_LONG_TABLE, MAX_TABLE, MAX_THRESHOLDS, direction_mixed, names, too_wide};
use super::exact::code_at;
use super::{ErrorKind, Resolver};
use crate::ir::eval;
use crate::ir::kernel::{Kernel, Lut, NodeId, Staircase, TensorType};
use crate::ir::math::Step;
use crate::ir::{Origin, Periodic, Range, Real, dyadic};

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
        let monotone = (0..channels).all(|c| !direction_mixed(steps, c));
        // One binary point for the results of a channel: the finest that occurs.
        let tables = hull.codes() <= if monotone { MAX_TABLE } else { MAX_LONG_TABLE };
        let mut runs_of: Vec<Vec<(i128, Real)>> = Vec::with_capacity(channels);
        for c in 0..channels {
            let range = *ty.range.at(c);
            let runs = if tables {
                let mut runs: Vec<(i128, Real)> = Vec::new();
                for code in range.lo..=range.hi {
                    let y = value(c, code).ok_or_else(impossible)?;
                    if runs.last().is_none_or(|(_, last)| *last != y) {
                        runs.push((code, y));
                    }
                }
                runs
            } else if monotone {
                let mut runs = vec![(range.lo, value(c, range.lo).ok_or_else(impossible)?)];
                let last = value(c, range.hi).ok_or_else(impossible)?;
                bisect(&|x| value(c, x), range.hi, &last, &mut runs).ok_or_else(impossible)?;
                runs
            } else {
                return Err(impossible());
            };
            if !tables && runs.len() > MAX_THRESHOLDS {
                return Err(impossible());
            }
            runs_of.push(runs);
        }
        let mut fracs = Vec::with_capacity(channels);
        for runs in &runs_of {
            let mut finest = None;
            for (_, y) in runs {
                let (code, frac) = dyadic(y).ok_or_else(impossible)?;
                if code != 0 {
                    finest = Some(finest.map_or(frac, |f: i32| f.max(frac)));
                }
            }
            fracs.push(finest.unwrap_or(0));
        }
        let few = runs_of
            .iter()
            .all(|r| r.len() <= 4 && r.len() as u128 * 4 <= hull.codes());
        let mut ranges = Vec::with_capacity(channels);
        let mut stairs = Vec::with_capacity(channels);
        for (runs, frac) in runs_of.iter().zip(&fracs) {
            let values: Vec<i128> = runs
                .iter()
                .map(|(_, y)| code_at(y, *frac))
                .collect::<Option<_>>()
                .ok_or_else(|| too_wide(128))?;
            let hull = values.iter().map(|&v| Range::point(v)).reduce(Range::hull);
            ranges.push(hull.ok_or_else(impossible)?);
            let thresholds = runs.iter().skip(1).map(|(x, _)| *x).collect();
            stairs.push(Staircase { thresholds, values });
        }
        let out = TensorType {
            shape: ty.shape.clone(),
            frac: Periodic::new(fracs),
            range: Periodic::new(ranges),
        };
        let as_table = tables && !few;
        let (kernel, note) = if as_table {
            let entries = |(stair, c): (&Staircase, usize)| {
                let range = *ty.range.at(c);
                let table = (hull.lo..=hull.hi).map(|x| {
                    let x = x.clamp(range.lo, range.hi);
                    stair.values[stair.thresholds.partition_point(|t| *t <= x)]
                });
                Arc::new(table.collect::<Vec<_>>())
            };
            let tables = stairs.iter().zip(0..).map(entries).collect();
            let lut = Lut {
                first: hull.lo,
                tables: Periodic::new(tables).compact(),
            };
            (
                Kernel::Lut(lut),
                format!("{}: table of {} codes", names(steps), hull.codes()),
            )
        } else {
            let most = stairs.iter().map(|s| s.thresholds.len()).max().unwrap_or(0);
            let stairs = Periodic::new(stairs.into_iter().map(Arc::new).collect()).compact();
            (
                Kernel::Threshold(stairs),
                format!("{}: {most} thresholds", names(steps)),
            )
        };
        Ok(self.push(kernel, vec![node], out, origin, note))
    }
}

/// Finds the steps of a monotone function between the last run found and `(hi, at_hi)`.
fn bisect(
    f: &dyn Fn(i128) -> Option<Real>,
    hi: i128,
    at_hi: &Real,
    runs: &mut Vec<(i128, Real)>,
) -> Option<()> {
    // Depth-first, left to right; the stack holds right ends still to be reached.
    let mut stack = vec![(hi, at_hi.clone())];
    let mut left = runs.last()?.0;
    while let Some((right, at_right)) = stack.pop() {
        let at_left = &runs.last()?.1;
        if *at_left == at_right {
            left = right;
        } else if right - left == 1 {
            runs.push((right, at_right));
            left = right;
            if runs.len() > MAX_THRESHOLDS {
                return None;
            }
        } else {
            let middle = left + (right - left) / 2;
            let at_middle = f(middle)?;
            stack.push((right, at_right));
            stack.push((middle, at_middle));
        }
    }
    Some(())
}
