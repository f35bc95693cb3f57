//! Opens every sealed value there is, and says what does not open.

use serde::Serialize;

use super::{Binding, SEALED, Sealed, SealedColumn};
use crate::{Keyring, Queries, Query, Result, Store, Value};

/// Values read at once.
const CHUNK: i64 = 200;
/// Rows named of one column; more are counted.
const MAX_NAMED: usize = 20;

/// What one column holds.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ColumnReport {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// Sealed values in it.
    pub values: u64,
    /// Of these, under the data key that seals now.
    pub current: u64,
    /// Of these, those that do not open.
    pub refused: u64,
    /// The rows that do not open, the first of them.
    pub refused_rows: Vec<String>,
}

/// What all columns hold.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScanReport {
    /// One entry a column, in the order of [`SEALED`].
    pub columns: Vec<ColumnReport>,
}

impl ScanReport {
    /// All sealed values.
    pub fn values(&self) -> u64 {
        self.columns.iter().map(|c| c.values).sum()
    }

    /// Those that do not open.
    pub fn refused(&self) -> u64 {
        self.columns.iter().map(|c| c.refused).sum()
    }

    /// Where they are: `table.column, row …`.
    pub fn refused_places(&self) -> Vec<String> {
        let named = |c: &ColumnReport| {
            let (table, column) = (c.table, c.column);
            c.refused_rows.iter().map(move |row| format!("{table}.{column}, row {row}")).collect::<Vec<_>>()
        };
        self.columns.iter().flat_map(named).collect()
    }
}

/// One sealed value with the key of its row.
pub(super) struct Found {
    pub(super) key: Vec<String>,
    pub(super) row: String,
    pub(super) sealed: Sealed,
}

/// The next values of a column after a row, in the order of the key; with `but_under`, only those under other data keys.
pub(super) async fn next<Q: Queries>(
    reader: &mut Q,
    of: &SealedColumn,
    after: Option<&[String]>,
    but_under: Option<&str>,
    limit: i64,
) -> Result<Vec<Found>> {
    let SealedColumn { table, column, .. } = of;
    let keys = of.key_list();
    let mut values: Vec<Value> = after.into_iter().flatten().map(|v| Value::from(v.as_str())).collect();
    let mut place = format!("{column} IS NOT NULL");
    if after.is_some() {
        place = format!("{place} AND {}", of.key_after(1));
    }
    if let Some(id) = but_under {
        let prefix = format!("{id}.");
        values.push(Value::from(prefix.as_str()));
        place = format!("{place} AND substr({column}, 1, {}) <> ${}", prefix.len(), values.len());
    }
    values.push(Value::from(limit));
    let text = format!(
        "SELECT {keys}, {column} AS sealed_value FROM {table} WHERE {place} ORDER BY {keys} LIMIT ${}",
        values.len()
    );
    let rows = reader.fetch_all(Query::assembled(text, values)).await?;
    let read = |row: &crate::Row| {
        let key = of.key_of(row)?;
        Ok(Found { row: key.join("/"), key, sealed: Sealed::from_stored(row.text("sealed_value")?) })
    };
    rows.iter().map(read).collect()
}

/// Opens every sealed value; changes nothing.
///
/// # Errors
/// When the database fails.
pub async fn scan(store: &Store) -> Result<ScanReport> {
    store.keyring().refresh().await?;
    scan_in(&mut store.reader(), store.keyring()).await
}

/// The same in a transaction of the caller's.
pub(crate) async fn scan_in<Q: Queries>(db: &mut Q, ring: &Keyring) -> Result<ScanReport> {
    let prefix = format!("{}.", ring.current_key());
    let mut columns = Vec::with_capacity(SEALED.len());
    for of in SEALED {
        let SealedColumn { table, column, .. } = *of;
        let mut report =
            ColumnReport { table, column, values: 0, current: 0, refused: 0, refused_rows: Vec::new() };
        let mut after = None;
        loop {
            let found = next(db, of, after.as_deref(), None, CHUNK).await?;
            for Found { row, sealed, .. } in &found {
                report.values += 1;
                report.current += u64::from(sealed.as_str().starts_with(&prefix));
                if ring.open_quietly(Binding { table, column, row }, sealed).is_none() {
                    report.refused += 1;
                    if report.refused_rows.len() < MAX_NAMED {
                        report.refused_rows.push(row.clone());
                    }
                }
            }
            match found.into_iter().next_back() {
                Some(last) => after = Some(last.key),
                None => break,
            }
        }
        columns.push(report);
    }
    Ok(ScanReport { columns })
}
