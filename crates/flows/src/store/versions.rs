use gatehouse_store::{Binding, Queries, Result, Row, Sealed, Store, Tx, sql};
use gatehouse_types::{FlowId, FlowVersionId, Id, PageRequest, Secret, Timestamp, WorkspaceId};

use crate::model::flow::{ListedVersion, Version};

fn place(id: &FlowVersionId) -> Binding<'_> {
    Binding { table: "flow_versions", column: "definition", row: Id::as_str(id) }
}

fn read(store: &Store, row: &Row) -> Result<Version> {
    let id: FlowVersionId = row.id("id")?;
    let sealed = Sealed::from_stored(row.text("definition")?);
    let text = store.keyring().open_secret(place(&id), &sealed)?;
    Ok(Version {
        definition: serde_json::from_str(text.expose())?,
        id,
        flow_id: row.id("flow_id")?,
        number: row.opt_int("number")?,
        digest: row.text("digest")?,
        created_by: row.opt_text("created_by")?,
        created_at: row.time("created_at")?,
    })
}

pub(crate) async fn insert(tx: &mut Tx, workspace: &WorkspaceId, v: &Version) -> Result<()> {
    let sealed = tx.store().keyring().seal(place(&v.id), &Secret::new(v.definition.to_string()));
    let insert =
        sql("INSERT INTO flow_versions (id, workspace_id, flow_id, number, definition, digest, created_by, \
         created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
        .bind(&v.id)
        .bind(workspace)
        .bind(&v.flow_id)
        .bind(v.number)
        .bind(sealed.as_str())
        .bind(v.digest.as_str())
        .bind(v.created_by.clone())
        .bind(v.created_at);
    tx.execute(insert).await.map(drop)
}

/// The newest version with a number: number, id, digest.
pub(crate) async fn newest<Q: Queries>(
    db: &mut Q,
    flow: &FlowId,
) -> Result<Option<(i64, FlowVersionId, String)>> {
    let select =
        sql("SELECT number, id, digest FROM flow_versions WHERE flow_id = $1 AND number IS NOT NULL \
         ORDER BY number DESC LIMIT 1");
    let row = db.fetch_optional(select.bind(flow)).await?;
    row.map(|row| Ok((row.int("number")?, row.id("id")?, row.text("digest")?))).transpose()
}

/// The id of a version with this content.
pub(crate) async fn same<Q: Queries>(
    db: &mut Q,
    flow: &FlowId,
    digest: &str,
) -> Result<Option<FlowVersionId>> {
    let select = sql(
        "SELECT id FROM flow_versions WHERE flow_id = $1 AND digest = $2 ORDER BY created_at DESC LIMIT 1",
    );
    let row = db.fetch_optional(select.bind(flow).bind(digest)).await?;
    row.map(|row| row.id("id")).transpose()
}

/// A version by its id, of whatever flow.
pub(crate) async fn by_id(store: &Store, id: &FlowVersionId) -> Result<Option<Version>> {
    let select = sql("SELECT * FROM flow_versions WHERE id = $1");
    let row = store.reader().fetch_optional(select.bind(id)).await?;
    row.map(|row| read(store, &row)).transpose()
}

/// A version of a flow by its number.
pub(crate) async fn numbered<Q: Queries>(
    store: &Store,
    db: &mut Q,
    flow: &FlowId,
    number: i64,
) -> Result<Option<Version>> {
    let select = sql("SELECT * FROM flow_versions WHERE flow_id = $1 AND number = $2");
    let row = db.fetch_optional(select.bind(flow).bind(number)).await?;
    row.map(|row| read(store, &row)).transpose()
}

/// One page of the deployed versions of a flow, the latest first.
pub(crate) async fn page<Q: Queries>(
    store: &Store,
    db: &mut Q,
    flow: &FlowId,
    page: PageRequest,
    budget: i64,
) -> Result<(Vec<ListedVersion>, i64)> {
    let count = sql("SELECT COUNT(*) AS n FROM flow_versions WHERE flow_id = $1 AND number IS NOT NULL");
    let total = db.fetch_one(count.bind(flow)).await?.int("n")?;
    let select = sql(
        "SELECT id, number, digest, created_by, created_at, CASE WHEN SUM(LENGTH(definition)) OVER \
         (ORDER BY number DESC) <= $4 THEN definition END AS definition FROM (SELECT * FROM flow_versions \
         WHERE flow_id = $1 AND number IS NOT NULL ORDER BY number DESC LIMIT $2 OFFSET $3) AS v ORDER BY number DESC",
    );
    let select = select.bind(flow).bind(page.limit()).bind(page.offset()).bind(budget);
    let rows = db.fetch_all(select).await?;
    Ok((rows.iter().map(|row| listed(store, row)).collect::<Result<_>>()?, total))
}

fn listed(store: &Store, row: &Row) -> Result<ListedVersion> {
    let id: FlowVersionId = row.id("id")?;
    let open = |text: String| -> Result<serde_json::Value> {
        let text = store.keyring().open_secret(place(&id), &Sealed::from_stored(text))?;
        Ok(serde_json::from_str(text.expose())?)
    };
    Ok(ListedVersion {
        definition: row.opt_text("definition")?.map(open).transpose()?,
        number: row.int("number")?,
        digest: row.text("digest")?,
        created_by: row.opt_text("created_by")?,
        created_at: row.time("created_at")?,
    })
}

/// Forgets the drafts that were tried out before a moment, and that no execution is of any more.
pub(crate) async fn sweep_drafts(tx: &mut Tx, before: Timestamp) -> Result<()> {
    let delete = sql("DELETE FROM flow_versions WHERE number IS NULL AND created_at < $1 AND NOT EXISTS \
         (SELECT 1 FROM executions e WHERE e.flow_id = flow_versions.flow_id AND e.version_id = flow_versions.id)");
    tx.execute(delete.bind(before)).await.map(drop)
}
