//! Tokens that we sign ourselves (RFC 7519), with the keys of the connector.

use gatehouse_catalogue::{AuthType, Jwt, JwtAlgorithm};
use gatehouse_types::{Error, Result, Secret};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value};

use super::{Moment, filled, unfilled};

/// A signed token as the type's file describes it: a fresh one for each use.
///
/// # Errors
/// `Conflict` when a value is missing or the key cannot be read.
pub(crate) fn assertion(
    auth: &AuthType,
    moment: &Moment,
    value: impl Fn(&str) -> Option<String> + Copy,
) -> Result<Secret> {
    let jwt = auth.jwt.as_ref().ok_or_else(|| Error::internal("no jwt in the type"))?;
    let secret = value(jwt.key.as_str()).ok_or_else(|| unfilled(jwt.key.as_str()))?;
    let (algorithm, key) = key_of(jwt.algorithm, &secret)?;
    let mut header = Header::new(algorithm);
    if let Some(kid) = &jwt.key_id {
        header.kid = Some(filled(kid, value)?);
    }
    let claims = claims(jwt, moment, value)?;
    jsonwebtoken::encode(&header, &claims, &key).map(Secret::new).map_err(|_| unreadable())
}

fn claims(
    jwt: &Jwt,
    moment: &Moment,
    value: impl Fn(&str) -> Option<String> + Copy,
) -> Result<Map<String, Value>> {
    let mut claims = Map::new();
    let now = moment.now.seconds();
    claims.insert("iat".into(), now.into());
    claims.insert("exp".into(), (now + i64::from(jwt.lifetime_seconds)).into());
    claims.insert("jti".into(), moment.nonce.as_str().into());
    claims.insert("iss".into(), filled(&jwt.issuer, value)?.into());
    // an optional field that was left blank leaves its claim out
    for (name, template) in [("sub", &jwt.subject), ("aud", &jwt.audience)] {
        let text = template.as_ref().and_then(|t| t.fill(value).ok()).filter(|t| !t.is_empty());
        if let Some(text) = text {
            claims.insert(name.into(), text.into());
        }
    }
    for (name, template) in &jwt.claims {
        claims.insert(name.clone(), filled(template, value)?.into());
    }
    Ok(claims)
}

fn key_of(algorithm: JwtAlgorithm, secret: &str) -> Result<(Algorithm, EncodingKey)> {
    let pem = secret.as_bytes();
    let (algorithm, key) = match algorithm {
        JwtAlgorithm::HS256 => return Ok((Algorithm::HS256, EncodingKey::from_secret(pem))),
        JwtAlgorithm::RS256 => (Algorithm::RS256, EncodingKey::from_rsa_pem(pem)),
        JwtAlgorithm::PS256 => (Algorithm::PS256, EncodingKey::from_rsa_pem(pem)),
        JwtAlgorithm::ES256 => (Algorithm::ES256, EncodingKey::from_ec_pem(pem)),
    };
    Ok((algorithm, key.map_err(|_| unreadable())?))
}

fn unreadable() -> Error {
    Error::conflict(
        "The private key cannot be used: it must be in PEM form, without a password, and of the kind that the product asks for.",
    )
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use gatehouse_types::Timestamp;

    use super::*;

    fn auth() -> AuthType {
        toml::from_str(
            "id = \"x\"\nlabel = \"X\"\nkind = \"jwt\"\n[jwt]\nalgorithm = \"HS256\"\nkey = \"secret\"\n\
             issuer = \"{client_id}\"\nsubject = \"{user}\"\naudience = \"https://a.example\"\nlifetime_seconds = 60\n\
             claims = { scope = \"a b\" }",
        )
        .unwrap()
    }

    fn moment() -> Moment {
        Moment { now: Timestamp::from_seconds(1_000), nonce: "once".into() }
    }

    #[test]
    fn a_token_says_what_the_file_says() {
        let value = |name: &str| match name {
            "secret" => Some("k".repeat(32)),
            "client_id" => Some("c-1".to_owned()),
            _ => None,
        };
        let token = assertion(&auth(), &moment(), value).unwrap();
        let payload = token.expose().split('.').nth(1).unwrap();
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
        let expected = serde_json::json!({"iat": 1000, "exp": 1060, "jti": "once", "iss": "c-1",
            "aud": "https://a.example", "scope": "a b"});
        assert_eq!(claims, expected, "a blank subject is left out");
    }

    #[test]
    fn a_key_that_is_none_is_told_and_not_repeated() {
        let mut of = auth();
        of.jwt.as_mut().unwrap().algorithm = JwtAlgorithm::RS256;
        let told = assertion(&of, &moment(), |_| Some("hush".into())).unwrap_err();
        assert!(told.message().contains("PEM") && !told.message().contains("hush"));
    }
}
