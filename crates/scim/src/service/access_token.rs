//! OAuth client credentials (RFC 6749 §4.4) beside the tokens themselves: the token's id and value are the client's, and what
//! they are exchanged for lives an hour and dies with the token.

use aws_lc_rs::hmac;
use gatehouse_store::Store;
use gatehouse_types::{Error, Id, Origin, Result, ScimScopes, ScimTokenId, Secret, digest, hex};

use super::directory::SLACK;
use crate::Scim;
use crate::model::dialect::by_name;
use crate::model::{Dialect, ScimToken, TokenStatus};
use crate::store::tokens::{self, Calling};

/// What every access token begins with.
pub(super) const PREFIX: &str = "scat_";
/// How long an access token lives, in seconds.
pub(crate) const ACCESS_SECONDS: i64 = 3_600;
/// The purpose of the key that seals access tokens.
const PURPOSE: &str = "scim-access-token";

/// An access token that was just made.
#[derive(Debug)]
pub(crate) struct AccessToken {
    pub(crate) value: Secret,
    /// What it reaches: no more than the token behind it.
    pub(crate) scopes: ScimScopes,
}

fn key(store: &Store) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, &store.keyring().derive(PURPOSE))
}

/// `scat_<token id>.<end, seconds since 1970>.<HMAC-SHA-256 over both>`.
fn issued(store: &Store, token: &ScimTokenId) -> Secret {
    let end = store.now().seconds() + ACCESS_SECONDS;
    let signed = format!("{token}.{end}");
    let tag = hmac::sign(&key(store), signed.as_bytes());
    Secret::new(format!("{PREFIX}{signed}.{}", hex(tag.as_ref())))
}

/// The token behind an access token that is ours and not over.
pub(super) fn token_behind(store: &Store, value: &str) -> Option<ScimTokenId> {
    let (signed, tag) = value.strip_prefix(PREFIX)?.rsplit_once('.')?;
    let (id, end) = signed.split_once('.')?;
    hmac::verify(&key(store), signed.as_bytes(), &bytes(tag)?).ok()?;
    let end: i64 = end.parse().ok()?;
    (store.now().seconds() < end).then(|| id.parse().ok())?
}

/// The bytes of lower-case hexadecimal.
fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digit = |b: &u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    let pairs = hex.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(pair.first()?)? * 16 + digit(pair.get(1)?)?)).collect()
}

impl Scim {
    /// Exchanges a token's id and value for an access token.
    ///
    /// # Errors
    /// `Authentication` with a recorded decision, in the same words for whatever is wrong with them.
    pub(crate) async fn access_token(&self, origin: Origin, id: &str, secret: &str) -> Result<AccessToken> {
        let store = &self.0.store;
        let user_agent = origin.user_agent.clone();
        let found = self.by_value(secret).await?.map(|c| c.token);
        let fits = |t: &ScimToken| t.id.as_str() == id && t.status(store.now()) == TokenStatus::Active;
        match found {
            Some(token) if fits(&token) => {
                let heard = user_agent.as_deref().and_then(by_name).unwrap_or(Dialect::Other);
                self.note_use(&token, heard).await?;
                Ok(AccessToken { value: issued(store, &token.id), scopes: token.scopes })
            }
            found => Err(self.refused(origin, found).await),
        }
    }

    /// The token of a value, whatever its status.
    pub(super) async fn by_value(&self, value: &str) -> Result<Option<Calling>> {
        use super::authenticate::MAX_TOKEN;
        use crate::model::token::PREFIX;
        match value.len() <= MAX_TOKEN && value.starts_with(PREFIX) {
            true => Ok(tokens::by_digest(&mut self.0.store.reader(), &digest(value), SLACK).await?),
            false => Ok(None),
        }
    }

    /// The token behind an access token, whatever its status.
    pub(super) async fn by_access_token(&self, value: &str) -> Result<Option<Calling>> {
        match token_behind(&self.0.store, value) {
            Some(id) => Ok(tokens::by_id(&mut self.0.store.reader(), &id, SLACK).await?),
            None => Ok(None),
        }
    }
}

/// The failure of a request that names no client.
pub(crate) fn no_client() -> Error {
    Error::authentication("Send the token's id as client_id and its value as client_secret.")
}
