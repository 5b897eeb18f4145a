//! Reading a layer's configuration: every key is either understood, known to be meaningless at
//! inference, or refused by name. All problems of a layer are collected before anything is built.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Keys that every layer may carry and inference ignores.
const IGNORED: &[&str] = &[
    "activity_regularizer",
    "adjustment",
    "autocast",
    "batch_input_shape",
    "batch_shape",
    "dtype",
    "enable_caching_device",
    "fused",
    "input_dim",
    "input_dtype",
    "input_shape",
    "lora_alpha",
    "lora_rank",
    "name",
    "noise_shape",
    "optional",
    "ragged",
    "seed",
    "sparse",
    "synchronized",
    "trainable",
    "virtual_batch_size",
];

/// Endings of keys that matter in training only.
const IGNORED_ENDINGS: &[&str] = &["_initializer", "_regularizer", "_constraint", "_range"];

/// A layer's configuration and what was found wrong with it.
#[derive(Debug)]
pub struct Config<'a> {
    map: &'a Map<String, Value>,
    read: RefCell<BTreeSet<String>>,
    problems: RefCell<Vec<String>>,
}

impl<'a> Config<'a> {
    /// Wraps a layer's `config` object.
    #[must_use]
    pub fn new(map: &'a Map<String, Value>) -> Self {
        Self {
            map,
            read: RefCell::default(),
            problems: RefCell::default(),
        }
    }

    /// Records a problem; the layer is refused with all of them.
    pub fn problem(&self, text: impl Into<String>) {
        self.problems.borrow_mut().push(text.into());
    }

    /// The value of a key; JSON `null` counts as absent.
    pub fn get(&self, key: &str) -> Option<&'a Value> {
        self.read.borrow_mut().insert(key.to_owned());
        self.map.get(key).filter(|v| !v.is_null())
    }

    /// Whether the key is there at all, `null` included.
    pub fn has(&self, key: &str) -> bool {
        self.read.borrow_mut().insert(key.to_owned());
        self.map.contains_key(key)
    }

    /// Marks keys that are understood and have no effect at inference.
    pub fn ignore(&self, keys: &[&str]) {
        self.read
            .borrow_mut()
            .extend(keys.iter().map(|k| (*k).to_owned()));
    }

    fn wrong(&self, key: &str, found: &Value, wanted: &str) {
        self.problem(format!("`{key}` is {found}, but {wanted} is wanted"));
    }

    /// A boolean, also written as 0 or 1.
    pub fn flag(&self, key: &str, default: bool) -> bool {
        match self.get(key) {
            None => default,
            Some(v) => as_flag(v).unwrap_or_else(|| {
                self.wrong(key, v, "true or false");
                default
            }),
        }
    }

    /// A finite number.
    pub fn number(&self, key: &str, default: f64) -> f64 {
        match self.get(key) {
            None => default,
            Some(v) => as_number(v).unwrap_or_else(|| {
                self.wrong(key, v, "a finite number");
                default
            }),
        }
    }

    /// A positive integer that must be there.
    pub fn count(&self, key: &str) -> usize {
        match self.get(key) {
            Some(v) => as_integer(v).and_then(positive).unwrap_or_else(|| {
                self.wrong(key, v, "a positive integer");
                1
            }),
            None => {
                self.problem(format!("`{key}` is missing"));
                1
            }
        }
    }

    /// A positive integer with a default.
    pub fn count_or(&self, key: &str, default: usize) -> usize {
        if self.get(key).is_some() {
            self.count(key)
        } else {
            default
        }
    }

    /// An integer of any sign.
    pub fn integer(&self, key: &str, default: i64) -> i64 {
        match self.get(key) {
            None => default,
            Some(v) => as_integer(v).unwrap_or_else(|| {
                self.wrong(key, v, "an integer");
                default
            }),
        }
    }

    /// A text.
    pub fn text(&self, key: &str, default: &str) -> String {
        match self.get(key) {
            None => default.to_owned(),
            Some(Value::String(s)) => s.clone(),
            Some(v) => {
                self.wrong(key, v, "a text");
                default.to_owned()
            }
        }
    }

    /// One of several words, upper or lower case; the first is the default.
    pub fn choice(&self, key: &str, words: &[&'static str]) -> &'static str {
        let text = self.text(key, words[0]).to_lowercase();
        words
            .iter()
            .find(|w| **w == text)
            .copied()
            .unwrap_or_else(|| {
                self.problem(format!(
                    "`{key}` is \"{text}\"; supported: {}",
                    words.join(", ")
                ));
                words[0]
            })
    }

    /// Whether the tensors are channels-first.
    pub fn channels_first(&self) -> bool {
        self.choice("data_format", &["channels_last", "channels_first"]) == "channels_first"
    }

    /// `n` positive integers, also written as one for all; `None` when absent.
    pub fn counts_opt(&self, key: &str, n: usize) -> Option<Vec<usize>> {
        let value = self.get(key)?;
        let found = match value {
            Value::Array(items) => items
                .iter()
                .map(|v| as_integer(v).and_then(positive))
                .collect::<Option<Vec<_>>>(),
            v => as_integer(v).and_then(positive).map(|c| vec![c; n]),
        };
        match found.filter(|f| f.len() == n) {
            Some(found) => Some(found),
            None => {
                self.wrong(key, value, &format!("{n} positive integer(s)"));
                None
            }
        }
    }

    /// `n` positive integers, also written as one for all.
    pub fn counts(&self, key: &str, n: usize, default: usize) -> Vec<usize> {
        self.counts_opt(key, n).unwrap_or_else(|| vec![default; n])
    }

    /// The key must be absent or have the value that leaves inference alone.
    pub fn must_be_off(&self, key: &str) {
        if let Some(v) = self.get(key)
            && as_flag(v) != Some(false)
        {
            self.problem(format!("`{key}` = {v} is not supported"));
        }
    }

    /// All problems, keys that nobody read among them.
    ///
    /// # Errors
    /// When there is any.
    pub fn finish(&self) -> Result<(), Vec<String>> {
        self.must_be_off("quantization_config");
        let read = self.read.borrow();
        for (key, value) in self.map {
            let known = read.contains(key)
                || IGNORED.contains(&key.as_str())
                || IGNORED_ENDINGS.iter().any(|e| key.ends_with(e));
            let off = value.is_null() || *value == Value::Bool(false);
            if !known && !off {
                self.problem(format!(
                    "option `{key}` = {value} is not known; remove it or set it to null"
                ));
            }
        }
        let problems = self.problems.take();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems)
        }
    }
}

fn positive(i: i64) -> Option<usize> {
    usize::try_from(i).ok().filter(|&i| i > 0 && i < 1 << 40)
}

/// A boolean, also written as 0, 1, 0.0 or 1.0.
#[must_use]
pub(super) fn as_flag(v: &Value) -> Option<bool> {
    match v {
        Value::Bool(b) => Some(*b),
        _ => match as_number(v)? {
            0.0 => Some(false),
            1.0 => Some(true),
            _ => None,
        },
    }
}

/// A finite number, also written as a boolean.
#[must_use]
pub(super) fn as_number(v: &Value) -> Option<f64> {
    match v {
        Value::Bool(b) => Some(f64::from(u8::from(*b))),
        _ => v.as_f64().filter(|x| x.is_finite()),
    }
}

/// An integer, also written as `4.0`.
#[must_use]
pub(super) fn as_integer(v: &Value) -> Option<i64> {
    let x = as_number(v)?;
    // Beyond 2^53 neighbouring integers share a double.
    (x.fract() == 0.0 && x.abs() < 9_007_199_254_740_992.0).then_some(x as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).expect("test text is JSON")
    }

    #[test]
    fn every_problem_is_listed() {
        let m = map(r#"{"units": -3, "use_bias": "yes", "surprise": 7, "off": null, "name": "d"}"#);
        let c = Config::new(&m);
        c.count("units");
        c.flag("use_bias", true);
        let problems = c.finish().expect_err("three problems");
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems[2].contains("surprise"), "{problems:?}");
    }

    #[test]
    fn numbers_in_every_spelling() {
        let m = map(r#"{"a": 4.0, "b": true, "c": [2, 3], "d": 5}"#);
        let c = Config::new(&m);
        assert_eq!(c.count("a"), 4);
        assert!(c.flag("b", false));
        assert_eq!(c.counts("c", 2, 1), [2, 3]);
        assert_eq!(c.counts("d", 2, 1), [5, 5]);
        assert!(c.finish().is_ok());
    }
}
