//! What happens when a sealed value does not open, and the task that keeps the keyring up to date.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use gatehouse_types::{Actor, Origin, WorkspaceId};
use serde_json::json;
use tokio::sync::Notify;

use super::SealedColumn;
use crate::audit::{self, Event};
use crate::decisions::{self, Reason, Refusal};
use crate::open::WeakStore;
use crate::{Queries, Query, Result, Store, Value};

/// How often a server looks for new data keys. A rotation waits longer than this before its last look.
pub(super) const POLL: Duration = Duration::from_secs(2);
/// Places told of in one life of a process; what is beyond is counted and logged, not recorded.
const MAX_RECORDED: usize = 1024;

/// A place whose value does not open.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Refused {
    pub(super) table: &'static str,
    pub(super) column: &'static str,
    pub(super) row: String,
}

/// Refusals on their way to the audit log; each place is recorded once.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    seen: Mutex<HashSet<Refused>>,
    waiting: Mutex<Vec<Refused>>,
    wake: Notify,
}

impl Refusals {
    /// Counts it, logs it, and hands it to the task that records it.
    pub(super) fn note(&self, refused: Refused) {
        metrics::counter!("keyring_refused_total", "table" => refused.table, "column" => refused.column)
            .increment(1);
        tracing::error!(
            table = refused.table,
            column = refused.column,
            row = refused.row,
            "a sealed value does not open: its key is missing, its bytes were changed, or it was moved here"
        );
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() < MAX_RECORDED && seen.insert(refused.clone()) {
            self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(refused);
            self.wake.notify_one();
        }
    }

    fn take(&self) -> Vec<Refused> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Looks for new data keys every [`POLL`], and records refusals as they come, until the store is gone.
pub(crate) async fn keep_watch(store: WeakStore) {
    let Some(ring) = store.upgrade().map(|s| s.keyring().clone()) else { return };
    loop {
        tokio::select! {
            () = ring.0.refusals.wake.notified() => {}
            () = tokio::time::sleep(POLL) => {}
        }
        let Some(store) = store.upgrade().filter(|s| !s.is_closed()) else { return };
        if let Err(e) = ring.refresh().await {
            tracing::warn!(error = %e, "the data keys could not be read again");
        }
        for refused in ring.0.refusals.take() {
            if let Err(e) = record(&store, &refused).await {
                tracing::error!(error = %e, "a refusal of the keyring could not be recorded");
            }
        }
    }
}

async fn record(store: &Store, refused: &Refused) -> Result<()> {
    let actor = Actor::system(Origin::machine(store.ids().make()), None);
    let workspace = workspace_of(store, refused).await?;
    let Refused { table, column, row } = refused;
    let reason = Reason::failed(
        "keyring",
        format!(
            "The sealed value {table}.{column} of the row {row} does not open: its key is missing, its bytes were \
             changed, or it was moved there from another row. Compare the row with a backup, and run gatehouse doctor."
        ),
    );
    let refusal = Refusal {
        action: "keyring:open",
        object: Some(format!("{table}.{column}:{row}")),
        reasons: vec![reason],
    };
    let mut tx = store.begin_always().await?;
    let decision = decisions::refuse_in(&mut tx, &actor, workspace.as_ref(), refusal).await?;
    let details = json!({"table": table, "column": column, "decision": decision});
    let event = Event::failure("keyring.refused", Some(("row", row)), details);
    audit::record_in(&mut tx, &actor, workspace.as_ref(), event).await?;
    tx.commit().await
}

/// The workspace that the row belongs to, if the table says so.
async fn workspace_of(store: &Store, refused: &Refused) -> Result<Option<WorkspaceId>> {
    let Some(sealed) = SealedColumn::find(refused.table, refused.column) else { return Ok(None) };
    let Some(workspace) = sealed.workspace else { return Ok(None) };
    let select = format!("SELECT {workspace} AS w FROM {} WHERE {}", sealed.table, sealed.key_is(1));
    // a row of several keys is named by all of them; none but the last has a slash in it
    let keys = refused.row.splitn(sealed.key.len(), '/').map(Value::from).collect();
    let query = Query::assembled(select, keys);
    let row = store.reader().fetch_optional(query).await?;
    row.map(|r| r.opt_id("w")).transpose().map(Option::flatten)
}
