use gatehouse_store::{Filter, Queries, Result, Row, Tx, sql};
use gatehouse_types::{Email, PageRequest, UserId, WorkspaceId};

use crate::model::User;
use crate::service::members::{Member, WantedMembers};

const COLUMNS: &str = "u.id, u.email, u.display_name, u.created_at, m.role, m.created_at AS since, m.suspended_at, \
    (SELECT MAX(s.created_at) FROM sessions s WHERE s.user_id = u.id AND s.workspace_id = m.workspace_id) AS last_sign_in, \
    EXISTS (SELECT 1 FROM passwords p WHERE p.user_id = u.id AND p.blocked_at IS NULL) AS has_password, \
    EXISTS (SELECT 1 FROM sessions s WHERE s.user_id = u.id AND s.workspace_id = m.workspace_id \
        AND s.connection_id IS NOT NULL) AS uses_sso";
/// Members, and those whose membership is set aside.
const FROM: &str = "(SELECT workspace_id, user_id, role, created_at, CAST(NULL AS BIGINT) AS suspended_at FROM memberships \
    UNION ALL SELECT workspace_id, user_id, role, member_since, suspended_at FROM suspended_members) m \
    JOIN users u ON u.id = m.user_id";

fn read(row: &Row) -> Result<Member> {
    Ok(Member {
        user: User {
            id: row.id("id")?,
            email: Email::from_stored(row.text("email")?),
            display_name: row.text("display_name")?,
            created_at: row.time("created_at")?,
        },
        role: row.parse("role")?,
        since: row.time("since")?,
        last_sign_in: row.opt_time("last_sign_in")?,
        has_password: row.bool("has_password")?,
        uses_sso: row.bool("uses_sso")?,
        suspended_at: row.opt_time("suspended_at")?,
    })
}

pub(crate) async fn page<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    wanted: &WantedMembers,
    page: PageRequest,
) -> Result<(Vec<Member>, i64)> {
    let (rows, total) = Filter::new(COLUMNS, FROM, "m.workspace_id = $", workspace)
        .and("(m.suspended_at IS NOT NULL) = $", wanted.suspended)
        .and_if("m.role = $", wanted.role.map(|r| r.as_str()))
        .and_contains("u.email LIKE $ ESCAPE '\\'", wanted.email.as_deref())
        .page(db, "u.email", page)
        .await?;
    Ok((rows.iter().map(read).collect::<Result<_>>()?, total))
}

pub(crate) async fn find<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    user: &UserId,
) -> Result<Option<Member>> {
    let select = sql(
        "SELECT u.id, u.email, u.display_name, u.created_at, m.role, m.created_at AS since, m.suspended_at, \
         (SELECT MAX(s.created_at) FROM sessions s WHERE s.user_id = u.id AND s.workspace_id = m.workspace_id) AS last_sign_in, \
         EXISTS (SELECT 1 FROM passwords p WHERE p.user_id = u.id AND p.blocked_at IS NULL) AS has_password, \
         EXISTS (SELECT 1 FROM sessions s WHERE s.user_id = u.id AND s.workspace_id = m.workspace_id \
             AND s.connection_id IS NOT NULL) AS uses_sso \
         FROM (SELECT workspace_id, user_id, role, created_at, CAST(NULL AS BIGINT) AS suspended_at FROM memberships \
             UNION ALL SELECT workspace_id, user_id, role, member_since, suspended_at FROM suspended_members) m \
         JOIN users u ON u.id = m.user_id WHERE m.workspace_id = $1 AND m.user_id = $2",
    );
    db.fetch_optional(select.bind(workspace).bind(user)).await?.as_ref().map(read).transpose()
}

pub(crate) async fn remove(tx: &mut Tx, workspace: &WorkspaceId, user: &UserId) -> Result<()> {
    let delete = sql("DELETE FROM memberships WHERE workspace_id = $1 AND user_id = $2");
    tx.execute(delete.bind(workspace).bind(user)).await.map(drop)
}
