//! Functions of one element: scale, limits, conversion, tables, steps.

use std::sync::Arc;

use super::{Body, Builder, Config, PerChannel, call, common_period};
use crate::codegen::{arrays, project, spell};
use crate::ir::kernel::{Affine, Lut as LutKernel, Select, Staircase};
use crate::ir::{Periodic, Range};
use crate::num::FixedType;

/// A kernel with constants for each position of a period.
#[derive(Debug)]
pub(crate) struct Pointwise {
    pub(crate) positions: usize,
    pub(crate) period: usize,
    /// Name in the config struct, and the type.
    pub(crate) types: Vec<(&'static str, String)>,
    pub(crate) functions: Vec<PerChannel>,
}

/// A conversion.
#[derive(Debug)]
pub(crate) struct Cast {
    pub(crate) positions: usize,
    pub(crate) period: usize,
    /// Type of the result's array.
    pub(crate) result: String,
    /// Every type that is converted into.
    pub(crate) targets: Vec<String>,
    /// Which one, for each position; 0 where there is one.
    pub(crate) format: PerChannel,
}

/// A table.
#[derive(Debug)]
pub(crate) struct Lut {
    pub(crate) base: Pointwise,
    pub(crate) rows: usize,
    pub(crate) entries: usize,
}

/// A step function.
#[derive(Debug)]
pub(crate) struct Threshold {
    pub(crate) base: Pointwise,
    pub(crate) rows: usize,
    pub(crate) steps: usize,
}

impl Builder<'_> {
    /// Positions and period for parameters of these periods.
    fn periods(&self, parameters: &[usize]) -> (usize, usize) {
        let elements = self.node.ty.elements();
        let mut all = parameters.to_vec();
        all.push(self.node.ty.frac.period());
        all.push(self.operand_type(0).frac.period());
        let period = common_period(elements, &all);
        (elements / period, period)
    }

    /// Adds `values` over the period as a constant array.
    fn periodic(
        &mut self,
        stem: &str,
        comment: &str,
        values: &Periodic<i128>,
        period: usize,
    ) -> (String, Range) {
        let codes: Vec<i128> = (0..period).map(|c| *values.at(c)).collect();
        let range = arrays::hull(&codes);
        (self.constants(stem, comment, codes, usize::MAX), range)
    }
}

pub(super) fn affine(b: &mut Builder, affine: &Affine) -> Body {
    let (positions, period) = b.periods(&[affine.mul.period(), affine.add.period()]);
    let (mul, mul_range) = b.periodic("mul", "factors", &affine.mul, period);
    let (add, add_range) = b.periodic("add", "addends", &affine.add, period);
    let config = Pointwise {
        positions,
        period,
        types: vec![
            ("mul_t", b.integer(mul_range)),
            ("add_t", b.integer(add_range)),
        ],
        functions: vec![b.align(period), b.place(period)],
    };
    let trivial = affine.mul.values().iter().all(|m| (-1..=1).contains(m));
    Body {
        config: Config::Pointwise(config),
        header: "affine",
        calls: call(b, "affine", &[mul, add]),
        loops: false,
        products: if trivial {
            0
        } else {
            b.node.ty.elements() as u64
        },
    }
}

pub(super) fn select(b: &mut Builder, select: &Select) -> Body {
    let Select {
        threshold,
        below,
        above,
    } = select;
    let (positions, period) = b.periods(&[
        threshold.period(),
        below.mul.period(),
        below.add.period(),
        above.mul.period(),
        above.add.period(),
    ]);
    let (t, t_range) = b.periodic(
        "threshold",
        "first code of the upper line",
        threshold,
        period,
    );
    let compare = b.operand_type(0).hull().hull(t_range);
    let mut types = vec![("compare_t", b.signed_integer(compare))];
    let mut constants = vec![t];
    for (stem, name, comment, values) in [
        (
            "below_mul",
            "below_mul_t",
            "factors of the lower line",
            &below.mul,
        ),
        (
            "below_add",
            "below_add_t",
            "addends of the lower line",
            &below.add,
        ),
        (
            "above_mul",
            "above_mul_t",
            "factors of the upper line",
            &above.mul,
        ),
        (
            "above_add",
            "above_add_t",
            "addends of the upper line",
            &above.add,
        ),
    ] {
        let (array, range) = b.periodic(stem, comment, values, period);
        constants.push(array);
        types.push((name, b.integer(range)));
    }
    let config = Pointwise {
        positions,
        period,
        types,
        functions: vec![b.align(period), b.place(period)],
    };
    let both = below.mul.values().iter().chain(above.mul.values());
    let trivial = both.copied().all(|m| (-1..=1).contains(&m));
    Body {
        config: Config::Pointwise(config),
        header: "select",
        calls: call(b, "select", &constants),
        loops: false,
        products: if trivial {
            0
        } else {
            b.node.ty.elements() as u64
        },
    }
}

pub(super) fn clamp(b: &mut Builder, limits: &Periodic<Range>) -> Body {
    let (positions, period) = b.periods(&[limits.period()]);
    let (lo, lo_range) = b.periodic("lo", "lower limits", &limits.map(|r| r.lo), period);
    let (hi, hi_range) = b.periodic("hi", "upper limits", &limits.map(|r| r.hi), period);
    let compare = b.operand_type(0).hull().hull(lo_range).hull(hi_range);
    let config = Pointwise {
        positions,
        period,
        types: vec![("compare_t", b.signed_integer(compare))],
        functions: vec![b.align(period), b.place(period)],
    };
    Body {
        config: Config::Pointwise(config),
        header: "clamp",
        calls: call(b, "clamp", &[lo, hi]),
        loops: false,
        products: 0,
    }
}

pub(super) fn cast(b: &mut Builder, types: &Periodic<FixedType>) -> Result<Body, String> {
    let (positions, period) = b.periods(&[types.period()]);
    let mut targets: Vec<FixedType> = Vec::new();
    let mut formats = Vec::with_capacity(period);
    for c in 0..period {
        let ty = types.at(c);
        let known = targets.iter().position(|t| t == ty);
        let format = known.unwrap_or_else(|| {
            targets.push(*ty);
            targets.len() - 1
        });
        formats.push(u32::try_from(format).expect("fewer formats than elements"));
    }
    let layer = b.node.origin.layer.escape_default().to_string();
    let mut names = Vec::new();
    let several = targets.len() > 1;
    for (i, ty) in targets.iter().enumerate() {
        let spelled =
            spell::fixed(ty, b.family).ok_or_else(|| project::refuse_modes(ty, b.family))?;
        let name = if several {
            format!("cast{}_{i}_t", b.index)
        } else {
            format!("cast{}_t", b.index)
        };
        b.types.push(project::Typedef {
            name: name.clone(),
            spelled,
            comment: format!("{layer}: rounding and overflow"),
        });
        names.push(name);
    }
    let config = Cast {
        positions,
        period,
        result: b.result_type(),
        targets: names,
        format: b.per_channel("format", "number of each channel's type", &formats),
    };
    Ok(Body {
        config: Config::Cast(config),
        header: "cast",
        calls: call(b, "cast", &[]),
        loops: false,
        products: 0,
    })
}

/// Different values of a period, and which one stands at each position.
fn distinct<T: PartialEq>(values: &Periodic<Arc<T>>, period: usize) -> (Vec<&T>, Vec<u32>) {
    let mut rows: Vec<&Arc<T>> = Vec::new();
    let mut which = Vec::with_capacity(period);
    for c in 0..period {
        let value = values.at(c);
        let known = rows
            .iter()
            .position(|r| Arc::ptr_eq(r, value) || r == &value);
        let row = known.unwrap_or_else(|| {
            rows.push(value);
            rows.len() - 1
        });
        which.push(u32::try_from(row).expect("fewer rows than elements"));
    }
    (rows.into_iter().map(AsRef::as_ref).collect(), which)
}

pub(super) fn lut(b: &mut Builder, lut: &LutKernel) -> Body {
    let (positions, period) = b.periods(&[lut.tables.period()]);
    let (tables, which) = distinct(&lut.tables, period);
    // Tables of different lengths share the rows of the longest; what is added is never read.
    let entries = tables.iter().map(|t| t.len()).max().unwrap_or(1);
    let mut codes = Vec::with_capacity(entries * tables.len());
    for table in &tables {
        codes.extend_from_slice(table);
        codes.resize(codes.len() + entries - table.len(), 0);
    }
    let rows = tables.len();
    let entry_range = arrays::hull(&codes);
    let last = i128::try_from(entries - 1).expect("a table fits memory");
    let first_range = Range::point(lut.first);
    let first = b.constants(
        "first",
        "the code that entry 0 stands for",
        vec![lut.first],
        1,
    );
    let table = b.constants(
        "table",
        "one entry for each code of the operand",
        codes,
        usize::MAX,
    );
    let config = Lut {
        base: Pointwise {
            positions,
            period,
            types: vec![
                ("index_t", b.integer(Range { lo: 0, hi: last })),
                ("first_t", b.integer(first_range)),
                ("entry_t", b.integer(entry_range)),
            ],
            functions: vec![
                b.align(period),
                b.per_channel("row", "number of each channel's table", &which),
                b.place(period),
            ],
        },
        rows,
        entries,
    };
    Body {
        config: Config::Lut(config),
        header: "lut",
        calls: call(b, "lut", &[first, table]),
        loops: false,
        products: 0,
    }
}

pub(super) fn threshold(b: &mut Builder, stairs: &Periodic<Arc<Staircase>>) -> Body {
    let (positions, period) = b.periods(&[stairs.period()]);
    let (stairs, which) = distinct(stairs, period);
    let operand = b.operand_type(0).hull();
    // Shorter stairs are filled up with thresholds that no code reaches.
    let never = operand.hi + 1;
    let steps = stairs.iter().map(|s| s.thresholds.len()).max().unwrap_or(0);
    let mut limits = Vec::with_capacity(steps * stairs.len());
    let mut values = Vec::with_capacity((steps + 1) * stairs.len());
    for s in &stairs {
        let missing = steps - s.thresholds.len();
        limits.extend_from_slice(&s.thresholds);
        limits.resize(limits.len() + missing, never);
        values.extend_from_slice(&s.values);
        let last = *s.values.last().expect("one value more than thresholds");
        values.resize(values.len() + missing, last);
    }
    if steps == 0 {
        // C++ has no empty arrays; the loop over it has no rounds.
        limits.push(never);
    }
    let rows = stairs.len();
    let compare = operand.hull(arrays::hull(&limits));
    let value_range = arrays::hull(&values);
    let thresholds = b.constants("threshold", "first code of each step", limits, steps);
    let value = b.constants("value", "result below and at each step", values, steps + 1);
    let config = Threshold {
        base: Pointwise {
            positions,
            period,
            types: vec![
                ("compare_t", b.signed_integer(compare)),
                ("value_t", b.integer(value_range)),
            ],
            functions: vec![
                b.align(period),
                b.per_channel("row", "number of each channel's steps", &which),
                b.place(period),
            ],
        },
        rows,
        steps,
    };
    Body {
        config: Config::Threshold(config),
        header: "threshold",
        calls: call(b, "threshold", &[thresholds, value]),
        loops: false,
        products: 0,
    }
}
