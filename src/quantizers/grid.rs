//! The grid of `quantized_bits` and `quantized_linear`: `bits`, `integer`, `symmetric`,
//! `keep_negative`.
//!
//! With `kn` = keep_negative and `ub = bits - kn`: `lsb = 2^(integer - ub)` and codes from
//! `kn * (-2^ub + symmetric)` to `2^ub - 1`.

use super::Args;
use crate::ir::math::Step;
use crate::ir::{Periodic, Real, pow2};
use crate::num::{FixedType, Overflow, Quantization};

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct FixedGrid {
    pub(super) bits: i32,
    /// Integer bits without the sign; one number, or one for each channel.
    pub(super) integer: Periodic<i32>,
    pub(super) symmetric: i32,
    pub(super) keep_negative: bool,
}

impl FixedGrid {
    /// Reads the arguments; problems are recorded in `args`.
    pub(super) fn read(args: &Args, symmetric: i32) -> Self {
        let bits = args.integer("bits", 8);
        if !(1..=63).contains(&bits) {
            args.problem(format!("`bits` is {bits}; 1 to 63 are supported"));
        }
        let keep_negative = args.flag("keep_negative", true);
        let symmetric = args.integer("symmetric", symmetric);
        let codes = i64::from(bits.clamp(1, 63)) - i64::from(keep_negative);
        if symmetric < 0 || i64::from(symmetric) >= 1 << codes.min(40) {
            let most = (1_i64 << codes.min(40)) - 1;
            if !(symmetric == 1 && codes == 0) {
                args.problem(format!(
                    "`symmetric` is {symmetric}; 0 to {most} leave a code"
                ));
            }
        }
        Self {
            bits,
            integer: integer_bits(args),
            symmetric,
            keep_negative,
        }
    }

    /// Bits without the sign.
    pub(super) fn magnitude_bits(&self) -> i32 {
        self.bits - i32::from(self.keep_negative)
    }

    /// One bit with sign has no zero: the result is the sign.
    pub(super) fn is_sign(&self) -> bool {
        self.magnitude_bits() == 0
    }

    /// Value of code 1.
    pub(super) fn lsb(&self) -> Periodic<Real> {
        self.integer.map(|i| pow2(i - self.magnitude_bits()))
    }

    /// Smallest and largest code.
    pub(super) fn limits(&self) -> (f64, f64) {
        let top = f64::from(self.magnitude_bits()).exp2();
        let bottom = if self.keep_negative {
            f64::from(self.symmetric) - top
        } else {
            0.0
        };
        (bottom, top - 1.0)
    }

    /// The type of a channel with this many integer bits.
    fn ty(&self, integer: i32) -> FixedType {
        FixedType {
            width: self.bits.unsigned_abs(),
            int_bits: integer + i32::from(self.keep_negative),
            signed: self.keep_negative,
            quantization: Quantization::RndConv,
            overflow: match (self.keep_negative, self.symmetric) {
                (true, 1) => Overflow::SatSym,
                _ => Overflow::Sat,
            },
            sat_bits: 0,
        }
    }

    /// Rounding half to even and saturation.
    pub(super) fn steps(&self) -> Result<Vec<Step>, String> {
        let mut steps = Vec::new();
        if self.keep_negative && self.symmetric > 1 {
            // The limit lies on the grid, so it may come before the rounding.
            let lsb = self.lsb();
            let lsb = lsb
                .as_uniform()
                .ok_or("`symmetric` above 1 needs one `integer`")?;
            let lowest = Real::from_integer((self.limits().0 as i128).into()) * lsb;
            steps.push(Step::Clip {
                lo: Some(lowest),
                hi: None,
            });
        }
        steps.push(Step::Quantize(self.integer.map(|&i| self.ty(i))));
        Ok(steps)
    }
}

/// What a fixed-point grid was declared as.
pub(super) fn declared(bits: i32, integer: &Periodic<i32>, signed: bool) -> super::Grid {
    super::Grid::Fixed {
        bits: bits.unsigned_abs(),
        integer: integer.values().iter().copied().max().unwrap_or(0),
        signed,
    }
}

/// Reads `integer`: one number, or one for each channel.
pub(super) fn integer_bits(args: &Args) -> Periodic<i32> {
    let list = args.numbers("integer").unwrap_or_else(|| vec![0.0]);
    let each = list.iter().map(|x| {
        if x.fract() != 0.0 || x.abs() > 1000.0 {
            args.problem(format!(
                "`integer` holds {x}, but small integers are wanted"
            ));
        }
        *x as i32
    });
    Periodic::new(each.collect()).compact()
}
