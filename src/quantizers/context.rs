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
}

/// Where a quantizer stands.
#[derive(Debug, Clone)]
pub struct Context {
    /// The slot.
    pub slot: Slot,
    /// The user's choices.
    pub choices: Choices,
    lookup: Vec<Namespace>,
}

impl Context {
    /// The context of a layer's slot in a file.
    #[must_use]
    pub fn of_layer(slot: Slot, class: &str, format: Format, choices: &Choices) -> Self {
        let keras = match format.keras {
            KerasVersion::V2 => Namespace::Keras2,
            KerasVersion::V3 => Namespace::Keras3,
        };
        let lookup = match class {
            // Saved by name in these files, `hard_sigmoid` comes back as Keras' function.
            "QActivation"
                if format.keras == KerasVersion::V3 && format.container != Container::LegacyH5 =>
            {
                vec![keras, Namespace::QKeras]
            }
            _ if class.starts_with('Q') => vec![Namespace::QKeras, keras],
            _ => vec![keras, Namespace::QKeras],
        };
        Self {
            slot,
            choices: choices.clone(),
            lookup,
        }
    }

    /// A quantizer on its own: QKeras names first.
    #[must_use]
    pub fn alone(choices: &Choices) -> Self {
        Self {
            slot: Slot::Other,
            choices: choices.clone(),
            lookup: vec![Namespace::QKeras, Namespace::Keras3],
        }
    }

    /// The namespaces, in the order in which names are looked up.
    #[must_use]
    pub fn lookup(&self) -> &[Namespace] {
        &self.lookup
    }
}
