//! What token endpoints answer (RFC 6749 §5.1 and §5.2), and what vendors answer instead.

use std::collections::BTreeMap;

use gatehouse_outbound::Response;
use gatehouse_types::Secret;
use serde_json::{Map, Value};

use super::ClientSpec;

/// The longest text of an outside server that is repeated, in characters.
const MAX_WORDS: usize = 300;
/// The longest token, in bytes.
const MAX_TOKEN: usize = 64 * 1024;
/// The longest further value, in characters.
const MAX_VALUE: usize = 2_000;
/// The longest lifetime that is believed, in seconds (100 years).
const MAX_LIFETIME: i64 = 3_155_760_000;

/// What an answer gave.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) access_token: Secret,
    pub(crate) refresh_token: Option<Secret>,
    /// Seconds.
    pub(crate) expires_in: Option<i64>,
    /// Seconds until the refresh token ends, where the server tells.
    pub(crate) refresh_expires_in: Option<i64>,
    /// What was granted, when it is not what was asked for (§5.1).
    pub(crate) scope: Option<String>,
    pub(crate) values: BTreeMap<String, String>,
}

/// The server said no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Its word for it (`invalid_grant`).
    pub(crate) error: String,
    /// Its sentence, if it gave one.
    pub(crate) description: Option<String>,
}

impl Refused {
    /// Whether what we hold is taken no more: only somebody who authorizes again helps. `invalid_grant`, and what vendors
    /// say instead.
    pub(crate) fn is_final(&self) -> bool {
        matches!(
            self.error.as_str(),
            "invalid_grant"
                | "bad_refresh_token"
                | "invalid_refresh_token"
                | "refresh_token_expired"
                | "expired_token"
                | "token_revoked"
                | "token_expired"
                | "interaction_required"
                | "consent_required"
        )
    }

    /// Whether it is our client that is refused.
    pub(crate) fn is_about_client(&self) -> bool {
        matches!(
            self.error.as_str(),
            "invalid_client" | "unauthorized_client" | "invalid_client_id" | "bad_client_secret"
        )
    }

    fn words(&self) -> String {
        match &self.description {
            Some(description) => format!("{}: {description}", self.error),
            None => self.error.clone(),
        }
    }
}

/// Why a server gave no token. The texts are for administrators: they name what the server said, and no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AskError {
    /// It said no.
    Refused(Refused),
    /// It was not reached, or it is not well.
    Unreachable(String),
    /// It answered something that is no answer to this.
    Odd(String),
}

impl std::fmt::Display for AskError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(refused) if refused.is_about_client() => write!(
                f,
                "The provider refuses our client id or its secret ({}). Check both on this page and at the provider.",
                refused.words()
            ),
            Self::Refused(refused) => write!(f, "The provider refuses ({}).", refused.words()),
            Self::Unreachable(why) | Self::Odd(why) => f.write_str(why),
        }
    }
}

/// Reads an answer of the token endpoint.
pub(crate) fn read(spec: &ClientSpec, response: &Response, hide: &[&Secret]) -> Result<Tokens, AskError> {
    let status = response.status;
    let body = body_of(response);
    if let Some(refused) = body.as_ref().and_then(|body| refusal(body, hide)) {
        return Err(match status.is_server_error() || status.as_u16() == 429 {
            // what an overloaded server calls an error is no word about the grant
            true if !refused.is_final() => {
                AskError::Unreachable(format!("The provider answered {status} ({}).", refused.words()))
            }
            _ => AskError::Refused(refused),
        });
    }
    if status.is_server_error() || status.as_u16() == 429 {
        return Err(AskError::Unreachable(format!("The provider answered {status}.")));
    }
    let odd = |why: &str| AskError::Odd(format!("The provider's token endpoint answered {status} {why}"));
    let Some(body) = body else { return Err(odd("and no JSON. Check its address.")) };
    if !status.is_success() {
        return Err(odd("without saying why. Check its address."));
    }
    tokens(spec, &body).ok_or_else(|| odd("and no access token where one should be."))
}

fn tokens(spec: &ClientSpec, body: &Value) -> Option<Tokens> {
    let at = &spec.pointers;
    let token = |pointer: &str| {
        let text = body.pointer(pointer)?.as_str()?;
        let fits = !text.is_empty()
            && text.len() <= MAX_TOKEN
            && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
        fits.then(|| Secret::new(text))
    };
    let named = |names: [&str; 2]| names.iter().find_map(|name| seconds(body.get(name)?));
    let values =
        at.values.iter().filter_map(|(name, pointer)| Some((name.clone(), text(body.pointer(pointer)?)?)));
    Some(Tokens {
        access_token: token(&at.access_token)?,
        refresh_token: token(&at.refresh_token),
        expires_in: body
            .pointer(&at.expires_in)
            .and_then(seconds)
            .or_else(|| spec.default_lifetime.and_then(|lifetime| i64::try_from(lifetime.as_secs()).ok())),
        refresh_expires_in: named(["refresh_expires_in", "refresh_token_expires_in"]).filter(|s| *s > 0),
        scope: body.get("scope").and_then(text),
        values: values.collect(),
    })
}

/// A number of seconds, also where it is written as text; nonsense counts as nothing said.
fn seconds(value: &Value) -> Option<i64> {
    let number = match value {
        Value::Number(n) => n.as_i64().or_else(|| n.as_f64().map(|f| f as i64)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|n| (0..=MAX_LIFETIME).contains(n))
}

fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => return None,
    };
    (text.chars().count() <= MAX_VALUE).then_some(text)
}

/// The object of an answer; some servers write a form whatever one asks for.
fn body_of(response: &Response) -> Option<Value> {
    if let Ok(value @ Value::Object(_)) = serde_json::from_slice(&response.body) {
        return Some(value);
    }
    let is_form =
        response.header("content-type").is_some_and(|t| t.starts_with("application/x-www-form-urlencoded"));
    is_form.then(|| {
        let pairs = url::form_urlencoded::parse(&response.body);
        let map: Map<String, Value> =
            pairs.map(|(k, v)| (k.into_owned(), Value::String(v.into_owned()))).collect();
        Value::Object(map)
    })
}

fn refusal(body: &Value, hide: &[&Secret]) -> Option<Refused> {
    let (error, description) = match body.get("error")? {
        Value::String(error) => (error.as_str(), body.get("error_description")),
        // {"error": {"code" or "type": …, "message": …}}
        Value::Object(inner) => (
            ["code", "type", "status"].iter().find_map(|k| inner.get(*k)?.as_str()).unwrap_or("error"),
            inner.get("message"),
        ),
        _ => return None,
    };
    if error.is_empty() {
        return None;
    }
    let description = description.or_else(|| body.get("message")).and_then(Value::as_str);
    Some(Refused {
        error: clean(error, hide),
        description: description.map(|d| clean(d, hide)).filter(|d| !d.is_empty()),
    })
}

/// A text of an outside server as it may be repeated: bounded, on one line, without any secret of ours.
pub(crate) fn clean(text: &str, hide: &[&Secret]) -> String {
    let mut text = text.to_owned();
    for secret in hide.iter().filter(|s| s.expose().len() >= 4) {
        text = text.replace(secret.expose(), "[secret]");
    }
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_WORDS).collect();
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use gatehouse_outbound::{StatusCode, header::HeaderMap};
    use serde_json::json;

    use super::*;
    use crate::oauth::spec::tests::spec;

    fn answer(status: u16, body: &Value) -> Response {
        Response {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: body.to_string().into_bytes(),
            final_url: "https://op.test/token".parse().unwrap(),
            cookies: Vec::new(),
        }
    }

    #[test]
    fn an_answer_is_read_where_the_pointers_say() {
        let mut spec = spec();
        let standard = json!({"access_token": "a", "refresh_token": "r", "expires_in": "3600", "scope": "x",
            "refresh_expires_in": 86400, "token_type": "bearer"});
        let found = read(&spec, &answer(200, &standard), &[]).unwrap();
        assert_eq!((found.expires_in, found.refresh_expires_in), (Some(3600), Some(86_400)));
        assert_eq!(found.access_token.expose(), "a");
        assert_eq!(found.scope.as_deref(), Some("x"));
        spec.pointers.access_token = "/authed_user/access_token".to_owned();
        spec.pointers.values = vec![("team".to_owned(), "/team/id".to_owned())];
        let slack = json!({"ok": true, "authed_user": {"access_token": "b"}, "team": {"id": "T1"}});
        let found = read(&spec, &answer(200, &slack), &[]).unwrap();
        assert_eq!((found.access_token.expose(), found.values["team"].as_str()), ("b", "T1"));
    }

    #[test]
    fn only_a_word_about_the_grant_is_final() {
        let refused = |status, body: Value| read(&spec(), &answer(status, &body), &[]).unwrap_err();
        let is_final = |e: &AskError| matches!(e, AskError::Refused(r) if r.is_final());
        assert!(is_final(&refused(400, json!({"error": "invalid_grant"}))));
        assert!(is_final(&refused(200, json!({"ok": false, "error": "token_revoked"}))));
        for passing in [
            refused(503, json!({"error": "temporarily_unavailable"})),
            refused(500, json!({})),
            refused(429, json!({"error": "slow_down"})),
            refused(401, json!({"error": "invalid_client"})),
            refused(404, json!({"message": "no"})),
            refused(200, json!({"token_type": "bearer"})),
        ] {
            assert!(!is_final(&passing), "{passing:?}");
        }
        assert!(matches!(refused(500, json!({})), AskError::Unreachable(_)));
    }

    #[test]
    fn no_message_repeats_a_secret() {
        let secret = Secret::new("s3cret-value");
        let body = json!({"error": "invalid_client", "error_description": "bad secret s3cret-value\nfor x"});
        let error = read(&spec(), &answer(401, &body), &[&secret]).unwrap_err().to_string();
        assert!(error.contains("[secret] for x") && !error.contains("s3cret"), "{error}");
    }
}
