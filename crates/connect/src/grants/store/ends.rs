//! Grants that end: soon, by their provider; at once, because the database came back from a backup.

use gatehouse_store::{Queries, Result, Tx, sql};
use gatehouse_types::{GrantId, Timestamp};

use super::{Grant, json, read, tokens_place};
use crate::grants::model::Kept;

/// Grants of whose end is told in one run.
const MOST_TOLD: i64 = 500;
/// What stands at grants that came back from a backup.
const FROM_BACKUP: &str =
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
             retry_at = NULL WHERE id = $1",
        )
        .bind(&id)
        .bind(sealed.as_str())
        .bind(false)
        .bind(FROM_BACKUP);
        tx.execute(update).await?;
    }
    Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
}
