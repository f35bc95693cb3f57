use gatehouse_store::{Filter, Queries, Result, Row, Store, Tx, sql};
use gatehouse_types::{PageRequest, ScriptFileId, Timestamp, WorkspaceId};

/// A file that the scripts of a workspace may read.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) id: ScriptFileId,
    pub(crate) workspace: WorkspaceId,
    pub(crate) name: String,
    pub(crate) sha256: String,
    pub(crate) bytes: i64,
    pub(crate) created_by: String,
    pub(crate) created_at: Timestamp,
}

fn read(row: &Row) -> Result<File> {
    Ok(File {
        id: row.id("id")?,
        workspace: row.id("workspace_id")?,
        name: row.text("name")?,
        sha256: row.text("sha256")?,
        bytes: row.int("bytes")?,
        created_by: row.text("created_by")?,
        created_at: row.time("created_at")?,
    })
}

pub(crate) async fn insert(tx: &mut Tx, f: &File) -> Result<()> {
    let insert = sql(
        "INSERT INTO script_files (id, workspace_id, name, name_key, sha256, bytes, created_by, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&f.id)
    .bind(&f.workspace)
    .bind(f.name.as_str())
    .bind(f.name.to_lowercase())
    .bind(f.sha256.as_str())
    .bind(f.bytes)
    .bind(f.created_by.as_str())
    .bind(f.created_at);
    tx.execute(insert).await.map(drop)
}

pub(crate) async fn find<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    id: &ScriptFileId,
) -> Result<Option<File>> {
    let select = sql("SELECT * FROM script_files WHERE workspace_id = $1 AND id = $2");
    db.fetch_optional(select.bind(workspace).bind(id)).await?.as_ref().map(read).transpose()
}

/// How many files a workspace has, their bytes, and whether one has this name.
pub(crate) async fn totals<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    name: &str,
) -> Result<(i64, i64, bool)> {
    let select = sql("SELECT COUNT(*) AS n, CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes, \
         COALESCE(SUM(CASE WHEN name_key = $2 THEN 1 ELSE 0 END), 0) AS same FROM script_files WHERE workspace_id = $1");
    let row = db.fetch_one(select.bind(workspace).bind(name.to_lowercase())).await?;
    Ok((row.int("n")?, row.int("bytes")?, row.int("same")? > 0))
}

/// One page, by name.
pub(crate) async fn page<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    page: PageRequest,
) -> Result<(Vec<File>, i64)> {
    let filter = Filter::new("*", "script_files", "workspace_id = $", workspace);
    let (rows, total) = filter.page(db, "name_key, id", page).await?;
    Ok((rows.iter().map(read).collect::<Result<_>>()?, total))
}

/// Every file there is: its workspace and its name.
pub(crate) async fn all(store: &Store) -> Result<Vec<(WorkspaceId, String)>> {
    let rows = store.reader().fetch_all(sql("SELECT workspace_id, name FROM script_files")).await?;
    rows.iter().map(|row| Ok((row.id("workspace_id")?, row.text("name")?))).collect()
}

pub(crate) async fn delete(tx: &mut Tx, id: &ScriptFileId) -> Result<()> {
    tx.execute(sql("DELETE FROM script_files WHERE id = $1").bind(id)).await.map(drop)
}
