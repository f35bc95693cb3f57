use gatehouse_types::{SsoAttemptId, TraceShareId, WorkspaceId};

use super::LinkLife;

/// A link that shows one attempt to somebody without an account.
#[derive(Clone, Debug)]
pub struct Share {
    /// Its id.
    pub id: TraceShareId,
    /// The workspace of the attempt.
    pub workspace_id: WorkspaceId,
    /// The attempt.
    pub attempt_id: SsoAttemptId,
    /// How long it shows anything, and how often it did.
    pub life: LinkLife,
}
