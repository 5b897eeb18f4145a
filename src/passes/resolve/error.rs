//! What can stop a network from becoming a design.

use crate::ir::Origin;

/// A reason why one operation has no exact hardware form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolveError {
    /// The layer.
    pub origin: Origin,
    /// The reason.
    pub kind: ErrorKind,
}

/// Reasons of a [`ResolveError`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// No quantizer right after the input and no type from the user.
    #[error(
        "the input has no number type: no quantizer stands right after it. \
         Give one with --input-type, for example --input-type 'ap_fixed<16,6>'"
    )]
    MissingInputType,
    /// Values would need wider codes than a design may have.
    #[error(
        "{what} needs {bits} bits, more than the {limit} that a design can hold; quantize it or its input"
    )]
    TooWide {
        /// What is too wide.
        what: String,
        /// Bits it needs; a lower bound where the exact figure is out of reach.
        bits: u64,
        /// The limit.
        limit: u32,
    },
    /// A function over more codes than tables and thresholds can hold.
    #[error(
        "{function} over an input of {codes} codes has no table and no thresholds of sensible size \
         (it is not monotone, or its result has too many codes); quantize its input to fewer bits"
    )]
    TooManyCodes {
        /// The functions of the chain.
        function: String,
        /// Codes of the input.
        codes: u128,
    },
    /// Anything else that is named in words.
    #[error("{0}")]
    Unsupported(String),
}

impl std::fmt::Display for ResolveError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "layer {}: {}", self.origin, self.kind)
    }
}

impl std::error::Error for ResolveError {}
