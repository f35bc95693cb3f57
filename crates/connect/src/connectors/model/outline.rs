//! A request for people to look at, with everything secret masked.

use gatehouse_catalogue::request::Request;
use gatehouse_types::Secret;
use serde_json::Value;
use url::form_urlencoded::byte_serialize;

use crate::connectors::wire;
use crate::oauth::ask::MASK;

/// The longest body that is shown, in characters.
const MAX_BODY: usize = 2_000;

/// A request as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outline {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
}

/// The ways in which a secret can stand in a request.
fn forms(secret: &str) -> Vec<String> {
    let encoded: String = byte_serialize(secret.as_bytes()).collect();
    let percent = encoded.replace('+', "%20");
    let json = serde_json::to_string(secret).unwrap_or_default();
    let json = json.trim_matches('"').to_owned();
    let mut all = vec![secret.to_owned(), json, encoded, percent];
    // the longest first, so that no rest of it stays
    all.sort_by_key(|form| std::cmp::Reverse(form.len()));
    all.dedup();
    all
}

/// A text without any of the secrets.
pub(crate) fn masked(text: &str, hidden: &[Secret]) -> String {
    let mut all: Vec<String> =
        hidden.iter().filter(|s| !s.is_empty()).flat_map(|s| forms(s.expose())).collect();
    all.sort_by_key(|form| std::cmp::Reverse(form.len()));
    let mut out = text.to_owned();
    for form in all {
        if out.contains(form.as_str()) {
            out = out.replace(form.as_str(), MASK);
        }
    }
    out
}

/// A text of the outside on one line and cut: first masked, so that no part of a secret stays at the cut.
pub(crate) fn shortened(text: &str, hidden: &[Secret], most: usize) -> String {
    masked(text, hidden).chars().filter(|c| !c.is_control()).take(most).collect()
}

/// JSON of the outside without any of the secrets, whatever they are values or names of.
pub(crate) fn masked_json(value: Value, hidden: &[Secret]) -> Value {
    match value {
        Value::String(text) => masked(&text, hidden).into(),
        Value::Number(number) if hidden.iter().any(|s| s.expose() == number.to_string()) => MASK.into(),
        Value::Array(items) => items.into_iter().map(|item| masked_json(item, hidden)).collect(),
        Value::Object(members) => {
            let members = members.into_iter();
            Value::Object(members.map(|(k, v)| (masked(&k, hidden), masked_json(v, hidden))).collect())
        }
        other => other,
    }
}

/// How a request looks.
pub(crate) fn outline(request: &Request, hidden: &[Secret]) -> Outline {
    let mut headers: Vec<(String, String)> =
        request.headers.iter().map(|(name, text)| (name.clone(), shown(name, text, hidden))).collect();
    let body = request.body.as_ref().map(|content| {
        headers.push(("Content-Type".to_owned(), content.media_type.clone()));
        match std::str::from_utf8(&content.bytes) {
            Ok(text) => masked(text, hidden).chars().take(MAX_BODY).collect(),
            Err(_) => format!("{} bytes", content.bytes.len()),
        }
    });
    Outline { method: wire::method(request.method), url: masked(request.url.as_str(), hidden), headers, body }
}

/// A header; a credential is masked whole, whatever it is made of.
fn shown(name: &str, text: &str, hidden: &[Secret]) -> String {
    if !name.eq_ignore_ascii_case("authorization") && !name.eq_ignore_ascii_case("cookie") {
        return masked(text, hidden);
    }
    match text.split_once(' ') {
        Some((scheme, _)) if !scheme.contains('=') => format!("{scheme} {MASK}"),
        _ => MASK.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use gatehouse_catalogue::Method;
    use gatehouse_catalogue::request::Content;
    use serde_json::json;

    use super::*;

    #[test]
    fn json_of_the_outside_holds_no_secret() {
        let value = json!({"a": ["x hush y", 1234, 7], "hush": {"b": "hush"}, "c": null});
        let masked = masked_json(value, &[Secret::new("hush"), Secret::new("1234")]);
        let expected = json!({"a": [format!("x {MASK} y"), MASK, 7], MASK: {"b": MASK}, "c": null});
        assert_eq!(masked, expected);
    }

    #[test]
    fn no_form_of_a_secret_is_shown() {
        let url: url::Url = "https://a.example/x?key=p%26ss+w%22d&y=1".parse().unwrap();
        let request = Request {
            method: Method::Post,
            base: url.clone(),
            url,
            headers: vec![
                ("Authorization".into(), "Basic cDpx".into()),
                ("X-Key".into(), "Key p&ss w\"d".into()),
                ("Cookie".into(), "SID=abc; x=y".into()),
            ],
            body: Some(Content {
                media_type: "application/json".into(),
                bytes: br#"{"k":"p&ss w\"d","n":1}"#.to_vec(),
            }),
        };
        let shown = outline(&request, &[Secret::new("p&ss w\"d")]);
        let text = format!("{shown:?}");
        assert!(!text.contains("p&ss") && !text.contains("p%26ss") && !text.contains("cDpx"), "{text}");
        assert!(!text.contains("abc"), "{text}");
        assert_eq!(shown.headers[0].1, format!("Basic {MASK}"));
        assert!(shown.url.ends_with("&y=1") && shown.body.unwrap().contains("\"n\":1"));
    }
}
