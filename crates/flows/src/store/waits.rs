use gatehouse_connect::UserAuthenticated;
use gatehouse_store::{Queries, Result, Row, Tx, sql};
use gatehouse_types::{ExecutionId, FlowId, Timestamp, UserId, WorkspaceId};

use crate::model::execution::Execution;

/// A step that waits until somebody has authenticated at a connector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) execution: ExecutionId,
    pub(crate) step: String,
    pub(crate) flow: FlowId,
    pub(crate) person: Option<UserId>,
    pub(crate) connector: String,
    pub(crate) since: Timestamp,
}

fn read(row: &Row) -> Result<Waiting> {
    Ok(Waiting {
        execution: row.id("execution_id")?,
        step: row.text("step")?,
        flow: row.id("flow_id")?,
        person: row.opt_id("person_id")?,
        connector: row.text("connector_id")?,
        since: row.time("since")?,
    })
}

/// Makes these steps (with their connectors) the ones that an execution waits for, and no others; since when stays.
pub(crate) async fn set(tx: &mut Tx, e: &Execution, steps: &[(String, String)]) -> Result<bool> {
    let before = of_execution(tx, &e.id).await?;
    for old in before.iter().filter(|old| !steps.iter().any(|(step, _)| *step == old.step)) {
        let delete = sql("DELETE FROM execution_waits WHERE execution_id = $1 AND step = $2");
        tx.execute(delete.bind(&e.id).bind(old.step.as_str())).await?;
    }
    let now = tx.store().now();
    let mut is_new = false;
    for (step, connector) in steps.iter().filter(|(step, _)| !before.iter().any(|old| old.step == *step)) {
        let insert = sql("INSERT INTO execution_waits (execution_id, step, workspace_id, flow_id, person_id, connector_id, \
             since) VALUES ($1, $2, $3, $4, $5, $6, $7)")
        .bind(&e.id)
        .bind(step.as_str())
        .bind(&e.workspace_id)
        .bind(&e.flow_id)
        .bind(e.person.as_ref())
        .bind(connector.as_str())
        .bind(now);
        tx.execute(insert).await?;
        is_new = true;
    }
    Ok(is_new)
}

/// What an execution waits for.
pub(crate) async fn of_execution<Q: Queries>(db: &mut Q, id: &ExecutionId) -> Result<Vec<Waiting>> {
    let select = sql("SELECT * FROM execution_waits WHERE execution_id = $1 ORDER BY step");
    db.fetch_all(select.bind(id)).await?.iter().map(read).collect()
}

/// Has whoever drives look at some of the executions that wait for a person at a connector, or wherever, in their order after
/// one; the last of them, when there may be more.
pub(crate) async fn poke_some(
    tx: &mut Tx,
    told: &UserAuthenticated,
    after: &str,
    most: i64,
) -> Result<Option<String>> {
    let now = tx.store().now();
    // with a connector the index has them in their order, and nothing but these is read
    let update = match told.connector {
        Some(_) => {
            "UPDATE executions SET poked = poked + 1, due_at = $1 WHERE ended_at IS NULL AND id IN \
             (SELECT DISTINCT execution_id FROM execution_waits WHERE workspace_id = $2 AND person_id = $3 \
             AND connector_id = $4 AND execution_id > $5 ORDER BY execution_id LIMIT $6) RETURNING id"
        }
        None => {
            "UPDATE executions SET poked = poked + 1, due_at = $1 WHERE ended_at IS NULL AND id IN \
             (SELECT DISTINCT execution_id FROM execution_waits WHERE workspace_id = $2 AND person_id = $3 \
             AND ($4 IS NULL OR connector_id = $4) AND execution_id > $5 ORDER BY execution_id LIMIT $6) RETURNING id"
        }
    };
    let update = sql(update)
        .bind(now)
        .bind(&told.workspace)
        .bind(&told.user)
        .bind(told.connector.as_ref())
        .bind(after)
        .bind(most);
    let rows = tx.fetch_all(update).await?;
    let ids = rows.iter().map(|row| row.text("id")).collect::<Result<Vec<_>>>()?;
    Ok(ids.into_iter().max())
}

/// Whom how many steps wait for, at which connector, and since when.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    pub(crate) person: Option<UserId>,
    pub(crate) connector: String,
    pub(crate) executions: i64,
    pub(crate) since: Timestamp,
}

/// Everything that waits in a workspace, or for one person, the longest first.
pub(crate) async fn queues<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    person: Option<&UserId>,
    most: i64,
) -> Result<Vec<Queue>> {
    let select =
        sql("SELECT person_id, connector_id, COUNT(DISTINCT execution_id) AS n, MIN(since) AS since \
         FROM execution_waits WHERE workspace_id = $1 AND ($2 IS NULL OR person_id = $2) \
         GROUP BY person_id, connector_id ORDER BY MIN(since), connector_id LIMIT $3");
    let rows = db.fetch_all(select.bind(workspace).bind(person).bind(most)).await?;
    let queue = |row: &Row| -> Result<Queue> {
        Ok(Queue {
            person: row.opt_id("person_id")?,
            connector: row.text("connector_id")?,
            executions: row.int("n")?,
            since: row.time("since")?,
        })
    };
    rows.iter().map(queue).collect()
}

/// The executions behind one queue, the longest waiting first.
pub(crate) async fn behind<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    person: Option<&UserId>,
    connector: &str,
    most: i64,
) -> Result<Vec<ExecutionId>> {
    let select = sql(
        "SELECT execution_id AS id, MIN(since) AS since FROM execution_waits WHERE workspace_id = $1 AND \
         COALESCE(person_id, '') = COALESCE($2, '') AND connector_id = $3 GROUP BY execution_id ORDER BY MIN(since) LIMIT $4",
    );
    let rows = db.fetch_all(select.bind(workspace).bind(person).bind(connector).bind(most)).await?;
    rows.iter().map(|row| row.id("id")).collect()
}

/// An execution waits for nobody at a connector any more.
pub(crate) async fn end_at(tx: &mut Tx, id: &ExecutionId, connector: &str) -> Result<()> {
    let delete = sql("DELETE FROM execution_waits WHERE execution_id = $1 AND connector_id = $2");
    tx.execute(delete.bind(id).bind(connector)).await.map(drop)
}

/// Notes that a person is told; false when the person was told before and something still waits.
pub(crate) async fn tell(tx: &mut Tx, workspace: &WorkspaceId, user: &UserId) -> Result<bool> {
    let now = tx.store().now();
    let insert = sql(
        "INSERT INTO execution_told (workspace_id, person_id, told_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    );
    Ok(tx.execute(insert.bind(workspace).bind(user).bind(now)).await? == 1)
}

/// Forgets that a person was told, when nothing waits any more.
pub(crate) async fn forget_told(tx: &mut Tx, workspace: &WorkspaceId, user: &UserId) -> Result<()> {
    let delete = sql("DELETE FROM execution_told WHERE workspace_id = $1 AND person_id = $2 AND NOT EXISTS \
         (SELECT 1 FROM execution_waits w WHERE w.workspace_id = $1 AND w.person_id = $2)");
    tx.execute(delete.bind(workspace).bind(user)).await.map(drop)
}

/// Nothing waits of a person any more: the person has lost access.
pub(crate) async fn end_of(tx: &mut Tx, workspace: &WorkspaceId, user: &UserId) -> Result<()> {
    let delete = sql("DELETE FROM execution_waits WHERE workspace_id = $1 AND person_id = $2");
    tx.execute(delete.bind(workspace).bind(user)).await?;
    forget_told(tx, workspace, user).await
}
