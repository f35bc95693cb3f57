//! Reading the request of an API node.

use super::kinds::{retry, timeout};
use super::model::{Api, Body, CustomText, Method, Request};
use super::reader::Reader;
use crate::limits;
use crate::template::{JsonText, Text, Tree, UrlText, XmlText};

/// Headers that whoever sends the request writes.
const OURS: [&str; 5] = ["host", "content-length", "transfer-encoding", "connection", "idempotency-key"];

pub(super) fn api(reader: &mut Reader<'_, '_>) -> Option<Api> {
    reader.required("request");
    let request = reader.child("request").and_then(|mut child| {
        let request = request(&mut child);
        child.done();
        request
    });
    let repeatable = request.as_ref().is_some_and(|request| request.method.repeatable());
    let usual = if repeatable { limits::RETRIES_DEFAULT } else { 0 };
    let (timeout_seconds, retry) = (timeout(reader), retry(reader, usual));
    Some(Api { request: request?, timeout_seconds, retry })
}

fn request(reader: &mut Reader<'_, '_>) -> Option<Request> {
    reader.required("method");
    let method = reader.choice("method", &Method::ALL);
    let url = reader.required_text("url", limits::URL_CHARS);
    let url = url.and_then(|url| UrlText::read(&url).map_err(|wrong| reader.wrong("url", wrong)).ok());
    let headers = headers(reader);
    let body = match reader.get("body") {
        None => Some(Body::None),
        Some(_) => reader.child("body").and_then(|mut child| {
            let body = body(&mut child);
            child.done();
            body
        }),
    };
    let auth_profile_id = reader.text("authProfileId", limits::LABEL_CHARS);
    let (method, url, body) = (method?, url?, body?);
    if method == Method::Get && body != Body::None {
        reader.problem("body", "bad_body", "a GET request has none; its type is none");
    }
    if url.free() && auth_profile_id.is_some() {
        let say = "begins with an expression, and the authorization profile would go wherever it leads; write the host";
        reader.problem("url", "bad_url", say);
    }
    Some(Request { method, url, headers: headers?, body, auth_profile_id })
}

fn headers(reader: &mut Reader<'_, '_>) -> Option<Vec<(String, Text)>> {
    let Some(mut child) = reader.child("headers") else { return Some(Vec::new()) };
    let names: Vec<&str> = child.names().collect();
    if names.len() > limits::HEADERS {
        child.problem("", "too_many", format!("has more than {} headers", limits::HEADERS));
        return None;
    }
    let mut headers = Vec::new();
    for name in &names {
        let lower = name.to_ascii_lowercase();
        if !is_token(name) || name.len() > limits::LABEL_CHARS {
            child.problem(name, "bad_header", "is no name of a header");
        } else if OURS.contains(&lower.as_str()) {
            child.problem(name, "bad_header", "is written by whoever sends the request");
        } else if headers.iter().any(|(other, _): &(String, Text)| other.eq_ignore_ascii_case(name)) {
            child.problem(name, "bad_header", "is there twice");
        } else if let Some(text) = header(&mut child, name) {
            headers.push(((*name).to_owned(), text));
        }
    }
    (headers.len() == names.len()).then_some(headers)
}

fn header(reader: &mut Reader<'_, '_>, name: &str) -> Option<Text> {
    let Some(text) = reader.member(name).and_then(serde_json::Value::as_str) else {
        reader.problem(name, "wrong_type", "a text is needed");
        return None;
    };
    if text.chars().count() > limits::HEADER_CHARS {
        reader.problem(name, "too_long", format!("is longer than {} characters", limits::HEADER_CHARS));
        return None;
    }
    if text.chars().any(|character| character.is_control() && character != '\t') {
        reader.problem(name, "bad_header", "has a line break or another control character");
        return None;
    }
    Text::read(text).map_err(|wrong| reader.wrong(name, wrong)).ok()
}

/// A token of RFC 9110 §5.6.2.
fn is_token(name: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(token)
}

fn body(reader: &mut Reader<'_, '_>) -> Option<Body> {
    reader.required("type");
    let kinds = ["none", "form", "json", "xml", "custom"].map(|word| (word, word));
    let Some(kind) = reader.choice("type", &kinds) else {
        reader.any();
        return None;
    };
    match kind {
        "form" => form(reader),
        "json" => json(reader),
        "xml" => {
            let source = source(reader)?;
            XmlText::read(&source).map(Body::Xml).map_err(|wrong| reader.wrong("value", wrong)).ok()
        }
        "custom" => custom(reader),
        _ => {
            if reader.get("value").is_some_and(|value| !value.is_null()) {
                reader.problem("value", "misplaced", "belongs to another type than none");
            }
            Some(Body::None)
        }
    }
}

fn source(reader: &mut Reader<'_, '_>) -> Option<String> {
    reader.required_text("value", limits::BODY_CHARS)
}

fn form(reader: &mut Reader<'_, '_>) -> Option<Body> {
    let value = reader.required("value")?;
    if value.is_string() {
        return reader.template("value", limits::BODY_CHARS).map(Body::FormText);
    }
    match reader.object("value")? {
        Tree::Object(members) => Some(Body::Form(members.into_iter().collect())),
        _ => None,
    }
}

fn json(reader: &mut Reader<'_, '_>) -> Option<Body> {
    match reader.required("value")?.as_str() {
        None => reader.tree("value").map(Body::Json),
        Some(source) => {
            JsonText::read(source).map(Body::JsonText).map_err(|wrong| reader.wrong("value", wrong)).ok()
        }
    }
}

/// A body under a content type of the builder's choice; one that is JSON, XML or a form is treated as that.
fn custom(reader: &mut Reader<'_, '_>) -> Option<Body> {
    let content_type =
        reader.text("contentType", limits::LABEL_CHARS).unwrap_or_else(|| "text/plain".to_owned());
    let source = source(reader)?;
    if content_type.chars().any(char::is_control) || !content_type.contains('/') {
        reader.problem("contentType", "bad_body", "is no content type such as text/csv");
        return None;
    }
    let text = match syntax(&content_type) {
        Syntax::Json => JsonText::read(&source).map(CustomText::Json),
        Syntax::Xml => XmlText::read(&source).map(CustomText::Xml),
        Syntax::Form => Text::read(&source).map(CustomText::Form),
        Syntax::Plain => Text::read(&source).map(CustomText::Plain),
    };
    let text = text.map_err(|wrong| reader.wrong("value", wrong)).ok()?;
    Some(Body::Custom { content_type, text })
}

enum Syntax {
    Json,
    Xml,
    Form,
    Plain,
}

fn syntax(content_type: &str) -> Syntax {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence == "application/x-www-form-urlencoded" {
        Syntax::Form
    } else if essence.ends_with("/json") || essence.ends_with("+json") {
        Syntax::Json
    } else if essence.ends_with("/xml") || essence.ends_with("+xml") {
        Syntax::Xml
    } else {
        Syntax::Plain
    }
}
