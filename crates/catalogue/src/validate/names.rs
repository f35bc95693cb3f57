//! The names that templates may use, and where their values may stand.

use std::collections::BTreeMap;

use crate::model::{AuthKind, AuthType, ConnectorType, Field, FieldType};
use crate::url_template::Spot;

/// Names that stand for what authentication gives. No field has them.
pub(super) const RESERVED: [&str; 4] = ["access_token", "session_value", "jwt", "redirect_uri"];

/// What is known of a name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name {
    /// The type of its values.
    pub kind: FieldType,
    /// Whether it must stay out of addresses.
    pub secret: bool,
}

/// Names in reach of a template.
#[derive(Debug, Clone, Default)]
pub(super) struct Names<'a>(BTreeMap<&'a str, Name>);

impl<'a> Names<'a> {
    /// Fields alone: what is known before anything is asked of the vendor.
    pub(super) fn of_fields(connector: &'a ConnectorType, auth: &'a AuthType) -> Self {
        let mut names = Self::default();
        names.add_fields(&connector.fields);
        names.add_fields(&auth.fields);
        names
    }

    /// The same with what the vendor told.
    pub(super) fn of_connection(connector: &'a ConnectorType, auth: &'a AuthType) -> Self {
        let mut names = Self::of_fields(connector, auth);
        if let Some(oauth) = &auth.oauth {
            for value in oauth.token_values.iter().chain(&oauth.callback_values) {
                names.add(value.key.as_str(), value.kind, false);
            }
        }
        for value in auth.lookup.iter().flat_map(|lookup| &lookup.values) {
            names.add(value.key.as_str(), value.kind, false);
        }
        names
    }

    /// The same with the credential itself.
    pub(super) fn with_credential(mut self, auth: &AuthType) -> Self {
        let name = match auth.kind {
            AuthKind::Jwt => "jwt",
            _ if auth.session.is_some() => "session_value",
            kind if kind.is_oauth2() => "access_token",
            _ => return self,
        };
        self.add(name, FieldType::Text, true);
        self
    }

    pub(super) fn add(&mut self, name: &'a str, kind: FieldType, secret: bool) {
        self.0.insert(name, Name { kind, secret });
    }

    pub(super) fn get(&self, name: &str) -> Option<Name> {
        self.0.get(name).copied()
    }

    /// What to say of a name that is not there.
    pub(super) fn unknown(&self, name: &str) -> String {
        let known = self.0.keys().copied().collect::<Vec<_>>().join(", ");
        format!("{{{name}}} is no declared field or variable (known here: {known})")
    }

    fn add_fields(&mut self, fields: &'a [Field]) {
        for field in fields {
            self.add(field.key.as_str(), field.kind, field.secret);
        }
    }
}

/// Why a value of a kind cannot stand somewhere.
pub(super) fn misfit(kind: FieldType, spot: Spot) -> Option<&'static str> {
    match (spot, kind) {
        (Spot::Whole, FieldType::Url) => None,
        (Spot::Whole, _) => Some("begins an address, so its type must be url"),
        (Spot::Host, FieldType::HostLabel | FieldType::Host | FieldType::Choice) => None,
        (Spot::Host, _) => Some("stands in a host, so its type must be host_label, host or choice"),
        (_, FieldType::Multiline) => Some("has several lines and stands in an address"),
        _ => None,
    }
}
