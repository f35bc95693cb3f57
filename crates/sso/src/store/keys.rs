use gatehouse_store::{Binding, Queries, Result, Sealed, Store, Tx, sql};
use gatehouse_types::{Id, OwnerKind, Secret, SigningKeyId};

/// A key pair with its certificate, opened.
#[derive(Debug)]
pub(crate) struct StoredKey {
    pub(crate) id: SigningKeyId,
    pub(crate) certificate: String,
    /// PKCS#8 in PEM.
    pub(crate) private_pem: Secret,
}

fn place(id: &SigningKeyId) -> Binding<'_> {
    Binding { table: "saml_keys", column: "private_key", row: id.as_str() }
}

/// The newest key of a purpose and scope.
pub(crate) async fn newest(store: &Store, purpose: &'static str, scope: &str) -> Result<Option<StoredKey>> {
    let select = sql("SELECT id, certificate, private_key FROM saml_keys WHERE purpose = $1 AND scope = $2 \
         ORDER BY version DESC LIMIT 1");
    let Some(row) = store.reader().fetch_optional(select.bind(purpose).bind(scope)).await? else {
        return Ok(None);
    };
    let id: SigningKeyId = row.id("id")?;
    let sealed = Sealed::from_stored(row.text("private_key")?);
    let private_pem = store.keyring().open_secret(place(&id), &sealed)?;
    Ok(Some(StoredKey { certificate: row.text("certificate")?, private_pem, id }))
}

/// Keeps the first key of a purpose and scope, unless another server was faster.
pub(crate) async fn insert_first(
    tx: &mut Tx,
    purpose: &'static str,
    scope: &str,
    certificate: &str,
    private_pem: &Secret,
) -> Result<()> {
    let id: SigningKeyId = tx.store().ids().make();
    let sealed = tx.store().keyring().seal(place(&id), private_pem);
    let insert = sql("INSERT INTO saml_keys (id, owner_kind, version, purpose, scope, certificate, private_key, created_at) \
         VALUES ($1, $2, 1, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING")
    .bind(&id)
    .bind(OwnerKind::Service.as_str())
    .bind(purpose)
    .bind(scope)
    .bind(certificate)
    .bind(sealed.as_str())
    .bind(tx.store().now());
    tx.execute(insert).await.map(drop)
}

/// Notes the use of a key, to the minute.
pub(crate) async fn touch(tx: &mut Tx, id: &SigningKeyId) -> Result<()> {
    let now = tx.store().now();
    let update =
        sql("UPDATE saml_keys SET last_used_at = $2 WHERE id = $1 AND COALESCE(last_used_at, 0) < $3");
    tx.execute(update.bind(id).bind(now).bind(now.plus_seconds(-60))).await.map(drop)
}
