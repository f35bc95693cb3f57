use gatehouse_store::{Queries, Result, Row, Tx, sql};
use gatehouse_types::{ConnectionId, Timestamp};

/// A request that we sent to a provider and that waits for its answer.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    /// The id of the AuthnRequest.
    pub(crate) id: String,
    pub(crate) connection_id: ConnectionId,
    /// The digest of the cookie of the browser that asked.
    pub(crate) browser: String,
    pub(crate) return_to: String,
    /// When it was made.
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    /// Whether it demanded that the person authenticates anew.
    pub(crate) force_authn: bool,
}

fn read(row: &Row) -> Result<Pending> {
    Ok(Pending {
        id: row.text("id")?,
        connection_id: row.id("connection_id")?,
        browser: row.text("browser")?,
        return_to: row.text("return_to")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        force_authn: row.bool("force_authn")?,
    })
}

/// Keeps a request until it is answered.
pub(crate) fn insert(tx: &mut Tx, p: &Pending) {
    let insert =
        sql("INSERT INTO sso_requests (id, connection_id, browser, return_to, created_at, expires_at, \
         force_authn) VALUES ($1, $2, $3, $4, $5, $6, $7)")
        .bind(p.id.as_str())
        .bind(&p.connection_id)
        .bind(p.browser.as_str())
        .bind(p.return_to.as_str())
        .bind(p.created_at)
        .bind(p.expires_at)
        .bind(p.force_authn);
    tx.later(insert);
}

pub(crate) async fn find<Q: Queries>(db: &mut Q, id: &str) -> Result<Option<Pending>> {
    let select = sql(
        "SELECT id, connection_id, browser, return_to, created_at, expires_at, force_authn FROM sso_requests \
             WHERE id = $1",
    );
    db.fetch_optional(select.bind(id)).await?.as_ref().map(read).transpose()
}

/// Takes a request out of the queue; says whether it was still there.
pub(crate) async fn take(tx: &mut Tx, id: &str) -> Result<bool> {
    Ok(tx.execute(sql("DELETE FROM sso_requests WHERE id = $1").bind(id)).await? == 1)
}

/// Notes an assertion as used until it expires; says whether it was new.
pub(crate) async fn first_use(
    tx: &mut Tx,
    connection: &ConnectionId,
    assertion: &str,
    expires_at: Timestamp,
) -> Result<bool> {
    let insert =
        sql("INSERT INTO sso_replays (connection_id, assertion_id, expires_at) VALUES ($1, $2, $3) \
         ON CONFLICT DO NOTHING");
    Ok(tx.execute(insert.bind(connection).bind(assertion).bind(expires_at)).await? == 1)
}

/// Forgets what expired: requests nobody answered, assertions that no clock accepts any more.
pub(crate) async fn sweep(tx: &mut Tx) -> Result<u64> {
    let now = tx.store().now();
    let requests = tx.execute(sql("DELETE FROM sso_requests WHERE expires_at < $1").bind(now)).await?;
    let replays = tx.execute(sql("DELETE FROM sso_replays WHERE expires_at < $1").bind(now)).await?;
    Ok(requests + replays)
}

/// Forgets every sign-in that began; assertions that were used stay used.
pub(crate) async fn forget_all(tx: &mut Tx) -> Result<()> {
    tx.execute(sql("DELETE FROM sso_requests")).await.map(drop)
}
