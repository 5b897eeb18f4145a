//! How the weights of a layer are stored, and what a product with one takes.
//!
//! The form follows from the codes, whatever quantizer they come from: weights of -1, 0 and 1 are
//! added and subtracted, powers of two shift, and where weight and operand are both -1 or 1 the
//! products are counted. A graph of shared adders for unrolled layers will be one more form: it
//! replaces the kernel's loops over weights, with the codes of this module as its input.

use crate::codegen::directives::{Choice, Multiplier, Strategy};
use crate::ir::Move;
use crate::ir::kernel::{Design, Dot, Kernel, NodeId};

/// The structs of `product.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Products {
    /// Multiplications.
    Multiply(Multiplier),
    /// Multiplications by constants, equal ones shared.
    Constant,
    /// Shifts.
    PowerOfTwo,
    /// Additions and subtractions.
    Ternary,
    /// Additions and subtractions; no weight is zero.
    Sign,
    /// Counts of equal signs.
    Agreement,
}

impl Products {
    /// The form for these weights; `signs` says whether every operand is -1 or 1.
    pub(crate) fn of(dot: &Dot, choice: Choice, signs: bool) -> Self {
        let all = |holds: fn(i128) -> bool| dot.weights.iter().all(|&w| holds(w));
        if all(|w| w == 1 || w == -1) {
            let padded = dot.windows.iter().any(|w| {
                w.pad > 0 || {
                    let span = (w.kernel - 1) * w.dilation + 1;
                    w.base_dilation > 1 || (w.output - 1) * w.stride + span > w.input
                }
            });
            if signs && !padded {
                Self::Agreement
            } else {
                Self::Sign
            }
        } else if all(|w| (-1..=1).contains(&w)) {
            Self::Ternary
        } else if all(|w| w == 0 || w.unsigned_abs().is_power_of_two()) {
            Self::PowerOfTwo
        } else if choice.strategy == Strategy::Unrolled {
            Self::Constant
        } else {
            Self::Multiply(choice.multiplier)
        }
    }

    /// Its struct in `product.h`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Multiply(Multiplier::Auto) => "nnet::multiply",
            Self::Multiply(Multiplier::Dsp) => "nnet::multiply_dsp",
            Self::Multiply(Multiplier::Fabric) => "nnet::multiply_fabric",
            Self::Constant => "nnet::constant",
            Self::PowerOfTwo => "nnet::power_of_two",
            Self::Ternary => "nnet::ternary",
            Self::Sign => "nnet::sign",
            Self::Agreement => "nnet::agreement",
        }
    }

    /// What the stored numbers are, for comments.
    pub(super) fn note(self) -> &'static str {
        match self {
            Self::Multiply(_) | Self::Constant | Self::Ternary => "codes of the weights",
            Self::PowerOfTwo => "weights as exponent of 2 plus one, with their sign; 0 is 0",
            Self::Sign | Self::Agreement => "signs of the weights, 0 is -1 and 1 is 1",
        }
    }

    /// A weight as it is stored.
    pub(crate) fn stored(self, weight: i128) -> i128 {
        match self {
            Self::Multiply(_) | Self::Constant | Self::Ternary => weight,
            Self::PowerOfTwo if weight == 0 => 0,
            Self::PowerOfTwo => weight.signum() * i128::from(weight.trailing_zeros() + 1),
            Self::Sign | Self::Agreement => i128::from(weight > 0),
        }
    }
}

/// Whether every element of a tensor has code -1 or 1.
pub(crate) fn signs(design: &Design, id: NodeId) -> bool {
    let sign = |code: &i128| *code == 1 || *code == -1;
    let node = design.node(id);
    if node.ty.uniform_frac().is_none() {
        return false;
    }
    match &node.kernel {
        Kernel::Threshold(stairs) => stairs.values().iter().all(|s| s.values.iter().all(sign)),
        Kernel::Lut(lut) => lut.tables.values().iter().all(|t| t.iter().all(sign)),
        Kernel::Move(Move::Pad(_)) => false,
        Kernel::Move(_) => node.inputs.iter().all(|&i| signs(design, i)),
        Kernel::Input { .. }
        | Kernel::Dot(_)
        | Kernel::MatMul
        | Kernel::Affine(_)
        | Kernel::Select(_)
        | Kernel::Clamp(_)
        | Kernel::Cast(_)
        | Kernel::Pool { .. }
        | Kernel::Merge { .. }
        | Kernel::Reduce(_)
        | Kernel::Loop(_)
        | Kernel::Part(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_are_stored_as_sign_and_exponent() {
        for (weight, stored) in [(0, 0), (1, 1), (-1, -1), (2, 2), (-64, -7)] {
            assert_eq!(Products::PowerOfTwo.stored(weight), stored);
        }
    }
}
