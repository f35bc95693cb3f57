use gatehouse_store::{Binding, Error, Filter, Queries, Result, Row, Sealed, Store, Tx, sql};
use gatehouse_types::{Id, PageRequest, ScriptDeploymentId, ScriptId, Secret, Timestamp, WorkspaceId};

use super::scripts::{Project, project_of};
use crate::model::{Exposed, Settings, stored};

/// How long a server's word counts that it carries a deployment out, in seconds.
const LEASE_SECONDS: i64 = 60;
/// Deployments of one workspace that are carried out at once.
const AT_ONCE_EACH: i64 = 2;

/// How a deployment goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It is on its way.
    Deploying,
    /// It came into service.
    Success,
    /// It did not.
    Failed,
    /// Somebody called it off.
    Canceled,
}

impl State {
    const ALL: [Self; 4] = [Self::Deploying, Self::Success, Self::Failed, Self::Canceled];

    /// The word of the API and of the database.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Deploying => "Deploying",
            Self::Success => "Success",
            Self::Failed => "Failed",
            Self::Canceled => "Canceled",
        }
    }
}

/// A version of a script, as it was deployed.
#[derive(Clone, Debug)]
pub(crate) struct Deployment {
    pub(crate) id: ScriptDeploymentId,
    pub(crate) workspace: WorkspaceId,
    pub(crate) script: ScriptId,
    /// From 1.
    pub(crate) number: i64,
    /// What people call this version.
    pub(crate) name: String,
    pub(crate) settings: Settings,
    pub(crate) project: Project,
    pub(crate) state: State,
    /// Why it failed.
    pub(crate) reason: Option<String>,
    /// What it runs with, as it was found.
    pub(crate) interpreter: Option<String>,
    pub(crate) functions: Vec<Exposed>,
    pub(crate) deployed_by: String,
    pub(crate) started_at: Timestamp,
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) undeployed_by: Option<String>,
    pub(crate) undeployed_at: Option<Timestamp>,
}

fn place(id: &ScriptDeploymentId) -> Binding<'_> {
    Binding { table: "script_deployments", column: "settings", row: Id::as_str(id) }
}

fn unknown(what: &str) -> Error {
    Error::File(format!("a deployment of a script has an unknown {what}"))
}

fn read(store: &Store, row: &Row) -> Result<Deployment> {
    let id: ScriptDeploymentId = row.id("id")?;
    let sealed = Sealed::from_stored(row.text("settings")?);
    let text = store.keyring().open_secret(place(&id), &sealed)?;
    let state = row.text("status")?;
    Ok(Deployment {
        settings: stored::read(text.expose()).ok_or_else(|| unknown("setting"))?,
        id,
        workspace: row.id("workspace_id")?,
        script: row.id("script_id")?,
        number: row.int("number")?,
        name: row.text("name")?,
        project: project_of(row)?,
        state: State::ALL.into_iter().find(|s| s.as_str() == state).ok_or_else(|| unknown("status"))?,
        reason: row.opt_text("reason")?,
        interpreter: row.opt_text("interpreter")?,
        functions: row.json("functions")?,
        deployed_by: row.text("deployed_by")?,
        started_at: row.time("started_at")?,
        ended_at: row.opt_time("ended_at")?,
        undeployed_by: row.opt_text("undeployed_by")?,
        undeployed_at: row.opt_time("undeployed_at")?,
    })
}

pub(crate) async fn insert(tx: &mut Tx, d: &Deployment) -> Result<()> {
    let settings = tx.store().keyring().seal(place(&d.id), &Secret::new(stored::write(&d.settings).as_str()));
    let insert = sql("INSERT INTO script_deployments (id, workspace_id, script_id, number, name, settings, project_sha256, \
         project_name, project_bytes, status, functions, deployed_by, started_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)")
    .bind(&d.id)
    .bind(&d.workspace)
    .bind(&d.script)
    .bind(d.number)
    .bind(d.name.as_str())
    .bind(settings.as_str())
    .bind(d.project.sha256.as_str())
    .bind(d.project.name.as_str())
    .bind(d.project.bytes)
    .bind(d.state.as_str())
    .bind(serde_json::to_string(&d.functions)?)
    .bind(d.deployed_by.as_str())
    .bind(d.started_at);
    tx.execute(insert).await.map(drop)
}

/// Notes how it ended; false when it had ended before.
pub(crate) async fn end(tx: &mut Tx, d: &Deployment) -> Result<bool> {
    let update = sql("UPDATE script_deployments SET status = $2, reason = $3, interpreter = $4, functions = $5, ended_at = $6, \
         lease_by = NULL, lease_until = NULL WHERE id = $1 AND status = 'Deploying'")
    .bind(&d.id)
    .bind(d.state.as_str())
    .bind(d.reason.clone())
    .bind(d.interpreter.clone())
    .bind(serde_json::to_string(&d.functions)?)
    .bind(d.ended_at);
    Ok(tx.execute(update).await? == 1)
}

/// Notes that it left service.
pub(crate) async fn undeployed(tx: &mut Tx, id: &ScriptDeploymentId, by: &str) -> Result<()> {
    let now = tx.store().now();
    let update = sql("UPDATE script_deployments SET undeployed_by = $2, undeployed_at = $3 WHERE id = $1");
    tx.execute(update.bind(id).bind(by).bind(now)).await.map(drop)
}

/// Gives a version another name.
pub(crate) async fn rename(tx: &mut Tx, id: &ScriptDeploymentId, name: &str) -> Result<()> {
    let update = sql("UPDATE script_deployments SET name = $2 WHERE id = $1");
    tx.execute(update.bind(id).bind(name)).await.map(drop)
}

pub(crate) async fn find<Q: Queries>(
    store: &Store,
    db: &mut Q,
    id: &ScriptDeploymentId,
) -> Result<Option<Deployment>> {
    let row = db.fetch_optional(sql("SELECT * FROM script_deployments WHERE id = $1").bind(id)).await?;
    row.map(|row| read(store, &row)).transpose()
}

/// The version of a number.
pub(crate) async fn numbered<Q: Queries>(
    store: &Store,
    db: &mut Q,
    script: &ScriptId,
    number: i64,
) -> Result<Option<Deployment>> {
    let select = sql("SELECT * FROM script_deployments WHERE script_id = $1 AND number = $2");
    let row = db.fetch_optional(select.bind(script).bind(number)).await?;
    row.map(|row| read(store, &row)).transpose()
}

/// The newest version, if there is one.
pub(crate) async fn newest<Q: Queries>(
    store: &Store,
    db: &mut Q,
    script: &ScriptId,
) -> Result<Option<Deployment>> {
    let select = sql("SELECT * FROM script_deployments WHERE script_id = $1 ORDER BY number DESC LIMIT 1");
    let row = db.fetch_optional(select.bind(script)).await?;
    row.map(|row| read(store, &row)).transpose()
}

/// One page, newest first.
pub(crate) async fn page<Q: Queries>(
    store: &Store,
    db: &mut Q,
    script: &ScriptId,
    page: PageRequest,
) -> Result<(Vec<Deployment>, i64)> {
    let filter = Filter::new("*", "script_deployments", "script_id = $", script);
    let (rows, total) = filter.page(db, "number DESC", page).await?;
    Ok((rows.iter().map(|row| read(store, row)).collect::<Result<_>>()?, total))
}

/// Takes one deployment that nobody carries out.
pub(crate) async fn claim(store: &Store, me: &str) -> Result<Option<Deployment>> {
    let now = store.now();
    let due = sql(
        "SELECT 1 AS due FROM script_deployments WHERE status = 'Deploying' AND (lease_until IS NULL OR lease_until < $1) \
         LIMIT 1",
    );
    // looked at often, and hardly ever there: without a transaction of its own
    if store.reader().fetch_optional(due.bind(now)).await?.is_none() {
        return Ok(None);
    }
    let mut tx = store.begin_always().await?;
    tx.lock_table("script_deployments").await?;
    // those of workspaces that have fewer on their way go first, and no workspace has all places
    let select = sql(
        "SELECT d.* FROM script_deployments d LEFT JOIN (SELECT workspace_id, COUNT(*) AS under_way FROM script_deployments \
         WHERE status = 'Deploying' AND lease_until >= $1 GROUP BY workspace_id) o ON o.workspace_id = d.workspace_id \
         WHERE d.status = 'Deploying' AND (d.lease_until IS NULL OR d.lease_until < $1) AND COALESCE(o.under_way, 0) < $2 \
         ORDER BY COALESCE(o.under_way, 0), d.started_at LIMIT 1",
    );
    let Some(row) = tx.fetch_optional(select.bind(now).bind(AT_ONCE_EACH)).await? else { return Ok(None) };
    let found = read(store, &row)?;
    let update = sql("UPDATE script_deployments SET lease_by = $2, lease_until = $3 WHERE id = $1");
    tx.execute(update.bind(&found.id).bind(me).bind(now.plus_seconds(LEASE_SECONDS))).await?;
    tx.commit().await?;
    Ok(Some(found))
}

/// Says that a deployment is still carried out here; false when it is not ours any more, or was called off.
pub(crate) async fn renew(store: &Store, me: &str, id: &ScriptDeploymentId) -> Result<bool> {
    let mut tx = store.begin_always().await?;
    let update = sql(
        "UPDATE script_deployments SET lease_until = $3 WHERE id = $1 AND lease_by = $2 AND status = 'Deploying'",
    );
    let until = store.now().plus_seconds(LEASE_SECONDS);
    let ours = tx.execute(update.bind(id).bind(me).bind(until)).await? == 1;
    tx.commit().await?;
    Ok(ours)
}

/// Gives back what this server carries out, for others or for its next start.
pub(crate) async fn give_back(store: &Store, me: &str) -> Result<()> {
    let mut tx = store.begin_always().await?;
    let update = sql("UPDATE script_deployments SET lease_by = NULL, lease_until = NULL WHERE lease_by = $1");
    tx.execute(update.bind(me)).await?;
    tx.commit().await
}
