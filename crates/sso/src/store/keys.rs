use gatehouse_store::{Binding, Queries, Result, Row, Sealed, Store, Tx, sql};
use gatehouse_types::{Id, OwnerKind, Secret, SigningKeyId, Timestamp, WorkspaceId};

use crate::model::KeyState;

/// A key pair with its certificate; the private half stays sealed.
#[derive(Clone, Debug)]
pub(crate) struct StoredKey {
    pub(crate) id: SigningKeyId,
    pub(crate) state: KeyState,
    pub(crate) version: i64,
    pub(crate) certificate: String,
    pub(crate) created_at: Timestamp,
    pub(crate) last_used_at: Option<Timestamp>,
}

/// A key pair to be kept.
#[derive(Debug)]
pub(crate) struct NewKey<'a> {
    pub(crate) purpose: &'static str,
    pub(crate) scope: &'a str,
    pub(crate) state: KeyState,
    pub(crate) version: i64,
    /// In PEM.
    pub(crate) certificate: &'a str,
    /// PKCS#8 in PEM.
    pub(crate) private_pem: &'a Secret,
}

fn place(id: &SigningKeyId) -> Binding<'_> {
    Binding { table: "saml_keys", column: "private_key", row: id.as_str() }
}

fn read(row: &Row) -> Result<StoredKey> {
    Ok(StoredKey {
        id: row.id("id")?,
        state: row.parse("state")?,
        version: row.int("version")?,
        certificate: row.text("certificate")?,
        created_at: row.time("created_at")?,
        last_used_at: row.opt_time("last_used_at")?,
    })
}

/// The keys of a purpose and scope, the newest first; of each state there is at most one.
pub(crate) async fn of<Q: Queries>(db: &mut Q, purpose: &'static str, scope: &str) -> Result<Vec<StoredKey>> {
    let select = sql("SELECT id, state, version, certificate, created_at, last_used_at FROM saml_keys \
         WHERE purpose = $1 AND scope = $2 ORDER BY version DESC");
    db.fetch_all(select.bind(purpose).bind(scope)).await?.iter().map(read).collect()
}

/// The private half of a key, opened: PKCS#8 in PEM. `None` when the key is gone.
pub(crate) async fn private_pem(store: &Store, id: &SigningKeyId) -> Result<Option<Secret>> {
    let select = sql("SELECT private_key FROM saml_keys WHERE id = $1");
    let Some(row) = store.reader().fetch_optional(select.bind(id)).await? else { return Ok(None) };
    let sealed = Sealed::from_stored(row.text("private_key")?);
    store.keyring().open_secret(place(id), &sealed).map(Some)
}

/// Keeps a key; says whether its place was free.
pub(crate) async fn insert(tx: &mut Tx, key: &NewKey<'_>) -> Result<Option<SigningKeyId>> {
    let id: SigningKeyId = tx.store().ids().make();
    let sealed = tx.store().keyring().seal(place(&id), key.private_pem);
    let insert = sql(
        "INSERT INTO saml_keys (id, owner_kind, version, purpose, scope, state, certificate, private_key, \
         created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
    )
    .bind(&id)
    .bind(OwnerKind::Service.as_str())
    .bind(key.version)
    .bind(key.purpose)
    .bind(key.scope)
    .bind(key.state.as_str())
    .bind(key.certificate)
    .bind(sealed.as_str())
    .bind(tx.store().now());
    Ok((tx.execute(insert).await? == 1).then_some(id))
}

/// Moves a key on.
pub(crate) async fn set_state(tx: &mut Tx, id: &SigningKeyId, state: KeyState) -> Result<()> {
    let update = sql("UPDATE saml_keys SET state = $2 WHERE id = $1");
    tx.execute(update.bind(id).bind(state.as_str())).await.map(drop)
}

/// Ends a key: its private half is gone for good.
pub(crate) async fn delete(tx: &mut Tx, id: &SigningKeyId) -> Result<()> {
    tx.execute(sql("DELETE FROM saml_keys WHERE id = $1").bind(id)).await.map(drop)
}

/// Whether a workspace retired the key that all share.
pub(crate) async fn left_shared<Q: Queries>(db: &mut Q, workspace: &WorkspaceId) -> Result<bool> {
    let select = sql("SELECT workspace_id FROM saml_shared_key_left WHERE workspace_id = $1");
    Ok(db.fetch_optional(select.bind(workspace)).await?.is_some())
}

/// Notes that a workspace retires the key that all share.
pub(crate) async fn leave_shared(tx: &mut Tx, workspace: &WorkspaceId) -> Result<()> {
    let now = tx.store().now();
    let insert = sql(
        "INSERT INTO saml_shared_key_left (workspace_id, left_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
    );
    tx.execute(insert.bind(workspace).bind(now)).await.map(drop)
}

/// Notes the use of a key, to the minute.
pub(crate) fn touch(tx: &mut Tx, id: &SigningKeyId) {
    let now = tx.store().now();
    let update =
        sql("UPDATE saml_keys SET last_used_at = $2 WHERE id = $1 AND COALESCE(last_used_at, 0) < $3");
    tx.later(update.bind(id).bind(now).bind(now.plus_seconds(-60)));
}

/// When a key was last used.
pub(crate) async fn last_use<Q: Queries>(db: &mut Q, id: &SigningKeyId) -> Result<Option<Timestamp>> {
    let select = sql("SELECT last_used_at FROM saml_keys WHERE id = $1");
    match db.fetch_optional(select.bind(id)).await? {
        Some(row) => row.opt_time("last_used_at"),
        None => Ok(None),
    }
}

/// The workspaces with a connection that have not retired the key that all share.
pub(crate) async fn relying<Q: Queries>(db: &mut Q) -> Result<Vec<WorkspaceId>> {
    let select = sql(
        "SELECT DISTINCT workspace_id FROM sso_connections WHERE deleted_at IS NULL AND workspace_id NOT IN \
         (SELECT workspace_id FROM saml_shared_key_left) ORDER BY workspace_id",
    );
    db.fetch_all(select).await?.iter().map(|row| row.id("workspace_id")).collect()
}
