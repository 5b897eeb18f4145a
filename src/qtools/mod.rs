//! QTools: what a model is made of in its quantizers' words, and what it costs.
//!
//! The rules of QKeras' QTools, from a model's layers and the notes that lowering took of them:
//! [`analyse`] gives the data-type map, [`Map::energy`] the energy, [`Map::roofline`] the roofline
//! numbers, [`stats`] what `print_qstats` prints. [`Rules::Compat`] gives QTools' own numbers;
//! [`Rules::Exact`] corrects them where the documentation says so. Neither sizes any hardware:
//! [`design`] sets the widths of the design, which are proven, beside them.

pub mod design;
pub mod energy;
mod graph;
mod json;
pub mod map;
pub mod operators;
mod roofline;
pub mod stats;
mod types;

use std::collections::BTreeMap;

pub use energy::{Energy, Memory, MemoryOptions, Technology};
pub use map::{Kind, Layer, Map, analyse};
pub use roofline::Roofline;
pub use types::{Mode, Type};

/// Whose rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rules {
    /// QTools' own, with what it gets wrong.
    Compat,
    /// Corrected.
    #[default]
    Exact,
}

/// Which batch normalizations are worked into the convolution in front of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Fusing {
    /// None: they are layers of their own.
    #[default]
    None,
    /// Every `QBatchNormalization` that alone follows a `QConv2D` or `QDepthwiseConv2D`.
    All,
    /// Convolutions and the normalization behind each, as `model_save_quantized_weights` says.
    Given(BTreeMap<String, String>),
}

/// QTools' arguments.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whose rules.
    pub rules: Rules,
    /// Types of the model's inputs: none (8 bits signed below 1), one for all, or one for each.
    pub source_quantizers: Vec<String>,
    /// Whether to count the different values of power-of-two weights.
    pub is_inference: bool,
    /// Type of weights and biases of plain Keras layers, and of all in a baseline.
    pub keras_quantizer: Option<String>,
    /// Type of products and sums of plain Keras layers, and of all in a baseline.
    pub keras_accumulator: Option<String>,
    /// Whether to describe a baseline that ignores the layers' quantizers.
    pub for_reference: bool,
    /// Whether the stored weights are on their quantizers' grids.
    pub weights_already_quantized: bool,
    /// Fusing of batch normalizations.
    pub fusing: Fusing,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rules: Rules::default(),
            source_quantizers: vec![],
            is_inference: false,
            keras_quantizer: None,
            keras_accumulator: None,
            for_reference: false,
            weights_already_quantized: true,
            fusing: Fusing::None,
        }
    }
}

/// Everything that stands in the way, one line each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct Problems(pub Vec<String>);
