//! Fixed-point types and the one definition of rounding and overflow.

mod types;

pub use types::{Family, FixedType, Overflow, Quantization};
