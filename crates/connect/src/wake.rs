//! A person authorized a connector: what waits for that is told, in the transaction that keeps the grant.

use std::sync::Arc;

use gatehouse_identity::rules::Boxed;
use gatehouse_store::Tx;
use gatehouse_store::jobs::{self, Job, When};
use gatehouse_types::{ConnectorId, Result, UserId, WorkspaceId};
use serde::{Deserialize, Serialize};

use crate::{Holder, Owner};

/// Tells whoever waits that a person authorized a connector.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UserAuthenticated {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The connector.
    pub connector: ConnectorId,
    /// The person.
    pub user: UserId,
}

/// The part of the product that waits for people.
pub trait Wakes: Send + Sync + std::fmt::Debug {
    /// A person authorized a connector; said at least once.
    fn authenticated<'a>(&'a self, told: &'a UserAuthenticated) -> Boxed<'a, Result<()>>;
}

impl Job for UserAuthenticated {
    const KIND: &'static str = "connect.user-authenticated";
    type Context = Arc<dyn Wakes>;

    async fn run(self, wakes: Arc<dyn Wakes>) -> Result<()> {
        wakes.authenticated(&self).await
    }
}

/// Says so, when it is a person's grant on a connector.
pub(crate) async fn enqueue(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    holder: &Holder,
    owner: &Owner,
) -> Result<()> {
    let (Holder::Connector(connector), Owner::Person(user)) = (holder, owner) else { return Ok(()) };
    let job =
        UserAuthenticated { workspace: workspace.clone(), connector: connector.clone(), user: user.clone() };
    Ok(jobs::enqueue(tx, &job, When::default()).await?)
}
