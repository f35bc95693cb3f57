use std::collections::{BTreeSet, HashMap};

use gatehouse_store::{Condition, Filter, Queries, Result, Row, Store, Tx, sql};
use gatehouse_types::{Email, PageRequest, Role, UserId, WorkspaceId};

use crate::model::User;
use crate::service::members::{Member, WantedMembers};

/// Rows of one `IN` at most.
pub(crate) const CHUNK: usize = 500;

const COLUMNS: &str = "u.id, u.email, u.display_name, u.created_at, m.role, m.created_at AS since, m.suspended_at, m.role_managed, \
    (SELECT MAX(s.created_at) FROM sessions s WHERE s.user_id = u.id AND s.workspace_id = m.workspace_id) AS last_sign_in, \
    EXISTS (SELECT 1 FROM passwords p WHERE p.user_id = u.id AND p.blocked_at IS NULL) AS has_password, \
    EXISTS (SELECT 1 FROM sessions s WHERE s.user_id = u.id AND s.workspace_id = m.workspace_id \
        AND s.connection_id IS NOT NULL) AS uses_sso";
/// Members, and those whose membership is set aside.
const FROM: &str = "(SELECT workspace_id, user_id, role, created_at, CAST(NULL AS BIGINT) AS suspended_at, role_managed FROM memberships \
    UNION ALL SELECT workspace_id, user_id, role, member_since, suspended_at, role_managed FROM suspended_members) m \
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
        role_managed: row.bool("role_managed")?,
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
        "SELECT u.id, u.email, u.display_name, u.created_at, m.role, m.created_at AS since, m.suspended_at, m.role_managed, \
         (SELECT MAX(s.created_at) FROM sessions s WHERE s.user_id = u.id AND s.workspace_id = m.workspace_id) AS last_sign_in, \
         EXISTS (SELECT 1 FROM passwords p WHERE p.user_id = u.id AND p.blocked_at IS NULL) AS has_password, \
         EXISTS (SELECT 1 FROM sessions s WHERE s.user_id = u.id AND s.workspace_id = m.workspace_id \
             AND s.connection_id IS NOT NULL) AS uses_sso \
         FROM (SELECT workspace_id, user_id, role, created_at, CAST(NULL AS BIGINT) AS suspended_at, role_managed FROM memberships \
             UNION ALL SELECT workspace_id, user_id, role, member_since, suspended_at, role_managed FROM suspended_members) m \
         JOIN users u ON u.id = m.user_id WHERE m.workspace_id = $1 AND m.user_id = $2",
    );
    db.fetch_optional(select.bind(workspace).bind(user)).await?.as_ref().map(read).transpose()
}

pub(crate) async fn remove(tx: &mut Tx, workspace: &WorkspaceId, user: &UserId) -> Result<()> {
    let delete = sql("DELETE FROM memberships WHERE workspace_id = $1 AND user_id = $2");
    tx.execute(delete.bind(workspace).bind(user)).await.map(drop)
}

/// Whether the directory gives the person's role.
pub(crate) async fn is_role_managed<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    user: &UserId,
) -> Result<bool> {
    let select = sql("SELECT role_managed FROM memberships WHERE workspace_id = $1 AND user_id = $2");
    let row = db.fetch_optional(select.bind(workspace).bind(user)).await?;
    row.map_or(Ok(false), |r| r.bool("role_managed"))
}

/// How many members' roles the directory gives.
pub(crate) async fn count_managed<Q: Queries>(db: &mut Q, workspace: &WorkspaceId) -> Result<i64> {
    let select = sql("SELECT COUNT(*) AS n FROM memberships WHERE workspace_id = $1 AND role_managed");
    db.fetch_one(select.bind(workspace)).await?.int("n")
}

/// Gives people a role in the name of the directory; owners keep theirs.
pub(crate) async fn give_role(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    role: Role,
    users: &[String],
) -> Result<()> {
    let store = tx.store().clone();
    for chunk in users.chunks(CHUNK) {
        let update = Condition::fixed("UPDATE memberships SET role = ").bind(role.as_str());
        let update = update.sql(", role_managed = TRUE WHERE workspace_id = ").bind(workspace);
        let update = update.sql(" AND role <> 'owner' AND ");
        let update = update.then(Condition::one_of("user_id", chunk.iter().cloned()));
        tx.execute(update.statement(&store)).await?;
    }
    Ok(())
}

/// Notes whether the directory gives a member's role.
pub(crate) async fn set_role_managed(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    user: &UserId,
    managed: bool,
) -> Result<()> {
    let update = sql("UPDATE memberships SET role_managed = $3 WHERE workspace_id = $1 AND user_id = $2");
    tx.execute(update.bind(workspace).bind(user).bind(managed)).await.map(drop)
}

/// Leaves all roles of a workspace to its administrators, also those of people whose access has ended.
pub(crate) async fn release_roles(tx: &mut Tx, workspace: &WorkspaceId) -> Result<()> {
    let members = sql("UPDATE memberships SET role_managed = FALSE WHERE workspace_id = $1 AND role_managed");
    tx.execute(members.bind(workspace)).await?;
    let kept =
        sql("UPDATE suspended_members SET role_managed = FALSE WHERE workspace_id = $1 AND role_managed");
    tx.execute(kept.bind(workspace)).await.map(drop)
}

/// The members with a role: how many, and the first `most` by the alphabet as id and name.
pub(crate) async fn of_role<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    role: Role,
    most: i64,
) -> Result<(i64, Vec<(String, String)>)> {
    let select = sql("SELECT u.id, u.display_name, COUNT(*) OVER () AS n FROM memberships m \
         JOIN users u ON u.id = m.user_id WHERE m.workspace_id = $1 AND m.role = $2 \
         ORDER BY u.display_name, u.id LIMIT $3");
    let rows = db.fetch_all(select.bind(workspace).bind(role.as_str()).bind(most.max(1))).await?;
    let count = rows.first().map(|r| r.int("n")).transpose()?.unwrap_or(0);
    let take = usize::try_from(most).unwrap_or(0);
    let named = rows.iter().take(take).map(|r| Ok((r.text("id")?, r.text("display_name")?)));
    Ok((count, named.collect::<Result<_>>()?))
}

/// What these people are called, as far as they are members.
pub(crate) async fn names_among<Q: Queries>(
    store: &Store,
    db: &mut Q,
    workspace: &WorkspaceId,
    people: &BTreeSet<UserId>,
) -> Result<HashMap<UserId, String>> {
    let ids: Vec<_> = people.iter().map(ToString::to_string).collect();
    let mut names = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(CHUNK) {
        let select = Condition::fixed(
            "SELECT u.id, u.display_name FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.workspace_id = ",
        );
        let select = select.bind(workspace).sql(" AND ");
        let select = select.then(Condition::one_of("m.user_id", chunk.iter().cloned()));
        for row in db.fetch_all(select.statement(store)).await? {
            names.insert(row.id("id")?, row.text("display_name")?);
        }
    }
    Ok(names)
}

/// What people are in each of their workspaces.
pub(crate) async fn roles_of<Q: Queries>(
    store: &Store,
    db: &mut Q,
    people: &BTreeSet<UserId>,
) -> Result<HashMap<(WorkspaceId, UserId), Role>> {
    let ids: Vec<_> = people.iter().map(ToString::to_string).collect();
    let mut roles = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(CHUNK) {
        let select = Condition::fixed("SELECT workspace_id, user_id, role FROM memberships WHERE ");
        let select = select.then(Condition::one_of("user_id", chunk.iter().cloned()));
        for row in db.fetch_all(select.statement(store)).await? {
            roles.insert((row.id("workspace_id")?, row.id("user_id")?), row.parse("role")?);
        }
    }
    Ok(roles)
}
