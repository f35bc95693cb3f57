//! Requests of flows that take no credential of ours: they leave by the same door, count like the others, and are in the
//! ledger.

use gatehouse_outbound::{OutboundRequest, Response};
use gatehouse_types::{Result, UserId, WorkspaceId};
use tokio::time::Instant;

use super::ledger::{Effective, NOBODY, Who};
use super::{CallError, Sent};
use crate::Connect;

/// One try of a step.
#[derive(Debug)]
pub struct OpenStep {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The person it runs for; `None`: a program or the product itself.
    pub acting: Option<UserId>,
    /// What made the call, as the ledger says it: `flow:<id>`.
    pub cause: String,
    /// What is sent. Its time is that of all of the try.
    pub request: OutboundRequest,
}

impl Connect {
    /// Sends one try of a step without any credential of ours.
    ///
    /// # Errors
    /// `Unavailable` when too many calls are out; when the database fails. Inside: why the outside was not reached.
    pub async fn send_open(&self, step: OpenStep) -> Result<Result<Response, gatehouse_outbound::Error>> {
        let OpenStep { workspace, acting, cause, request } = step;
        let who = Who {
            workspace,
            acting,
            effective: Effective::None,
            holder: None,
            cause,
            action: None,
            request_id: None,
        };
        let until = Instant::now() + request.limits.timeout;
        match self.go(who, until, Sent::plain(NOBODY, 0, false), request).await {
            Ok(called) => Ok(Ok(called.response)),
            Err(CallError::Outside(error)) => Ok(Err(error)),
            Err(other) => Err(other.into()),
        }
    }
}
