use gatehouse_store::{Queries, Result, Row, Tx, sql};
use gatehouse_types::{FlowDeploymentId, FlowId, Timestamp, WorkspaceId};

/// How long is remembered how a deployment went, in days.
const KEPT_DAYS: i64 = 90;

/// What is done to a flow, as its caller asks how it goes.
#[derive(Clone, Debug)]
pub(crate) struct Deployment {
    pub(crate) id: FlowDeploymentId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) flow_id: FlowId,
    /// `DEPLOY` or `UNDEPLOY`.
    pub(crate) action: String,
    /// `IN_PROGRESS`, `SUCCESS` or `FAILED`.
    pub(crate) status: String,
    /// Why it failed.
    pub(crate) message: Option<String>,
    /// The version that was deployed.
    pub(crate) number: Option<i64>,
    /// Who asked, as `kind:id`.
    pub(crate) created_by: String,
    pub(crate) created_at: Timestamp,
    pub(crate) ended_at: Option<Timestamp>,
}

fn read(row: &Row) -> Result<Deployment> {
    Ok(Deployment {
        id: row.id("id")?,
        workspace_id: row.id("workspace_id")?,
        flow_id: row.id("flow_id")?,
        action: row.text("action")?,
        status: row.text("status")?,
        message: row.opt_text("message")?,
        number: row.opt_int("number")?,
        created_by: row.text("created_by")?,
        created_at: row.time("created_at")?,
        ended_at: row.opt_time("ended_at")?,
    })
}

pub(crate) async fn insert(tx: &mut Tx, d: &Deployment) -> Result<()> {
    let insert =
        sql("INSERT INTO flow_deployments (id, workspace_id, flow_id, action, status, message, number, \
         created_by, created_at, ended_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
        .bind(&d.id)
        .bind(&d.workspace_id)
        .bind(&d.flow_id)
        .bind(d.action.as_str())
        .bind(d.status.as_str())
        .bind(d.message.clone())
        .bind(d.number)
        .bind(d.created_by.as_str())
        .bind(d.created_at)
        .bind(d.ended_at);
    tx.execute(insert).await.map(drop)
}

/// Notes how it ended.
pub(crate) async fn end(tx: &mut Tx, d: &Deployment) -> Result<()> {
    let update = sql(
        "UPDATE flow_deployments SET status = $2, message = $3, number = $4, ended_at = $5 WHERE id = $1",
    )
    .bind(&d.id)
    .bind(d.status.as_str())
    .bind(d.message.clone())
    .bind(d.number)
    .bind(d.ended_at);
    tx.execute(update).await.map(drop)
}

pub(crate) async fn find<Q: Queries>(
    db: &mut Q,
    workspace: Option<&WorkspaceId>,
    id: &FlowDeploymentId,
) -> Result<Option<Deployment>> {
    let select = match workspace {
        Some(workspace) => {
            sql("SELECT * FROM flow_deployments WHERE id = $1 AND workspace_id = $2").bind(id).bind(workspace)
        }
        None => sql("SELECT * FROM flow_deployments WHERE id = $1").bind(id),
    };
    db.fetch_optional(select).await?.as_ref().map(read).transpose()
}

/// Forgets those of long ago.
pub(crate) async fn sweep(tx: &mut Tx) -> Result<()> {
    let before = tx.store().now().plus_seconds(-KEPT_DAYS * 86_400);
    let delete = sql("DELETE FROM flow_deployments WHERE created_at < $1 AND status <> 'IN_PROGRESS'");
    tx.execute(delete.bind(before)).await.map(drop)
}
