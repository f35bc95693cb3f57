//! Texts with expressions in them: `Order {{ steps.find.output.id }}`.
//!
//! An expression is read twice: `lexer` cuts it into words, `expression` checks what it speaks of and refuses
//! what could not be bounded, and minijinja evaluates what is left, with the values spoken of and nothing
//! else. Where a value is put in decides how it is written (`place`, [`JsonText`], [`XmlText`], [`UrlText`]):
//! it never becomes more than the value of the place it stands in.

mod address;
mod engine;
mod expression;
mod filters;
mod json;
mod lexer;
mod place;
mod text;
mod tree;
mod xml;

pub use address::UrlText;
pub use expression::{Expression, Reference, Root};
pub(crate) use filters::number_in;
pub use json::JsonText;
pub(crate) use place::{form_component, header_value};
pub use text::Text;
pub use tree::Tree;
pub use xml::XmlText;

use serde_json::Value;

/// Why a text with expressions cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Wrong {
    /// Which rule: a stable word.
    pub code: &'static str,
    /// What was found, and what would be right.
    pub message: String,
}

impl Wrong {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// An expression that cannot be read.
    pub(crate) fn expression(message: impl Into<String>) -> Self {
        Self::new("bad_expression", message)
    }
}

/// Why a value cannot be put in its place. Names the expression, never the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub String);

/// What expressions may speak of.
pub trait Values {
    /// The value a reference stands for; nothing when it is missing.
    fn get(&self, reference: &Reference) -> Option<Value>;
}

/// Follows names and indexes into a value.
pub fn walk<'v>(value: &'v Value, path: &[String]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, name| match value {
        Value::Object(members) => members.get(name),
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        _ => None,
    })
}

/// A value as text: nothing for null, JSON for lists and objects.
pub fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
