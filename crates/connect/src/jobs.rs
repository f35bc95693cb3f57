use gatehouse_store::jobs::Job;
use gatehouse_types::Result;
use serde::{Deserialize, Serialize};

use crate::call::ledger;
use crate::grants::{self, requests, servers};
use crate::{Broker, Connect};

/// Revokes tokens of an ended grant at their server, again and again until it answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Revoke {
    /// The row that holds them, sealed.
    pub(crate) id: String,
}

impl Job for Revoke {
    const KIND: &'static str = "connect.revoke";
    type Context = Broker;

    async fn run(self, broker: Broker) -> Result<()> {
        grants::revoke(&broker, &self.id).await
    }
}

/// Tells who answers for what must be authorized again because the database came back from a backup.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TellRestored;

impl Job for TellRestored {
    const KIND: &'static str = "connect.tell-restored";
    type Context = Broker;

    async fn run(self, broker: Broker) -> Result<()> {
        grants::restored::tell(&broker).await
    }
}

/// Forgets authorizations that nobody ended, servers and calls of long ago, and revocations that no provider took; tells of
/// grants that end soon.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sweep;

impl Job for Sweep {
    const KIND: &'static str = "connect.sweep";
    type Context = Connect;

    async fn run(self, connect: Connect) -> Result<()> {
        let mut tx = connect.0.store.begin_always().await?;
        requests::sweep(&mut tx).await?;
        servers::sweep(&mut tx).await?;
        ledger::sweep(&mut tx).await?;
        grants::give_up_revocations(&mut tx).await?;
        tx.commit().await?;
        let mut tx = connect.0.store.begin_always().await?;
        grants::ends::tell(&connect.0.broker, &mut tx).await?;
        Ok(tx.commit().await?)
    }
}
