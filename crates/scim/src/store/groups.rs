use std::collections::BTreeSet;

use gatehouse_store::{Condition, Queries, Result, Row, Store, Tx, sql};
use gatehouse_types::{ScimGroupId, WorkspaceId};
use serde_json::Value;

use super::places::{self, Of};
use super::users::CHUNK;
use crate::model::{GroupEntry, Member};
use crate::protocol::folded;

const SELECT: &str =
    "SELECT e.id, e.workspace_id, e.attributes, e.version, e.created_at, e.updated_at FROM scim_groups e";

fn read(row: &Row) -> Result<GroupEntry> {
    Ok(GroupEntry {
        id: row.id("id")?,
        workspace_id: row.id("workspace_id")?,
        attributes: row.json("attributes")?,
        version: row.int("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

/// The groups that pass, in an order.
pub(crate) async fn search<Q: Queries>(
    store: &Store,
    db: &mut Q,
    workspace: &WorkspaceId,
    passes: Condition,
    order: Condition,
    (limit, offset): (i64, i64),
) -> Result<Vec<GroupEntry>> {
    let of = Condition::fixed("e.workspace_id = ").bind(workspace).sql(" AND ").then(passes);
    let tail = order.sql(" LIMIT ").bind(limit).sql(" OFFSET ").bind(offset);
    of.rows(store, db, SELECT, tail).await?.iter().map(read).collect()
}

/// How many groups pass.
pub(crate) async fn count<Q: Queries>(
    store: &Store,
    db: &mut Q,
    workspace: &WorkspaceId,
    passes: Condition,
) -> Result<i64> {
    let of = Condition::fixed("e.workspace_id = ").bind(workspace).sql(" AND ").then(passes);
    let rows = of.rows(store, db, "SELECT COUNT(*) AS n FROM scim_groups e", Condition::default()).await?;
    rows.first().map_or(Ok(0), |r| r.int("n"))
}

pub(crate) async fn find<Q: Queries>(
    store: &Store,
    db: &mut Q,
    workspace: &WorkspaceId,
    id: &ScimGroupId,
) -> Result<Option<GroupEntry>> {
    let passes = Condition::fixed("e.id = ").bind(id);
    Ok(search(store, db, workspace, passes, Condition::default(), (1, 0)).await?.pop())
}

/// Keeps a new group. Fails with `Unique` when its name is taken.
pub(crate) async fn insert(tx: &mut Tx, g: &GroupEntry) -> Result<()> {
    let insert = sql("INSERT INTO scim_groups (id, workspace_id, display, display_key, external_id, attributes, search, version, \
         created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
    .bind(&g.id)
    .bind(&g.workspace_id)
    .bind(g.display())
    .bind(folded(g.display()))
    .bind(g.external_id())
    .bind(Value::Object(g.attributes.clone()).to_string())
    .bind(g.searched())
    .bind(g.version)
    .bind(g.created_at)
    .bind(g.updated_at);
    tx.execute(insert).await?;
    places::came(tx, Of::Groups, &g.workspace_id, &g.id);
    Ok(())
}

/// Changes a group, if it still has the version `before`; says whether it had. Fails with `Unique` as [`insert`].
pub(crate) async fn update(tx: &mut Tx, g: &GroupEntry, before: i64) -> Result<bool> {
    let update = sql("UPDATE scim_groups SET display = $3, display_key = $4, external_id = $5, attributes = $6, search = $7, \
         version = $8, updated_at = $9 WHERE id = $1 AND version = $2")
    .bind(&g.id)
    .bind(before)
    .bind(g.display())
    .bind(folded(g.display()))
    .bind(g.external_id())
    .bind(Value::Object(g.attributes.clone()).to_string())
    .bind(g.searched())
    .bind(g.version)
    .bind(g.updated_at);
    Ok(tx.execute(update).await? == 1)
}

/// Removes a group with its memberships, if it still has this version; says whether it had.
pub(crate) async fn delete(tx: &mut Tx, g: &GroupEntry) -> Result<bool> {
    let hold = sql("UPDATE scim_groups SET version = version + 1 WHERE id = $1 AND version = $2");
    if tx.execute(hold.bind(&g.id).bind(g.version)).await? == 0 {
        return Ok(false);
    }
    tx.execute(sql("DELETE FROM scim_members WHERE group_id = $1").bind(&g.id)).await?;
    tx.execute(sql("DELETE FROM scim_members WHERE member_id = $1").bind(&g.id)).await?;
    tx.execute(sql("DELETE FROM scim_groups WHERE id = $1").bind(&g.id)).await?;
    places::went(tx, Of::Groups, &g.workspace_id, &g.id);
    Ok(true)
}

/// The members of groups: the group's id, then the member.
pub(crate) async fn members_of<Q: Queries>(
    store: &Store,
    db: &mut Q,
    groups: &[String],
) -> Result<Vec<(String, Member)>> {
    const HEAD: &str = "SELECT l.group_id, l.member_id, l.kind, COALESCE(u.display, g.display) AS display FROM scim_members l \
         LEFT JOIN scim_users u ON u.id = l.member_id LEFT JOIN scim_groups g ON g.id = l.member_id";
    let mut all = Vec::new();
    for chunk in groups.chunks(CHUNK) {
        // somebody who was deleted while joining is in no group
        let of = Condition::one_of("l.group_id", chunk.iter().cloned())
            .sql(" AND COALESCE(u.id, g.id) IS NOT NULL");
        for row in of.rows(store, db, HEAD, Condition::fixed(" ORDER BY l.group_id, l.member_id")).await? {
            let (id, kind) = (row.text("member_id")?, row.text("kind")?);
            let member = Member { id, kind, display: row.opt_text("display")? };
            all.push((row.text("group_id")?, member));
        }
    }
    Ok(all)
}

/// Which of these are no resources of the workspace.
pub(crate) async fn unknown(tx: &mut Tx, workspace: &WorkspaceId, ids: &[String]) -> Result<Vec<String>> {
    let store = tx.store().clone();
    let mut missing: BTreeSet<String> = ids.iter().cloned().collect();
    for chunk in ids.chunks(CHUNK) {
        for head in ["SELECT e.id FROM scim_users e", "SELECT e.id FROM scim_groups e"] {
            let of = Condition::fixed("e.workspace_id = ").bind(workspace).sql(" AND ");
            let of = of.then(Condition::one_of("e.id", chunk.iter().cloned()));
            for row in of.rows(&store, tx, head, Condition::default()).await? {
                missing.remove(&row.text("id")?);
            }
        }
    }
    Ok(missing.into_iter().collect())
}

/// Adds members; says how many are new.
pub(crate) async fn add(tx: &mut Tx, group: &ScimGroupId, ids: &[String]) -> Result<u64> {
    let (store, now) = (tx.store().clone(), tx.store().now());
    let mut added = 0;
    for chunk in ids.chunks(CHUNK) {
        for (kind, from) in [("User", " FROM scim_users e WHERE "), ("Group", " FROM scim_groups e WHERE ")] {
            let insert =
                Condition::fixed("INSERT INTO scim_members (group_id, member_id, kind, added_at) SELECT ");
            let insert = insert.bind(group).sql(", e.id, ").bind(kind).sql(", ").bind(now).sql(from);
            let insert = insert.then(Condition::one_of("e.id", chunk.iter().cloned()));
            let insert = insert.sql(" ON CONFLICT (group_id, member_id) DO NOTHING");
            added += tx.execute(insert.statement(&store)).await?;
        }
    }
    Ok(added)
}

/// Takes members out; says how many were in.
pub(crate) async fn remove(tx: &mut Tx, group: &ScimGroupId, ids: &[String]) -> Result<u64> {
    let store = tx.store().clone();
    let mut removed = 0;
    for chunk in ids.chunks(CHUNK) {
        let delete = Condition::fixed("DELETE FROM scim_members WHERE group_id = ").bind(group).sql(" AND ");
        let delete = delete.then(Condition::one_of("member_id", chunk.iter().cloned()));
        removed += tx.execute(delete.statement(&store)).await?;
    }
    Ok(removed)
}

/// The ids of those members who pass.
pub(crate) async fn members_where(
    tx: &mut Tx,
    group: &ScimGroupId,
    passes: Condition,
) -> Result<Vec<String>> {
    let store = tx.store().clone();
    let of = Condition::fixed("l.group_id = ").bind(group).sql(" AND ").then(passes);
    let rows = of.rows(&store, tx, "SELECT l.member_id FROM scim_members l", Condition::default()).await?;
    rows.iter().map(|r| r.text("member_id")).collect()
}

/// The ids of all members.
pub(crate) async fn member_ids(tx: &mut Tx, group: &ScimGroupId) -> Result<BTreeSet<String>> {
    let rows =
        tx.fetch_all(sql("SELECT member_id FROM scim_members WHERE group_id = $1").bind(group)).await?;
    rows.iter().map(|r| r.text("member_id")).collect()
}
