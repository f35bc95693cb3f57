use gatehouse_store::{Binding, Queries, Result, Row, Sealed, Store, Tx, sql};
use gatehouse_types::{ConnectionId, Timestamp};
use zeroize::Zeroizing;

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

fn place(id: &str) -> Binding<'_> {
    Binding { table: "sso_requests", column: "secrets", row: id }
}

/// Keeps a request until it is answered.
pub(crate) fn insert(tx: &mut Tx, p: &Pending) {
    keep(tx, p, None);
}

/// The same with what only the answer must meet, sealed.
pub(crate) fn insert_sealed(tx: &mut Tx, p: &Pending, secrets: &[u8]) {
    let sealed = tx.store().keyring().seal_bytes(place(&p.id), secrets);
    keep(tx, p, Some(&sealed));
}

fn keep(tx: &mut Tx, p: &Pending, secrets: Option<&Sealed>) {
    let insert =
        sql("INSERT INTO sso_requests (id, connection_id, browser, return_to, created_at, expires_at, \
         force_authn, secrets) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
        .bind(p.id.as_str())
        .bind(&p.connection_id)
        .bind(p.browser.as_str())
        .bind(p.return_to.as_str())
        .bind(p.created_at)
        .bind(p.expires_at)
        .bind(p.force_authn)
        .bind(secrets.map(Sealed::as_str));
    tx.later(insert);
}

/// What only the answer to a request must meet, opened; `None` when the request is gone or keeps nothing.
pub(crate) async fn secrets(store: &Store, id: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
    let select = sql("SELECT secrets FROM sso_requests WHERE id = $1");
    let row = store.reader().fetch_optional(select.bind(id)).await?;
    let sealed = row.map(|r| r.opt_text("secrets")).transpose()?.flatten();
    sealed.map(|text| store.keyring().open_bytes(place(id), &Sealed::from_stored(text))).transpose()
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
