//! The string form: `name(positional, key=value)`, by the rules of QKeras' `safe_eval`, without
//! evaluating anything. What QKeras would silently mangle is an error.

use indexmap::IndexMap;
use serde_json::{Number, Value};

use super::{Args, Context, find};

/// Reads a call text.
pub(super) fn parse(text: &str, context: &Context) -> Result<(String, Args), String> {
    let Some((name, rest)) = text.split_once('(') else {
        return Ok((text.to_owned(), Args::from_call(IndexMap::new())));
    };
    if rest.contains('(') {
        return Err(format!(
            "`{text}` has nested parentheses; QKeras would drop all arguments"
        ));
    }
    // What follows the parenthesis has no effect in QKeras either.
    let Some((inside, _)) = rest.split_once(')') else {
        return Err(format!("`{text}` lacks its closing parenthesis"));
    };
    let Some(definition) = find(name, context) else {
        return Ok((name.to_owned(), Args::default()));
    };
    let mut values = IndexMap::new();
    let mut keyword = false;
    let items = inside.split(',').map(str::trim).collect::<Vec<_>>();
    for (position, item) in items.iter().enumerate() {
        if item.is_empty() {
            if items.len() == 1 {
                break;
            }
            return Err(format!("`{text}` has an empty argument"));
        }
        let (key, written) = match item.split_once('=') {
            Some((key, value)) => {
                keyword = true;
                (key.trim().to_owned(), value.trim())
            }
            None if keyword => {
                return Err(format!(
                    "`{text}`: the positional `{item}` follows a keyword"
                ));
            }
            None => match definition.arguments().get(position) {
                Some(key) => ((*key).to_owned(), *item),
                None => {
                    return Err(format!(
                        "`{text}` has more than the {} arguments of {name}",
                        definition.arguments().len()
                    ));
                }
            },
        };
        let value = value(written).ok_or_else(|| {
            format!(
                "`{text}`: `{written}` is no number, True, False, None, quoted text or list in \
                 brackets with spaces, [0 1]"
            )
        })?;
        if values.insert(key.clone(), value).is_some() {
            return Err(format!("`{text}` gives `{key}` twice"));
        }
    }
    Ok((name.to_owned(), Args::from_call(values)))
}

/// One value as Python's rules read it.
fn value(text: &str) -> Option<Value> {
    match text {
        "True" => return Some(Value::Bool(true)),
        "False" => return Some(Value::Bool(false)),
        "None" => return Some(Value::Null),
        _ => {}
    }
    if let Some(number) = number(text) {
        return Some(number);
    }
    if let Some(list) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
        let items: Option<Vec<Value>> = list.split_whitespace().map(number).collect();
        return items.filter(|i| i.len() >= 2).map(Value::Array);
    }
    ['\'', '"'].iter().find_map(|quote| {
        let inner = text.strip_prefix(*quote)?.strip_suffix(*quote)?;
        (!inner.contains(['\'', '"'])).then(|| Value::String(inner.to_owned()))
    })
}

/// An integer or a finite float; single underscores between digits as Python allows.
fn number(text: &str) -> Option<Value> {
    let bytes = text.as_bytes();
    let digit = |i: Option<&u8>| i.is_some_and(u8::is_ascii_digit);
    for (i, _) in bytes.iter().enumerate().filter(|(_, b)| **b == b'_') {
        if i == 0 || !digit(bytes.get(i - 1)) || !digit(bytes.get(i + 1)) {
            return None;
        }
    }
    let plain = text.replace('_', "");
    if let Ok(integer) = plain.parse::<i64>() {
        return Some(Value::Number(integer.into()));
    }
    let first = plain.trim_start_matches(['+', '-']).chars().next()?;
    if !first.is_ascii_digit() && first != '.' {
        return None;
    }
    Number::from_f64(plain.parse().ok()?).map(Value::Number)
}

/// The call text with one argument set: in its place, or as a keyword at the end.
pub(super) fn with_argument(
    text: &str,
    arguments: &[&str],
    key: &str,
    to: &Value,
) -> Option<String> {
    let (name, inside) = match text.split_once('(') {
        Some((name, rest)) => (name, rest.strip_suffix(')')?),
        None => (text, ""),
    };
    let mut items: Vec<String> = inside
        .split(',')
        .map(|i| i.trim().to_owned())
        .filter(|i| !i.is_empty())
        .collect();
    let is_key = |item: &&mut String| item.split_once('=').is_some_and(|(k, _)| k.trim() == key);
    let position = arguments.iter().position(|a| *a == key)?;
    let positional = items.iter().take_while(|item| !item.contains('=')).count();
    if let Some(item) = items.iter_mut().find(is_key) {
        *item = format!("{key}={to}");
    } else if position < positional {
        items[position] = to.to_string();
    } else if position == positional {
        items.insert(position, to.to_string());
    } else {
        items.push(format!("{key}={to}"));
    }
    Some(format!("{name}({})", items.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantizers::Choices;

    fn parsed(text: &str) -> Result<(String, Args), String> {
        parse(text, &Context::alone(&Choices::default()))
    }

    #[test]
    fn valid_forms() {
        let (name, args) = parsed("quantized_bits(4, 0,1, alpha='auto_po2', keep_negative = True)")
            .expect("valid");
        assert_eq!(name, "quantized_bits");
        assert_eq!(args.integer("bits", 8), 4);
        assert_eq!(args.get("alpha"), Some(&Value::String("auto_po2".into())));
        assert!(args.flag("keep_negative", false));
        let (_, args) = parsed("quantized_bits(1_0,integer=1e0)").expect("valid");
        assert_eq!(
            (args.integer("bits", 8), args.integer("integer", 0)),
            (10, 1)
        );
    }

    #[test]
    fn what_qkeras_would_mangle_is_refused() {
        for text in [
            "quantized_bits(4,alpha=auto)",
            "quantized_bits(4,keep_negative=false)",
            "quantized_bits(bits=4,1)",
            "quantized_bits(4",
            "quantized_bits(4,[0,1])",
            "quantized_bits(2**3)",
            "quantized_bits(int(4))",
            "quantized_bits(4,,1)",
        ] {
            assert!(parsed(text).is_err(), "{text}");
        }
    }
}
