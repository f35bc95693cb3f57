//! A person authorized a connector: what waits for that is told, in the transaction that keeps the grant.

use std::sync::Arc;

use gatehouse_identity::rules::Boxed;
use gatehouse_store::Tx;
use gatehouse_store::jobs::{self, Job, When};
use gatehouse_types::{ConnectorId, Result, UserId, WorkspaceId};
use serde::{Deserialize, Serialize};

use crate::{Holder, Owner};

/// Tells whoever waits for a person that the person authorized a connector, or need not any more.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UserAuthenticated {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The connector; `None`: every one.
    pub connector: Option<ConnectorId>,
    /// The person.
    pub user: UserId,
}

/// The part of the product that waits for people.
pub trait Wakes: Send + Sync + std::fmt::Debug {
    /// A person authorized a connector, or need not any more; said at least once.
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
    let connector = Some(connector.clone());
    let job = UserAuthenticated { workspace: workspace.clone(), connector, user: user.clone() };
    Ok(jobs::enqueue(tx, &job, When::default()).await?)
}

/// Says that nobody asks a person for an authorization any more.
pub(crate) async fn exempted(tx: &mut Tx, workspace: &WorkspaceId, user: &UserId) -> Result<()> {
    let job = UserAuthenticated { workspace: workspace.clone(), connector: None, user: user.clone() };
    Ok(jobs::enqueue(tx, &job, When::default()).await?)
}
