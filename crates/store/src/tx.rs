use std::fmt;
use std::future::Future;
use std::pin::Pin;

use gatehouse_types::DryRun;
use sqlx::Postgres;

use crate::audit::{self, Unchained};
use crate::engine::group_commit::WriteTx;
use crate::engine::postgres;
use crate::numbers::Counted;
use crate::{Queries, Query, Result, Row, Store, sql};

/// Writes that go to the database in one trip at most.
const TOGETHER: usize = 16;

/// A write transaction. Nothing in it counts before [`Tx::commit`]; dropped, it rolls back.
///
/// Audit entries are chained at the commit: whoever else writes to the same chain waits for that moment only.
///
/// A transaction of a trial run (`?dryRun=true`) rolls back at its commit and leaves its audit events with the caller.
#[derive(Debug)]
pub struct Tx {
    inner: Inner,
    store: Store,
    dry_run: Option<DryRun>,
    has_jobs: bool,
    counted: Vec<Counted>,
    entries: Vec<Unchained>,
    later: Vec<Query>,
    afterwards: Afterwards,
    /// From the wait for its turn to the end of the transaction.
    _span: tracing::Span,
}

/// What is done once a transaction counts.
#[derive(Default)]
struct Afterwards(Vec<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl fmt::Debug for Afterwards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Afterwards").field(&self.0.len()).finish()
    }
}

#[derive(Debug)]
pub(crate) enum Inner {
    Sqlite(WriteTx),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Tx {
    pub(crate) fn new(inner: Inner, store: Store, dry_run: Option<DryRun>, span: tracing::Span) -> Self {
        Self {
            inner,
            store,
            dry_run,
            has_jobs: false,
            counted: Vec::new(),
            entries: Vec::new(),
            later: Vec::new(),
            afterwards: Afterwards::default(),
            _span: span,
        }
    }

    /// The store this transaction is of: ids, time, keyring.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The collector of a trial run, when this is one.
    pub fn dry_run(&self) -> Option<&DryRun> {
        self.dry_run.as_ref()
    }

    /// Runs a statement and returns how many rows it touched.
    ///
    /// # Errors
    /// `Unique` when a unique rule is broken, else `Database`.
    pub async fn execute(&mut self, query: Query) -> Result<u64> {
        self.catch_up().await?;
        self.run(query).await
    }

    /// Puts a write off until the next statement or the commit, where it goes in one trip with what else waits. For
    /// writes whose number of rows nobody asks for, and that touch no row another of them touches (PostgreSQL runs
    /// them as parts of one statement); a failure is that of the statement they go with.
    pub fn later(&mut self, query: Query) {
        self.later.push(query);
    }

    /// Sends what was put off.
    async fn catch_up(&mut self) -> Result<()> {
        let mut waiting = std::mem::take(&mut self.later).into_iter().peekable();
        while waiting.peek().is_some() {
            let some = waiting.by_ref().take(TOGETHER).collect();
            self.run(Query::together(some, self.is_postgres())).await?;
        }
        Ok(())
    }

    async fn run(&mut self, query: Query) -> Result<u64> {
        match &mut self.inner {
            Inner::Sqlite(tx) => tx.execute(query).await,
            Inner::Postgres(tx) => postgres::execute(&mut **tx, query).await,
        }
    }

    /// Runs `SELECT … ` with the row locked against other writers until the end of the transaction; new rows may still
    /// refer to it. On SQLite the writer is alone anyway.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lock_optional(&mut self, select: &'static str, query: Query) -> Result<Option<Row>> {
        let text = match &self.inner {
            Inner::Sqlite(_) => select.to_owned(),
            Inner::Postgres(_) => format!("{select} FOR NO KEY UPDATE"),
        };
        self.fetch_optional(Query::assembled(text, query.values)).await
    }

    /// Holds a whole table against other writers until the end of the transaction; readers go on. On SQLite the writer
    /// is alone anyway.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lock_table(&mut self, table: &'static str) -> Result<()> {
        if self.is_postgres() {
            self.run(Query::assembled(format!("LOCK TABLE {table} IN EXCLUSIVE MODE"), Vec::new())).await?;
        }
        Ok(())
    }

    /// Has something done once the transaction counts, before [`Tx::commit`] returns: what is remembered outside the
    /// database follows what is in it. It is not done when the transaction does not count, nor after a trial run.
    pub fn afterwards(&mut self, then: impl Future<Output = ()> + Send + 'static) {
        self.afterwards.0.push(Box::pin(then));
    }

    /// Lets the transaction count before it is on PostgreSQL's disk: for what is found out again when it is lost there. Who
    /// looks sees it at once. On SQLite it waits for the shared flush, as all do.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn may_be_lost(&mut self) -> Result<()> {
        if self.is_postgres() {
            self.run(Query::assembled("SET LOCAL synchronous_commit TO OFF".to_owned(), Vec::new())).await?;
        }
        Ok(())
    }

    /// Tells every server over the same PostgreSQL that listens on the channel (see [`Store::listen`]) once the
    /// transaction counts; SQLite has one server.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn notify(&mut self, channel: &'static str) -> Result<()> {
        if self.is_postgres() {
            let select = sql("SELECT CAST(pg_notify($1, '') AS TEXT) AS told");
            self.fetch_optional(select.bind(channel)).await?;
        }
        Ok(())
    }

    /// Whether the database is PostgreSQL; for statements that only one of the two needs.
    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.inner, Inner::Postgres(_))
    }

    /// Notes an audit entry, which is chained at the commit and counted after it.
    pub(crate) fn note(&mut self, entry: Unchained, counted: Counted) {
        self.entries.push(entry);
        self.counted.push(counted);
    }

    /// Notes that a job was enqueued, so that workers are woken after the commit.
    pub(crate) fn wake_workers(&mut self) {
        self.has_jobs = true;
    }

    /// Makes everything in the transaction count; returns once it is on the disk. A trial run rolls back instead.
    ///
    /// # Errors
    /// When it could not be committed; nothing of it counts then.
    pub async fn commit(mut self) -> Result<()> {
        if self.dry_run.is_some() {
            self.catch_up().await?;
            return self.rollback().await;
        }
        let entries = std::mem::take(&mut self.entries);
        // on PostgreSQL rows are locked before the heads of chains, never after; SQLite has one writer, and there what
        // waits goes together with the entries
        if self.is_postgres() {
            self.catch_up().await?;
        }
        let waiting = std::mem::take(&mut self.later);
        let heads = audit::lock_heads(&mut self, &entries).await?;
        self.later = waiting;
        audit::chain(&mut self, entries, heads)?;
        self.catch_up().await?;
        match self.inner {
            Inner::Sqlite(tx) => tx.commit().await?,
            Inner::Postgres(tx) => tx.commit().await?,
        }
        for then in self.afterwards.0 {
            then.await;
        }
        self.counted.into_iter().for_each(Counted::count);
        if self.has_jobs {
            self.store.jobs_waker().notify_one();
        }
        Ok(())
    }

    /// Undoes everything in the transaction.
    ///
    /// # Errors
    /// When the database is gone; nothing counts then either.
    pub async fn rollback(self) -> Result<()> {
        match self.inner {
            Inner::Sqlite(tx) => tx.rollback().await,
            Inner::Postgres(tx) => Ok(tx.rollback().await?),
        }
    }
}

impl Queries for Tx {
    async fn fetch_all(&mut self, query: Query) -> Result<Vec<Row>> {
        self.catch_up().await?;
        match &mut self.inner {
            Inner::Sqlite(tx) => tx.fetch_all(query).await,
            Inner::Postgres(tx) => postgres::fetch_all(&mut **tx, query).await,
        }
    }
}
