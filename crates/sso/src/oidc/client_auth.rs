//! How we prove to a provider who we are with a key of ours (OpenID Connect Core §9, private_key_jwt).

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use gatehouse_saml::{Certificate, SignatureAlgorithm, SigningKey};
use gatehouse_types::{Error, Result};
use serde_json::{Value, json};

/// How long an assertion of ours counts, in seconds.
const ASSERTION_SECONDS: i64 = 120;
/// The type of the assertion (RFC 7523 §2.2).
pub(crate) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn encode(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A JWT with these claims, signed with RS256; `kid` names the key.
///
/// # Errors
/// When the cryptographic library fails.
pub fn sign_jwt(key: &SigningKey, kid: &str, claims: &Value) -> Result<String> {
    let header = encode(&json!({"alg": "RS256", "typ": "JWT", "kid": kid}));
    let signed = format!("{header}.{}", encode(claims));
    let signature = key.sign(SignatureAlgorithm::RsaSha256, signed.as_bytes()).map_err(Error::internal)?;
    Ok(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
}

/// Who we are, for one request at the token endpoint (RFC 7523 §3).
pub(crate) fn assertion(client_id: &str, token_endpoint: &str, id: &str, now: i64) -> Value {
    json!({"iss": client_id, "sub": client_id, "aud": token_endpoint, "jti": id, "iat": now,
        "exp": now + ASSERTION_SECONDS})
}

/// The public halves of keys as a key set (RFC 7517 §5); each is named by the fingerprint of its certificate.
pub fn key_set<'a>(certificates: impl IntoIterator<Item = &'a Certificate>) -> Value {
    let keys: Vec<Value> = certificates
        .into_iter()
        .filter_map(|certificate| {
            let (n, e) = certificate.rsa_public()?;
            let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
            Some(json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": certificate.fingerprint(),
                "n": text(&n), "e": text(&e)}))
        })
        .collect();
    json!({"keys": keys})
}
