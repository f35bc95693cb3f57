use gatehouse_types::{SsoAttemptId, Timestamp, TraceShareId, WorkspaceId};

/// A link that shows one attempt to somebody without an account.
#[derive(Clone, Debug)]
pub struct Share {
    /// Its id.
    pub id: TraceShareId,
    /// The workspace of the attempt.
    pub workspace_id: WorkspaceId,
    /// The attempt.
    pub attempt_id: SsoAttemptId,
    /// Who made it.
    pub created_by: Option<String>,
    /// When.
    pub created_at: Timestamp,
    /// Until when it shows anything.
    pub expires_at: Timestamp,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
    /// How often it was opened.
    pub opened: i64,
    /// When first.
    pub first_opened_at: Option<Timestamp>,
    /// When last.
    pub last_used_at: Option<Timestamp>,
}

impl Share {
    /// `active`, `expired` or `revoked`.
    pub fn status(&self, now: Timestamp) -> &'static str {
        match (self.revoked_at, self.expires_at > now) {
            (Some(_), _) => "revoked",
            (None, true) => "active",
            (None, false) => "expired",
        }
    }
}
