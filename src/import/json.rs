//! JSON as Python writes it.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::error::FileProblem;

/// Largest JSON text that is parsed. A parsed value takes up to about 100 times its text.
const MAX_JSON_BYTES: usize = 64 << 20;

/// Parses a JSON text. Python's `NaN`, `Infinity` and `-Infinity` become strings of that spelling, so that only the
/// reader of such a number fails, and a field nobody reads does no harm. Nesting beyond 128 levels is an error.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, FileProblem> {
    let problem = |detail: String| FileProblem::Json { detail };
    if bytes.len() > MAX_JSON_BYTES {
        return Err(problem(format!(
            "{} bytes of JSON; at most {MAX_JSON_BYTES} are read",
            bytes.len()
        )));
    }
    let text =
        std::str::from_utf8(bytes).map_err(|error| problem(format!("not UTF-8 text: {error}")))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    serde_json::from_str(&quote_non_finite(text)).map_err(|error| problem(error.to_string()))
}

/// Puts quotes around the three non-standard number tokens. Inside strings nothing changes.
fn quote_non_finite(text: &str) -> Cow<'_, str> {
    const TOKENS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];
    if !TOKENS.iter().any(|token| text.contains(token)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some(at) = rest.find(['"', '-', 'I', 'N']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let taken = if rest.starts_with('"') {
            let end = string_end(rest);
            out.push_str(&rest[..end]);
            end
        } else if let Some(token) = TOKENS.iter().find(|token| rest.starts_with(**token)) {
            out.push('"');
            out.push_str(token);
            out.push('"');
            token.len()
        } else {
            out.push_str(&rest[..1]);
            1
        };
        rest = &rest[taken..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Byte length of the JSON string literal that `text` starts with, quotes included; all of `text` when unclosed.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The part of a class name after its package: `qkeras>QDense` -> `QDense`.
pub(super) fn strip_package(class_name: &str) -> &str {
    class_name.rsplit('>').next().unwrap_or(class_name)
}

/// A flag of a layer config as Python takes it: booleans and numbers; `default` when absent.
pub(super) fn flag(config: &Map<String, Value>, key: &str, default: bool) -> bool {
    match config.get(key) {
        Some(Value::Bool(value)) => *value,
        Some(Value::Number(value)) => value.as_f64() != Some(0.0),
        Some(Value::Null) => false,
        _ => default,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_numbers_become_strings() {
        let value =
            parse(br#"{"a": NaN, "b": [-Infinity, Infinity, -1], "NaN \" NaN": "x NaN"}"#).unwrap();
        let want = serde_json::json!({"a": "NaN", "b": ["-Infinity", "Infinity", -1], "NaN \" NaN": "x NaN"});
        assert_eq!(value, want);
    }

    #[test]
    fn broken_texts_are_errors() {
        let deep = "[".repeat(100_000);
        for text in ["", "{", "{\"a\": N}", "\"NaN", "{\"NaN", deep.as_str()] {
            assert!(
                matches!(parse(text.as_bytes()), Err(FileProblem::Json { .. })),
                "{text:.20}"
            );
        }
        assert!(matches!(
            parse(&[0xff, 0xfe]),
            Err(FileProblem::Json { .. })
        ));
    }
}
