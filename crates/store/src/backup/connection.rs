//! One connection of either kind that a backup or a restore has for itself.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Executor, Postgres, Row as _, SqliteConnection};
use tokio_stream::StreamExt;

use super::format::{ColumnKind, Table};
use crate::engine::{postgres, sqlite};
use crate::{Error, Queries, Query, Result, Row};

pub(super) enum Alone {
    Sqlite(Box<SqliteConnection>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Alone {
    pub(super) const fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Runs a statement of fixed parts.
    pub(super) async fn run(&mut self, text: impl Into<String>) -> Result<()> {
        let text = AssertSqlSafe(text.into());
        match self {
            Self::Sqlite(c) => c.execute(text).await.map(drop)?,
            Self::Postgres(tx) => tx.execute(text).await.map(drop)?,
        }
        Ok(())
    }

    pub(super) async fn execute(&mut self, query: Query) -> Result<u64> {
        match self {
            Self::Sqlite(c) => sqlite::execute(&mut **c, query).await,
            Self::Postgres(tx) => postgres::execute(&mut **tx, query).await,
        }
    }

    /// Gives each row of a table as one JSON array, one after the other; never more than one is held.
    pub(super) async fn each_row(
        &mut self,
        table: &Table,
        mut give: impl FnMut(&[u8]) -> Result<()> + Send,
    ) -> Result<()> {
        let select = AssertSqlSafe(format!(
            "SELECT {} FROM {}",
            table.column_list(),
            super::tables::quoted(&table.name)
        ));
        let mut line = Vec::new();
        match self {
            Self::Sqlite(c) => {
                let mut rows = c.fetch(select);
                while let Some(row) = rows.try_next().await? {
                    line.clear();
                    encode(&mut line, table, |n, kind| sqlite_cell(&row, n, kind))?;
                    give(&line)?;
                }
            }
            Self::Postgres(tx) => {
                let mut rows = tx.fetch(select);
                while let Some(row) = rows.try_next().await? {
                    line.clear();
                    encode(&mut line, table, |n, kind| postgres_cell(&row, n, kind))?;
                    give(&line)?;
                }
            }
        }
        Ok(())
    }
}

impl Queries for Alone {
    async fn fetch_all(&mut self, query: Query) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(c) => sqlite::fetch_all(&mut **c, query).await,
            Self::Postgres(tx) => postgres::fetch_all(&mut **tx, query).await,
        }
    }
}

fn encode(
    line: &mut Vec<u8>,
    table: &Table,
    cell: impl Fn(usize, ColumnKind) -> Result<serde_json::Value>,
) -> Result<()> {
    for (n, column) in table.columns.iter().enumerate() {
        line.push(if n == 0 { b'[' } else { b',' });
        let value = cell(n, column.kind).map_err(|e| Error::Column {
            column: format!("{}.{}", table.name, column.name),
            source: Box::new(e),
        })?;
        serde_json::to_writer(&mut *line, &value)?;
    }
    line.extend_from_slice(b"]\n");
    Ok(())
}

macro_rules! cell {
    ($name:ident, $row:ty) => {
        fn $name(row: &$row, n: usize, kind: ColumnKind) -> Result<serde_json::Value> {
            Ok(match kind {
                ColumnKind::Text => row.try_get::<Option<String>, _>(n)?.into(),
                ColumnKind::Int => row.try_get::<Option<i64>, _>(n)?.into(),
                ColumnKind::Bool => row.try_get::<Option<bool>, _>(n)?.into(),
            })
        }
    };
}
cell!(sqlite_cell, SqliteRow);
cell!(postgres_cell, PgRow);
