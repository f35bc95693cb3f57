//! The body of a request.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Map, Value};
use url::form_urlencoded::Serializer;

use super::query::{flatten, written};
use super::values::{Given, file, plain};
use super::{Content, RequestError};
use crate::limits::{LIST_INDEX, VALUE_DEPTH};
use crate::model::{Action, Body, BodyFormat, Parameter, ParameterPlace, ParameterType};
use crate::{Key, Pointer, Template};

/// The body that an action describes.
pub(super) fn of(action: &Action, given: &Given<'_>) -> Result<Option<Content>, RequestError> {
    let Some(body) = &action.body else { return Ok(None) };
    let (media_type, bytes) = match (&body.whole, &body.template) {
        (Some(whole), _) => {
            let Some(value) = given.get(whole.as_str()) else { return Ok(None) };
            entire(body.format, whole, value)?
        }
        (None, Some(template)) => (usual(body.format), filled(body.format, template, given)?),
        (None, None) => parts(body, given)?,
    };
    // The type of several parts names their boundary.
    let own = body.media_type.clone().filter(|_| body.format != BodyFormat::Multipart);
    let media_type = own.unwrap_or(media_type);
    Ok(Some(Content { media_type, bytes }))
}

fn usual(format: BodyFormat) -> String {
    let media_type = match format {
        BodyFormat::Json => "application/json",
        BodyFormat::Form => "application/x-www-form-urlencoded",
        BodyFormat::Multipart => "multipart/form-data",
        BodyFormat::Xml => "application/xml",
        BodyFormat::Text => "text/plain; charset=utf-8",
        BodyFormat::Bytes => "application/octet-stream",
    };
    media_type.to_owned()
}

/// One value is the body.
fn entire(format: BodyFormat, key: &Key, value: &Value) -> Result<(String, Vec<u8>), RequestError> {
    let bytes = match format {
        BodyFormat::Json => value.to_string().into_bytes(),
        BodyFormat::Xml | BodyFormat::Text => plain(value).into_bytes(),
        BodyFormat::Bytes => {
            file(value).ok_or_else(|| RequestError::value(key, "must be a file's bytes in base64"))?
        }
        BodyFormat::Form | BodyFormat::Multipart => {
            let members = value.as_object().ok_or_else(|| RequestError::value(key, "must be an object"))?;
            let mut pairs = Vec::new();
            for (name, member) in members {
                flatten(name, member, VALUE_DEPTH, &mut pairs);
            }
            if format == BodyFormat::Multipart {
                return Ok(multipart(pairs.into_iter().map(Part::text).collect()));
            }
            form(&pairs, Vec::new())
        }
    };
    Ok((usual(format), bytes))
}

/// A body put together from what every one holds and the parameters.
fn parts(body: &Body, given: &Given<'_>) -> Result<(String, Vec<u8>), RequestError> {
    let mut made = Made { whole: body.constant.clone().unwrap_or_default(), lists: BTreeSet::new() };
    let mut styled = Vec::new();
    let mut files = Vec::new();
    for (parameter, value) in given.at(ParameterPlace::Body) {
        let name = parameter.name.as_deref().unwrap_or(parameter.key.as_str());
        match body.format {
            BodyFormat::Form if parameter.style.is_some() => {
                written(name, value, parameter.style, &mut styled)
                    .map_err(|what| RequestError::value(&parameter.key, what))?;
            }
            BodyFormat::Multipart if parameter.kind == ParameterType::File => {
                files.push(Part {
                    name: name.to_owned(),
                    file: true,
                    bytes: file(value).unwrap_or_default(),
                });
            }
            _ => made.put(parameter, name, value)?,
        }
    }
    let whole = made.whole();
    let mut pairs = Vec::new();
    let members = whole.as_object().into_iter().flatten();
    let bytes = match body.format {
        BodyFormat::Form => {
            members.for_each(|(name, member)| flatten(name, member, VALUE_DEPTH, &mut pairs));
            form(&pairs, styled)
        }
        BodyFormat::Multipart => {
            let texts = members.map(|(name, member)| Part::text((name.clone(), plain(member))));
            return Ok(multipart(texts.chain(files).collect()));
        }
        _ => whole.to_string().into_bytes(),
    };
    Ok((usual(body.format), bytes))
}

/// Puts a value into a JSON body that is there already.
pub(super) fn put_at(whole: &mut Value, pointer: &Pointer, value: &Value) -> Result<(), String> {
    let mut made = Made { whole: whole.take(), lists: BTreeSet::new() };
    made.put_at(pointer, value)?;
    *whole = made.whole();
    Ok(())
}

/// A JSON body in the making.
struct Made {
    whole: Value,
    /// Lists that pointers went through: gaps in them are closed at the end.
    lists: BTreeSet<String>,
}

impl Made {
    fn put(&mut self, parameter: &Parameter, name: &str, value: &Value) -> Result<(), RequestError> {
        let done = match &parameter.pointer {
            Some(pointer) => self.put_at(pointer, value),
            None => self.put_member(name, value),
        };
        done.map_err(|what| RequestError::value(&parameter.key, what))
    }

    fn put_member(&mut self, name: &str, value: &Value) -> Result<(), String> {
        if self.whole.is_null() {
            self.whole = Value::Object(Map::new());
        }
        let members = self.whole.as_object_mut();
        let members = members.ok_or_else(|| "cannot be a member: the body is no object".to_owned())?;
        members.insert(name.to_owned(), value.clone());
        Ok(())
    }

    /// Makes what is missing on the way: digits make lists, names make objects.
    fn put_at(&mut self, pointer: &Pointer, value: &Value) -> Result<(), String> {
        let mut at = &mut self.whole;
        let mut walked = String::new();
        for token in pointer.as_str().split('/').skip(1) {
            let index = token.parse::<usize>().ok().filter(|_| token.bytes().all(|b| b.is_ascii_digit()));
            if at.is_null() {
                *at = if index.is_some() { Value::Array(Vec::new()) } else { Value::Object(Map::new()) };
            }
            at = match (at, index) {
                (Value::Object(members), _) => {
                    members.entry(token.replace("~1", "/").replace("~0", "~")).or_insert(Value::Null)
                }
                (Value::Array(items), Some(index)) if index <= LIST_INDEX => {
                    self.lists.insert(walked.clone());
                    if items.len() <= index {
                        items.resize(index + 1, Value::Null);
                    }
                    &mut items[index]
                }
                _ => return Err(format!("cannot be put at {pointer}: there is something else")),
            };
            walked.push('/');
            walked.push_str(token);
        }
        *at = value.clone();
        Ok(())
    }

    /// The body; without anything, an empty object. Inner lists are closed up before outer ones move them.
    fn whole(mut self) -> Value {
        let mut lists: Vec<&String> = self.lists.iter().collect();
        lists.sort_by_key(|pointer| std::cmp::Reverse(pointer.matches('/').count()));
        for pointer in lists {
            if let Some(Value::Array(items)) = self.whole.pointer_mut(pointer) {
                items.retain(|item| !item.is_null());
            }
        }
        if self.whole.is_null() { Value::Object(Map::new()) } else { self.whole }
    }
}

/// `application/x-www-form-urlencoded`; `written` are pairs that are encoded already.
fn form(pairs: &[(String, String)], written: Vec<String>) -> Vec<u8> {
    let mut all = Vec::new();
    if !pairs.is_empty() {
        all.push(Serializer::new(String::new()).extend_pairs(pairs).finish());
    }
    all.extend(written);
    all.join("&").into_bytes()
}

/// A text with gaps, escaped in XML. A parameter without a value fills its gap with nothing.
fn filled(format: BodyFormat, template: &Template, given: &Given<'_>) -> Result<Vec<u8>, RequestError> {
    for (parameter, value) in template.variables().filter_map(|name| given.named(name)) {
        let text = plain(value);
        if format == BodyFormat::Xml && text.chars().any(|c| !is_xml(c)) {
            return Err(RequestError::value(&parameter.key, "must be without control characters"));
        }
    }
    let lookup = |name: &str| {
        let text = given.get(name).map(plain).unwrap_or_default();
        Some(if format == BodyFormat::Xml { escaped(&text) } else { text })
    };
    let text = template.fill(lookup).map_err(|error| RequestError::Url(error.into()))?;
    Ok(text.into_bytes())
}

/// `Char` of XML 1.0.
fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r') || c >= ' ' && !matches!(c, '\u{FFFE}' | '\u{FFFF}')
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\r' => out.push_str("&#13;"),
            other => out.push(other),
        }
    }
    out
}

/// A part of `multipart/form-data`.
struct Part {
    name: String,
    file: bool,
    bytes: Vec<u8>,
}

impl Part {
    fn text((name, text): (String, String)) -> Self {
        Self { name, file: false, bytes: text.into_bytes() }
    }
}

/// RFC 7578. The boundary stands in none of the parts.
fn multipart(parts: Vec<Part>) -> (String, Vec<u8>) {
    let boundary = boundary(&parts);
    let mut body = Vec::new();
    for part in parts {
        let name = part.name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
        body.extend(format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"").into_bytes());
        if part.file {
            body.extend(
                format!("; filename=\"{name}\"\r\nContent-Type: application/octet-stream").into_bytes(),
            );
        }
        body.extend(b"\r\n\r\n");
        body.extend(part.bytes);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{boundary}--\r\n").into_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}

/// Made of the parts' digest: nobody writes a part that holds its own, so the first try is almost always the last.
fn boundary(parts: &[Part]) -> String {
    let mut salt = 0_u64;
    loop {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        parts.iter().for_each(|part| part.bytes.hash(&mut hasher));
        let boundary = format!("gatehouse-{:016x}", hasher.finish());
        if !parts.iter().any(|part| holds(&part.bytes, boundary.as_bytes())) {
            return boundary;
        }
        salt += 1;
    }
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
