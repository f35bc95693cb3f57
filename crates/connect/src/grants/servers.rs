//! What is known of authorization servers beside what was entered.

use gatehouse_store::{Queries, Result, Tx, sql};
use gatehouse_types::{Timestamp, WorkspaceId};
use url::Url;

/// One of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Server {
    /// Who it is; `None`: it was looked for and not found.
    pub(crate) issuer: Option<String>,
    /// Whether its answers say who it is (RFC 9207).
    pub(crate) names_itself: bool,
    pub(crate) revocation_url: Option<Url>,
    pub(crate) learned_at: Option<Timestamp>,
}

/// What is known of the server with this authorization endpoint.
pub(crate) async fn find<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    authorization: &Url,
) -> Result<Option<Server>> {
    let select = sql("SELECT issuer, names_itself, revocation_url, learned_at FROM oauth_servers \
         WHERE workspace_id = $1 AND authorization_url = $2");
    let row = db.fetch_optional(select.bind(workspace).bind(authorization.as_str())).await?;
    row.map(|row| {
        Ok(Server {
            issuer: row.opt_text("issuer")?,
            names_itself: row.bool("names_itself")?,
            revocation_url: row.opt_text("revocation_url")?.and_then(|text| Url::parse(&text).ok()),
            learned_at: row.opt_time("learned_at")?,
        })
    })
    .transpose()
}

/// Keeps what was learned.
pub(crate) async fn learn(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    authorization: &Url,
    server: &Server,
) -> Result<()> {
    let now = tx.store().now();
    let insert = sql("INSERT INTO oauth_servers (workspace_id, authorization_url, issuer, names_itself, revocation_url, \
         learned_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (workspace_id, authorization_url) DO UPDATE SET \
         issuer = excluded.issuer, names_itself = excluded.names_itself, revocation_url = excluded.revocation_url, \
         learned_at = excluded.learned_at")
    .bind(workspace)
    .bind(authorization.as_str())
    .bind(server.issuer.as_deref())
    .bind(server.names_itself)
    .bind(server.revocation_url.as_ref().map(Url::as_str))
    .bind(now);
    tx.execute(insert).await.map(drop)
}

/// How long it is kept what a server says of itself, in seconds: it is learned again with each authorization. As long as
/// something is granted, it stays: it says where that is taken back.
const KEPT_SECONDS: i64 = 30 * 86_400;

/// Forgets servers at which nobody authorized anything for a while.
pub(crate) async fn sweep(tx: &mut Tx) -> Result<()> {
    let before = tx.store().now().plus_seconds(-KEPT_SECONDS);
    let delete =
        sql("DELETE FROM oauth_servers WHERE learned_at < $1 AND NOT EXISTS (SELECT 1 FROM oauth_grants g \
         WHERE g.workspace_id = oauth_servers.workspace_id)");
    tx.execute(delete.bind(before)).await.map(drop)
}
