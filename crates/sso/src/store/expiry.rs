use gatehouse_store::{Queries, Result, Tx, sql};
use gatehouse_types::{ConnectionId, Timestamp, WorkspaceId};

/// A connection in use, and the certificate of its that ends last.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    pub(crate) connection: ConnectionId,
    pub(crate) workspace: WorkspaceId,
    pub(crate) name: String,
    pub(crate) fingerprint: String,
    pub(crate) not_after: Timestamp,
}

/// The active connections of which every certificate has ended by `before`, with the one that ends last.
pub(crate) async fn ending<Q: Queries>(db: &mut Q, before: Timestamp, limit: i64) -> Result<Vec<Ending>> {
    let select =
        sql("SELECT c.id, c.workspace_id, c.name, p.fingerprint, p.not_after FROM sso_connections c \
         JOIN sso_certificates p ON p.connection_id = c.id \
         WHERE c.status = 'active' AND c.deleted_at IS NULL AND p.not_after < $1 AND NOT EXISTS \
         (SELECT 1 FROM sso_certificates q WHERE q.connection_id = c.id AND (q.not_after > p.not_after \
         OR (q.not_after = p.not_after AND q.position < p.position))) ORDER BY p.not_after LIMIT $2");
    let read = |row: &gatehouse_store::Row| {
        Ok(Ending {
            connection: row.id("id")?,
            workspace: row.id("workspace_id")?,
            name: row.text("name")?,
            fingerprint: row.text("fingerprint")?,
            not_after: row.time("not_after")?,
        })
    };
    db.fetch_all(select.bind(before).bind(limit)).await?.iter().map(read).collect()
}

/// Notes a warning as sent; says whether it was the first of its kind.
pub(crate) async fn first_warning(tx: &mut Tx, ending: &Ending, days: i64) -> Result<bool> {
    let now = tx.store().now();
    let insert = sql("INSERT INTO sso_expiry_warnings (connection_id, fingerprint, days, sent_at) \
         VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")
    .bind(&ending.connection)
    .bind(ending.fingerprint.as_str())
    .bind(days)
    .bind(now);
    Ok(tx.execute(insert).await? == 1)
}
