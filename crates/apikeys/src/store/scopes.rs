use gatehouse_store::{Queries, Result, Tx, sql};
use gatehouse_types::WorkspaceId;

use crate::model::scope::OwnScope;

/// The workspace's own scopes, by id.
pub(crate) async fn all<Q: Queries>(db: &mut Q, workspace: &WorkspaceId) -> Result<Vec<OwnScope>> {
    let select = sql("SELECT id, name, description, created_by, created_at FROM api_scopes \
         WHERE workspace_id = $1 ORDER BY id");
    let rows = db.fetch_all(select.bind(workspace)).await?;
    rows.iter()
        .map(|r| {
            Ok(OwnScope {
                id: r.text("id")?,
                name: r.text("name")?,
                description: r.text("description")?,
                created_by: r.opt_text("created_by")?,
                created_at: r.time("created_at")?,
            })
        })
        .collect()
}

pub(crate) async fn insert(tx: &mut Tx, workspace: &WorkspaceId, scope: &OwnScope) -> Result<()> {
    let insert = sql("INSERT INTO api_scopes (workspace_id, id, name, description, created_by, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6)")
    .bind(workspace)
    .bind(scope.id.as_str())
    .bind(scope.name.as_str())
    .bind(scope.description.as_str())
    .bind(scope.created_by.clone())
    .bind(scope.created_at);
    tx.execute(insert).await.map(drop)
}

/// Says whether there was one.
pub(crate) async fn delete(tx: &mut Tx, workspace: &WorkspaceId, id: &str) -> Result<bool> {
    let delete = sql("DELETE FROM api_scopes WHERE workspace_id = $1 AND id = $2");
    Ok(tx.execute(delete.bind(workspace).bind(id)).await? == 1)
}
