//! Bit-exact simulation: integers only, kernels only.
//!
//! [`mod@reference`] evaluates one sample in the plainest way and checks every value against its
//! proven range: the twin that faster code is compared with. [`batch`](mod@batch) turns arrays into codes and
//! runs all samples of a batch.

pub mod batch;
pub mod plan;
pub mod reference;
pub mod samples;
mod values;

pub use reference::RangeViolation;
pub(crate) use samples::split_mix;
pub use values::{Codes, Policy, ValueError, aligned_codes, codes_of, nearest_values, values_of};
