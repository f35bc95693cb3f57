use gatehouse_store::jobs::Job;
use gatehouse_types::Result;
use serde::{Deserialize, Serialize};

use crate::Connect;

/// Warns of values that end: API keys, client secrets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ends;

impl Job for Ends {
    const KIND: &'static str = "connect.ends";
    type Context = Connect;

    async fn run(self, connect: Connect) -> Result<()> {
        connect.warn_of_ends().await
    }
}
