//! Sums of products with constant weights: dense layers and convolutions.

use super::products::Products;
use super::window::Axes;
use super::{Body, Builder, Config, PerChannel, call};
use crate::codegen::arrays;
use crate::codegen::directives::{Choice, Strategy};
use crate::ir::kernel::Dot;

/// What dense layers and convolutions have in common.
#[derive(Debug)]
pub(crate) struct Sums {
    pub(crate) channels: usize,
    pub(crate) filters: usize,
    pub(crate) groups: usize,
    /// Struct of `product.h`.
    pub(crate) product: &'static str,
    pub(crate) accum: String,
    pub(crate) weight: String,
    pub(crate) bias: String,
    pub(crate) shift: PerChannel,
    pub(crate) place: PerChannel,
}

/// A dense layer on every position.
#[derive(Debug)]
pub(crate) struct Dense {
    pub(crate) positions: usize,
    /// Rounds of a sum, where they are more than one.
    pub(crate) rounds: Option<u32>,
    pub(crate) sums: Sums,
}

/// A convolution.
#[derive(Debug)]
pub(crate) struct Conv {
    pub(crate) axes: Axes,
    pub(crate) choice: Choice,
    pub(crate) sums: Sums,
}

pub(super) fn dot(b: &mut Builder, dot: &Dot) -> Result<Body, String> {
    let axes = Axes::of(&dot.windows)?;
    let per_group = dot.channels / dot.groups;
    let products = Products::of(dot, b.choice, b.signs);
    let weights: Vec<i128> = dot.weights.iter().map(|&w| products.stored(w)).collect();
    let mut bias: Vec<i128> = (0..dot.filters).map(|o| *dot.bias.at(o)).collect();
    let mut shifts: Vec<u32> = (0..dot.filters).map(|o| *dot.shift.at(o)).collect();
    let mut bias_note = "codes of the bias at the binary point of the result".to_owned();
    if products == Products::Agreement {
        // A sum of n products of signs is twice the number of equal signs, less n.
        let terms = dot.weights.len() / dot.filters;
        for (bias, shift) in bias.iter_mut().zip(&mut shifts) {
            *bias -= (terms as i128) << *shift;
            *shift += 1;
        }
        bias_note += &format!(", less the {terms} terms of a sum");
    }
    let accum = b.integer(dot.accumulator_range());
    let weight = b.integer(arrays::hull(&weights));
    let bias_type = b.integer(arrays::hull(&bias));
    let layer = b.node.origin.layer.escape_default().to_string();
    let fan = format!("{per_group} channels, {} filters", dot.filters);
    let taps: Vec<String> = dot.windows.iter().map(|w| w.kernel.to_string()).collect();
    let taps = if taps.is_empty() {
        String::new()
    } else {
        format!("{} taps, ", taps.join(" x "))
    };
    let scale = scale_note(dot);
    let w = b.constants(
        "w",
        &format!("{layer}: {}, {taps}{fan}{scale}", products.note()),
        weights,
        dot.filters,
    );
    let bias_array = b.constants("b", &format!("{layer}: {bias_note}"), bias, usize::MAX);
    for array in &mut b.arrays {
        *array = array.clone().in_own_file();
    }
    let sums = Sums {
        channels: dot.channels,
        filters: dot.filters,
        groups: dot.groups,
        product: products.name(),
        accum: b.define("accum", accum, &format!("{layer}: every partial sum")),
        weight: b.define("weight", weight, &format!("{layer}: {}", products.note())),
        bias: b.define("bias", bias_type, &format!("{layer}: codes of the bias")),
        shift: b.per_channel("shift", "left shifts of the sums before the bias", &shifts),
        place: b.place(dot.filters),
    };
    let nonzero = dot.weights.iter().filter(|w| **w != 0).count() as u64;
    let constants = [w.clone(), bias_array];
    let rounds = (b.choice.strategy == Strategy::Resource && b.choice.reuse_factor > 1)
        .then_some(b.choice.reuse_factor);
    if let (Some(_), Some(storage)) = (rounds, b.choice.weight_storage) {
        b.memories
            .push(format!("QK_ROM({w}, {})", storage.macro_arguments()));
    }
    let function = match rounds {
        Some(_) => "dense_resource",
        None => "dense",
    };
    Ok(match axes.positions() {
        Some(positions) => Body {
            config: Config::Dense(Dense {
                positions,
                rounds,
                sums,
            }),
            header: function,
            calls: call(b, function, &constants),
            loops: rounds.is_some(),
            products: match rounds {
                Some(rounds) => dot.weights.len() as u64 / u64::from(rounds),
                None => nonzero * positions as u64,
            },
        },
        None => Body {
            config: Config::Conv(Conv {
                axes,
                choice: b.choice,
                sums,
            }),
            header: "conv",
            calls: call(b, "conv", &constants),
            loops: true,
            products: nonzero,
        },
    })
}

/// The binary point of the weights, when there is one for all filters.
fn scale_note(dot: &Dot) -> String {
    let mut fracs = dot.weight_frac.values().iter();
    let first = fracs.next().expect("a period is never empty");
    if fracs.all(|f| f == first) {
        format!(", value = code * 2^{}", -i64::from(*first))
    } else {
        ", each filter with its own binary point".to_owned()
    }
}
