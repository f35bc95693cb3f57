use gatehouse_store::{Binding, Error, Filter, Queries, Result, Row, Sealed, Store, Tx, sql};
use gatehouse_types::{Id, PageRequest, ScriptDeploymentId, ScriptId, Secret, Timestamp, WorkspaceId};

use crate::model::stored;
use crate::model::{Language, Settings, Status};

const LISTED: &str = "id, name, language, status, reason, deployed_id, project_name, project_bytes, created_by, created_at, \
     updated_by, updated_at";

/// The uploaded file of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Project {
    /// SHA-256 of its bytes, in hex: its name in the directory of projects.
    pub(crate) sha256: String,
    /// What it was called.
    pub(crate) name: String,
    /// Its size.
    pub(crate) bytes: i64,
}

/// A script.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) id: ScriptId,
    pub(crate) workspace: WorkspaceId,
    pub(crate) version: i64,
    pub(crate) number: i64,
    pub(crate) settings: Settings,
    pub(crate) status: Status,
    /// Why the last deployment failed.
    pub(crate) reason: Option<String>,
    pub(crate) project: Project,
    /// What is in service.
    pub(crate) deployed: Option<ScriptDeploymentId>,
    pub(crate) created_by: String,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_by: String,
    pub(crate) updated_at: Timestamp,
}

/// A script in a list.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) id: ScriptId,
    pub(crate) name: String,
    pub(crate) language: Language,
    pub(crate) status: Status,
    pub(crate) reason: Option<String>,
    pub(crate) is_in_service: bool,
    pub(crate) created_by: String,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_by: String,
    pub(crate) updated_at: Timestamp,
}

fn place(id: &ScriptId) -> Binding<'_> {
    Binding { table: "scripts", column: "settings", row: Id::as_str(id) }
}

/// By which names are compared.
pub(crate) fn name_key(name: &str) -> String {
    name.trim().to_lowercase()
}

fn unknown(what: &str) -> Error {
    Error::File(format!("a script has an unknown {what}"))
}

pub(crate) fn status_of(row: &Row) -> Result<Status> {
    Status::parse(&row.text("status")?).ok_or_else(|| unknown("status"))
}

pub(crate) fn project_of(row: &Row) -> Result<Project> {
    Ok(Project {
        sha256: row.text("project_sha256")?,
        name: row.text("project_name")?,
        bytes: row.int("project_bytes")?,
    })
}

fn read(store: &Store, row: &Row) -> Result<Script> {
    let id: ScriptId = row.id("id")?;
    let sealed = Sealed::from_stored(row.text("settings")?);
    let text = store.keyring().open_secret(place(&id), &sealed)?;
    Ok(Script {
        settings: stored::read(text.expose()).ok_or_else(|| unknown("setting"))?,
        id,
        workspace: row.id("workspace_id")?,
        version: row.int("version")?,
        number: row.int("number")?,
        status: status_of(row)?,
        reason: row.opt_text("reason")?,
        project: project_of(row)?,
        deployed: row.opt_id("deployed_id")?,
        created_by: row.text("created_by")?,
        created_at: row.time("created_at")?,
        updated_by: row.text("updated_by")?,
        updated_at: row.time("updated_at")?,
    })
}

fn listed(row: &Row) -> Result<Listed> {
    Ok(Listed {
        id: row.id("id")?,
        name: row.text("name")?,
        language: Language::parse(&row.text("language")?).ok_or_else(|| unknown("language"))?,
        status: status_of(row)?,
        reason: row.opt_text("reason")?,
        is_in_service: row.opt_text("deployed_id")?.is_some(),
        created_by: row.text("created_by")?,
        created_at: row.time("created_at")?,
        updated_by: row.text("updated_by")?,
        updated_at: row.time("updated_at")?,
    })
}

fn sealed(tx: &Tx, id: &ScriptId, settings: &Settings) -> Sealed {
    tx.store().keyring().seal(place(id), &Secret::new(stored::write(settings).as_str()))
}

/// Stores a new one under the next number.
pub(crate) async fn insert(tx: &mut Tx, s: &mut Script) -> Result<()> {
    tx.lock_table("scripts").await?;
    let next = tx.fetch_one(sql("SELECT COALESCE(MAX(number), 0) + 1 AS n FROM scripts")).await?;
    s.number = next.int("n")?;
    let settings = sealed(tx, &s.id, &s.settings);
    let insert = sql(
        "INSERT INTO scripts (id, workspace_id, version, number, name, name_key, language, settings, status, \
         project_sha256, project_name, project_bytes, created_by, created_at, updated_by, updated_at) \
         VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $12, $13)",
    )
    .bind(&s.id)
    .bind(&s.workspace)
    .bind(s.number)
    .bind(s.settings.name())
    .bind(name_key(s.settings.name()))
    .bind(s.settings.language().as_str())
    .bind(settings.as_str())
    .bind(s.status.as_str())
    .bind(s.project.sha256.as_str())
    .bind(s.project.name.as_str())
    .bind(s.project.bytes)
    .bind(s.created_by.as_str())
    .bind(s.created_at);
    tx.execute(insert).await.map(drop)
}

/// Stores everything that changes.
pub(crate) async fn update(tx: &mut Tx, s: &Script) -> Result<()> {
    let settings = sealed(tx, &s.id, &s.settings);
    let update = sql("UPDATE scripts SET version = version + 1, name = $2, name_key = $3, language = $4, settings = $5, \
         status = $6, reason = $7, project_sha256 = $8, project_name = $9, project_bytes = $10, deployed_id = $11, \
         updated_by = $12, updated_at = $13 WHERE id = $1")
    .bind(&s.id)
    .bind(s.settings.name())
    .bind(name_key(s.settings.name()))
    .bind(s.settings.language().as_str())
    .bind(settings.as_str())
    .bind(s.status.as_str())
    .bind(s.reason.clone())
    .bind(s.project.sha256.as_str())
    .bind(s.project.name.as_str())
    .bind(s.project.bytes)
    .bind(s.deployed.as_ref())
    .bind(s.updated_by.as_str())
    .bind(s.updated_at);
    tx.execute(update).await.map(drop)
}

pub(crate) async fn find<Q: Queries>(
    store: &Store,
    db: &mut Q,
    workspace: &WorkspaceId,
    id: &ScriptId,
) -> Result<Option<Script>> {
    let select = sql("SELECT * FROM scripts WHERE workspace_id = $1 AND id = $2");
    let row = db.fetch_optional(select.bind(workspace).bind(id)).await?;
    row.map(|row| read(store, &row)).transpose()
}

/// The same, held against other writers until the transaction ends.
pub(crate) async fn lock(tx: &mut Tx, workspace: &WorkspaceId, id: &ScriptId) -> Result<Option<Script>> {
    const SELECT: &str = "SELECT * FROM scripts WHERE workspace_id = $1 AND id = $2";
    let store = tx.store().clone();
    let row = tx.lock_optional(SELECT, sql(SELECT).bind(workspace).bind(id)).await?;
    row.map(|row| read(&store, &row)).transpose()
}

/// Which are in service: their ids with those of their deployments, of all workspaces.
pub(crate) async fn in_service(store: &Store) -> Result<Vec<(WorkspaceId, ScriptId, ScriptDeploymentId)>> {
    let select = sql(
        "SELECT workspace_id, id, deployed_id FROM scripts WHERE deployed_id IS NOT NULL ORDER BY number",
    );
    let rows = store.reader().fetch_all(select).await?;
    rows.iter().map(|row| Ok((row.id("workspace_id")?, row.id("id")?, row.id("deployed_id")?))).collect()
}

/// Whether any script of a workspace is in service.
pub(crate) async fn any_in_service<Q: Queries>(db: &mut Q, workspace: &WorkspaceId) -> Result<bool> {
    let select =
        sql("SELECT 1 AS one FROM scripts WHERE workspace_id = $1 AND deployed_id IS NOT NULL LIMIT 1");
    Ok(db.fetch_optional(select.bind(workspace)).await?.is_some())
}

/// One page, by name; `status`: only those in it.
pub(crate) async fn page<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    search: Option<&str>,
    status: Option<Status>,
    page: PageRequest,
) -> Result<(Vec<Listed>, i64)> {
    let filter = Filter::new(LISTED, "scripts", "workspace_id = $", workspace)
        .and_contains("name_key LIKE $ ESCAPE '\\'", search)
        .and_if("status = $", status.map(Status::as_str));
    let (rows, total) = filter.page(db, "name_key, id", page).await?;
    Ok((rows.iter().map(listed).collect::<Result<_>>()?, total))
}

/// How many scripts a workspace has, and the bytes of the project files of all but one of them.
pub(crate) async fn totals<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    but: Option<&ScriptId>,
) -> Result<(i64, i64)> {
    let select = sql(
        "SELECT COUNT(*) AS n, CAST(COALESCE(SUM(CASE WHEN id = $2 THEN 0 ELSE project_bytes END), 0) AS BIGINT) AS bytes \
         FROM scripts WHERE workspace_id = $1",
    );
    let row = db.fetch_one(select.bind(workspace).bind(but.map_or("", |id| id.as_str()))).await?;
    Ok((row.int("n")?, row.int("bytes")?))
}

/// Whether a name is another script's.
pub(crate) async fn is_taken<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    name: &str,
    but: Option<&ScriptId>,
) -> Result<bool> {
    let select = sql("SELECT id FROM scripts WHERE workspace_id = $1 AND name_key = $2");
    let row = db.fetch_optional(select.bind(workspace).bind(name_key(name))).await?;
    let found: Option<ScriptId> = row.map(|r| r.id("id")).transpose()?;
    Ok(found.is_some_and(|id| Some(&id) != but))
}

/// Every project file that somebody still needs.
pub(crate) async fn projects(store: &Store) -> Result<Vec<String>> {
    // of versions that are past, the settings are kept and the file is not
    let select = sql(
        "SELECT project_sha256 AS sha256 FROM scripts UNION SELECT d.project_sha256 FROM script_deployments d \
         LEFT JOIN scripts s ON s.deployed_id = d.id WHERE s.id IS NOT NULL OR d.status = 'Deploying'",
    );
    store.reader().fetch_all(select).await?.iter().map(|row| row.text("sha256")).collect()
}

/// Every script there is, by number: whose working directories are kept.
pub(crate) async fn ids(store: &Store) -> Result<Vec<ScriptId>> {
    let rows = store.reader().fetch_all(sql("SELECT id FROM scripts ORDER BY number")).await?;
    rows.iter().map(|row| row.id("id")).collect()
}

/// Removes one with all that is its own; what it used of the credits stays.
pub(crate) async fn delete(tx: &mut Tx, id: &ScriptId) -> Result<()> {
    for text in [
        // a change of what is unique waits for those who write runs of it at this moment, and keeps others from it
        "UPDATE scripts SET number = -number WHERE id = $1",
        "DELETE FROM script_logs WHERE script_id = $1",
        "DELETE FROM script_runs WHERE script_id = $1",
        "DELETE FROM script_keys WHERE script_id = $1",
        "DELETE FROM script_packages WHERE deployment_id IN (SELECT id FROM script_deployments WHERE script_id = $1)",
        "DELETE FROM script_deployments WHERE script_id = $1",
        "DELETE FROM scripts WHERE id = $1",
    ] {
        tx.execute(sql(text).bind(id)).await?;
    }
    Ok(())
}
