use gatehouse_store::{Queries, Result, Row, Tx, sql};
use gatehouse_types::{ConnectionId, Domain, DomainId, Timestamp, WorkspaceId};

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
        federated: row.bool("federated")?,
        failing_since: row.opt_time("failing_since")?,
        last_error: row.opt_text("last_error")?,
    })
}

pub(crate) async fn insert(tx: &mut Tx, d: &DomainClaim) -> Result<()> {
    let insert =
        sql("INSERT INTO sso_domains (id, workspace_id, connection_id, domain, status, method, token, \
         is_primary, created_at, federated) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
        .bind(&d.id)
        .bind(&d.workspace_id)
        .bind(&d.connection_id)
        .bind(d.domain.as_str())
        .bind(d.status.as_str())
        .bind(d.method.as_str())
        .bind(d.token.as_str())
        .bind(d.is_primary)
        .bind(d.created_at)
        .bind(d.federated);
    tx.execute(insert).await.map(drop)
}

/// The domains of a connection, the primary one first, then by age.
pub(crate) async fn of<Q: Queries>(db: &mut Q, connection: &ConnectionId) -> Result<Vec<DomainClaim>> {
    let select = sql(
        "SELECT id, workspace_id, connection_id, domain, status, method, token, is_primary, created_at, \
         verified_at, checked_at, federated, failing_since, last_error FROM sso_domains \
         WHERE connection_id = $1 ORDER BY is_primary DESC, created_at, id \
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
         verified_at, checked_at, federated, failing_since, last_error FROM sso_domains WHERE connection_id = $1 AND id = $2",
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
         WHERE d.domain = $1 AND d.status = 'verified' AND d.federated = TRUE AND c.status = 'active' AND c.deleted_at IS NULL",
    );
    let row = db.fetch_optional(select.bind(domain.as_str())).await?;
    row.map(|r| Ok((r.id("id")?, r.id("workspace_id")?))).transpose()
}

/// Whether the provider of a connection speaks for the addresses of a domain: it is verified, and federated.
pub(crate) async fn speaks_for<Q: Queries>(
    db: &mut Q,
    connection: &ConnectionId,
    domain: &Domain,
) -> Result<bool> {
    let select = sql("SELECT id FROM sso_domains WHERE connection_id = $1 AND domain = $2 AND \
         status = 'verified' AND federated = TRUE");
    Ok(db.fetch_optional(select.bind(connection).bind(domain.as_str())).await?.is_some())
}

/// Whether a workspace proved a domain, for whichever of its connections.
pub(crate) async fn is_proved<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    domain: &Domain,
) -> Result<bool> {
    let select = sql("SELECT d.id FROM sso_domains d JOIN sso_connections c ON c.id = d.connection_id \
         WHERE c.workspace_id = $1 AND d.domain = $2 AND d.status = 'verified' AND c.deleted_at IS NULL");
    Ok(db.fetch_optional(select.bind(workspace).bind(domain.as_str())).await?.is_some())
}

/// Whether a workspace proved a domain and keeps its people out of single sign-on.
pub(crate) async fn stands_apart<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    domain: &Domain,
) -> Result<bool> {
    let select = sql("SELECT id FROM sso_domains WHERE workspace_id = $1 AND domain = $2 AND \
         status = 'verified' AND federated = FALSE");
    Ok(db.fetch_optional(select.bind(workspace).bind(domain.as_str())).await?.is_some())
}

/// A connection's claim of a domain, by the domain's name.
pub(crate) async fn of_name<Q: Queries>(
    db: &mut Q,
    connection: &ConnectionId,
    domain: &Domain,
) -> Result<Option<DomainClaim>> {
    let select = sql(
        "SELECT id, workspace_id, connection_id, domain, status, method, token, is_primary, created_at, \
         verified_at, checked_at, federated, failing_since, last_error FROM sso_domains \
         WHERE connection_id = $1 AND domain = $2",
    );
    db.fetch_optional(select.bind(connection).bind(domain.as_str())).await?.as_ref().map(read).transpose()
}

/// The claim of another connection, of whatever workspace, for which a domain is verified.
pub(crate) async fn holder<Q: Queries>(
    db: &mut Q,
    but: &ConnectionId,
    domain: &Domain,
) -> Result<Option<DomainClaim>> {
    let select = sql(
        "SELECT id, workspace_id, connection_id, domain, status, method, token, is_primary, created_at, \
         verified_at, checked_at, federated, failing_since, last_error FROM sso_domains \
         WHERE connection_id <> $1 AND domain = $2 AND status = 'verified'",
    );
    db.fetch_optional(select.bind(but).bind(domain.as_str())).await?.as_ref().map(read).transpose()
}

/// Verified domains that are to be looked at again by now, the longest overdue first.
pub(crate) async fn due<Q: Queries>(db: &mut Q, now: Timestamp, limit: u32) -> Result<Vec<DomainClaim>> {
    let select = sql(
        "SELECT id, workspace_id, connection_id, domain, status, method, token, is_primary, created_at, \
         verified_at, checked_at, federated, failing_since, last_error FROM sso_domains \
         WHERE status = 'verified' AND (next_check_at IS NULL OR next_check_at <= $1) \
         ORDER BY COALESCE(next_check_at, 0), id LIMIT $2",
    );
    db.fetch_all(select.bind(now).bind(limit)).await?.iter().map(read).collect()
}

/// Keeps what a look at the proof came to: status, since when it fails, why, and when the next look is due. A claim
/// that is not in the state it was looked at in is left alone; says whether it was kept.
pub(crate) async fn note_look(
    tx: &mut Tx,
    claim: &DomainClaim,
    before: DomainStatus,
    next: Option<Timestamp>,
) -> Result<bool> {
    let update =
        sql("UPDATE sso_domains SET status = $3, checked_at = $4, verified_at = $5, failing_since = $6, \
         last_error = $7, next_check_at = $8 WHERE id = $1 AND status = $2")
        .bind(&claim.id)
        .bind(before.as_str())
        .bind(claim.status.as_str())
        .bind(tx.store().now())
        .bind(claim.verified_at)
        .bind(claim.failing_since)
        .bind(claim.last_error.clone())
        .bind(next);
    Ok(tx.execute(update).await? == 1)
}

pub(crate) async fn set_federated(tx: &mut Tx, id: &DomainId, federated: bool) -> Result<()> {
    let update = sql("UPDATE sso_domains SET federated = $2 WHERE id = $1");
    tx.execute(update.bind(id).bind(federated)).await.map(drop)
}

/// Every connection with a verified domain has exactly one primary one: where there is none, the one that was verified
/// first becomes it.
pub(crate) async fn settle_primary(tx: &mut Tx, connection: &ConnectionId) -> Result<()> {
    let apart =
        sql("UPDATE sso_domains SET is_primary = FALSE WHERE connection_id = $1 AND is_primary = TRUE \
         AND status <> 'verified'");
    tx.execute(apart.bind(connection)).await?;
    let first = sql("UPDATE sso_domains SET is_primary = TRUE WHERE id = (SELECT id FROM sso_domains \
         WHERE connection_id = $1 AND status = 'verified' ORDER BY verified_at, id LIMIT 1) AND NOT EXISTS \
         (SELECT 1 FROM sso_domains WHERE connection_id = $1 AND is_primary = TRUE)");
    tx.execute(first.bind(connection)).await.map(drop)
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

/// Moves all domains of a connection to another one, with their proofs.
pub(crate) async fn move_all(tx: &mut Tx, from: &ConnectionId, to: &ConnectionId) -> Result<()> {
    let update = sql("UPDATE sso_domains SET connection_id = $2 WHERE connection_id = $1");
    tx.execute(update.bind(from).bind(to)).await.map(drop)
}

/// Claims that nobody proved in time expire.
pub(crate) async fn expire(tx: &mut Tx) -> Result<u64> {
    let before = tx.store().now().plus_seconds(-DOMAIN_PENDING_DAYS * 86_400);
    let update =
        sql("UPDATE sso_domains SET status = 'expired' WHERE status = 'pending' AND created_at < $1");
    tx.execute(update.bind(before)).await
}
