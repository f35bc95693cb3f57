//! How large values are.

use serde_json::Value;

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
