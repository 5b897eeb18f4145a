//! Reading bytes of unknown origin through third-party parsers: bounded archives, panics turned into errors.
//! Knows no file of Keras or NumPy.

pub(crate) mod archive;
pub(crate) mod quiet;
