use gatehouse_store::{Queries, Result, Tx, sql};
use gatehouse_types::{OwnerKind, UserId};

/// Sets the password's hash; each change is a new version.
pub(crate) async fn set(tx: &mut Tx, user: &UserId, hash: &str) -> Result<()> {
    let upsert = sql(
        "INSERT INTO passwords (user_id, owner_kind, version, hash, created_at) VALUES ($1, $2, 1, $3, $4) \
         ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, version = passwords.version + 1, \
         created_at = excluded.created_at, blocked_at = NULL",
    )
    .bind(user)
    .bind(OwnerKind::Person.as_str())
    .bind(hash)
    .bind(tx.store().now());
    tx.execute(upsert).await.map(drop)
}

/// The hash, unless the password was reported as somebody else's and counts no more.
pub(crate) async fn hash_of<Q: Queries>(db: &mut Q, user: &UserId) -> Result<Option<String>> {
    let select = sql("SELECT hash FROM passwords WHERE user_id = $1 AND blocked_at IS NULL");
    db.fetch_optional(select.bind(user)).await?.map(|r| r.text("hash")).transpose()
}

pub(crate) async fn touch(tx: &mut Tx, user: &UserId) -> Result<()> {
    let update = sql("UPDATE passwords SET last_used_at = $2 WHERE user_id = $1");
    tx.execute(update.bind(user).bind(tx.store().now())).await.map(drop)
}

/// Takes the password out of use until it is set anew.
pub(crate) async fn block(tx: &mut Tx, user: &UserId) -> Result<()> {
    let update = sql("UPDATE passwords SET blocked_at = $2 WHERE user_id = $1");
    tx.execute(update.bind(user).bind(tx.store().now())).await.map(drop)
}

/// Whether the hash is still the one that counts; nobody changes it until the end of the transaction.
pub(crate) async fn is_still(tx: &mut Tx, user: &UserId, hash: &str) -> Result<bool> {
    const SELECT: &str = "SELECT hash FROM passwords WHERE user_id = $1 AND blocked_at IS NULL";
    let row = tx.lock_optional(SELECT, sql(SELECT).bind(user)).await?;
    Ok(row.map(|r| r.text("hash")).transpose()?.as_deref() == Some(hash))
}
