use gatehouse_store::{Condition, Queries, Query, Result, Row, Store, Tx, sql};
use gatehouse_types::{ScimGroupId, ScimUserId, Timestamp, UserId, WorkspaceId};
use serde_json::Value;

use crate::model::UserEntry;
use crate::protocol::folded;
use crate::store::places::{self, Of};

/// Rows of one `IN` at most.
pub(crate) const CHUNK: usize = 500;

const SELECT: &str = "SELECT e.id, e.workspace_id, e.user_id, e.active, EXISTS (SELECT 1 FROM memberships m \
     WHERE m.workspace_id = e.workspace_id AND m.user_id = e.user_id) AS has_access, e.is_adopted, e.attributes, e.version, \
     e.created_at, e.updated_at FROM scim_users e";

fn read(row: &Row) -> Result<UserEntry> {
    Ok(UserEntry {
        id: row.id("id")?,
        workspace_id: row.id("workspace_id")?,
        user_id: row.opt_id("user_id")?,
        active: row.bool("active")?,
        has_access: row.bool("has_access")?,
        is_adopted: row.bool("is_adopted")?,
        attributes: row.json("attributes")?,
        version: row.int("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

/// The entries that pass, in an order.
pub(crate) async fn search<Q: Queries>(
    store: &Store,
    db: &mut Q,
    workspace: &WorkspaceId,
    passes: Condition,
    order: Condition,
    (limit, offset): (i64, i64),
) -> Result<Vec<UserEntry>> {
    let of = Condition::fixed("e.workspace_id = ").bind(workspace).sql(" AND ").then(passes);
    let tail = order.sql(" LIMIT ").bind(limit).sql(" OFFSET ").bind(offset);
    of.rows(store, db, SELECT, tail).await?.iter().map(read).collect()
}

/// How many entries pass.
pub(crate) async fn count<Q: Queries>(
    store: &Store,
    db: &mut Q,
    workspace: &WorkspaceId,
    passes: Condition,
) -> Result<i64> {
    let of = Condition::fixed("e.workspace_id = ").bind(workspace).sql(" AND ").then(passes);
    let rows = of.rows(store, db, "SELECT COUNT(*) AS n FROM scim_users e", Condition::default()).await?;
    rows.first().map_or(Ok(0), |r| r.int("n"))
}

async fn one<Q: Queries>(
    store: &Store,
    db: &mut Q,
    workspace: &WorkspaceId,
    passes: Condition,
) -> Result<Option<UserEntry>> {
    Ok(search(store, db, workspace, passes, Condition::default(), (1, 0)).await?.pop())
}

pub(crate) async fn find<Q: Queries>(
    store: &Store,
    db: &mut Q,
    workspace: &WorkspaceId,
    id: &ScimUserId,
) -> Result<Option<UserEntry>> {
    one(store, db, workspace, Condition::fixed("e.id = ").bind(id)).await
}

/// The entry of an account.
pub(crate) async fn of_account(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    user: &UserId,
) -> Result<Option<UserEntry>> {
    let store = tx.store().clone();
    one(&store, tx, workspace, Condition::fixed("e.user_id = ").bind(user)).await
}

/// Whether the workspace has an entry of this name.
pub(crate) async fn is_taken(tx: &mut Tx, workspace: &WorkspaceId, user_name: &str) -> Result<bool> {
    let select = sql("SELECT id FROM scim_users WHERE workspace_id = $1 AND user_name_key = $2");
    Ok(tx.fetch_optional(select.bind(workspace).bind(folded(user_name))).await?.is_some())
}

const INSERT: &str = "INSERT INTO scim_users (id, workspace_id, user_id, user_name, user_name_key, external_id, display, \
     display_key, active, is_adopted, attributes, search, version, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
const INSERT_IF_NEW: &str = "INSERT INTO scim_users (id, workspace_id, user_id, user_name, user_name_key, external_id, display, \
     display_key, active, is_adopted, attributes, search, version, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT DO NOTHING";

fn inserted(text: &'static str, e: &UserEntry) -> Query {
    let display = e.display();
    sql(text)
        .bind(&e.id)
        .bind(&e.workspace_id)
        .bind(e.user_id.as_ref())
        .bind(e.user_name())
        .bind(e.user_name_key())
        .bind(e.external_id())
        .bind(display.as_str())
        .bind(folded(&display))
        .bind(e.active)
        .bind(e.is_adopted)
        .bind(Value::Object(e.attributes.clone()).to_string())
        .bind(e.searched())
        .bind(e.version)
        .bind(e.created_at)
        .bind(e.updated_at)
}

/// Keeps a new entry. The transaction fails with `Unique` at its next statement or commit when the entry's name or its
/// account is taken.
pub(crate) fn insert(tx: &mut Tx, e: &UserEntry) {
    tx.later(inserted(INSERT, e));
    places::came(tx, Of::Users, &e.workspace_id, &e.id);
    keep_emails(tx, e);
}

/// Keeps a new entry unless its name or its account is taken; says whether it was not.
pub(crate) async fn insert_if_new(tx: &mut Tx, e: &UserEntry) -> Result<bool> {
    let is_new = tx.execute(inserted(INSERT_IF_NEW, e)).await? == 1;
    if is_new {
        places::came(tx, Of::Users, &e.workspace_id, &e.id);
        keep_emails(tx, e);
    }
    Ok(is_new)
}

/// Links an entry without an account, found by its name, to one; says whether there was one.
pub(crate) async fn link(tx: &mut Tx, e: &UserEntry) -> Result<bool> {
    let update = sql(
        "UPDATE scim_users SET user_id = $3 WHERE workspace_id = $1 AND user_name_key = $2 AND user_id IS NULL",
    );
    let update = update.bind(&e.workspace_id).bind(e.user_name_key()).bind(e.user_id.as_ref());
    Ok(tx.execute(update).await? == 1)
}

/// The ids of the entries of these names, compared as [`UserEntry::user_name_key`].
pub(crate) async fn ids_of_names(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    keys: &[String],
) -> Result<Vec<String>> {
    let (store, mut all) = (tx.store().clone(), Vec::new());
    for chunk in keys.chunks(CHUNK) {
        let of = Condition::fixed("workspace_id = ").bind(workspace).sql(" AND ");
        let of = of.then(Condition::one_of("user_name_key", chunk.iter().cloned()));
        for row in of.rows(&store, tx, "SELECT id FROM scim_users", Condition::default()).await? {
            all.push(row.text("id")?);
        }
    }
    Ok(all)
}

/// Changes an entry, if it still has the version `before`; says whether it had. Fails with `Unique` when its name or its
/// account is taken.
pub(crate) async fn update(tx: &mut Tx, e: &UserEntry, before: &UserEntry) -> Result<bool> {
    let display = e.display();
    let update = sql("UPDATE scim_users SET user_id = $3, user_name = $4, user_name_key = $5, external_id = $6, display = $7, \
         display_key = $8, active = $9, is_adopted = $10, attributes = $11, search = $12, version = $13, updated_at = $14 WHERE id = $1 AND version = $2")
    .bind(&e.id)
    .bind(before.version)
    .bind(e.user_id.as_ref())
    .bind(e.user_name())
    .bind(e.user_name_key())
    .bind(e.external_id())
    .bind(display.as_str())
    .bind(folded(&display))
    .bind(e.active)
    .bind(e.is_adopted)
    .bind(Value::Object(e.attributes.clone()).to_string())
    .bind(e.searched())
    .bind(e.version)
    .bind(e.updated_at);
    if tx.execute(update).await? == 0 {
        return Ok(false);
    }
    if e.email_keys() != before.email_keys() {
        tx.execute(sql("DELETE FROM scim_emails WHERE entry_id = $1").bind(&e.id)).await?;
        keep_emails(tx, e);
    }
    Ok(true)
}

fn keep_emails(tx: &mut Tx, e: &UserEntry) {
    for key in e.email_keys() {
        let insert = sql("INSERT INTO scim_emails (entry_id, value_key, workspace_id) VALUES ($1, $2, $3)");
        tx.later(insert.bind(&e.id).bind(key).bind(&e.workspace_id));
    }
}

/// Removes an entry with its memberships, if it still has this version; says whether it had.
pub(crate) async fn delete(tx: &mut Tx, e: &UserEntry) -> Result<bool> {
    // the row first: whoever else changes it is waited for here, and nothing of it is gone then
    let hold = sql("UPDATE scim_users SET version = version + 1 WHERE id = $1 AND version = $2");
    if tx.execute(hold.bind(&e.id).bind(e.version)).await? == 0 {
        return Ok(false);
    }
    tx.execute(sql("DELETE FROM scim_emails WHERE entry_id = $1").bind(&e.id)).await?;
    tx.execute(sql("DELETE FROM scim_members WHERE member_id = $1").bind(&e.id)).await?;
    tx.execute(sql("DELETE FROM scim_users WHERE id = $1").bind(&e.id)).await?;
    places::went(tx, Of::Users, &e.workspace_id, &e.id);
    Ok(true)
}

/// The groups that people are in, each with its name: the person's id, then the group.
pub(crate) async fn groups_of<Q: Queries>(
    store: &Store,
    db: &mut Q,
    ids: &[String],
) -> Result<Vec<(String, (ScimGroupId, String))>> {
    const HEAD: &str =
        "SELECT l.member_id, g.id, g.display FROM scim_members l JOIN scim_groups g ON g.id = l.group_id";
    let mut all = Vec::new();
    for chunk in ids.chunks(CHUNK) {
        let of = Condition::one_of("l.member_id", chunk.iter().cloned());
        let order = Condition::fixed(" ORDER BY l.member_id, g.id");
        for row in of.rows(store, db, HEAD, order).await? {
            all.push((row.text("member_id")?, (row.id("id")?, row.text("display")?)));
        }
    }
    Ok(all)
}

/// Members who came to the workspace by other ways since arrivals were last looked for, and have no entry: their account,
/// address and name. Looks back a little further than the last time, for transactions that were under way then.
pub(crate) async fn arrivals<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    slack: i64,
    most: i64,
) -> Result<Vec<(UserId, String, String)>> {
    let select = sql(
        "SELECT u.id, u.email, u.display_name FROM memberships m JOIN users u ON u.id = m.user_id \
         WHERE m.workspace_id = $1 AND m.created_via <> 'scim' AND m.created_at > COALESCE((SELECT d.adopted_until \
         FROM scim_directories d WHERE d.workspace_id = $1), 0) - $2 AND NOT EXISTS (SELECT 1 FROM scim_users s \
         WHERE s.workspace_id = m.workspace_id AND s.user_id = m.user_id) ORDER BY m.created_at, u.id LIMIT $3",
    );
    let rows = db.fetch_all(select.bind(workspace).bind(slack).bind(most)).await?;
    rows.iter().map(|r| Ok((r.id("id")?, r.text("email")?, r.text("display_name")?))).collect()
}

/// Notes that all arrivals until a moment have entries.
pub(crate) async fn set_adopted_until(tx: &mut Tx, workspace: &WorkspaceId, until: Timestamp) -> Result<()> {
    let upsert = sql("INSERT INTO scim_directories (workspace_id, adopted_until) VALUES ($1, $2) \
         ON CONFLICT (workspace_id) DO UPDATE SET adopted_until = excluded.adopted_until");
    tx.execute(upsert.bind(workspace).bind(until)).await.map(drop)
}
