use gatehouse_store::{Binding, Filter, Queries, Result, Row, Sealed, Tx, sql};
use gatehouse_types::{ConnectionId, Id, PageRequest, SsoAttemptId, WorkspaceId};

use crate::model::{Attempt, Flow};

/// Attempts and their messages are kept this many days.
pub(crate) const KEPT_DAYS: i64 = 14;
const COLUMNS: &str =
    "id, connection_id, at, flow, outcome, reason, subject, checks, message, decision_id, ip";

fn place(id: &SsoAttemptId) -> Binding<'_> {
    Binding { table: "sso_attempts", column: "message", row: id.as_str() }
}

fn read(row: &Row) -> Result<Attempt> {
    Ok(Attempt {
        id: row.id("id")?,
        connection_id: row.id("connection_id")?,
        at: row.time("at")?,
        flow: Flow::from_stored(&row.text("flow")?),
        success: row.text("outcome")? == "success",
        reason: row.opt_text("reason")?,
        subject: row.opt_text("subject")?,
        checks: row.json("checks")?,
        decision_id: row.opt_id("decision_id")?,
        ip: row.opt_text("ip")?,
        has_message: row.opt_text("message")?.is_some(),
    })
}

/// Keeps an attempt, with its message sealed if one is given.
pub(crate) async fn insert(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    a: &Attempt,
    message: Option<&[u8]>,
    request_id: &str,
) -> Result<()> {
    let sealed = message.map(|m| tx.store().keyring().seal_bytes(place(&a.id), m));
    let insert = sql(
        "INSERT INTO sso_attempts (id, workspace_id, connection_id, at, flow, outcome, reason, subject, \
         checks, message, decision_id, ip, request_id, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    )
    .bind(&a.id)
    .bind(workspace)
    .bind(&a.connection_id)
    .bind(a.at)
    .bind(a.flow.as_str())
    .bind(if a.success { "success" } else { "failure" })
    .bind(a.reason.clone())
    .bind(a.subject.clone())
    .bind(serde_json::to_string(&a.checks)?)
    .bind(sealed.as_ref().map(Sealed::as_str))
    .bind(a.decision_id.as_ref())
    .bind(a.ip.clone())
    .bind(request_id)
    .bind(a.at.plus_seconds(KEPT_DAYS * 86_400));
    tx.execute(insert).await.map(drop)
}

pub(crate) async fn find<Q: Queries>(
    db: &mut Q,
    connection: &ConnectionId,
    id: &SsoAttemptId,
) -> Result<Option<Attempt>> {
    let select = sql(
        "SELECT id, connection_id, at, flow, outcome, reason, subject, checks, message, decision_id, ip \
         FROM sso_attempts WHERE connection_id = $1 AND id = $2",
    );
    db.fetch_optional(select.bind(connection).bind(id)).await?.as_ref().map(read).transpose()
}

/// One page of a connection's attempts, newest first.
pub(crate) async fn list<Q: Queries>(
    db: &mut Q,
    connection: &ConnectionId,
    outcome: Option<&str>,
    page: PageRequest,
) -> Result<(Vec<Attempt>, i64)> {
    let (rows, total) = Filter::new(COLUMNS, "sso_attempts", "connection_id = $", connection)
        .and_if("outcome = $", outcome)
        .page(db, "at DESC, id DESC", page)
        .await?;
    Ok((rows.iter().map(read).collect::<Result<_>>()?, total))
}

/// Forgets what is older than [`KEPT_DAYS`].
pub(crate) async fn sweep(tx: &mut Tx) -> Result<u64> {
    let now = tx.store().now();
    tx.execute(sql("DELETE FROM sso_attempts WHERE expires_at < $1").bind(now)).await
}
