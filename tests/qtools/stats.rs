//! The statistics equal those of the real print_qstats, figure for figure and line for line.

use qk_hls::qtools::Rules;
use qk_hls::qtools::stats;
use serde_json::Value;

use crate::records::{Records, differences, lowered};

/// The text of the original without what it prints besides: tensors around numbers, progress.
fn cleaned(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let noise = line.starts_with("...")
            || line.contains("has not been quantized")
            || line.contains("because they will be folded")
            || line.starts_with("Fuse ");
        if noise {
            continue;
        }
        lines.push(match line.split_once("tf.Tensor(") {
            Some((before, rest)) => {
                let (number, rest) = rest.split_once(',').expect("a number");
                let (_, rest) = rest.split_once(')').expect("a shape");
                let (_, after) = rest.split_once(')').expect("a type");
                format!("{before}{number:5}{after}")
            }
            None => line.to_owned(),
        });
    }
    lines.join("\n") + "\n"
}

#[test]
fn compat_equals_the_records() {
    let records = Records::open();
    let (mut models, mut failed) = (0, Vec::new());
    for (name, file, record) in records.all() {
        let recorded = &record["stats"];
        let Some((model, notes)) = lowered(&file) else {
            continue;
        };
        if recorded.get("error").is_some() {
            continue;
        }
        models += 1;
        let ours = match stats::stats(&model, &notes, Rules::Compat) {
            Ok(ours) => ours,
            Err(problems) => {
                failed.push(format!("{name}: {problems}"));
                continue;
            }
        };
        let mut found = Vec::new();
        let operations = serde_json::to_value(&ours.operations).expect("JSON");
        differences(
            "operations",
            &operations,
            &recorded["operations"],
            false,
            &mut found,
        );
        let theirs = cleaned(recorded["text"].as_str().expect("a text"));
        let ours = ours.to_string();
        if ours != theirs {
            let pairs = ours.lines().zip(theirs.lines());
            // What bernoulli drew when the record was made is nobody's to know.
            let drawn = |line: &str| line.contains("bernoulli") || line.contains("Total Sparsity");
            let random = name.starts_with("pairs_");
            let first = pairs
                .clone()
                .find(|(a, b)| a != b && !(random && drawn(a) && drawn(b)));
            found.extend(first.map(|first| format!("text: {first:?}")));
            if ours.lines().count() != theirs.lines().count() {
                found.push("text: another number of lines".to_owned());
            }
        }
        failed.extend(found.into_iter().map(|f| format!("{name}: {f}")));
    }
    assert!(models >= 60, "{models} models");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// The corrected counts of layers that the original counts wrongly, by hand.
#[test]
fn exact_corrects_the_counts() {
    let records = Records::open();
    let all = records.all();
    let of = |wanted: &str| {
        let (_, file, _) = all.iter().find(|(name, ..)| name == wanted).expect("there");
        let (model, notes) = lowered(file).expect("supported");
        let stats = stats::stats(&model, &notes, Rules::Exact).expect("every rule fits");
        serde_json::to_value(stats).expect("JSON")
    };
    let separable = of("separable1d");
    // 3 taps by 3 channels, then 3 by 4, at 10 positions.
    let s0 = &separable["operations"]["s0"];
    assert_eq!(s0["number_of_operations"], Value::from(10 * (9 + 12)));
    let depthwise = of("depthwise");
    let dw2 = &depthwise["operations"]["dw2"];
    // 2 x 2 taps, 3 channels with 2 filters each, 3 x 3 positions.
    assert_eq!(dw2["number_of_weights"], Value::from(24));
    assert_eq!(dw2["number_of_operations"], Value::from(24 * 9));
}
