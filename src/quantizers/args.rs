//! Arguments of a quantizer, from an object or a text, and what is wrong with them.

use std::cell::RefCell;

use indexmap::IndexMap;
use serde_json::{Map, Value};

/// Arguments by name and the problems found in them.
#[derive(Debug, Default)]
pub struct Args {
    values: IndexMap<String, Value>,
    problems: RefCell<Vec<String>>,
    /// Whether they come from a call text, so that layer hooks have not run yet.
    pub from_text: bool,
}

/// Keys of saved configurations that have no effect on values.
const WITHOUT_EFFECT: &[&str] = &[
    "name",
    "use_ste",
    "use_stochastic_rounding",
    "use_variables",
    "var_name",
    "trainable",
    "dtype",
];

impl Args {
    /// From the `config` of an object.
    #[must_use]
    pub fn from_config(config: &Map<String, Value>) -> Self {
        let values = config
            .iter()
            .map(|(k, v)| (k.clone(), unwrapped(v)))
            .collect();
        Self {
            values,
            ..Self::default()
        }
    }

    /// From a call text.
    #[must_use]
    pub fn from_call(values: IndexMap<String, Value>) -> Self {
        Self {
            values,
            from_text: true,
            ..Self::default()
        }
    }

    /// Records a problem.
    pub fn problem(&self, text: impl Into<String>) {
        self.problems.borrow_mut().push(text.into());
    }

    /// The value of an argument; `null` counts as absent.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key).filter(|v| !v.is_null())
    }

    /// A number, also written as a boolean.
    #[must_use]
    pub fn number(&self, key: &str, default: f64) -> f64 {
        match self.get(key) {
            None => default,
            Some(v) => number(v).unwrap_or_else(|| {
                self.problem(format!("`{key}` is {v}, but a finite number is wanted"));
                default
            }),
        }
    }

    /// An integer, also written as `4.0`.
    #[must_use]
    pub fn integer(&self, key: &str, default: i32) -> i32 {
        let x = self.number(key, f64::from(default));
        if x.fract() == 0.0 && x.abs() < 1e6 {
            x as i32
        } else {
            self.problem(format!("`{key}` is {x}, but an integer is wanted"));
            default
        }
    }

    /// `bits`, from 1 to `most`, 8 by default.
    #[must_use]
    pub fn bits(&self, most: u32) -> u32 {
        let bits = self.integer("bits", 8);
        match u32::try_from(bits) {
            Ok(bits) if (1..=most).contains(&bits) => bits,
            _ => {
                self.problem(format!("`bits` is {bits}; 1 to {most} are supported"));
                1
            }
        }
    }

    /// An integer up to 1000 in magnitude, 0 by default: an exponent.
    #[must_use]
    pub fn small(&self, key: &str) -> i32 {
        let x = self.integer(key, 0);
        if x.abs() > 1000 {
            self.problem(format!(
                "`{key}` is {x}; magnitudes up to 1000 are supported"
            ));
            return 0;
        }
        x
    }

    /// A boolean, also written as 0 or 1.
    #[must_use]
    pub fn flag(&self, key: &str, default: bool) -> bool {
        match self.number(key, f64::from(u8::from(default))) {
            0.0 => false,
            1.0 => true,
            x => {
                self.problem(format!("`{key}` is {x}, but true or false is wanted"));
                default
            }
        }
    }

    /// Numbers of a possibly nested list, or one number.
    #[must_use]
    pub fn numbers(&self, key: &str) -> Option<Vec<f64>> {
        fn flatten(v: &Value, into: &mut Vec<f64>) -> Option<()> {
            match v {
                Value::Array(items) => {
                    for item in items {
                        flatten(item, into)?;
                    }
                    Some(())
                }
                v => {
                    into.push(number(v)?);
                    Some(())
                }
            }
        }
        let value = self.get(key)?;
        let mut result = Vec::new();
        if flatten(value, &mut result).is_none() || result.is_empty() {
            self.problem(format!("`{key}` is {value}, but numbers are wanted"));
            return None;
        }
        Some(result)
    }

    /// All problems; arguments outside `known` are among them.
    #[must_use]
    pub fn finish(&self, known: &[&str]) -> Vec<String> {
        let mut problems = self.problems.take();
        for (key, value) in &self.values {
            if !known.contains(&key.as_str()) && !WITHOUT_EFFECT.contains(&key.as_str()) {
                problems.push(format!("argument `{key}` = {value} is not known"));
            }
        }
        let noise = self.get("qnoise_factor").map(number);
        if noise.is_some_and(|n| n != Some(1.0)) {
            problems.push(
                "`qnoise_factor` is not 1: the output would be a blend of quantized and float values"
                    .into(),
            );
        }
        problems
    }
}

fn number(v: &Value) -> Option<f64> {
    match v {
        Value::Bool(b) => Some(f64::from(u8::from(*b))),
        _ => v.as_f64().filter(|x| x.is_finite()),
    }
}

/// The number or list inside a serialised constant.
fn unwrapped(v: &Value) -> Value {
    let class = v.get("class_name").and_then(Value::as_str);
    match (class, v.pointer("/config/value")) {
        (Some("__numpy__" | "__tensor__"), Some(value)) => value.clone(),
        _ => v.clone(),
    }
}
