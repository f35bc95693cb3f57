use gatehouse_store::{Filter, Queries, Result, Row, Tx, sql};
use gatehouse_types::{ConnectionId, IdentityId, PageRequest, Timestamp, UserId, WorkspaceId};

/// Who somebody is at the provider: the connection and the NameID say which person of ours.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) id: IdentityId,
    pub(crate) connection_id: ConnectionId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) user_id: UserId,
    pub(crate) name_id: String,
    pub(crate) created_at: Timestamp,
    pub(crate) last_used_at: Timestamp,
}

fn read(row: &Row) -> Result<Identity> {
    Ok(Identity {
        id: row.id("id")?,
        connection_id: row.id("connection_id")?,
        workspace_id: row.id("workspace_id")?,
        user_id: row.id("user_id")?,
        name_id: row.text("name_id")?,
        created_at: row.time("created_at")?,
        last_used_at: row.time("last_used_at")?,
    })
}

pub(crate) async fn insert(tx: &mut Tx, i: &Identity) -> Result<()> {
    let insert =
        sql("INSERT INTO sso_identities (id, connection_id, workspace_id, user_id, name_id, created_at, \
         last_used_at) VALUES ($1, $2, $3, $4, $5, $6, $7)")
        .bind(&i.id)
        .bind(&i.connection_id)
        .bind(&i.workspace_id)
        .bind(&i.user_id)
        .bind(i.name_id.as_str())
        .bind(i.created_at)
        .bind(i.last_used_at);
    tx.execute(insert).await.map(drop)
}

pub(crate) async fn find<Q: Queries>(
    db: &mut Q,
    connection: &ConnectionId,
    name_id: &str,
) -> Result<Option<Identity>> {
    let select = sql("SELECT id, connection_id, workspace_id, user_id, name_id, created_at, last_used_at \
         FROM sso_identities WHERE connection_id = $1 AND name_id = $2");
    db.fetch_optional(select.bind(connection).bind(name_id)).await?.as_ref().map(read).transpose()
}

pub(crate) async fn of_user<Q: Queries>(
    db: &mut Q,
    connection: &ConnectionId,
    user: &UserId,
) -> Result<Option<Identity>> {
    let select = sql("SELECT id, connection_id, workspace_id, user_id, name_id, created_at, last_used_at \
         FROM sso_identities WHERE connection_id = $1 AND user_id = $2 LIMIT 1");
    db.fetch_optional(select.bind(connection).bind(user)).await?.as_ref().map(read).transpose()
}

pub(crate) async fn touch(tx: &mut Tx, id: &IdentityId) -> Result<()> {
    let update = sql("UPDATE sso_identities SET last_used_at = $2 WHERE id = $1");
    tx.execute(update.bind(id).bind(tx.store().now())).await.map(drop)
}

pub(crate) async fn find_by_id<Q: Queries>(
    db: &mut Q,
    connection: &ConnectionId,
    id: &IdentityId,
) -> Result<Option<Identity>> {
    let select = sql("SELECT id, connection_id, workspace_id, user_id, name_id, created_at, last_used_at \
         FROM sso_identities WHERE connection_id = $1 AND id = $2");
    db.fetch_optional(select.bind(connection).bind(id)).await?.as_ref().map(read).transpose()
}

pub(crate) async fn delete(tx: &mut Tx, id: &IdentityId) -> Result<()> {
    tx.execute(sql("DELETE FROM sso_identities WHERE id = $1").bind(id)).await.map(drop)
}

/// One page of a connection's identities, oldest first.
pub(crate) async fn list<Q: Queries>(
    db: &mut Q,
    connection: &ConnectionId,
    page: PageRequest,
) -> Result<(Vec<Identity>, i64)> {
    let columns = "id, connection_id, workspace_id, user_id, name_id, created_at, last_used_at";
    let (rows, total) = Filter::new(columns, "sso_identities", "connection_id = $", connection)
        .page(db, "created_at, id", page)
        .await?;
    Ok((rows.iter().map(read).collect::<Result<_>>()?, total))
}
