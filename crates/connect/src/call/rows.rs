//! Rows of the ledger on their way to the disk. A call is answered once its row is there; calls that end while rows are
//! written share the next writing. Rows that wait are no more than calls that are under way.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use gatehouse_store::{Store, Value};
use gatehouse_types::{Error, GrantId, Result};
use tokio::sync::oneshot;

use super::ledger::{self, Entry, Who};

/// Rows that are written together at most.
const TOGETHER: usize = 256;
/// How exactly the last use of grants and connectors is known, in seconds.
const USED_SECONDS: i64 = 60;

/// A row, and what was used for it.
#[derive(Debug)]
pub(super) struct Fresh {
    pub(super) who: Who,
    pub(super) entry: Entry,
    pub(super) grant: Option<GrantId>,
}

impl Fresh {
    fn connector(&self) -> Option<&String> {
        self.who.holder.as_ref().filter(|(kind, ..)| *kind == "connector").map(|(_, id, _)| id)
    }
}

type Waits = (Fresh, oneshot::Sender<Result<()>>);

#[derive(Debug, Default)]
struct Waiting {
    rows: Vec<Waits>,
    is_writing: bool,
}

/// Rows that wait.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    store: Store,
    waiting: Arc<Mutex<Waiting>>,
}

impl Rows {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, waiting: Arc::default() }
    }

    /// Writes a row; returns once it is on the disk.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn keep(&self, row: Fresh) -> Result<()> {
        let (done, told) = oneshot::channel();
        let begins = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.rows.push((row, done));
            !std::mem::replace(&mut waiting.is_writing, true)
        };
        if begins {
            tokio::spawn(self.clone().write());
        }
        told.await.map_err(Error::internal)?
    }

    fn next(&self) -> Option<Vec<Waits>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.rows.len().min(TOGETHER);
        waiting.is_writing = count > 0;
        (count > 0).then(|| waiting.rows.drain(..count).collect())
    }

    async fn write(self) {
        while let Some(some) = self.next() {
            let store = self.store.clone();
            // in a task of its own: whatever becomes of it, those behind are written
            let _ = tokio::spawn(async move { write(&store, some).await }).await;
        }
    }
}

async fn write(store: &Store, some: Vec<Waits>) {
    let (rows, tell): (Vec<_>, Vec<_>) = some.into_iter().unzip();
    let Err(error) = insert(store, &rows).await else {
        return tell.into_iter().for_each(|tell| drop(tell.send(Ok(()))));
    };
    if rows.len() == 1 {
        let mut error = Some(error);
        return tell
            .into_iter()
            .for_each(|tell| drop(tell.send(error.take().map_or(Ok(()), |e| Err(e.into())))));
    }
    // one of them may be why: each alone takes nothing of the others along
    for (row, tell) in rows.iter().zip(tell) {
        let _ = tell.send(insert(store, std::slice::from_ref(row)).await.map_err(Error::from));
    }
}

async fn insert(store: &Store, rows: &[Fresh]) -> gatehouse_store::Result<()> {
    let mut tx = store.begin_always().await?;
    let values: Vec<Vec<Value>> = rows.iter().map(|row| ledger::values(&row.who, &row.entry)).collect();
    tx.insert_all(ledger::INSERT, values).await?;
    let ids = |all: BTreeSet<String>| all.into_iter().collect::<Vec<_>>();
    let grants = ids(rows.iter().filter_map(|row| Some(row.grant.as_ref()?.to_string())).collect());
    let connectors = ids(rows.iter().filter_map(|row| row.connector().cloned()).collect());
    let now = store.now();
    let noted = (now, now.plus_seconds(-USED_SECONDS));
    tx.touch(("connectors", "last_used_at"), &connectors, noted).await?;
    tx.touch(("oauth_grants", "last_used_at"), &grants, noted).await?;
    tx.commit().await
}
