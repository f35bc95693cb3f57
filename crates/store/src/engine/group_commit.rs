//! SQLite's one writer, with group commit: transactions that wait for the writer at the same time share one
//! `COMMIT`, hence one flush to the disk. Each runs in its own savepoint of the shared transaction, so one that
//! fails takes nothing of the others with it; none is told that it succeeded before the flush is done.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sqlx::{Executor, SqliteConnection};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::{Error, Query, Result, Row};

/// The outcome that all members of one group share.
type Outcome = Arc<OnceLock<Result<(), Failed>>>;

/// Why a group was not committed.
#[derive(Clone, Debug)]
enum Failed {
    /// There was no room.
    Full,
    /// Anything else.
    Other(String),
}

impl From<&Error> for Failed {
    fn from(e: &Error) -> Self {
        if e.is_full() { Self::Full } else { Self::Other(e.to_string()) }
    }
}

impl From<&Failed> for Error {
    fn from(failed: &Failed) -> Self {
        match failed {
            Failed::Full => Self::CommitFull,
            Failed::Other(why) => Self::Commit(why.clone()),
        }
    }
}

#[derive(Debug)]
struct State {
    connection: SqliteConnection,
    /// The group whose shared transaction is open.
    group: Option<Outcome>,
}

impl State {
    /// Tells all members of a group that nothing of it counts.
    async fn give_up(&mut self, group: &Outcome, why: &Error) {
        // the transaction may be gone already; what matters is that none is left open
        let _ = self.connection.execute("ROLLBACK").await;
        self.group = None;
        let _ = group.set(Err(why.into()));
    }
}

/// The one connection that writes.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    state: Arc<Mutex<State>>,
    /// How long a transaction waits for its turn.
    patience: Duration,
}

impl Writer {
    pub(crate) fn new(connection: SqliteConnection, patience: Duration) -> Self {
        Self { state: Arc::new(Mutex::new(State { connection, group: None })), patience }
    }

    /// Waits for the writer and opens a savepoint, joining the open group if there is one. Who holds a transaction and
    /// begins another waits for itself, and is told so when the patience ends.
    pub(crate) async fn begin(&self) -> Result<WriteTx> {
        // in a task of its own: a caller who goes away half-way must not leave an unknown transaction open
        tokio::spawn(self.clone().join_group()).await.map_err(|e| Error::Commit(e.to_string()))?
    }

    async fn join_group(self) -> Result<WriteTx> {
        let turn = tokio::time::timeout(self.patience, Arc::clone(&self.state).lock_owned()).await;
        let mut state = turn.map_err(|_| Error::Busy(self.patience))?;
        let group = match state.group.clone() {
            Some(group) => group,
            None => {
                state.connection.execute("BEGIN IMMEDIATE").await?;
                Arc::clone(state.group.insert(Outcome::default()))
            }
        };
        if let Err(e) = state.connection.execute("SAVEPOINT member").await {
            let e = Error::from(e);
            if e.ends_transaction() {
                state.give_up(&group, &e).await;
            }
            return Err(e);
        }
        Ok(WriteTx { writer: self, held: Some(Held { state, group }), lost: None })
    }

    /// Commits the group unless a later member did. Waiting for the writer again puts this behind everyone who
    /// already waits, and they join the group on their way.
    async fn conclude(self, group: Outcome) -> Result<()> {
        let mut state = self.state.lock().await;
        if group.get().is_none() {
            match state.connection.execute("COMMIT").await {
                Ok(_) => {
                    state.group = None;
                    let _ = group.set(Ok(()));
                }
                Err(e) => state.give_up(&group, &e.into()).await,
            }
        }
        match group.get() {
            Some(Ok(())) => Ok(()),
            Some(Err(failed)) => Err(failed.into()),
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
    /// Why the database gave up the transaction under us, once it did; nothing more may be said to it then.
    lost: Option<Failed>,
}

impl WriteTx {
    fn connection(&mut self) -> Result<&mut SqliteConnection> {
        if let Some(lost) = &self.lost {
            return Err(lost.into());
        }
        match &mut self.held {
            Some(held) => Ok(&mut held.state.connection),
            None => Err(Error::Commit("the transaction is over".into())),
        }
    }

    pub(crate) async fn fetch_all(&mut self, query: Query) -> Result<Vec<Row>> {
        let outcome = super::sqlite::fetch_all(self.connection()?, query).await;
        self.noted(outcome)
    }

    pub(crate) async fn execute(&mut self, query: Query) -> Result<u64> {
        let outcome = super::sqlite::execute(self.connection()?, query).await;
        self.noted(outcome)
    }

    fn noted<T>(&mut self, outcome: Result<T>) -> Result<T> {
        if let Err(e) = &outcome
            && e.ends_transaction()
        {
            self.lost = Some(e.into());
        }
        outcome
    }

    /// Ends the savepoint and returns once the group is on the disk.
    pub(crate) async fn commit(mut self) -> Result<()> {
        let released = self.connection()?.execute("RELEASE member").await;
        self.noted(released.map_err(Error::from))?;
        let Some(Held { state, group }) = self.held.take() else { return Ok(()) };
        drop(state);
        // in a task of its own: a caller who goes away must not leave the shared transaction open
        tokio::spawn(self.writer.clone().conclude(group)).await.map_err(|e| Error::Commit(e.to_string()))?
    }

    /// Undoes the savepoint.
    pub(crate) async fn rollback(mut self) -> Result<()> {
        match self.held.take() {
            Some(held) => undo(self.writer.clone(), held, self.lost.take()).await,
            None => Ok(()),
        }
    }
}

async fn undo(writer: Writer, mut held: Held, lost: Option<Failed>) -> Result<()> {
    // a full disk makes SQLite roll everything back by itself: who joined the group after that would be committed
    // alone and told of a failure, so the group ends here, while nobody else can say anything to the connection
    if let Some(lost) = lost {
        held.state.give_up(&held.group, &Error::from(&lost)).await;
        return Ok(());
    }
    if let Err(e) = held.state.connection.execute("ROLLBACK TO member; RELEASE member").await {
        let e = Error::from(e);
        held.state.give_up(&held.group, &e).await;
        return Err(e);
    }
    let Held { state, group } = held;
    drop(state);
    writer.conclude(group).await
}

impl Drop for WriteTx {
    fn drop(&mut self) {
        if let (Some(held), Ok(runtime)) = (self.held.take(), tokio::runtime::Handle::try_current()) {
            let (writer, lost) = (self.writer.clone(), self.lost.take());
            runtime.spawn(async move {
                if let Err(e) = undo(writer, held, lost).await {
                    tracing::error!(error = %e, "a dropped transaction was not rolled back");
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};

    use super::*;
    use crate::sql;

    const SHORT: Duration = Duration::from_millis(100);

    async fn writer(file: &std::path::Path) -> Writer {
        let options = SqliteConnectOptions::new().filename(file).create_if_missing(true).busy_timeout(SHORT);
        Writer::new(options.connect().await.unwrap(), SHORT)
    }

    #[track_caller]
    fn busy(refused: Error) {
        assert!(refused.is_busy(), "{refused:?}");
        let public = gatehouse_types::Error::from(refused);
        assert_eq!(public.kind(), gatehouse_types::Kind::Unavailable);
        assert!(public.message().contains("busy"), "{}", public.message());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_waits_for_itself_is_refused_and_its_first_transaction_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let writer = writer(&dir.path().join("a.db")).await;
        let mut first = writer.begin().await.unwrap();
        first.execute(sql("CREATE TABLE t (n BIGINT)")).await.unwrap();
        // as a refusal would that is recorded while the caller's transaction is open
        busy(writer.begin().await.unwrap_err());
        first.execute(sql("INSERT INTO t (n) VALUES (1)")).await.unwrap();
        first.commit().await.unwrap();
        let mut after = writer.begin().await.unwrap();
        assert_eq!(after.fetch_all(sql("SELECT n FROM t")).await.unwrap().len(), 1);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn another_process_that_writes_for_long_makes_the_database_busy() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.db");
        let (ours, theirs) = (writer(&file).await, writer(&file).await);
        let mut held = theirs.begin().await.unwrap();
        held.execute(sql("CREATE TABLE t (n BIGINT)")).await.unwrap();
        busy(ours.begin().await.unwrap_err());
        held.commit().await.unwrap();
        ours.begin().await.unwrap().commit().await.unwrap();
    }
}
