use axum::http::request::Parts;
use gatehouse_identity::Identity;
use gatehouse_store::{Store, idempotency};
use gatehouse_types::Error;
use gatehouse_web::{Begin, BoxFuture, IdempotencyStore, StoredResponse};
use serde::{Deserialize, Serialize};

/// Kept answers in the database, sealed.
#[derive(Clone, Debug)]
pub(crate) struct KeptAnswers {
    pub(crate) store: Store,
    pub(crate) identity: Identity,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl IdempotencyStore for KeptAnswers {
    fn knows<'a>(&'a self, request: &'a mut Parts) -> BoxFuture<'a, bool> {
        Box::pin(self.identity.knows(request))
    }
    fn begin<'a>(
        &'a self,
        scope: &'a str,
        key: &'a str,
        fingerprint: &'a str,
    ) -> BoxFuture<'a, Result<Begin, Error>> {
        Box::pin(async move {
            Ok(match idempotency::begin(&self.store, scope, key, fingerprint).await? {
                idempotency::Begin::Fresh => Begin::Fresh,
                idempotency::Begin::InFlight => Begin::InFlight,
                idempotency::Begin::Mismatch => Begin::Mismatch,
                idempotency::Begin::Replay(bytes) => {
                    let Kept { status, headers, body } =
                        serde_json::from_slice(&bytes).map_err(Error::internal)?;
                    Begin::Replay(StoredResponse { status, headers, body })
                }
            })
        })
    }

    fn finish<'a>(
        &'a self,
        scope: &'a str,
        key: &'a str,
        response: StoredResponse,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let StoredResponse { status, headers, body } = response;
            let bytes = serde_json::to_vec(&Kept { status, headers, body }).map_err(Error::internal)?;
            Ok(idempotency::finish(&self.store, scope, key, &bytes).await?)
        })
    }

    fn abandon<'a>(&'a self, scope: &'a str, key: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move { Ok(idempotency::abandon(&self.store, scope, key).await?) })
    }
}
