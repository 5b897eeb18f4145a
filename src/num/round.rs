//! Quantisation: the one table of all eight modes.

use super::Quantization;

/// Where the dropped bits lie between the two neighbouring codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing is lost.
    Zero,
    /// Nearer to the lower code.
    Below,
    /// Half-way.
    Tie,
    /// Nearer to the upper code.
    Above,
}

/// Whether the code above the floor is taken, for a source of sign `neg` whose floor is `odd` or even.
pub(super) fn takes_upper(mode: Quantization, rest: Rest, neg: bool, odd: bool) -> bool {
    let tie_up = match mode {
        Quantization::Trn => return false,
        Quantization::TrnZero => return neg && rest != Rest::Zero,
        Quantization::Rnd => true,
        Quantization::RndZero => neg,
        Quantization::RndInf => !neg,
        Quantization::RndMinInf => false,
        Quantization::RndConv => odd,
        Quantization::RndConvOdd => !odd,
    };
    match rest {
        Rest::Zero | Rest::Below => false,
        Rest::Tie => tie_up,
        Rest::Above => true,
    }
}
