use std::future::Future;

use sqlx::{PgPool, SqlitePool};

use crate::engine::{postgres, sqlite};
use crate::{Error, Query, Result, Row};

/// Whoever can answer queries: a [`Reader`] or a [`crate::Tx`].
pub trait Queries: Send {
    /// All rows.
    fn fetch_all(&mut self, query: Query) -> impl Future<Output = Result<Vec<Row>>> + Send;

    /// The one row, if there is one.
    fn fetch_optional(&mut self, query: Query) -> impl Future<Output = Result<Option<Row>>> + Send {
        async move { Ok(self.fetch_all(query).await?.into_iter().next()) }
    }

    /// The one row that must be there.
    fn fetch_one(&mut self, query: Query) -> impl Future<Output = Result<Row>> + Send {
        async move { self.fetch_optional(query).await?.ok_or(Error::Database(sqlx::Error::RowNotFound)) }
    }
}

/// Reads what is committed, outside any transaction.
#[derive(Clone, Debug)]
pub struct Reader(pub(crate) Pool);

#[derive(Clone, Debug)]
pub(crate) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Queries for Reader {
    async fn fetch_all(&mut self, query: Query) -> Result<Vec<Row>> {
        match &self.0 {
            Pool::Sqlite(pool) => sqlite::fetch_all(pool, query).await,
            Pool::Postgres(pool) => postgres::fetch_all(pool, query).await,
        }
    }
}
