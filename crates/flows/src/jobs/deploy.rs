use gatehouse_store::jobs::Job;
use gatehouse_types::{FlowDeploymentId, Result};
use serde::{Deserialize, Serialize};

use crate::Flows;

/// Puts a flow into service or takes it out, for a caller who does not wait.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Deploy {
    pub(crate) id: FlowDeploymentId,
}

impl Job for Deploy {
    const KIND: &'static str = "flows.deploy";
    type Context = Flows;

    async fn run(self, flows: Flows) -> Result<()> {
        flows.carry_out(&self.id).await
    }
}
