use gatehouse_store::{Binding, Filter, Queries, Result, Row, Sealed, Store, Tx, sql};
use gatehouse_types::{FlowId, FlowVersionId, Id, PageRequest, Secret, WorkspaceId};

use crate::model::flow::Version;

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
) -> Result<(Vec<Version>, i64)> {
    let (rows, total) = Filter::new("*", "flow_versions", "flow_id = $", flow)
        .and_fixed("number IS NOT NULL")
        .page(db, "number DESC", page)
        .await?;
    Ok((rows.iter().map(|row| read(store, row)).collect::<Result<_>>()?, total))
}
