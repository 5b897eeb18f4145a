//! `alpha`: the factor of a quantizer, or the word that has it computed from the weights.

use num_traits::{One, Zero};
use serde_json::Value;

use super::{Args, Context, Slot};
use crate::ir::math::Step;
use crate::ir::{Periodic, Real, from_f32};

/// See the module.
#[derive(Debug, Clone)]
pub(super) enum Alpha {
    /// Factors as float32 constants: one, or one for each channel.
    Fixed(Periodic<Real>),
    /// A real scale for each channel, from the weights.
    Auto,
    /// A power-of-two scale for each channel, from the weights.
    AutoPo2,
}

/// Whether the layer's constructor turns this `alpha` into `"auto_po2"`: it does so for the
/// quantizers of kernels that have none, also when it reads a file in which it is `null`.
pub(super) fn is_hooked(args: &Args, context: &Context) -> bool {
    context.slot == Slot::Kernel && args.get("alpha").is_none()
}

impl Alpha {
    /// Reads `alpha`; problems are recorded in `args`.
    pub(super) fn read(args: &Args, context: &Context) -> Self {
        if is_hooked(args, context) {
            return Self::AutoPo2;
        }
        let one = || Self::Fixed(Periodic::uniform(Real::one()));
        match args.get("alpha") {
            None => one(),
            Some(Value::String(word)) => match word.as_str() {
                "auto" => Self::Auto,
                "auto_po2" => Self::AutoPo2,
                _ => {
                    args.problem(format!(
                        "`alpha` is \"{word}\"; a number, \"auto\" or \"auto_po2\" is wanted"
                    ));
                    one()
                }
            },
            Some(_) => {
                let numbers = args.numbers("alpha").unwrap_or_else(|| vec![1.0]);
                let factors: Vec<Real> =
                    numbers.iter().filter_map(|&x| from_f32(x as f32)).collect();
                if factors.len() < numbers.len() {
                    args.problem("`alpha` holds a number beyond float32");
                    return one();
                }
                Self::Fixed(Periodic::new(factors).compact())
            }
        }
    }

    pub(super) fn is_auto(&self) -> bool {
        !matches!(self, Self::Fixed(_))
    }

    /// The factors of an activation.
    pub(super) fn fixed(&self) -> Result<&Periodic<Real>, String> {
        match self {
            Self::Fixed(factors) => Ok(factors),
            Self::Auto | Self::AutoPo2 => {
                Err("alpha \"auto\" would make the scale depend on the batch; give a number".into())
            }
        }
    }
}

/// A multiplication as a step of a chain; nothing where the factor is 1.
pub(super) fn times(factors: &Periodic<Real>) -> Option<Step> {
    (!factors.values().iter().all(One::is_one)).then(|| Step::Affine {
        mul: factors.clone(),
        add: Periodic::uniform(Real::zero()),
    })
}

/// Fits factors for each channel of the last axis to weights of a shape.
pub(super) fn fits<T>(factors: &Periodic<T>, shape: &[usize], what: &str) -> Result<(), String> {
    let channels = shape.last().copied().unwrap_or(1);
    match factors.period() {
        1 => Ok(()),
        n if n == channels => Ok(()),
        n => Err(format!("{n} values of {what} for {channels} channels")),
    }
}
