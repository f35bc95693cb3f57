//! Access tokens that are JWTs, opened for people to look at. Nothing is verified and nothing is decided by it: the token
//! is for somebody else.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// The longest token that is opened, in bytes.
const MAX: usize = 16 * 1024;

/// The claims of a token that is a signed JWT; `None` for every other one.
pub(crate) fn claims(token: &str) -> Option<Map<String, Value>> {
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    if token.len() > MAX {
        return None;
    }
    let open = |part: &str| -> Option<Map<String, Value>> {
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok()?).ok()
    };
    open(header)?.get("alg")?;
    open(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jwt_is_opened_and_nothing_else_is() {
        let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        let token = format!("{}.{}.sig", part(r#"{"alg":"RS256"}"#), part(r#"{"aud":"api","oid":"1"}"#));
        assert_eq!(claims(&token).unwrap()["aud"], "api");
        for other in ["opaque", "a.b.c", &format!("{}.x", token), &token.replace('.', "")] {
            assert!(claims(other).is_none(), "{other}");
        }
    }
}
