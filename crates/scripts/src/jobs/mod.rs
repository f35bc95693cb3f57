use gatehouse_store::jobs::Job;
use gatehouse_types::Result;
use serde::{Deserialize, Serialize};

use crate::Scripts;

/// Forgets old runs and logs, and files that nobody needs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Sweep;

impl Job for Sweep {
    const KIND: &'static str = "scripts.sweep";
    type Context = Scripts;

    async fn run(self, scripts: Scripts) -> Result<()> {
        scripts.sweep().await
    }
}
