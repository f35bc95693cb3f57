//! Values in the query.

use serde_json::Value;
use url::Url;

use super::RequestError;
use super::values::{Given, plain};
use crate::limits::VALUE_DEPTH;
use crate::model::{Action, ParameterPlace, ParameterStyle};
use crate::url_template::encode;

/// Adds the query parameters, and the size of a page that the action asks for.
pub(super) fn add(url: &mut Url, action: &Action, given: &Given<'_>) -> Result<(), RequestError> {
    let mut pairs = Vec::new();
    for (parameter, value) in given.at(ParameterPlace::Query) {
        let name = parameter.name.as_deref().unwrap_or(parameter.key.as_str());
        written(name, value, parameter.style, &mut pairs)
            .map_err(|what| RequestError::value(&parameter.key, what))?;
    }
    if let Some(paging) = &action.paging
        && let (Some(name), Some(size)) = (&paging.size_parameter, paging.size)
        && !pairs.iter().any(|pair| pair.split('=').next() == Some(encoded_name(name).as_str()))
    {
        pairs.push(format!("{}={size}", encoded_name(name)));
    }
    if !pairs.is_empty() {
        let before = url.query().filter(|query| !query.is_empty()).map(|query| format!("{query}&"));
        url.set_query(Some(&format!("{}{}", before.unwrap_or_default(), pairs.join("&"))));
    }
    Ok(())
}

/// Takes a parameter out of the query and adds it with another value.
pub(super) fn replace(url: &mut Url, name: &str, value: &str) {
    let named = |pair: &&str| {
        let found = url::form_urlencoded::parse(pair.as_bytes()).next();
        found.is_some_and(|(found, _)| found == name)
    };
    let query = url.query().unwrap_or_default().to_owned();
    let kept = query.split('&').filter(|pair| !pair.is_empty() && !named(pair));
    let pair = format!("{}={}", encoded_name(name), encoded(value));
    let pairs: Vec<&str> = kept.chain([pair.as_str()]).collect();
    url.set_query(Some(&pairs.join("&")));
}

/// The pairs of one parameter, encoded.
pub(super) fn written(
    name: &str,
    value: &Value,
    style: Option<ParameterStyle>,
    pairs: &mut Vec<String>,
) -> Result<(), &'static str> {
    let encoded_name = encoded_name(name);
    match (value, style) {
        (Value::Array(items), None | Some(ParameterStyle::Repeat)) => {
            for item in items {
                pairs.push(format!("{encoded_name}={}", encoded(scalar(item)?.as_str())));
            }
        }
        (Value::Array(items), Some(ParameterStyle::Brackets)) => {
            for item in items {
                pairs.push(format!("{encoded_name}[]={}", encoded(scalar(item)?.as_str())));
            }
        }
        (Value::Array(items), Some(style)) => {
            let separator = match style {
                ParameterStyle::Space => "%20",
                ParameterStyle::Pipe => "%7C",
                _ => ",",
            };
            let texts: Result<Vec<String>, _> =
                items.iter().map(|item| scalar(item).map(|text| encoded(&text))).collect();
            pairs.push(format!("{encoded_name}={}", texts?.join(separator)));
        }
        (Value::Object(_), Some(ParameterStyle::Brackets)) => {
            let mut flat = Vec::new();
            flatten(name, value, VALUE_DEPTH, &mut flat);
            pairs.extend(
                flat.iter().map(|(name, text)| format!("{}={}", self::encoded_name(name), encoded(text))),
            );
        }
        (value, _) => pairs.push(format!("{encoded_name}={}", encoded(&plain(value)))),
    }
    Ok(())
}

/// A list with separators, or a single value; for path and headers.
pub(super) fn joined(value: &Value, separator: &str) -> Result<String, &'static str> {
    match value {
        Value::Array(items) => {
            let texts: Result<Vec<String>, _> = items.iter().map(scalar).collect();
            Ok(texts?.join(separator))
        }
        single => scalar(single),
    }
}

/// Members and elements with brackets: `a[b]=c`, `a[0]=c`. `null` and what is nested deeper than `left` is left out.
pub(super) fn flatten(name: &str, value: &Value, left: usize, pairs: &mut Vec<(String, String)>) {
    match value {
        Value::Null => {}
        Value::Array(_) | Value::Object(_) if left == 0 => {}
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                flatten(&format!("{name}[{index}]"), item, left - 1, pairs);
            }
        }
        Value::Object(members) => {
            for (member, item) in members {
                flatten(&format!("{name}[{member}]"), item, left - 1, pairs);
            }
        }
        single => pairs.push((name.to_owned(), plain(single))),
    }
}

fn scalar(value: &Value) -> Result<String, &'static str> {
    match value {
        Value::Array(_) | Value::Object(_) | Value::Null => {
            Err("must hold texts, numbers, true and false alone")
        }
        single => Ok(plain(single)),
    }
}

fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    encode(text, &mut out);
    out
}

/// Names come from the definition; what is usual in them (`$filter`, `page[size]`) stays readable.
fn encoded_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for piece in name.split_inclusive(['$', '[', ']', ':']) {
        let plain = piece.trim_end_matches(['$', '[', ']', ':']);
        encode(plain, &mut out);
        out.push_str(&piece[plain.len()..]);
    }
    out
}
