use gatehouse_store::{Condition, Queries, Result, Row, Tx, sql};
use gatehouse_types::{SsoAttemptId, Timestamp, TraceShareId, UserId, WorkspaceId};

use super::links;
use crate::model::Share;

fn read(row: &Row) -> Result<Share> {
    Ok(Share {
        id: row.id("id")?,
        workspace_id: row.id("workspace_id")?,
        attempt_id: row.id("attempt_id")?,
        life: links::life(row)?,
    })
}

/// Keeps a link under the digest of its token.
pub(crate) async fn insert(tx: &mut Tx, share: &Share, token: &str) -> Result<()> {
    let insert =
        sql("INSERT INTO sso_trace_shares (id, workspace_id, attempt_id, owner_kind, version, token, \
         created_by, created_at, expires_at, opened) VALUES ($1, $2, $3, 'workspace', 1, $4, $5, $6, $7, 0)")
        .bind(&share.id)
        .bind(&share.workspace_id)
        .bind(&share.attempt_id)
        .bind(token)
        .bind(share.life.created_by.clone())
        .bind(share.life.created_at)
        .bind(share.life.expires_at);
    tx.execute(insert).await.map(drop)
}

/// The links of an attempt, the latest first.
pub(crate) async fn of<Q: Queries>(db: &mut Q, attempt: &SsoAttemptId) -> Result<Vec<Share>> {
    let select =
        sql("SELECT id, workspace_id, attempt_id, created_by, created_at, expires_at, revoked_at, opened, \
         first_opened_at, last_used_at FROM sso_trace_shares WHERE attempt_id = $1 \
         ORDER BY created_at DESC, id DESC LIMIT 200");
    db.fetch_all(select.bind(attempt)).await?.iter().map(read).collect()
}

pub(crate) async fn find<Q: Queries>(
    db: &mut Q,
    attempt: &SsoAttemptId,
    id: &TraceShareId,
) -> Result<Option<Share>> {
    let select =
        sql("SELECT id, workspace_id, attempt_id, created_by, created_at, expires_at, revoked_at, opened, \
         first_opened_at, last_used_at FROM sso_trace_shares WHERE attempt_id = $1 AND id = $2");
    db.fetch_optional(select.bind(attempt).bind(id)).await?.as_ref().map(read).transpose()
}

/// The link of a token that still shows something: not revoked, not past its time, of a connection that is there.
pub(crate) async fn open<Q: Queries>(db: &mut Q, token: &str, now: Timestamp) -> Result<Option<Share>> {
    let select = sql(
        "SELECT s.id, s.workspace_id, s.attempt_id, s.created_by, s.created_at, s.expires_at, s.revoked_at, \
         s.opened, s.first_opened_at, s.last_used_at FROM sso_trace_shares s \
         JOIN sso_attempts a ON a.id = s.attempt_id JOIN sso_connections c ON c.id = a.connection_id \
         WHERE s.token = $1 AND s.revoked_at IS NULL AND s.expires_at > $2 AND a.expires_at > $2 \
         AND c.deleted_at IS NULL",
    );
    db.fetch_optional(select.bind(token).bind(now)).await?.as_ref().map(read).transpose()
}

/// Counts an opening; says whether it was the first one, `None` when the link was revoked meanwhile.
pub(crate) async fn count_opening(tx: &mut Tx, id: &TraceShareId) -> Result<Option<bool>> {
    let now = tx.store().now();
    let update = sql("UPDATE sso_trace_shares SET opened = opened + 1, last_used_at = $2, \
         first_opened_at = COALESCE(first_opened_at, $2) WHERE id = $1 AND revoked_at IS NULL RETURNING opened");
    let row = tx.fetch_optional(update.bind(id).bind(now)).await?;
    row.map(|r| Ok(r.int("opened")? == 1)).transpose()
}

/// Takes a link back; says whether it was live.
pub(crate) async fn revoke(tx: &mut Tx, id: &TraceShareId, workspace: &WorkspaceId) -> Result<bool> {
    let now = tx.store().now();
    let update = sql("UPDATE sso_trace_shares SET revoked_at = $3 WHERE id = $1 AND workspace_id = $2 \
         AND revoked_at IS NULL");
    Ok(tx.execute(update.bind(id).bind(workspace).bind(now)).await? == 1)
}

/// Revokes every link.
pub(crate) async fn revoke_all(tx: &mut Tx) -> Result<()> {
    let update = sql("UPDATE sso_trace_shares SET revoked_at = $1 WHERE revoked_at IS NULL");
    tx.execute(update.bind(tx.store().now())).await.map(drop)
}

/// Takes back the live links that a person made; their ids.
pub(crate) async fn revoke_by(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    by: &UserId,
) -> Result<Vec<TraceShareId>> {
    let now = tx.store().now();
    let update =
        sql("UPDATE sso_trace_shares SET revoked_at = $3 WHERE workspace_id = $1 AND created_by = $2 \
         AND revoked_at IS NULL AND expires_at > $3 RETURNING id");
    let rows = tx.fetch_all(update.bind(workspace).bind(by).bind(now)).await?;
    rows.iter().map(|r| r.id("id")).collect()
}

/// Who of these people made a link to an attempt that counts.
pub(crate) async fn makers_among(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    people: &[UserId],
) -> Result<Vec<UserId>> {
    const HEAD: &str = "SELECT DISTINCT created_by AS id FROM sso_trace_shares";
    let store = tx.store().clone();
    let of = Condition::fixed("workspace_id = ").bind(workspace).sql(" AND ");
    let of = of
        .then(Condition::one_of("created_by", people.iter().map(ToString::to_string)))
        .sql(" AND revoked_at IS NULL AND expires_at > ")
        .bind(store.now());
    let rows = of.rows(&store, tx, HEAD, Condition::default()).await?;
    rows.iter().map(|r| r.id("id")).collect()
}
