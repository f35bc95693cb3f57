//! The linear pass over the bytes before any tree exists (rule 1).
//!
//! It only counts and refuses; well-formedness is left to the parser behind it. It never counts less than
//! the parser will see, so the bounds of [`crate::limits`] hold for the tree.

use crate::error::{Reason, Rejection};
use crate::limits;

/// Checks bytes against rule 1 and the bounds and returns them as text without a byte order mark.
pub(crate) fn scan(bytes: &[u8]) -> Result<&str, Rejection> {
    if bytes.len() > limits::MESSAGE_BYTES {
        return Err(Rejection::new(
            Reason::MessageTooLarge,
            format!("The message has {} bytes; at most {} are taken.", bytes.len(), limits::MESSAGE_BYTES),
        ));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(Rejection::new(
            Reason::NotUtf8,
            "The message is not UTF-8. Set the identity provider to send UTF-8.",
        ));
    };
    Scanner {
        text,
        at: 0,
        depth: 0,
        declared: [0; limits::DEPTH + 1],
        elements: 0,
        attributes: 0,
        namespaces: 0,
    }
    .run()?;
    Ok(text)
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// Namespace declarations in scope at each depth.
    declared: [usize; limits::DEPTH + 1],
    elements: usize,
    attributes: usize,
    namespaces: usize,
}

impl Scanner<'_> {
    fn run(&mut self) -> Result<(), Rejection> {
        if self.rest().starts_with("<?xml") && self.rest()[5..].starts_with([' ', '\t', '\r', '\n']) {
            let end = self.find("?>")?;
            declaration(&self.text[..end])?;
            self.at = end + 2;
        }
        while let Some(next) = self.rest().find('<') {
            self.references(self.at + next)?;
            self.markup()?;
        }
        self.references(self.text.len())
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn find(&self, what: &str) -> Result<usize, Rejection> {
        self.rest().find(what).map(|n| self.at + n).ok_or_else(|| self.broken("markup that does not end"))
    }

    fn broken(&self, what: &str) -> Rejection {
        Rejection::new(Reason::NotWellFormed, format!("Not well-formed XML at byte {}: {what}.", self.at))
    }

    fn markup(&mut self) -> Result<(), Rejection> {
        let rest = &self.text.as_bytes()[self.at..];
        match rest.get(1) {
            Some(b'!') if rest.starts_with(b"<!--") => {
                self.count()?;
                self.at += 4;
                self.at = self.find("-->")? + 3;
            }
            Some(b'!') if rest.starts_with(b"<![CDATA[") => {
                self.count()?;
                self.at = self.find("]]>")? + 3;
            }
            Some(b'!') => {
                return Err(Rejection::new(
                    Reason::DoctypeForbidden,
                    "The message has a document type declaration or other “<!” markup, which no honest \
                     identity provider sends.",
                ));
            }
            Some(b'?') => {
                return Err(Rejection::new(
                    Reason::ProcessingInstructionForbidden,
                    "The message has a processing instruction (“<?…?>”), which SAML has no use for.",
                ));
            }
            Some(b'/') => {
                self.at = self.find(">")? + 1;
                self.depth = self.depth.checked_sub(1).ok_or_else(|| self.broken("an end tag too many"))?;
            }
            _ => self.start_tag()?,
        }
        Ok(())
    }

    /// Elements, comments and CDATA sections are counted alike: each may become a node.
    fn count(&mut self) -> Result<(), Rejection> {
        self.elements += 1;
        if self.elements > limits::ELEMENTS {
            return Err(bound(Reason::TooManyElements, "elements and comments", limits::ELEMENTS));
        }
        Ok(())
    }

    fn start_tag(&mut self) -> Result<(), Rejection> {
        self.count()?;
        let bytes = self.text.as_bytes();
        let (mut attributes, mut namespaces) = (0, 0);
        self.at += 1;
        let mut word = self.at;
        loop {
            match bytes.get(self.at) {
                None | Some(b'<') => return Err(self.broken("a tag that does not end")),
                Some(b'>') => {
                    let empty = bytes[self.at - 1] == b'/';
                    self.at += 1;
                    return self.opened(attributes, namespaces, empty);
                }
                Some(quote @ (b'"' | b'\'')) => {
                    if bytes[word..self.at].starts_with(b"xmlns") {
                        namespaces += 1
                    } else {
                        attributes += 1
                    }
                    few(attributes, namespaces)?;
                    self.at += 1;
                    self.value(*quote)?;
                    word = self.at;
                }
                Some(b' ' | b'\t' | b'\r' | b'\n') => {
                    self.at += 1;
                    if word + 1 == self.at {
                        word = self.at;
                    }
                }
                Some(_) => {
                    self.at += 1;
                    // A word is a name with its equals sign and the blanks around it.
                    if self.at - word > limits::NAME_BYTES {
                        return Err(bound(Reason::NotWellFormed, "bytes in a name", limits::NAME_BYTES));
                    }
                    if bytes[self.at - 1] != b'='
                        && matches!(bytes[self.at - 2], b' ' | b'\t' | b'\r' | b'\n')
                    {
                        word = self.at - 1;
                    }
                }
            }
        }
    }

    /// Skips an attribute's value up to and including its closing quote.
    fn value(&mut self, quote: u8) -> Result<(), Rejection> {
        let end = self.rest().find(char::from(quote));
        let end = end.ok_or_else(|| self.broken("an attribute value that does not end"))? + self.at;
        if self.text[self.at..end].contains('<') {
            return Err(self.broken("a “<” in an attribute value"));
        }
        self.references(end)?;
        self.at = end + 1;
        Ok(())
    }

    fn opened(&mut self, attributes: usize, namespaces: usize, empty: bool) -> Result<(), Rejection> {
        self.attributes += attributes;
        self.namespaces += namespaces;
        if self.attributes > limits::ATTRIBUTES {
            return Err(bound(Reason::TooManyAttributes, "attributes", limits::ATTRIBUTES));
        }
        let in_scope = self.declared[self.depth] + namespaces;
        if in_scope > limits::NAMESPACES_IN_SCOPE {
            return Err(bound(Reason::TooManyNamespaces, "namespaces in scope", limits::NAMESPACES_IN_SCOPE));
        }
        if self.namespaces > limits::NAMESPACES {
            return Err(bound(Reason::TooManyNamespaces, "namespace declarations", limits::NAMESPACES));
        }
        if self.depth == limits::DEPTH {
            return Err(bound(Reason::TooDeep, "levels of nesting", limits::DEPTH));
        }
        if !empty {
            self.depth += 1;
            self.declared[self.depth] = in_scope;
        }
        Ok(())
    }

    /// Goes on to `end`. Character references and the five predefined entities (XML 1.0 §4.6) pass.
    fn references(&mut self, end: usize) -> Result<(), Rejection> {
        const LONGEST: usize = 12;
        while let Some(next) = self.text[self.at..end].find('&') {
            let name = &self.text.as_bytes()[self.at + next + 1..end];
            let length = name.iter().take(LONGEST).position(|c| *c == b';').unwrap_or(0);
            if !matches!(&name[..length], b"amp" | b"lt" | b"gt" | b"quot" | b"apos" | [b'#', ..]) {
                return Err(Rejection::new(
                    Reason::EntityForbidden,
                    "The message refers to an entity that XML does not predefine.",
                ));
            }
            self.at += next + 1 + length + 1;
        }
        self.at = end;
        Ok(())
    }
}

/// The bounds of one element, kept while its tag is read.
fn few(attributes: usize, namespaces: usize) -> Result<(), Rejection> {
    if attributes > limits::ATTRIBUTES_PER_ELEMENT {
        return Err(bound(
            Reason::TooManyAttributes,
            "attributes an element",
            limits::ATTRIBUTES_PER_ELEMENT,
        ));
    }
    if namespaces > limits::NAMESPACES_PER_ELEMENT {
        let limit = limits::NAMESPACES_PER_ELEMENT;
        return Err(bound(Reason::TooManyNamespaces, "namespace declarations an element", limit));
    }
    Ok(())
}

fn bound(reason: Reason, what: &str, limit: usize) -> Rejection {
    Rejection::new(reason, format!("The message has more than {limit} {what}; no honest message comes near."))
}

/// The XML declaration: version 1.0, and UTF-8 if it names an encoding.
fn declaration(text: &str) -> Result<(), Rejection> {
    if let Some(version) = pseudo_attribute(text, "version")
        && version != "1.0"
    {
        return Err(Rejection::new(
            Reason::XmlVersionUnsupported,
            "The message is not XML 1.0. Set the identity provider to send XML 1.0.",
        ));
    }
    match pseudo_attribute(text, "encoding") {
        Some(encoding) if !encoding.eq_ignore_ascii_case("utf-8") => Err(Rejection::new(
            Reason::NotUtf8,
            "The message declares another encoding than UTF-8. Set the identity provider to send UTF-8.",
        )),
        _ => Ok(()),
    }
}

fn pseudo_attribute<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let after = &text[text.find(name)? + name.len()..];
    let after = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    after[1..].split(quote).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> Option<Reason> {
        scan(text.as_bytes()).err().map(|r| r.reason)
    }

    #[test]
    fn plain_documents_pass() {
        for good in [
            "<a/>",
            "<?xml version='1.0' encoding=\"UTF-8\"?>\n<a b='1'  c = \"2\"\n xmlns:d='x' xmlns = 'y'>t&amp;&#x41;</a>",
            "<a><!-- <!DOCTYPE x> & --><![CDATA[<!DOCTYPE & ]]></a>",
            "<a b='>' c=\"/>\"/>",
        ] {
            assert_eq!(reason(good), None, "{good}");
        }
    }

    #[test]
    fn each_bound_has_its_reason() {
        let many = |n: usize, f: &dyn Fn(usize) -> String| (0..n).map(f).collect::<String>();
        let attributes = format!("<a {}/>", many(65, &|n| format!(" a{n}='' ")));
        assert_eq!(reason(&attributes), Some(Reason::TooManyAttributes));
        let glued = format!("<a {}/>", many(65, &|n| format!("a{n}=''")));
        assert_eq!(reason(&glued), Some(Reason::TooManyAttributes));
        let namespaces = format!("<a {}/>", many(33, &|n| format!(" xmlns:a{n} = '{n}' ")));
        assert_eq!(reason(&namespaces), Some(Reason::TooManyNamespaces));
        let nested = format!("{}{}", "<a>".repeat(65), "</a>".repeat(65));
        assert_eq!(reason(&nested), Some(Reason::TooDeep));
        let in_scope = format!("{}{}", "<a xmlns:a='' xmlns:b='' xmlns:c=''>".repeat(33), "</a>".repeat(33));
        assert_eq!(reason(&in_scope), Some(Reason::TooManyNamespaces));
        assert_eq!(reason(&format!("<a>{}</a>", "<b/>".repeat(20_000))), Some(Reason::TooManyElements));
        let wide = format!("<a>{}</a>", "<b xmlns:c='x' xmlns:d='y' xmlns:e='z'/>".repeat(4_001));
        assert_eq!(reason(&wide), Some(Reason::TooManyNamespaces));
        assert_eq!(reason(&format!("<{}/>", "a".repeat(2000))), Some(Reason::NotWellFormed));
    }

    #[test]
    fn what_rule_one_forbids_is_refused() {
        assert_eq!(reason("<!DOCTYPE a><a/>"), Some(Reason::DoctypeForbidden));
        assert_eq!(reason("<a>&nbsp;</a>"), Some(Reason::EntityForbidden));
        assert_eq!(reason("<a b='&x;'/>"), Some(Reason::EntityForbidden));
        assert_eq!(reason("<a><?b c?></a>"), Some(Reason::ProcessingInstructionForbidden));
        assert_eq!(reason("<?xml version='1.1'?><a/>"), Some(Reason::XmlVersionUnsupported));
        assert_eq!(reason("<?xml version='1.0' encoding='latin1'?><a/>"), Some(Reason::NotUtf8));
        assert_eq!(reason("</a>"), Some(Reason::NotWellFormed));
        assert_eq!(reason("<a"), Some(Reason::NotWellFormed));
        assert_eq!(reason("<a b='"), Some(Reason::NotWellFormed));
        assert_eq!(reason("<!--"), Some(Reason::NotWellFormed));
        assert_eq!(scan(b"\xff\xfe<\0a\0").err().map(|r| r.reason), Some(Reason::NotUtf8));
    }
}
