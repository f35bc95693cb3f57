use std::pin::Pin;

use axum::http::request::Parts;
use gatehouse_types::Error;

/// A future that can stand behind `dyn`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An answer kept to be given again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredResponse {
    /// The status code.
    pub status: u16,
    /// The headers worth giving again: `content-type`, `location`, `etag`.
    pub headers: Vec<(String, String)>,
    /// The body, at most 1 MiB. It may hold a secret that is shown once: the store seals it.
    pub body: Vec<u8>,
}

/// What a store says when a request with a key begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Nobody used the key in this scope; it is now ours until `finish` or `abandon`.
    Fresh,
    /// It was carried out before, with this answer.
    Replay(StoredResponse),
    /// It is being carried out right now.
    InFlight,
    /// It was used for another request.
    Mismatch,
}

/// Where keys and answers are kept. `begin` must be atomic: of two at once, one gets `Fresh`.
///
/// A key that stays in flight after a crash is the store's to free, after a lease longer than the request timeout;
/// answers are kept for at least 24 hours.
pub trait IdempotencyStore: Send + Sync {
    /// Whether the request's credential is good at this moment: only somebody known has keys and gets kept answers. Who
    /// it is may be left in the request's extensions, so that a use of the credential counts once.
    fn knows<'a>(&'a self, request: &'a mut Parts) -> BoxFuture<'a, bool>;

    /// Takes the key, or says who has it. `scope` and `fingerprint` are hex digests, `key` visible ASCII up to 255.
    fn begin<'a>(
        &'a self,
        scope: &'a str,
        key: &'a str,
        fingerprint: &'a str,
    ) -> BoxFuture<'a, Result<Begin, Error>>;

    /// Keeps the answer.
    fn finish<'a>(
        &'a self,
        scope: &'a str,
        key: &'a str,
        response: StoredResponse,
    ) -> BoxFuture<'a, Result<(), Error>>;

    /// Gives the key back: the request may be tried again.
    fn abandon<'a>(&'a self, scope: &'a str, key: &'a str) -> BoxFuture<'a, Result<(), Error>>;
}

/// As a response extension: this answer is not kept (it carries a token that must not outlive the call).
#[derive(Clone, Copy, Debug)]
pub struct NeverStored;
