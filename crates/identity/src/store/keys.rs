use gatehouse_store::{Binding, Queries, Result, Row, Sealed, Store, Tx, sql};
use gatehouse_types::{Id, OwnerKind, SigningKeyId};

/// A key that signs our tokens, as stored.
#[derive(Debug)]
pub(crate) struct StoredKey {
    pub(crate) id: SigningKeyId,
    /// PKCS#8, opened.
    pub(crate) private: Option<zeroize::Zeroizing<Vec<u8>>>,
    /// The public half as JWK (RFC 7517).
    pub(crate) public_jwk: serde_json::Value,
}

fn place(id: &SigningKeyId) -> Binding<'_> {
    Binding { table: "signing_keys", column: "private_key", row: id.as_str() }
}

/// Nobody else makes a key until the end of the transaction.
pub(crate) async fn alone(tx: &mut Tx) -> Result<()> {
    tx.lock_table("signing_keys").await
}

pub(crate) async fn insert(
    tx: &mut Tx,
    id: &SigningKeyId,
    pkcs8: &[u8],
    jwk: &serde_json::Value,
) -> Result<()> {
    let sealed = tx.store().keyring().seal_bytes(place(id), pkcs8);
    let insert = sql(
        "INSERT INTO signing_keys (id, owner_kind, version, algorithm, public_jwk, private_key, created_at) \
         VALUES ($1, $2, 1, 'ES256', $3, $4, $5)",
    )
    .bind(id)
    .bind(OwnerKind::Service.as_str())
    .bind(jwk.to_string())
    .bind(sealed.as_str())
    .bind(tx.store().now());
    tx.execute(insert).await.map(drop)
}

/// All keys that are not retired, oldest first; only the newest is opened.
pub(crate) async fn all<Q: Queries>(store: &Store, db: &mut Q) -> Result<Vec<StoredKey>> {
    let select =
        sql("SELECT id, public_jwk, private_key FROM signing_keys WHERE retired_at IS NULL ORDER BY id");
    let rows = db.fetch_all(select).await?;
    let newest = rows.len().saturating_sub(1);
    rows.iter().enumerate().map(|(n, row)| read(store, row, n == newest)).collect()
}

fn read(store: &Store, row: &Row, open: bool) -> Result<StoredKey> {
    let id: SigningKeyId = row.id("id")?;
    let sealed = Sealed::from_stored(row.text("private_key")?);
    let private = if open { Some(store.keyring().open_bytes(place(&id), &sealed)?) } else { None };
    Ok(StoredKey { private, public_jwk: row.json("public_jwk")?, id })
}

/// Notes the use of a key, to the minute.
pub(crate) fn touch(tx: &mut Tx, id: &SigningKeyId) {
    let now = tx.store().now();
    let update =
        sql("UPDATE signing_keys SET last_used_at = $2 WHERE id = $1 AND COALESCE(last_used_at, 0) < $3");
    tx.later(update.bind(id).bind(now).bind(now.plus_seconds(-60)));
}
