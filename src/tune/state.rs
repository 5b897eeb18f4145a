//! Trials on disk, so that an interrupted search goes on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Genome, Trial};

/// Every trial that was made, and what for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Hash of model, samples and settings.
    pub fingerprint: String,
    /// By widths, written with spaces.
    trials: BTreeMap<String, Trial>,
}

fn key(genome: &Genome) -> String {
    let bits: Vec<String> = genome.iter().map(u32::to_string).collect();
    bits.join(" ")
}

impl State {
    /// A state without trials.
    #[must_use]
    pub fn new(fingerprint: String) -> Self {
        Self {
            fingerprint,
            trials: BTreeMap::new(),
        }
    }

    /// Reads a state that has to be for the same work.
    ///
    /// # Errors
    /// When it is none, or for other work.
    pub fn read(text: &str, fingerprint: &str) -> Result<Self, String> {
        let state: Self =
            serde_json::from_str(text).map_err(|e| format!("is no state of a search: {e}"))?;
        if state.fingerprint == fingerprint {
            Ok(state)
        } else {
            Err(
                "is the state of a search with another model, other samples or other settings"
                    .to_owned(),
            )
        }
    }

    /// The file.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// What a trial gave.
    #[must_use]
    pub fn get(&self, genome: &Genome) -> Option<Trial> {
        self.trials.get(&key(genome)).copied()
    }

    /// Adds a trial.
    pub fn insert(&mut self, genome: &Genome, trial: Trial) {
        self.trials.insert(key(genome), trial);
    }

    /// Number of trials.
    #[must_use]
    pub fn len(&self) -> usize {
        self.trials.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.trials.is_empty()
    }
}
