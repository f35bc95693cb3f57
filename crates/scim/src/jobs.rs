use gatehouse_store::Store;
use gatehouse_store::jobs::Job;
use gatehouse_types::Result;
use serde::{Deserialize, Serialize};

use crate::store::activities;

/// How often old activities are forgotten, in seconds.
pub(crate) const SWEEP_SECONDS: i64 = 3_600;
/// How long an activity is kept, in days.
const KEPT_DAYS: i64 = 90;

/// Forgets activities that are past their time; the audit log keeps what was changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sweep;

impl Job for Sweep {
    const KIND: &'static str = "scim.sweep";
    type Context = Store;

    async fn run(self, store: Store) -> Result<()> {
        let mut tx = store.begin_always().await?;
        activities::sweep(&mut tx, store.now().plus_seconds(-KEPT_DAYS * 86_400)).await?;
        Ok(tx.commit().await?)
    }
}
