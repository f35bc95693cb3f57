//! What is kept of a provider's answer for whoever looks into an attempt: the claims, never a token.

use serde_json::{Map, Value, json};

use super::jws::Jws;

/// Claims and parameters that say nothing of a person; all others are masked.
const PLAIN: [&str; 24] = [
    "acr",
    "alg",
    "amr",
    "at_hash",
    "aud",
    "auth_time",
    "azp",
    "email_verified",
    "error",
    "exp",
    "hd",
    "iat",
    "iss",
    "jti",
    "kid",
    "nbf",
    "nonce",
    "typ",
    "ver",
    "tid",
    "events",
    "claims",
    "header",
    "userinfo",
];
/// What stands in place of a person's value.
const MASK: &str = "•••";

/// The parts of a token that are kept.
pub(crate) fn of_token(token: &str) -> Option<Vec<u8>> {
    let jws = Jws::parse(token)?;
    serde_json::to_vec_pretty(&json!({"header": jws.header, "claims": jws.claims})).ok()
}

/// What was kept, with what the userinfo endpoint said beside it.
pub(crate) fn with_userinfo(kept: &[u8], said: &Map<String, Value>) -> Option<Vec<u8>> {
    let mut whole: Map<String, Value> = serde_json::from_slice(kept).ok()?;
    whole.insert("userinfo".to_owned(), json!(said));
    serde_json::to_vec_pretty(&whole).ok()
}

/// The claims of a kept answer, and what the userinfo endpoint said beside them.
pub(crate) fn claims_of(kept: &[u8]) -> Option<(Map<String, Value>, Map<String, Value>)> {
    #[derive(serde::Deserialize)]
    struct Answer {
        claims: Map<String, Value>,
        #[serde(default)]
        userinfo: Map<String, Value>,
    }
    let answer: Answer = serde_json::from_slice(kept).ok()?;
    Some((answer.claims, answer.userinfo))
}

/// The provider's own refusal, as it is kept.
pub(crate) fn of_error(error: &str, description: Option<&str>) -> Vec<u8> {
    let mut kept = Map::new();
    kept.insert("error".to_owned(), json!(error));
    kept.extend(description.map(|text| ("error_description".to_owned(), json!(text))));
    serde_json::to_vec_pretty(&kept).unwrap_or_default()
}

/// The kept text without the person unless `reveal` is set; `None` when it is no kept answer.
pub(crate) fn redact(kept: &[u8], reveal: bool) -> Option<String> {
    let mut value: Value = serde_json::from_slice(kept).ok()?;
    if !reveal {
        mask(&mut value);
    }
    serde_json::to_string_pretty(&value).ok()
}

fn mask(value: &mut Value) {
    let Value::Object(object) = value else { return };
    for (name, value) in object.iter_mut() {
        match value {
            Value::Object(_) if PLAIN.contains(&name.as_str()) => mask(value),
            _ if PLAIN.contains(&name.as_str()) => {}
            _ => *value = json!(MASK),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobodys_name_is_shown_before_it_is_asked_for() {
        let kept = json!({"header": {"alg": "RS256"}, "claims": {"iss": "https://op.test", "sub": "u-1",
            "email": "ada@corp.test", "address": {"street_address": "x"}, "groups": ["a"], "aud": ["c"]}});
        let kept = kept.to_string();
        let shown = redact(kept.as_bytes(), false).unwrap();
        for hidden in ["u-1", "ada@corp.test", "street_address", "\"a\""] {
            assert!(!shown.contains(hidden), "{hidden}: {shown}");
        }
        assert!(shown.contains("https://op.test") && shown.contains("RS256") && shown.contains("\"c\""));
        assert!(redact(kept.as_bytes(), true).unwrap().contains("ada@corp.test"));
        assert_eq!(redact(b"<saml/>", true), None);
    }
}
