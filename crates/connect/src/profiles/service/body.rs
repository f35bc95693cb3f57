//! Bodies of requests through a profile: members are put into what is JSON or a form.

use gatehouse_outbound::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use gatehouse_types::{Error, Result};
use serde_json::{Map, Value};

/// The body with members put into it.
///
/// # Errors
/// `Validation` for one that has no place for them.
pub(super) fn write(
    body: Option<&Value>,
    fields: &[(&str, String)],
    headers: &mut HeaderMap,
) -> Result<Vec<u8>> {
    let kind = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_form = kind == "application/x-www-form-urlencoded";
    let is_json = kind == "application/json" || kind.ends_with("+json");
    let mut default_kind = |kind: &'static str| {
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(kind));
    };
    match body {
        None if fields.is_empty() => Ok(Vec::new()),
        Some(Value::Object(object)) if is_form => Ok(form(object, fields).into_bytes()),
        None if is_form => Ok(form(&Map::new(), fields).into_bytes()),
        Some(Value::String(text)) if is_form => {
            let more = form(&Map::new(), fields);
            let join = if text.is_empty() || more.is_empty() { "" } else { "&" };
            Ok(format!("{text}{join}{more}").into_bytes())
        }
        Some(Value::String(text)) if fields.is_empty() => {
            default_kind("text/plain; charset=utf-8");
            Ok(text.clone().into_bytes())
        }
        Some(Value::String(text)) if is_json => {
            let object = serde_json::from_str::<Map<String, Value>>(text).map_err(|_| no_place())?;
            Ok(json(object, fields))
        }
        None | Some(Value::Object(_)) => {
            default_kind("application/json");
            let object = body.and_then(Value::as_object).cloned().unwrap_or_default();
            Ok(json(object, fields))
        }
        Some(other) if fields.is_empty() => {
            default_kind("application/json");
            Ok(other.to_string().into_bytes())
        }
        Some(_) => Err(no_place()),
    }
}

fn no_place() -> Error {
    Error::validation(
        "body",
        "The profile puts fields into the body, which must be a JSON object or a form for that.",
    )
}

fn json(mut object: Map<String, Value>, fields: &[(&str, String)]) -> Vec<u8> {
    object.extend(fields.iter().map(|(key, value)| ((*key).to_owned(), Value::String(value.clone()))));
    Value::Object(object).to_string().into_bytes()
}

fn form(object: &Map<String, Value>, fields: &[(&str, String)]) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for (key, value) in object {
        match value {
            Value::String(text) => form.append_pair(key, text),
            other => form.append_pair(key, &other.to_string()),
        };
    }
    form.extend_pairs(fields).finish()
}
