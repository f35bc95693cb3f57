//! What the gate is told of apps and keys.

use gatehouse_store::{Queries, Result, Row, sql};
use gatehouse_types::{ApiAppId, Id, OwnerKind, Timestamp, WorkspaceId};

use super::limits;
use crate::gate::{KeyState, Owner};
use crate::model::KeyDigest;
use crate::model::limits::Limits;
use crate::model::secret::from_stored;

/// An app, as stored.
#[derive(Debug)]
pub(crate) struct StoredApp {
    pub(crate) id: ApiAppId,
    pub(crate) workspace: WorkspaceId,
    pub(crate) scopes: Vec<String>,
    pub(crate) is_active: bool,
    pub(crate) limits: Limits,
}

/// A key, as stored.
#[derive(Debug)]
pub(crate) struct StoredKey {
    pub(crate) id_text: String,
    pub(crate) digest: KeyDigest,
    pub(crate) id: [u8; 16],
    pub(crate) app: ApiAppId,
    pub(crate) workspace: WorkspaceId,
    pub(crate) owner: Owner,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) state: KeyState,
    pub(crate) limits: Limits,
}

fn app(row: &Row) -> Result<StoredApp> {
    Ok(StoredApp {
        id: row.id("id")?,
        workspace: row.id("workspace_id")?,
        scopes: row.text("scopes")?.split_whitespace().map(str::to_owned).collect(),
        is_active: row.text("status")? == "active" && row.opt_int("deleted_at")?.is_none(),
        limits: limits(row)?,
    })
}

fn key(row: &Row) -> Result<StoredKey> {
    let broken = |what: &str| gatehouse_store::Error::File(format!("an API key's {what} cannot be read"));
    let id_text = row.text("id")?;
    let person = row.text("owner_kind")? == OwnerKind::Person.as_str();
    let owner = row.opt_text("owner_id")?.filter(|_| person);
    let state = match (row.opt_int("deleted_at")?, row.opt_int("disabled_at")?, row.opt_text("replaced_by")?)
    {
        (Some(_), ..) => KeyState::Deleted,
        (None, Some(_), _) => KeyState::Disabled,
        (None, None, Some(_)) => KeyState::Yielding,
        (None, None, None) => KeyState::Live,
    };
    Ok(StoredKey {
        digest: from_stored(&row.text("digest")?).ok_or_else(|| broken("digest"))?,
        id: id_bytes(&id_text).ok_or_else(|| broken("id"))?,
        id_text,
        app: row.id("app_id")?,
        workspace: row.id("workspace_id")?,
        owner: owner.map_or(Owner::Service, |o| Owner::Person(o.into())),
        expires_at: row.opt_time("expires_at")?,
        state,
        limits: limits(row)?,
    })
}

/// The 16 bytes of a key's id.
pub(crate) fn id_bytes(text: &str) -> Option<[u8; 16]> {
    let hex = text.split_once('_')?.1;
    u128::from_str_radix(hex, 16).ok().filter(|_| hex.len() == 32).map(u128::to_be_bytes)
}

/// A key's id of its bytes.
pub(crate) fn id_text(bytes: [u8; 16]) -> String {
    format!("{}_{:032x}", gatehouse_types::ApiKeyId::PREFIX, u128::from_be_bytes(bytes))
}

/// Some apps behind one, in the order of ids.
pub(crate) async fn apps_after<Q: Queries>(db: &mut Q, after: &str, most: i64) -> Result<Vec<StoredApp>> {
    let select =
        sql("SELECT id, workspace_id, scopes, status, deleted_at, networks, rate_requests, rate_seconds, \
         quota_requests, quota_period FROM api_apps WHERE id > $1 ORDER BY id LIMIT $2");
    db.fetch_all(select.bind(after).bind(most)).await?.iter().map(app).collect()
}

/// One app.
pub(crate) async fn find_app<Q: Queries>(db: &mut Q, id: &str) -> Result<Option<StoredApp>> {
    let select =
        sql("SELECT id, workspace_id, scopes, status, deleted_at, networks, rate_requests, rate_seconds, \
         quota_requests, quota_period FROM api_apps WHERE id = $1");
    db.fetch_optional(select.bind(id)).await?.as_ref().map(app).transpose()
}

/// Some keys behind one, in the order of ids.
pub(crate) async fn keys_after<Q: Queries>(db: &mut Q, after: &str, most: i64) -> Result<Vec<StoredKey>> {
    let select = sql(
        "SELECT id, digest, app_id, workspace_id, owner_kind, owner_id, expires_at, disabled_at, deleted_at, \
         replaced_by, networks, rate_requests, rate_seconds, quota_requests, quota_period FROM api_keys \
         WHERE id > $1 ORDER BY id LIMIT $2",
    );
    db.fetch_all(select.bind(after).bind(most)).await?.iter().map(key).collect()
}

/// The key of a digest, in its stored form.
pub(crate) async fn find_key<Q: Queries>(db: &mut Q, digest: &str) -> Result<Option<StoredKey>> {
    let select = sql(
        "SELECT id, digest, app_id, workspace_id, owner_kind, owner_id, expires_at, disabled_at, deleted_at, \
         replaced_by, networks, rate_requests, rate_seconds, quota_requests, quota_period FROM api_keys \
         WHERE digest = $1",
    );
    db.fetch_optional(select.bind(digest)).await?.as_ref().map(key).transpose()
}

/// The digest of a key, by its id.
pub(crate) async fn digest_of<Q: Queries>(db: &mut Q, id: &str) -> Result<Option<KeyDigest>> {
    let row = db.fetch_optional(sql("SELECT digest FROM api_keys WHERE id = $1").bind(id)).await?;
    Ok(match row {
        Some(row) => from_stored(&row.text("digest")?),
        None => None,
    })
}
