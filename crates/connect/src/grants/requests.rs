//! Authorizations that are under way.

use gatehouse_store::{Binding, Queries, Result, Sealed, Store, Tx, sql};
use gatehouse_types::{Permission, SessionId, Timestamp, UserId, WorkspaceId, digest};
use serde::{Deserialize, Serialize};

use super::model::Asked;
use crate::{Holder, Owner};

/// One of them, as it waits for its answer.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    /// The digest of the state.
    pub(crate) id: String,
    pub(crate) workspace: WorkspaceId,
    pub(crate) holder: Holder,
    pub(crate) owner: Owner,
    /// The end of the callback's address that the answer must come to.
    pub(crate) context: String,
    /// The right that it takes, when it begins and when it ends.
    pub(crate) right: Permission,
    /// Who began it.
    pub(crate) user: UserId,
    /// In which browser: a session lives in one.
    pub(crate) session: SessionId,
    /// The fingerprint of the server that was asked.
    pub(crate) server: String,
    pub(crate) return_to: String,
    pub(crate) expires_at: Timestamp,
}

/// What only the answer must meet.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Secrets {
    pub(crate) verifier: Option<String>,
    pub(crate) asked: Asked,
    /// The reconnect link by which it began.
    pub(crate) link: Option<String>,
}

/// The row of an authorization by its state.
pub(crate) fn row_of(state: &str) -> String {
    digest(&format!("oauth:{state}"))
}

fn place(id: &str) -> Binding<'_> {
    Binding { table: "oauth_requests", column: "secrets", row: id }
}

pub(crate) async fn insert(tx: &mut Tx, w: &Waiting, secrets: &Secrets) -> Result<()> {
    let sealed = tx.store().keyring().seal_bytes(place(&w.id), &serde_json::to_vec(secrets)?);
    let insert =
        sql("INSERT INTO oauth_requests (id, workspace_id, holder_kind, holder_id, owner_kind, owner_id, \
         context, needs, user_id, session_id, server, secrets, return_to, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)")
        .bind(w.id.as_str())
        .bind(&w.workspace)
        .bind(w.holder.kind())
        .bind(w.holder.id())
        .bind(w.owner.kind().as_str())
        .bind(w.owner.stored_id())
        .bind(w.context.as_str())
        .bind(w.right.as_str())
        .bind(&w.user)
        .bind(&w.session)
        .bind(w.server.as_str())
        .bind(sealed.as_str())
        .bind(w.return_to.as_str())
        .bind(w.expires_at);
    tx.execute(insert).await.map(drop)
}

pub(crate) async fn find<Q: Queries>(db: &mut Q, id: &str) -> Result<Option<Waiting>> {
    let select =
        sql("SELECT id, workspace_id, holder_kind, holder_id, owner_kind, owner_id, context, needs, \
         user_id, session_id, server, return_to, expires_at FROM oauth_requests WHERE id = $1");
    let Some(row) = db.fetch_optional(select.bind(id)).await? else { return Ok(None) };
    let Some(holder) = Holder::from_stored(&row.text("holder_kind")?, row.text("holder_id")?) else {
        return Ok(None);
    };
    Ok(Some(Waiting {
        id: row.text("id")?,
        workspace: row.id("workspace_id")?,
        holder,
        owner: Owner::from_stored(&row.text("owner_kind")?, row.text("owner_id")?),
        context: row.text("context")?,
        right: row.parse("needs")?,
        user: row.id("user_id")?,
        session: row.id("session_id")?,
        server: row.text("server")?,
        return_to: row.text("return_to")?,
        expires_at: row.time("expires_at")?,
    }))
}

/// Takes it for good; its secrets go to the first who does.
pub(crate) async fn take(tx: &mut Tx, store: &Store, id: &str) -> Result<Option<Secrets>> {
    let delete = sql("DELETE FROM oauth_requests WHERE id = $1 RETURNING secrets");
    let Some(row) = tx.fetch_optional(delete.bind(id)).await? else { return Ok(None) };
    Ok(Some(opened(store, id, row.text("secrets")?)?))
}

fn opened(store: &Store, id: &str, sealed: String) -> Result<Secrets> {
    let opened = store.keyring().open_bytes(place(id), &Sealed::from_stored(sealed))?;
    Ok(serde_json::from_slice(&opened)?)
}

/// How many a person has begun and not ended, and when the first of them will be past its time.
pub(crate) async fn pending(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    user: &UserId,
) -> Result<(i64, Option<Timestamp>)> {
    let select = sql("SELECT COUNT(*) AS n, MIN(expires_at) AS first_end FROM oauth_requests \
         WHERE workspace_id = $1 AND user_id = $2 AND expires_at > $3");
    let row = tx.fetch_one(select.bind(workspace).bind(user).bind(tx.store().now())).await?;
    Ok((row.int("n")?, row.opt_time("first_end")?))
}

/// Forgets what a person began for the same grant with other values: of two tenants the one that was asked for last counts,
/// whichever browser comes back first.
pub(crate) async fn supersede(tx: &mut Tx, now: &Waiting, asked: &Asked) -> Result<()> {
    let store = tx.store().clone();
    let select = sql("SELECT id, secrets FROM oauth_requests WHERE workspace_id = $1 AND user_id = $2 \
         AND holder_kind = $3 AND holder_id = $4 AND owner_kind = $5 AND owner_id = $6")
    .bind(&now.workspace)
    .bind(&now.user)
    .bind(now.holder.kind())
    .bind(now.holder.id())
    .bind(now.owner.kind().as_str())
    .bind(now.owner.stored_id());
    for row in tx.fetch_all(select).await? {
        let id = row.text("id")?;
        if !opened(&store, &id, row.text("secrets")?)?.asked.is_same(asked) {
            tx.execute(sql("DELETE FROM oauth_requests WHERE id = $1").bind(id)).await?;
        }
    }
    Ok(())
}

/// What a person began and will not end.
pub(crate) async fn forget_of(tx: &mut Tx, workspace: &WorkspaceId, user: &UserId) -> Result<()> {
    let delete = sql("DELETE FROM oauth_requests WHERE workspace_id = $1 AND user_id = $2");
    tx.execute(delete.bind(workspace).bind(user)).await.map(drop)
}

/// What began for a holder that is gone.
pub(crate) async fn forget_for(tx: &mut Tx, holder: &Holder) -> Result<()> {
    let delete = sql("DELETE FROM oauth_requests WHERE holder_kind = $1 AND holder_id = $2");
    tx.execute(delete.bind(holder.kind()).bind(holder.id())).await.map(drop)
}

/// Forgets what nobody answered in time.
pub(crate) async fn sweep(tx: &mut Tx) -> Result<()> {
    let now = tx.store().now();
    tx.execute(sql("DELETE FROM oauth_requests WHERE expires_at < $1").bind(now)).await.map(drop)
}

/// Forgets all of them.
pub(crate) async fn forget_all(tx: &mut Tx) -> Result<()> {
    tx.execute(sql("DELETE FROM oauth_requests")).await.map(drop)
}
