use std::collections::BTreeMap;

use gatehouse_store::{Queries, Result, Tx, sql};
use gatehouse_types::{ConnectorId, Timestamp, WorkspaceId};

/// Connectors with end dates, after a place in the order of their ids.
pub(crate) async fn with_ends<Q: Queries>(
    db: &mut Q,
    after: &str,
    most: i64,
) -> Result<Vec<(ConnectorId, WorkspaceId, String, BTreeMap<String, i64>)>> {
    let select =
        sql("SELECT id, workspace_id, name, expiry FROM connectors WHERE expiry <> '{}' AND id > $1 \
         ORDER BY id LIMIT $2");
    let rows = db.fetch_all(select.bind(after).bind(most)).await?;
    rows.iter()
        .map(|r| Ok((r.id("id")?, r.id("workspace_id")?, r.text("name")?, r.json("expiry")?)))
        .collect()
}

/// Notes a warning; says whether it is the first of its kind.
pub(crate) async fn first(
    tx: &mut Tx,
    id: &ConnectorId,
    field: &str,
    ends: Timestamp,
    days: i64,
) -> Result<bool> {
    let insert =
        sql("INSERT INTO connector_warnings (connector_id, field, ends_at, days) VALUES ($1, $2, $3, $4) \
         ON CONFLICT DO NOTHING");
    Ok(tx.execute(insert.bind(id).bind(field).bind(ends).bind(days)).await? == 1)
}
