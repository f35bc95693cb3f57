//! Calls that left: who acted, as whom, where to, and how it went. No paths, no headers, no bodies.

use gatehouse_store::{Filter, Queries, Result, Row, Tx, Value, sql};
use gatehouse_types::{Id, OutboundCallId, OwnerKind, PageRequest, Timestamp, UserId, WorkspaceId};

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

/// As whom the outside saw a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effective {
    /// As nobody: it took no credential of ours.
    None,
    /// As the workspace.
    Service,
    /// As a person.
    Person(UserId),
}

impl Effective {
    /// The name, as stored.
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::None => NOBODY,
            Self::Service => OwnerKind::Service.as_str(),
            Self::Person(_) => OwnerKind::Person.as_str(),
        }
    }

    /// The person, if it was one.
    pub(crate) const fn person(&self) -> Option<&UserId> {
        match self {
            Self::Person(user) => Some(user),
            Self::None | Self::Service => None,
        }
    }
}

/// What stands for no identity, no holder and no credential.
pub(crate) const NOBODY: &str = "none";

/// For whom, as whom and why a call is made.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    pub(crate) workspace: WorkspaceId,
    pub(crate) acting: Option<UserId>,
    pub(crate) effective: Effective,
    /// Kind, id and name of what the credential is of.
    pub(crate) holder: Option<(&'static str, String, String)>,
    pub(crate) cause: String,
    pub(crate) action: Option<String>,
    pub(crate) request_id: Option<String>,
}

/// A row of the ledger.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) entry: Entry,
    pub(crate) acting: Option<UserId>,
    pub(crate) effective: Effective,
    pub(crate) holder_kind: String,
    pub(crate) holder_id: String,
    pub(crate) holder_name: String,
    pub(crate) cause: String,
    pub(crate) action: Option<String>,
    pub(crate) request_id: Option<String>,
}

/// How rows are written; see [`values`].
pub(crate) const INSERT: &str = "INSERT INTO outbound_calls (id, workspace_id, at, acting_user, effective_kind, \
     effective_user, holder_kind, holder_id, holder_name, credential, credential_version, cause, action, method, host, \
     status, error, retried, bytes, duration_ms, request_id)";

/// The values of a row.
pub(crate) fn values(who: &Who, e: &Entry) -> Vec<Value> {
    let (kind, id, name) = match &who.holder {
        Some((kind, id, name)) => (*kind, id.as_str(), name.as_str()),
        None => (NOBODY, "", ""),
    };
    vec![
        (&e.id).into(),
        (&who.workspace).into(),
        e.at.into(),
        who.acting.as_ref().into(),
        who.effective.as_str().into(),
        who.effective.person().into(),
        kind.into(),
        id.into(),
        name.into(),
        e.credential.as_str().into(),
        e.credential_version.into(),
        who.cause.as_str().into(),
        who.action.clone().into(),
        e.method.as_str().into(),
        e.host.as_str().into(),
        e.status.into(),
        e.error.clone().into(),
        e.retried.into(),
        e.bytes.into(),
        e.duration_ms.into(),
        who.request_id.clone().into(),
    ]
}

fn read(row: &Row) -> Result<Listed> {
    let effective = match (row.opt_id("effective_user")?, row.text("effective_kind")?.as_str()) {
        (Some(user), _) => Effective::Person(user),
        (None, NOBODY) => Effective::None,
        (None, _) => Effective::Service,
    };
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
        effective,
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
