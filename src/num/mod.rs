//! Fixed-point numbers: the one definition of rounding, overflow and result types.
//!
//! Everything is an integer code and a [`FixedType`]; nothing here knows of networks.

mod convert;
mod overflow;
mod round;
mod types;

use overflow::Pattern;

pub use convert::{checked_convert, convert, convert_big};
pub use types::{Family, FixedType, Overflow, Quantization};
