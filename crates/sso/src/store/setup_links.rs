use gatehouse_store::{Condition, Filter, Queries, Result, Row, Tx, sql};
use gatehouse_types::{ConnectionId, PageRequest, SetupLinkId, Timestamp, UserId, WorkspaceId};

use super::links;
use crate::model::SetupLink;

const COLUMNS: &str = "id, workspace_id, connection_id, created_by, created_at, expires_at, revoked_at, opened, \
     first_opened_at, last_used_at, provisioning";

fn read(row: &Row) -> Result<SetupLink> {
    Ok(SetupLink {
        id: row.id("id")?,
        workspace_id: row.id("workspace_id")?,
        connection_id: row.id("connection_id")?,
        provisioning: row.bool("provisioning")?,
        life: links::life(row)?,
    })
}

/// Keeps a link under the digest of its token.
pub(crate) async fn insert(tx: &mut Tx, link: &SetupLink, token: &str) -> Result<()> {
    let insert =
        sql("INSERT INTO sso_setup_links (id, workspace_id, connection_id, owner_kind, version, token, \
         created_by, created_at, expires_at, opened, provisioning) \
         VALUES ($1, $2, $3, 'workspace', 1, $4, $5, $6, $7, 0, $8)")
        .bind(&link.id)
        .bind(&link.workspace_id)
        .bind(&link.connection_id)
        .bind(token)
        .bind(link.life.created_by.clone())
        .bind(link.life.created_at)
        .bind(link.life.expires_at)
        .bind(link.provisioning);
    tx.execute(insert).await.map(drop)
}

/// One page of a workspace's links, the latest first; of one connection when it is given.
pub(crate) async fn list<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    connection: Option<&ConnectionId>,
    page: PageRequest,
) -> Result<(Vec<SetupLink>, i64)> {
    let (rows, total) = Filter::new(COLUMNS, "sso_setup_links", "workspace_id = $", workspace)
        .and_if("connection_id = $", connection)
        .page(db, "created_at DESC, id DESC", page)
        .await?;
    Ok((rows.iter().map(read).collect::<Result<_>>()?, total))
}

/// Links of a connection that open something.
pub(crate) async fn live<Q: Queries>(db: &mut Q, connection: &ConnectionId, now: Timestamp) -> Result<i64> {
    let select =
        sql("SELECT COUNT(*) AS n FROM sso_setup_links WHERE connection_id = $1 AND revoked_at IS NULL \
         AND expires_at > $2");
    let row = db.fetch_optional(select.bind(connection).bind(now)).await?;
    Ok(row.map(|r| r.int("n")).transpose()?.unwrap_or(0))
}

pub(crate) async fn find<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    id: &SetupLinkId,
) -> Result<Option<SetupLink>> {
    let select = sql(
        "SELECT id, workspace_id, connection_id, created_by, created_at, expires_at, revoked_at, opened, \
         first_opened_at, last_used_at, provisioning FROM sso_setup_links WHERE workspace_id = $1 AND id = $2",
    );
    db.fetch_optional(select.bind(workspace).bind(id)).await?.as_ref().map(read).transpose()
}

/// The link of a token that still opens something: not revoked, not past its time, of a connection that is there.
pub(crate) async fn open<Q: Queries>(db: &mut Q, token: &str, now: Timestamp) -> Result<Option<SetupLink>> {
    let select =
        sql("SELECT l.id, l.workspace_id, l.connection_id, l.created_by, l.created_at, l.expires_at, \
         l.revoked_at, l.opened, l.first_opened_at, l.last_used_at, l.provisioning FROM sso_setup_links l \
         JOIN sso_connections c ON c.id = l.connection_id AND c.deleted_at IS NULL \
         WHERE l.token = $1 AND l.revoked_at IS NULL AND l.expires_at > $2");
    db.fetch_optional(select.bind(token).bind(now)).await?.as_ref().map(read).transpose()
}

/// Counts an opening; says whether it was the first one, `None` when the link was revoked meanwhile.
pub(crate) async fn count_opening(tx: &mut Tx, id: &SetupLinkId) -> Result<Option<bool>> {
    let now = tx.store().now();
    let update = sql("UPDATE sso_setup_links SET opened = opened + 1, last_used_at = $2, \
         first_opened_at = COALESCE(first_opened_at, $2) WHERE id = $1 AND revoked_at IS NULL RETURNING opened");
    let row = tx.fetch_optional(update.bind(id).bind(now)).await?;
    row.map(|r| Ok(r.int("opened")? == 1)).transpose()
}

/// Takes a link back; says whether it was live.
pub(crate) async fn revoke(tx: &mut Tx, workspace: &WorkspaceId, id: &SetupLinkId) -> Result<bool> {
    let now = tx.store().now();
    let update = sql("UPDATE sso_setup_links SET revoked_at = $3 WHERE id = $1 AND workspace_id = $2 \
         AND revoked_at IS NULL");
    Ok(tx.execute(update.bind(id).bind(workspace).bind(now)).await? == 1)
}

/// Takes every link of a connection back.
pub(crate) async fn revoke_of(tx: &mut Tx, connection: &ConnectionId) -> Result<()> {
    let now = tx.store().now();
    let update =
        sql("UPDATE sso_setup_links SET revoked_at = $2 WHERE connection_id = $1 AND revoked_at IS NULL");
    tx.execute(update.bind(connection).bind(now)).await.map(drop)
}

/// Takes every link back.
pub(crate) async fn revoke_all(tx: &mut Tx) -> Result<()> {
    let update = sql("UPDATE sso_setup_links SET revoked_at = $1 WHERE revoked_at IS NULL");
    tx.execute(update.bind(tx.store().now())).await.map(drop)
}

/// Takes back the live links that a person made; their ids.
pub(crate) async fn revoke_by(tx: &mut Tx, workspace: &WorkspaceId, by: &UserId) -> Result<Vec<SetupLinkId>> {
    let now = tx.store().now();
    let update =
        sql("UPDATE sso_setup_links SET revoked_at = $3 WHERE workspace_id = $1 AND created_by = $2 \
         AND revoked_at IS NULL AND expires_at > $3 RETURNING id");
    let rows = tx.fetch_all(update.bind(workspace).bind(by).bind(now)).await?;
    rows.iter().map(|r| r.id("id")).collect()
}

/// Who of these people made a setup link that counts.
pub(crate) async fn makers_among(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    people: &[UserId],
) -> Result<Vec<UserId>> {
    const HEAD: &str = "SELECT DISTINCT created_by AS id FROM sso_setup_links";
    let store = tx.store().clone();
    let of = Condition::fixed("workspace_id = ").bind(workspace).sql(" AND ");
    let of = of
        .then(Condition::one_of("created_by", people.iter().map(ToString::to_string)))
        .sql(" AND revoked_at IS NULL AND expires_at > ")
        .bind(store.now());
    let rows = of.rows(&store, tx, HEAD, Condition::default()).await?;
    rows.iter().map(|r| r.id("id")).collect()
}
