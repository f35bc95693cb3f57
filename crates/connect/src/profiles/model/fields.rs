//! Fields beside the standard credentials: some go to the authorization server, some go with each request.

use gatehouse_types::{Error, Result};
use serde::{Deserialize, Serialize};

/// Fields of a kind at most.
pub(crate) const MAX_FIELDS: usize = 30;
/// The longest key, in characters.
const MAX_KEY: usize = 100;
/// The longest value, in characters.
const MAX_VALUE: usize = 2_000;
/// What stands for the token in the value of an authorization field.
pub(crate) const TOKEN: &str = "{access_token}";
/// Words of the protocol that a field may not take over.
const OURS: [&str; 12] = [
    "client_id",
    "client_secret",
    "code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "grant_type",
    "redirect_uri",
    "refresh_token",
    "response_type",
    "scope",
    "state",
];

/// A value that is sent to the authorization server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AdditionalField {
    /// The parameter's name.
    pub(crate) key: String,
    /// Its value; `null` or absent: each person is asked for it when they authorize, and it is kept for them.
    #[serde(default)]
    pub(crate) value: Option<String>,
}

/// Where an authorization field is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FieldPlace {
    /// A header.
    Header,
    /// A member of the body, of POST and PUT requests.
    Payload,
    /// A parameter of the query.
    Query,
    /// A `{key}` of the path.
    Path,
}

impl FieldPlace {
    /// All places, with what people call them.
    pub(crate) const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Header, "header", "Header"),
        (Self::Payload, "payload", "Payload"),
        (Self::Query, "query", "Query String"),
        (Self::Path, "path", "Path Param"),
    ];

    pub(crate) fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(place, ..)| *place == self).map_or("", |(_, name, _)| name)
    }
}

/// A value that goes with each request through the profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AuthorizationField {
    /// `header`, `payload`, `query` or `path`.
    #[serde(rename = "type")]
    pub(crate) place: FieldPlace,
    /// Its name there.
    pub(crate) key: String,
    /// Its value; `{access_token}` in it stands for the token, which is then put nowhere else. Absent: what the person was
    /// asked for under the same key, else nothing.
    #[serde(default)]
    pub(crate) value: Option<String>,
}

impl AuthorizationField {
    /// Whether its value says where the token goes.
    pub(crate) fn places_token(&self) -> bool {
        self.value.as_deref().is_some_and(|value| value.contains(TOKEN))
    }
}

/// Both kinds; sealed in the database, because a value may be a credential.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    pub(crate) additional: Vec<AdditionalField>,
    pub(crate) authorization: Vec<AuthorizationField>,
}

impl Fields {
    /// The keys that each person is asked for.
    pub(crate) fn asked(&self) -> impl Iterator<Item = &str> {
        self.additional.iter().filter(|f| f.value.is_none()).map(|f| f.key.as_str())
    }
}

/// The additional fields, as a person enters them.
///
/// # Errors
/// `Validation`.
pub(crate) fn checked_additional(fields: Vec<AdditionalField>) -> Result<Vec<AdditionalField>> {
    const FIELD: &str = "additionalFields";
    few(FIELD, fields.len())?;
    let mut all: Vec<AdditionalField> = Vec::new();
    for (n, AdditionalField { key, value }) in fields.into_iter().enumerate() {
        let at = |part: &str| format!("{FIELD}[{n}].{part}");
        let key = checked_key(&at("key"), &key)?;
        if OURS.contains(&key.as_str()) {
            let message = format!("{key} belongs to the protocol and is sent by itself.");
            return Err(Error::validation(at("key"), message));
        }
        if all.iter().any(|other| other.key == key) {
            return Err(Error::validation(at("key"), format!("There are two fields {key}.")));
        }
        if value.as_deref().is_some_and(|v| v.trim().is_empty()) {
            let message =
                "Enter the field value. Leave it out altogether (null) to have each person asked for it.";
            return Err(Error::validation(at("value"), message));
        }
        all.push(AdditionalField { value: value.map(|v| checked_value(&at("value"), v)).transpose()?, key });
    }
    Ok(all)
}

/// The authorization fields, as a person enters them.
///
/// # Errors
/// `Validation`.
pub(crate) fn checked_authorization(fields: Vec<AuthorizationField>) -> Result<Vec<AuthorizationField>> {
    const FIELD: &str = "authorizationFields";
    few(FIELD, fields.len())?;
    let mut all: Vec<AuthorizationField> = Vec::new();
    for (n, AuthorizationField { place, key, value }) in fields.into_iter().enumerate() {
        let at = |part: &str| format!("{FIELD}[{n}].{part}");
        let key = checked_key(&at("key"), &key)?;
        let fits = match place {
            FieldPlace::Header => {
                key.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
            }
            FieldPlace::Path => key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'),
            FieldPlace::Payload | FieldPlace::Query => true,
        };
        if !fits {
            let message = format!("{key:?} cannot be the name of a {}.", place.as_str());
            return Err(Error::validation(at("key"), message));
        }
        let is_same = |other: &&AuthorizationField| {
            other.place == place
                && if place == FieldPlace::Header {
                    other.key.eq_ignore_ascii_case(&key)
                } else {
                    other.key == key
                }
        };
        if all.iter().any(|other| is_same(&other)) {
            return Err(Error::validation(at("key"), format!("There are two fields {key} of this type.")));
        }
        // an empty value is none
        let value = value.filter(|v| !v.is_empty()).map(|v| checked_value(&at("value"), v)).transpose()?;
        all.push(AuthorizationField { place, key, value });
    }
    Ok(all)
}

fn few(field: &'static str, count: usize) -> Result<()> {
    if count <= MAX_FIELDS {
        Ok(())
    } else {
        Err(Error::validation(field, "There can be at most 30 fields."))
    }
}

fn checked_key(at: &str, key: &str) -> Result<String> {
    let key = key.trim();
    if key.is_empty() {
        return Err(Error::validation(at.to_owned(), "Enter the field key."));
    }
    if key.chars().count() > MAX_KEY || key.chars().any(char::is_control) {
        return Err(Error::validation(at.to_owned(), "A field key is one line of at most 100 characters."));
    }
    Ok(key.to_owned())
}

/// One line, so that it can stand in a header too.
pub(crate) fn checked_value(at: &str, value: String) -> Result<String> {
    if value.chars().count() > MAX_VALUE || value.chars().any(char::is_control) {
        return Err(Error::validation(
            at.to_owned(),
            "A field value is one line of at most 2000 characters.",
        ));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn additional(key: &str, value: Option<&str>) -> AdditionalField {
        AdditionalField { key: key.to_owned(), value: value.map(str::to_owned) }
    }

    #[test]
    fn a_field_without_a_value_is_asked_and_an_empty_one_is_a_mistake() {
        let fields =
            checked_additional(vec![additional("Pin code", Some("2344567")), additional("otp", None)])
                .unwrap();
        let fields = Fields { additional: fields, authorization: Vec::new() };
        assert_eq!(fields.asked().collect::<Vec<_>>(), ["otp"]);
        for (bad, at) in [
            (additional("", Some("1")), "additionalFields[0].key"),
            (additional("pin", Some(" ")), "additionalFields[0].value"),
            (additional("client_secret", Some("x")), "additionalFields[0].key"),
            (additional("a\nb", Some("x")), "additionalFields[0].key"),
        ] {
            assert_eq!(checked_additional(vec![bad]).unwrap_err().field(), Some(at));
        }
    }

    #[test]
    fn an_authorization_field_needs_a_key_that_fits_its_place() {
        let field = |place, key: &str| AuthorizationField { place, key: key.to_owned(), value: None };
        for good in [
            field(FieldPlace::Header, "X-Id"),
            field(FieldPlace::Path, "account_id"),
            field(FieldPlace::Query, "a b"),
        ] {
            assert!(checked_authorization(vec![good]).is_ok());
        }
        for bad in [
            field(FieldPlace::Header, "X Id"),
            field(FieldPlace::Path, "a/b"),
            field(FieldPlace::Payload, ""),
        ] {
            assert!(checked_authorization(vec![bad.clone()]).is_err(), "{bad:?}");
        }
        let twice = vec![field(FieldPlace::Header, "X-Id"), field(FieldPlace::Header, "x-id")];
        assert!(checked_authorization(twice).is_err());
    }
}
