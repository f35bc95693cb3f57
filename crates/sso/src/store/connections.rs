use gatehouse_store::{Binding, Filter, Queries, Query, Result, Row, Sealed, Store, Tx, sql};
use gatehouse_types::{ConnectionId, Id, OwnerKind, PageRequest, Secret, WorkspaceId};

use super::{certificates, metadata};
use crate::model::{Connection, ConnectionStatus, Protocol};

const COLUMNS: &str = "id, workspace_id, name, description, provider, status, config, client_secret, client_secret_expires_at, \
     jit_provisioning, default_role, role_mapping, version, last_used_at, tested_at, created_by, created_at, updated_at";

/// Which connections are wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) protocol: Option<Protocol>,
    pub(crate) status: Option<ConnectionStatus>,
    pub(crate) name: Option<String>,
}

fn read(row: &Row) -> Result<Connection> {
    Ok(Connection {
        id: row.id("id")?,
        workspace_id: row.id("workspace_id")?,
        name: row.text("name")?,
        description: row.opt_text("description")?,
        provider: row.parse("provider")?,
        status: row.parse("status")?,
        config: row.json("config")?,
        has_client_secret: row.opt_text("client_secret")?.is_some(),
        client_secret_expires_at: row.opt_time("client_secret_expires_at")?,
        certificates: Vec::new(),
        metadata: None,
        jit_provisioning: row.bool("jit_provisioning")?,
        default_role: row.parse("default_role")?,
        role_mapping: row.opt_text("role_mapping")?.map(|m| serde_json::from_str(&m)).transpose()?,
        version: row.int("version")?,
        last_used_at: row.opt_time("last_used_at")?,
        tested_at: row.opt_time("tested_at")?,
        created_by: row.opt_id("created_by")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

async fn complete<Q: Queries>(db: &mut Q, row: Option<Row>) -> Result<Option<Connection>> {
    let Some(row) = row else { return Ok(None) };
    let mut connection = read(&row)?;
    connection.certificates = certificates::of(db, &connection.id).await?;
    if connection.config.metadata_url().is_some() {
        connection.metadata = metadata::of(db, &connection.id).await?;
    }
    Ok(Some(connection))
}

pub(crate) fn secret_place(id: &ConnectionId) -> Binding<'_> {
    Binding { table: "sso_connections", column: "client_secret", row: id.as_str() }
}

fn sealed(tx: &Tx, id: &ConnectionId, secret: Option<&Secret>) -> Option<Sealed> {
    secret.map(|s| tx.store().keyring().seal(secret_place(id), s))
}

/// The client secret of a connection, opened.
pub(crate) async fn client_secret(store: &Store, id: &ConnectionId) -> Result<Option<Secret>> {
    let select = sql("SELECT client_secret FROM sso_connections WHERE id = $1 AND deleted_at IS NULL");
    let row = store.reader().fetch_optional(select.bind(id)).await?;
    let sealed = row.map(|r| r.opt_text("client_secret")).transpose()?.flatten();
    sealed.map(|text| store.keyring().open_secret(secret_place(id), &Sealed::from_stored(text))).transpose()
}

pub(crate) async fn insert(tx: &mut Tx, c: &Connection, secret: Option<&Secret>) -> Result<()> {
    let secret = sealed(tx, &c.id, secret);
    let insert = sql("INSERT INTO sso_connections (id, workspace_id, name, name_key, description, protocol, provider, \
         status, config, client_secret, jit_provisioning, default_role, owner_kind, version, created_by, created_at, \
         updated_at, role_mapping, client_secret_expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, \
         $14, $15, $16, $16, $17, $18)")
    .bind(&c.id)
    .bind(&c.workspace_id)
    .bind(c.name.as_str())
    .bind(c.name.to_lowercase())
    .bind(c.description.clone())
    .bind(c.config.protocol().as_str())
    .bind(c.provider.as_str())
    .bind(c.status.as_str())
    .bind(serde_json::to_string(&c.config)?)
    .bind(secret.as_ref().map(Sealed::as_str))
    .bind(c.jit_provisioning)
    .bind(c.default_role.as_str())
    .bind(OwnerKind::Service.as_str())
    .bind(c.version)
    .bind(c.created_by.as_ref())
    .bind(c.created_at)
    .bind(c.role_mapping.as_ref().map(serde_json::to_string).transpose()?)
    .bind(c.client_secret_expires_at);
    tx.execute(insert).await?;
    certificates::replace(tx, &c.id, &c.certificates).await?;
    metadata::save(tx, &c.id, c.metadata.as_ref()).await
}

/// Whether a connection has or had this id.
pub(crate) async fn id_is_taken<Q: Queries>(db: &mut Q, id: &ConnectionId) -> Result<bool> {
    let select = sql("SELECT id FROM sso_connections WHERE id = $1");
    Ok(db.fetch_optional(select.bind(id)).await?.is_some())
}

/// Writes everything that can change; a new client secret only when one is given.
pub(crate) async fn update(tx: &mut Tx, c: &Connection, secret: Option<&Secret>) -> Result<()> {
    let secret = sealed(tx, &c.id, secret);
    let update = sql("UPDATE sso_connections SET name = $2, name_key = $3, description = $4, protocol = $5, \
         provider = $6, status = $7, config = $8, client_secret = CASE WHEN $16 THEN COALESCE($9, client_secret) END, \
         client_secret_expires_at = $17, jit_provisioning = $10, \
         default_role = $11, version = $12, tested_at = $13, updated_at = $14, role_mapping = $15 WHERE id = $1")
    .bind(&c.id)
    .bind(c.name.as_str())
    .bind(c.name.to_lowercase())
    .bind(c.description.clone())
    .bind(c.config.protocol().as_str())
    .bind(c.provider.as_str())
    .bind(c.status.as_str())
    .bind(serde_json::to_string(&c.config)?)
    .bind(secret.as_ref().map(Sealed::as_str))
    .bind(c.jit_provisioning)
    .bind(c.default_role.as_str())
    .bind(c.version)
    .bind(c.tested_at)
    .bind(tx.store().now())
    .bind(c.role_mapping.as_ref().map(serde_json::to_string).transpose()?)
    .bind(c.has_client_secret)
    .bind(c.client_secret_expires_at);
    tx.execute(update).await.map(drop)
}

/// Soft-deletes; the name can be used again.
pub(crate) async fn delete(tx: &mut Tx, id: &ConnectionId) -> Result<()> {
    let now = tx.store().now();
    let update =
        sql("UPDATE sso_connections SET deleted_at = $2, status = 'inactive', client_secret = NULL, \
         client_secret_expires_at = NULL WHERE id = $1");
    tx.execute(update.bind(id).bind(now)).await.map(drop)
}

pub(crate) async fn find<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    id: &ConnectionId,
) -> Result<Option<Connection>> {
    let select = sql(
        "SELECT id, workspace_id, name, description, provider, status, config, client_secret, client_secret_expires_at, \
         jit_provisioning, default_role, role_mapping, version, last_used_at, tested_at, created_by, created_at, updated_at \
         FROM sso_connections WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL",
    );
    let row = db.fetch_optional(select.bind(workspace).bind(id)).await?;
    complete(db, row).await
}

/// A connection for sign-in, where the workspace follows from it.
pub(crate) async fn find_anywhere<Q: Queries>(db: &mut Q, id: &ConnectionId) -> Result<Option<Connection>> {
    let select = sql(
        "SELECT id, workspace_id, name, description, provider, status, config, client_secret, client_secret_expires_at, \
         jit_provisioning, default_role, role_mapping, version, last_used_at, tested_at, created_by, created_at, updated_at \
         FROM sso_connections WHERE id = $1 AND deleted_at IS NULL",
    );
    let row = db.fetch_optional(select.bind(id)).await?;
    complete(db, row).await
}

/// The connection, locked against other writers until the end of the transaction.
pub(crate) async fn lock(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    id: &ConnectionId,
) -> Result<Option<Connection>> {
    const SELECT: &str = "SELECT id, workspace_id, name, description, provider, status, config, client_secret, client_secret_expires_at, \
         jit_provisioning, default_role, role_mapping, version, last_used_at, tested_at, created_by, created_at, updated_at \
         FROM sso_connections WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL";
    let row = tx.lock_optional(SELECT, sql(SELECT).bind(workspace).bind(id)).await?;
    complete(tx, row).await
}

/// A connection with its certificates, in one trip: what a sign-in needs. Its metadata's state is left out.
pub(crate) async fn for_sign_in<Q: Queries>(db: &mut Q, id: &ConnectionId) -> Result<Option<Connection>> {
    let select = sql("SELECT c.id, c.workspace_id, c.name, c.description, c.provider, c.status, c.config, \
         c.client_secret, c.client_secret_expires_at, c.jit_provisioning, c.default_role, c.role_mapping, c.version, c.last_used_at, c.tested_at, c.created_by, \
         c.created_at, c.updated_at, k.pem, k.fingerprint, k.not_before, k.not_after, k.created_at AS pinned_at, \
         k.last_used_at AS relied_on_at FROM sso_connections c LEFT JOIN sso_certificates k ON k.connection_id = c.id \
         WHERE c.id = $1 AND c.deleted_at IS NULL ORDER BY k.position");
    let rows = db.fetch_all(select.bind(id)).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let mut connection = read(first)?;
    for row in &rows {
        if row.opt_text("pem")?.is_some() {
            connection.certificates.push(certificates::read(row)?);
        }
    }
    Ok(Some(connection))
}

/// Connections of one issuer that a message at a shared address is tried with at most. The eldest come first, so that
/// nobody can push another's connection out by making many that name its issuer.
const MAX_OF_ISSUER: i64 = 200;

/// The active SAML connections that believe an issuer, the eldest first.
pub(crate) async fn active_of_issuer<Q: Queries>(db: &mut Q, issuer: &str) -> Result<Vec<ConnectionId>> {
    let select =
        sql("SELECT id, config FROM sso_connections WHERE protocol = 'saml' AND deleted_at IS NULL \
         AND config LIKE $1 ESCAPE '\\' AND status = 'active' ORDER BY created_at, id LIMIT $2");
    of_issuer(db, issuer, |needle| select.bind(needle).bind(MAX_OF_ISSUER)).await
}

/// The SAML connections of an issuer, of whatever status, through which somebody is signed in: somebody of that name,
/// or anybody when it is not known. The eldest first.
pub(crate) async fn with_sessions_of<Q: Queries>(
    db: &mut Q,
    issuer: &str,
    name: Option<&str>,
) -> Result<Vec<ConnectionId>> {
    let select =
        sql("SELECT c.id AS id, c.config AS config FROM sso_connections c WHERE c.protocol = 'saml' \
         AND c.deleted_at IS NULL AND c.config LIKE $1 ESCAPE '\\' AND EXISTS (SELECT 1 FROM sso_sessions s \
         WHERE s.connection_id = c.id AND s.name_digest = COALESCE($3, s.name_digest)) \
         ORDER BY c.created_at, c.id LIMIT $2");
    let digest = name.map(gatehouse_types::digest);
    of_issuer(db, issuer, |needle| select.bind(needle).bind(MAX_OF_ISSUER).bind(digest)).await
}

async fn of_issuer<Q: Queries>(
    db: &mut Q,
    issuer: &str,
    select: impl FnOnce(String) -> Query,
) -> Result<Vec<ConnectionId>> {
    let needle = serde_json::to_string(issuer)?.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    let rows = db.fetch_all(select(format!("%\"entityId\":{needle}%"))).await?;
    let mut found = Vec::new();
    for row in rows {
        let config: crate::model::Config = row.json("config")?;
        if config.saml().is_some_and(|s| s.entity_id == issuer) {
            found.push(row.id("id")?);
        }
    }
    Ok(found)
}

pub(crate) async fn list<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    wanted: Wanted,
    page: PageRequest,
) -> Result<(Vec<Connection>, i64)> {
    let (rows, total) = Filter::new(COLUMNS, "sso_connections", "workspace_id = $", workspace)
        .and_fixed("deleted_at IS NULL")
        .and_if("protocol = $", wanted.protocol.map(Protocol::as_str))
        .and_if("status = $", wanted.status.map(ConnectionStatus::as_str))
        .and_contains("name_key LIKE $ ESCAPE '\\'", wanted.name.as_deref())
        .page(db, "created_at, id", page)
        .await?;
    let mut connections = Vec::with_capacity(rows.len());
    for row in rows {
        connections.extend(complete(db, Some(row)).await?);
    }
    Ok((connections, total))
}

/// Notes a sign-in through the connection, to the minute.
pub(crate) fn touch(tx: &mut Tx, connection: &Connection) {
    let now = tx.store().now();
    if connection.last_used_at.is_some_and(|at| at >= now.plus_seconds(-60)) {
        return;
    }
    let update =
        sql("UPDATE sso_connections SET last_used_at = $2 WHERE id = $1 AND COALESCE(last_used_at, 0) < $3");
    tx.later(update.bind(&connection.id).bind(now).bind(now.plus_seconds(-60)));
}
