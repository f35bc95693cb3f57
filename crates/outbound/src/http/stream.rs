//! Answers whose body comes piece by piece.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use tokio::time::Instant;

use super::{Error, OutboundRequest, guard, without_cookies};

/// How long one waits for the parts of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For the head: look-up, connections, redirects.
    pub head: Duration,
    /// For each piece of the body.
    pub piece: Duration,
}

/// An answer that is on its way. Dropped, its connection is closed.
pub struct Streamed {
    /// The status.
    pub status: StatusCode,
    /// The headers without cookies.
    pub headers: HeaderMap,
    response: reqwest::Response,
    request: OutboundRequest,
    piece: Duration,
    ends: Instant,
    left: usize,
}

impl Streamed {
    pub(super) fn of(
        response: reqwest::Response,
        request: &OutboundRequest,
        piece: Duration,
        ends: Instant,
    ) -> Result<Self, Error> {
        let limit = request.limits.max_bytes;
        if response.content_length().is_some_and(|length| length > limit as u64) {
            return Err(Error::TooLarge { origin: guard::origin(&request.url), limit });
        }
        // for messages: what was sent is not needed any more
        let request = OutboundRequest {
            method: request.method.clone(),
            url: request.url.clone(),
            headers: HeaderMap::new(),
            body: Vec::new(),
            limits: request.limits,
        };
        let (headers, _) = without_cookies(&response);
        Ok(Self { status: response.status(), headers, response, request, piece, ends, left: limit })
    }

    /// The next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// [`Error`] when the connection broke off, a piece let wait for itself, or all of it exceeds the limits.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let until = self.ends.min(Instant::now() + self.piece);
        let Ok(next) = tokio::time::timeout_at(until, self.response.chunk()).await else {
            let waited = if until == self.ends { self.request.limits.timeout } else { self.piece };
            let origin = guard::origin(&self.request.url);
            return Err(Error::Timeout { origin, seconds: waited.as_secs_f32() });
        };
        let Some(piece) = next.map_err(|error| Error::from_reqwest(&error, &self.request))? else {
            return Ok(None);
        };
        let limit = self.request.limits.max_bytes;
        self.left = self
            .left
            .checked_sub(piece.len())
            .ok_or_else(|| Error::TooLarge { origin: guard::origin(&self.request.url), limit })?;
        Ok(Some(piece.to_vec()))
    }
}

impl std::fmt::Debug for Streamed {
    /// Shows no header value: they may carry secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streamed")
            .field("status", &self.status)
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}
