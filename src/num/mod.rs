//! Fixed-point numbers: the one definition of rounding, overflow and result types.
//!
//! Everything is an integer code and a [`FixedType`]; nothing here knows of networks.

mod code;
mod compare;
mod convert;
mod decimal;
mod double;
mod integer;
mod literal;
mod machine;
mod names;
mod overflow;
mod parse;
mod range;
mod result;
mod round;
mod slice;
mod types;
mod value;

use overflow::Pattern;

pub use code::{Code, ParseCodeError};
pub use compare::Comparison;
pub use convert::{checked_convert, convert, convert_big};
pub use decimal::{Decimal, ParseDecimalError, TooFar};
pub use machine::Int;
pub use names::MAX_WIDTH;
pub use parse::{AcSpelling, NamedType, ParseTypeError};
pub use range::Range;
pub use result::TooWide;
pub use slice::{Conversion, Plan, convert_slice};
pub(crate) use slice::{Form, Limit, Tie};
pub use types::{Family, FixedType, Overflow, Quantization};
pub use value::{ArithmeticError, Fixed};
