use std::collections::BTreeMap;

use gatehouse_store::{Queries, Result, Tx, sql};
use gatehouse_types::{ConnectorId, Timestamp};

/// What the product told of an owner's credential, and when it was asked.
pub(crate) async fn find<Q: Queries>(
    db: &mut Q,
    id: &ConnectorId,
    owner: &str,
) -> Result<Option<(BTreeMap<String, String>, Timestamp)>> {
    let select = sql("SELECT kept, at FROM connector_values WHERE connector_id = $1 AND owner = $2");
    let row = db.fetch_optional(select.bind(id).bind(owner)).await?;
    row.map(|r| Ok((r.json("kept")?, r.time("at")?))).transpose()
}

pub(crate) async fn keep(
    tx: &mut Tx,
    id: &ConnectorId,
    owner: &str,
    kept: &BTreeMap<String, String>,
) -> Result<()> {
    let json = serde_json::to_string(kept).unwrap_or_else(|_| "{}".to_owned());
    let insert = sql("INSERT INTO connector_values (connector_id, owner, kept, at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (connector_id, owner) DO UPDATE SET kept = excluded.kept, at = excluded.at");
    let now = tx.store().now();
    tx.execute(insert.bind(id).bind(owner).bind(json).bind(now)).await.map(drop)
}

/// Forgets what was told of one owner's credential, or of all.
pub(crate) async fn forget(tx: &mut Tx, id: &ConnectorId, owner: Option<&str>) -> Result<()> {
    let delete = match owner {
        None => sql("DELETE FROM connector_values WHERE connector_id = $1").bind(id),
        Some(owner) => {
            sql("DELETE FROM connector_values WHERE connector_id = $1 AND owner = $2").bind(id).bind(owner)
        }
    };
    tx.execute(delete).await.map(drop)
}
