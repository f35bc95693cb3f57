use gatehouse_store::{Binding, Filter, Queries, Result, Row, Sealed, Store, Tx, sql};
use gatehouse_types::{FlowId, Id, PageRequest, Secret, WorkspaceId};
use serde_json::Value;

use crate::model::flow::{Deployed, Flow, Listed};

const LISTED: &str = "id, workspace_id, version, name, description, draft_digest, deployed_id, deployed_number, \
     deployed_digest, deployed_at, deployed_by, created_at, updated_at";

fn place(id: &FlowId) -> Binding<'_> {
    Binding { table: "flows", column: "draft", row: Id::as_str(id) }
}

/// By which names are compared.
pub(crate) fn name_key(name: &str) -> String {
    name.trim().to_lowercase()
}

fn deployed(row: &Row) -> Result<Option<Deployed>> {
    let Some(id) = row.opt_id("deployed_id")? else { return Ok(None) };
    Ok(Some(Deployed {
        id,
        number: row.opt_int("deployed_number")?.unwrap_or_default(),
        digest: row.opt_text("deployed_digest")?.unwrap_or_default(),
        at: row.opt_time("deployed_at")?.unwrap_or(row.time("updated_at")?),
        by: row.opt_text("deployed_by")?,
    }))
}

fn listed(row: &Row) -> Result<Listed> {
    let deployed = deployed(row)?;
    let digest = row.text("draft_digest")?;
    Ok(Listed {
        id: row.id("id")?,
        name: row.text("name")?,
        description: row.text("description")?,
        version: row.int("version")?,
        changed: deployed.as_ref().is_none_or(|d| d.digest != digest),
        deployed,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn read(store: &Store, row: &Row) -> Result<Flow> {
    let id: FlowId = row.id("id")?;
    let sealed = Sealed::from_stored(row.text("draft")?);
    let text = store.keyring().open_secret(place(&id), &sealed)?;
    Ok(Flow {
        definition: serde_json::from_str(text.expose())?,
        id,
        workspace_id: row.id("workspace_id")?,
        version: row.int("version")?,
        name: row.text("name")?,
        description: row.text("description")?,
        digest: row.text("draft_digest")?,
        stubs: row.json("stubs")?,
        deployed: deployed(row)?,
        created_by: row.opt_text("created_by")?,
        created_at: row.time("created_at")?,
        updated_by: row.opt_text("updated_by")?,
        updated_at: row.time("updated_at")?,
    })
}

fn sealed(tx: &Tx, id: &FlowId, definition: &Value) -> Sealed {
    tx.store().keyring().seal(place(id), &Secret::new(definition.to_string()))
}

pub(crate) async fn insert(tx: &mut Tx, f: &Flow) -> Result<()> {
    let draft = sealed(tx, &f.id, &f.definition);
    let insert = sql(
        "INSERT INTO flows (id, workspace_id, version, name, name_key, description, draft, draft_digest, \
         stubs, created_by, created_at, updated_by, updated_at) \
         VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $8, $9, $10, $9, $10)",
    )
    .bind(&f.id)
    .bind(&f.workspace_id)
    .bind(f.name.as_str())
    .bind(name_key(&f.name))
    .bind(f.description.as_str())
    .bind(draft.as_str())
    .bind(f.digest.as_str())
    .bind(serde_json::to_string(&f.stubs)?)
    .bind(f.created_by.clone())
    .bind(f.created_at);
    tx.execute(insert).await.map(drop)
}

/// Stores what people change.
pub(crate) async fn update(tx: &mut Tx, f: &Flow) -> Result<()> {
    let draft = sealed(tx, &f.id, &f.definition);
    let update = sql(
        "UPDATE flows SET version = version + 1, name = $2, name_key = $3, description = $4, draft = $5, \
         draft_digest = $6, stubs = $7, updated_by = $8, updated_at = $9 WHERE id = $1",
    )
    .bind(&f.id)
    .bind(f.name.as_str())
    .bind(name_key(&f.name))
    .bind(f.description.as_str())
    .bind(draft.as_str())
    .bind(f.digest.as_str())
    .bind(serde_json::to_string(&f.stubs)?)
    .bind(f.updated_by.clone())
    .bind(f.updated_at);
    tx.execute(update).await.map(drop)
}

/// Stores what is in service; `None`: nothing.
pub(crate) async fn set_deployed(tx: &mut Tx, id: &FlowId, deployed: Option<&Deployed>) -> Result<()> {
    let update = sql("UPDATE flows SET version = version + 1, deployed_id = $2, deployed_number = $3, \
         deployed_digest = $4, deployed_at = $5, deployed_by = $6 WHERE id = $1")
    .bind(id)
    .bind(deployed.map(|d| &d.id))
    .bind(deployed.map(|d| d.number))
    .bind(deployed.map(|d| d.digest.clone()))
    .bind(deployed.map(|d| d.at))
    .bind(deployed.and_then(|d| d.by.clone()));
    tx.execute(update).await.map(drop)
}

pub(crate) async fn find<Q: Queries>(
    store: &Store,
    db: &mut Q,
    workspace: &WorkspaceId,
    id: &FlowId,
) -> Result<Option<Flow>> {
    let select = sql("SELECT * FROM flows WHERE workspace_id = $1 AND id = $2");
    let row = db.fetch_optional(select.bind(workspace).bind(id)).await?;
    row.map(|row| read(store, &row)).transpose()
}

/// The same, held against other writers until the transaction ends.
pub(crate) async fn lock(tx: &mut Tx, workspace: &WorkspaceId, id: &FlowId) -> Result<Option<Flow>> {
    const SELECT: &str = "SELECT * FROM flows WHERE workspace_id = $1 AND id = $2";
    let store = tx.store().clone();
    let row = tx.lock_optional(SELECT, sql(SELECT).bind(workspace).bind(id)).await?;
    row.map(|row| read(&store, &row)).transpose()
}

/// Which flows are listed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// In the name.
    pub(crate) search: Option<String>,
    /// Only those that are in service, or are not.
    pub(crate) deployed: Option<bool>,
}

/// One page, by name.
pub(crate) async fn page<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    wanted: &Wanted,
    page: PageRequest,
) -> Result<(Vec<Listed>, i64)> {
    let mut filter = Filter::new(LISTED, "flows", "workspace_id = $", workspace)
        .and_contains("name_key LIKE $ ESCAPE '\\'", wanted.search.as_deref());
    filter = match wanted.deployed {
        Some(true) => filter.and_fixed("deployed_id IS NOT NULL"),
        Some(false) => filter.and_fixed("deployed_id IS NULL"),
        None => filter,
    };
    let (rows, total) = filter.page(db, "name_key, id", page).await?;
    Ok((rows.iter().map(listed).collect::<Result<_>>()?, total))
}

/// How many flows a workspace has.
pub(crate) async fn count<Q: Queries>(db: &mut Q, workspace: &WorkspaceId) -> Result<i64> {
    let select = sql("SELECT COUNT(*) AS n FROM flows WHERE workspace_id = $1");
    db.fetch_one(select.bind(workspace)).await?.int("n")
}

/// Whether a name is another flow's.
pub(crate) async fn is_taken<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    name: &str,
    but: Option<&FlowId>,
) -> Result<bool> {
    let select = sql("SELECT id FROM flows WHERE workspace_id = $1 AND name_key = $2");
    let row = db.fetch_optional(select.bind(workspace).bind(name_key(name))).await?;
    let found: Option<FlowId> = row.map(|r| r.id("id")).transpose()?;
    Ok(found.is_some_and(|id| Some(&id) != but))
}

pub(crate) async fn delete(tx: &mut Tx, id: &FlowId) -> Result<()> {
    tx.execute(sql("DELETE FROM flow_deployments WHERE flow_id = $1").bind(id)).await?;
    tx.execute(sql("DELETE FROM flow_versions WHERE flow_id = $1").bind(id)).await?;
    tx.execute(sql("DELETE FROM flows WHERE id = $1").bind(id)).await.map(drop)
}
