//! One call to the outside with somebody's credentials: put in, sent, tried once more with a new token when the first is
//! refused, and written into the ledger.

pub(crate) mod api;
pub(crate) mod ledger;
pub(crate) mod slots;
pub(crate) mod stream;

use std::time::Instant;

use gatehouse_outbound::{OutboundRequest, Response};
use gatehouse_store::Store;
use gatehouse_types::{Actor, Error, GrantId, Kind, OutboundCallId, Result, UserId, WorkspaceId};

use crate::grants::store as grants;
use crate::{AccessToken, ClientSpec, Connect, Holder, Owner, Unavailable, connectors};
use ledger::Entry;

/// For whom, as whom and why a call is made: what the ledger says of it.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// The workspace.
    pub(crate) workspace: WorkspaceId,
    /// Who caused it; `None`: a program or the product itself.
    pub(crate) acting: Option<UserId>,
    /// What the credential is of.
    pub(crate) holder: Holder,
    /// What people call that.
    pub(crate) holder_name: String,
    /// As whom the outside sees it.
    pub(crate) owner: Owner,
    /// What made the call: `request`, `flow:<id>`.
    pub(crate) cause: String,
    /// What it is called in a connector's catalogue.
    pub(crate) action: Option<String>,
    /// The request that caused it.
    pub(crate) request_id: Option<String>,
}

impl Run {
    /// A call that an actor makes by hand.
    pub(crate) fn by_hand(actor: &Actor, holder: Holder, holder_name: String, owner: Owner) -> Result<Self> {
        Ok(Self {
            workspace: actor.workspace()?.clone(),
            acting: actor.user().ok().cloned(),
            holder,
            holder_name,
            owner,
            cause: "request".to_owned(),
            action: None,
            request_id: Some(actor.origin.request_id.to_string()),
        })
    }
}

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
    /// There is no token.
    Credential(Unavailable),
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
            CallError::Credential(unavailable) => unavailable.into(),
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
        (spec, held): (&ClientSpec, Option<AccessToken>),
        put: impl Fn(&AccessToken) -> Result<OutboundRequest> + Send,
        is_refused: impl Fn(&Response) -> bool + Send,
    ) -> Result<Called, CallError> {
        let first = self.first_token(run, spec, held).await?;
        let mut call = self.send(run, &first, put(&first)?, false).await?;
        if is_refused(&call.response) {
            let second =
                self.0.broker.refuse(&run.workspace, &run.holder, &run.owner, spec, (&first).into()).await;
            let second = second.map_err(CallError::Credential)?;
            call = self.send(run, &second, put(&second)?, true).await?;
        }
        Ok(call)
    }

    /// The token that is held, else the broker's.
    async fn first_token(
        &self,
        run: &Run,
        spec: &ClientSpec,
        held: Option<AccessToken>,
    ) -> Result<AccessToken, CallError> {
        if let Some(token) = held {
            return Ok(token);
        }
        let asked = self.0.broker.token(&run.workspace, &run.holder, &run.owner, spec).await;
        asked.map_err(CallError::Credential)
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
        let sent = Sent { credential: credential.to_owned(), version, retried: false, grant: None };
        self.go(run, sent, request).await
    }

    /// One call with a token of the broker's that the caller holds already.
    pub(crate) async fn send(
        &self,
        run: &Run,
        token: &AccessToken,
        request: OutboundRequest,
        retried: bool,
    ) -> Result<Called, CallError> {
        let credential = token.grant.to_string();
        let sent = Sent { credential, version: token.version, retried, grant: Some(token.grant.clone()) };
        self.go(run, sent, request).await
    }

    /// In a task of its own: a caller who goes away takes no entry of the ledger along.
    async fn go(&self, run: &Run, sent: Sent, request: OutboundRequest) -> Result<Called, CallError> {
        let (connect, run) = (self.clone(), run.clone());
        let gone = tokio::spawn(async move { connect.go_on(&run, sent, request).await }).await;
        gone.unwrap_or_else(|e| Err(CallError::Ours(Error::internal(e))))
    }

    async fn go_on(&self, run: &Run, sent: Sent, request: OutboundRequest) -> Result<Called, CallError> {
        let store = &self.0.store;
        let _place = self.0.calls.take(&run.workspace).await?;
        let (method, host) = (request.method.to_string(), host_of(&request.url));
        let began = Instant::now();
        let outcome = self.0.http.send(request).await;
        let duration_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        let entry = Entry {
            id: store.ids().make(),
            at: store.now(),
            method,
            host,
            status: outcome.as_ref().ok().map(|r| i64::from(r.status.as_u16())),
            error: outcome.as_ref().err().map(|e| e.code().to_owned()),
            retried: sent.retried,
            bytes: outcome.as_ref().map_or(0, |r| i64::try_from(r.body.len()).unwrap_or(i64::MAX)),
            duration_ms,
            credential: sent.credential.clone(),
            credential_version: sent.version,
        };
        note(store, run, &sent, &entry).await?;
        let response = outcome.map_err(CallError::Outside)?;
        Ok(Called { id: entry.id, response, retried: sent.retried, version: sent.version, duration_ms })
    }
}

struct Sent {
    credential: String,
    version: i64,
    retried: bool,
    grant: Option<GrantId>,
}

async fn note(store: &Store, run: &Run, sent: &Sent, entry: &Entry) -> Result<()> {
    let mut tx = store.begin_always().await?;
    ledger::insert(&mut tx, run, entry);
    if let Some(grant) = &sent.grant {
        grants::used(&mut tx, grant);
    }
    if let Holder::Connector(id) = &run.holder {
        connectors::used(&mut tx, id);
    }
    Ok(tx.commit().await?)
}

/// Host and port, if it is not the usual one.
fn host_of(url: &url::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}
