//! `qk-hls fixed`: the calculator's lines and its table.

use crate::support::{qk_hls, stderr};

fn calculate(lines: &str) -> (Vec<String>, Option<i32>) {
    let output = qk_hls().arg("fixed").write_stdin(lines).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (
        text.lines().map(str::to_owned).collect(),
        output.status.code(),
    )
}

#[test]
fn lines_of_the_contract() {
    let (lines, status) = calculate(concat!(
        r#"{"family":"ap","op":"cast","a":{"w":7,"i":3,"s":1},"r":{"w":4,"i":2,"s":1,"q":"AP_RND","o":"AP_SAT","n":0},"x":["-64","-63"]}"#,
        "\n",
        r#"{"family":"ap","op":"mul","a":{"w":8,"i":3,"s":1},"b":{"w":6,"i":-1,"s":1},"x":["48"],"z":[19]}"#,
        "\n",
        r#"{"family":"ac","op":"from_double","r":{"w":16,"i":8,"s":1},"x":["0.3","-1.5"]}"#,
        "\n",
    ));
    assert_eq!(
        lines,
        [
            r#"{"y":["-8","-8"]}"#,
            r#"{"r":{"w":14,"i":2,"s":1},"y":["912"]}"#,
            r#"{"y":["76","-384"]}"#,
        ]
    );
    assert_eq!(status, Some(0));
}

#[test]
fn integers_of_any_size() {
    let huge = "1".repeat(60);
    let (lines, _) = calculate(&format!(
        r#"{{"family":"ac","op":"add","a":{{"w":300,"i":300,"s":1}},"b":{{"w":300,"i":300,"s":1}},"x":[{huge}],"z":["{huge}"]}}"#
    ));
    assert_eq!(
        lines,
        [format!(
            r#"{{"r":{{"w":301,"i":301,"s":1}},"y":["{}"]}}"#,
            "2".repeat(60)
        )]
    );
}

#[test]
fn a_line_that_cannot_be_read_does_not_stop_the_next() {
    let good = r#"{"family":"ap","op":"neg","a":{"w":4,"i":4,"s":1},"x":["-8"]}"#;
    for bad in [
        "nonsense",
        r#"{"family":"ap","op":"sqrt","x":[]}"#,
        r#"{"family":"ap","op":"cast","a":{"w":4,"i":4,"s":1},"x":["1"]}"#,
        r#"{"family":"ap","op":"neg","a":{"w":4,"i":4,"s":1},"x":["8"]}"#,
        r#"{"family":"ap","op":"neg","a":{"w":0,"i":4,"s":1},"x":["0"]}"#,
        r#"{"family":"ap","op":"neg","a":{"w":99999999,"i":4,"s":1},"x":["0"]}"#,
        r#"{"family":"ac","op":"cast","a":{"w":4,"i":4,"s":1},"r":{"w":4,"i":4,"s":1,"o":"AC_WRAP_SM"},"x":["1"]}"#,
        r#"{"family":"ap","op":"div","a":{"w":4,"i":4,"s":1},"b":{"w":4,"i":4,"s":1},"x":["1"],"z":["0"]}"#,
        r#"{"family":"ap","op":"add","a":{"w":4,"i":4,"s":1},"b":{"w":4,"i":4,"s":1},"x":["1","2","3"],"z":["0","1"]}"#,
        r#"{"family":"ap","op":"add","a":{"w":4,"i":900000000,"s":1},"b":{"w":4,"i":-900000000,"s":1},"x":["1"],"z":["1"]}"#,
        r#"{"family":"ap","op":"from_double","r":{"w":4,"i":4,"s":1},"x":["one"]}"#,
    ] {
        let (lines, status) = calculate(&format!("{bad}\n\n{good}\n"));
        assert_eq!(lines.len(), 2, "{bad}");
        assert!(lines[0].starts_with(r#"{"error":"#), "{bad}: {}", lines[0]);
        assert_eq!(lines[1], r#"{"r":{"w":5,"i":5,"s":1},"y":["8"]}"#);
        assert_eq!(status, Some(1), "{bad}");
    }
}

#[test]
fn one_value_as_a_table() {
    let run = |args: &[&str]| {
        let output = qk_hls().arg("fixed").args(args).output().unwrap();
        (
            String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr(&output),
            output.status.code(),
        )
    };
    let (table, _, status) = run(&["cast", "-1.3", "ap_fixed<8,3,AP_RND,AP_SAT>"]);
    assert_eq!(status, Some(0));
    for word in ["-42", "110.10110", "-1.3125", "0.0125"] {
        assert!(table.contains(word), "{word} in {table}");
    }
    let (json, _, _) = run(&["cast", "0.15", "fixed<6,-1>", "--json"]);
    assert!(
        json.contains(r#""raw":"19""#) && json.contains(r#""binary":"._010011""#),
        "{json}"
    );
    let (_, error, status) = run(&["cast", "1", "ap_fixed<8,3,AP_ROUND>"]);
    assert_eq!(status, Some(2));
    assert!(error.contains('^') && error.contains("AP_RND"), "{error}");
    let (_, error, status) = run(&["cast", "one", "ap_fixed<8,3>"]);
    assert_eq!(status, Some(2));
    assert!(error.contains("one"), "{error}");
}
