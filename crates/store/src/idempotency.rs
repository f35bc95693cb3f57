//! Kept answers: a request repeated with the same `Idempotency-Key` gets the first answer again.

use zeroize::Zeroizing;

use crate::{Binding, Error, Queries, Result, Sealed, Store, sql};

/// How long an answer is kept, in seconds.
pub const KEPT_SECONDS: i64 = 24 * 3600;
/// After this many seconds a request that never ended counts as dead (its server was killed).
pub const IN_FLIGHT_SECONDS: i64 = 120;

/// What is known of a key.
#[derive(Debug)]
pub enum Begin {
    /// Nothing: go on, and finish or abandon it.
    Fresh,
    /// It was answered with these bytes.
    Replay(Zeroizing<Vec<u8>>),
    /// It is being carried out.
    InFlight,
    /// It was used for another request.
    Mismatch,
}

fn row_id(scope: &str, key: &str) -> String {
    format!("{scope}/{key}")
}

fn place(row: &str) -> Binding<'_> {
    Binding { table: "idempotency_keys", column: "answer", row }
}

/// Claims a key within a scope for a request with this fingerprint.
///
/// # Errors
/// When the database fails.
pub async fn begin(store: &Store, scope: &str, key: &str, fingerprint: &str) -> Result<Begin> {
    let now = store.now();
    let mut tx = store.begin_always().await?;
    let dead = sql("DELETE FROM idempotency_keys WHERE scope = $1 AND key = $2 AND \
         (created_at < $3 OR (answer IS NULL AND created_at < $4))")
    .bind(scope)
    .bind(key)
    .bind(now.plus_seconds(-KEPT_SECONDS))
    .bind(now.plus_seconds(-IN_FLIGHT_SECONDS));
    tx.execute(dead).await?;
    let claim =
        sql("INSERT INTO idempotency_keys (scope, key, fingerprint, created_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT DO NOTHING")
        .bind(scope)
        .bind(key)
        .bind(fingerprint)
        .bind(now);
    let claimed = tx.execute(claim).await? == 1;
    let select = sql("SELECT fingerprint, answer FROM idempotency_keys WHERE scope = $1 AND key = $2");
    let row = tx.fetch_one(select.bind(scope).bind(key)).await?;
    tx.commit().await?;
    if claimed {
        return Ok(Begin::Fresh);
    }
    if row.text("fingerprint")? != fingerprint {
        return Ok(Begin::Mismatch);
    }
    match row.opt_text("answer")? {
        None => Ok(Begin::InFlight),
        Some(text) => {
            let id = row_id(scope, key);
            store.keyring().open_bytes(place(&id), &Sealed::from_stored(text)).map(Begin::Replay)
        }
    }
}

/// Keeps the answer, sealed: answers may hold secrets that are shown once.
///
/// # Errors
/// When the database fails.
pub async fn finish(store: &Store, scope: &str, key: &str, answer: &[u8]) -> Result<()> {
    let id = row_id(scope, key);
    let sealed = store.keyring().seal_bytes(place(&id), answer);
    let mut tx = store.begin_always().await?;
    let update = sql("UPDATE idempotency_keys SET answer = $3 WHERE scope = $1 AND key = $2");
    let touched = tx.execute(update.bind(scope).bind(key).bind(sealed.as_str())).await?;
    tx.commit().await?;
    if touched == 1 { Ok(()) } else { Err(Error::Database(sqlx::Error::RowNotFound)) }
}

/// Forgets a claim whose request changed nothing.
///
/// # Errors
/// When the database fails.
pub async fn abandon(store: &Store, scope: &str, key: &str) -> Result<()> {
    let mut tx = store.begin_always().await?;
    let delete = sql("DELETE FROM idempotency_keys WHERE scope = $1 AND key = $2 AND answer IS NULL");
    tx.execute(delete.bind(scope).bind(key)).await?;
    tx.commit().await
}

/// Forgets answers older than [`KEPT_SECONDS`].
///
/// # Errors
/// When the database fails.
pub async fn sweep(tx: &mut crate::Tx) -> Result<u64> {
    let before = tx.store().now().plus_seconds(-KEPT_SECONDS);
    tx.execute(sql("DELETE FROM idempotency_keys WHERE created_at < $1").bind(before)).await
}
