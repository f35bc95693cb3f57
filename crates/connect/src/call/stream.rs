//! Calls whose answer is handed on piece by piece. A task of its own carries it: whoever reads it may go away, and the ledger
//! still tells how much came.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gatehouse_outbound::header::HeaderMap;
use gatehouse_outbound::{Limits, OutboundRequest, Patience, StatusCode, Streamed};
use gatehouse_types::{Error, OutboundCallId, Result};
use tokio::sync::{mpsc, oneshot};

use super::ledger::{Entry, Who};
use super::rows::Fresh;
use super::run::left;
use super::{CallError, Run, Sent, host_of};
use crate::{AccessToken, Asked, Connect};

/// The bounds of an answer that is handed on piece by piece: 1 GiB in 10 minutes, and it never leaves its host.
pub(crate) const LIMITS: Limits = Limits {
    max_bytes: 1024 * 1024 * 1024,
    timeout: Duration::from_secs(600),
    max_redirects: 3,
    same_host_only: true,
};
/// How long one waits for the head of an answer, and for each piece of its body.
const PATIENCE: Patience = Patience { head: Duration::from_secs(20), piece: Duration::from_secs(30) };
/// How long a piece waits until whoever asked reads it.
const READ_WITHIN: Duration = Duration::from_secs(60);
/// How long is waited for so much.
const LOOKED_WITHIN: Duration = Duration::from_secs(2);
/// Pieces that wait to be read.
const AHEAD: usize = 2;
/// How much of an answer is looked at to see whether it means that the token is refused, in bytes.
const LOOKED_AT: usize = 64 * 1024;

/// What the ledger says when whoever asked went away.
const NOT_READ: &str = "not_read";
/// What it says when this server stopped in the middle.
const STOPPED: &str = "stopped";

/// Status and headers.
type Head = (StatusCode, HeaderMap);

/// A piece of a body.
pub(crate) type Piece = io::Result<Vec<u8>>;

/// An answer that is on its way.
pub(crate) struct Flowing {
    /// The entry of the ledger, which is written at its end.
    pub(crate) id: OutboundCallId,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// How the body begins, as far as it was looked at.
    pub(crate) first: Vec<Piece>,
    /// The rest of it.
    pub(crate) rest: mpsc::Receiver<Piece>,
    /// Set once all of it was handed on: a body that ends before is a part, whatever it looks like.
    pub(crate) whole: Arc<AtomicBool>,
    /// Whether a first token was refused, and this is the answer to the second.
    pub(crate) retried: bool,
    /// Which version of the credential was sent.
    pub(crate) version: i64,
}

/// Of which answers is looked how they begin, and which of them mean that the token is refused.
pub(crate) trait Judge: Sync {
    /// Whether it takes a look at the body.
    fn looks(&self, status: StatusCode) -> bool;
    /// Whether the token is not taken.
    fn is_refused(&self, status: StatusCode, beginning: &[u8]) -> bool;
}

impl Connect {
    /// As [`Connect::call_with_grant`], with an answer that is handed on piece by piece.
    ///
    /// # Errors
    /// As there, until the head of the answer is there.
    pub(crate) async fn stream_with_grant(
        &self,
        run: &Run,
        (asked, held): (&Asked, Option<AccessToken>),
        put: impl Fn(&AccessToken) -> Result<OutboundRequest> + Send,
        judge: &impl Judge,
    ) -> Result<Flowing, CallError> {
        let first = self.first_token(run, asked, held).await?;
        let flowing = self.flow(run, Sent::with(&first, false), put(&first)?, judge).await?;
        if !judge.is_refused(flowing.status, &flowing.beginning()) {
            return Ok(flowing);
        }
        // nobody reads it: its task ends
        drop(flowing);
        let second = self.second_token(run, asked, &first).await?;
        self.flow(run, Sent::with(&second, true), put(&second)?, judge).await
    }

    /// Sends a request whose answer is handed on piece by piece.
    ///
    /// # Errors
    /// [`CallError`], until the head of the answer is there.
    pub(crate) async fn flow(
        &self,
        run: &Run,
        sent: Sent,
        request: OutboundRequest,
        judge: &impl Judge,
    ) -> Result<Flowing, CallError> {
        let place = self.0.streams.take(&run.workspace, run.acting.as_ref(), run.until).await?;
        let patience = Patience { head: left(run.until, PATIENCE.head)?, ..PATIENCE };
        let id: OutboundCallId = self.0.store.ids().make();
        let (head, opened) = oneshot::channel();
        let (pieces, mut rest) = mpsc::channel(AHEAD);
        let whole = Arc::new(AtomicBool::new(false));
        let (retried, version) = (sent.retried, sent.version);
        let (connect, who, own, done) = (self.clone(), run.who(), id.clone(), Arc::clone(&whole));
        let under_way = self.0.running.begin();
        tokio::spawn(async move {
            connect.carry(who, sent, own, (request, patience), (head, pieces, done)).await;
            drop((place, under_way));
        });
        let (status, headers) = opened.await.map_err(Error::internal)??;
        let first = if judge.looks(status) { beginning(&mut rest).await } else { Vec::new() };
        Ok(Flowing { id, status, headers, first, rest, whole, retried, version })
    }

    /// Sends a request and hands its answer on; writes the entry of the ledger before the last of it is read.
    async fn carry(
        &self,
        who: Who,
        sent: Sent,
        id: OutboundCallId,
        (request, patience): (OutboundRequest, Patience),
        (head, pieces, whole): (
            oneshot::Sender<Result<Head, CallError>>,
            mpsc::Sender<Piece>,
            Arc<AtomicBool>,
        ),
    ) {
        let (method, host) = (request.method.to_string(), host_of(&request.url));
        let began = Instant::now();
        let (mut status, mut failed) = (None, None);
        let opened = tokio::select! {
            biased;
            opened = self.0.http.open(request, patience) => opened.map_err(|e| (e.code(), CallError::Outside(e))),
            () = self.0.running.stopped() => Err((STOPPED, CallError::Ours(Error::unavailable(
                "This server stops. Try again.",
            )))),
        };
        let (bytes, error) = match opened {
            Ok(mut answer) => {
                status = Some(i64::from(answer.status.as_u16()));
                match head.send(Ok((answer.status, std::mem::take(&mut answer.headers)))) {
                    Ok(()) => {
                        let mut bytes = 0;
                        let broken = tokio::select! {
                            biased;
                            broken = hand_on(&mut answer, &pieces, &mut bytes) => broken,
                            () = self.0.running.stopped() => Some(STOPPED),
                        };
                        whole.store(broken.is_none(), Ordering::Release);
                        (bytes, broken)
                    }
                    Err(_) => (0, Some(NOT_READ)),
                }
            }
            Err((code, error)) => {
                failed = Some((head, error));
                (0, Some(code))
            }
        };
        let entry = Entry {
            id,
            at: self.0.store.now(),
            method,
            host,
            status,
            error: error.map(str::to_owned),
            retried: sent.retried,
            bytes,
            duration_ms: i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX),
            credential: sent.credential,
            credential_version: sent.version,
        };
        let call = entry.id.clone();
        if let Err(error) = self.0.rows.keep(Fresh { who, entry, grant: sent.grant }).await {
            tracing::error!(%error, %call, "a call is missing in the ledger");
        }
        if let Some((head, error)) = failed {
            // whoever asked may have gone away
            let _ = head.send(Err(error));
        }
    }
}

impl Flowing {
    /// How the body begins, as far as it was looked at.
    pub(crate) fn beginning(&self) -> Vec<u8> {
        self.first.iter().flatten().flatten().copied().collect()
    }
}

/// The first pieces of a body, until they are enough for a look, or took too long.
async fn beginning(body: &mut mpsc::Receiver<Piece>) -> Vec<Piece> {
    let (mut first, mut bytes) = (Vec::new(), 0);
    let until = tokio::time::Instant::now() + LOOKED_WITHIN;
    while bytes < LOOKED_AT
        && let Ok(Some(piece)) = tokio::time::timeout_at(until, body.recv()).await
    {
        bytes += piece.as_ref().map_or(0, Vec::len);
        first.push(piece);
    }
    first
}

/// Hands a body on as fast as it is read, counting its bytes; says why it broke off.
async fn hand_on(
    answer: &mut Streamed,
    pieces: &mpsc::Sender<Piece>,
    bytes: &mut i64,
) -> Option<&'static str> {
    loop {
        let next = tokio::select! {
            biased;
            () = pieces.closed() => return Some(NOT_READ),
            next = answer.next() => next,
        };
        let piece = match next {
            Ok(Some(piece)) => piece,
            Ok(None) => return None,
            Err(error) => {
                // the connection to whoever asked breaks off too: nobody takes the part for the whole
                let broken = Err(io::Error::other(error.to_string()));
                let _ = tokio::time::timeout(READ_WITHIN, pieces.send(broken)).await;
                return Some(error.code());
            }
        };
        let size = i64::try_from(piece.len()).unwrap_or(i64::MAX);
        match tokio::time::timeout(READ_WITHIN, pieces.send(Ok(piece))).await {
            Ok(Ok(())) => *bytes += size,
            _ => return Some(NOT_READ),
        }
    }
}
