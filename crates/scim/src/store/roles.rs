use gatehouse_store::{Condition, Queries, Result, Row, Tx, sql};
use gatehouse_types::{Email, Id, Role, ScimGroupId, ScimUserId, UserId, WorkspaceId};

use super::users::CHUNK;
use crate::model::role::{Mapping, of_rank, rank};

/// Whether a workspace has a group that gives a role.
pub(crate) async fn any(tx: &mut Tx, workspace: &WorkspaceId) -> Result<bool> {
    let select = sql("SELECT 1 AS one FROM scim_role_mappings WHERE workspace_id = $1 LIMIT 1");
    Ok(tx.fetch_optional(select.bind(workspace)).await?.is_some())
}

/// Whether a group gives a role.
pub(crate) async fn is_mapped(tx: &mut Tx, group: &ScimGroupId) -> Result<bool> {
    let select = sql("SELECT 1 AS one FROM scim_role_mappings WHERE group_id = $1");
    Ok(tx.fetch_optional(select.bind(group)).await?.is_some())
}

/// The groups that give a role, in their order.
pub(crate) async fn list<Q: Queries>(db: &mut Q, workspace: &WorkspaceId) -> Result<Vec<Mapping>> {
    let select = sql("SELECT r.group_id, g.display, r.role, (SELECT COUNT(*) FROM scim_members l \
         JOIN scim_users e ON e.id = l.member_id WHERE l.group_id = r.group_id) AS people \
         FROM scim_role_mappings r JOIN scim_groups g ON g.id = r.group_id \
         WHERE r.workspace_id = $1 ORDER BY r.position");
    let rows = db.fetch_all(select.bind(workspace)).await?;
    rows.iter()
        .map(|r| {
            Ok(Mapping {
                group: r.id("group_id")?,
                name: r.text("display")?,
                role: r.parse("role")?,
                people: r.int("people")?,
            })
        })
        .collect()
}

/// Workspaces in which groups give roles.
pub(crate) async fn workspaces<Q: Queries>(db: &mut Q) -> Result<Vec<WorkspaceId>> {
    let select = sql("SELECT DISTINCT workspace_id FROM scim_role_mappings ORDER BY workspace_id");
    db.fetch_all(select).await?.iter().map(|r| r.id("workspace_id")).collect()
}

/// Puts a list into the place of the one that was.
pub(crate) async fn replace(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    wanted: &[(ScimGroupId, Role)],
) -> Result<()> {
    let delete = sql("DELETE FROM scim_role_mappings WHERE workspace_id = $1");
    tx.execute(delete.bind(workspace)).await?;
    for ((group, role), position) in wanted.iter().zip(0_i64..) {
        let insert = sql(
            "INSERT INTO scim_role_mappings (workspace_id, group_id, role, role_rank, position) VALUES ($1, $2, $3, $4, $5)",
        );
        let insert = insert.bind(workspace).bind(group).bind(role.as_str()).bind(rank(*role));
        tx.execute(insert.bind(position)).await?;
    }
    Ok(())
}

/// Ends what a group gives.
pub(crate) async fn delete(tx: &mut Tx, group: &ScimGroupId) -> Result<()> {
    tx.execute(sql("DELETE FROM scim_role_mappings WHERE group_id = $1").bind(group)).await.map(drop)
}

fn given(row: &Row) -> Result<(Role, String)> {
    Ok((row.parse("role")?, row.text("display")?))
}

/// What the groups of an entry give, the highest role of several, and the name of the group.
pub(crate) async fn of_entry(tx: &mut Tx, entry: &ScimUserId) -> Result<Option<(Role, String)>> {
    let select = sql("SELECT r.role, g.display FROM scim_members l \
         JOIN scim_role_mappings r ON r.group_id = l.group_id JOIN scim_groups g ON g.id = l.group_id \
         WHERE l.member_id = $1 ORDER BY r.role_rank DESC, r.position LIMIT 1");
    tx.fetch_optional(select.bind(entry)).await?.as_ref().map(given).transpose()
}

/// The same of an account's entry.
pub(crate) async fn of_account(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    user: &UserId,
) -> Result<Option<(Role, String)>> {
    let select = sql("SELECT r.role, g.display FROM scim_users e JOIN scim_members l ON l.member_id = e.id \
         JOIN scim_role_mappings r ON r.group_id = l.group_id JOIN scim_groups g ON g.id = l.group_id \
         WHERE e.workspace_id = $1 AND e.user_id = $2 ORDER BY r.role_rank DESC, r.position LIMIT 1");
    tx.fetch_optional(select.bind(workspace).bind(user)).await?.as_ref().map(given).transpose()
}

/// Somebody whose role or access is not what the groups say.
#[derive(Clone, Debug)]
pub(crate) struct Due {
    pub(crate) user: UserId,
    pub(crate) email: Email,
    /// The shown name of the account.
    pub(crate) name: String,
    /// The member's role; `None`: the access has ended.
    pub(crate) role: Option<Role>,
    /// The role that was kept when the access ended.
    pub(crate) kept: Option<Role>,
    /// What the groups give.
    pub(crate) given: Option<Role>,
}

fn read(row: &Row) -> Result<Due> {
    let role = |column: &str| -> Result<Option<Role>> {
        row.opt_text(column)?.map(|_| row.parse(column)).transpose()
    };
    Ok(Due {
        user: row.id("user_id")?,
        email: Email::from_stored(row.text("email")?),
        name: row.text("display_name")?,
        role: role("role")?,
        kept: role("kept_role")?,
        given: row.opt_int("best")?.and_then(of_rank),
    })
}

/// Whose role or access is not what the groups say: a member in a mapped group with another role, or whose role is not
/// marked as the group's; a member whose role was a group's and who is in none any more; somebody whose access the directory
/// ended, who is active and in a mapped group. Owners and whom an administrator suspended are never due. One statement for
/// everybody, or for each 500 of the entries in question.
pub(crate) async fn due(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    entries: Option<&[String]>,
) -> Result<Vec<Due>> {
    match entries {
        None => due_of(tx, workspace, Condition::fixed("TRUE")).await,
        Some(ids) => {
            let mut all = Vec::new();
            for chunk in ids.chunks(CHUNK) {
                let of = Condition::one_of("x.id", chunk.iter().cloned());
                all.extend(due_of(tx, workspace, of).await?);
            }
            Ok(all)
        }
    }
}

async fn due_of(tx: &mut Tx, workspace: &WorkspaceId, entries: Condition) -> Result<Vec<Due>> {
    const HEAD: &str = "SELECT x.user_id, x.email, x.display_name, x.role, x.kept_role, x.best FROM (SELECT e.id, e.workspace_id, e.user_id, \
         e.active, u.email, u.display_name, m.role, m.role_managed, k.role AS kept_role, k.cause, (SELECT MAX(r.role_rank) FROM scim_members l \
         JOIN scim_role_mappings r ON r.group_id = l.group_id WHERE l.member_id = e.id) AS best FROM scim_users e \
         JOIN users u ON u.id = e.user_id \
         LEFT JOIN memberships m ON m.workspace_id = e.workspace_id AND m.user_id = e.user_id \
         LEFT JOIN suspended_members k ON k.workspace_id = e.workspace_id AND k.user_id = e.user_id) x";
    const DIFFERS: &str = " AND ((x.role <> 'owner' AND ((x.best IS NULL AND x.role_managed) OR (x.best IS NOT NULL \
         AND (NOT x.role_managed OR x.best <> CASE x.role WHEN 'admin' THEN 3 WHEN 'member' THEN 2 ELSE 1 END)))) \
         OR (x.role IS NULL AND x.kept_role <> 'owner' AND x.cause <> 'suspended' AND x.active AND x.best IS NOT NULL))";
    let store = tx.store().clone();
    let of = Condition::fixed("x.workspace_id = ").bind(workspace).sql(" AND ").then(entries).sql(DIFFERS);
    let rows = of.rows(&store, tx, HEAD, Condition::fixed(" ORDER BY x.email")).await?;
    rows.iter().map(read).collect()
}

/// The names of a workspace's groups, the first so many by the alphabet; for a choice.
pub(crate) async fn groups<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    most: i64,
) -> Result<Vec<(ScimGroupId, String)>> {
    let select =
        sql("SELECT id, display FROM scim_groups WHERE workspace_id = $1 ORDER BY display_key LIMIT $2");
    let rows = db.fetch_all(select.bind(workspace).bind(most)).await?;
    rows.iter().map(|r| Ok((r.id("id")?, r.text("display")?))).collect()
}

/// Which of these are groups of the workspace.
pub(crate) async fn known(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    groups: &[(ScimGroupId, Role)],
) -> Result<Vec<ScimGroupId>> {
    let store = tx.store().clone();
    let of = Condition::fixed("workspace_id = ").bind(workspace).sql(" AND ");
    let of = of.then(Condition::one_of("id", groups.iter().map(|(g, _)| g.as_str().to_owned())));
    let rows = of.rows(&store, tx, "SELECT id FROM scim_groups", Condition::default()).await?;
    rows.iter().map(|r| r.id("id")).collect()
}
