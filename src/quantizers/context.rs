//! Where a quantizer stands and what the user chose for it.

use crate::import::{Container, Format, KerasVersion};

/// The slot of a layer that a quantizer fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// Kernel-like weights, whose quantizers the layer changes: alpha `None` becomes `auto_po2`.
    Kernel,
    /// Any other weights.
    Other,
    /// An activation.
    Activation,
}

impl Slot {
    /// The slot behind a configuration key of a layer class.
    #[must_use]
    pub fn of_key(key: &str, class: &str) -> Self {
        match key {
            "kernel_quantizer"
            | "depthwise_quantizer"
            | "pointwise_quantizer"
            | "recurrent_quantizer"
            | "depthwise_kernel_quantizer"
            | "pointwise_kernel_quantizer"
            | "gamma_quantizer"
            | "variance_quantizer"
            | "weight_quantizer" => Self::Kernel,
            "bias_quantizer" if class == "QScaleShift" => Self::Kernel,
            _ => Self::Other,
        }
    }
}

/// Whose meaning a name has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namespace {
    /// The QKeras quantizer module.
    QKeras,
    /// `keras.activations` of Keras 2.
    Keras2,
    /// `keras.activations` of Keras 3.
    Keras3,
}

/// The sigmoid inside other functions: a global of QKeras that no file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InternalSigmoid {
    /// `clip(0.5 x + 0.5, 0, 1)`
    #[default]
    Hard,
    /// `clip(0.1875 x + 0.5, 0, 1)`
    Smooth,
    /// The logistic function.
    Real,
}

/// The user's choices.
#[derive(Debug, Clone, Default)]
pub struct Choices {
    /// See [`InternalSigmoid`].
    pub internal_sigmoid: InternalSigmoid,
    /// `bernoulli` as `alpha * (x >= 0)`, in place of its random draws.
    pub deterministic_bernoulli: bool,
    /// See [`HardSigmoid`].
    pub hard_sigmoid: HardSigmoid,
}

/// Whose functions the names of a `QActivation` mean: QKeras' as built, Keras' where a file was loaded
/// that holds the name alone. Only `hard_sigmoid` differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HardSigmoid {
    /// What QKeras makes of the file.
    #[default]
    AsLoaded,
    /// QKeras' functions.
    QKeras,
    /// Keras' functions.
    Keras,
}

/// Where a quantizer stands.
#[derive(Debug, Clone)]
pub struct Context {
    /// The slot.
    pub slot: Slot,
    /// The user's choices.
    pub choices: Choices,
    lookup: Vec<Namespace>,
    ambiguous: bool,
}

impl Context {
    /// The context of a layer's slot in a file.
    #[must_use]
    pub fn of_layer(slot: Slot, class: &str, format: Format, choices: &Choices) -> Self {
        let keras = match format.keras {
            KerasVersion::V2 => Namespace::Keras2,
            KerasVersion::V3 => Namespace::Keras3,
        };
        // Saved by name in these files, `hard_sigmoid` comes back as Keras' function.
        let by_name = format.keras == KerasVersion::V3 && format.container != Container::LegacyH5;
        let keras_first = match (class, choices.hard_sigmoid) {
            ("QActivation", HardSigmoid::AsLoaded) => by_name,
            ("QActivation", HardSigmoid::Keras) => true,
            _ => !class.starts_with('Q'),
        };
        let lookup = if keras_first {
            vec![keras, Namespace::QKeras]
        } else {
            vec![Namespace::QKeras, keras]
        };
        Self {
            slot,
            choices: choices.clone(),
            lookup,
            ambiguous: class == "QActivation"
                && by_name
                && choices.hard_sigmoid == HardSigmoid::AsLoaded,
        }
    }

    /// Whether a name of QKeras and Keras may have been meant otherwise when the model was built.
    #[must_use]
    pub(super) fn ambiguous(&self) -> bool {
        self.ambiguous
    }

    /// A quantizer on its own: QKeras names first.
    #[must_use]
    pub fn alone(choices: &Choices) -> Self {
        Self {
            slot: Slot::Other,
            choices: choices.clone(),
            lookup: vec![Namespace::QKeras, Namespace::Keras3],
            ambiguous: false,
        }
    }

    /// The namespaces, in the order in which names are looked up.
    #[must_use]
    pub fn lookup(&self) -> &[Namespace] {
        &self.lookup
    }
}
