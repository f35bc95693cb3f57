//! Grants that end: soon, by their provider; at once, because the database came back from a backup.

use gatehouse_store::{Queries, Result, Tx, sql};
use gatehouse_types::{GrantId, Timestamp, WorkspaceId};

use super::{Grant, Listed, json, listed, read, tokens_place};
use crate::grants::model::Kept;

/// Grants of which is told in one transaction, after a restore.
const RESTORED_TOLD: i64 = 500;
/// Grants of whose end is told in one run.
const MOST_TOLD: i64 = 500;
/// What stands at grants that came back from a backup.
pub(crate) const FROM_BACKUP: &str =
    "The database came back from a backup, and what the provider had granted by then counts no more.";

/// Grants whose refresh token ends until a moment, and of which was not told so many days ahead yet.
pub(crate) async fn end_soon(tx: &mut Tx, days: i64, until: Timestamp) -> Result<Vec<Grant>> {
    let store = tx.store().clone();
    let select = sql("SELECT * FROM oauth_grants WHERE refresh_expires_at > $1 AND refresh_expires_at <= $2 \
         AND has_refresh AND state <> 'needs_reauthorization' AND (end_told_days IS NULL OR end_told_days > $3) \
         ORDER BY refresh_expires_at, id LIMIT $4")
    .bind(store.now())
    .bind(until)
    .bind(days)
    .bind(MOST_TOLD);
    // one that does not open, which the keyring tells, keeps nobody else's waiting
    Ok(tx.fetch_all(select).await?.iter().filter_map(|row| read(&store, row).ok()).collect())
}

/// Notes that so many days ahead of its end is told of it; says whether nobody did before.
pub(crate) async fn tell_of_end(tx: &mut Tx, id: &GrantId, days: i64) -> Result<bool> {
    let update = sql("UPDATE oauth_grants SET end_told_days = $2 \
         WHERE id = $1 AND (end_told_days IS NULL OR end_told_days > $2)");
    Ok(tx.execute(update.bind(id).bind(days)).await? == 1)
}

/// Forgets whose turn it was: after a restore nobody asks any more.
pub(crate) async fn forget_leases(tx: &mut Tx) -> Result<()> {
    tx.execute(sql("UPDATE oauth_grants SET lease_by = NULL, lease_until = NULL")).await.map(drop)
}

/// Forgets all tokens after a restore: they are of the backup's day. A refresh token that was replaced since, offered
/// again, makes a provider take back everything that it granted after it. People authorize again; what needs nobody asks
/// again by itself. Answers how many need somebody.
pub(crate) async fn forget_tokens(tx: &mut Tx) -> Result<u64> {
    tx.execute(sql("DELETE FROM oauth_grants WHERE authorized_at IS NULL")).await?;
    let none = json(&Kept::default())?;
    let rows = tx.fetch_all(sql("SELECT id FROM oauth_grants")).await?;
    for row in &rows {
        let id: GrantId = row.id("id")?;
        let sealed = tx.store().keyring().seal_bytes(tokens_place(&id), &none);
        let update = sql(
            "UPDATE oauth_grants SET version = version + 1, state = 'needs_reauthorization', tokens = $2, \
             has_access = $3, has_refresh = $3, expires_at = NULL, refresh_expires_at = NULL, reason = $4, \
             retry_at = NULL, told_at = CASE WHEN state = 'needs_reauthorization' THEN told_at END WHERE id = $1",
        )
        .bind(&id)
        .bind(sealed.as_str())
        .bind(false)
        .bind(FROM_BACKUP);
        tx.execute(update).await?;
    }
    Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
}

/// A workspace with grants of a backup of which nobody was told yet.
pub(crate) async fn workspace_to_tell<Q: Queries>(db: &mut Q) -> Result<Option<WorkspaceId>> {
    let select = sql(
        "SELECT workspace_id FROM oauth_grants WHERE state = 'needs_reauthorization' AND told_at IS NULL \
         AND reason = $1 ORDER BY workspace_id LIMIT 1",
    );
    db.fetch_optional(select.bind(FROM_BACKUP)).await?.map(|row| row.id("workspace_id")).transpose()
}

/// Some of them, noted as told with this transaction.
pub(crate) async fn tell_restored(tx: &mut Tx, workspace: &WorkspaceId) -> Result<Vec<Listed>> {
    let update = sql("UPDATE oauth_grants SET told_at = $1 WHERE id IN (SELECT id FROM oauth_grants \
         WHERE workspace_id = $2 AND state = 'needs_reauthorization' AND told_at IS NULL AND reason = $3 \
         ORDER BY id LIMIT $4) AND told_at IS NULL RETURNING *")
    .bind(tx.store().now())
    .bind(workspace)
    .bind(FROM_BACKUP)
    .bind(RESTORED_TOLD);
    tx.fetch_all(update).await?.iter().map(listed).collect()
}
