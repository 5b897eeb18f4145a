//! `tests/golden/quantizers`: what qkeras gives, case by case.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use num_traits::ToPrimitive;
use qk_hls::data::{self, Array, Arrays};
use qk_hls::ir::{Real, eval, from_f64};
use qk_hls::quantizers::{self, Choices, Context, InternalSigmoid};
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/quantizers")
}

fn index() -> Value {
    let text = std::fs::read_to_string(folder().join("index.json")).expect("readable");
    serde_json::from_str(&text).expect("JSON")
}

fn arrays(file: &str) -> IndexMap<String, Array> {
    match data::load(&folder().join(file)) {
        Ok(Arrays::Named(arrays)) => arrays,
        other => panic!("{file}: {other:?}"),
    }
}

fn context(case: &Value) -> Context {
    let internal_sigmoid = match case["internal_sigmoid"].as_str() {
        Some("smooth") => InternalSigmoid::Smooth,
        Some("real") => InternalSigmoid::Real,
        _ => InternalSigmoid::Hard,
    };
    Context::alone(&Choices {
        internal_sigmoid,
        ..Choices::default()
    })
}

/// Values and, for weights, codes.
type Found = (Vec<f64>, Vec<bool>, Option<Vec<i128>>);

fn run(case: &Value, x: &Array) -> Result<Found, String> {
    let quantizer =
        quantizers::parse(&case["quantizer"], &context(case)).map_err(|e| e.to_string())?;
    let values = x.to_f64().expect("floats");
    let float = |y: &Real| y.to_f64().expect("finite");
    if case["as"] == "weights" {
        let weights = quantizer.weights(&values, &x.shape)?;
        let y: Vec<f64> = weights.values().iter().map(float).collect();
        return Ok((y, vec![true; values.len()], Some(weights.codes)));
    }
    if quantizer.is_softmax() {
        return Ok(softmaxes(&values, x.shape[1]));
    }
    let steps = quantizer.steps()?;
    let channels = x.shape.last().copied().unwrap_or(1);
    let mut y = Vec::new();
    let mut exact = Vec::new();
    for (i, &v) in values.iter().enumerate() {
        let x = from_f64(v).expect("finite");
        let value = eval::decide(&steps, i % channels, &x);
        exact.push(value.is_some());
        y.push(match value {
            Some(value) => float(&value),
            None => eval::approximate(&steps, i % channels, &x).ok_or("no value")?,
        });
    }
    Ok((y, exact, None))
}

/// Rows through the integer softmax, whose results are not exact.
fn softmaxes(values: &[f64], length: usize) -> Found {
    let (design, _) = crate::softmax::design(length, "ap_fixed<20,8>", Some("ap_fixed<34,2>"));
    let mut y = Vec::new();
    for row in values.chunks(length) {
        let codes: Vec<i128> = row.iter().map(|v| (v * 4096.0) as i128).collect();
        let (codes, frac) = crate::softmax::run(&design, &codes);
        y.extend(codes.iter().map(|&c| c as f64 * 2.0_f64.powi(-frac)));
    }
    let exact = vec![false; y.len()];
    (y, exact, None)
}

fn compare(case: &Value, files: &IndexMap<String, Array>) -> Result<(), String> {
    let of = |key: &str| case[key].as_str().map(|name| &files[name]);
    let x = of("x").expect("every case has arguments");
    let theirs = of("y")
        .expect("every case has results")
        .to_f64()
        .expect("floats");
    let (values, exact, codes) = run(case, x)?;
    let strict = case["exactness"] == "exact";
    let wrong: Vec<usize> = (0..theirs.len())
        .filter(|&i| {
            let (a, b) = (values[i], theirs[i]);
            let near = (a - b).abs() <= 1e-9_f64.max(1e-6 * b.abs());
            a != b && (strict || !near) || strict && !exact[i]
        })
        .collect();
    let at = |i: usize| x.to_f64().expect("floats")[i];
    if let Some(&i) = wrong.first() {
        return Err(format!(
            "{} of {} values, first at {i}: {} gives {}, not {}",
            wrong.len(),
            theirs.len(),
            at(i),
            values[i],
            theirs[i]
        ));
    }
    // Codes where they stand for a linear grid; those of powers of two are exponents.
    let linear = case.get("step").is_some() || case.get("scale").is_some();
    if let (Some(codes), Some(theirs), true) = (codes, of("codes"), linear) {
        let theirs = theirs.to_f64().expect("integers");
        // Where the scale is zero a code stands for nothing.
        let wrong = (0..theirs.len()).find(|&i| values[i] != 0.0 && codes[i] as f64 != theirs[i]);
        if let Some(i) = wrong {
            return Err(format!("code {i} is {}, not {}", codes[i], theirs[i]));
        }
    }
    Ok(())
}

#[test]
fn every_case_is_as_in_qkeras() {
    let index = index();
    let cases = index["cases"].as_array().expect("a list");
    assert!(cases.len() >= 300, "{} cases", cases.len());
    let mut files: BTreeMap<&str, IndexMap<String, Array>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for case in cases {
        let file = case["file"].as_str().expect("a name");
        let files = files.entry(file).or_insert_with(|| arrays(file));
        if let Err(problem) = compare(case, files) {
            wrong.push(format!("{} {}: {problem}", case["id"], case["quantizer"]));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn what_qkeras_cannot_mean_is_refused() {
    let index = index();
    let rejected = index["rejected"].as_array().expect("a list");
    assert!(rejected.len() >= 20);
    for case in rejected {
        let parsed = quantizers::parse(&case["quantizer"], &context(case));
        assert!(
            parsed.is_err(),
            "{} is accepted, but: {}",
            case["quantizer"],
            case["why"]
        );
    }
}
