use std::collections::BTreeMap;

use gatehouse_store::{Condition, Filter, Queries, Query, Result, Row, Tx, sql};
use gatehouse_types::{OwnerKind, PageRequest, ScimTokenId, Timestamp, UserId, WorkspaceId};

use crate::model::{Dialect, Rhythm, ScimToken, TokenStatus, Wanted};

const COLUMNS: &str = "id, workspace_id, name, scopes, masked, created_by, responsible_id, created_at, expires_at, revoked_at, \
     last_used_at, dialect, use_days";

fn read(row: &Row) -> Result<ScimToken> {
    Ok(ScimToken {
        id: row.id("id")?,
        workspace_id: row.id("workspace_id")?,
        name: row.text("name")?,
        scopes: row.parse("scopes")?,
        masked: row.text("masked")?,
        created_by: row.opt_text("created_by")?,
        responsible: row.opt_id("responsible_id")?,
        created_at: row.time("created_at")?,
        expires_at: row.opt_time("expires_at")?,
        revoked_at: row.opt_time("revoked_at")?,
        last_used_at: row.opt_time("last_used_at")?,
        dialect: row.opt_text("dialect")?.and_then(|text| text.parse().ok()),
        rhythm: Rhythm(row.int("use_days")?),
    })
}

/// Keeps a token under the digest of its value. Fails with `Unique` when the name is taken.
pub(crate) async fn insert(tx: &mut Tx, t: &ScimToken, digest: &str) -> Result<()> {
    let insert = sql(
        "INSERT INTO scim_tokens (id, workspace_id, owner_kind, version, name, name_key, scopes, masked, \
         token, created_by, created_at, expires_at, responsible_id) VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(&t.id)
    .bind(&t.workspace_id)
    .bind(OwnerKind::Service.as_str())
    .bind(t.name.as_str())
    .bind(t.name.to_lowercase())
    .bind(t.scopes.to_string())
    .bind(t.masked.as_str())
    .bind(digest)
    .bind(t.created_by.clone())
    .bind(t.created_at)
    .bind(t.expires_at)
    .bind(t.responsible.as_ref());
    tx.execute(insert).await.map(drop)
}

/// One page of a workspace's tokens, the latest first.
pub(crate) async fn page<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    wanted: &Wanted,
    now: Timestamp,
    page: PageRequest,
) -> Result<(Vec<ScimToken>, i64)> {
    let all = Filter::new(COLUMNS, "scim_tokens", "workspace_id = $", workspace)
        .and_contains("name_key LIKE $ ESCAPE '\\'", wanted.name.as_deref());
    let some = match wanted.status {
        None => all,
        Some(TokenStatus::Revoked) => all.and_fixed("revoked_at IS NOT NULL"),
        Some(TokenStatus::Expired) => all.and_fixed("revoked_at IS NULL").and("expires_at <= $", now),
        Some(TokenStatus::Active) => {
            all.and_fixed("revoked_at IS NULL").and("(expires_at IS NULL OR expires_at > $)", now)
        }
    };
    let (rows, total) = some.page(db, "created_at DESC, id DESC", page).await?;
    Ok((rows.iter().map(read).collect::<Result<_>>()?, total))
}

pub(crate) async fn find<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    id: &ScimTokenId,
) -> Result<Option<ScimToken>> {
    let select = sql(
        "SELECT id, workspace_id, name, scopes, masked, created_by, responsible_id, created_at, expires_at, \
         revoked_at, last_used_at, dialect, use_days FROM scim_tokens WHERE workspace_id = $1 AND id = $2",
    );
    db.fetch_optional(select.bind(workspace).bind(id)).await?.as_ref().map(read).transpose()
}

/// The token of a name.
pub(crate) async fn by_name<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    name: &str,
) -> Result<Option<ScimToken>> {
    let select = sql(
        "SELECT id, workspace_id, name, scopes, masked, created_by, responsible_id, created_at, expires_at, \
         revoked_at, last_used_at, dialect, use_days FROM scim_tokens WHERE workspace_id = $1 AND name_key = $2",
    );
    db.fetch_optional(select.bind(workspace).bind(name.to_lowercase())).await?.as_ref().map(read).transpose()
}

/// A token that calls, whatever its status, and whether members of its workspace have no entry yet (see
/// [`super::users::arrivals`]).
#[derive(Clone, Debug)]
pub(crate) struct Calling {
    pub(crate) token: ScimToken,
    pub(crate) has_arrivals: bool,
}

macro_rules! calling {
    ($by:literal) => {
        concat!(
            "SELECT t.id, t.workspace_id, t.name, t.scopes, t.masked, t.created_by, t.responsible_id, t.created_at, t.expires_at, t.revoked_at, \
             t.last_used_at, t.dialect, t.use_days, EXISTS (SELECT 1 FROM memberships m WHERE m.workspace_id = t.workspace_id \
             AND m.created_via <> 'scim' AND m.created_at > COALESCE((SELECT d.adopted_until FROM scim_directories d \
             WHERE d.workspace_id = t.workspace_id), 0) - $2 AND NOT EXISTS (SELECT 1 FROM scim_users s \
             WHERE s.workspace_id = m.workspace_id AND s.user_id = m.user_id)) AS has_arrivals \
             FROM scim_tokens t WHERE ",
            $by,
            " = $1"
        )
    };
}

async fn calling<Q: Queries>(db: &mut Q, select: Query, slack: i64) -> Result<Option<Calling>> {
    let row = db.fetch_optional(select.bind(slack)).await?;
    row.map(|row| Ok(Calling { token: read(&row)?, has_arrivals: row.bool("has_arrivals")? })).transpose()
}

/// The token of a value.
pub(crate) async fn by_digest<Q: Queries>(db: &mut Q, digest: &str, slack: i64) -> Result<Option<Calling>> {
    calling(db, sql(calling!("t.token")).bind(digest), slack).await
}

/// A token by its id alone: whose it is, the caller has proved.
pub(crate) async fn by_id<Q: Queries>(db: &mut Q, id: &ScimTokenId, slack: i64) -> Result<Option<Calling>> {
    calling(db, sql(calling!("t.id")).bind(id), slack).await
}

/// How many tokens a workspace has, whatever their status.
pub(crate) async fn count(tx: &mut Tx, workspace: &WorkspaceId) -> Result<i64> {
    let select = sql("SELECT COUNT(*) AS n FROM scim_tokens WHERE workspace_id = $1");
    tx.fetch_one(select.bind(workspace)).await?.int("n")
}

/// Takes a token back; says whether that is new.
pub(crate) async fn revoke(tx: &mut Tx, id: &ScimTokenId) -> Result<bool> {
    let update = sql("UPDATE scim_tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL");
    Ok(tx.execute(update.bind(id).bind(tx.store().now())).await? == 1)
}

/// Takes every token back.
pub(crate) async fn revoke_all(tx: &mut Tx) -> Result<()> {
    let update = sql("UPDATE scim_tokens SET revoked_at = $1 WHERE revoked_at IS NULL");
    tx.execute(update.bind(tx.store().now())).await.map(drop)
}

/// Notes a use with what was learned by it, unless one was noted since `before`.
pub(crate) async fn touch(
    tx: &mut Tx,
    id: &ScimTokenId,
    before: Timestamp,
    dialect: Option<Dialect>,
    rhythm: Rhythm,
) -> Result<()> {
    let update =
        sql("UPDATE scim_tokens SET last_used_at = $2, dialect = COALESCE($4, dialect), use_days = $5 \
         WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $3)")
        .bind(id)
        .bind(tx.store().now())
        .bind(before)
        .bind(dialect.map(Dialect::as_str))
        .bind(rhythm.0);
    tx.execute(update).await.map(drop)
}

/// Notes which provider is heard, where nothing was known of it.
pub(crate) async fn learn(tx: &mut Tx, id: &ScimTokenId, dialect: Dialect) -> Result<()> {
    let update =
        sql("UPDATE scim_tokens SET dialect = $2 WHERE id = $1 AND (dialect IS NULL OR dialect = 'other')");
    tx.execute(update.bind(id).bind(dialect.as_str())).await.map(drop)
}

/// Tokens that open something, were last used before a moment, and of whose silence nothing was decided yet.
pub(crate) async fn fallen_silent<Q: Queries>(
    db: &mut Q,
    before: Timestamp,
    now: Timestamp,
    most: i64,
) -> Result<Vec<ScimToken>> {
    let select = sql(
        "SELECT id, workspace_id, name, scopes, masked, created_by, responsible_id, created_at, expires_at, \
         revoked_at, last_used_at, dialect, use_days FROM scim_tokens WHERE revoked_at IS NULL \
         AND (expires_at IS NULL OR expires_at > $2) AND last_used_at < $1 \
         AND (silence_of IS NULL OR silence_of <> last_used_at) ORDER BY last_used_at, id LIMIT $3",
    );
    db.fetch_all(select.bind(before).bind(now).bind(most)).await?.iter().map(read).collect()
}

/// Notes that the silence since a token's last use was looked at; says whether nobody else did, and it is silent still.
pub(crate) async fn first_to_notice(tx: &mut Tx, token: &ScimToken) -> Result<bool> {
    let update = sql("UPDATE scim_tokens SET silence_of = $2 WHERE id = $1 AND last_used_at = $2 \
         AND revoked_at IS NULL AND (silence_of IS NULL OR silence_of <> $2)");
    Ok(tx.execute(update.bind(&token.id).bind(token.last_used_at)).await? == 1)
}

/// When each token of a workspace last did something, or was refused something.
pub(crate) async fn last_changes<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
) -> Result<BTreeMap<ScimTokenId, Timestamp>> {
    let select = sql("SELECT t.id, (SELECT a.at FROM scim_activities a WHERE a.token_id = t.id \
         ORDER BY a.id DESC LIMIT 1) AS at FROM scim_tokens t WHERE t.workspace_id = $1");
    let rows = db.fetch_all(select.bind(workspace)).await?;
    let mut changes = BTreeMap::new();
    for row in &rows {
        if let Some(at) = row.opt_time("at")? {
            changes.insert(row.id("id")?, at);
        }
    }
    Ok(changes)
}

pub(crate) async fn delete(tx: &mut Tx, id: &ScimTokenId) -> Result<()> {
    tx.execute(sql("DELETE FROM scim_days WHERE token_id = $1").bind(id)).await?;
    tx.execute(sql("DELETE FROM scim_tokens WHERE id = $1").bind(id)).await.map(drop)
}

/// The tokens that open something and for which a person answers.
pub(crate) async fn of_responsible(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    user: &UserId,
) -> Result<Vec<ScimToken>> {
    let select = sql(
        "SELECT id, workspace_id, name, scopes, masked, created_by, responsible_id, created_at, expires_at, \
         revoked_at, last_used_at, dialect, use_days FROM scim_tokens WHERE workspace_id = $1 AND responsible_id = $2 \
         AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $3) ORDER BY id",
    );
    let now = tx.store().now();
    tx.fetch_all(select.bind(workspace).bind(user).bind(now)).await?.iter().map(read).collect()
}

/// Makes somebody else answer for them.
pub(crate) async fn set_responsible(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    from: &UserId,
    to: Option<&UserId>,
) -> Result<()> {
    let update =
        sql("UPDATE scim_tokens SET responsible_id = $3, version = version + 1 WHERE workspace_id = $1 \
         AND responsible_id = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $4)");
    let now = tx.store().now();
    tx.execute(update.bind(workspace).bind(from).bind(to).bind(now)).await.map(drop)
}

/// Who of these people answers for a token.
pub(crate) async fn responsible_among(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    people: &[UserId],
) -> Result<Vec<UserId>> {
    const HEAD: &str = "SELECT DISTINCT responsible_id AS id FROM scim_tokens";
    let store = tx.store().clone();
    let of = Condition::fixed("workspace_id = ").bind(workspace).sql(" AND ");
    let of = of.then(Condition::one_of("responsible_id", people.iter().map(ToString::to_string)));
    let rows = of.rows(&store, tx, HEAD, Condition::default()).await?;
    rows.iter().map(|r| r.id("id")).collect()
}
