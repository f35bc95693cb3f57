use std::collections::BTreeMap;

use gatehouse_store::{Queries, Result, Tx, sql};
use gatehouse_types::{ConnectorId, Timestamp};

use crate::Owner;

/// What the product told of an owner's credential, and when it was asked. What was told of another credential counts as
/// nothing: it may be of another account.
pub(crate) async fn find<Q: Queries>(
    db: &mut Q,
    id: &ConnectorId,
    owner: &Owner,
    credential: &str,
) -> Result<Option<(BTreeMap<String, String>, Timestamp)>> {
    let select = sql("SELECT kept, at FROM connector_values WHERE connector_id = $1 AND owner = $2 \
         AND credential = $3");
    let row = db.fetch_optional(select.bind(id).bind(owner.stored_id()).bind(credential)).await?;
    row.map(|r| Ok((r.json("kept")?, r.time("at")?))).transpose()
}

pub(crate) async fn keep(
    tx: &mut Tx,
    id: &ConnectorId,
    owner: &Owner,
    credential: &str,
    kept: &BTreeMap<String, String>,
) -> Result<()> {
    let json = serde_json::to_string(kept)?;
    let insert = sql("INSERT INTO connector_values (connector_id, owner, credential, kept, at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (connector_id, owner) \
         DO UPDATE SET credential = excluded.credential, kept = excluded.kept, at = excluded.at")
    .bind(id)
    .bind(owner.stored_id())
    .bind(credential)
    .bind(json)
    .bind(tx.store().now());
    tx.execute(insert).await.map(drop)
}

/// Forgets what was told of one owner's credential, or of all.
pub(crate) async fn forget(tx: &mut Tx, id: &ConnectorId, owner: Option<&Owner>) -> Result<()> {
    let delete = match owner {
        None => sql("DELETE FROM connector_values WHERE connector_id = $1").bind(id),
        Some(owner) => sql("DELETE FROM connector_values WHERE connector_id = $1 AND owner = $2")
            .bind(id)
            .bind(owner.stored_id()),
    };
    tx.execute(delete).await.map(drop)
}
