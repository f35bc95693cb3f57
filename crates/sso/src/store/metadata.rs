use gatehouse_store::{Queries, Result, Tx, sql};
use gatehouse_types::{ConnectionId, Timestamp};

use crate::model::MetadataState;

/// How the refresh of a connection's metadata goes.
pub(crate) async fn of<Q: Queries>(db: &mut Q, connection: &ConnectionId) -> Result<Option<MetadataState>> {
    let select =
        sql("SELECT fetched_at, next_fetch_at, note, error, failing_since, told_at FROM sso_metadata \
         WHERE connection_id = $1");
    let Some(row) = db.fetch_optional(select.bind(connection)).await? else { return Ok(None) };
    Ok(Some(MetadataState {
        fetched_at: row.opt_time("fetched_at")?,
        next_fetch_at: row.time("next_fetch_at")?,
        note: row.opt_text("note")?,
        error: row.opt_text("error")?,
        failing_since: row.opt_time("failing_since")?,
        told_at: row.opt_time("told_at")?,
    }))
}

/// Keeps it; `None` forgets it.
pub(crate) async fn save(
    tx: &mut Tx,
    connection: &ConnectionId,
    state: Option<&MetadataState>,
) -> Result<()> {
    let Some(state) = state else {
        let delete = sql("DELETE FROM sso_metadata WHERE connection_id = $1");
        return tx.execute(delete.bind(connection)).await.map(drop);
    };
    let upsert = sql(
        "INSERT INTO sso_metadata (connection_id, fetched_at, next_fetch_at, note, error, failing_since, \
         told_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (connection_id) DO UPDATE SET \
         fetched_at = excluded.fetched_at, next_fetch_at = excluded.next_fetch_at, note = excluded.note, \
         error = excluded.error, failing_since = excluded.failing_since, told_at = excluded.told_at",
    )
    .bind(connection)
    .bind(state.fetched_at)
    .bind(state.next_fetch_at)
    .bind(state.note.clone())
    .bind(state.error.clone())
    .bind(state.failing_since)
    .bind(state.told_at);
    tx.execute(upsert).await.map(drop)
}

/// The connections whose metadata is due, the longest waiting first.
pub(crate) async fn due<Q: Queries>(db: &mut Q, now: Timestamp, limit: i64) -> Result<Vec<ConnectionId>> {
    let select =
        sql("SELECT m.connection_id FROM sso_metadata m JOIN sso_connections c ON c.id = m.connection_id \
         WHERE m.next_fetch_at <= $1 AND c.deleted_at IS NULL ORDER BY m.next_fetch_at LIMIT $2");
    let rows = db.fetch_all(select.bind(now).bind(limit)).await?;
    rows.iter().map(|row| row.id("connection_id")).collect()
}
