//! Grants in the database. Tokens are written only over the version that was read.

mod ends;
mod write;

use gatehouse_store::{Binding, Queries, Query, Result, Row, Sealed, Store, Tx, sql};
use gatehouse_types::{GrantId, Id, UserId, WorkspaceId};

use super::model::{Facts, Grant, GrantState};
use crate::{Holder, Owner};

pub(crate) use ends::{
    FROM_BACKUP, end_soon, forget_leases, forget_tokens, tell_of_end, tell_restored, workspace_to_tell,
};
pub(crate) use write::{Failed, Fresh, authorize, fail, lease, prepare, renew, take, try_again};

/// Grants of one holder or person that are looked at, at most.
const MOST: i64 = 10_000;

fn tokens_place(id: &GrantId) -> Binding<'_> {
    Binding { table: "oauth_grants", column: "tokens", row: id.as_str() }
}

fn asked_place(id: &GrantId) -> Binding<'_> {
    Binding { table: "oauth_grants", column: "asked", row: id.as_str() }
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>> {
    Ok(serde_json::to_vec(value)?)
}

fn read(store: &Store, row: &Row) -> Result<Grant> {
    let id: GrantId = row.id("id")?;
    let keyring = store.keyring();
    let tokens = keyring.open_bytes(tokens_place(&id), &Sealed::from_stored(row.text("tokens")?))?;
    let asked = keyring.open_bytes(asked_place(&id), &Sealed::from_stored(row.text("asked")?))?;
    let listed = listed(row)?;
    Ok(Grant {
        workspace: row.id("workspace_id")?,
        holder: listed.holder,
        owner: listed.owner,
        version: listed.version,
        state: listed.state,
        tokens: serde_json::from_slice(&tokens)?,
        asked: serde_json::from_slice(&asked)?,
        facts: listed.facts,
        id,
    })
}

/// A grant without its tokens.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) id: GrantId,
    pub(crate) holder: Holder,
    pub(crate) owner: Owner,
    pub(crate) version: i64,
    pub(crate) state: GrantState,
    pub(crate) facts: Facts,
}

fn listed(row: &Row) -> Result<Listed> {
    let holder = Holder::from_stored(&row.text("holder_kind")?, row.text("holder_id")?);
    Ok(Listed {
        id: row.id("id")?,
        holder: holder.ok_or_else(|| gatehouse_store::Error::Column {
            column: "holder_kind".to_owned(),
            source: "no such kind of holder".into(),
        })?,
        owner: Owner::from_stored(&row.text("owner_kind")?, row.text("owner_id")?),
        version: row.int("version")?,
        state: row.parse("state")?,
        facts: Facts {
            has_access: row.bool("has_access")?,
            has_refresh: row.bool("has_refresh")?,
            expires_at: row.opt_time("expires_at")?,
            refresh_expires_at: row.opt_time("refresh_expires_at")?,
            scope: row.opt_text("scope")?,
            reason: row.opt_text("reason")?,
            failures: row.int("failures")?,
            retry_at: row.opt_time("retry_at")?,
            told_at: row.opt_time("told_at")?,
            end_told_days: row.opt_int("end_told_days")?,
            lease_by: row.opt_text("lease_by")?,
            authorized_by: row.opt_id("authorized_by")?,
            authorized_at: row.opt_time("authorized_at")?,
            refreshed_at: row.opt_time("refreshed_at")?,
            last_used_at: row.opt_time("last_used_at")?,
            created_at: row.time("created_at")?,
        },
    })
}

/// The row of a holder and owner.
fn one(workspace: &WorkspaceId, holder: &Holder, owner: &Owner) -> Query {
    sql("SELECT * FROM oauth_grants WHERE workspace_id = $1 AND holder_kind = $2 AND holder_id = $3 \
         AND owner_kind = $4 AND owner_id = $5")
    .bind(workspace)
    .bind(holder.kind())
    .bind(holder.id())
    .bind(owner.kind().as_str())
    .bind(owner.stored_id())
}

/// The grant of a holder and owner.
pub(crate) async fn find<Q: Queries>(
    store: &Store,
    db: &mut Q,
    workspace: &WorkspaceId,
    holder: &Holder,
    owner: &Owner,
) -> Result<Option<Grant>> {
    let found = db.fetch_optional(one(workspace, holder, owner)).await?;
    found.map(|row| read(store, &row)).transpose()
}

/// The same without its tokens.
pub(crate) async fn look<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    holder: &Holder,
    owner: &Owner,
) -> Result<Option<Listed>> {
    let found = db.fetch_optional(one(workspace, holder, owner)).await?;
    found.map(|row| listed(&row)).transpose()
}

/// All grants of a holder, the workspace's own first.
pub(crate) async fn of_holder<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    holder: &Holder,
) -> Result<Vec<Listed>> {
    let select =
        sql("SELECT * FROM oauth_grants WHERE workspace_id = $1 AND holder_kind = $2 AND holder_id = $3 \
         ORDER BY owner_kind DESC, created_at, id LIMIT $4")
        .bind(workspace)
        .bind(holder.kind())
        .bind(holder.id())
        .bind(MOST);
    db.fetch_all(select).await?.iter().map(listed).collect()
}

/// What is the workspace's own, and was authorized by a person with the account that this person has outside.
pub(crate) async fn authorized_by(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    user: &UserId,
) -> Result<Vec<Listed>> {
    let select = sql("SELECT * FROM oauth_grants WHERE workspace_id = $1 AND owner_kind = 'service' \
         AND authorized_by = $2 AND authorized_at IS NOT NULL ORDER BY created_at, id LIMIT $3");
    tx.fetch_all(select.bind(workspace).bind(user).bind(MOST)).await?.iter().map(listed).collect()
}

/// Everything that a person was granted in a workspace.
pub(crate) async fn of_person<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    user: &UserId,
) -> Result<Vec<Listed>> {
    let select = sql(
        "SELECT * FROM oauth_grants WHERE workspace_id = $1 AND owner_kind = 'person' AND owner_id = $2 \
         ORDER BY created_at, id LIMIT $3",
    );
    db.fetch_all(select.bind(workspace).bind(user).bind(MOST)).await?.iter().map(listed).collect()
}
