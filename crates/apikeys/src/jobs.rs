use gatehouse_store::jobs::Job;
use gatehouse_types::Result;
use serde::{Deserialize, Serialize};

use crate::ApiKeys;
use crate::service::usage;
use crate::store::changes::{self, Change};
use crate::store::{apps, keys};

/// How often what is past its time is forgotten, in seconds.
pub(crate) const SWEEP_SECONDS: i64 = 3_600;
/// How long a deleted key is told apart from one that never was, in days.
const DELETED_DAYS: i64 = 30;
/// How long changes are kept for servers that were away, in seconds (a day); one that was away for longer reads all keys.
const CHANGES_SECONDS: i64 = 86_400;
/// Keys that are forgotten in one transaction.
const FORGOTTEN_AT_ONCE: i64 = 500;

/// Forgets deleted keys and apps, old counts and old changes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sweep;

impl Job for Sweep {
    const KIND: &'static str = "apikeys.sweep";
    type Context = ApiKeys;

    async fn run(self, api: ApiKeys) -> Result<()> {
        let store = &api.0.store;
        let mut tx = store.begin_always().await?;
        usage::sweep(&mut tx).await?;
        changes::sweep(&mut tx, store.now().plus_seconds(-CHANGES_SECONDS)).await?;
        tx.commit().await?;
        let before = store.now().plus_seconds(-DELETED_DAYS * 86_400);
        loop {
            let mut tx = store.begin_always().await?;
            let old = keys::deleted_before(&mut tx, before, FORGOTTEN_AT_ONCE).await?;
            for digest in &old {
                keys::forget(&mut tx, digest).await?;
            }
            let changed: Vec<Change> = old.iter().cloned().map(Change::Key).collect();
            api.changed(&mut tx, &changed).await?;
            tx.commit().await?;
            if i64::try_from(old.len()).unwrap_or(0) < FORGOTTEN_AT_ONCE {
                break;
            }
        }
        let mut tx = store.begin_always().await?;
        apps::sweep(&mut tx, before).await?;
        Ok(tx.commit().await?)
    }
}
