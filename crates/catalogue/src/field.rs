//! Whether what was entered fits its field.

use crate::limits::{MULTILINE_BYTES, VALUE_BYTES};
use crate::model::{Field, FieldFormat, FieldType};
use crate::url_template::{is_host, is_label, whole_address};

/// Why a value does not fit. Says what is expected and never repeats the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldProblem {
    /// Nothing was entered.
    #[error("{0} must be filled in")]
    Blank(String),
    /// Something else was entered.
    #[error("{label} must be {expected}")]
    Wrong {
        /// The field's label.
        label: String,
        /// What is expected.
        expected: String,
    },
}

impl Field {
    /// Judges a value as it was entered, without spaces at its ends.
    pub fn check(&self, value: &str) -> Result<(), FieldProblem> {
        if value.trim().is_empty() {
            return if self.required { Err(FieldProblem::Blank(self.label.clone())) } else { Ok(()) };
        }
        let kind = check_kind(self.kind, &self.hosts, value).and_then(|()| self.check_more(value));
        kind.map_err(|expected| FieldProblem::Wrong { label: self.label.clone(), expected })
    }

    fn check_more(&self, value: &str) -> Result<(), String> {
        if self.kind == FieldType::Choice && !self.choices.contains_key(value) {
            return Err(format!("one of {}", join(self.choices.keys())));
        }
        if !self.starts_with.is_empty() && !self.starts_with.iter().any(|start| value.starts_with(start)) {
            return Err(format!("something that begins with {}", join(self.starts_with.iter())));
        }
        match self.format {
            Some(format) if !format.fits(value) => Err(format.expected().to_owned()),
            _ => Ok(()),
        }
    }
}

/// Whether a value is of a kind; `hosts` bounds addresses. The error says what is expected.
pub(crate) fn check_kind(kind: FieldType, hosts: &[String], value: &str) -> Result<(), String> {
    let (most, lines) =
        if kind == FieldType::Multiline { (MULTILINE_BYTES, true) } else { (VALUE_BYTES, false) };
    if value.len() > most {
        return Err(format!("at most {most} bytes long"));
    }
    if value.chars().any(|c| c.is_control() && !(lines && matches!(c, '\n' | '\r' | '\t'))) {
        return Err("without control characters".to_owned());
    }
    let host = match kind {
        FieldType::Text | FieldType::Multiline | FieldType::Choice => return Ok(()),
        FieldType::HostLabel if is_label(value) => return Ok(()),
        FieldType::HostLabel => {
            return Err("one part of a host name: letters, digits and hyphens, no dots".to_owned());
        }
        FieldType::Host if is_host(value) => value.split(':').next().map(str::to_owned),
        FieldType::Host => return Err("a host name, without https:// and without a path".to_owned()),
        FieldType::Url => whole_address(value)
            .and_then(|address| url::Url::parse(&address).ok())
            .and_then(|url| url.host_str().map(str::to_owned)),
    };
    match host {
        None => Err("an address that begins with https://, without query and fragment".to_owned()),
        Some(host) if hosts.is_empty() || hosts.iter().any(|of| is_below(&host, of)) => Ok(()),
        Some(_) => Err(format!("at {}", join(hosts.iter()))),
    }
}

/// Whether a host is the given one or below it.
fn is_below(host: &str, of: &str) -> bool {
    let host = host.to_ascii_lowercase();
    host.strip_suffix(&of.to_ascii_lowercase()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn join<'a>(words: impl Iterator<Item = &'a String>) -> String {
    words.map(String::as_str).collect::<Vec<_>>().join(", ")
}

impl FieldFormat {
    fn fits(self, value: &str) -> bool {
        match self {
            Self::Uuid => {
                let lengths = value.split('-').map(str::len);
                lengths.eq([8, 4, 4, 4, 12]) && value.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
            }
            Self::Digits => value.bytes().all(|b| b.is_ascii_digit()),
            Self::Hex => value.bytes().all(|b| b.is_ascii_hexdigit()),
            Self::Alphanumeric => value.bytes().all(|b| b.is_ascii_alphanumeric()),
            Self::Email => {
                value.split_once('@').is_some_and(|(name, host)| !name.is_empty() && is_host(host))
            }
            Self::Pem => {
                let text = value.trim();
                text.starts_with("-----BEGIN ") && text.ends_with("-----") && text.contains("-----END ")
            }
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Uuid => "an id like 00000000-0000-0000-0000-000000000000",
            Self::Digits => "digits alone",
            Self::Hex => "hexadecimal digits alone",
            Self::Alphanumeric => "letters and digits alone",
            Self::Email => "an e-mail address",
            Self::Pem => "a key in PEM form, from -----BEGIN to -----END",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(toml: &str) -> Field {
        toml::from_str(&format!("key = \"k\"\nlabel = \"The key\"\n{toml}")).unwrap()
    }

    #[test]
    fn a_blank_mandatory_field_is_named() {
        assert_eq!(field("").check(" ").unwrap_err().to_string(), "The key must be filled in");
        assert!(field("required = false").check("").is_ok());
    }

    #[test]
    fn kinds_formats_and_prefixes_are_looked_at() {
        for (toml, good, bad) in [
            ("type = \"host_label\"", "acme", "acme.com"),
            ("type = \"host\"", "a.example:8443", "https://a.example"),
            ("type = \"url\"", "https://a.example/x", "http://a.example"),
            ("type = \"url\"\nhosts = [\"a.example\"]", "https://b.a.example", "https://ba.example"),
            ("format = \"uuid\"", "01234567-89ab-cdef-0123-456789abcdef", "01234567"),
            ("format = \"email\"", "a@b.example", "a"),
            ("starts_with = [\"sk_\"]", "sk_1", "pk_1"),
            ("type = \"choice\"\nchoices = { eu = \"Europe\" }", "eu", "us"),
            ("", "a", "a\nb"),
            ("type = \"multiline\"", "a\nb", "a\u{0}b"),
        ] {
            assert_eq!(field(toml).check(good), Ok(()), "{toml}");
            let problem = field(toml).check(bad).unwrap_err().to_string();
            assert!(problem.starts_with("The key must be "), "{problem}");
        }
    }
}
