//! Vectors that the vendors' headers made, where there is no compiler.

use qk_hls::num::Family;
use serde_json::Value;

use crate::headers::{by_calculator, difference, recorded};

fn family(family: Family) {
    let text = std::fs::read_to_string(recorded(family)).expect("the vectors are committed");
    let lines: Vec<Value> = text
        .lines()
        .map(|l| serde_json::from_str(l).expect("JSON"))
        .collect();
    assert!(lines.len() >= 200, "{} cases", lines.len());
    let requests: Vec<Value> = lines.iter().map(|l| l["line"].clone()).collect();
    let ours = by_calculator(&requests);
    assert_eq!(ours.len(), lines.len());
    let wrong: Vec<String> = (0..lines.len())
        .filter_map(|k| difference(&requests[k], &ours[k], &lines[k]["answer"]))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn ap_fixed() {
    family(Family::Ap);
}

#[test]
fn ac_fixed() {
    family(Family::Ac);
}
