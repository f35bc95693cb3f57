use gatehouse_store::jobs::Job;
use gatehouse_types::Result;
use serde::{Deserialize, Serialize};

use crate::Sso;

/// Looks again at the proofs of verified domains: each once a day, some at a time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Recheck;

impl Job for Recheck {
    const KIND: &'static str = "sso.recheck-domains";
    type Context = Sso;

    async fn run(self, sso: Sso) -> Result<()> {
        sso.recheck_domains().await
    }
}
