//! Connectors: products outside that are connected.

use gatehouse_store::{Queries, Store};
use gatehouse_types::{ConnectorId, Permission, Result, WorkspaceId};
use gatehouse_web::PublicUrl;

use crate::holders::About;
use crate::{Asked, ClientSpec, Owner};

/// There are none yet.
pub(crate) async fn about<Q: Queries>(_: &mut Q, _: &WorkspaceId, _: &ConnectorId) -> Result<Option<About>> {
    Ok(None)
}

/// There are none yet.
pub(crate) async fn spec<Q: Queries>(
    _: &Store,
    _: &mut Q,
    _: &PublicUrl,
    _: (&WorkspaceId, &ConnectorId),
    _: &Asked,
) -> Result<Option<ClientSpec>> {
    Ok(None)
}

/// The right that it takes to authorize one.
pub(crate) const fn right(owner: &Owner) -> Permission {
    match owner {
        Owner::Service => Permission::ManageAuthProfiles,
        Owner::Person(_) => Permission::UseAuthProfiles,
    }
}
