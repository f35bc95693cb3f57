//! Filters of expressions, on JSON values. Each gives back what is bounded by what it was given.

use serde_json::{Map, Number, Value};

use super::text_of;
use crate::limits::VALUE_BYTES;

type Filter = fn(&Value, &[Value]) -> Result<Value, String>;

/// All filters.
pub(super) const FILTERS: [(&str, Filter); 17] = [
    ("default", |value, rest| Ok(if value.is_null() { one(rest)?.clone() } else { value.clone() })),
    ("first", |value, _| Ok(list(value)?.first().cloned().unwrap_or_default())),
    ("float", |value, _| number(value)),
    ("int", |value, _| rounded(value, 0)),
    ("join", join),
    ("json", |value, _| Ok(Value::String(value.to_string()))),
    ("keys", |value, _| Ok(object(value)?.keys().cloned().map(Value::String).collect())),
    ("last", |value, _| Ok(list(value)?.last().cloned().unwrap_or_default())),
    ("length", length),
    ("lower", |value, _| Ok(Value::String(text_of(value).to_lowercase()))),
    ("parse_json", |value, _| {
        serde_json::from_str(&text_of(value)).map_err(|_| "the text is no JSON".to_owned())
    }),
    ("replace", replace),
    ("round", |value, rest| rounded(value, rest.first().and_then(Value::as_i64).unwrap_or(0))),
    ("split", split),
    ("times", times),
    ("trim", |value, _| Ok(Value::String(text_of(value).trim().to_owned()))),
    ("upper", |value, _| Ok(Value::String(text_of(value).to_uppercase()))),
];

/// The tests after `is`.
pub(super) const TESTS: [&str; 4] = ["defined", "none", "string", "number"];

pub(super) fn is_filter(name: &str) -> bool {
    FILTERS.iter().any(|(known, _)| *known == name)
}

pub(super) fn names() -> String {
    FILTERS.map(|(name, _)| name).join(", ")
}

fn one(rest: &[Value]) -> Result<&Value, String> {
    rest.first().ok_or_else(|| "a value in brackets is missing".to_owned())
}

fn list(value: &Value) -> Result<&[Value], String> {
    match value {
        Value::Null => Ok(&[]),
        Value::Array(items) => Ok(items),
        _ => Err("needs a list".to_owned()),
    }
}

fn object(value: &Value) -> Result<&Map<String, Value>, String> {
    value.as_object().ok_or_else(|| "needs an object".to_owned())
}

fn join(value: &Value, rest: &[Value]) -> Result<Value, String> {
    let parts: Vec<String> = list(value)?.iter().map(text_of).collect();
    let between = rest.first().map(text_of).unwrap_or_default();
    let size = parts.iter().map(String::len).sum::<usize>() + between.len() * parts.len();
    if size > VALUE_BYTES {
        return Err(format!("the text would be longer than {VALUE_BYTES} bytes"));
    }
    Ok(Value::String(parts.join(&between)))
}

fn split(value: &Value, rest: &[Value]) -> Result<Value, String> {
    let separator = text_of(one(rest)?);
    if separator.is_empty() {
        return Err("the separator is empty".to_owned());
    }
    Ok(text_of(value).split(&separator).map(|part| Value::String(part.to_owned())).collect())
}

fn replace(value: &Value, rest: &[Value]) -> Result<Value, String> {
    let [from, to] = rest else { return Err("needs two texts in brackets".to_owned()) };
    let (text, from, to) = (text_of(value), text_of(from), text_of(to));
    if from.is_empty() {
        return Err("the text to replace is empty".to_owned());
    }
    let size = text.len() + text.matches(&from).count() * to.len();
    if size > VALUE_BYTES {
        return Err(format!("the text would be longer than {VALUE_BYTES} bytes"));
    }
    Ok(Value::String(text.replace(&from, &to)))
}

fn length(value: &Value, _: &[Value]) -> Result<Value, String> {
    Ok(Value::from(match value {
        Value::Null => 0,
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        other => text_of(other).chars().count(),
    }))
}

/// The number in a value: a number, or a text that is one.
pub(crate) fn number_in(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => {
            let text = text.trim();
            let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
            if !plain {
                return None;
            }
            if let Ok(whole) = text.parse::<i64>() {
                return Some(whole.into());
            }
            text.parse::<f64>().ok().and_then(Number::from_f64)
        }
        _ => None,
    }
}

fn number(value: &Value) -> Result<Value, String> {
    number_in(value).map(Value::Number).ok_or_else(|| "needs a number".to_owned())
}

fn real(value: &Value) -> Result<f64, String> {
    number_in(value).and_then(|number| number.as_f64()).ok_or_else(|| "needs a number".to_owned())
}

fn from_real(value: f64) -> Result<Value, String> {
    #[expect(clippy::cast_possible_truncation, reason = "whole, and within what a double says exactly")]
    if value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0 {
        return Ok(Value::from(value as i64));
    }
    Number::from_f64(value).map(Value::Number).ok_or_else(|| "the number is too large".to_owned())
}

fn rounded(value: &Value, digits: i64) -> Result<Value, String> {
    if let Some(whole) = number_in(value).filter(|number| !number.is_f64()) {
        return Ok(Value::Number(whole));
    }
    let factor = 10_f64.powi(i32::try_from(digits.clamp(0, 12)).unwrap_or(0));
    from_real((real(value)? * factor).round() / factor)
}

fn times(value: &Value, rest: &[Value]) -> Result<Value, String> {
    let other = one(rest)?;
    let whole = |value: &Value| number_in(value).and_then(|number| number.as_i64());
    if let (Some(a), Some(b)) = (whole(value), whole(other)) {
        return a.checked_mul(b).map(Value::from).ok_or_else(|| "the number is too large".to_owned());
    }
    from_real(real(value)? * real(other)?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn by(name: &str, value: Value, rest: &[Value]) -> Result<Value, String> {
        FILTERS.iter().find(|(known, _)| *known == name).unwrap().1(&value, rest)
    }

    #[test]
    fn each_filter_does_what_it_says() {
        for (name, value, rest, expected) in [
            ("default", json!(null), vec![json!("x")], json!("x")),
            ("default", json!(""), vec![json!("x")], json!("")),
            ("first", json!([1, 2]), vec![], json!(1)),
            ("last", json!([1, 2]), vec![], json!(2)),
            ("last", json!(null), vec![], json!(null)),
            ("float", json!("1.5"), vec![], json!(1.5)),
            ("int", json!("41.7"), vec![], json!(42)),
            ("join", json!(["a", 1]), vec![json!(", ")], json!("a, 1")),
            ("json", json!({"a": "\""}), vec![], json!("{\"a\":\"\\\"\"}")),
            ("keys", json!({"b": 1, "a": 2}), vec![], json!(["a", "b"])),
            ("length", json!("häh"), vec![], json!(3)),
            ("lower", json!("ÄB"), vec![], json!("äb")),
            ("upper", json!("äb"), vec![], json!("ÄB")),
            ("trim", json!(" a "), vec![], json!("a")),
            ("parse_json", json!("[1]"), vec![], json!([1])),
            ("replace", json!("a-b"), vec![json!("-"), json!("+")], json!("a+b")),
            ("round", json!(1.256), vec![json!(2)], json!(1.26)),
            ("split", json!("a,b"), vec![json!(",")], json!(["a", "b"])),
            ("times", json!(3), vec![json!("4")], json!(12)),
            ("times", json!(1.5), vec![json!(2)], json!(3)),
        ] {
            assert_eq!(by(name, value.clone(), &rest), Ok(expected), "{value} | {name}");
        }
    }

    #[test]
    fn no_filter_makes_much_of_little() {
        let long = json!("a".repeat(2000));
        assert!(by("replace", long.clone(), &[json!("a"), long.clone()]).is_err());
        assert!(by("join", json!(vec![""; 2000]), &[long]).is_err());
        assert!(by("times", json!(i64::MAX), &[json!(2)]).is_err());
        assert!(by("float", json!("inf"), &[]).is_err());
        assert!(by("split", json!("a"), &[json!("")]).is_err());
    }
}
