use gatehouse_store::{Queries, Result, Row, Tx, sql};
use gatehouse_types::{Email, Role, UserId, WorkspaceId};

use crate::model::User;

fn read(row: &Row) -> Result<User> {
    Ok(User {
        id: row.id("id")?,
        email: Email::from_stored(row.text("email")?),
        display_name: row.text("display_name")?,
        created_at: row.time("created_at")?,
    })
}

pub(crate) async fn insert(tx: &mut Tx, user: &User) -> Result<()> {
    let insert = sql(
        "INSERT INTO users (id, email, display_name, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)",
    )
    .bind(&user.id)
    .bind(user.email.as_str())
    .bind(user.display_name.as_str())
    .bind(user.created_at);
    tx.execute(insert).await.map(drop)
}

/// Keeps a new person unless somebody has the address; says whether nobody had.
pub(crate) async fn insert_if_new(tx: &mut Tx, user: &User) -> Result<bool> {
    let insert = sql("INSERT INTO users (id, email, display_name, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $4) ON CONFLICT DO NOTHING")
    .bind(&user.id)
    .bind(user.email.as_str())
    .bind(user.display_name.as_str())
    .bind(user.created_at);
    Ok(tx.execute(insert).await? == 1)
}

pub(crate) async fn find<Q: Queries>(db: &mut Q, id: &UserId) -> Result<Option<User>> {
    let select = sql("SELECT id, email, display_name, created_at FROM users WHERE id = $1");
    db.fetch_optional(select.bind(id)).await?.as_ref().map(read).transpose()
}

/// A member with the role, if the person is one.
pub(crate) async fn member<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    id: &UserId,
) -> Result<Option<(User, Role)>> {
    let select = sql("SELECT u.id, u.email, u.display_name, u.created_at, m.role FROM users u \
         JOIN memberships m ON m.user_id = u.id WHERE u.id = $1 AND m.workspace_id = $2");
    let row = db.fetch_optional(select.bind(id).bind(workspace)).await?;
    row.map(|row| Ok((read(&row)?, row.parse("role")?))).transpose()
}

pub(crate) async fn find_by_email<Q: Queries>(db: &mut Q, email: &Email) -> Result<Option<User>> {
    let select = sql("SELECT id, email, display_name, created_at FROM users WHERE email = $1");
    db.fetch_optional(select.bind(email.as_str())).await?.as_ref().map(read).transpose()
}

/// Holds the person against other writers of how they sign in (password, second steps, open questions, sessions begun by
/// them) until the end of the transaction. Taken before any of those rows: no two transactions wait for each other.
pub(crate) async fn hold(tx: &mut Tx, id: &UserId) -> Result<()> {
    const SELECT: &str = "SELECT id FROM users WHERE id = $1";
    tx.lock_optional(SELECT, sql(SELECT).bind(id)).await.map(drop)
}

pub(crate) async fn rename(tx: &mut Tx, id: &UserId, name: &str) -> Result<()> {
    let update = sql("UPDATE users SET display_name = $2, updated_at = $3 WHERE id = $1");
    tx.execute(update.bind(id).bind(name).bind(tx.store().now())).await.map(drop)
}
