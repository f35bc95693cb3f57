use gatehouse_store::{Queries, Query, Result, Row, Tx, sql};
use gatehouse_types::{ConnectionId, Timestamp, WorkspaceId};

/// Days before the end at which people are warned, the last warning first.
pub(crate) const WARNINGS: [i64; 3] = [1, 7, 30];

/// What ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// The provider's certificate of this fingerprint, the last one that is valid.
    Certificate(String),
    /// The client secret of OpenID Connect.
    ClientSecret,
}

/// A connection in use, and what of it ends.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    pub(crate) connection: ConnectionId,
    pub(crate) workspace: WorkspaceId,
    pub(crate) name: String,
    pub(crate) what: Ends,
    pub(crate) at: Timestamp,
    /// What its warnings are noted under: another certificate, another day, and there are warnings anew.
    mark: String,
}

fn read(row: &Row, what: impl Fn(&str) -> Ends) -> Result<Ending> {
    let mark = row.text("mark")?;
    Ok(Ending {
        connection: row.id("id")?,
        workspace: row.id("workspace_id")?,
        name: row.text("name")?,
        what: what(&mark),
        at: row.time("ends_at")?,
        mark,
    })
}

fn due(select: Query, now: Timestamp, limit: i64) -> Query {
    WARNINGS.into_iter().fold(select.bind(now).bind(limit), Query::bind)
}

/// The active connections of which a warning is due that was not sent, with the certificate that ends last.
pub(crate) async fn certificates<Q: Queries>(db: &mut Q, now: Timestamp, limit: i64) -> Result<Vec<Ending>> {
    let select = sql(
        "SELECT c.id, c.workspace_id, c.name, p.fingerprint AS mark, p.not_after AS ends_at FROM sso_connections c \
         JOIN sso_certificates p ON p.connection_id = c.id \
         WHERE c.status = 'active' AND c.deleted_at IS NULL AND NOT EXISTS \
         (SELECT 1 FROM sso_certificates q WHERE q.connection_id = c.id AND (q.not_after > p.not_after \
         OR (q.not_after = p.not_after AND q.position < p.position))) AND EXISTS (SELECT 1 FROM \
         (SELECT CAST($3 AS BIGINT) AS days UNION ALL SELECT CAST($4 AS BIGINT) UNION ALL SELECT CAST($5 AS BIGINT)) d \
         WHERE p.not_after < CAST($1 AS BIGINT) + d.days * 86400000000 AND NOT EXISTS (SELECT 1 FROM sso_expiry_warnings w \
         WHERE w.connection_id = c.id AND w.fingerprint = p.fingerprint AND w.days = d.days)) \
         ORDER BY p.not_after, c.id LIMIT $2",
    );
    let rows = db.fetch_all(due(select, now, limit)).await?;
    rows.iter().map(|row| read(row, |mark| Ends::Certificate(mark.to_owned()))).collect()
}

/// The active connections of which a warning of the client secret's end is due that was not sent.
pub(crate) async fn client_secrets<Q: Queries>(
    db: &mut Q,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Ending>> {
    let select = sql(
        "SELECT c.id, c.workspace_id, c.name, 'client-secret ' || CAST(c.client_secret_expires_at AS TEXT) AS mark, \
         c.client_secret_expires_at AS ends_at FROM sso_connections c \
         WHERE c.status = 'active' AND c.deleted_at IS NULL AND c.client_secret_expires_at IS NOT NULL AND EXISTS \
         (SELECT 1 FROM \
         (SELECT CAST($3 AS BIGINT) AS days UNION ALL SELECT CAST($4 AS BIGINT) UNION ALL SELECT CAST($5 AS BIGINT)) d \
         WHERE c.client_secret_expires_at < CAST($1 AS BIGINT) + d.days * 86400000000 AND NOT EXISTS \
         (SELECT 1 FROM sso_expiry_warnings w WHERE w.connection_id = c.id AND w.days = d.days \
         AND w.fingerprint = 'client-secret ' || CAST(c.client_secret_expires_at AS TEXT))) \
         ORDER BY c.client_secret_expires_at, c.id LIMIT $2",
    );
    let rows = db.fetch_all(due(select, now, limit)).await?;
    rows.iter().map(|row| read(row, |_| Ends::ClientSecret)).collect()
}

/// Notes a warning as sent; says whether it was the first of its kind.
pub(crate) async fn first_warning(tx: &mut Tx, ending: &Ending, days: i64) -> Result<bool> {
    let now = tx.store().now();
    let insert = sql("INSERT INTO sso_expiry_warnings (connection_id, fingerprint, days, sent_at) \
         VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")
    .bind(&ending.connection)
    .bind(ending.mark.as_str())
    .bind(days)
    .bind(now);
    Ok(tx.execute(insert).await? == 1)
}
