//! Bit-exact simulation of a design: integers only.
//!
//! [`reference`] evaluates one sample, kernel by kernel, in plain 128-bit integers: the definition.
//! This module knows kernels and `num`, never layers.

pub mod reference;
mod values;

pub use values::{Codes, Policy, ValueError, codes_of, values_of};
