//! Fixed-point arithmetic against the vendors' headers and independent oracles.

mod cases;
mod headers;
mod oracles;
mod recorded;
