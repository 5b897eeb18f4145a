//! `qk-hls fixed` against programs compiled with the vendors' real headers.
//!
//! The seed is printed and can be set: `QK_HLS_SEED=7 cargo test --test num`. With
//! `QK_HLS_RECORD=1` the vectors of `tests/golden/fixed` are made anew.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use num_bigint::BigInt;
use num_traits::{One, Signed, ToPrimitive};
use qk_hls::csim::headers;
use qk_hls::num::{Family, FixedType};
use serde_json::{Value, json};

use crate::cases::{Case, Random};

/// Where the recorded vectors are.
pub(crate) fn recorded(family: Family) -> std::path::PathBuf {
    let name = format!(
        "tests/golden/fixed/{}.jsonl",
        family.prefix().to_lowercase()
    );
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn seed() -> u64 {
    match std::env::var("QK_HLS_SEED") {
        Ok(text) => text.parse().expect("QK_HLS_SEED is a number"),
        // The same calculations for everybody who does not ask for others.
        Err(_) => 20_261_127,
    }
}

fn spelled(family: Family, ty: &FixedType) -> String {
    match family {
        Family::Ap => ty.to_string(),
        Family::Ac => ty.display_ac().to_string(),
    }
}

const AP: &str = r#"
#include <ap_fixed.h>
#include <cstdint>
#include <cstdio>
#include <cstring>
template <class T> void load(T& x) {
    x = 0;
    for (int lo = 0; lo < T::width; lo += 32) {
        unsigned w; if (scanf("%x", &w) != 1) throw 1;
        int hi = lo + 31 < T::width ? lo + 31 : T::width - 1;
        x.range(hi, lo) = ap_uint<32>(w);
    }
}
template <class T> void show(T x) {
    for (int lo = 0; lo < T::width; lo += 32) {
        int hi = lo + 31 < T::width ? lo + 31 : T::width - 1;
        ap_uint<32> w = x.range(hi, lo);
        printf("%x ", w.to_uint());
    }
    printf("\n");
}
template <int W, int I, bool S, ap_q_mode Q, ap_o_mode O, int N> void type(const ap_fixed_base<W, I, S, Q, O, N>&) { printf("%d %d %d\n", W, I, int(S)); }
"#;

const AC: &str = r#"
#include <ac_fixed.h>
#include <cstdint>
#include <cstdio>
#include <cstring>
template <int W, int I, bool S, ac_q_mode Q, ac_o_mode O> void load(ac_fixed<W, I, S, Q, O>& x) {
    ac_int<W, S> raw = 0;
    for (int lo = 0; lo < W; lo += 32) {
        unsigned w; if (scanf("%x", &w) != 1) throw 1;
        for (int i = lo; i < W && i < lo + 32; i++) raw[i] = (w >> (i - lo)) & 1;
    }
    x.set_slc(0, raw);
}
template <int W, int I, bool S, ac_q_mode Q, ac_o_mode O> void show(ac_fixed<W, I, S, Q, O> x) {
    for (int lo = 0; lo < W; lo += 32) {
        unsigned w = 0;
        for (int i = lo; i < W && i < lo + 32; i++) w |= unsigned(bool(x[i])) << (i - lo);
        printf("%x ", w);
    }
    printf("\n");
}
template <int W, int I, bool S, ac_q_mode Q, ac_o_mode O> void type(const ac_fixed<W, I, S, Q, O>&) { printf("%d %d %d\n", W, I, int(S)); }
"#;

const DOUBLES: &str = r#"
static double read_double() { unsigned long long u; if (scanf("%llx", &u) != 1) throw 1; double d; memcpy(&d, &u, 8); return d; }
static void show_double(double d) { unsigned long long u; memcpy(&u, &d, 8); printf("%llx\n", u); }
static int count() { int n; if (scanf("%d", &n) != 1) throw 1; return n; }
"#;

/// A program with one function for each case.
fn program(family: Family, cases: &[Case]) -> String {
    let mut text = match family {
        Family::Ap => AP.to_owned(),
        Family::Ac => AC.to_owned(),
    };
    text += DOUBLES;
    for (k, case) in cases.iter().enumerate() {
        let name = |ty: &Option<FixedType>| ty.as_ref().map(|ty| spelled(family, ty));
        let mut body = String::new();
        for (letter, ty) in [("A", &case.a), ("B", &case.b), ("R", &case.r)] {
            if let Some(ty) = name(ty) {
                let _ = writeln!(body, "    typedef {ty} {letter};");
            }
        }
        let binary = |sign: &str| {
            format!("A a; load(a); B b; load(b); auto r = a {sign} b; if (!k) type(r); show(r);")
        };
        let step = match case.op {
            "cast" => "A a; load(a); R r = a; show(r);".to_owned(),
            "add" => binary("+"),
            "sub" => binary("-"),
            "mul" => binary("*"),
            "div" => binary("/"),
            "neg" => "A a; load(a); auto r = -a; if (!k) type(r); show(r);".to_owned(),
            "shl" => "A a; load(a); int n = count(); A r = a << n; if (!k) type(r); show(r);".to_owned(),
            "shr" => "A a; load(a); int n = count(); A r = a >> n; if (!k) type(r); show(r);".to_owned(),
            "cmp" => "A a; load(a); B b; load(b); printf(\"%d %d %d\\n\", int(a < b), int(a > b), int(a == b));".to_owned(),
            "from_double" => "R r = read_double(); show(r);".to_owned(),
            "to_double" => "A a; load(a); show_double(a.to_double());".to_owned(),
            "to_int" => "A a; load(a); printf(\"%d\\n\", int(a.to_int()));".to_owned(),
            other => panic!("{other}"),
        };
        let _ = writeln!(
            text,
            "static void case_{k}() {{\n{body}    int n = count();\n    for (int k = 0; k < n; k++) {{ {step} }}\n}}"
        );
    }
    text += "int main() {\n";
    for k in 0..cases.len() {
        let _ = writeln!(text, "    case_{k}();");
    }
    text + "    return 0;\n}\n"
}

/// The bits of a code, 32 at a time, lowest first.
fn words(code: &BigInt, width: u32) -> String {
    let all = BigInt::one() << width;
    let pattern = if code.is_negative() {
        code + all
    } else {
        code.clone()
    };
    let mut text = String::new();
    for lo in (0..width).step_by(32) {
        let word = (&pattern >> lo) & BigInt::from(u32::MAX);
        let _ = write!(text, "{word:x} ");
    }
    text
}

fn read_words(text: &str, width: u32, signed: bool) -> BigInt {
    let mut code = BigInt::from(0);
    for (k, word) in text.split_whitespace().enumerate() {
        let word = u32::from_str_radix(word, 16).expect("hexadecimal");
        code += BigInt::from(word) << (32 * k);
    }
    if signed && (&code >> (width - 1)).is_one() {
        code -= BigInt::one() << width;
    }
    code
}

fn input(cases: &[Case]) -> String {
    let mut text = String::new();
    for case in cases {
        let _ = writeln!(text, "{}", case.x.len().max(case.doubles.len()));
        for x in &case.doubles {
            let _ = writeln!(text, "{:x}", x.to_bits());
        }
        for (k, x) in case.x.iter().enumerate() {
            text += &words(x, case.a.expect("of codes").width);
            match (case.op, &case.b) {
                ("shl" | "shr", _) => {
                    let _ = write!(text, "{}", case.z[k]);
                }
                (_, Some(b)) => text += &words(&case.z[k], b.width),
                _ => {}
            }
            text.push('\n');
        }
    }
    text
}

/// What the headers answer, as `qk-hls fixed` writes it.
fn answers(cases: &[Case], output: &str) -> Vec<Value> {
    let mut lines = output.lines();
    let mut next = || lines.next().expect("an answer for each calculation");
    let mut all = Vec::new();
    for case in cases {
        let count = case.x.len().max(case.doubles.len());
        let mut answer = json!({});
        let mut ty = case.r.map(|r| (r.width, r.signed));
        if matches!(
            case.op,
            "add" | "sub" | "mul" | "div" | "neg" | "shl" | "shr"
        ) {
            let numbers: Vec<i64> = next().split(' ').map(|n| n.parse().unwrap()).collect();
            answer["r"] = json!({"w": numbers[0], "i": numbers[1], "s": numbers[2]});
            ty = Some((u32::try_from(numbers[0]).unwrap(), numbers[2] == 1));
        }
        let mut y = Vec::new();
        let mut eq = Vec::new();
        for _ in 0..count {
            let line = next();
            y.push(match case.op {
                "cmp" => {
                    let flags: Vec<bool> = line.split(' ').map(|n| n == "1").collect();
                    eq.push(flags[2]);
                    match (flags[0], flags[1]) {
                        (true, false) => "-1".to_owned(),
                        (false, true) => "1".to_owned(),
                        (false, false) => "0".to_owned(),
                        (true, true) => panic!("both less and greater"),
                    }
                }
                "to_double" => {
                    let bits = u64::from_str_radix(line, 16).expect("hexadecimal");
                    format!("{:?}", f64::from_bits(bits))
                }
                "to_int" => line.to_owned(),
                _ => {
                    let (width, signed) = ty.expect("a result type");
                    read_words(line, width, signed).to_string()
                }
            });
        }
        answer["y"] = y.into();
        if !eq.is_empty() {
            answer["eq"] = eq.into();
        }
        all.push(answer);
    }
    assert_eq!(lines.next(), None, "no answer is left over");
    all
}

fn run(command: &mut Command, input: &str) -> String {
    // The AP headers warn on stderr of things that are meant.
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("piped");
    let text = input.to_owned();
    let feed = std::thread::spawn(move || {
        let _ = stdin.write_all(text.as_bytes());
    });
    let output = child.wait_with_output().expect("the program ends");
    feed.join().expect("the input was written");
    assert!(
        output.status.success(),
        "{command:?} ended with {}",
        output.status
    );
    String::from_utf8(output.stdout).expect("text")
}

/// What the headers say.
fn by_headers(family: Family, headers: &Path, cases: &[Case]) -> Vec<Value> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let source = folder.path().join("cases.cpp");
    std::fs::write(&source, program(family, cases)).expect("written");
    let program = folder.path().join("cases");
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "g++".to_owned());
    // Without NDEBUG the AP headers stop at far shifts instead of computing them.
    let status = Command::new(&compiler)
        .args(["-std=c++11", "-O0", "-w", "-DNDEBUG", "-o"])
        .arg(&program)
        .arg(&source)
        .arg("-I")
        .arg(headers)
        .status();
    let status = status.unwrap_or_else(|e| panic!("{compiler}: {e}"));
    assert!(status.success(), "{compiler} could not compile the cases");
    answers(cases, &run(&mut Command::new(program), &input(cases)))
}

/// What the calculator says.
pub(crate) fn by_calculator(requests: &[Value]) -> Vec<Value> {
    let lines: Vec<String> = requests.iter().map(ToString::to_string).collect();
    let mut command = Command::new(env!("CARGO_BIN_EXE_qk-hls"));
    let output = run(command.arg("fixed"), &(lines.join("\n") + "\n"));
    let answers = output
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    answers.collect()
}

/// The first calculation with another answer.
pub(crate) fn difference(request: &Value, ours: &Value, theirs: &Value) -> Option<String> {
    if ours == theirs {
        return None;
    }
    let at = |v: &Value, k: usize| v["y"][k].clone();
    let count = theirs["y"].as_array().map_or(0, Vec::len);
    let place =
        (0..count).find(|&k| at(ours, k) != at(theirs, k) || ours["eq"][k] != theirs["eq"][k]);
    let mut short = request.clone();
    for key in ["x", "z"] {
        if let Some(k) = place
            && request.get(key).is_some()
        {
            short[key] = request[key][k].clone();
        }
    }
    let show = |v: &Value| match place {
        Some(k) => format!("{} (== {})", at(v, k), v["eq"][k]),
        None => format!("{}{}", v["r"], v["error"]),
    };
    Some(format!(
        "{short}: {} instead of {}",
        show(ours),
        show(theirs)
    ))
}

fn family(family: Family) {
    let found = match headers::find(family, None) {
        Ok(found) => found,
        Err(error) => {
            let required = std::env::var_os("QK_HLS_REQUIRE_ALL").is_some_and(|v| v == "1");
            assert!(!required, "{error}");
            eprintln!("skipped: {error}");
            return;
        }
    };
    if std::env::var_os("QK_HLS_RECORD").is_some() {
        record(family, &found.dir);
        return;
    }
    let seed = seed();
    eprintln!("QK_HLS_SEED={seed}");
    let mut rng = Random::new(seed);
    // Compilers take their time for each case; codes cost nothing.
    let cases = Case::random(&mut rng, family, 70, 44, 1800);
    let calculations: usize = cases.iter().map(|c| c.x.len().max(c.doubles.len())).sum();
    assert!(calculations >= 200_000, "{calculations} calculations");
    let theirs = by_headers(family, &found.dir, &cases);
    let requests: Vec<Value> = cases.iter().map(Case::request).collect();
    let ours = by_calculator(&requests);
    assert_eq!(ours.len(), theirs.len());
    let wrong: Vec<String> = (0..requests.len())
        .filter_map(|k| difference(&requests[k], &ours[k], &theirs[k]))
        .collect();
    assert!(
        wrong.is_empty(),
        "seed {seed}: {} of {} cases differ:\n{}",
        wrong.len(),
        requests.len(),
        wrong[..wrong.len().min(20)].join("\n")
    );
}

/// Writes a smaller set of what the headers say, for machines without g++.
fn record(family: Family, headers: &Path) {
    let mut rng = Random::new(20_261_127);
    let cases = Case::random(&mut rng, family, 160, 66, 16);
    let theirs = by_headers(family, headers, &cases);
    let mut text = String::new();
    for (case, answer) in cases.iter().zip(theirs) {
        let _ = writeln!(
            text,
            "{}",
            json!({"line": case.request(), "answer": answer})
        );
    }
    let path = recorded(family);
    std::fs::create_dir_all(path.parent().expect("in a folder")).expect("made");
    std::fs::write(path, text).expect("written");
}

#[test]
fn ap_fixed() {
    family(Family::Ap);
}

#[test]
fn ac_fixed() {
    family(Family::Ac);
}

#[test]
fn words_hold_codes() {
    let code = BigInt::from(-5);
    assert_eq!(words(&code, 40), "fffffffb ff ");
    assert_eq!(read_words("fffffffb ff ", 40, true), code);
    assert_eq!(
        read_words("fffffffb ff ", 40, false).to_u64(),
        Some((1 << 40) - 5)
    );
}
