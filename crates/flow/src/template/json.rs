//! JSON written as text, with expressions in the places of values and inside of texts.

use serde_json::Value;

use super::text::Part;
use super::{Fault, Reference, Text, Values, Wrong, text_of};

/// JSON with expressions: `{"id": {{ input.id }}, "note": "For {{ input.name }}"}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonText {
    text: Text,
    quoted: Vec<bool>,
}

impl JsonText {
    /// Reads it, and sees that it is JSON whatever is filled in.
    pub fn read(source: &str) -> Result<Self, Wrong> {
        let text = Text::read(source)?;
        let mut quoted = Vec::new();
        let mut filled = String::new();
        let mut inside = false;
        for part in text.parts() {
            match part {
                Part::Literal(literal) => {
                    inside = quotes(literal, inside)
                        .ok_or_else(|| Wrong::new("bad_body", "an expression stands behind a backslash"))?;
                    filled.push_str(literal);
                }
                Part::Expression(_) => {
                    quoted.push(inside);
                    filled.push_str(if inside { "x" } else { "null" });
                }
            }
        }
        match serde_json::from_str::<serde::de::IgnoredAny>(&filled) {
            Ok(_) => Ok(Self { text, quoted }),
            Err(error) => {
                let at = format!("line {}, column {}", error.line(), error.column());
                Err(Wrong::new("bad_body", format!("is no JSON once values are filled in ({at})")))
            }
        }
    }

    /// What its expressions speak of.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.text.references()
    }

    /// The JSON with values filled in.
    pub fn fill(&self, values: &dyn Values) -> Result<String, Fault> {
        self.text.fill(values, |place, value| {
            Ok(match self.quoted.get(place) {
                Some(true) => {
                    let written = Value::String(text_of(value)).to_string();
                    written[1..written.len() - 1].to_owned()
                }
                _ => value.to_string(),
            })
        })
    }
}

/// Is the end of a literal inside of quotes, if its beginning is? Nothing when it ends in a lone backslash.
fn quotes(literal: &str, mut inside: bool) -> Option<bool> {
    let mut escaped = false;
    for byte in literal.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            _ => {}
        }
    }
    (!escaped).then_some(inside)
}
