//! What is written of grants: tokens only over the version that was read.

use gatehouse_store::{Queries, Result, Tx, sql};
use gatehouse_types::{GrantId, Timestamp, UserId, WorkspaceId};

use super::{asked_place, find, json, read, tokens_place};
use crate::grants::model::{Asked, Grant, GrantState, Kept};
use crate::memory::Memory;
use crate::{Holder, Owner};

/// A grant of ours for which nobody is asked, made before its first token; another server may have been faster.
pub(crate) async fn prepare(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    holder: &Holder,
    owner: &Owner,
) -> Result<()> {
    insert(tx, workspace, holder, owner, &Asked::default()).await.map(drop)
}

async fn insert(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    holder: &Holder,
    owner: &Owner,
    asked: &Asked,
) -> Result<Option<GrantId>> {
    let (id, now): (GrantId, _) = (tx.store().ids().make(), tx.store().now());
    let keyring = tx.store().keyring();
    let tokens = keyring.seal_bytes(tokens_place(&id), &json(&Kept::default())?);
    let asked = keyring.seal_bytes(asked_place(&id), &json(asked)?);
    let insert = sql(
        "INSERT INTO oauth_grants (id, workspace_id, holder_kind, holder_id, owner_kind, owner_id, version, \
         state, tokens, asked, has_access, has_refresh, failures, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, 0, 'ok', $7, $8, $9, $9, 0, $10) ON CONFLICT DO NOTHING",
    )
    .bind(&id)
    .bind(workspace)
    .bind(holder.kind())
    .bind(holder.id())
    .bind(owner.kind().as_str())
    .bind(owner.stored_id())
    .bind(tokens.as_str())
    .bind(asked.as_str())
    .bind(false)
    .bind(now);
    Ok((tx.execute(insert).await? == 1).then_some(id))
}

/// Takes the right to ask for new tokens until a moment, unless somebody has it. Only with the version that was read.
pub(crate) async fn lease(tx: &mut Tx, grant: &Grant, me: &str, until: Timestamp) -> Result<bool> {
    let now = tx.store().now();
    let update =
        sql("UPDATE oauth_grants SET lease_by = $3, lease_until = $4 WHERE id = $1 AND version = $2 \
         AND (lease_until IS NULL OR lease_until < $5 OR lease_by = $3)")
        .bind(&grant.id)
        .bind(grant.version)
        .bind(me)
        .bind(until)
        .bind(now);
    Ok(tx.execute(update).await? == 1)
}

/// What is written with new tokens.
pub(crate) struct Fresh<'a> {
    pub(crate) tokens: &'a Kept,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) refresh_expires_at: Option<Timestamp>,
    /// So many days ahead somebody was told of that end; see [`crate::grants::ends`].
    pub(crate) end_told_days: Option<i64>,
    pub(crate) scope: Option<&'a str>,
}

/// Writes new tokens over the version that was read; says whether it was still there.
pub(crate) async fn renew(tx: &mut Tx, memory: &Memory, grant: &Grant, fresh: &Fresh<'_>) -> Result<bool> {
    memory.changed(tx, &grant.holder).await?;
    let now = tx.store().now();
    let sealed = tx.store().keyring().seal_bytes(tokens_place(&grant.id), &json(fresh.tokens)?);
    let update = sql("UPDATE oauth_grants SET version = version + 1, state = 'ok', tokens = $3, has_access = $4, \
         has_refresh = $5, expires_at = $6, refresh_expires_at = $7, scope = $8, reason = NULL, failures = 0, \
         retry_at = NULL, told_at = NULL, lease_by = NULL, lease_until = NULL, refreshed_at = $9, \
         end_told_days = $10 WHERE id = $1 AND version = $2")
    .bind(&grant.id)
    .bind(grant.version)
    .bind(sealed.as_str())
    .bind(fresh.tokens.access_token.is_some())
    .bind(fresh.tokens.refresh_token.is_some())
    .bind(fresh.expires_at)
    .bind(fresh.refresh_expires_at)
    .bind(fresh.scope)
    .bind(now)
    .bind(fresh.end_told_days);
    Ok(tx.execute(update).await? == 1)
}

/// Keeps what somebody has just authorized, in place of what was there. Answers the id, and what was there.
pub(crate) async fn authorize(
    tx: &mut Tx,
    memory: &Memory,
    workspace: &WorkspaceId,
    (holder, owner): (&Holder, &Owner),
    (by, asked): (&UserId, &Asked),
    fresh: &Fresh<'_>,
) -> Result<(GrantId, Option<Grant>)> {
    memory.changed(tx, holder).await?;
    let store = tx.store().clone();
    let made = insert(tx, workspace, holder, owner, asked).await?;
    let before = match made {
        Some(_) => None,
        None => find(&store, tx, workspace, holder, owner).await?,
    };
    let id = match (made, &before) {
        (Some(id), _) => id,
        (None, Some(grant)) => grant.id.clone(),
        // it went in between: the row that stood in the way is gone
        (None, None) => {
            return Err(gatehouse_store::Error::Column {
                column: "holder_id".to_owned(),
                source: "the grant changed at the same moment".into(),
            });
        }
    };
    let keyring = store.keyring();
    let tokens = keyring.seal_bytes(tokens_place(&id), &json(fresh.tokens)?);
    let asked = keyring.seal_bytes(asked_place(&id), &json(asked)?);
    let update = sql("UPDATE oauth_grants SET version = version + 1, state = 'ok', tokens = $2, asked = $3, \
         has_access = $4, has_refresh = $5, expires_at = $6, refresh_expires_at = $7, scope = $8, reason = NULL, \
         failures = 0, retry_at = NULL, told_at = NULL, lease_by = NULL, lease_until = NULL, authorized_by = $9, \
         authorized_at = $10, refreshed_at = $10, end_told_days = $11 WHERE id = $1")
    .bind(&id)
    .bind(tokens.as_str())
    .bind(asked.as_str())
    .bind(fresh.tokens.access_token.is_some())
    .bind(fresh.tokens.refresh_token.is_some())
    .bind(fresh.expires_at)
    .bind(fresh.refresh_expires_at)
    .bind(fresh.scope)
    .bind(by)
    .bind(store.now())
    .bind(fresh.end_told_days);
    tx.execute(update).await?;
    Ok((id, before))
}

/// How a grant stands after a try that gave no tokens; the lease is given back.
pub(crate) struct Failed<'a> {
    pub(crate) state: GrantState,
    pub(crate) reason: &'a str,
    pub(crate) retry_at: Option<Timestamp>,
    /// Whether its owner is told with it.
    pub(crate) told: bool,
}

/// Notes a failure over the version that was read; says whether it was still there.
pub(crate) async fn fail(tx: &mut Tx, memory: &Memory, grant: &Grant, failed: &Failed<'_>) -> Result<bool> {
    memory.changed(tx, &grant.holder).await?;
    let told = failed.told.then(|| tx.store().now());
    let update =
        sql("UPDATE oauth_grants SET state = $3, reason = $4, retry_at = $5, failures = failures + 1, \
         told_at = COALESCE($6, told_at), lease_by = NULL, lease_until = NULL WHERE id = $1 AND version = $2")
        .bind(&grant.id)
        .bind(grant.version)
        .bind(failed.state.as_str())
        .bind(failed.reason)
        .bind(failed.retry_at)
        .bind(told);
    Ok(tx.execute(update).await? == 1)
}

/// Lets a holder's failing grants be tried at once, because what they failed by may have been changed.
pub(crate) async fn try_again(tx: &mut Tx, holder: &Holder) -> Result<()> {
    let update = sql(
        "UPDATE oauth_grants SET retry_at = NULL, failures = 0 WHERE holder_kind = $1 AND holder_id = $2",
    );
    tx.execute(update.bind(holder.kind()).bind(holder.id())).await.map(drop)
}

/// Removes a grant; the answer is what it held.
pub(crate) async fn take(
    tx: &mut Tx,
    memory: &Memory,
    workspace: &WorkspaceId,
    id: &GrantId,
) -> Result<Option<Grant>> {
    let store = tx.store().clone();
    let delete = sql("DELETE FROM oauth_grants WHERE workspace_id = $1 AND id = $2 RETURNING *");
    let taken = tx.fetch_optional(delete.bind(workspace).bind(id)).await?;
    let taken = taken.map(|row| read(&store, &row)).transpose()?;
    if let Some(grant) = &taken {
        memory.changed(tx, &grant.holder).await?;
    }
    Ok(taken)
}
