use gatehouse_store::{Binding, Queries, Result, Sealed, Store, Tx, sql};
use gatehouse_types::{FlowFileId, Id, Secret, Timestamp, WorkspaceId};

/// A file that was brought in for an import.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) id: FlowFileId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) name: String,
    pub(crate) content: String,
    /// Who brought it, as `kind:id`.
    pub(crate) created_by: String,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

fn place(id: &FlowFileId) -> Binding<'_> {
    Binding { table: "flow_files", column: "content", row: Id::as_str(id) }
}

pub(crate) async fn insert(tx: &mut Tx, f: &File) -> Result<()> {
    let sealed = tx.store().keyring().seal(place(&f.id), &Secret::new(f.content.clone()));
    let insert = sql(
        "INSERT INTO flow_files (id, workspace_id, name, content, bytes, created_by, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&f.id)
    .bind(&f.workspace_id)
    .bind(f.name.as_str())
    .bind(sealed.as_str())
    .bind(i64::try_from(f.content.len()).unwrap_or(i64::MAX))
    .bind(f.created_by.as_str())
    .bind(f.created_at)
    .bind(f.expires_at);
    tx.execute(insert).await.map(drop)
}

/// The content of a file that is still there.
pub(crate) async fn content(
    store: &Store,
    workspace: &WorkspaceId,
    id: &FlowFileId,
) -> Result<Option<String>> {
    let select =
        sql("SELECT content FROM flow_files WHERE id = $1 AND workspace_id = $2 AND expires_at > $3");
    let row = store.reader().fetch_optional(select.bind(id).bind(workspace).bind(store.now())).await?;
    let Some(row) = row else { return Ok(None) };
    let text = store.keyring().open_secret(place(id), &Sealed::from_stored(row.text("content")?))?;
    Ok(Some(text.expose().to_owned()))
}

/// How many files of a workspace wait; what is past its time does not.
pub(crate) async fn count(tx: &mut Tx, workspace: &WorkspaceId) -> Result<i64> {
    let now = tx.store().now();
    let select = sql("SELECT COUNT(*) AS n FROM flow_files WHERE workspace_id = $1 AND expires_at > $2");
    tx.fetch_one(select.bind(workspace).bind(now)).await?.int("n")
}

/// Forgets those that nobody imported in time.
pub(crate) async fn sweep(tx: &mut Tx) -> Result<()> {
    let now = tx.store().now();
    tx.execute(sql("DELETE FROM flow_files WHERE expires_at <= $1").bind(now)).await.map(drop)
}
