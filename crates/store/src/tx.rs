use gatehouse_types::DryRun;
use sqlx::Postgres;

use crate::engine::group_commit::WriteTx;
use crate::engine::postgres;
use crate::numbers::Counted;
use crate::{Queries, Query, Result, Row, Store};

/// A write transaction. Nothing in it counts before [`Tx::commit`]; dropped, it rolls back.
///
/// A transaction of a trial run (`?dryRun=true`) rolls back at its commit and leaves its audit events with the caller.
#[derive(Debug)]
pub struct Tx {
    inner: Inner,
    store: Store,
    dry_run: Option<DryRun>,
    has_jobs: bool,
    counted: Vec<Counted>,
    /// From the wait for its turn to the end of the transaction.
    _span: tracing::Span,
}

#[derive(Debug)]
pub(crate) enum Inner {
    Sqlite(WriteTx),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Tx {
    pub(crate) fn new(inner: Inner, store: Store, dry_run: Option<DryRun>, span: tracing::Span) -> Self {
        Self { inner, store, dry_run, has_jobs: false, counted: Vec::new(), _span: span }
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

    /// Whether the database is PostgreSQL; for statements that only one of the two needs.
    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.inner, Inner::Postgres(_))
    }

    /// Notes an audit entry, which counts after the commit.
    pub(crate) fn count_later(&mut self, counted: Counted) {
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
    pub async fn commit(self) -> Result<()> {
        if self.dry_run.is_some() {
            return self.rollback().await;
        }
        match self.inner {
            Inner::Sqlite(tx) => tx.commit().await?,
            Inner::Postgres(tx) => tx.commit().await?,
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
        match &mut self.inner {
            Inner::Sqlite(tx) => tx.fetch_all(query).await,
            Inner::Postgres(tx) => postgres::fetch_all(&mut **tx, query).await,
        }
    }
}
