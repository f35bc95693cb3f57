//! How large values are.

use serde_json::{Value, json as object};

use crate::limits::{OUTPUT_BYTES, OUTPUT_DEPTH};

/// About how many bytes the JSON of a value has: quotes and separators are counted, escapes are not.
pub(crate) fn json(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(|item| json(item) + 1).sum::<usize>() + 2,
        Value::Object(members) => {
            members.iter().map(|(name, member)| name.len() + 4 + json(member)).sum::<usize>() + 2
        }
    }
}

/// How often `{{` stands in the texts of a value.
pub(crate) fn openings(value: &Value) -> usize {
    match value {
        Value::String(text) => text.matches("{{").count(),
        Value::Array(items) => items.iter().map(openings).sum(),
        Value::Object(members) => members.values().map(openings).sum(),
        _ => 0,
    }
}

/// How deep lists and objects are nested.
pub(crate) fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// A message of at most the kept length.
pub(crate) fn message(text: &str) -> String {
    text.chars().take(crate::limits::MESSAGE_CHARS).collect()
}

/// The answer of a step that failed, no larger than any output: else its body is left out, and with it its headers.
pub(crate) fn answer(value: &Value) -> Option<Value> {
    let fits = |value: &Value| json(value) <= OUTPUT_BYTES && depth(value) <= OUTPUT_DEPTH;
    let status = value.get("status");
    let shorter =
        |headers| object!({"status": status, "headers": headers, "body": null, "bodyLeftOut": true});
    let candidates = [value.clone(), shorter(value.get("headers")), shorter(None)];
    candidates.into_iter().find(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_too_large_keeps_its_status() {
        let small = object!({"status": 404, "headers": {"a": "b"}, "body": {"code": 1}});
        assert_eq!(answer(&small), Some(small));
        let large = "x".repeat(OUTPUT_BYTES);
        let told = answer(&object!({"status": 404, "headers": {"a": "b"}, "body": large}));
        let left = object!({"status": 404, "headers": {"a": "b"}, "body": null, "bodyLeftOut": true});
        assert_eq!(told, Some(left));
        let told = answer(&object!({"status": 404, "headers": {"a": large}, "body": "x"}));
        assert_eq!(told, Some(object!({"status": 404, "headers": null, "body": null, "bodyLeftOut": true})));
    }
}
