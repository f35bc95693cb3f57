use gatehouse_store::jobs::Job;
use gatehouse_types::Result;
use serde::{Deserialize, Serialize};

use crate::Flows;
use crate::store::{deployments, executions, files, versions};

/// How long executions that ended are kept, in days.
const KEPT_DAYS: i64 = 90;

/// How long a draft is kept that was tried out, in seconds (a day), beyond the executions of it.
const DRAFT_SECONDS: i64 = 86_400;

/// Forgets what is past its time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sweep;

impl Job for Sweep {
    const KIND: &'static str = "flows.sweep";
    type Context = Flows;

    async fn run(self, flows: Flows) -> Result<()> {
        let mut tx = flows.0.store.begin_always().await?;
        deployments::sweep(&mut tx).await?;
        files::sweep(&mut tx).await?;
        let before = flows.0.store.now().plus_seconds(-KEPT_DAYS * 86_400);
        executions::sweep(&mut tx, before).await?;
        let before = flows.0.store.now().plus_seconds(-DRAFT_SECONDS);
        versions::sweep_drafts(&mut tx, before).await?;
        Ok(tx.commit().await?)
    }
}
