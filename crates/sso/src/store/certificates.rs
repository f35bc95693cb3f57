use gatehouse_store::{Queries, Result, Row, Tx, sql};
use gatehouse_types::{ConnectionId, OwnerKind};

use crate::model::{Connection, PinnedCertificate};

/// A certificate out of a row, which may hold its connection's columns too.
pub(super) fn read(row: &Row) -> Result<PinnedCertificate> {
    Ok(PinnedCertificate {
        pem: row.text("pem")?,
        fingerprint: row.text("fingerprint")?,
        not_before: row.time("not_before")?,
        not_after: row.time("not_after")?,
        created_at: row.time("pinned_at")?,
        last_used_at: row.opt_time("relied_on_at")?,
    })
}

/// The pinned certificates of a connection, latest first.
pub(crate) async fn of<Q: Queries>(db: &mut Q, connection: &ConnectionId) -> Result<Vec<PinnedCertificate>> {
    let select = sql("SELECT pem, fingerprint, not_before, not_after, created_at AS pinned_at, \
         last_used_at AS relied_on_at FROM sso_certificates \
         WHERE connection_id = $1 ORDER BY position");
    db.fetch_all(select.bind(connection)).await?.iter().map(read).collect()
}

/// Pins exactly these, latest first.
pub(crate) async fn replace(tx: &mut Tx, connection: &ConnectionId, all: &[PinnedCertificate]) -> Result<()> {
    tx.execute(sql("DELETE FROM sso_certificates WHERE connection_id = $1").bind(connection)).await?;
    for (position, c) in (0_i64..).zip(all) {
        let insert = sql(
            "INSERT INTO sso_certificates (connection_id, position, owner_kind, version, pem, fingerprint, \
             not_before, not_after, created_at, last_used_at) VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8, $9)",
        )
        .bind(connection)
        .bind(position)
        .bind(OwnerKind::Service.as_str())
        .bind(c.pem.as_str())
        .bind(c.fingerprint.as_str())
        .bind(c.not_before)
        .bind(c.not_after)
        .bind(c.created_at)
        .bind(c.last_used_at);
        tx.execute(insert).await?;
    }
    Ok(())
}

/// Notes that a sign-in relied on a certificate, to the minute.
pub(crate) fn touch(tx: &mut Tx, connection: &Connection, fingerprint: &str) {
    let now = tx.store().now();
    let used = connection.certificates.iter().find(|c| c.fingerprint == fingerprint);
    if used.and_then(|c| c.last_used_at).is_some_and(|at| at >= now.plus_seconds(-60)) {
        return;
    }
    let update =
        sql("UPDATE sso_certificates SET last_used_at = $3 WHERE connection_id = $1 AND fingerprint = $2 \
         AND COALESCE(last_used_at, 0) < $4");
    tx.later(update.bind(&connection.id).bind(fingerprint).bind(now).bind(now.plus_seconds(-60)));
}
