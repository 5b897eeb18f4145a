//! Fixed-point numbers: the one definition of rounding, overflow and result types.
//!
//! Everything is an integer code and a [`FixedType`]; nothing here knows of networks.

mod convert;
mod names;
mod overflow;
mod parse;
mod round;
mod types;

use overflow::Pattern;

pub use convert::{checked_convert, convert, convert_big};
pub use names::MAX_WIDTH;
pub use parse::{AcSpelling, NamedType, ParseTypeError};
pub use types::{Family, FixedType, Overflow, Quantization};
