//! Members whose access has ended for now, and the receipts of the leaver switch.

use gatehouse_store::{Queries, Result, Tx, sql};
use gatehouse_types::{OffboardingId, Role, Timestamp, UserId, WorkspaceId};

/// What was kept of a membership.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) role: Role,
    /// Why, by its stored name.
    pub(crate) cause: String,
    pub(crate) suspended_at: Timestamp,
    /// Whether the directory gave the role.
    pub(crate) role_managed: bool,
}

/// A receipt as stored: what happened cannot change, only whether it was taken back.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) id: OffboardingId,
    /// Canonical JSON.
    pub(crate) receipt: String,
    pub(crate) reversed_at: Option<Timestamp>,
    pub(crate) handed_over: Option<HandedOver>,
}

/// To whom the things went that stayed of somebody.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct HandedOver {
    /// When.
    pub at: Timestamp,
    /// The member who answers for them; `null`: nobody in particular, they are the company's alone.
    #[schema(value_type = Option<String>)]
    pub to: Option<UserId>,
    /// Who did it, as `kind` or `kind:id`.
    pub by: String,
}

/// Moves a membership aside; says whether there was one.
pub(crate) async fn set_aside(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    user: &UserId,
    cause: &str,
    keep_until: Option<Timestamp>,
) -> Result<bool> {
    let insert = sql("INSERT INTO suspended_members \
         (workspace_id, user_id, role, created_via, member_since, role_managed, cause, suspended_at, keep_until) \
         SELECT workspace_id, user_id, role, created_via, created_at, role_managed, $3, $4, $5 FROM memberships \
         WHERE workspace_id = $1 AND user_id = $2");
    let now = tx.store().now();
    let moved = tx.execute(insert.bind(workspace).bind(user).bind(cause).bind(now).bind(keep_until)).await?;
    super::members::remove(tx, workspace, user).await?;
    Ok(moved == 1)
}

/// Puts a membership back as it was.
pub(crate) async fn put_back(tx: &mut Tx, workspace: &WorkspaceId, user: &UserId) -> Result<()> {
    let insert =
        sql("INSERT INTO memberships (workspace_id, user_id, role, created_via, created_at, role_managed) \
         SELECT workspace_id, user_id, role, created_via, member_since, role_managed FROM suspended_members \
         WHERE workspace_id = $1 AND user_id = $2");
    tx.execute(insert.bind(workspace).bind(user)).await?;
    forget(tx, workspace, user).await
}

/// Forgets what was kept.
pub(crate) async fn forget(tx: &mut Tx, workspace: &WorkspaceId, user: &UserId) -> Result<()> {
    let delete = sql("DELETE FROM suspended_members WHERE workspace_id = $1 AND user_id = $2");
    tx.execute(delete.bind(workspace).bind(user)).await.map(drop)
}

/// Forgets what is kept no longer.
pub(crate) async fn sweep(tx: &mut Tx) -> Result<()> {
    let delete = sql("DELETE FROM suspended_members WHERE keep_until <= $1");
    tx.execute(delete.bind(tx.store().now())).await.map(drop)
}

pub(crate) async fn kept<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    user: &UserId,
) -> Result<Option<Kept>> {
    let select = sql("SELECT role, cause, suspended_at, role_managed FROM suspended_members \
         WHERE workspace_id = $1 AND user_id = $2");
    let row = db.fetch_optional(select.bind(workspace).bind(user)).await?;
    row.map(|r| {
        Ok(Kept {
            role: r.parse("role")?,
            cause: r.text("cause")?,
            suspended_at: r.time("suspended_at")?,
            role_managed: r.bool("role_managed")?,
        })
    })
    .transpose()
}

/// Whether a membership of the person in another workspace is kept.
pub(crate) async fn is_kept_elsewhere<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    user: &UserId,
) -> Result<bool> {
    let select =
        sql("SELECT 1 AS one FROM suspended_members WHERE user_id = $2 AND workspace_id <> $1 LIMIT 1");
    Ok(db.fetch_optional(select.bind(workspace).bind(user)).await?.is_some())
}

/// Writes a receipt.
pub(crate) fn insert(tx: &mut Tx, id: &OffboardingId, workspace: &WorkspaceId, user: &UserId, receipt: &str) {
    let insert =
        sql("INSERT INTO offboardings (id, workspace_id, user_id, at, receipt) VALUES ($1, $2, $3, $4, $5)");
    let now = tx.store().now();
    tx.later(insert.bind(id).bind(workspace).bind(user).bind(now).bind(receipt));
}

/// Notes that access was given back.
pub(crate) async fn reverse(tx: &mut Tx, workspace: &WorkspaceId, user: &UserId) -> Result<()> {
    let update = sql("UPDATE offboardings SET reversed_at = $3 \
         WHERE workspace_id = $1 AND user_id = $2 AND reversed_at IS NULL");
    tx.execute(update.bind(workspace).bind(user).bind(tx.store().now())).await.map(drop)
}

/// The newest receipt of a person.
pub(crate) async fn newest<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    user: &UserId,
) -> Result<Option<Stored>> {
    let select = sql(
        "SELECT id, receipt, reversed_at, handed_over_at, handed_over_to, handed_over_by FROM offboardings \
         WHERE workspace_id = $1 AND user_id = $2 ORDER BY at DESC, id DESC LIMIT 1",
    );
    let row = db.fetch_optional(select.bind(workspace).bind(user)).await?;
    row.map(|r| {
        let by = r.opt_text("handed_over_by")?.unwrap_or_default();
        let to = r.opt_id("handed_over_to")?;
        Ok(Stored {
            id: r.id("id")?,
            receipt: r.text("receipt")?,
            reversed_at: r.opt_time("reversed_at")?,
            handed_over: r.opt_time("handed_over_at")?.map(|at| HandedOver { at, to, by }),
        })
    })
    .transpose()
}

/// Notes to whom things went.
pub(crate) async fn set_handed_over(
    tx: &mut Tx,
    id: &OffboardingId,
    to: Option<&UserId>,
    by: &str,
) -> Result<()> {
    let update = sql(
        "UPDATE offboardings SET handed_over_at = $2, handed_over_to = $3, handed_over_by = $4 WHERE id = $1",
    );
    tx.execute(update.bind(id).bind(tx.store().now()).bind(to).bind(by)).await.map(drop)
}

/// Keeps somebody out who is in no group any more that gives a role, until a group or an administrator says otherwise.
pub(crate) async fn set_no_group_left(tx: &mut Tx, workspace: &WorkspaceId, user: &UserId) -> Result<()> {
    let update = sql("UPDATE suspended_members SET cause = $3, keep_until = NULL \
         WHERE workspace_id = $1 AND user_id = $2");
    let cause = crate::LeaveCause::NoGroupLeft.as_str();
    tx.execute(update.bind(workspace).bind(user).bind(cause)).await.map(drop)
}
