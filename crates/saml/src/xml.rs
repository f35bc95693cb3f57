//! The read-only tree of a scanned message, and how names, attributes and texts are read from it.

use crate::error::{Reason, Rejection, quote};
use crate::{limits, scan};
use roxmltree::{Document, Node, ParsingOptions};

/// Namespaces of the protocols.
pub(crate) mod ns {
    pub(crate) const SAMLP: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
    pub(crate) const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
    pub(crate) const SAML1: &str = "urn:oasis:names:tc:SAML:1.0:assertion";
    pub(crate) const MD: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
    pub(crate) const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
    pub(crate) const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
    pub(crate) const XENC11: &str = "http://www.w3.org/2009/xmlenc11#";
    pub(crate) const WST13: &str = "http://docs.oasis-open.org/ws-sx/ws-trust/200512";
    pub(crate) const WST05: &str = "http://schemas.xmlsoap.org/ws/2005/02/trust";
}

/// Checks the bounds, then builds the tree.
pub(crate) fn parse(bytes: &[u8]) -> Result<Document<'_>, Rejection> {
    let text = scan::scan(bytes)?;
    tree(text)
}

/// Builds the tree of text that has passed [`scan::scan`].
pub(crate) fn tree(text: &str) -> Result<Document<'_>, Rejection> {
    // Each counted piece brings at most itself and a text behind it.
    let nodes_limit = u32::try_from(limits::ELEMENTS * 2 + 16).unwrap_or(u32::MAX);
    let options = ParsingOptions { allow_dtd: false, nodes_limit, entity_resolver: None };
    Document::parse_with_options(text, options)
        .map_err(|e| Rejection::new(Reason::NotWellFormed, format!("Not well-formed XML: {e}.")))
}

pub(crate) fn is(node: Node<'_, '_>, namespace: &str, name: &str) -> bool {
    let tag = node.tag_name();
    node.is_element() && tag.name() == name && tag.namespace() == Some(namespace)
}

pub(crate) fn elements<'a, 'i>(node: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(Node::is_element)
}

pub(crate) fn named<'a, 'i>(
    node: Node<'a, 'i>,
    namespace: &'static str,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |n| is(*n, namespace, name))
}

/// The one child of that name, `None` if there is none, a refusal if there are more.
pub(crate) fn at_most_one<'a, 'i>(
    node: Node<'a, 'i>,
    namespace: &'static str,
    name: &'static str,
) -> Result<Option<Node<'a, 'i>>, Rejection> {
    let mut found = named(node, namespace, name);
    let first = found.next();
    match found.next() {
        None => Ok(first),
        Some(_) => Err(Rejection::new(
            Reason::StructureInvalid,
            format!("<{}> has more than one <{name}>.", node.tag_name().name()),
        )),
    }
}

/// An attribute in no namespace.
pub(crate) fn attribute<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    node.attributes().find(|a| a.namespace().is_none() && a.name() == name).map(|a| a.value())
}

pub(crate) fn required_attribute<'a>(node: Node<'a, '_>, name: &str) -> Result<&'a str, Rejection> {
    attribute(node, name).ok_or_else(|| {
        Rejection::new(
            Reason::StructureInvalid,
            format!("<{}> has no attribute {name}.", node.tag_name().name()),
        )
    })
}

/// The text of an element that holds text only (rule 9): all its text put together, comments left out,
/// white space at the ends removed. An element inside is refused.
pub(crate) fn text(node: Node<'_, '_>) -> Result<String, Rejection> {
    let mut out = String::new();
    for child in node.children() {
        if child.is_element() {
            return Err(Rejection::new(
                Reason::StructureInvalid,
                format!("<{}> must hold text only, not an element.", node.tag_name().name()),
            ));
        }
        if child.is_text() {
            out.push_str(child.text().unwrap_or_default());
        }
    }
    Ok(trim(&out).to_owned())
}

/// All text below an element, for attribute values, which may hold any XML.
pub(crate) fn deep_text(node: Node<'_, '_>) -> String {
    let mut out = String::new();
    for part in node.descendants().filter(Node::is_text) {
        out.push_str(part.text().unwrap_or_default());
    }
    trim(&out).to_owned()
}

/// Removes XML white space (and no other) at both ends.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r', '\n'])
}

/// The text of an element without children but text, blanks removed: base64 in XML (rule 6).
pub(crate) fn base64_text(node: Node<'_, '_>) -> Option<Vec<u8>> {
    if node.children().any(|c| !c.is_text()) {
        return None;
    }
    let mut packed = Vec::new();
    for part in node.children() {
        packed.extend(part.text().unwrap_or_default().bytes().filter(|c| !c.is_ascii_whitespace()));
    }
    decode_base64(&packed)
}

pub(crate) fn decode_base64(packed: &[u8]) -> Option<Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(packed).ok()
}

pub(crate) fn encode_base64(bytes: impl AsRef<[u8]>) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

pub(crate) fn time(node: Node<'_, '_>, name: &str) -> Result<Option<i64>, Rejection> {
    attribute(node, name)
        .map(|value| {
            crate::time::parse(trim(value)).ok_or_else(|| {
                Rejection::new(
                    Reason::TimeMalformed,
                    format!(
                        "{name} of <{}> is {}, not a time like 2026-01-31T12:00:00Z.",
                        node.tag_name().name(),
                        quote(value)
                    ),
                )
            })
        })
        .transpose()
}
