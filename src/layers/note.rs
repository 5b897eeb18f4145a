//! What a layer call is made of, in the layer's own words: shapes, quantizers, weights.
//!
//! The network says what a layer computes, not that it was a `QDense` with a certain quantizer in a
//! certain slot. Analyses that go by those words read the notes, which [`super::Call`] takes while a
//! layer reads its configuration.

use std::collections::{BTreeMap, HashSet};

use indexmap::IndexMap;
use num_traits::{ToPrimitive, Zero};

use crate::import::RawTensor;
use crate::ir::Shape;
use crate::ir::math::Weights;
use crate::quantizers::{Description, Grid};

/// One call of one layer.
#[derive(Debug, Clone, Default)]
pub struct Note {
    /// Name as the user spelled it; nested models join with `/`.
    pub layer: String,
    /// Class without package prefix.
    pub class: String,
    /// Which call of a shared layer, from 0.
    pub call: usize,
    /// Shapes of the operands, without the batch axis, in the layer's own data format.
    pub inputs: Vec<Shape>,
    /// Shapes of the results.
    pub outputs: Vec<Shape>,
    /// What stands in the slots that were read, by configuration key (`kernel_quantizer`,
    /// `activation`); `None` where the slot is empty.
    pub quantizers: IndexMap<String, Option<Description>>,
    /// The weights that were read, by slot.
    pub weights: IndexMap<String, WeightNote>,
    /// Extents of the configuration: `pool_size`.
    pub extents: BTreeMap<&'static str, Vec<usize>>,
}

impl Note {
    /// What stands in a slot; `None` where it is empty or was not read.
    #[must_use]
    pub fn quantizer(&self, key: &str) -> Option<&Description> {
        self.quantizers.get(key)?.as_ref()
    }
}

/// A weight tensor.
#[derive(Debug, Clone, Default)]
pub struct WeightNote {
    /// Its shape.
    pub shape: Shape,
    /// As stored in the file.
    pub stored: Values,
    /// In front of the quantizer: the stored values, or what was folded into them.
    pub folded: Values,
    /// Behind the quantizer, or as they were without one.
    pub quantized: Values,
    /// Smallest and largest factor of the codes.
    pub scale: Option<(f64, f64)>,
}

/// Facts about the values of a tensor.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Values {
    /// How many are zero.
    pub zeros: usize,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
    /// Number of different ones, counted only where a power-of-two quantizer follows.
    pub distinct: usize,
}

impl Values {
    pub(super) fn of(values: &[f64]) -> Self {
        Self {
            zeros: values.iter().filter(|v| **v == 0.0).count(),
            min: values.iter().copied().reduce(f64::min).unwrap_or(0.0),
            max: values.iter().copied().reduce(f64::max).unwrap_or(0.0),
            distinct: 0,
        }
    }

    fn counted(self, values: &[f64]) -> Self {
        let bits: HashSet<u64> = values.iter().map(|v| (v + 0.0).to_bits()).collect();
        Self {
            distinct: bits.len(),
            ..self
        }
    }

    fn of_weights(weights: &Weights) -> Self {
        let scale = weights.scale.map(|s| s.to_f64().unwrap_or(f64::NAN));
        let value = |(i, code): (usize, &i128)| *code as f64 * scale.at(i);
        let values: Vec<f64> = weights.codes.iter().enumerate().map(value).collect();
        Self::of(&values)
    }
}

impl WeightNote {
    pub(super) fn stored(shape: &[usize], values: &[f64]) -> Self {
        let stored = Values::of(values);
        Self {
            shape: shape.to_vec(),
            stored,
            folded: stored,
            quantized: stored,
            scale: None,
        }
    }

    /// What a quantizer made of the values.
    pub(super) fn quantized(
        &mut self,
        quantizer: Option<&Description>,
        stored: Option<&RawTensor>,
        values: &[f64],
        weights: &Weights,
    ) {
        self.folded = Values::of(values);
        self.quantized = Values::of_weights(weights);
        let factors = weights.scale.values().iter().filter(|s| !s.is_zero());
        let factors: Vec<f64> = factors.filter_map(ToPrimitive::to_f64).collect();
        let least = factors.iter().copied().reduce(f64::min);
        self.scale = least.zip(factors.into_iter().reduce(f64::max));
        if matches!(quantizer, Some(d) if matches!(d.grid, Grid::PowerOfTwo { .. })) {
            let exact: Vec<f64> = weights
                .values()
                .iter()
                .filter_map(ToPrimitive::to_f64)
                .collect();
            self.quantized = self.quantized.counted(&exact);
            if let Some(values) = stored.and_then(RawTensor::to_f64) {
                self.stored = self.stored.counted(&values);
            }
        }
    }
}
