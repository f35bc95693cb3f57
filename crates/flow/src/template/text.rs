//! A text and the expressions in it.

use serde_json::Value;

use super::{Expression, Fault, Reference, Values, Wrong, engine, lexer, text_of};
use crate::limits::{BODY_CHARS, EXPRESSIONS, VALUE_BYTES};

/// A text with expressions in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    source: String,
    parts: Vec<Part>,
}

/// One piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// As it stands.
    Literal(String),
    /// To be filled in.
    Expression(Expression),
}

impl Text {
    /// Reads a text.
    pub fn read(source: &str) -> Result<Self, Wrong> {
        if source.len() > BODY_CHARS * 4 || source.chars().count() > BODY_CHARS {
            return Err(Wrong::new("too_long", format!("is longer than {BODY_CHARS} characters")));
        }
        let mut parts = Vec::new();
        let mut rest = source;
        while let Some((before, after)) = rest.split_once("{{") {
            let end = lexer::end(after).ok_or_else(|| {
                Wrong::expression("{{ has no }} (write {{ \"{{\" }} for the braces themselves)")
            })?;
            if !before.is_empty() {
                parts.push(Part::Literal(before.to_owned()));
            }
            let expression = Expression::read(&after[..end]).map_err(|wrong| {
                let shown: String = after[..end].trim().chars().take(80).collect();
                Wrong::new(wrong.code, format!("{{{{ {shown} }}}}: {}", wrong.message))
            })?;
            parts.push(Part::Expression(expression));
            rest = &after[end + 2..];
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        if parts.len() > EXPRESSIONS * 2 {
            return Err(Wrong::expression(format!("there are more than {EXPRESSIONS} in one text")));
        }
        Ok(Self { source: source.to_owned(), parts })
    }

    /// The text as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What its expressions speak of.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.parts.iter().flat_map(|part| match part {
            Part::Literal(_) => [].iter(),
            Part::Expression(expression) => expression.references().iter(),
        })
    }

    /// The text if there is no expression in it.
    pub fn literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The value: of an expression that stands alone with its type, else a text.
    pub fn value(&self, values: &dyn Values) -> Result<Value, Fault> {
        match self.parts.as_slice() {
            [Part::Expression(expression)] => engine::evaluate(expression, values),
            _ => self.fill(values, |_, value| Ok(text_of(value))).map(Value::String),
        }
    }

    /// The text as a form: each value is one part of a name or value.
    pub fn form(&self, values: &dyn Values) -> Result<String, Fault> {
        self.fill(values, |_, value| Ok(super::form_component(&text_of(value))))
    }

    /// The text, with each value written by `write` for its place; places are counted from 0.
    pub(super) fn fill(
        &self,
        values: &dyn Values,
        write: impl Fn(usize, &Value) -> Result<String, Fault>,
    ) -> Result<String, Fault> {
        let mut filled = String::with_capacity(self.source.len());
        let mut place = 0;
        for part in &self.parts {
            match part {
                Part::Literal(text) => filled.push_str(text),
                Part::Expression(expression) => {
                    let value = engine::evaluate(expression, values)?;
                    let written = write(place, &value)
                        .map_err(|fault| Fault(format!("{{{{ {} }}}}: {}", expression.written(), fault.0)))?;
                    filled.push_str(&written);
                    place += 1;
                }
            }
            if filled.len() > VALUE_BYTES {
                return Err(Fault(format!("the text is longer than {VALUE_BYTES} bytes")));
            }
        }
        Ok(filled)
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }
}
