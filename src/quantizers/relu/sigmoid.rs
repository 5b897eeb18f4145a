//! `quantized_relu` with `use_sigmoid`: a rounded sigmoid takes the place of the rectifier.
//!
//! With `p = S(x / 2^integer) * 2^n` and the slope `a`: `clip(2 rne(p) / 2^n - 1, 0, 1 - 2^-n)` and, where
//! there is a slope, `a * clip(2 rne(a p) / (a 2^n) - 1, -1, 0)` besides; both times `2^integer`.

use std::sync::Arc;

use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{One, Signed, Zero};

use crate::ir::math::{Direction, PointFunction, Step};
use crate::ir::{Enclosure, Real, dyadic, from_f64, pow2};
use crate::quantizers::chain::{Chain, internal_sigmoid, times};
use crate::quantizers::{Args, Context, Quantizer};

/// The function of the sigmoid's value, from 0 to 1.
#[derive(Debug)]
struct Rounded {
    /// `2^n`.
    steps: Real,
    slope: Real,
}

impl Rounded {
    /// `clip(2 rne(factor p) / (factor 2^n) - 1, lo, hi)`.
    fn part(&self, x: &Real, factor: &Real, lo: &Real, hi: Real) -> Real {
        let rounded = Real::from_integer(half_to_even(&(x * &self.steps * factor)));
        let y = rounded * pow2(1) / (factor * &self.steps) - Real::one();
        y.max(lo.clone()).min(hi)
    }
}

impl PointFunction for Rounded {
    fn name(&self) -> String {
        "rounded rectifier".into()
    }

    fn eval(&self, x: &Real, _precision: u32) -> Enclosure {
        let (zero, one) = (Real::zero(), Real::one());
        let mut y = self.part(x, &one, &zero, &one - self.steps.recip());
        if self.slope.is_positive() {
            y += self.part(x, &self.slope, &-one, zero) * &self.slope;
        }
        Enclosure::exact(y)
    }

    fn direction(&self) -> Direction {
        Direction::Rising
    }

    fn discrete(&self) -> bool {
        true
    }
}

/// The integer nearest to a number, the even one of two.
fn half_to_even(x: &Real) -> BigInt {
    let (floor, rest) = x.numer().div_mod_floor(x.denom());
    match (rest * 2_u8).cmp(x.denom()) {
        std::cmp::Ordering::Less => floor,
        std::cmp::Ordering::Equal if floor.is_even() => floor,
        _ => floor + 1_u8,
    }
}

/// Reads the arguments.
pub(super) fn build(args: &Args, context: &Context) -> Box<dyn Quantizer> {
    let bits = args.bits(30);
    let integer = args.small("integer");
    let slope = from_f64(args.number("negative_slope", 0.0)).unwrap_or_else(Real::zero);
    if slope.is_negative() || !slope.is_zero() && dyadic(&slope).is_none_or(|(odd, _)| odd != 1) {
        args.problem(format!(
            "`negative_slope` is {slope}; powers of two are supported"
        ));
    }
    let signed = !slope.is_zero();
    let n = bits.cast_signed() - i32::from(signed);
    let mut steps = vec![times(pow2(-integer))];
    steps.extend(internal_sigmoid(context));
    steps.push(Step::Function(Arc::new(Rounded {
        steps: pow2(n),
        slope,
    })));
    steps.push(times(pow2(integer)));
    Chain::fixed(&super::Relu, (bits, integer, signed), steps)
}
