//! What an access token says, held against what the product is configured to expect. Nothing is verified here: the product
//! does that; this only names the setting that will refuse the token.

use gatehouse_catalogue::ExpectedClaim;
use gatehouse_types::Secret;
use serde_json::{Map, Value};

use super::outline::{masked, shortened};
use crate::oauth::jwt;

/// The longest value that is repeated, in characters.
const MAX_SHOWN: usize = 200;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    /// What.
    pub(crate) check: String,
    /// The product's setting that says what it must be.
    pub(crate) setting: Option<String>,
    /// Whether it fits.
    pub(crate) ok: bool,
    /// What was found, and what was expected.
    pub(crate) detail: String,
}

/// The last word of a setting: `Core.API.OAuth.ValidAudiences` is told as `ValidAudiences` beside its whole name.
fn short(setting: &str) -> &str {
    setting.rsplit('.').next().unwrap_or(setting)
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Null => Vec::new(),
        other => vec![other.to_string()],
    }
}

fn shown(text: &str, hidden: &[Secret]) -> String {
    let whole = masked(text, hidden);
    let short = shortened(text, hidden, MAX_SHOWN);
    if short.len() < whole.len() { format!("{short}…") } else { short }
}

/// Judges a token against each expectation; `value` fills the expected texts, and what is `hidden` is not repeated.
pub(crate) fn judge(
    token: &str,
    expected: &[ExpectedClaim],
    value: impl Fn(&str) -> Option<String> + Copy,
    hidden: &[Secret],
) -> Vec<Check> {
    if expected.is_empty() {
        return Vec::new();
    }
    let Some(claims) = jwt::claims(token) else {
        let names: Vec<_> = expected.iter().map(|e| e.claim.as_str()).collect();
        let detail = format!(
            "The access token is no JWT, so {} cannot be read from it. Look at the scope: it decides which kind of token comes.",
            names.join(", ")
        );
        return vec![Check { check: "token".to_owned(), setting: None, ok: false, detail }];
    };
    expected.iter().map(|one| of(&claims, one, value, hidden)).collect()
}

fn of(
    claims: &Map<String, Value>,
    expected: &ExpectedClaim,
    value: impl Fn(&str) -> Option<String> + Copy,
    hidden: &[Secret],
) -> Check {
    let (claim, setting) = (&expected.claim, &expected.setting);
    let found = claims.get(claim).map(texts).unwrap_or_default();
    let wanted: Vec<String> = expected.equals.iter().filter_map(|t| t.fill(value).ok()).collect();
    let ok = !found.is_empty() && (expected.equals.is_empty() || found.iter().any(|f| wanted.contains(f)));
    let said = found.iter().map(|f| shown(f, hidden)).collect::<Vec<_>>().join(", ");
    let detail = match (ok, found.is_empty()) {
        (true, _) => format!("{claim} is {said}, as {setting} expects."),
        (false, true) => format!(
            "The token has no claim {claim}, which {} ({setting}) reads. Change the app registration so that the token has it, \
             or that setting.",
            short(setting)
        ),
        (false, false) => format!(
            "The token's {claim} is {said}, but {} ({setting}) expects {}. Change that setting, or the app registration.",
            short(setting),
            wanted.join(" or ")
        ),
    };
    Check { check: claim.clone(), setting: Some(setting.clone()), ok, detail }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use gatehouse_catalogue::Catalogue;
    use serde_json::json;

    use super::*;

    fn token(claims: &Value) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.c2ln", part(r#"{"alg":"RS256"}"#), part(&claims.to_string()))
    }

    fn told(token: &str) -> Vec<(bool, String)> {
        let icertis = Catalogue::built_in().unwrap().get("icertis-preview").unwrap();
        let expected = &icertis.auth[0].oauth.as_ref().unwrap().expected_claims;
        let value = |name: &str| match name {
            "client_id" => Some("c-1".to_owned()),
            "tenant_id" => Some("t-1".to_owned()),
            _ => None,
        };
        judge(token, expected, value, &[]).into_iter().map(|c| (c.ok, c.detail)).collect()
    }

    #[test]
    fn the_setting_that_does_not_match_is_named() {
        let good = json!({"aud": "api://c-1", "iss": "https://sts.windows.net/t-1/", "oid": "o"});
        assert!(told(&token(&good)).iter().all(|(ok, _)| *ok));
        for (claim, odd, setting) in [
            ("aud", json!("c-1"), "ValidAudiences"),
            ("iss", json!("https://login.microsoftonline.com/t-1/v2.0"), "ValidIssuer"),
            ("oid", Value::Null, "ExternalUpnClaimUri"),
        ] {
            let mut claims = good.clone();
            claims[claim] = odd;
            let bad: Vec<_> = told(&token(&claims)).into_iter().filter(|(ok, _)| !ok).collect();
            assert_eq!(bad.len(), 1, "{claim}");
            assert!(bad[0].1.contains(setting) && bad[0].1.contains(claim), "{bad:?}");
        }
    }

    #[test]
    fn one_of_several_audiences_is_enough_and_an_opaque_token_is_told() {
        let many = json!({"aud": ["x", "api://c-1"], "iss": "https://sts.windows.net/t-1/", "oid": "o"});
        assert!(told(&token(&many)).iter().all(|(ok, _)| *ok));
        for odd in ["opaque", "a.b", "a.!!.c", ""] {
            let told = told(odd);
            assert!(told.len() == 1 && !told[0].0 && told[0].1.contains("no JWT"), "{odd}: {told:?}");
        }
    }
}
