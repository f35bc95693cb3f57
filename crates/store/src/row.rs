use std::str::FromStr;

use gatehouse_types::{Id, Timestamp};
use serde::de::DeserializeOwned;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Postgres, Row as _, Sqlite};

use crate::{Error, Result};

/// One row of an answer; columns are read by name.
#[derive(Debug)]
pub enum Row {
    #[doc(hidden)]
    Sqlite(SqliteRow),
    #[doc(hidden)]
    Postgres(PgRow),
}

impl Row {
    fn get<T>(&self, column: &str) -> Result<T>
    where
        T: for<'r> sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite>,
        T: for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
    {
        match self {
            Self::Sqlite(row) => Ok(row.try_get(column)?),
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }

    /// A TEXT column.
    pub fn text(&self, column: &str) -> Result<String> {
        self.get(column)
    }

    /// A TEXT column that may be NULL.
    pub fn opt_text(&self, column: &str) -> Result<Option<String>> {
        self.get(column)
    }

    /// A BIGINT column.
    pub fn int(&self, column: &str) -> Result<i64> {
        self.get(column)
    }

    /// A BIGINT column that may be NULL.
    pub fn opt_int(&self, column: &str) -> Result<Option<i64>> {
        self.get(column)
    }

    /// A BOOLEAN column.
    pub fn bool(&self, column: &str) -> Result<bool> {
        self.get(column)
    }

    /// A time, stored in microseconds.
    pub fn time(&self, column: &str) -> Result<Timestamp> {
        self.int(column).map(Timestamp::from_micros)
    }

    /// A time that may be NULL.
    pub fn opt_time(&self, column: &str) -> Result<Option<Timestamp>> {
        Ok(self.opt_int(column)?.map(Timestamp::from_micros))
    }

    /// An id.
    pub fn id<I: Id>(&self, column: &str) -> Result<I> {
        self.text(column).map(I::from_stored)
    }

    /// An id that may be NULL.
    pub fn opt_id<I: Id>(&self, column: &str) -> Result<Option<I>> {
        Ok(self.opt_text(column)?.map(I::from_stored))
    }

    /// A TEXT column in the form of some type of ours (a role, a status).
    pub fn parse<T>(&self, column: &str) -> Result<T>
    where
        T: FromStr,
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        self.text(column)?
            .parse()
            .map_err(|e: T::Err| Error::Column { column: column.to_owned(), source: e.into() })
    }

    /// A TEXT column that holds JSON.
    pub fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T> {
        serde_json::from_str(&self.text(column)?)
            .map_err(|e| Error::Column { column: column.to_owned(), source: e.into() })
    }
}
