//! Texts with named gaps: `Bearer {access_token}`. `{{` and `}}` stand for the braces themselves.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limits::BODY_TEMPLATE_BYTES;
use crate::words::is_key;

/// A text with named gaps. What a gap is filled with is put in as it is; addresses have [`UrlTemplate`].
///
/// [`UrlTemplate`]: crate::UrlTemplate
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template {
    source: String,
    parts: Vec<Part>,
}

/// One piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Text(String),
    Gap(String),
}

/// Why a template cannot be read or filled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Too long to be meant.
    #[error("the text is longer than {BODY_TEMPLATE_BYTES} bytes")]
    TooLong,
    /// An opening brace without a name and a closing brace.
    #[error(
        "a {{ needs a name of small letters, digits and underscores and a }} (write {{{{ for the brace itself)"
    )]
    Brace,
    /// A closing brace alone.
    #[error("a }} stands alone (write }}}} for the brace itself)")]
    Closing,
    /// Nothing is known to fill a gap with.
    #[error("there is no value for {{{0}}}")]
    Missing(String),
}

impl Template {
    /// Reads a template.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        if source.len() > BODY_TEMPLATE_BYTES {
            return Err(TemplateError::TooLong);
        }
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = source;
        while let Some(at) = rest.find(['{', '}']) {
            text.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix("{{") {
                text.push('{');
                rest = after;
            } else if let Some(after) = rest.strip_prefix("}}") {
                text.push('}');
                rest = after;
            } else if let Some(after) = rest.strip_prefix('{') {
                let (name, after) = after.split_once('}').ok_or(TemplateError::Brace)?;
                if !is_key(name) {
                    return Err(TemplateError::Brace);
                }
                if !text.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut text)));
                }
                parts.push(Part::Gap(name.to_owned()));
                rest = after;
            } else {
                return Err(TemplateError::Closing);
            }
        }
        text.push_str(rest);
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        Ok(Self { source: source.to_owned(), parts })
    }

    /// A text of the program without gaps.
    pub(crate) fn plain(text: &'static str) -> Self {
        let parts = if text.is_empty() { Vec::new() } else { vec![Part::Text(text.to_owned())] };
        Self { source: text.to_owned(), parts }
    }

    /// The text as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The names of the gaps, in their order, repeated where they are.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Gap(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The text with each gap filled.
    pub fn fill(&self, lookup: impl Fn(&str) -> Option<String>) -> Result<String, TemplateError> {
        let mut filled = String::with_capacity(self.source.len());
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Gap(name) => {
                    filled.push_str(&lookup(name).ok_or_else(|| TemplateError::Missing(name.clone()))?);
                }
            }
        }
        Ok(filled)
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }
}

impl TryFrom<String> for Template {
    type Error = TemplateError;
    fn try_from(source: String) -> Result<Self, TemplateError> {
        Self::parse(&source)
    }
}

impl From<Template> for String {
    fn from(template: Template) -> String {
        template.source
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_filled_and_doubled_braces_are_braces() {
        let template = Template::parse("{{{a}}} and {b}").unwrap();
        assert_eq!(template.variables().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(template.fill(|name| Some(name.to_uppercase())).unwrap(), "{A} and B");
        assert_eq!(template.fill(|_| None).unwrap_err(), TemplateError::Missing("a".into()));
    }

    #[test]
    fn braces_that_mean_nothing_are_errors() {
        assert_eq!(Template::parse("{").unwrap_err(), TemplateError::Brace);
        assert_eq!(Template::parse("{A b}").unwrap_err(), TemplateError::Brace);
        assert_eq!(Template::parse("a}b").unwrap_err(), TemplateError::Closing);
        assert_eq!(
            Template::parse(&"a".repeat(BODY_TEMPLATE_BYTES + 1)).unwrap_err(),
            TemplateError::TooLong
        );
    }
}
