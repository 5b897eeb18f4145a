//! Fixed-point types and the one definition of rounding and overflow.
