use gatehouse_types::{ConnectionId, SetupLinkId, WorkspaceId};

use super::LinkLife;

/// A link with which the provider's administrator, who has no account here, finishes the set-up of one connection.
#[derive(Clone, Debug)]
pub struct SetupLink {
    /// Its id.
    pub id: SetupLinkId,
    /// The workspace of the connection.
    pub workspace_id: WorkspaceId,
    /// The connection; the link reaches nothing else.
    pub connection_id: ConnectionId,
    /// Whether its holder may also give the directory a token (SCIM).
    pub provisioning: bool,
    /// How long it opens anything, and how often it did.
    pub life: LinkLife,
}
