use gatehouse_store::{Condition, Filter, Queries, Result, Row, Tx, sql};
use gatehouse_types::{Email, InvitationId, OwnerKind, PageRequest, UserId, WorkspaceId};

use crate::model::{Invitation, InvitationStatus};
use crate::service::invitations::WantedInvitations;

fn read(row: &Row) -> Result<Invitation> {
    Ok(Invitation {
        id: row.id("id")?,
        workspace_id: row.id("workspace_id")?,
        email: Email::from_stored(row.text("email")?),
        role: row.parse("role")?,
        invited_by: row.opt_id("invited_by")?,
        created_at: row.time("created_at")?,
        sent_at: row.time("sent_at")?,
        expires_at: row.time("expires_at")?,
        accepted_at: row.opt_time("accepted_at")?,
        revoked_at: row.opt_time("revoked_at")?,
    })
}

pub(crate) async fn insert(tx: &mut Tx, i: &Invitation, digest: &str) -> Result<()> {
    let insert =
        sql("INSERT INTO invitations (id, workspace_id, owner_kind, version, email, role, token_digest, \
         invited_by, created_at, sent_at, expires_at) VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8, $8, $9)")
        .bind(&i.id)
        .bind(&i.workspace_id)
        .bind(OwnerKind::Person.as_str())
        .bind(i.email.as_str())
        .bind(i.role.as_str())
        .bind(digest)
        .bind(i.invited_by.as_ref())
        .bind(i.created_at)
        .bind(i.expires_at);
    tx.execute(insert).await.map(drop)
}

const COLUMNS: &str =
    "id, workspace_id, email, role, invited_by, created_at, sent_at, expires_at, accepted_at, revoked_at";

/// One page of a workspace's invitations, newest first.
pub(crate) async fn page<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    wanted: &WantedInvitations,
    now: gatehouse_types::Timestamp,
    page: PageRequest,
) -> Result<(Vec<Invitation>, i64)> {
    use InvitationStatus as S;
    let all = Filter::new(COLUMNS, "invitations", "workspace_id = $", workspace)
        .and_contains("email LIKE $ ESCAPE '\\'", wanted.email.as_deref());
    let open = "accepted_at IS NULL AND revoked_at IS NULL";
    let filter = match wanted.status {
        None => all,
        Some(S::Accepted) => all.and_fixed("accepted_at IS NOT NULL"),
        Some(S::Revoked) => all.and_fixed("revoked_at IS NOT NULL"),
        Some(S::Pending) => all.and_fixed(open).and("expires_at > $", now),
        Some(S::Expired) => all.and_fixed(open).and("expires_at <= $", now),
    };
    let (rows, total) = filter.page(db, "created_at DESC, id DESC", page).await?;
    Ok((rows.iter().map(read).collect::<Result<_>>()?, total))
}

/// An invitation of the workspace, locked against others who would change it.
pub(crate) async fn lock(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    id: &InvitationId,
) -> Result<Option<Invitation>> {
    const SELECT: &str = "SELECT id, workspace_id, email, role, invited_by, created_at, sent_at, expires_at, \
         accepted_at, revoked_at FROM invitations WHERE workspace_id = $1 AND id = $2";
    let row = tx.lock_optional(SELECT, sql(SELECT).bind(workspace).bind(id)).await?;
    row.as_ref().map(read).transpose()
}

/// The invitation of this token's digest.
pub(crate) async fn by_token<Q: Queries>(db: &mut Q, digest: &str) -> Result<Option<Invitation>> {
    let select = sql("SELECT id, workspace_id, email, role, invited_by, created_at, sent_at, expires_at, \
         accepted_at, revoked_at FROM invitations WHERE token_digest = $1");
    db.fetch_optional(select.bind(digest)).await?.as_ref().map(read).transpose()
}

/// A new token and new days.
pub(crate) async fn renew(tx: &mut Tx, i: &Invitation, digest: &str) -> Result<()> {
    let update = sql(
        "UPDATE invitations SET token_digest = $2, sent_at = $3, expires_at = $4, version = version + 1 \
         WHERE id = $1",
    );
    tx.execute(update.bind(&i.id).bind(digest).bind(i.sent_at).bind(i.expires_at)).await.map(drop)
}

pub(crate) async fn revoke(tx: &mut Tx, id: &InvitationId) -> Result<()> {
    let update = sql("UPDATE invitations SET revoked_at = $2 WHERE id = $1 AND accepted_at IS NULL");
    tx.execute(update.bind(id).bind(tx.store().now())).await.map(drop)
}

/// Uses the invitation up; says whether it was open.
pub(crate) async fn accept(tx: &mut Tx, id: &InvitationId, by: &UserId) -> Result<bool> {
    let update = sql("UPDATE invitations SET accepted_at = $2, accepted_by = $3, last_used_at = $2 \
         WHERE id = $1 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > $2");
    Ok(tx.execute(update.bind(id).bind(tx.store().now()).bind(by)).await? == 1)
}

/// The invitations of an address that can be accepted.
pub(crate) async fn open_to(tx: &mut Tx, workspace: &WorkspaceId, email: &Email) -> Result<Vec<Invitation>> {
    let select = sql(
        "SELECT id, workspace_id, email, role, invited_by, created_at, sent_at, expires_at, accepted_at, \
         revoked_at FROM invitations WHERE workspace_id = $1 AND email = $2 AND accepted_at IS NULL \
         AND revoked_at IS NULL AND expires_at > $3",
    );
    let now = tx.store().now();
    tx.fetch_all(select.bind(workspace).bind(email.as_str()).bind(now)).await?.iter().map(read).collect()
}

/// The invitations to any of these addresses that can be accepted.
pub(crate) async fn open_to_any(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    emails: &[String],
) -> Result<Vec<Invitation>> {
    const HEAD: &str = "SELECT id, workspace_id, email, role, invited_by, created_at, sent_at, expires_at, accepted_at, \
         revoked_at FROM invitations";
    let (store, mut all) = (tx.store().clone(), Vec::new());
    for chunk in emails.chunks(super::members::CHUNK) {
        let open = Condition::fixed("workspace_id = ").bind(workspace).sql(" AND ");
        let open = open.then(Condition::one_of("email", chunk.iter().cloned()));
        let open =
            open.sql(" AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > ").bind(store.now());
        for row in open.rows(&store, tx, HEAD, Condition::default()).await? {
            all.push(read(&row)?);
        }
    }
    Ok(all)
}

/// The invitations that a person sent and that can be accepted.
pub(crate) async fn open_by(tx: &mut Tx, workspace: &WorkspaceId, by: &UserId) -> Result<Vec<Invitation>> {
    let select = sql(
        "SELECT id, workspace_id, email, role, invited_by, created_at, sent_at, expires_at, accepted_at, \
         revoked_at FROM invitations WHERE workspace_id = $1 AND invited_by = $2 AND accepted_at IS NULL \
         AND revoked_at IS NULL AND expires_at > $3 ORDER BY id",
    );
    let now = tx.store().now();
    tx.fetch_all(select.bind(workspace).bind(by).bind(now)).await?.iter().map(read).collect()
}

/// Takes the links of all open invitations away: no token has a digest like this. They can be sent again.
pub(crate) async fn void_links(tx: &mut Tx) -> Result<()> {
    let update = sql(
        "UPDATE invitations SET token_digest = 'void:' || id WHERE accepted_at IS NULL AND revoked_at IS NULL",
    );
    tx.execute(update).await.map(drop)
}
