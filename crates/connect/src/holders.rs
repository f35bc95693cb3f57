//! What profiles and connectors have in common: both hold grants. A closed list: each kind answers for itself.

use gatehouse_store::{Queries, Store, Tx};
use gatehouse_types::{Actor, Result, UserId, WorkspaceId};
use gatehouse_web::PublicUrl;

use crate::{Asked, ClientSpec, Holder, connectors, profiles};

/// What people know a holder by.
#[derive(Clone, Debug)]
pub(crate) struct About {
    pub(crate) name: String,
    /// Who answers for it; `None`: nobody in particular.
    pub(crate) responsible: Option<UserId>,
    /// Its page in the console.
    pub(crate) page: String,
}

/// What people know it by; `None` when it does not exist in the workspace.
pub(crate) async fn about<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    holder: &Holder,
) -> Result<Option<About>> {
    match holder {
        Holder::Profile(id) => profiles::about(db, workspace, id).await,
        Holder::Connector(id) => connectors::about(db, workspace, id).await,
    }
}

/// The authorization server of a holder and how we present ourselves there, with what was asked of the end user put in;
/// `None` when the holder does not exist in the workspace, or speaks no OAuth.
pub(crate) async fn spec<Q: Queries>(
    store: &Store,
    db: &mut Q,
    public_url: &PublicUrl,
    (workspace, holder): (&WorkspaceId, &Holder),
    asked: &Asked,
) -> Result<Option<ClientSpec>> {
    match holder {
        Holder::Profile(id) => profiles::spec(store, db, public_url, (workspace, id), asked).await,
        Holder::Connector(id) => connectors::spec(store, db, public_url, (workspace, id), asked).await,
    }
}

/// Holds it against other writers until the transaction ends; `false` when it does not exist in the workspace.
pub(crate) async fn lock(tx: &mut Tx, workspace: &WorkspaceId, holder: &Holder) -> Result<bool> {
    match holder {
        Holder::Profile(id) => profiles::lock(tx, workspace, id).await,
        Holder::Connector(id) => connectors::lock(tx, workspace, id).await,
    }
}

/// Uses up the reconnect link by which an authorization began, its connector locked before; says whether it still opened
/// something.
pub(crate) async fn use_link(tx: &mut Tx, actor: &Actor, holder: &Holder, link: &str) -> Result<bool> {
    match holder {
        Holder::Profile(_) => Ok(false),
        Holder::Connector(id) => connectors::use_link(tx, actor, id, link).await,
    }
}
