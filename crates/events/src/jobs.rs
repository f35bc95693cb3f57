use gatehouse_store::jobs::Job;
use gatehouse_types::Result;
use serde::{Deserialize, Serialize};

use crate::Events;
use crate::store::deliveries;

/// Collects what is new in the logs and sends what is due.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Deliver;

impl Job for Deliver {
    const KIND: &'static str = "events.deliver";
    type Context = Events;

    async fn run(self, events: Events) -> Result<()> {
        events.deliver_due().await
    }
}

/// Forgets deliveries older than 30 days.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sweep;

impl Job for Sweep {
    const KIND: &'static str = "events.sweep";
    type Context = Events;

    async fn run(self, events: Events) -> Result<()> {
        let mut tx = events.0.store.begin_always().await?;
        deliveries::sweep(&mut tx).await?;
        Ok(tx.commit().await?)
    }
}
