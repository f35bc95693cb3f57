//! Bearer tokens: JWTs (RFC 7519) signed with ES256, alive no longer than the session they name.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatehouse_store::{Store, Tx};
use gatehouse_types::{
    ApiAppId, ApiKeyId, Error, Id, Result, Secret, SessionId, SigningKeyId, Timestamp, UserId, WorkspaceId,
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::store::keys;

/// How long a token is valid, in seconds.
pub const TOKEN_SECONDS: i64 = 900;
/// The longest token that is looked at, in bytes.
const MAX_TOKEN_LEN: usize = 4096;
/// Between two re-readings of the keys for a key id nobody knows, in seconds.
const RELOAD_SECONDS: i64 = 5;

/// The claims of our tokens.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) aud: String,
    pub(crate) sub: UserId,
    /// The session; the token dies with it.
    pub(crate) sid: SessionId,
    /// The workspace.
    pub(crate) wid: WorkspaceId,
    pub(crate) role: String,
    /// How the session was begun (RFC 8176).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) amr: Vec<String>,
    pub(crate) jti: String,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
}

/// The claims of a token that stands for an API key; it dies with the key.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeyClaims {
    pub(crate) iss: String,
    pub(crate) aud: String,
    /// The app.
    pub(crate) sub: ApiAppId,
    /// The key.
    pub(crate) key: ApiKeyId,
    /// The workspace.
    pub(crate) wid: WorkspaceId,
    pub(crate) jti: String,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
}

/// When a token was made and ends, in seconds since 1970.
pub(crate) trait Dated {
    fn times(&self) -> (i64, i64);
}

impl Dated for Claims {
    fn times(&self) -> (i64, i64) {
        (self.iat, self.exp)
    }
}

impl Dated for KeyClaims {
    fn times(&self) -> (i64, i64) {
        (self.iat, self.exp)
    }
}

struct Keys {
    signing: (SigningKeyId, EncodingKey),
    verifying: Vec<(SigningKeyId, DecodingKey)>,
    jwks: serde_json::Value,
    read_at: Timestamp,
}

/// Issues and checks tokens.
#[derive(Clone)]
pub(crate) struct Tokens {
    store: Store,
    issuer: Arc<str>,
    keys: Arc<RwLock<Keys>>,
    proven: Arc<Proven>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl Tokens {
    /// Reads the signing keys; makes the first one.
    pub(crate) async fn open(store: Store, issuer: &str) -> Result<Self> {
        if keys::all(&store, &mut store.reader()).await?.is_empty() {
            first_key(&store).await?;
        }
        let keys = Arc::new(RwLock::new(read(&store).await?));
        Ok(Self { store, issuer: issuer.into(), keys, proven: Arc::default() })
    }

    /// A token for a session; returns it with its lifetime in seconds.
    pub(crate) fn issue(&self, claims: NewToken<'_>) -> Result<(Secret, i64)> {
        let now = self.store.now().seconds();
        let seconds = claims.seconds.min(claims.session_ends.seconds() - now).max(1);
        let claims = Claims {
            iss: self.issuer.to_string(),
            aud: self.issuer.to_string(),
            sub: claims.user.clone(),
            sid: claims.session.clone(),
            wid: claims.workspace.clone(),
            role: claims.role.to_owned(),
            amr: claims.amr.iter().map(ToString::to_string).collect(),
            jti: self.store.ids().uuid().simple().to_string(),
            iat: now,
            exp: now + seconds,
        };
        Ok((self.signed(&claims)?, seconds))
    }

    /// A token that stands for an API key; returns it with its lifetime in seconds.
    pub(crate) fn issue_for_key(
        &self,
        key: &ApiKeyId,
        app: &ApiAppId,
        workspace: &WorkspaceId,
        ends: Option<Timestamp>,
    ) -> Result<(Secret, i64)> {
        let now = self.store.now().seconds();
        let left = ends.map_or(TOKEN_SECONDS, |end| end.seconds() - now);
        let seconds = TOKEN_SECONDS.min(left).max(1);
        let claims = KeyClaims {
            iss: self.issuer.to_string(),
            aud: self.issuer.to_string(),
            sub: app.clone(),
            key: key.clone(),
            wid: workspace.clone(),
            jti: self.store.ids().uuid().simple().to_string(),
            iat: now,
            exp: now + seconds,
        };
        Ok((self.signed(&claims)?, seconds))
    }

    fn signed<C: Serialize>(&self, claims: &C) -> Result<Secret> {
        let keys = self.keys.read().map_err(|_| Error::internal("the token keys are poisoned"))?;
        let (id, key) = &keys.signing;
        let header = Header { kid: Some(id.to_string()), ..Header::new(Algorithm::ES256) };
        Ok(Secret::new(jsonwebtoken::encode(&header, claims, key).map_err(Error::internal)?))
    }

    /// The key that signs.
    pub(crate) fn signing_key(&self) -> Option<SigningKeyId> {
        self.keys.read().ok().map(|k| k.signing.0.clone())
    }

    /// The claims of a token with a good signature that is valid now; `None` for anything else.
    pub(crate) async fn check<C: Dated + DeserializeOwned>(&self, token: &str) -> Option<C> {
        if token.len() > MAX_TOKEN_LEN {
            return None;
        }
        let seen = Digest32::of(token);
        if let Some(kid) = self.proven.get(&seen) {
            return self.has_key(&kid).then(|| self.in_time(said(token)?)).flatten();
        }
        let kid = jsonwebtoken::decode_header(token).ok()?.kid?;
        let key = match self.key(&kid) {
            Some(key) => key,
            None => {
                self.reload().await;
                self.key(&kid)?
            }
        };
        // the time is checked here, by our own clock
        let claims: C = open_token(token, &key, &self.issuer).ok()?;
        self.proven.note(seen, &kid);
        self.in_time(claims)
    }

    /// Claims that count at this moment.
    fn in_time<C: Dated>(&self, claims: C) -> Option<C> {
        let (now, (iat, exp)) = (self.store.now().seconds(), claims.times());
        (exp > now && iat <= now + 60).then_some(claims)
    }

    fn has_key(&self, kid: &str) -> bool {
        self.keys.read().is_ok_and(|keys| keys.verifying.iter().any(|(id, _)| id.as_str() == kid))
    }

    /// The public keys as a JWK Set (RFC 7517 §5).
    pub(crate) fn jwks(&self) -> serde_json::Value {
        self.keys.read().map(|k| k.jwks.clone()).unwrap_or_else(|_| json!({"keys": []}))
    }

    fn key(&self, kid: &str) -> Option<DecodingKey> {
        let keys = self.keys.read().ok()?;
        keys.verifying.iter().find(|(id, _)| id.as_str() == kid).map(|(_, key)| key.clone())
    }

    /// Reads the keys again: another server may have made one. At most once in a while, whoever asks.
    async fn reload(&self) {
        let due = self.keys.read().is_ok_and(|k| k.read_at.plus_seconds(RELOAD_SECONDS) < self.store.now());
        if due
            && let Ok(fresh) = read(&self.store).await
            && let Ok(mut keys) = self.keys.write()
        {
            *keys = fresh;
        }
    }
}

/// Tokens whose signature was proven that are remembered at most.
const MOST_PROVEN: usize = 10_000;

/// The SHA-256 of a whole token, its signature included.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Digest32([u8; 32]);

impl Digest32 {
    fn of(token: &str) -> Self {
        let mut all = [0; 32];
        all.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes()).as_ref());
        Self(all)
    }
}

/// Tokens whose signature, issuer and audience were proven, with the key that signed: each carries the same proof until its
/// end, while its time and its session are looked at anew every time.
#[derive(Default)]
struct Proven(RwLock<HashMap<Digest32, Box<str>>>);

impl Proven {
    fn get(&self, token: &Digest32) -> Option<Box<str>> {
        self.0.read().ok()?.get(token).cloned()
    }

    fn note(&self, token: Digest32, kid: &str) {
        let Ok(mut all) = self.0.write() else { return };
        if all.len() >= MOST_PROVEN {
            all.clear();
        }
        all.insert(token, kid.into());
    }
}

/// What a token says that was proven before.
fn said<C: DeserializeOwned>(token: &str) -> Option<C> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

/// The claims under a good ES256 signature, for this issuer and audience; no other algorithm, whatever the header says.
fn open_token<C: DeserializeOwned>(
    token: &str,
    key: &DecodingKey,
    issuer: &str,
) -> jsonwebtoken::errors::Result<C> {
    let mut validation = Validation::new(Algorithm::ES256);
    validation.validate_exp = false;
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[issuer]);
    Ok(jsonwebtoken::decode(token, key, &validation)?.claims)
}

/// What a new token says.
#[derive(Debug)]
pub(crate) struct NewToken<'a> {
    pub(crate) user: &'a UserId,
    pub(crate) session: &'a SessionId,
    pub(crate) workspace: &'a WorkspaceId,
    pub(crate) role: &'a str,
    /// How the session was begun (RFC 8176).
    pub(crate) amr: Vec<&'static str>,
    /// Wanted lifetime; never beyond the session's.
    pub(crate) seconds: i64,
    pub(crate) session_ends: Timestamp,
}

/// Makes the first key, unless another server does at this very moment.
async fn first_key(store: &Store) -> Result<()> {
    let mut tx = store.begin_always().await?;
    keys::alone(&mut tx).await?;
    if keys::all(store, &mut tx).await?.is_empty() {
        generate(&mut tx).await?;
    }
    Ok(tx.commit().await?)
}

async fn generate(tx: &mut Tx) -> Result<()> {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(Error::internal)?;
    let pkcs8 = pair.to_pkcs8v1().map_err(Error::internal)?;
    // an uncompressed point: 0x04, x, y (SEC 1 §2.3.3)
    let point = pair.public_key().as_ref();
    let (x, y) =
        point.get(1..).and_then(|xy| xy.split_at_checked(32)).ok_or_else(|| Error::internal("odd key"))?;
    let id: SigningKeyId = tx.store().ids().make();
    let jwk = json!({
        "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": id,
        "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
    });
    Ok(keys::insert(tx, &id, pkcs8.as_ref(), &jwk).await?)
}

async fn read(store: &Store) -> Result<Keys> {
    let stored = keys::all(store, &mut store.reader()).await?;
    let newest = stored.last().ok_or_else(|| Error::internal("there is no signing key"))?;
    let private = newest.private.as_ref().ok_or_else(|| Error::internal("the signing key is not open"))?;
    let signing = (newest.id.clone(), EncodingKey::from_ec_der(private));
    let verifying =
        stored.iter().map(|k| Ok((k.id.clone(), decoding_key(&k.public_jwk)?))).collect::<Result<_>>()?;
    let jwks = json!({ "keys": stored.iter().map(|k| &k.public_jwk).collect::<Vec<_>>() });
    Ok(Keys { signing, verifying, jwks, read_at: store.now() })
}

fn decoding_key(jwk: &serde_json::Value) -> Result<DecodingKey> {
    let part = |name: &str| jwk.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
    DecodingKey::from_ec_components(part("x"), part("y")).map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::errors::ErrorKind;

    use super::*;

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Vectors {
        public_key: serde_json::Value,
        es256: Vec<Vector>,
        hs256: Vec<Vector>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Vector {
        tc_id: u32,
        comment: String,
        jws: String,
        result: String,
    }

    /// Whether our verifier takes the signature for good: its steps are those of [`Tokens::check`].
    /// What the vectors sign is no JSON, so an accepted one fails afterwards, at reading its claims.
    fn accepted(jws: &str, key: &serde_json::Value) -> bool {
        let Ok(header) = jsonwebtoken::decode_header(jws) else { return false };
        if header.kid.as_deref() != key["kid"].as_str() {
            return false;
        }
        match open_token::<serde_json::Value>(jws, &decoding_key(key).unwrap(), "nobody") {
            Ok(_) => true,
            Err(e) => matches!(e.kind(), ErrorKind::Json(_)),
        }
    }

    #[test]
    fn no_invalid_signature_of_wycheproof_is_accepted_and_the_valid_one_is() {
        let vectors: Vectors = serde_json::from_str(include_str!("../testdata/wycheproof_jws.json")).unwrap();
        for v in &vectors.es256 {
            assert_eq!(
                accepted(&v.jws, &vectors.public_key),
                v.result == "valid",
                "{} {}",
                v.tc_id,
                v.comment
            );
        }
        assert!(vectors.es256.iter().any(|v| v.result == "valid"));
    }

    #[test]
    fn no_other_algorithm_is_accepted_under_our_key_even_by_its_name() {
        let vectors: Vectors = serde_json::from_str(include_str!("../testdata/wycheproof_jws.json")).unwrap();
        let mut key = vectors.public_key.clone();
        key["kid"] = json!("kid-aes-sign");
        for v in &vectors.hs256 {
            assert!(!accepted(&v.jws, &key), "{} {}", v.tc_id, v.comment);
        }
    }
}
