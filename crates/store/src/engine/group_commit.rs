//! SQLite's one writer, with group commit: transactions that wait for the writer at the same time share one
//! `COMMIT`, hence one flush to the disk. Each runs in its own savepoint of the shared transaction, so one that
//! fails takes nothing of the others with it; none is told that it succeeded before the flush is done.

use std::sync::{Arc, OnceLock};

use sqlx::{Executor, SqliteConnection};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::{Error, Query, Result, Row};

/// The outcome that all members of one group share.
type Outcome = Arc<OnceLock<Result<(), String>>>;

#[derive(Debug)]
struct State {
    connection: SqliteConnection,
    /// The group whose shared transaction is open.
    group: Option<Outcome>,
}

/// The one connection that writes.
#[derive(Clone, Debug)]
pub(crate) struct Writer(Arc<Mutex<State>>);

impl Writer {
    pub(crate) fn new(connection: SqliteConnection) -> Self {
        Self(Arc::new(Mutex::new(State { connection, group: None })))
    }

    /// Waits for the writer and opens a savepoint, joining the open group if there is one.
    pub(crate) async fn begin(&self) -> Result<WriteTx> {
        // in a task of its own: a caller who goes away half-way must not leave an unknown transaction open
        tokio::spawn(self.clone().join_group()).await.map_err(|e| Error::Commit(e.to_string()))?
    }

    async fn join_group(self) -> Result<WriteTx> {
        let mut state = Arc::clone(&self.0).lock_owned().await;
        let group = match state.group.clone() {
            Some(group) => group,
            None => {
                state.connection.execute("BEGIN IMMEDIATE").await?;
                Arc::clone(state.group.insert(Outcome::default()))
            }
        };
        state.connection.execute("SAVEPOINT member").await?;
        Ok(WriteTx { writer: self, held: Some(Held { state, group }) })
    }

    /// Commits the group unless a later member did. Waiting for the writer again puts this behind everyone who
    /// already waits, and they join the group on their way.
    async fn conclude(self, group: Outcome) -> Result<()> {
        let mut state = self.0.lock().await;
        if group.get().is_none() {
            let outcome = state.connection.execute("COMMIT").await.map(drop).map_err(|e| e.to_string());
            if outcome.is_err() {
                // the transaction may be gone already; what matters is that none is left open
                let _ = state.connection.execute("ROLLBACK").await;
            }
            state.group = None;
            let _ = group.set(outcome);
        }
        match group.get() {
            Some(Ok(())) => Ok(()),
            Some(Err(e)) => Err(Error::Commit(e.clone())),
            None => Err(Error::Commit("the group has no outcome".into())),
        }
    }
}

#[derive(Debug)]
struct Held {
    state: OwnedMutexGuard<State>,
    group: Outcome,
}

/// One member's turn with the writer. Dropped without a commit, it rolls its savepoint back.
#[derive(Debug)]
pub(crate) struct WriteTx {
    writer: Writer,
    held: Option<Held>,
}

impl WriteTx {
    fn connection(&mut self) -> Result<&mut SqliteConnection> {
        match &mut self.held {
            Some(held) => Ok(&mut held.state.connection),
            None => Err(Error::Commit("the transaction is over".into())),
        }
    }

    pub(crate) async fn fetch_all(&mut self, query: Query) -> Result<Vec<Row>> {
        super::sqlite::fetch_all(self.connection()?, query).await
    }

    pub(crate) async fn execute(&mut self, query: Query) -> Result<u64> {
        super::sqlite::execute(self.connection()?, query).await
    }

    /// Ends the savepoint and returns once the group is on the disk.
    pub(crate) async fn commit(mut self) -> Result<()> {
        self.connection()?.execute("RELEASE member").await?;
        let Some(Held { state, group }) = self.held.take() else { return Ok(()) };
        drop(state);
        // in a task of its own: a caller who goes away must not leave the shared transaction open
        tokio::spawn(self.writer.clone().conclude(group)).await.map_err(|e| Error::Commit(e.to_string()))?
    }

    /// Undoes the savepoint.
    pub(crate) async fn rollback(mut self) -> Result<()> {
        match self.held.take() {
            Some(held) => undo(self.writer.clone(), held).await,
            None => Ok(()),
        }
    }
}

async fn undo(writer: Writer, mut held: Held) -> Result<()> {
    // a full disk makes SQLite roll everything back by itself; the group's commit then reports it to all members
    let undone = held.state.connection.execute("ROLLBACK TO member; RELEASE member").await;
    let Held { state, group } = held;
    drop(state);
    writer.conclude(group).await?;
    Ok(undone.map(drop)?)
}

impl Drop for WriteTx {
    fn drop(&mut self) {
        if let (Some(held), Ok(runtime)) = (self.held.take(), tokio::runtime::Handle::try_current()) {
            let writer = self.writer.clone();
            runtime.spawn(async move {
                if let Err(e) = undo(writer, held).await {
                    tracing::error!(error = %e, "a dropped transaction was not rolled back");
                }
            });
        }
    }
}
