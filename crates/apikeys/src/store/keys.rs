use gatehouse_store::{Condition, Filter, Queries, Result, Row, Tx, sql};
use gatehouse_types::{ApiAppId, ApiKeyId, OwnerKind, PageRequest, Timestamp, UserId, WorkspaceId};

use super::{bind_limits, limits};
use crate::model::app::folded;
use crate::model::secret::stored;
use crate::model::{Key, KeyDigest};

const COLUMNS: &str = "k.id, k.workspace_id, k.app_id, k.version, k.name, k.masked, k.networks, k.rate_requests, \
     k.rate_seconds, k.quota_requests, k.quota_period, k.owner_kind, k.owner_id, k.expires_at, k.disabled_at, \
     k.deleted_at, k.replaced_by, k.created_by, k.created_at, \
     (SELECT MAX(s.last_at) FROM api_key_usage s WHERE s.key_id = k.id) AS last_used_at, \
     (SELECT s.last_ip FROM api_key_usage s WHERE s.key_id = k.id ORDER BY s.last_at DESC, s.scope DESC LIMIT 1) \
     AS last_ip, \
     (SELECT s.scope FROM api_key_usage s WHERE s.key_id = k.id ORDER BY s.last_at DESC, s.scope DESC LIMIT 1) \
     AS last_scope";
const FROM: &str = "api_keys k";
/// People of one `IN` at most.
const CHUNK: usize = 500;

fn read(row: &Row) -> Result<Key> {
    let is_person = row.text("owner_kind")? == OwnerKind::Person.as_str();
    Ok(Key {
        id: row.id("id")?,
        app_id: row.id("app_id")?,
        workspace_id: row.id("workspace_id")?,
        name: row.text("name")?,
        masked: row.text("masked")?,
        owner_kind: if is_person { OwnerKind::Person } else { OwnerKind::Service },
        owner_id: row.opt_text("owner_id")?,
        limits: limits(row)?,
        version: row.int("version")?,
        expires_at: row.opt_time("expires_at")?,
        disabled_at: row.opt_time("disabled_at")?,
        deleted_at: row.opt_time("deleted_at")?,
        replaced_by: row.opt_text("replaced_by")?,
        created_by: row.opt_text("created_by")?,
        created_at: row.time("created_at")?,
        last_used_at: row.opt_time("last_used_at")?,
        last_ip: row.opt_text("last_ip")?,
        last_scope: row.opt_text("last_scope")?.filter(|s| !s.is_empty()),
        is_suspended: false,
    })
}

/// One page of an app's keys that were not deleted, the latest first.
pub(crate) async fn page<Q: Queries>(
    db: &mut Q,
    app: &ApiAppId,
    page: PageRequest,
) -> Result<(Vec<Key>, i64)> {
    let filter = Filter::new(COLUMNS, FROM, "k.app_id = $", app).and_fixed("k.deleted_at IS NULL");
    let (rows, total) = filter.page(db, "k.created_at DESC, k.id DESC", page).await?;
    Ok((rows.iter().map(read).collect::<Result<_>>()?, total))
}

/// A key of an app, unless it was deleted.
pub(crate) async fn find<Q: Queries>(db: &mut Q, app: &ApiAppId, id: &ApiKeyId) -> Result<Option<Key>> {
    let filter = Filter::new(COLUMNS, FROM, "k.app_id = $", app).and("k.id = $", id);
    let (rows, _) = filter.and_fixed("k.deleted_at IS NULL").page(db, "k.id", PageRequest::ONE).await?;
    rows.first().map(read).transpose()
}

/// A key, whatever became of it, with its app's name; for explanations.
pub(crate) async fn find_any<Q: Queries>(db: &mut Q, id: &str) -> Result<Option<(Key, String)>> {
    let select = sql("SELECT k.id, k.workspace_id, k.app_id, k.version, k.name, k.masked, k.networks, \
         k.rate_requests, k.rate_seconds, k.quota_requests, k.quota_period, k.owner_kind, k.owner_id, k.expires_at, \
         k.disabled_at, k.deleted_at, k.replaced_by, k.created_by, k.created_at, a.name AS app_name, \
         CAST(NULL AS BIGINT) AS last_used_at, CAST(NULL AS TEXT) AS last_ip, CAST(NULL AS TEXT) AS last_scope \
         FROM api_keys k JOIN api_apps a ON a.id = k.app_id WHERE k.id = $1");
    let row = db.fetch_optional(select.bind(id)).await?;
    row.map(|r| Ok((read(&r)?, r.text("app_name")?))).transpose()
}

/// How many keys an app has that were not deleted.
pub(crate) async fn count<Q: Queries>(db: &mut Q, app: &ApiAppId) -> Result<i64> {
    let select = sql("SELECT COUNT(*) AS n FROM api_keys WHERE app_id = $1 AND deleted_at IS NULL");
    db.fetch_one(select.bind(app)).await?.int("n")
}

pub(crate) async fn insert(tx: &mut Tx, key: &Key, digest: &KeyDigest) -> Result<()> {
    let insert =
        sql("INSERT INTO api_keys (id, workspace_id, app_id, version, name, name_key, digest, masked, \
         owner_kind, owner_id, expires_at, created_by, created_at, networks, rate_requests, rate_seconds, \
         quota_requests, quota_period) \
         VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)")
        .bind(&key.id)
        .bind(&key.workspace_id)
        .bind(&key.app_id)
        .bind(key.name.as_str())
        .bind(folded(&key.name))
        .bind(stored(digest))
        .bind(key.masked.as_str())
        .bind(key.owner_kind.as_str())
        .bind(key.owner_id.clone())
        .bind(key.expires_at)
        .bind(key.created_by.clone())
        .bind(key.created_at);
    tx.execute(bind_limits(insert, &key.limits)).await.map(drop)
}

/// The stored digest of a key.
pub(crate) async fn digest<Q: Queries>(db: &mut Q, id: &ApiKeyId) -> Result<String> {
    db.fetch_one(sql("SELECT digest FROM api_keys WHERE id = $1").bind(id)).await?.text("digest")
}

/// A key gives way to another one at `until`; an earlier end of its own stays.
pub(crate) async fn yield_to(
    tx: &mut Tx,
    id: &ApiKeyId,
    successor: &ApiKeyId,
    until: Timestamp,
) -> Result<()> {
    let update = sql("UPDATE api_keys SET replaced_by = $2, version = version + 1, \
         expires_at = CASE WHEN expires_at < $3 THEN expires_at ELSE $3 END WHERE id = $1");
    tx.execute(update.bind(id).bind(successor).bind(until)).await.map(drop)
}

/// Switches a key off or on again.
pub(crate) async fn set_disabled(tx: &mut Tx, id: &ApiKeyId, at: Option<Timestamp>) -> Result<()> {
    let update = sql("UPDATE api_keys SET disabled_at = $2, version = version + 1 WHERE id = $1");
    tx.execute(update.bind(id).bind(at)).await.map(drop)
}

/// Marks a key as deleted; it is forgotten later.
pub(crate) async fn delete(tx: &mut Tx, id: &ApiKeyId, why: &str) -> Result<()> {
    let now = tx.store().now();
    let update =
        sql("UPDATE api_keys SET deleted_at = $2, deleted_why = $3 WHERE id = $1 AND deleted_at IS NULL");
    tx.execute(update.bind(id).bind(now).bind(why)).await.map(drop)
}

/// Marks all keys of an app as deleted.
pub(crate) async fn delete_of_app(tx: &mut Tx, app: &ApiAppId) -> Result<u64> {
    let now = tx.store().now();
    let update = sql("UPDATE api_keys SET deleted_at = $2, deleted_why = 'app-deleted' \
         WHERE app_id = $1 AND deleted_at IS NULL");
    tx.execute(update.bind(app).bind(now)).await
}

/// A key that somebody owns or answers for: id, name, digest.
#[derive(Debug)]
pub(crate) struct OwnedKey {
    pub(crate) id: ApiKeyId,
    pub(crate) name: String,
    pub(crate) digest: String,
}

/// The keys of a person of one kind that were not deleted.
pub(crate) async fn owned(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    user: &UserId,
    kind: OwnerKind,
) -> Result<Vec<OwnedKey>> {
    let select = sql(
        "SELECT k.id, k.name, k.digest, a.name AS app FROM api_keys k JOIN api_apps a ON a.id = k.app_id \
         WHERE k.workspace_id = $1 AND k.owner_id = $2 AND k.owner_kind = $3 AND k.deleted_at IS NULL \
         ORDER BY k.id",
    );
    let rows = tx.fetch_all(select.bind(workspace).bind(user).bind(kind.as_str())).await?;
    rows.iter()
        .map(|r| {
            let name = format!("{} ({})", r.text("name")?, r.text("app")?);
            Ok(OwnedKey { id: r.id("id")?, name, digest: r.text("digest")? })
        })
        .collect()
}

/// The digests of the keys that are these people's own, as far as they were not deleted.
pub(crate) async fn digests_of_people(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    people: &[UserId],
) -> Result<Vec<String>> {
    let store = tx.store().clone();
    let mut digests = Vec::new();
    for chunk in people.chunks(CHUNK) {
        let select = Condition::fixed(
            "SELECT digest FROM api_keys WHERE deleted_at IS NULL AND owner_kind = 'person' AND workspace_id = ",
        );
        let named = Condition::one_of("owner_id", chunk.iter().map(ToString::to_string));
        let select = select.bind(workspace).sql(" AND ").then(named).sql(" ORDER BY id");
        for row in tx.fetch_all(select.statement(&store)).await? {
            digests.push(row.text("digest")?);
        }
    }
    Ok(digests)
}

/// Gives the company's keys that a person answers for to somebody else, or to nobody in particular; says how many.
pub(crate) async fn hand_over(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    from: &UserId,
    to: Option<&UserId>,
) -> Result<u64> {
    let update = sql("UPDATE api_keys SET owner_id = $3 WHERE workspace_id = $1 AND owner_id = $2 \
         AND owner_kind = 'service' AND deleted_at IS NULL");
    tx.execute(update.bind(workspace).bind(from).bind(to)).await
}

/// Deletes every key; after a restore, since what was taken back meanwhile is not known.
pub(crate) async fn delete_all(tx: &mut Tx) -> Result<u64> {
    let now = tx.store().now();
    let update =
        sql("UPDATE api_keys SET deleted_at = $1, deleted_why = 'restored' WHERE deleted_at IS NULL");
    tx.execute(update.bind(now)).await
}

/// Keys that were deleted before a moment: their digests; at most `most`.
pub(crate) async fn deleted_before(tx: &mut Tx, before: Timestamp, most: i64) -> Result<Vec<String>> {
    let select = sql("SELECT digest FROM api_keys WHERE deleted_at < $1 ORDER BY deleted_at LIMIT $2");
    tx.fetch_all(select.bind(before).bind(most)).await?.iter().map(|r| r.text("digest")).collect()
}

/// Forgets a deleted key for good.
pub(crate) async fn forget(tx: &mut Tx, digest: &str) -> Result<()> {
    tx.execute(sql("DELETE FROM api_keys WHERE digest = $1").bind(digest)).await.map(drop)
}

/// Who of these people own or answer for a key or an app.
pub(crate) async fn owners_among(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    people: &[UserId],
) -> Result<Vec<UserId>> {
    let store = tx.store().clone();
    let named = |expression| Condition::one_of(expression, people.iter().map(ToString::to_string));
    let keys = Condition::fixed(
        "SELECT owner_id AS person FROM api_keys WHERE deleted_at IS NULL AND workspace_id = ",
    )
    .bind(workspace)
    .sql(" AND ")
    .then(named("owner_id"));
    let apps = Condition::fixed(
        " UNION SELECT responsible AS person FROM api_apps WHERE deleted_at IS NULL AND workspace_id = ",
    )
    .bind(workspace)
    .sql(" AND ")
    .then(named("responsible"));
    let rows = tx.fetch_all(keys.then(apps).statement(&store)).await?;
    rows.iter().map(|r| r.id("person")).collect()
}
