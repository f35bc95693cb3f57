//! Where the product is: `servers`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::LeftOut;
use super::document::{Document, Node};
use super::fields::{OURS, field, of_kind};
use super::names::{escaped, label, new_key};
use crate::limits::{CHOICES, FIELDS, NAME_BYTES, SERVERS, TEMPLATE_BYTES};
use crate::model::{Field, FieldType};
use crate::url_template::{is_host, is_label};
use crate::{Key, UrlTemplate};

/// The addresses of a document, and the fields that fill them.
pub(super) struct Servers<'a> {
    document: &'a Document<'a>,
    /// What paths are added to.
    pub base: UrlTemplate,
    /// Asked of whoever connects.
    pub fields: Vec<Field>,
    /// Servers of single operations.
    others: Vec<(&'a Value, Key, UrlTemplate)>,
}

/// A piece of an address or path: text, or the name of a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Text(&'a str),
    Gap(&'a str),
}

/// The pieces between braces; `None` where a brace has no counterpart.
pub(super) fn pieces(text: &str) -> Option<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (before, after) = rest.split_at(at);
        let (name, after) = after[1..].split_once('}')?;
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        pieces.push(Piece::Gap(name));
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    let fine = pieces.iter().all(|piece| match piece {
        Piece::Text(text) => !text.contains('}'),
        Piece::Gap(name) => !name.is_empty() && !name.contains('{'),
    });
    fine.then_some(pieces)
}

impl<'a> Servers<'a> {
    /// The first server with an address that can be called. Without any, the address is asked for.
    pub(super) fn new(document: &'a Document<'a>) -> Result<Self, LeftOut> {
        let root = document.root();
        let listed = root.list("servers");
        let mut fields = Vec::new();
        let mut refused = None;
        for (index, node) in listed.iter().enumerate() {
            match address(node, &mut fields) {
                Ok(base) => {
                    for unused in &listed[index + 1..] {
                        document.leave_out(unused, "another server: the first that can be called is used");
                    }
                    return Ok(Self { document, base, fields, others: Vec::new() });
                }
                Err(why) => {
                    document.note(why.clone());
                    refused.get_or_insert(why);
                }
            }
        }
        match refused {
            Some(why) => Err(why),
            None => {
                let base = relative(&root.absent("servers"), "", &mut fields)?;
                Ok(Self { document, base, fields, others: Vec::new() })
            }
        }
    }

    /// The base of an operation with servers of its own.
    pub(super) fn of_operation(
        &mut self,
        item: &Node<'a>,
        operation: &Node<'a>,
    ) -> Result<Option<Key>, LeftOut> {
        let own = operation.list("servers");
        let listed = if own.is_empty() { item.list("servers") } else { own };
        let mut refused = None;
        for node in &listed {
            if let Some((_, key, _)) = self.others.iter().find(|(value, ..)| *value == node.value) {
                return Ok(Some(key.clone()));
            }
            let mut fields = self.fields.clone();
            match address(node, &mut fields) {
                Ok(url) if url == self.base => return Ok(None),
                Ok(_) if self.others.len() >= SERVERS => {
                    return Err(node.refused(format!("more than {SERVERS} servers beside the first")));
                }
                Ok(url) => {
                    let taken = |key: &str| self.others.iter().any(|(_, other, _)| other.as_str() == key);
                    let key = new_key("server", "server", taken);
                    self.fields = fields;
                    self.others.push((node.value, key.clone(), url));
                    return Ok(Some(key));
                }
                Err(why) => {
                    self.document.note(why.clone());
                    refused.get_or_insert(why);
                }
            }
        }
        refused.map_or(Ok(None), Err)
    }

    pub(super) fn bases(&self) -> BTreeMap<Key, UrlTemplate> {
        self.others.iter().map(|(_, key, url)| (key.clone(), url.clone())).collect()
    }

    /// The base of an operation.
    pub(super) fn base_of(&self, key: Option<&Key>) -> &UrlTemplate {
        let named = self.others.iter().find(|(_, other, _)| Some(other) == key);
        named.map_or(&self.base, |(_, _, url)| url)
    }

    /// Scheme and host of the first server as they are written, with their gaps: what `/path` is relative to.
    pub(super) fn origin(&self) -> &str {
        let source = self.base.source();
        let host = source.strip_prefix("https://").map_or(0, |_| "https://".len());
        let end = source[host..].find('/').map_or(source.len(), |at| host + at);
        &source[..end]
    }

    /// The address of the first server's host, if defaults are enough to know it.
    pub(super) fn known_host(&self) -> Option<String> {
        let filled = self.base.fill(|name| {
            let field = self.fields.iter().find(|field| field.key.as_str() == name)?;
            field.default.clone().or_else(|| field.choices.keys().next().cloned())
        });
        filled.ok().map(|url| url.origin().ascii_serialization())
    }
}

/// The address of a server. Its variables become fields; a field that is there with the same meaning is used again.
fn address(node: &Node<'_>, fields: &mut Vec<Field>) -> Result<UrlTemplate, LeftOut> {
    let at = node.absent("url");
    let text = node.text("url").ok_or_else(|| at.refused("there is no address"))?.trim();
    if text.len() > TEMPLATE_BYTES {
        return Err(at.refused(format!("the address is longer than {TEMPLATE_BYTES} bytes")));
    }
    let pieces = pieces(text).ok_or_else(|| at.refused("a brace in the address has no counterpart"))?;
    let mut made = fields.clone();
    let url = match pieces.as_slice() {
        [] => relative(&at, "", &mut made)?,
        [Piece::Text(text), rest @ ..] if text.starts_with('/') && !text.starts_with("//") => {
            let tail =
                Tail { node, host: false }.source(&[&[Piece::Text(text)][..], rest].concat(), &mut made)?;
            relative(&at, &tail, &mut made)?
        }
        [Piece::Text(text), rest @ ..] => {
            let text = without_scheme(text).ok_or_else(|| at.refused(NOT_HTTPS))?;
            let tail =
                Tail { node, host: true }.source(&[&[Piece::Text(text)][..], rest].concat(), &mut made)?;
            parsed(&at, &format!("https://{tail}"))?
        }
        [Piece::Gap(scheme), Piece::Text(text), rest @ ..] if text.starts_with("://") => {
            if !variable(node, scheme).values.contains(&"https") {
                return Err(at.refused(NOT_HTTPS));
            }
            let text = text.trim_start_matches("://");
            let tail =
                Tail { node, host: true }.source(&[&[Piece::Text(text)][..], rest].concat(), &mut made)?;
            parsed(&at, &format!("https://{tail}"))?
        }
        [Piece::Gap(whole), rest @ ..] => {
            if matches!(rest.first(), Some(Piece::Gap(_)))
                || matches!(rest.first(), Some(Piece::Text(text)) if !text.starts_with('/'))
            {
                return Err(at.refused(NOT_HTTPS));
            }
            let tail = Tail { node, host: false }.source(rest, &mut made)?;
            let known = variable(node, whole);
            let new = of_kind(blank(&at, whole)?, FieldType::Url, known.default, known.help);
            let key = added(new, &mut made);
            parsed(&at, &format!("{{{key}}}{tail}"))?
        }
    };
    if made.len() > FIELDS {
        return Err(at.refused(format!("more than {FIELDS} variables")));
    }
    *fields = made;
    Ok(url)
}

const NOT_HTTPS: &str = "is not an address that begins with https://, and connectors call no other";

fn without_scheme(text: &str) -> Option<&str> {
    let rest = match text.get(..8) {
        Some(scheme) if scheme.eq_ignore_ascii_case("https://") => &text[8..],
        _ => text.strip_prefix("//")?,
    };
    Some(rest)
}

fn parsed(at: &Node<'_>, source: &str) -> Result<UrlTemplate, LeftOut> {
    let source = source.trim_end_matches('/');
    let url = UrlTemplate::parse(source).map_err(|error| at.refused(error.to_string()))?;
    if source.contains('?') {
        return Err(at.refused("the address has a query; paths are added to it"));
    }
    Ok(url)
}

/// An address that the document does not tell: it is asked for.
fn relative(at: &Node<'_>, path: &str, fields: &mut Vec<Field>) -> Result<UrlTemplate, LeftOut> {
    let help = "Where the product is: https:// and its host, without the path of the API.";
    let new = of_kind(field(at, "site_url", "Address", false)?, FieldType::Url, None, Some(help));
    let key = added(new, fields);
    parsed(at, &format!("{{{key}}}{path}"))
}

/// What stands behind the scheme.
struct Tail<'n, 'a> {
    node: &'n Node<'a>,
    /// Whether it begins with the host.
    host: bool,
}

impl Tail<'_, '_> {
    fn source(&self, pieces: &[Piece<'_>], fields: &mut Vec<Field>) -> Result<String, LeftOut> {
        let mut source = String::new();
        let mut in_host = self.host;
        let mut met: Vec<(&str, String)> = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            let name = match piece {
                Piece::Text(text) => {
                    in_host &= !text.contains(['/', '?', '#']);
                    source.push_str(text);
                    continue;
                }
                Piece::Gap(name) => *name,
            };
            if let Some((_, written)) = met.iter().find(|(known, _)| *known == name) {
                source.push_str(written);
                continue;
            }
            let whole = in_host
                && source.is_empty()
                && !matches!(pieces.get(index + 1), Some(Piece::Gap(_)))
                && !matches!(pieces.get(index + 1), Some(Piece::Text(text)) if text.starts_with('.'));
            let port = in_host && source.ends_with(':');
            let written = self.gap(name, in_host, whole, port, fields)?;
            source.push_str(&written);
            met.push((name, written));
        }
        Ok(source)
    }

    /// A gap for a field, or the default where no value can be chosen.
    fn gap(
        &self,
        name: &str,
        in_host: bool,
        whole: bool,
        port: bool,
        fields: &mut Vec<Field>,
    ) -> Result<String, LeftOut> {
        let known = variable(self.node, name);
        let fits = |value: &&str| {
            if in_host { is_host(value) } else { !value.contains('/') && !matches!(*value, "" | "." | "..") }
        };
        let at = self.node.absent("url");
        let fixed = port
            || !known.choices.iter().all(&fits)
            || !in_host && known.default.is_some_and(|default| !fits(&default));
        if fixed {
            let default = known.default.ok_or_else(|| {
                at.refused(format!("the values of {{{}}} do not fit where it stands", label(name)))
            })?;
            return Ok(escaped(default));
        }
        let kind = match (in_host, known.choices.is_empty(), known.default) {
            (_, false, _) => FieldType::Choice,
            (false, ..) => FieldType::Text,
            (true, _, Some(default)) if !default.is_empty() && !is_label(default) => FieldType::Host,
            (true, ..) if whole => FieldType::Host,
            (true, ..) => FieldType::HostLabel,
        };
        let mut new = blank(&at, name)?;
        new.choices = known.choices.iter().map(|value| ((*value).to_owned(), (*value).to_owned())).collect();
        let key = added(of_kind(new, kind, known.default, known.help), fields);
        Ok(format!("{{{key}}}"))
    }
}

fn blank(at: &Node<'_>, name: &str) -> Result<Field, LeftOut> {
    let key = new_key(name, "server", |key| OURS.contains(&key));
    field(at, key.as_str(), &label(name), false)
}

/// Adds a field, unless the same is there; another with its key makes it have a number.
fn added(mut new: Field, fields: &mut Vec<Field>) -> Key {
    if let Some(same) = fields.iter().find(|field| **field == new) {
        return same.key.clone();
    }
    let taken = |key: &str| OURS.contains(&key) || fields.iter().any(|field| field.key.as_str() == key);
    new.key = new_key(new.key.as_str(), "server", taken);
    let key = new.key.clone();
    fields.push(new);
    key
}

/// What a document says of a variable of a server.
#[derive(Default)]
struct Variable<'a> {
    default: Option<&'a str>,
    choices: Vec<&'a str>,
    /// Default and choices.
    values: Vec<&'a str>,
    help: Option<&'a str>,
}

fn variable<'a>(node: &Node<'a>, name: &str) -> Variable<'a> {
    let Some(node) = node.get("variables").and_then(|variables| variables.get(name)) else {
        return Variable::default();
    };
    let choices = node.list("enum");
    let texts = choices.iter().filter_map(|choice| choice.value.as_str());
    let choices: Vec<&str> = texts.filter(|text| text.len() <= NAME_BYTES * 4).take(CHOICES).collect();
    let default = node.text("default");
    let values = choices.iter().copied().chain(default).collect();
    Variable { default, choices, values, help: node.text("description") }
}
