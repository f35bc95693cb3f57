//! One call to the outside with somebody's credentials: put in, sent, tried once more with a new token when the first is
//! refused, and written into the ledger.

pub(crate) mod api;
pub(crate) mod handed;
pub(crate) mod ledger;
pub(crate) mod open;
pub(crate) mod rows;
pub(crate) mod run;
pub(crate) mod running;
pub(crate) mod slots;
pub(crate) mod stream;

use std::time::{Duration, Instant};

use gatehouse_outbound::{OutboundRequest, Response};
use gatehouse_types::{Error, GrantId, Kind, OutboundCallId, Result};

use crate::{AccessToken, Asked, ClientSpec, Connect, Unavailable, holders};
use ledger::{Entry, Who};
use rows::Fresh;
use run::left;
pub(crate) use run::{Run, WITHIN};

/// What came back.
#[derive(Debug)]
pub(crate) struct Called {
    /// The entry of the ledger.
    pub(crate) id: OutboundCallId,
    /// The answer, whatever its status.
    pub(crate) response: Response,
    /// Whether a first token was refused, and this is the answer to the second.
    pub(crate) retried: bool,
    /// Which version of the credential was sent.
    pub(crate) version: i64,
    /// How long it took, in milliseconds.
    pub(crate) duration_ms: i64,
}

/// Why nothing came back.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The outside was not reached; the text names the host alone.
    Outside(gatehouse_outbound::Error),
    /// The request cannot be sent like this, or something of ours failed.
    Ours(Error),
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Outside(e @ gatehouse_outbound::Error::Refused { .. }) => {
                Self::new(Kind::Validation, e.to_string()).on_field("url")
            }
            CallError::Outside(e) => Self::unavailable(e.to_string()),
            CallError::Ours(error) => error,
        }
    }
}

impl Connect {
    /// One call with a grant's token: the one that is held already, or the broker's. `put` makes the request of a token; `is_refused` says whether an answer means that
    /// the token is not taken: then there is one new token and one more try.
    ///
    /// # Errors
    /// [`CallError`] when there is no token, or the outside is not reached. Calls that were tried are in the ledger.
    pub(crate) async fn call_with_grant(
        &self,
        run: &Run,
        (asked, held): (&Asked, Option<AccessToken>),
        put: impl Fn(&AccessToken) -> Result<OutboundRequest> + Send,
        is_refused: impl Fn(&Response) -> bool + Send,
    ) -> Result<Called, CallError> {
        let first = self.first_token(run, asked, held).await?;
        let mut call = self.send(run, &first, put(&first)?, false).await?;
        if is_refused(&call.response) {
            let second = self.second_token(run, asked, &first).await?;
            call = self.send(run, &second, put(&second)?, true).await?;
        }
        Ok(call)
    }

    /// The token that is held, else the broker's.
    async fn first_token(
        &self,
        run: &Run,
        asked: &Asked,
        held: Option<AccessToken>,
    ) -> Result<AccessToken, CallError> {
        if let Some(token) = held {
            return Ok(token);
        }
        let spec = self.spec_for(run, asked).await?;
        let asked = self.0.broker.token(&run.workspace, &run.holder, &run.owner, &spec);
        in_time(run, asked).await
    }

    /// The authorization server of a call's holder, read when a token is wanted of it.
    async fn spec_for(&self, run: &Run, asked: &Asked) -> Result<ClientSpec, CallError> {
        let (db, place) = (&self.0.store, (&run.workspace, &run.holder));
        let spec = holders::spec(db, &mut db.reader(), &self.0.public_url, place, asked).await?;
        spec.ok_or_else(|| CallError::Ours(Unavailable::NotAuthorized.of(&run.holder_name)))
    }

    /// Another token than the one that was refused.
    async fn second_token(
        &self,
        run: &Run,
        asked: &Asked,
        refused: &AccessToken,
    ) -> Result<AccessToken, CallError> {
        let spec = self.spec_for(run, asked).await?;
        let asked = self.0.broker.refuse(&run.workspace, &run.holder, &run.owner, &spec, refused.into());
        in_time(run, asked).await
    }

    /// One call whose credential is no grant of an authorization server; what it is, in a word (`api-key`), and its version.
    ///
    /// # Errors
    /// [`CallError::Outside`]; the try is in the ledger.
    pub(crate) async fn call_plain(
        &self,
        run: &Run,
        (credential, version): (&str, i64),
        request: OutboundRequest,
    ) -> Result<Called, CallError> {
        let sent = Sent::plain(credential, version, false);
        self.go(run.who(), run.until, sent, request).await
    }

    /// One call with a token of the broker's that the caller holds already.
    pub(crate) async fn send(
        &self,
        run: &Run,
        token: &AccessToken,
        request: OutboundRequest,
        retried: bool,
    ) -> Result<Called, CallError> {
        self.go(run.who(), run.until, Sent::with(token, retried), request).await
    }

    /// In a task of its own: a caller who goes away takes no entry of the ledger along.
    async fn go(
        &self,
        who: Who,
        until: tokio::time::Instant,
        sent: Sent,
        request: OutboundRequest,
    ) -> Result<Called, CallError> {
        let (connect, under_way) = (self.clone(), self.0.running.begin());
        let gone = tokio::spawn(async move {
            let gone = connect.go_on(who, until, sent, request).await;
            drop(under_way);
            gone
        });
        gone.await.unwrap_or_else(|e| Err(CallError::Ours(Error::internal(e))))
    }

    async fn go_on(
        &self,
        who: Who,
        until: tokio::time::Instant,
        sent: Sent,
        mut request: OutboundRequest,
    ) -> Result<Called, CallError> {
        let store = &self.0.store;
        let _place = self.0.calls.take(&who.workspace, who.acting.as_ref(), until).await?;
        request.limits.timeout = left(until, request.limits.timeout)?;
        let (method, host) = (request.method.to_string(), host_of(&request.url));
        let began = Instant::now();
        let outcome = self.0.http.send(request).await;
        let duration_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        let Sent { credential, version, retried, grant } = sent;
        let entry = Entry {
            id: store.ids().make(),
            at: store.now(),
            method,
            host,
            status: outcome.as_ref().ok().map(|r| i64::from(r.status.as_u16())),
            error: outcome.as_ref().err().map(|e| e.code().to_owned()),
            retried,
            bytes: outcome.as_ref().map_or(0, |r| i64::try_from(r.body.len()).unwrap_or(i64::MAX)),
            duration_ms,
            credential,
            credential_version: version,
        };
        let id = entry.id.clone();
        self.0.rows.keep(Fresh { who, entry, grant }).await?;
        let response = outcome.map_err(CallError::Outside)?;
        Ok(Called { id, response, retried, version, duration_ms })
    }

    /// Ends calls that are under way, and waits until they are in the ledger; for the end, before the store is closed.
    pub async fn end_calls(&self) {
        self.0.memory.finish();
        let lost = self.0.running.end(ENDED_WITHIN).await;
        if lost > 0 {
            tracing::error!(calls = lost, "calls did not end in time and are missing in the ledger");
        }
    }
}

/// How long is waited for calls that are told to end.
const ENDED_WITHIN: Duration = Duration::from_secs(5);

/// What a call is sent with, as the ledger says it.
pub(crate) struct Sent {
    credential: String,
    version: i64,
    retried: bool,
    grant: Option<GrantId>,
}

impl Sent {
    /// A token of the broker's.
    pub(crate) fn with(token: &AccessToken, retried: bool) -> Self {
        let grant = token.grant.clone();
        Self { credential: grant.to_string(), version: token.version, retried, grant: Some(grant) }
    }

    /// Something that no authorization server granted, in a word (`api-key`), and its version.
    pub(crate) fn plain(credential: &str, version: i64, retried: bool) -> Self {
        Self { credential: credential.to_owned(), version, retried, grant: None }
    }
}

/// A token within the time of a call. Who asks for one does so in a task of its own, which goes on.
async fn in_time(
    run: &Run,
    asked: impl Future<Output = Result<AccessToken, Unavailable>>,
) -> Result<AccessToken, CallError> {
    match tokio::time::timeout_at(run.until, asked).await {
        Ok(token) => token.map_err(|unavailable| CallError::Ours(unavailable.of(&run.holder_name))),
        Err(_) => Err(CallError::Ours(Error::unavailable(
            "The provider takes too long to give a token. Try again in a moment: one may be there then.",
        ))),
    }
}

/// Host and port, if it is not the usual one.
fn host_of(url: &url::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}
