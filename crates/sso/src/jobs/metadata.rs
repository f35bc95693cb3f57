use gatehouse_store::jobs::{Job, When, enqueue};
use gatehouse_types::{ConnectionId, Result};
use serde::{Deserialize, Serialize};

use crate::Sso;
use crate::store::metadata;

/// Connections whose metadata is looked after in one round.
const ROUND: i64 = 100;

/// Enqueues a fetch for each connection whose metadata is due.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DueMetadata;

impl Job for DueMetadata {
    const KIND: &'static str = "sso.metadata-due";
    type Context = Sso;

    async fn run(self, sso: Sso) -> Result<()> {
        let store = &sso.0.store;
        let due = metadata::due(&mut store.reader(), store.now(), ROUND).await?;
        if due.is_empty() {
            return Ok(());
        }
        let mut tx = store.begin_always().await?;
        for connection in due {
            let unique = Some(format!("{}:{connection}", RefreshMetadata::KIND));
            enqueue(&mut tx, &RefreshMetadata { connection }, When { at: None, unique }).await?;
        }
        Ok(tx.commit().await?)
    }
}

/// Fetches the metadata of one connection; nothing happens when it is not due any more.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RefreshMetadata {
    connection: ConnectionId,
}

impl Job for RefreshMetadata {
    const KIND: &'static str = "sso.metadata-refresh";
    type Context = Sso;

    async fn run(self, sso: Sso) -> Result<()> {
        sso.refresh_due(&self.connection).await
    }
}
