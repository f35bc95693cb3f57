use gatehouse_store::{Condition, Filter, Queries, Result, Row, Tx, sql};
use gatehouse_types::{ConnectionId, Domain, IdentityId, PageRequest, Timestamp, UserId, WorkspaceId};

/// Who somebody is at the provider: the connection and the NameID say which person of ours.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) id: IdentityId,
    pub(crate) connection_id: ConnectionId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) user_id: UserId,
    pub(crate) name_id: String,
    /// The kind of name (SAML 2.0 core §8.3), as the last sign-in said.
    pub(crate) name_id_format: Option<String>,
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
        name_id_format: row.opt_text("name_id_format")?,
        created_at: row.time("created_at")?,
        last_used_at: row.time("last_used_at")?,
    })
}

pub(crate) async fn insert(tx: &mut Tx, i: &Identity) -> Result<()> {
    let insert =
        sql("INSERT INTO sso_identities (id, connection_id, workspace_id, user_id, name_id, created_at, \
         last_used_at, name_id_format) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
        .bind(&i.id)
        .bind(&i.connection_id)
        .bind(&i.workspace_id)
        .bind(&i.user_id)
        .bind(i.name_id.as_str())
        .bind(i.created_at)
        .bind(i.last_used_at)
        .bind(i.name_id_format.clone());
    tx.execute(insert).await.map(drop)
}

pub(crate) async fn find<Q: Queries>(
    db: &mut Q,
    connection: &ConnectionId,
    name_id: &str,
) -> Result<Option<Identity>> {
    let select = sql(
        "SELECT id, connection_id, workspace_id, user_id, name_id, name_id_format, created_at, last_used_at \
         FROM sso_identities WHERE connection_id = $1 AND name_id = $2",
    );
    db.fetch_optional(select.bind(connection).bind(name_id)).await?.as_ref().map(read).transpose()
}

/// The identity of a NameID, when nothing of the provider's speaks against it: the domain is verified and federated,
/// and none of the provider's sessions that carry one of these marks was ended. `None` says only that more questions
/// must be asked.
pub(crate) async fn undisputed(
    tx: &mut Tx,
    connection: &ConnectionId,
    name_id: &str,
    domain: &Domain,
    marks: [String; 2],
) -> Result<Option<Identity>> {
    let [index, name] = marks;
    let select =
        sql("SELECT i.id, i.connection_id, i.workspace_id, i.user_id, i.name_id, i.name_id_format, i.created_at, \
         i.last_used_at FROM sso_identities i \
         JOIN sso_domains d ON d.connection_id = i.connection_id AND d.domain = $3 \
         WHERE i.connection_id = $1 AND i.name_id = $2 AND d.status = 'verified' AND d.federated \
         AND NOT EXISTS (SELECT 1 FROM sso_ended e WHERE e.connection_id = $1 AND e.index_digest IN ($4, $5))")
            .bind(connection)
            .bind(name_id)
            .bind(domain.as_str())
            .bind(index)
            .bind(name);
    tx.fetch_optional(select).await?.as_ref().map(read).transpose()
}

pub(crate) async fn of_user<Q: Queries>(
    db: &mut Q,
    connection: &ConnectionId,
    user: &UserId,
) -> Result<Option<Identity>> {
    let select = sql(
        "SELECT id, connection_id, workspace_id, user_id, name_id, name_id_format, created_at, last_used_at \
         FROM sso_identities WHERE connection_id = $1 AND user_id = $2 LIMIT 1",
    );
    db.fetch_optional(select.bind(connection).bind(user)).await?.as_ref().map(read).transpose()
}

/// Notes a sign-in, and the kind of name it came with.
pub(crate) fn touch(tx: &mut Tx, id: &IdentityId, format: Option<&str>) {
    let update = sql("UPDATE sso_identities SET last_used_at = $2, name_id_format = $3 WHERE id = $1");
    let now = tx.store().now();
    tx.later(update.bind(id).bind(now).bind(format.map(str::to_owned)));
}

pub(crate) async fn find_by_id<Q: Queries>(
    db: &mut Q,
    connection: &ConnectionId,
    id: &IdentityId,
) -> Result<Option<Identity>> {
    let select = sql(
        "SELECT id, connection_id, workspace_id, user_id, name_id, name_id_format, created_at, last_used_at \
         FROM sso_identities WHERE connection_id = $1 AND id = $2",
    );
    db.fetch_optional(select.bind(connection).bind(id)).await?.as_ref().map(read).transpose()
}

pub(crate) async fn delete(tx: &mut Tx, id: &IdentityId) -> Result<()> {
    tx.execute(sql("DELETE FROM sso_identities WHERE id = $1").bind(id)).await.map(drop)
}

/// Forgets whom a connection's subjects stand for.
pub(crate) async fn delete_all(tx: &mut Tx, connection: &ConnectionId) -> Result<()> {
    tx.execute(sql("DELETE FROM sso_identities WHERE connection_id = $1").bind(connection)).await.map(drop)
}

/// One page of a connection's identities, oldest first.
pub(crate) async fn list<Q: Queries>(
    db: &mut Q,
    connection: &ConnectionId,
    page: PageRequest,
) -> Result<(Vec<Identity>, i64)> {
    let columns =
        "id, connection_id, workspace_id, user_id, name_id, name_id_format, created_at, last_used_at";
    let (rows, total) = Filter::new(columns, "sso_identities", "connection_id = $", connection)
        .page(db, "created_at, id", page)
        .await?;
    Ok((rows.iter().map(read).collect::<Result<_>>()?, total))
}

/// One page of a person's identities with the names of their connections, oldest first; deleted connections do not
/// count.
pub(crate) async fn of_person<Q: Queries>(
    db: &mut Q,
    user: &UserId,
    page: PageRequest,
) -> Result<(Vec<(Identity, String)>, i64)> {
    let columns = "i.id, i.connection_id, i.workspace_id, i.user_id, i.name_id, i.name_id_format, i.created_at, \
                   i.last_used_at, c.name";
    let tables = "sso_identities i JOIN sso_connections c ON c.id = i.connection_id AND c.deleted_at IS NULL";
    let (rows, total) =
        Filter::new(columns, tables, "i.user_id = $", user).page(db, "i.created_at, i.id", page).await?;
    let one = |row: &Row| Ok((read(row)?, row.text("name")?));
    Ok((rows.iter().map(one).collect::<Result<_>>()?, total))
}

/// The connections of a workspace through which a person is known, with their names.
pub(crate) async fn providers_of(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    user: &UserId,
) -> Result<Vec<(ConnectionId, String)>> {
    let select =
        sql("SELECT c.id, c.name FROM sso_identities i JOIN sso_connections c ON c.id = i.connection_id \
         WHERE i.workspace_id = $1 AND i.user_id = $2 AND c.deleted_at IS NULL ORDER BY c.id");
    let rows = tx.fetch_all(select.bind(workspace).bind(user)).await?;
    rows.iter().map(|r| Ok((r.id("id")?, r.text("name")?))).collect()
}

/// Whom of these people a provider knows here.
pub(crate) async fn known_among(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    people: &[UserId],
) -> Result<Vec<UserId>> {
    const HEAD: &str = "SELECT DISTINCT user_id AS id FROM sso_identities";
    let store = tx.store().clone();
    let of = Condition::fixed("workspace_id = ").bind(workspace).sql(" AND ");
    let of = of.then(Condition::one_of("user_id", people.iter().map(ToString::to_string)));
    let rows = of.rows(&store, tx, HEAD, Condition::default()).await?;
    rows.iter().map(|r| r.id("id")).collect()
}
