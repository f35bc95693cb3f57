//! What the parts of a connector type must say of each other. Finds everything at once, so that whoever
//! writes a file mends it in one go.

mod actions;
mod auth;
mod names;
mod people;

use std::collections::BTreeMap;
use std::fmt;

use names::{Name, Names};

use crate::limits;
use crate::model::{AuthType, ConnectorType, Field, FieldType, TestRequest};
use crate::url_template::is_host;
use crate::{Template, UrlTemplate};

/// Something wrong with a connector type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problem {
    /// Where: `auth.oauth.token_url`; empty for the whole.
    pub at: String,
    /// What, and what would be right.
    pub what: String,
}

impl Problem {
    pub(crate) fn at(at: impl Into<String>, what: impl Into<String>) -> Self {
        Self { at: at.into(), what: what.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.at.is_empty() { f.write_str(&self.what) } else { write!(f, "{}: {}", self.at, self.what) }
    }
}

/// Everything that is wrong with a connector type; empty when nothing is.
pub fn validate(connector: &ConnectorType) -> Vec<Problem> {
    let mut check = Check { problems: Vec::new() };
    check.head(connector);
    check.fields("fields", &connector.fields);
    if connector.auth.is_empty() {
        check.add("auth", "at least one authentication type is needed (kind = \"none\" if there is nothing)");
    }
    check.most("auth", connector.auth.len(), limits::AUTH_TYPES);
    for (index, auth) in connector.auth.iter().enumerate() {
        if connector.auth.iter().take(index).any(|other| other.id == auth.id) {
            check.add(format!("auth {}", auth.id), "the id is there twice");
        }
        check.auth(connector, auth);
    }
    check.actions(connector);
    check.people(connector);
    check.problems
}

struct Check {
    problems: Vec<Problem>,
}

impl Check {
    fn add(&mut self, at: impl Into<String>, what: impl Into<String>) {
        self.problems.push(Problem::at(at, what));
    }

    fn most(&mut self, at: &str, number: usize, most: usize) {
        if number > most {
            self.add(at, format!("{number} of them, at most {most} are allowed"));
        }
    }

    /// A text shown to people: not blank, one line, not too long.
    fn line(&mut self, at: &str, text: &str, most: usize) {
        if text.trim().is_empty() || text.trim() != text {
            self.add(at, "must not be blank, nor begin or end with a space");
        }
        if text.chars().count() > most || text.chars().any(char::is_control) {
            self.add(at, format!("must be one line of at most {most} characters"));
        }
    }

    fn head(&mut self, connector: &ConnectorType) {
        self.line("name", &connector.name, limits::LABEL_CHARS);
        self.line("description", &connector.description, limits::LINE_CHARS);
        if let Some(checked) = &connector.checked
            && !is_month(&checked.month)
        {
            self.add("checked.month", "is a year and a month, such as 2026-11");
        }
        if connector.base_url.source().contains('?') {
            self.add("base_url", "has a query; paths are added to it");
        }
        let errors = &connector.errors;
        if let Some(wrong) = errors.auth_status.iter().find(|status| !(400..600).contains(*status)) {
            self.add("errors.auth_status", format!("{wrong} is no status of a failure"));
        }
        if !errors.auth_messages.is_empty() && errors.message.is_empty() {
            self.add("errors.auth_messages", "needs `message`: where the answer says it");
        }
    }

    fn fields(&mut self, at: &str, fields: &[Field]) {
        self.most(at, fields.len(), limits::FIELDS);
        for (index, field) in fields.iter().enumerate() {
            let at = format!("{at}.{}", field.key);
            if names::RESERVED.contains(&field.key.as_str()) {
                self.add(&at, "this name is ours: it stands for what authentication gives");
            }
            if fields.iter().take(index).any(|other| other.key == field.key) {
                self.add(&at, "the key is there twice");
            }
            self.field(&at, field);
        }
    }

    fn field(&mut self, at: &str, field: &Field) {
        self.line(at, &field.label, limits::LABEL_CHARS);
        if let Some(help) = &field.help {
            self.line(at, help.source(), limits::LINE_CHARS);
        }
        if (field.kind == FieldType::Choice) == field.choices.is_empty() {
            self.add(at, "`choices` belong to the type choice, and it needs some");
        }
        if !field.hosts.is_empty() && !matches!(field.kind, FieldType::Url | FieldType::Host) {
            self.add(at, "`hosts` belong to the types url and host");
        }
        self.hosts(at, &field.hosts);
        if let Some(default) = &field.default {
            if field.secret {
                self.add(at, "a secret has no default");
            }
            if let Err(problem) = field.check(default) {
                self.add(at, format!("its own default does not fit: {problem}"));
            }
        }
    }

    fn hosts(&mut self, at: &str, hosts: &[String]) {
        if let Some(wrong) = hosts.iter().find(|host| !is_host(host) || !host.contains('.')) {
            self.add(at, format!("{wrong:?} in `hosts` is no host name"));
        }
    }

    /// A text whose gaps must all be known.
    fn template(&mut self, at: &str, template: &Template, names: &Names<'_>) {
        for variable in template.variables() {
            if names.get(variable).is_none() {
                self.add(at, names.unknown(variable));
            }
        }
    }

    /// An address: gaps are known, fit where they stand, and are no secrets.
    fn url(&mut self, at: &str, url: &UrlTemplate, names: &Names<'_>) {
        for (variable, spot) in url.spots() {
            match names.get(variable) {
                None => self.add(at, names.unknown(variable)),
                Some(Name { secret: true, .. }) => {
                    self.add(at, format!("{{{variable}}} is a secret, and addresses hold none"));
                }
                Some(Name { kind, .. }) => {
                    if let Some(wrong) = names::misfit(kind, spot) {
                        self.add(at, format!("{{{variable}}} {wrong}"));
                    }
                }
            }
        }
    }

    /// A path added to an address, as one.
    fn path(&mut self, at: &str, base: &UrlTemplate, path: &Template, names: &Names<'_>) {
        if !path.source().is_empty() && !path.source().starts_with('/') {
            self.add(at, "a path is empty or begins with a slash");
            return;
        }
        match base.join(path) {
            Ok(url) => self.url(at, &url, names),
            Err(error) => self.add(at, error.to_string()),
        }
    }

    fn headers(&mut self, at: &str, headers: &BTreeMap<String, Template>, names: &Names<'_>) {
        for (name, value) in headers {
            let at = format!("{at}.{name}");
            self.header_name(&at, name);
            self.template(&at, value, names);
        }
    }

    fn header_name(&mut self, at: &str, name: &str) {
        if !is_token(name) {
            self.add(at, format!("{name:?} is no name of a header"));
        } else if !is_header_name(name) {
            self.add(at, "this header is written by whoever sends the request");
        }
    }

    fn test(
        &mut self,
        at: &str,
        test: &TestRequest,
        connector: &ConnectorType,
        auth: &AuthType,
        names: &Names<'_>,
    ) {
        let base = self.base(at, test.base.as_ref(), connector, auth);
        self.path(at, base, &test.path, names);
        self.headers(at, &test.headers, names);
        if test.expect.is_empty() || test.expect.iter().any(|status| !(200..500).contains(status)) {
            self.add(at, "`expect` holds the status codes that mean it works");
        }
    }

    /// The address a path is added to.
    fn base<'a>(
        &mut self,
        at: &str,
        named: Option<&crate::Key>,
        connector: &'a ConnectorType,
        auth: &'a AuthType,
    ) -> &'a UrlTemplate {
        let usual = auth.base_url.as_ref().unwrap_or(&connector.base_url);
        let Some(named) = named else { return usual };
        connector.bases.get(named).unwrap_or_else(|| {
            self.add(at, format!("there is no base {named}"));
            usual
        })
    }
}

/// A year and a month, as `2026-11`.
fn is_month(text: &str) -> bool {
    let number = |text: &str, digits: usize| {
        (text.len() == digits && text.bytes().all(|b| b.is_ascii_digit()))
            .then(|| text.parse::<u16>().ok())?
    };
    let Some((year, month)) = text.split_once('-') else { return false };
    number(year, 4).is_some() && number(month, 2).is_some_and(|month| (1..=12).contains(&month))
}

/// A token of RFC 9110 §5.6.2.
fn is_token(name: &str) -> bool {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !name.is_empty() && name.bytes().all(token)
}

/// The name of a header, and none that is ours to write.
pub(crate) fn is_header_name(name: &str) -> bool {
    let ours = ["host", "content-length", "transfer-encoding", "connection"];
    is_token(name) && !ours.contains(&name.to_lowercase().as_str())
}
