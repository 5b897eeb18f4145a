//! Meanings of quantizers that no file holds.

use clap::{Args, ValueEnum};

use crate::quantizers::{Choices, HardSigmoid, InternalSigmoid};

/// Options of every command that reads quantizers.
#[derive(Debug, Clone, Args)]
pub(super) struct ChoiceArgs {
    /// Meaning of the sigmoid inside quantized_tanh, quantized_sigmoid and others
    #[arg(long, value_enum, default_value_t = InternalSigmoidArg::Hard)]
    internal_sigmoid: InternalSigmoidArg,

    /// Take bernoulli as alpha * (x >= 0), without its random draws
    #[arg(long)]
    deterministic_bernoulli: bool,

    /// Whose hard_sigmoid a QActivation of that name means [default: what QKeras makes of the file]
    #[arg(long, value_enum)]
    hard_sigmoid: Option<HardSigmoidArg>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum HardSigmoidArg {
    /// clip(0.5 x + 0.5, 0, 1), as in a model that was never saved
    #[value(name = "qkeras")]
    QKeras,
    /// That of the Keras version which saved the file
    Keras,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum InternalSigmoidArg {
    Hard,
    Smooth,
    Real,
}

impl ChoiceArgs {
    pub(super) fn choices(&self) -> Choices {
        Choices {
            internal_sigmoid: match self.internal_sigmoid {
                InternalSigmoidArg::Hard => InternalSigmoid::Hard,
                InternalSigmoidArg::Smooth => InternalSigmoid::Smooth,
                InternalSigmoidArg::Real => InternalSigmoid::Real,
            },
            deterministic_bernoulli: self.deterministic_bernoulli,
            hard_sigmoid: match self.hard_sigmoid {
                None => HardSigmoid::AsLoaded,
                Some(HardSigmoidArg::QKeras) => HardSigmoid::QKeras,
                Some(HardSigmoidArg::Keras) => HardSigmoid::Keras,
            },
        }
    }
}
