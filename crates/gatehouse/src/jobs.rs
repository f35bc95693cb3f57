use gatehouse_store::audit::heads;
use gatehouse_store::jobs::Job;
use gatehouse_store::{Store, decisions, idempotency};
use gatehouse_types::Result;
use serde::{Deserialize, Serialize};

/// How often expired rows are forgotten, in seconds.
pub(crate) const SWEEP_SECONDS: i64 = 3600;

/// How often it is looked whether a head of an audit chain is to be signed, in seconds.
pub(crate) const SIGN_HEADS_SECONDS: i64 = 300;

/// Signs the heads of audit chains that have grown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SignHeads;

impl Job for SignHeads {
    const KIND: &'static str = "audit.sign-heads";
    type Context = Store;

    async fn run(self, store: Store) -> Result<()> {
        Ok(heads::sign_due(&store).await?)
    }
}

/// Forgets decisions and kept answers that are past their time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sweep;

impl Job for Sweep {
    const KIND: &'static str = "store.sweep";
    type Context = Store;

    async fn run(self, store: Store) -> Result<()> {
        let mut tx = store.begin_always().await?;
        decisions::sweep(&mut tx).await?;
        idempotency::sweep(&mut tx).await?;
        Ok(tx.commit().await?)
    }
}
