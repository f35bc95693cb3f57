use gatehouse_types::{ConnectionId, SetupLinkId, Timestamp, WorkspaceId};

/// A link with which the provider's administrator, who has no account here, finishes the set-up of one connection.
#[derive(Clone, Debug)]
pub struct SetupLink {
    /// Its id.
    pub id: SetupLinkId,
    /// The workspace of the connection.
    pub workspace_id: WorkspaceId,
    /// The connection; the link reaches nothing else.
    pub connection_id: ConnectionId,
    /// Who made it.
    pub created_by: Option<String>,
    /// When.
    pub created_at: Timestamp,
    /// Until when it opens anything.
    pub expires_at: Timestamp,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
    /// How often its page was opened.
    pub opened: i64,
    /// When first.
    pub first_opened_at: Option<Timestamp>,
    /// When last.
    pub last_used_at: Option<Timestamp>,
}

impl SetupLink {
    /// `active`, `expired` or `revoked`.
    pub fn status(&self, now: Timestamp) -> &'static str {
        match (self.revoked_at, self.expires_at > now) {
            (Some(_), _) => "revoked",
            (None, true) => "active",
            (None, false) => "expired",
        }
    }
}
