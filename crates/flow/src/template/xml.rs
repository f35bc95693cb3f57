//! XML written as text, with expressions in its text and in the values of attributes.

use serde_json::Value;

use super::text::Part;
use super::{Fault, Reference, Text, Values, Wrong, text_of};

/// XML with expressions: `<order id="{{ input.id }}">{{ input.note }}</order>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XmlText {
    text: Text,
}

/// Where a character of XML stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Content,
    Tag,
    Attribute(char),
    /// Comment, CDATA, processing instruction or document type, with what ends it.
    Other(&'static str),
}

const OTHERS: [(&str, &str); 4] = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>"), ("<!", ">")];

impl XmlText {
    /// Reads it: expressions stand in text or in the quoted value of an attribute.
    pub fn read(source: &str) -> Result<Self, Wrong> {
        let text = Text::read(source)?;
        let mut place = Place::Content;
        let mut parts = text.parts().iter().peekable();
        while let Some(part) = parts.next() {
            match part {
                Part::Literal(literal) => {
                    place = after(literal, place);
                    let expression_next = parts.peek().is_some();
                    if expression_next && !matches!(place, Place::Content | Place::Attribute(_)) {
                        let say = "in XML an expression stands in text or in the quotes of an attribute";
                        return Err(Wrong::new("bad_body", say));
                    }
                    if expression_next && half_entity(literal) {
                        return Err(Wrong::new("bad_body", "an expression stands between & and ;"));
                    }
                }
                Part::Expression(_) => {}
            }
        }
        if place != Place::Content {
            return Err(Wrong::new("bad_body", "the XML ends inside of a tag or comment"));
        }
        Ok(Self { text })
    }

    /// What its expressions speak of.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.text.references()
    }

    /// The XML with values filled in.
    pub fn fill(&self, values: &dyn Values) -> Result<String, Fault> {
        self.text.fill(values, |_, value| escaped(value))
    }
}

/// Does a text end inside of an entity?
fn half_entity(literal: &str) -> bool {
    let name = |text: &str| text.chars().all(|character| character.is_alphanumeric() || character == '#');
    literal.rsplit_once('&').is_some_and(|(_, begun)| name(begun))
}

fn after(literal: &str, mut place: Place) -> Place {
    let mut rest = literal;
    while let Some(first) = rest.chars().next() {
        let mut length = first.len_utf8();
        match (place, first) {
            (Place::Content, '<') => {
                place = Place::Tag;
                if let Some((begin, end)) = OTHERS.iter().find(|(begin, _)| rest.starts_with(begin)) {
                    place = Place::Other(end);
                    length = begin.len();
                }
            }
            (Place::Tag, '>') => place = Place::Content,
            (Place::Tag, '"' | '\'') => place = Place::Attribute(first),
            (Place::Attribute(quote), _) if quote == first => place = Place::Tag,
            (Place::Other(end), _) if rest.starts_with(end) => {
                place = Place::Content;
                length = end.len();
            }
            _ => {}
        }
        rest = &rest[length..];
    }
    place
}

/// A value as text of XML, good in an attribute too; characters that XML 1.0 has no way to write are refused.
fn escaped(value: &Value) -> Result<String, Fault> {
    let text = text_of(value);
    let mut written = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => written.push_str("&amp;"),
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            '"' => written.push_str("&quot;"),
            '\'' => written.push_str("&apos;"),
            '\r' => written.push_str("&#13;"),
            '\n' => written.push_str("&#10;"),
            '\t' => written.push_str("&#9;"),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                return Err(Fault("the value has a control character, which XML cannot hold".to_owned()));
            }
            other => written.push(other),
        }
    }
    Ok(written)
}
