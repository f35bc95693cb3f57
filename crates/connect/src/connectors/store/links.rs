use gatehouse_store::{Filter, Queries, Result, Row, Tx, sql};
use gatehouse_types::{ConnectorId, ConnectorLinkId, PageRequest, Timestamp, UserId, WorkspaceId};

/// A link with which a member of the workspace connects a connector anew.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) id: ConnectorLinkId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) connector_id: ConnectorId,
    pub(crate) created_by: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) revoked_at: Option<Timestamp>,
    pub(crate) used_at: Option<Timestamp>,
}

const COLUMNS: &str =
    "id, workspace_id, connector_id, created_by, created_at, expires_at, revoked_at, used_at";

fn read(row: &Row) -> Result<Link> {
    Ok(Link {
        id: row.id("id")?,
        workspace_id: row.id("workspace_id")?,
        connector_id: row.id("connector_id")?,
        created_by: row.opt_text("created_by")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        revoked_at: row.opt_time("revoked_at")?,
        used_at: row.opt_time("used_at")?,
    })
}

/// Keeps a link under the digest of its token.
pub(crate) async fn insert(tx: &mut Tx, link: &Link, token: &str) -> Result<()> {
    let insert =
        sql("INSERT INTO connector_links (id, workspace_id, connector_id, owner_kind, version, token, \
         created_by, created_at, expires_at) VALUES ($1, $2, $3, 'service', 1, $4, $5, $6, $7)")
        .bind(&link.id)
        .bind(&link.workspace_id)
        .bind(&link.connector_id)
        .bind(token)
        .bind(link.created_by.clone())
        .bind(link.created_at)
        .bind(link.expires_at);
    tx.execute(insert).await.map(drop)
}

/// One page of a connector's links, the latest first.
pub(crate) async fn page<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    connector: &ConnectorId,
    page: PageRequest,
) -> Result<(Vec<Link>, i64)> {
    let (rows, total) = Filter::new(COLUMNS, "connector_links", "workspace_id = $", workspace)
        .and("connector_id = $", connector)
        .page(db, "created_at DESC, id DESC", page)
        .await?;
    Ok((rows.iter().map(read).collect::<Result<_>>()?, total))
}

/// Links of a connector that open something.
pub(crate) async fn live<Q: Queries>(db: &mut Q, connector: &ConnectorId, now: Timestamp) -> Result<i64> {
    let select =
        sql("SELECT COUNT(*) AS n FROM connector_links WHERE connector_id = $1 AND revoked_at IS NULL \
         AND used_at IS NULL AND expires_at > $2");
    db.fetch_one(select.bind(connector).bind(now)).await?.int("n")
}

/// The link of a token that still opens something.
pub(crate) async fn open<Q: Queries>(db: &mut Q, token: &str, now: Timestamp) -> Result<Option<Link>> {
    let select = sql(
        "SELECT id, workspace_id, connector_id, created_by, created_at, expires_at, revoked_at, used_at \
         FROM connector_links WHERE token = $1 AND revoked_at IS NULL AND used_at IS NULL AND expires_at > $2",
    );
    db.fetch_optional(select.bind(token).bind(now)).await?.as_ref().map(read).transpose()
}

/// Uses a link up; says whether it still opened something.
pub(crate) async fn take(tx: &mut Tx, id: &ConnectorLinkId) -> Result<bool> {
    let now = tx.store().now();
    let update = sql("UPDATE connector_links SET used_at = $2 WHERE id = $1 AND revoked_at IS NULL \
         AND used_at IS NULL AND expires_at > $2");
    Ok(tx.execute(update.bind(id).bind(now)).await? == 1)
}

/// Takes a link back; `None` when there is none, else whether it was live.
pub(crate) async fn revoke(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    connector: &ConnectorId,
    id: &ConnectorLinkId,
) -> Result<Option<bool>> {
    let select =
        sql("SELECT id FROM connector_links WHERE workspace_id = $1 AND connector_id = $2 AND id = $3");
    if tx.fetch_optional(select.bind(workspace).bind(connector).bind(id)).await?.is_none() {
        return Ok(None);
    }
    let now = tx.store().now();
    let update = sql("UPDATE connector_links SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL");
    Ok(Some(tx.execute(update.bind(id).bind(now)).await? == 1))
}

/// Takes back the live links of a connector; how many.
pub(crate) async fn revoke_of(tx: &mut Tx, connector: &ConnectorId) -> Result<u64> {
    let now = tx.store().now();
    let update = sql("UPDATE connector_links SET revoked_at = $2 WHERE connector_id = $1 \
         AND revoked_at IS NULL AND used_at IS NULL AND expires_at > $2");
    tx.execute(update.bind(connector).bind(now)).await
}

/// Takes back the live links that a person made; how many.
pub(crate) async fn revoke_by(tx: &mut Tx, workspace: &WorkspaceId, by: &UserId) -> Result<u64> {
    let now = tx.store().now();
    let update =
        sql("UPDATE connector_links SET revoked_at = $3 WHERE workspace_id = $1 AND created_by = $2 \
         AND revoked_at IS NULL AND used_at IS NULL");
    tx.execute(update.bind(workspace).bind(by).bind(now)).await
}

/// Takes every link back: a restored backup revives none.
pub(crate) async fn revoke_all(tx: &mut Tx) -> Result<()> {
    let update =
        sql("UPDATE connector_links SET revoked_at = $1 WHERE revoked_at IS NULL AND used_at IS NULL");
    tx.execute(update.bind(tx.store().now())).await.map(drop)
}
