use gatehouse_store::{Filter, Queries, Query, Result, Row, Tx, sql};
use gatehouse_types::{AuthMethod, OwnerKind, PageRequest, SessionId, Timestamp, UserId, WorkspaceId};

use crate::model::{EndReason, FactorKind, Session};

/// A live session with what the caller is in its workspace.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    pub(crate) session: Session,
    pub(crate) role: gatehouse_types::Role,
}

/// Behind the stored kind of second step: a passkey that may be copied between devices.
const SYNCED: &str = ":synced";

fn read(row: &Row) -> Result<Session> {
    let second_step = row.opt_text("second_step")?.unwrap_or_default();
    let kind = second_step.strip_suffix(SYNCED);
    Ok(Session {
        id: row.id("id")?,
        workspace_id: row.id("workspace_id")?,
        user_id: row.id("user_id")?,
        method: AuthMethod::from_stored(&row.text("method")?),
        connection_id: row.opt_id("connection_id")?,
        second_step: FactorKind::from_stored(kind.unwrap_or(&second_step)),
        is_synced: kind.is_some(),
        proven_at: row.opt_time("proven_at")?,
        ip: row.opt_text("ip")?,
        user_agent: row.opt_text("user_agent")?,
        created_at: row.time("created_at")?,
        last_used_at: row.time("last_used_at")?,
        expires_at: row.time("expires_at")?,
    })
}

/// Keeps a new session.
pub(crate) fn insert(tx: &mut Tx, s: &Session, token_digest: Option<&str>) {
    let insert =
        sql("INSERT INTO sessions (id, workspace_id, user_id, owner_kind, version, token_digest, method, \
         connection_id, ip, user_agent, created_at, last_used_at, expires_at, second_step, proven_at) \
         VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $8, $9, $10, $10, $11, $12, $13)")
        .bind(&s.id)
        .bind(&s.workspace_id)
        .bind(&s.user_id)
        .bind(OwnerKind::Person.as_str())
        .bind(token_digest)
        .bind(s.method.as_str())
        .bind(s.connection_id.as_ref())
        .bind(s.ip.clone())
        .bind(s.user_agent.clone())
        .bind(s.created_at)
        .bind(s.expires_at)
        .bind(s.second_step.map(|k| format!("{}{}", k.as_str(), if s.is_synced { SYNCED } else { "" })))
        .bind(s.proven_at);
    tx.later(insert);
}

async fn live<Q: Queries>(db: &mut Q, select: Query) -> Result<Option<Live>> {
    let row = db.fetch_optional(select).await?;
    row.map(|r| Ok(Live { session: read(&r)?, role: r.parse("role")? })).transpose()
}

/// The session of a cookie, while it lasts and its owner is a member.
pub(crate) async fn live_by_token<Q: Queries>(
    db: &mut Q,
    digest: &str,
    now: Timestamp,
) -> Result<Option<Live>> {
    let select =
        sql("SELECT s.id, s.workspace_id, s.user_id, s.method, s.connection_id, s.ip, s.user_agent, \
         s.created_at, s.last_used_at, s.expires_at, s.second_step, s.proven_at, m.role FROM sessions s \
         JOIN memberships m ON m.workspace_id = s.workspace_id AND m.user_id = s.user_id \
         WHERE s.token_digest = $1 AND s.ended_at IS NULL AND s.expires_at > $2");
    live(db, select.bind(digest).bind(now)).await
}

/// The session that a bearer token names, while it lasts and its owner is a member.
pub(crate) async fn live_by_id<Q: Queries>(
    db: &mut Q,
    id: &SessionId,
    now: Timestamp,
) -> Result<Option<Live>> {
    let select =
        sql("SELECT s.id, s.workspace_id, s.user_id, s.method, s.connection_id, s.ip, s.user_agent, \
         s.created_at, s.last_used_at, s.expires_at, s.second_step, s.proven_at, m.role FROM sessions s \
         JOIN memberships m ON m.workspace_id = s.workspace_id AND m.user_id = s.user_id \
         WHERE s.id = $1 AND s.ended_at IS NULL AND s.expires_at > $2");
    live(db, select.bind(id).bind(now)).await
}

/// The live sessions of a person in a workspace, newest first.
pub(crate) async fn of_user<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    user: &UserId,
    now: Timestamp,
) -> Result<Vec<Session>> {
    let select = sql("SELECT id, workspace_id, user_id, method, connection_id, ip, user_agent, created_at, \
         last_used_at, expires_at, second_step, proven_at FROM sessions WHERE workspace_id = $1 AND user_id = $2 AND ended_at IS NULL \
         AND expires_at > $3 ORDER BY created_at DESC, id DESC LIMIT 100");
    db.fetch_all(select.bind(workspace).bind(user).bind(now)).await?.iter().map(read).collect()
}

/// Notes that the person proved to be it just now.
pub(crate) async fn prove(tx: &mut Tx, id: &SessionId) -> Result<()> {
    let update = sql("UPDATE sessions SET proven_at = $2 WHERE id = $1 AND ended_at IS NULL");
    tx.execute(update.bind(id).bind(tx.store().now())).await.map(drop)
}

pub(crate) async fn touch(tx: &mut Tx, id: &SessionId) -> Result<()> {
    let update = sql("UPDATE sessions SET last_used_at = $2 WHERE id = $1 AND ended_at IS NULL");
    tx.execute(update.bind(id).bind(tx.store().now())).await.map(drop)
}

/// Ends a session; says whether it was alive.
pub(crate) async fn end(tx: &mut Tx, id: &SessionId, reason: EndReason) -> Result<bool> {
    let update = sql("UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE id = $1 AND ended_at IS NULL");
    Ok(tx.execute(update.bind(id).bind(tx.store().now()).bind(reason.as_str())).await? == 1)
}

/// The live sessions of a person, in one workspace or in all, newest first, each with its workspace's name.
pub(crate) async fn page<Q: Queries>(
    db: &mut Q,
    user: &UserId,
    workspace: Option<&WorkspaceId>,
    now: Timestamp,
    page: PageRequest,
) -> Result<(Vec<(Session, String)>, i64)> {
    let columns = "s.id, s.workspace_id, s.user_id, s.method, s.connection_id, s.ip, s.user_agent, \
         s.created_at, s.last_used_at, s.expires_at, s.second_step, s.proven_at, w.name AS workspace_name";
    let from = "sessions s JOIN workspaces w ON w.id = s.workspace_id";
    let (rows, total) = Filter::new(columns, from, "s.user_id = $", user)
        .and("s.expires_at > $", now)
        .and_fixed("s.ended_at IS NULL")
        .and_if("s.workspace_id = $", workspace)
        .page(db, "s.created_at DESC, s.id DESC", page)
        .await?;
    let read = |row: &Row| Ok((read(row)?, row.text("workspace_name")?));
    Ok((rows.iter().map(read).collect::<Result<_>>()?, total))
}

/// The ids of all live sessions of a person, with their workspaces, in one workspace or in all.
pub(crate) async fn live_ids<Q: Queries>(
    db: &mut Q,
    user: &UserId,
    workspace: Option<&WorkspaceId>,
    now: Timestamp,
) -> Result<Vec<(SessionId, WorkspaceId)>> {
    let select = sql("SELECT id, workspace_id FROM sessions WHERE user_id = $1 AND ended_at IS NULL \
         AND expires_at > $2 AND (CAST($3 AS TEXT) IS NULL OR workspace_id = $3) ORDER BY workspace_id, id");
    let rows = db.fetch_all(select.bind(user).bind(now).bind(workspace)).await?;
    rows.iter().map(|r| Ok((r.id("id")?, r.id("workspace_id")?))).collect()
}

/// Ends every live session; says how many.
pub(crate) async fn end_all(tx: &mut Tx, reason: EndReason) -> Result<u64> {
    let update =
        sql("UPDATE sessions SET ended_at = $1, end_reason = $2 WHERE ended_at IS NULL AND expires_at > $1");
    tx.execute(update.bind(tx.store().now()).bind(reason.as_str())).await
}
