use gatehouse_store::jobs::Job;
use gatehouse_types::Result;
use serde::{Deserialize, Serialize};

use crate::Flows;

/// Starts what schedules say.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Schedules;

impl Job for Schedules {
    const KIND: &'static str = "flows.schedules";
    type Context = Flows;

    async fn run(self, flows: Flows) -> Result<()> {
        flows.start_due().await
    }
}
