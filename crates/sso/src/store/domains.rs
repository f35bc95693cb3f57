use gatehouse_store::{Queries, Result, Row, Tx, sql};
use gatehouse_types::{ConnectionId, Domain, DomainId, WorkspaceId};

use crate::model::{DOMAIN_PENDING_DAYS, DomainClaim, DomainStatus};

fn read(row: &Row) -> Result<DomainClaim> {
    Ok(DomainClaim {
        id: row.id("id")?,
        workspace_id: row.id("workspace_id")?,
        connection_id: row.id("connection_id")?,
        domain: Domain::from_stored(row.text("domain")?),
        status: row.parse("status")?,
        method: row.parse("method")?,
        token: row.text("token")?,
        is_primary: row.bool("is_primary")?,
        created_at: row.time("created_at")?,
        verified_at: row.opt_time("verified_at")?,
        checked_at: row.opt_time("checked_at")?,
    })
}

pub(crate) async fn insert(tx: &mut Tx, d: &DomainClaim) -> Result<()> {
    let insert =
        sql("INSERT INTO sso_domains (id, workspace_id, connection_id, domain, status, method, token, \
         is_primary, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
        .bind(&d.id)
        .bind(&d.workspace_id)
        .bind(&d.connection_id)
        .bind(d.domain.as_str())
        .bind(d.status.as_str())
        .bind(d.method.as_str())
        .bind(d.token.as_str())
        .bind(d.is_primary)
        .bind(d.created_at);
    tx.execute(insert).await.map(drop)
}

/// The domains of a connection, the primary one first, then by age.
pub(crate) async fn of<Q: Queries>(db: &mut Q, connection: &ConnectionId) -> Result<Vec<DomainClaim>> {
    let select = sql(
        "SELECT id, workspace_id, connection_id, domain, status, method, token, is_primary, created_at, \
         verified_at, checked_at FROM sso_domains WHERE connection_id = $1 ORDER BY is_primary DESC, created_at, id \
         LIMIT 1000",
    );
    db.fetch_all(select.bind(connection)).await?.iter().map(read).collect()
}

pub(crate) async fn find<Q: Queries>(
    db: &mut Q,
    connection: &ConnectionId,
    id: &DomainId,
) -> Result<Option<DomainClaim>> {
    let select = sql(
        "SELECT id, workspace_id, connection_id, domain, status, method, token, is_primary, created_at, \
         verified_at, checked_at FROM sso_domains WHERE connection_id = $1 AND id = $2",
    );
    db.fetch_optional(select.bind(connection).bind(id)).await?.as_ref().map(read).transpose()
}

/// The active connection that a domain is verified for, with its workspace: where addresses of the domain sign in.
pub(crate) async fn active_connection<Q: Queries>(
    db: &mut Q,
    domain: &Domain,
) -> Result<Option<(ConnectionId, WorkspaceId)>> {
    let select = sql(
        "SELECT c.id, c.workspace_id FROM sso_domains d JOIN sso_connections c ON c.id = d.connection_id \
         WHERE d.domain = $1 AND d.status = 'verified' AND c.status = 'active' AND c.deleted_at IS NULL",
    );
    let row = db.fetch_optional(select.bind(domain.as_str())).await?;
    row.map(|r| Ok((r.id("id")?, r.id("workspace_id")?))).transpose()
}

pub(crate) async fn is_verified<Q: Queries>(
    db: &mut Q,
    connection: &ConnectionId,
    domain: &Domain,
) -> Result<bool> {
    let select =
        sql("SELECT id FROM sso_domains WHERE connection_id = $1 AND domain = $2 AND status = 'verified'");
    Ok(db.fetch_optional(select.bind(connection).bind(domain.as_str())).await?.is_some())
}

/// Whether a domain is verified for any other connection.
pub(crate) async fn taken_by_other<Q: Queries>(
    db: &mut Q,
    connection: &ConnectionId,
    domain: &Domain,
) -> Result<bool> {
    let select =
        sql("SELECT id FROM sso_domains WHERE connection_id <> $1 AND domain = $2 AND status = 'verified'");
    Ok(db.fetch_optional(select.bind(connection).bind(domain.as_str())).await?.is_some())
}

/// Notes the outcome of a look at the proof.
pub(crate) async fn set_status(tx: &mut Tx, id: &DomainId, status: DomainStatus) -> Result<()> {
    let now = tx.store().now();
    let verified = (status == DomainStatus::Verified).then_some(now);
    let update =
        sql("UPDATE sso_domains SET status = $2, checked_at = $3, verified_at = COALESCE($4, verified_at) \
         WHERE id = $1");
    tx.execute(update.bind(id).bind(status.as_str()).bind(now).bind(verified)).await.map(drop)
}

pub(crate) async fn set_primary(tx: &mut Tx, connection: &ConnectionId, id: &DomainId) -> Result<()> {
    let update = sql("UPDATE sso_domains SET is_primary = (id = $2) WHERE connection_id = $1");
    tx.execute(update.bind(connection).bind(id)).await.map(drop)
}

pub(crate) async fn delete(tx: &mut Tx, id: &DomainId) -> Result<()> {
    tx.execute(sql("DELETE FROM sso_domains WHERE id = $1").bind(id)).await.map(drop)
}

/// Lets go of all domains of a deleted connection, so that others can claim them.
pub(crate) async fn delete_all(tx: &mut Tx, connection: &ConnectionId) -> Result<()> {
    tx.execute(sql("DELETE FROM sso_domains WHERE connection_id = $1").bind(connection)).await.map(drop)
}

/// Claims that nobody proved in time expire.
pub(crate) async fn expire(tx: &mut Tx) -> Result<u64> {
    let before = tx.store().now().plus_seconds(-DOMAIN_PENDING_DAYS * 86_400);
    let update =
        sql("UPDATE sso_domains SET status = 'expired' WHERE status = 'pending' AND created_at < $1");
    tx.execute(update.bind(before)).await
}
