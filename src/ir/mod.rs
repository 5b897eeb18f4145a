//! The two forms a network takes between its file and its hardware.
//!
//! * [`math`]: the network as exact mathematics over the rational numbers. This is what the
//!   layers lower to, and it is the *meaning* of a model: linear maps with the weights that the
//!   quantizers produced, chains of point functions, pools, merges, moves. No widths, no codes.
//! * [`kernel`]: the hardware. A small closed set of operations on integer codes, each edge with
//!   a binary point and a proven range. Simulator, code generator and analyses share it.
//!
//! The pass `resolve` goes from one to the other. It may not change a single value: every kernel
//! graph computes exactly what the mathematics says, or (where no finite binary number exists and
//! no quantizer follows) the correctly rounded value in a type that is stated.
//!
//! # Numbers
//! A code `c` with `frac` fraction bits stands for `c * 2^-frac`; `frac` may be negative. A tensor
//! is stored row-major (last axis fastest), without the batch axis. Properties that differ between
//! channels are [`Periodic`]: element `i` of the flat tensor has property `i mod period`, so a
//! property of the last axis survives every reshape.
//!
//! This module knows `num` and nothing else of the crate.

pub mod eval;
pub mod functions;
pub mod kernel;
mod lift;
pub mod math;
mod moves;
mod periodic;
pub mod quick;
mod real;
mod window;

pub use crate::num::Range;
pub use lift::lift;
pub use moves::{Move, Source};
pub use periodic::Periodic;
pub use real::{Enclosure, Real, dyadic, from_f32, from_f64, pow2};
pub use window::{Window, positions};

/// The extent of each axis of a tensor, without the batch axis; `[]` is a scalar per sample.
pub type Shape = Vec<usize>;

/// Number of elements of a tensor of this shape.
#[must_use]
pub fn elements(shape: &[usize]) -> usize {
    shape.iter().product()
}

/// Where a node comes from: what reports, mismatch messages and names in generated code say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The Keras layer's name as the user spelled it; nested models join with `/`.
    pub layer: String,
    /// Class of the layer, `QDense` for instance.
    pub class: String,
    /// Which call of a shared layer, from 0.
    pub call: usize,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.layer, self.class)?;
        if self.call > 0 {
            write!(f, ", call {}", self.call)?;
        }
        Ok(())
    }
}

/// How weights are encoded in hardware: what their quantizer guarantees beyond their values.
///
/// Code generation and energy use it to replace multipliers; values never depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Two's complement or unsigned codes.
    Fixed,
    /// Sign and exponent: every non-zero weight is a power of two.
    PowerOfTwo,
    /// -1, 0, +1 times the scale.
    Ternary,
    /// -1, +1 times the scale, one bit.
    Binary,
    /// 0, 1 times the scale, one bit.
    Bit,
    /// Unquantized float32 values, written exactly.
    Float,
}
