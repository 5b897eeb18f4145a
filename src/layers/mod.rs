//! Keras and QKeras layers: one folder each, a table, and the walk over a model's graph.
//!
//! A layer reads its configuration ([`Config`]), takes its weights and quantizers from its
//! [`Call`], and pushes nodes of [`crate::ir::math`]. It knows nothing of codes, ranges or
//! hardware. To add one: a folder here, its `mod` line and its line in [`TABLE`].

mod call;
mod config;
mod geometry;
mod graph;
mod note;

mod activation;
mod adaptive_activation;
mod batch_norm;
mod bidirectional;
mod concatenate;
mod conv;
mod conv_transpose;
mod cropping;
mod dense;
mod depthwise;
mod dot;
mod elu;
mod folded;
mod global_pooling;
mod identity;
mod input;
mod merge;
mod padding;
mod pooling;
mod rectifier;
mod recurrent;
mod rescaling;
mod reshape;
mod scale_shift;
mod separable;
mod softmax;
mod upsampling;

pub use call::{Call, Tensor};
pub use config::Config;
pub use graph::{LayerError, Lowered, Options, lower};
pub use note::{Note, Values, WeightNote};

use crate::ir::math::NodeId;

/// What a layer's lowering gives: one node for each output tensor, or all problems in words.
pub type Outcome = Result<Vec<NodeId>, Vec<String>>;

/// A kind of layer.
pub trait LayerDef: Sync {
    /// Class names in model files, without package prefix.
    fn classes(&self) -> &'static [&'static str];

    /// Keyword arguments of a call that may hold tensors.
    fn keywords(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether tensors with time as first axis and the batch as second one may go in. Most layers count
    /// axes from the batch.
    fn takes_time_major(&self) -> bool {
        false
    }

    /// Pushes the nodes of one call of the layer.
    ///
    /// # Errors
    /// Every reason why this layer cannot be expressed, in words.
    fn lower(&self, call: &mut Call<'_>) -> Outcome;

    /// One line for the support table: options and limits.
    fn doc(&self) -> &'static str;
}

/// Every supported layer.
pub const TABLE: &[&dyn LayerDef] = &[
    &activation::Activation,
    &adaptive_activation::AdaptiveActivation,
    &batch_norm::BatchNorm,
    &bidirectional::Bidirectional,
    &concatenate::Concatenate,
    &conv::Conv,
    &conv_transpose::ConvTranspose,
    &cropping::Cropping,
    &dense::Dense,
    &depthwise::Depthwise,
    &dot::Dot,
    &elu::Elu,
    &folded::Folded,
    &global_pooling::GlobalPooling,
    &identity::Identity,
    &input::Input,
    &merge::Merge,
    &padding::Padding,
    &pooling::Pooling,
    &rectifier::Rectifier,
    &recurrent::Recurrent,
    &rescaling::Rescaling,
    &reshape::Reshape,
    &scale_shift::ScaleShift,
    &separable::Separable,
    &softmax::Softmax,
    &upsampling::UpSampling,
];

/// The definition of a class, by its name without package prefix.
#[must_use]
pub fn find(class: &str) -> Option<&'static dyn LayerDef> {
    TABLE.iter().copied().find(|d| d.classes().contains(&class))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_one_definition() {
        let mut seen = std::collections::BTreeSet::new();
        for class in TABLE.iter().flat_map(|d| d.classes()) {
            assert!(seen.insert(class), "{class} stands twice in the table");
        }
    }

    #[test]
    fn every_folder_is_in_the_table() {
        let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/layers");
        let source = include_str!("mod.rs");
        for entry in std::fs::read_dir(here).expect("the source folder is there") {
            let entry = entry.expect("readable");
            if entry.path().is_dir() {
                let name = entry
                    .file_name()
                    .into_string()
                    .expect("module names are ASCII");
                assert!(
                    source.contains(&format!("    &{name}::")),
                    "{name} is not in TABLE"
                );
            }
        }
    }
}
