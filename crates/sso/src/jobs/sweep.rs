use gatehouse_store::Store;
use gatehouse_store::jobs::Job;
use gatehouse_types::Result;
use serde::{Deserialize, Serialize};

use crate::service::drafts::DRAFT_DAYS;
use crate::store::{attempts, domains, drafts, logout, requests, social};

/// Forgets requests that nobody answered, assertions that no clock accepts any more, attempts older than 14 days or beyond the newest of their connection, with their links, and drafts that nobody put in use; claims of domains that nobody proved in time expire.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sweep;

impl Job for Sweep {
    const KIND: &'static str = "sso.sweep";
    type Context = Store;

    async fn run(self, store: Store) -> Result<()> {
        let mut tx = store.begin_always().await?;
        requests::sweep(&mut tx).await?;
        social::sweep(&mut tx).await?;
        logout::sweep(&mut tx).await?;
        attempts::sweep(&mut tx, attempts::KEPT_OF_CONNECTION).await?;
        domains::expire(&mut tx).await?;
        drafts::sweep(&mut tx, DRAFT_DAYS).await?;
        Ok(tx.commit().await?)
    }
}
