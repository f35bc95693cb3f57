//! Addresses with named gaps. A value fills the part it stands in and nothing beside it: a host label stays
//! one label, a value in the path one segment, a value in the query one value.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::limits::TEMPLATE_BYTES;
use crate::template::{Part, Template, TemplateError};

/// An address with gaps: `https://{instance}.example.com/api/{tenant_id}`, or one that begins with a whole
/// address that was asked for: `{site_url}/_api`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UrlTemplate {
    template: Template,
    /// Index of the first part behind the host, and how many bytes of it belong to the host.
    host_end: (usize, usize),
}

/// Why an address cannot be read or made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Something about the braces.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Not https, or too long.
    #[error(
        "an address begins with https:// or with a variable that holds a whole address (at most {TEMPLATE_BYTES} bytes)"
    )]
    Scheme,
    /// A name, password, fragment or port gap, or nothing that could be a host.
    #[error("an address has a host, and neither user name, nor password, nor fragment")]
    Form,
    /// A part of the path that would lead to another.
    #[error("a part of the path is . or .., which leads elsewhere")]
    Dots,
    /// A value that does not fit where it stands. Never repeats the value.
    #[error("the value of {{{name}}} must be {expected}")]
    Value {
        /// The name of the gap.
        name: String,
        /// What it must be.
        expected: &'static str,
    },
}

/// What an address begins with; `http://` fits nothing but this very machine.
const SCHEMES: [&str; 2] = ["https://", "http://"];
const LABEL: &str = "one part of a host name: letters, digits and hyphens, without dots";
const WHOLE: &str =
    "a whole address: https://, a host and perhaps a path, without query, fragment, user name or password";
const SEGMENT: &str = "something that is not empty, not . and not ..";

/// Where in an address a gap stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spot {
    /// The whole address up to here.
    Whole,
    /// In the host.
    Host,
    /// In the path.
    Path,
    /// In the query.
    Query,
}

impl UrlTemplate {
    /// Reads an address with gaps and checks its form.
    pub fn parse(source: &str) -> Result<Self, UrlError> {
        if source.len() > TEMPLATE_BYTES {
            return Err(UrlError::Scheme);
        }
        // What a parser of addresses reads as a slash, drops, or skips before the host.
        if source.contains('\\')
            || source.chars().any(char::is_control)
            || SCHEMES.iter().any(|scheme| source.starts_with(&format!("{scheme}/")))
        {
            return Err(UrlError::Form);
        }
        let template = Template::parse(source)?;
        let host_end = match template.parts().first() {
            Some(Part::Gap(_)) => (1, 0),
            Some(Part::Text(text)) if scheme_bytes(text) > 0 => host_end(template.parts()),
            _ => return Err(UrlError::Scheme),
        };
        let made = Self { template, host_end };
        made.check_form()?;
        Ok(made)
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        self.template.source()
    }

    /// The host with its gaps as it was written, perhaps with a port; of an address that is asked for as a whole its gap.
    pub fn host(&self) -> &str {
        let source = self.source();
        let rest = source.get(scheme_bytes(source)..).unwrap_or(source);
        rest.split(['/', '?', '#']).next().unwrap_or(rest)
    }

    /// The names of the gaps.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.template.variables()
    }

    /// Each gap with the place it stands in.
    pub(crate) fn spots(&self) -> Vec<(&str, Spot)> {
        let mut spots = Vec::new();
        let mut query = false;
        let whole = self.host_end == (1, 0);
        for (index, part) in self.template.parts().iter().enumerate() {
            match part {
                Part::Text(text) => query |= text.contains('?'),
                Part::Gap(name) if index == 0 && whole => spots.push((name.as_str(), Spot::Whole)),
                Part::Gap(name) if !whole && index < self.host_end.0 => spots.push((name, Spot::Host)),
                Part::Gap(name) => spots.push((name, if query { Spot::Query } else { Spot::Path })),
            }
        }
        spots
    }

    /// The address with each gap filled. `lookup` gives the values as they were entered.
    pub fn fill(&self, lookup: impl Fn(&str) -> Option<String>) -> Result<Url, UrlError> {
        let mut spots = self.spots().into_iter();
        let mut filled = String::new();
        for (index, part) in self.template.parts().iter().enumerate() {
            let name = match part {
                Part::Text(text) => {
                    filled.push_str(text);
                    continue;
                }
                Part::Gap(name) => name,
            };
            let value = lookup(name).ok_or_else(|| TemplateError::Missing(name.clone()))?;
            let spot = spots.next().map_or(Spot::Path, |(_, spot)| spot);
            let wrong = |expected| UrlError::Value { name: name.clone(), expected };
            match spot {
                Spot::Whole => filled.push_str(&whole_address(&value).ok_or_else(|| wrong(WHOLE))?),
                Spot::Host if is_host(&value) => filled.push_str(&value),
                Spot::Host => return Err(wrong(LABEL)),
                Spot::Path if matches!(value.as_str(), "" | "." | "..") => return Err(wrong(SEGMENT)),
                Spot::Path | Spot::Query if self.is_quoted(index) => {
                    encode(&value.replace('\'', "''"), &mut filled)
                }
                Spot::Path | Spot::Query => encode(&value, &mut filled),
            }
        }
        let url = Url::parse(&filled).map_err(|_| UrlError::Form)?;
        if !is_kept_private(&url) {
            return Err(UrlError::Scheme);
        }
        if !plain(&url) {
            return Err(UrlError::Form);
        }
        if url.path().matches('/').count() != slashes(&filled) {
            return Err(UrlError::Dots);
        }
        Ok(url)
    }

    /// The address with a path behind it, as one template.
    pub fn join(&self, path: &Template) -> Result<Self, UrlError> {
        let base = self.source().trim_end_matches('/');
        Self::parse(&format!("{base}{}", path.source()))
    }

    /// Whether a gap stands between single quotes: a text in OData's addresses, where a quote is doubled.
    fn is_quoted(&self, index: usize) -> bool {
        let text = |at: Option<usize>| match at.and_then(|at| self.template.parts().get(at)) {
            Some(Part::Text(text)) => text.as_str(),
            _ => "",
        };
        text(index.checked_sub(1)).ends_with('\'') && text(index.checked_add(1)).starts_with('\'')
    }

    /// Filled with harmless values, the address must be one.
    fn check_form(&self) -> Result<(), UrlError> {
        let spots = self.spots();
        self.fill(|name| {
            let whole = spots.iter().any(|(known, spot)| *known == name && *spot == Spot::Whole);
            Some(if whole { "https://host.example/path".into() } else { "a1".into() })
        })
        .map(|_| ())
        .map_err(|error| match error {
            UrlError::Dots | UrlError::Scheme => error,
            _ => UrlError::Form,
        })
    }
}

/// How long the scheme is that a text begins with, in bytes; 0 for none.
fn scheme_bytes(text: &str) -> usize {
    SCHEMES.iter().find(|scheme| text.starts_with(**scheme)).map_or(0, |scheme| scheme.len())
}

/// The slashes of the path as it was written; an empty path is read as one.
fn slashes(address: &str) -> usize {
    let rest = address.get(scheme_bytes(address)..).unwrap_or_default();
    let path = rest.find(['/', '?']).map_or("", |at| &rest[at..]);
    path.split('?').next().unwrap_or_default().matches('/').count().max(1)
}

/// Where the host ends: index of the part, bytes into it.
fn host_end(parts: &[Part]) -> (usize, usize) {
    for (index, part) in parts.iter().enumerate() {
        if let Part::Text(text) = part {
            let from = if index == 0 { scheme_bytes(text) } else { 0 };
            if let Some(at) = text[from..].find(['/', '?', '#']) {
                return (index, from + at);
            }
        }
    }
    (parts.len(), 0)
}

/// One label of a host name.
pub(crate) fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Labels with dots between them, perhaps with a port. Whether a field allows dots is the field's own check.
pub(crate) fn is_host(text: &str) -> bool {
    let (name, port) = text.split_once(':').unwrap_or((text, "443"));
    name.len() <= 253
        && name.split('.').all(is_label)
        && !port.starts_with('+')
        && port.parse::<u16>().is_ok()
}

/// A whole address without what could hide in one, and without a slash at its end.
pub(crate) fn whole_address(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let fine = is_kept_private(&url) && plain(&url) && url.query().is_none();
    fine.then(|| url.as_str().trim_end_matches('/').to_owned())
}

/// Whether nobody on the way reads what is sent there: https, or http that does not leave this machine. Whether anything of
/// this machine may be called at all is for the egress rules to say.
fn is_kept_private(url: &Url) -> bool {
    let stays = || match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(_)) | None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && stays())
}

fn plain(url: &Url) -> bool {
    url.host().is_some() && url.username().is_empty() && url.password().is_none() && url.fragment().is_none()
}

/// Percent-encodes everything but the unreserved characters (RFC 3986 §2.3).
pub(crate) fn encode(value: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

impl TryFrom<String> for UrlTemplate {
    type Error = UrlError;
    fn try_from(source: String) -> Result<Self, UrlError> {
        Self::parse(&source)
    }
}

impl From<UrlTemplate> for String {
    fn from(url: UrlTemplate) -> String {
        url.template.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(source: &str, value: &str) -> Result<String, UrlError> {
        UrlTemplate::parse(source).unwrap().fill(|_| Some(value.to_owned())).map(String::from)
    }

    #[test]
    fn a_value_in_the_host_stays_in_the_host() {
        let source = "https://{instance}.example.com/api";
        assert_eq!(filled(source, "acme").unwrap(), "https://acme.example.com/api");
        for bad in
            ["", "a/b", "evil.com#", "evil.com/", "a@b", "a:b", "-a", "a..b", "a%2eb", "a\\b", "ä", "a b"]
        {
            assert!(matches!(filled(source, bad), Err(UrlError::Value { .. })), "{bad}");
        }
    }

    #[test]
    fn a_value_in_path_or_query_is_one_segment_or_one_value() {
        assert_eq!(
            filled("https://a.example/{t}/x", "../b?c#d").unwrap(),
            "https://a.example/..%2Fb%3Fc%23d/x"
        );
        assert!(filled("https://a.example/{t}/x", "..").is_err());
        assert_eq!(filled("https://a.example/x?y={t}", "b&c=d").unwrap(), "https://a.example/x?y=b%26c%3Dd");
    }

    #[test]
    fn values_beside_each_other_make_no_dots() {
        for (source, value) in [("https://a.example/x/.{t}/y", "."), ("https://a.example/x/{t}{t}", ".")] {
            assert!(filled(source, value).is_err(), "{source}");
            assert!(filled(source, "b").is_ok(), "{source}");
        }
    }

    #[test]
    fn a_quote_in_a_quoted_value_is_doubled() {
        let url = filled("https://a.example/lists/getbytitle('{t}')/items", "x')/y('").unwrap();
        assert_eq!(url, "https://a.example/lists/getbytitle('x%27%27%29%2Fy%28%27%27')/items");
    }

    #[test]
    fn a_path_is_added_to_its_base() {
        let base = UrlTemplate::parse("{site_url}").unwrap();
        let url = base.join(&Template::parse("/_api/{id}").unwrap()).unwrap();
        let filled =
            url.fill(|name| Some(if name == "id" { "a/b" } else { "https://h.example/" }.to_owned()));
        assert_eq!(filled.unwrap().as_str(), "https://h.example/_api/a%2Fb");
    }

    #[test]
    fn the_host_is_told_as_it_was_written() {
        for (source, host) in [
            ("https://{a}.example.com/x?y=1", "{a}.example.com"),
            ("https://a.example:8443?x", "a.example:8443"),
            ("https://{host}", "{host}"),
            ("{site_url}/_api", "{site_url}"),
        ] {
            assert_eq!(UrlTemplate::parse(source).unwrap().host(), host, "{source}");
        }
    }

    #[test]
    fn http_is_for_this_machine_alone() {
        assert_eq!(
            filled("{site_url}/_api", "http://127.0.0.1:8080/x").unwrap(),
            "http://127.0.0.1:8080/x/_api"
        );
        assert_eq!(whole_address("http://[::1]:8080/").unwrap(), "http://[::1]:8080");
        assert_eq!(filled("http://127.0.0.1:8080/x/{t}", "a/b").unwrap(), "http://127.0.0.1:8080/x/a%2Fb");
        for bad in ["http://a.example/x", "http://{t}/x", "http://127.0.0.{t}/", "http:///127.0.0.1/"] {
            assert!(UrlTemplate::parse(bad).is_err(), "{bad}");
        }
        for elsewhere in
            ["http://10.0.0.1", "http://localhost", "http://127.0.0.1.example", "ftp://127.0.0.1"]
        {
            assert_eq!(whole_address(elsewhere), None, "{elsewhere}");
        }
    }

    #[test]
    fn a_whole_address_is_plain_https() {
        assert_eq!(filled("{site_url}/_api", "https://h.example/s/").unwrap(), "https://h.example/s/_api");
        for bad in
            ["http://h.example", "https://u:p@h.example", "https://h.example?x=1", "https://h.example#", "h"]
        {
            assert!(filled("{site_url}/_api", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn forms_that_could_lie_are_refused() {
        for bad in [
            "http://a.example",
            "ftp://a",
            "a.example",
            "https://",
            "https://u@a.example/",
            "https://a.example/#x",
            "https://a b/",
            "https:///a.example/",
            "https://a.example/x/../y",
            "https://a.example/%2e%2e/y",
            "https://a.example\\y",
        ] {
            assert!(UrlTemplate::parse(bad).is_err(), "{bad}");
        }
    }
}
