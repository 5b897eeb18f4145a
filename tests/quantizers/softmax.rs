//! The integer softmax against float64: the stated error, and the index of the largest.

use proptest::prelude::*;
use qk_hls::ir::Origin;
use qk_hls::ir::kernel::Design;
use qk_hls::ir::math::{Network, Node, Op, Port};
use qk_hls::num::FixedType;
use qk_hls::passes::resolve::{self, Options};
use qk_hls::sim::reference;

/// A softmax over rows of this length, with its remarks.
pub(crate) fn design(length: usize, logits: &str, result: Option<&str>) -> (Design, Vec<String>) {
    let origin = Origin {
        layer: "softmax".into(),
        class: "Softmax".into(),
        call: 0,
    };
    let mut network = Network::default();
    let node = |op, inputs| Node {
        op,
        inputs,
        shape: vec![length],
        origin: origin.clone(),
    };
    let x = network.push(node(Op::Input(0), vec![]));
    let y = network.push(node(Op::Softmax, vec![x]));
    let port = |name: &str, node| Port {
        name: name.into(),
        node,
    };
    network.inputs.push(port("logits", x));
    network.outputs.push(port("softmax", y));
    let ty = |text: &str| -> FixedType { text.parse().expect("a type's name") };
    let options = Options {
        input_types: vec![Some(ty(logits))],
        default_output_type: result.map(ty),
        ..Options::default()
    };
    let resolved = resolve::resolve(&network, &options).expect("resolves");
    (resolved.design, resolved.remarks)
}

/// The design's results for one row, and their binary point.
pub(crate) fn run(design: &Design, codes: &[i128]) -> (Vec<i128>, i32) {
    let values = reference::run(design, &[codes]).expect("in range");
    let output = design.outputs[0].node;
    let ty = &design.node(output).ty;
    (
        values[output.index()].clone(),
        ty.uniform_frac().expect("one binary point"),
    )
}

/// The softmax in float64.
fn truth(codes: &[i128], frac: i32) -> Vec<f64> {
    let top = codes.iter().max().expect("a row has numbers");
    let e: Vec<f64> = codes
        .iter()
        .map(|c| (-((top - c) as f64) * 2.0_f64.powi(-frac)).exp())
        .collect();
    let sum: f64 = e.iter().sum();
    e.iter().map(|e| e / sum).collect()
}

/// First index of the largest.
fn best(codes: &[i128]) -> usize {
    (0..codes.len())
        .rev()
        .max_by_key(|&i| codes[i])
        .expect("a row has numbers")
}

/// The bound that the remark states.
fn stated(remarks: &[String]) -> f64 {
    let remark = remarks
        .iter()
        .find(|r| r.contains("error at most"))
        .expect("the error is stated");
    let (_, rest) = remark.split_once("error at most ").expect("found");
    let number: String = rest
        .chars()
        .take_while(|c| !matches!(c, ',' | ';'))
        .collect();
    number.parse().expect("a number")
}

fn check(logits: &str, result: Option<&str>, rows: &[Vec<i128>]) {
    let ty: FixedType = logits.parse().expect("a type's name");
    let (design, remarks) = design(rows[0].len(), logits, result);
    let bound = stated(&remarks);
    for row in rows {
        let (ours, frac) = run(&design, row);
        let step = 2.0_f64.powi(-frac);
        let theirs = truth(row, ty.frac());
        let top = theirs.iter().copied().fold(0.0, f64::max);
        for (i, y) in theirs.iter().enumerate() {
            let next_to_top = top - y < 2.0 * step;
            let allowed = if next_to_top { bound + step } else { bound };
            let saturated = 1.0 - y <= step;
            let error = (ours[i] as f64 * step - y).abs();
            assert!(
                error <= allowed || saturated && error <= bound + step,
                "{logits} {row:?}: {i} is {} for {y}",
                ours[i] as f64 * step
            );
        }
        assert_eq!(best(&ours), best(row), "{logits} {row:?} gives {ours:?}");
    }
}

/// Rows around one place, so that differences of one unit, ties and far numbers all occur.
fn rows(length: usize, bits: u32) -> impl Strategy<Value = Vec<Vec<i128>>> {
    let half = 1_i128 << (bits - 1);
    let one = (-half..half, 1_u32..bits).prop_flat_map(move |(center, spread)| {
        let spread = 1_i128 << spread;
        let near = (center - spread).max(-half)..(center + spread).min(half - 1) + 1;
        prop::collection::vec(near, length)
    });
    prop::collection::vec(one, 24)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn few_bits(rows in rows(5, 6)) {
        check("ap_fixed<6,3>", None, &rows);
    }

    #[test]
    fn fine_logits(rows in rows(10, 24)) {
        check("ap_fixed<24,4>", None, &rows);
    }

    #[test]
    fn finer_than_the_result(rows in rows(3, 40)) {
        check("ap_fixed<40,6>", None, &rows);
    }

    #[test]
    fn wide_logits(rows in rows(4, 20)) {
        check("ap_fixed<20,16>", None, &rows);
    }

    #[test]
    fn long_rows(rows in rows(1000, 12)) {
        check("ap_fixed<12,5>", None, &rows);
    }

    #[test]
    fn short_results(rows in rows(7, 18)) {
        check("ap_fixed<18,5>", Some("ap_ufixed<8,0>"), &rows);
    }

    #[test]
    fn integers(rows in rows(6, 8)) {
        check("ap_int<8>", Some("ap_fixed<26,2>"), &rows);
    }
}

#[test]
fn of_one_number_it_is_one() {
    let (design, _) = design(1, "ap_fixed<8,4>", None);
    let (codes, frac) = run(&design, &[-5]);
    assert_eq!(codes, [1 << frac]);
}
