//! Exclusive XML Canonicalization 1.0 without comments (<https://www.w3.org/TR/xml-exc-c14n/>) of one element
//! of the tree, leaving out at most one child element: the profile that rule 7 needs, and no more.

use crate::error::{Reason, Rejection};
use crate::limits;
use roxmltree::{Attribute, Node};

/// The canonical form of `apex` and everything below it except `omit`.
///
/// `inclusive` are the prefixes of an `InclusiveNamespaces` list, the default namespace as the empty string.
/// Recursion is bounded by [`limits::DEPTH`], the result by [`limits::CANONICAL_BYTES`].
pub(crate) fn canonicalize<'a>(
    apex: Node<'a, '_>,
    omit: Option<Node<'_, '_>>,
    inclusive: &[&'a str],
) -> Result<Vec<u8>, Rejection> {
    let mut writer = Writer {
        out: Vec::with_capacity(apex.range().len() + 256),
        rendered: Vec::with_capacity(16),
        omit: omit.map(|n| n.id()),
        inclusive,
        source: apex.document().input_text(),
    };
    writer.element(apex)?;
    Ok(writer.out)
}

struct Writer<'a, 'p> {
    out: Vec<u8>,
    /// Namespace declarations written by the open ancestors, innermost last.
    rendered: Vec<(&'a str, &'a str)>,
    omit: Option<roxmltree::NodeId>,
    inclusive: &'p [&'a str],
    source: &'a str,
}

impl<'a> Writer<'a, '_> {
    fn element(&mut self, node: Node<'a, '_>) -> Result<(), Rejection> {
        let start = node.range().start + 1;
        let length =
            self.source[start..].find([' ', '\t', '\r', '\n', '/', '>']).unwrap_or(self.source.len() - start);
        let qname = &self.source[start..start + length];
        let mark = self.rendered.len();

        self.out.push(b'<');
        self.out.extend_from_slice(qname.as_bytes());
        self.namespaces(node, prefix(qname));
        self.attributes(node);
        self.out.push(b'>');
        for child in node.children() {
            if child.is_element() {
                if Some(child.id()) != self.omit {
                    self.element(child)?;
                }
            } else if child.is_text() {
                escape_text(child.text().unwrap_or_default(), &mut self.out);
            }
        }
        self.out.extend_from_slice(b"</");
        self.out.extend_from_slice(qname.as_bytes());
        self.out.push(b'>');
        self.rendered.truncate(mark);

        if self.out.len() > limits::CANONICAL_BYTES {
            return Err(Rejection::new(
                Reason::CanonicalFormTooLarge,
                format!("The canonical form has more than {} bytes.", limits::CANONICAL_BYTES),
            ));
        }
        Ok(())
    }

    /// Writes the declarations that are visibly used here, or listed as inclusive, and not yet written
    /// with this value by an ancestor (§3, rules 3 and 4), sorted by prefix.
    fn namespaces(&mut self, node: Node<'a, '_>, own: &'a str) {
        let mut used: Vec<&'a str> = Vec::with_capacity(8);
        used.push(own);
        for attribute in node.attributes() {
            let p = prefix(&self.source[attribute.range_qname()]);
            if !p.is_empty() {
                used.push(p);
            }
        }
        used.extend_from_slice(self.inclusive);
        used.sort_unstable();
        used.dedup();
        for p in used {
            if p == "xml" {
                continue;
            }
            let in_scope = node.namespaces().find(|n| n.name().unwrap_or_default() == p).map(|n| n.uri());
            let written = self.rendered.iter().rev().find(|(name, _)| *name == p).map(|(_, uri)| *uri);
            // An absent default namespace is worth a declaration only to cancel one; an absent prefix never.
            let Some(uri) = in_scope.or(p.is_empty().then_some("")) else { continue };
            if written.unwrap_or_default() == uri {
                continue;
            }
            self.rendered.push((p, uri));
            self.out.extend_from_slice(if p.is_empty() { b" xmlns" } else { b" xmlns:" });
            self.out.extend_from_slice(p.as_bytes());
            self.out.extend_from_slice(b"=\"");
            escape_attribute(uri, &mut self.out);
            self.out.push(b'"');
        }
    }

    /// Attributes sorted by namespace, then local name (Canonical XML §2.2).
    fn attributes(&mut self, node: Node<'a, '_>) {
        let mut sorted: Vec<Attribute<'a, '_>> = node.attributes().collect();
        sorted.sort_by(|a, b| (a.namespace(), a.name()).cmp(&(b.namespace(), b.name())));
        for attribute in sorted {
            self.out.push(b' ');
            self.out.extend_from_slice(self.source[attribute.range_qname()].as_bytes());
            self.out.extend_from_slice(b"=\"");
            escape_attribute(attribute.value(), &mut self.out);
            self.out.push(b'"');
        }
    }
}

fn prefix(qname: &str) -> &str {
    qname.split_once(':').map_or("", |(p, _)| p)
}

fn escape_text(text: &str, out: &mut Vec<u8>) {
    escape(text, out, |c| match c {
        b'&' => Some(b"&amp;"),
        b'<' => Some(b"&lt;"),
        b'>' => Some(b"&gt;"),
        b'\r' => Some(b"&#xD;"),
        _ => None,
    });
}

fn escape_attribute(text: &str, out: &mut Vec<u8>) {
    escape(text, out, |c| match c {
        b'&' => Some(b"&amp;"),
        b'<' => Some(b"&lt;"),
        b'"' => Some(b"&quot;"),
        b'\t' => Some(b"&#x9;"),
        b'\n' => Some(b"&#xA;"),
        b'\r' => Some(b"&#xD;"),
        _ => None,
    });
}

fn escape(text: &str, out: &mut Vec<u8>, of: impl Fn(u8) -> Option<&'static [u8]>) {
    let bytes = text.as_bytes();
    let mut from = 0;
    for (at, c) in bytes.iter().enumerate() {
        if let Some(replacement) = of(*c) {
            out.extend_from_slice(&bytes[from..at]);
            out.extend_from_slice(replacement);
            from = at + 1;
        }
    }
    out.extend_from_slice(&bytes[from..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_child(xml: &str, inclusive: &[&'static str]) -> String {
        // Leaked, so that the prefixes may be as long-lived as the tree.
        let xml: &'static str = Box::leak(xml.to_owned().into_boxed_str());
        let doc = roxmltree::Document::parse(xml).unwrap();
        let inclusive: Vec<&str> = inclusive.to_vec();
        let child = doc.root_element().first_element_child().unwrap();
        String::from_utf8(canonicalize(child, None, &inclusive).unwrap()).unwrap()
    }

    #[test]
    fn only_visibly_used_namespaces_are_written_and_only_once() {
        let xml = "<r xmlns='d' xmlns:a='A' xmlns:b='B'><a:x b:y='1' z='2'><a:w/><v/></a:x></r>";
        assert_eq!(
            of_child(xml, &[]),
            "<a:x xmlns:a=\"A\" xmlns:b=\"B\" z=\"2\" b:y=\"1\"><a:w></a:w><v xmlns=\"d\"></v></a:x>"
        );
    }

    #[test]
    fn listed_prefixes_are_written_where_they_are_in_scope() {
        let xml = "<r xmlns='d' xmlns:a='A' xmlns:b='B'><a:x><a:w xmlns:b='C'/></a:x></r>";
        assert_eq!(
            of_child(xml, &["", "b", "nowhere"]),
            "<a:x xmlns=\"d\" xmlns:a=\"A\" xmlns:b=\"B\"><a:w xmlns:b=\"C\"></a:w></a:x>"
        );
    }

    #[test]
    fn a_cancelled_default_namespace_is_cancelled() {
        let xml = "<r><x xmlns='d'><y xmlns=''><z/></y></x></r>";
        assert_eq!(of_child(xml, &[]), "<x xmlns=\"d\"><y xmlns=\"\"><z></z></y></x>");
    }

    #[test]
    fn text_and_values_are_escaped_and_comments_left_out() {
        let xml = "<r><x a='&#9;&#10;&#13;&quot;&lt;&amp;>'>a<!--c--><![CDATA[<&>]]>&#13;\r\n</x></r>";
        assert_eq!(of_child(xml, &[]), "<x a=\"&#x9;&#xA;&#xD;&quot;&lt;&amp;>\">a&lt;&amp;&gt;&#xD;\n</x>");
    }

    #[test]
    fn a_canonical_form_much_larger_than_the_message_is_refused() {
        let xml = format!("<r xmlns:a='{}'>{}</r>", "x".repeat(500_000), "<a:x/>".repeat(100));
        let doc = roxmltree::Document::parse(&xml).unwrap();
        let refused = canonicalize(doc.root_element(), None, &[]).unwrap_err();
        assert_eq!(refused.reason, Reason::CanonicalFormTooLarge);
    }
}
