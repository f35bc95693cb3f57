//! Sign-in calls whose answer holds a token for a while (the kind `session`). Each server signs in for itself and keeps the
//! token in memory alone.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use gatehouse_catalogue::request::{Content, Request};
use gatehouse_catalogue::{Session, TokenBody};
use gatehouse_types::{ConnectorId, Error, Result, Secret, Timestamp};
use serde_json::{Map, Value};
use url::form_urlencoded::Serializer;

use super::spec::{Ready, unmade};
use crate::connectors::credential::{basic, filled, set_header};

/// Connectors whose tokens are kept at once; beyond, a sign-in is made for each call.
const MOST: usize = 2_000;
/// The longest token that is taken, in bytes.
const MAX_TOKEN: usize = 16 * 1024;
/// So many seconds before its end a token is not used any more.
const MARGIN: i64 = 30;

/// Tokens of sign-in calls.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<HashMap<ConnectorId, Held>>);

#[derive(Clone, Debug)]
struct Held {
    token: Secret,
    /// The connector as it was.
    version: i64,
    until: Timestamp,
}

impl Sessions {
    /// The token of a connector as it is now.
    pub(crate) fn get(&self, id: &ConnectorId, version: i64, now: Timestamp) -> Option<Secret> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = kept.get(id).filter(|held| held.version == version && held.until > now)?;
        Some(held.token.clone())
    }

    /// Keeps a token.
    pub(crate) fn put(&self, ready: &Ready, of: &Session, token: Secret, now: Timestamp) {
        let until = now.plus_seconds(i64::from(of.lifetime_seconds) - MARGIN);
        let held = Held { token, version: ready.connector.version, until };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST {
            kept.retain(|_, held| held.until > now);
        }
        if kept.len() < MOST {
            kept.insert(ready.connector.id.clone(), held);
        }
    }

    /// Forgets a token, and gives it back.
    pub(crate) fn forget(&self, id: &ConnectorId) -> Option<Secret> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id).map(|held| held.token)
    }
}

/// The sign-in call.
///
/// # Errors
/// `Conflict` when a value is missing.
pub(crate) fn request(of: &Session, value: impl Fn(&str) -> Option<String> + Copy) -> Result<Request> {
    let url = of.url.fill(value).map_err(unmade)?;
    let mut request = Request { method: of.method, base: url.clone(), url, headers: Vec::new(), body: None };
    for (name, template) in &of.headers {
        set_header(&mut request, name, &filled(template, value)?)?;
    }
    if let Some(pair) = &of.basic {
        let header = basic(Some(pair), value)?;
        set_header(&mut request, "Authorization", header.expose())?;
    }
    let mut members = Vec::new();
    for (name, template) in &of.body {
        members.push((name.clone(), filled(template, value)?));
    }
    if members.is_empty() {
        return Ok(request);
    }
    match of.body_format {
        TokenBody::Json => {
            let json: Map<String, Value> = members.into_iter().map(|(n, v)| (n, v.into())).collect();
            let bytes = serde_json::to_vec(&json).map_err(Error::internal)?;
            request.body = Some(Content { media_type: "application/json".to_owned(), bytes });
        }
        TokenBody::Form => {
            let bytes = Serializer::new(String::new()).extend_pairs(members).finish().into_bytes();
            let media_type = "application/x-www-form-urlencoded".to_owned();
            request.body = Some(Content { media_type, bytes });
        }
        TokenBody::Query => {
            request.url.query_pairs_mut().extend_pairs(members);
        }
    }
    Ok(request)
}

/// The token in the answer.
///
/// # Errors
/// `Conflict` when there is none.
pub(crate) fn token(
    of: &Session,
    body: &Value,
    header: impl Fn(&str) -> Option<String>,
    cookie: impl Fn(&str) -> Option<String>,
) -> Result<Secret> {
    let at = of.token.as_ref().and_then(|pointer| match body.pointer(pointer.as_str())? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    });
    let found = at.or_else(|| of.token_header.as_deref().and_then(header));
    let found = found.or_else(|| of.token_cookie.as_deref().and_then(cookie));
    let found = found.filter(|text| !text.is_empty() && text.len() <= MAX_TOKEN);
    found.map(Secret::new).ok_or_else(|| {
        Error::conflict(
            "The product answered the sign-in without a token. Look at user name, password and address.",
        )
    })
}

#[cfg(test)]
mod tests {
    use gatehouse_catalogue::Catalogue;
    use serde_json::json;

    use super::*;

    fn session(id: &str) -> Session {
        let connector = Catalogue::built_in().unwrap().get(id).unwrap();
        connector.auth.iter().find_map(|auth| auth.session.clone()).unwrap()
    }

    #[test]
    fn the_sign_in_says_what_the_file_says() {
        let value = |name: &str| match name {
            "api_url" => Some("https://edir.acme.example".to_owned()),
            "user_dn" => Some("cn=a".to_owned()),
            "password" => Some("hush".to_owned()),
            "ldap_server" => Some("ldap".to_owned()),
            _ => None,
        };
        let made = request(&session("netiq-edirectory"), value).unwrap();
        assert_eq!(made.url.as_str(), "https://edir.acme.example/eDirAPI/v1/session");
        let body: Value = serde_json::from_slice(&made.body.unwrap().bytes).unwrap();
        assert_eq!(body, json!({"dn": "cn=a", "password": "hush", "ldapserver": "ldap"}));
        assert!(made.headers.contains(&("Origin".to_owned(), "https://edir.acme.example".to_owned())));
    }

    #[test]
    fn a_token_is_read_where_the_file_says_or_told_missing() {
        let of = session("netiq-edirectory");
        let cookie = |name: &str| (name == "RSESSION").then(|| "t-1".to_owned());
        assert_eq!(token(&of, &Value::Null, |_| None, cookie).unwrap().expose(), "t-1");
        assert!(token(&of, &json!({"RSESSION": "x"}), |_| None, |_| None).is_err());
    }
}
