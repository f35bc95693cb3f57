use std::sync::Arc;

use gatehouse_store::{Queries, Result, Row, Tx, sql};
use gatehouse_types::{Timestamp, WorkspaceId};

use crate::connectors::model::known::OwnType;

/// A type as its row has it.
fn read(row: &Row) -> Result<Arc<OwnType>> {
    Ok(Arc::new(OwnType {
        definition: row.json("definition")?,
        left_out: row.json("left_out")?,
        left_out_more: row.int("left_out_more")?,
        created_by: row.opt_text("created_by")?,
        created_at: row.time("created_at")?,
    }))
}

pub(crate) async fn insert(tx: &mut Tx, workspace: &WorkspaceId, own: &OwnType, json: String) -> Result<()> {
    let left_out = serde_json::to_string(&own.left_out)?;
    let insert = sql("INSERT INTO connector_types (workspace_id, id, name, name_key, definition, left_out, \
         left_out_more, created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
    .bind(workspace)
    .bind(own.definition.id.as_str())
    .bind(own.definition.name.as_str())
    .bind(own.definition.name.to_lowercase())
    .bind(json)
    .bind(left_out)
    .bind(own.left_out_more)
    .bind(own.created_by.clone())
    .bind(own.created_at);
    tx.execute(insert).await.map(drop)
}

/// All of a workspace, by name; a workspace has few.
pub(crate) async fn all<Q: Queries>(db: &mut Q, workspace: &WorkspaceId) -> Result<Vec<Arc<OwnType>>> {
    let select = sql("SELECT definition, left_out, left_out_more, created_by, created_at \
         FROM connector_types WHERE workspace_id = $1 ORDER BY name_key, id");
    db.fetch_all(select.bind(workspace)).await?.iter().map(read).collect()
}

const FIND: &str = "SELECT definition, left_out, left_out_more, created_by, created_at \
     FROM connector_types WHERE workspace_id = $1 AND id = $2";

pub(crate) async fn find<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    id: &str,
) -> Result<Option<Arc<OwnType>>> {
    db.fetch_optional(sql(FIND).bind(workspace).bind(id)).await?.as_ref().map(read).transpose()
}

/// When a type was made, without reading it.
pub(crate) async fn made<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    id: &str,
) -> Result<Option<Timestamp>> {
    let select = sql("SELECT created_at FROM connector_types WHERE workspace_id = $1 AND id = $2");
    let row = db.fetch_optional(select.bind(workspace).bind(id)).await?;
    row.map(|r| r.time("created_at")).transpose()
}

/// A type, and the bytes of its definition.
pub(crate) async fn find_sized<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    id: &str,
) -> Result<Option<(Arc<OwnType>, usize)>> {
    let row = db.fetch_optional(sql(FIND).bind(workspace).bind(id)).await?;
    row.map(|r| Ok((read(&r)?, r.text("definition")?.len()))).transpose()
}

/// How many a workspace has.
pub(crate) async fn count<Q: Queries>(db: &mut Q, workspace: &WorkspaceId) -> Result<i64> {
    let select = sql("SELECT COUNT(*) AS n FROM connector_types WHERE workspace_id = $1");
    db.fetch_one(select.bind(workspace)).await?.int("n")
}

pub(crate) async fn delete(tx: &mut Tx, workspace: &WorkspaceId, id: &str) -> Result<()> {
    let delete = sql("DELETE FROM connector_types WHERE workspace_id = $1 AND id = $2");
    tx.execute(delete.bind(workspace).bind(id)).await.map(drop)
}

/// Locks the row, so that no connector of the type comes while it goes; says when it was made.
pub(crate) async fn lock(tx: &mut Tx, workspace: &WorkspaceId, id: &str) -> Result<Option<Timestamp>> {
    const SELECT: &str = "SELECT created_at FROM connector_types WHERE workspace_id = $1 AND id = $2";
    let row = tx.lock_optional(SELECT, sql(SELECT).bind(workspace).bind(id)).await?;
    row.map(|r| r.time("created_at")).transpose()
}
