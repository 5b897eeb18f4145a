//! Bit widths for every layer of a float network, searched after training: AutoQKeras' idea without training.
//!
//! A [`Space`] turns widths into a [`crate::quantize::Request`], [`Bench`] quantizes, compiles, simulates the samples and
//! counts the energy by QTools' rules, and [`search`] decides what to try. The search is a function of what the trials
//! gave: with the trials of an interrupted run in a [`State`] it goes the same way, only faster.

mod bench;
mod plot;
mod search;
mod space;
mod state;

use serde::Serialize;
use serde_json::Value;

pub use bench::{Bench, Data, Settings};
pub use plot::plot;
pub use search::{Options, front, search};
pub use space::{Gene, Space};
pub use state::State;

/// Widths, one for each gene of a space.
pub type Genome = Vec<u32>;

/// What a trial gave.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, serde::Deserialize)]
pub struct Trial {
    /// Samples whose largest output is the label's.
    pub correct: usize,
    /// In pJ for one sample.
    pub energy: f64,
}

/// AutoQKeras' forgiving factor: how much accuracy an energy saved is worth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Forgiving {
    /// Per cent of the score for each factor `rate` below the reference.
    pub delta_p: f64,
    /// The same above it.
    pub delta_n: f64,
    /// The factor.
    pub rate: f64,
    /// Multiplies the reference.
    pub stress: f64,
}

impl Default for Forgiving {
    fn default() -> Self {
        Self {
            delta_p: 8.0,
            delta_n: 8.0,
            rate: 2.0,
            stress: 1.0,
        }
    }
}

impl Forgiving {
    /// `accuracy * (1 + delta)`.
    #[must_use]
    pub fn score(&self, accuracy: f64, energy: f64, reference: f64) -> f64 {
        let reference = reference * self.stress;
        let per_cent = if energy < reference {
            self.delta_p
        } else {
            self.delta_n
        };
        accuracy * (1.0 + per_cent / 100.0 * (reference / energy).ln() / self.rate.ln())
    }
}

/// A point of the result.
#[derive(Debug, Clone, Serialize)]
pub struct Point {
    /// Share of the samples that are classified as labelled.
    pub accuracy: f64,
    /// The same on the samples for testing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_accuracy: Option<f64>,
    /// In pJ for one sample.
    pub energy: f64,
    /// With the forgiving factor.
    pub score: f64,
    /// Widths by gene.
    pub bits: indexmap::IndexMap<String, u32>,
    /// What `quantize` is asked for.
    pub request: Value,
}

/// The result of a search.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Trials, those of an interrupted run included.
    pub evaluations: usize,
    /// Seed of the search.
    pub seed: u64,
    /// Accuracy of the float network.
    pub float_accuracy: f64,
    /// The float network's accuracy on the samples for testing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub float_test_accuracy: Option<f64>,
    /// Energy of QTools' baseline: 8-bit weights and 32-bit sums.
    pub reference_energy: f64,
    /// The forgiving factor.
    pub forgiving: Forgiving,
    /// The same width everywhere.
    pub uniform: Vec<Point>,
    /// No other trial is at once as accurate and as thrifty; by rising energy.
    pub front: Vec<Point>,
    /// The point of the front with the best score, or with the best accuracy within the budget.
    pub chosen: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Figures of AutoQKeras.
    #[test]
    fn forgiving_factor() {
        let usual = Forgiving::default();
        let delta =
            |f: &Forgiving, energy: f64, reference: f64| f.score(1.0, energy, reference) - 1.0;
        assert!((delta(&usual, 500.0, 1000.0) - 0.08).abs() < 1e-12);
        assert!((delta(&usual, 250.0, 1000.0) - 0.16).abs() < 1e-12);
        assert!((delta(&usual, 2000.0, 1000.0) + 0.08).abs() < 1e-12);
        assert!((delta(&usual, 41070.0, 226_629.0) - 0.197_134_05).abs() < 1e-8);
        let other = Forgiving {
            delta_p: 5.0,
            delta_n: 10.0,
            rate: 4.0,
            stress: 1.0,
        };
        assert!((delta(&other, 2000.0, 1000.0) + 0.05).abs() < 1e-12);
    }
}
