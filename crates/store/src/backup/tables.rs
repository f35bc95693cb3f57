//! Which tables there are, read from the database itself, so that none is ever forgotten.

use super::format::{Column, ColumnKind, Table};
use crate::{Error, Queries, Result, sql};

/// sqlx's own table; a restore makes it anew.
const MIGRATIONS: &str = "_sqlx_migrations";

const SQLITE: &str = "SELECT m.name AS table_name, c.name AS column_name, lower(c.type) AS kind \
     FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
     ORDER BY m.name, c.cid";

const POSTGRES: &str = "SELECT table_name::text AS table_name, column_name::text AS column_name, data_type::text AS kind \
     FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY table_name COLLATE \"C\", ordinal_position";

/// All tables of ours, by name.
pub(super) async fn all<Q: Queries>(db: &mut Q, postgres: bool) -> Result<Vec<Table>> {
    let rows = db.fetch_all(sql(if postgres { POSTGRES } else { SQLITE })).await?;
    let mut tables: Vec<Table> = Vec::new();
    for row in rows {
        let (name, column) = (row.text("table_name")?, row.text("column_name")?);
        if name == MIGRATIONS {
            continue;
        }
        let kind = match row.text("kind")?.as_str() {
            "text" => ColumnKind::Text,
            "bigint" => ColumnKind::Int,
            "boolean" => ColumnKind::Bool,
            other => {
                return Err(Error::File(format!(
                    "{name}.{column} is of type {other}, which a backup cannot hold"
                )));
            }
        };
        match tables.last_mut() {
            Some(last) if last.name == name => last.columns.push(Column { name: column, kind }),
            _ => tables.push(Table { name, columns: vec![Column { name: column, kind }] }),
        }
    }
    Ok(tables)
}

/// The number of the last migration; 0 when there is none.
pub(super) async fn schema<Q: Queries>(db: &mut Q) -> Result<i64> {
    let row = db.fetch_one(sql("SELECT COALESCE(MAX(version), 0) AS v FROM _sqlx_migrations")).await?;
    row.int("v")
}

/// A name in a statement.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Table {
    /// The columns in a statement.
    pub(super) fn column_list(&self) -> String {
        self.columns.iter().map(|c| quoted(&c.name)).collect::<Vec<_>>().join(", ")
    }
}
