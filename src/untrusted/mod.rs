//! Reading bytes of unknown origin through third-party parsers: bounded archives, panics turned into errors.
//! [`entry`] is where fuzzers and property tests come in; all else here knows no file of Keras or NumPy.

pub(crate) mod archive;
pub mod entry;
pub(crate) mod quiet;
