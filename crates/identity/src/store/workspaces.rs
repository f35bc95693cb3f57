use gatehouse_store::{Queries, Result, Row, Tx, sql};
use gatehouse_types::{Email, Role, UserId, WorkspaceId};

use crate::DefaultSignIn;
use crate::model::{CreatedVia, Membership, Workspace};

fn read(row: &Row) -> Result<Workspace> {
    Ok(Workspace {
        id: row.id("id")?,
        name: row.text("name")?,
        is_lab: row.bool("is_lab")?,
        created_at: row.time("created_at")?,
    })
}

fn read_membership(row: &Row) -> Result<Membership> {
    Ok(Membership { workspace: read(row)?, role: row.parse("role")? })
}

/// The compared form of a workspace's name.
fn key(name: &str) -> String {
    name.trim().to_lowercase()
}

pub(crate) async fn insert(tx: &mut Tx, workspace: &Workspace) -> Result<()> {
    let insert =
        sql("INSERT INTO workspaces (id, name, name_key, is_lab, created_at) VALUES ($1, $2, $3, $4, $5)")
            .bind(&workspace.id)
            .bind(workspace.name.as_str())
            .bind(key(&workspace.name))
            .bind(workspace.is_lab)
            .bind(workspace.created_at);
    tx.execute(insert).await.map(drop)
}

pub(crate) async fn find<Q: Queries>(db: &mut Q, id: &WorkspaceId) -> Result<Option<Workspace>> {
    let select = sql("SELECT id, name, is_lab, created_at FROM workspaces WHERE id = $1");
    db.fetch_optional(select.bind(id)).await?.as_ref().map(read).transpose()
}

pub(crate) async fn find_by_name<Q: Queries>(db: &mut Q, name: &str) -> Result<Option<Workspace>> {
    let select = sql("SELECT id, name, is_lab, created_at FROM workspaces WHERE name_key = $1");
    db.fetch_optional(select.bind(key(name))).await?.as_ref().map(read).transpose()
}

/// Adds the person or changes the role, and notes whether the directory gives it; says whether anything changed.
pub(crate) async fn set_member(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    user: &UserId,
    (role, is_managed): (Role, bool),
    via: CreatedVia,
) -> Result<bool> {
    let upsert = sql(
        "INSERT INTO memberships (workspace_id, user_id, role, created_via, created_at, role_managed) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (workspace_id, user_id) DO UPDATE \
         SET role = excluded.role, role_managed = excluded.role_managed WHERE memberships.role <> excluded.role",
    )
    .bind(workspace)
    .bind(user)
    .bind(role.as_str())
    .bind(via.as_str())
    .bind(tx.store().now())
    .bind(is_managed);
    Ok(tx.execute(upsert).await? == 1)
}

/// Makes somebody a member who was just made, and can be none yet.
pub(crate) fn add_new_member(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    user: &UserId,
    role: Role,
    via: CreatedVia,
) {
    let insert =
        sql("INSERT INTO memberships (workspace_id, user_id, role, created_via, created_at, role_managed) \
         VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(workspace)
        .bind(user)
        .bind(role.as_str())
        .bind(via.as_str())
        .bind(tx.store().now())
        .bind(false);
    tx.later(insert);
}

pub(crate) async fn set_role(tx: &mut Tx, workspace: &WorkspaceId, user: &UserId, role: Role) -> Result<()> {
    let update = sql("UPDATE memberships SET role = $3 WHERE workspace_id = $1 AND user_id = $2");
    tx.execute(update.bind(workspace).bind(user).bind(role.as_str())).await.map(drop)
}

pub(crate) async fn role_of<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    user: &UserId,
) -> Result<Option<Role>> {
    let select = sql("SELECT role FROM memberships WHERE workspace_id = $1 AND user_id = $2");
    db.fetch_optional(select.bind(workspace).bind(user)).await?.map(|r| r.parse("role")).transpose()
}

/// The workspaces of a person, oldest membership first.
pub(crate) async fn memberships<Q: Queries>(db: &mut Q, user: &UserId) -> Result<Vec<Membership>> {
    let select = sql("SELECT w.id, w.name, w.is_lab, w.created_at, m.role FROM memberships m \
         JOIN workspaces w ON w.id = m.workspace_id WHERE m.user_id = $1 ORDER BY m.created_at, w.id LIMIT 1000");
    db.fetch_all(select.bind(user)).await?.iter().map(read_membership).collect()
}

/// The addresses of everyone with a role in a workspace.
pub(crate) async fn emails_of_role<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    role: Role,
) -> Result<Vec<Email>> {
    let select = sql("SELECT u.email FROM memberships m JOIN users u ON u.id = m.user_id \
         WHERE m.workspace_id = $1 AND m.role = $2 ORDER BY m.created_at, u.id");
    let rows = db.fetch_all(select.bind(workspace).bind(role.as_str())).await?;
    rows.iter().map(|r| r.text("email").map(Email::from_stored)).collect()
}

/// The addresses of a workspace's members, the first so many by the alphabet.
pub(crate) async fn emails<Q: Queries>(db: &mut Q, workspace: &WorkspaceId, most: i64) -> Result<Vec<Email>> {
    let select = sql("SELECT u.email FROM memberships m JOIN users u ON u.id = m.user_id \
         WHERE m.workspace_id = $1 ORDER BY u.email LIMIT $2");
    let rows = db.fetch_all(select.bind(workspace).bind(most)).await?;
    rows.iter().map(|r| r.text("email").map(Email::from_stored)).collect()
}

/// Locks the workspace's row: what depends on all its members changes one at a time.
pub(crate) async fn lock(tx: &mut Tx, id: &WorkspaceId) -> Result<()> {
    const SELECT: &str = "SELECT id FROM workspaces WHERE id = $1";
    tx.lock_optional(SELECT, sql(SELECT).bind(id)).await.map(drop)
}

/// Whether somebody made the workspace by signing up.
pub(crate) async fn was_signed_up(tx: &mut Tx, workspace: &WorkspaceId) -> Result<bool> {
    let select = sql("SELECT 1 AS one FROM memberships WHERE workspace_id = $1 AND created_via = $2 LIMIT 1");
    let select = select.bind(workspace).bind(CreatedVia::SignUp.as_str());
    Ok(tx.fetch_optional(select).await?.is_some())
}

/// What the sign-in page offers first to people of the workspace's domains.
pub(crate) async fn default_sign_in<Q: Queries>(db: &mut Q, id: &WorkspaceId) -> Result<DefaultSignIn> {
    let select = sql("SELECT default_sign_in FROM workspaces WHERE id = $1");
    let row = db.fetch_optional(select.bind(id)).await?;
    let stored = row.map(|r| r.text("default_sign_in")).transpose()?;
    Ok(stored.map_or(DefaultSignIn::Password, |text| DefaultSignIn::from_stored(&text)))
}

pub(crate) async fn set_default_sign_in(tx: &mut Tx, id: &WorkspaceId, way: DefaultSignIn) -> Result<()> {
    let update = sql("UPDATE workspaces SET default_sign_in = $2 WHERE id = $1");
    tx.execute(update.bind(id).bind(way.as_str())).await.map(drop)
}
