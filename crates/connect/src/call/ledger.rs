//! Calls that left: who acted, as whom, where to, and how it went. No paths, no headers, no bodies.

use gatehouse_store::{Filter, Queries, Result, Row, Tx, sql};
use gatehouse_types::{Id, OutboundCallId, PageRequest, Timestamp, UserId, WorkspaceId};

use super::Run;
use crate::{Holder, Owner};

/// How long calls are kept, in days.
pub(crate) const KEPT_DAYS: i64 = 90;
/// How far back is looked for what uses a grant, in days.
const USED_DAYS: i64 = 30;
/// Causes that are named.
const MOST_CAUSES: i64 = 50;

/// One try.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: OutboundCallId,
    pub(crate) at: Timestamp,
    pub(crate) method: String,
    pub(crate) host: String,
    /// `None`: no answer came.
    pub(crate) status: Option<i64>,
    /// Why none came, in a word.
    pub(crate) error: Option<String>,
    pub(crate) retried: bool,
    /// Of the answer's body.
    pub(crate) bytes: i64,
    pub(crate) duration_ms: i64,
    pub(crate) credential: String,
    pub(crate) credential_version: i64,
}

/// A row of the ledger.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) entry: Entry,
    pub(crate) acting: Option<UserId>,
    pub(crate) owner: Owner,
    pub(crate) holder_kind: String,
    pub(crate) holder_id: String,
    pub(crate) holder_name: String,
    pub(crate) cause: String,
    pub(crate) action: Option<String>,
    pub(crate) request_id: Option<String>,
}

/// Writes a try, with the transaction's next statement.
pub(crate) fn insert(tx: &mut Tx, run: &Run, e: &Entry) {
    let insert = sql("INSERT INTO outbound_calls (id, workspace_id, at, acting_user, effective_kind, effective_user, \
         holder_kind, holder_id, holder_name, credential, credential_version, cause, action, method, host, status, \
         error, retried, bytes, duration_ms, request_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, \
         $13, $14, $15, $16, $17, $18, $19, $20, $21)")
    .bind(&e.id)
    .bind(&run.workspace)
    .bind(e.at)
    .bind(run.acting.as_ref())
    .bind(run.owner.kind().as_str())
    .bind(run.owner.person())
    .bind(run.holder.kind())
    .bind(run.holder.id())
    .bind(run.holder_name.as_str())
    .bind(e.credential.as_str())
    .bind(e.credential_version)
    .bind(run.cause.as_str())
    .bind(run.action.clone())
    .bind(e.method.as_str())
    .bind(e.host.as_str())
    .bind(e.status)
    .bind(e.error.clone())
    .bind(e.retried)
    .bind(e.bytes)
    .bind(e.duration_ms)
    .bind(run.request_id.clone());
    tx.later(insert);
}

fn read(row: &Row) -> Result<Listed> {
    let effective: Option<UserId> = row.opt_id("effective_user")?;
    Ok(Listed {
        entry: Entry {
            id: row.id("id")?,
            at: row.time("at")?,
            method: row.text("method")?,
            host: row.text("host")?,
            status: row.opt_int("status")?,
            error: row.opt_text("error")?,
            retried: row.bool("retried")?,
            bytes: row.int("bytes")?,
            duration_ms: row.int("duration_ms")?,
            credential: row.text("credential")?,
            credential_version: row.int("credential_version")?,
        },
        acting: row.opt_id("acting_user")?,
        owner: effective.map_or(Owner::Service, Owner::Person),
        holder_kind: row.text("holder_kind")?,
        holder_id: row.text("holder_id")?,
        holder_name: row.text("holder_name")?,
        cause: row.text("cause")?,
        action: row.opt_text("action")?,
        request_id: row.opt_text("request_id")?,
    })
}

/// Which calls are looked for.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) acting: Option<UserId>,
    pub(crate) holder_id: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) since: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
}

/// One page of a workspace's calls, the latest first.
pub(crate) async fn page<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    wanted: &Wanted,
    page: PageRequest,
) -> Result<(Vec<Listed>, i64)> {
    let (rows, total) = Filter::new("*", "outbound_calls", "workspace_id = $", workspace)
        .and_if("acting_user = $", wanted.acting.as_ref().map(Id::as_str))
        .and_if("holder_id = $", wanted.holder_id.as_deref())
        .and_if("host = $", wanted.host.as_deref())
        .and_if("at >= $", wanted.since)
        .and_if("at < $", wanted.until)
        .page(db, "at DESC, id DESC", page)
        .await?;
    Ok((rows.iter().map(read).collect::<Result<_>>()?, total))
}

/// What made calls with a grant lately.
pub(crate) async fn causes<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    holder: &Holder,
    owner: &Owner,
) -> Result<Vec<String>> {
    let newest = sql("SELECT MAX(at) AS at FROM outbound_calls WHERE holder_kind = $1 AND holder_id = $2");
    let newest = db.fetch_one(newest.bind(holder.kind()).bind(holder.id())).await?.opt_time("at")?;
    let Some(newest) = newest else { return Ok(Vec::new()) };
    let select = sql("SELECT DISTINCT cause FROM outbound_calls WHERE workspace_id = $1 AND holder_kind = $2 AND \
         holder_id = $3 AND effective_kind = $4 AND COALESCE(effective_user, '') = $5 AND at >= $6 ORDER BY cause LIMIT $7")
    .bind(workspace)
    .bind(holder.kind())
    .bind(holder.id())
    .bind(owner.kind().as_str())
    .bind(owner.stored_id())
    .bind(newest.plus_seconds(-USED_DAYS * 86_400))
    .bind(MOST_CAUSES);
    db.fetch_all(select).await?.iter().map(|row| row.text("cause")).collect()
}

/// Forgets calls of long ago.
pub(crate) async fn sweep(tx: &mut Tx) -> Result<()> {
    let before = tx.store().now().plus_seconds(-KEPT_DAYS * 86_400);
    tx.execute(sql("DELETE FROM outbound_calls WHERE at < $1").bind(before)).await.map(drop)
}
