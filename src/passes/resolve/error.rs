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
    /// A state that becomes wider with every step.
    #[error(
        "without a state quantizer the exact state becomes wider with every step: {bits} bits after \
         step {step} of {steps}{}; {}. Set a state_quantizer in the model, \
         or choose a type with --state-type '{layer}=ap_fixed<16,6>': every new state is converted \
         into it, and all results follow from that",
        outlook(*.bits, *.growth, *.steps - *.step),
        .cause.as_ref().map_or_else(|| format!("more than {limit} are not kept"), ToString::to_string)
    )]
    StateGrows {
        /// The layer.
        layer: String,
        /// Bits after that step.
        bits: u32,
        /// The step, from 1.
        step: usize,
        /// Steps of the layer.
        steps: usize,
        /// Bits that the last step added.
        growth: u32,
        /// Most bits.
        limit: u32,
        /// What the cell cannot do with such a state, where it is that.
        cause: Option<Box<ErrorKind>>,
    },
    /// Anything else that is named in words.
    #[error("{0}")]
    Unsupported(String),
}

/// What a growing state would come to.
fn outlook(bits: u32, growth: u32, left: usize) -> String {
    if left == 0 || growth == 0 {
        return String::new();
    }
    let end = u64::from(bits).saturating_add((left as u64).saturating_mul(growth.into()));
    format!(", {growth} more with each, about {end} after the last")
}

impl std::fmt::Display for ResolveError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "layer {}: {}", self.origin, self.kind)
    }
}

impl std::error::Error for ResolveError {}
