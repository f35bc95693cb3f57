use gatehouse_store::{Queries, Result, sql};
use gatehouse_types::{ExecutionId, FlowId, WorkspaceId};

/// How many executions of a flow are not over; no further than `most` are counted.
pub(crate) async fn of_flow<Q: Queries>(db: &mut Q, flow: &FlowId, most: i64) -> Result<i64> {
    let select = sql(
        "SELECT COUNT(*) AS n FROM (SELECT 1 AS one FROM executions WHERE flow_id = $1 AND ended_at IS NULL \
         LIMIT $2) AS o",
    );
    db.fetch_one(select.bind(flow).bind(most)).await?.int("n")
}

/// How many executions of a workspace are not over; no further than `most` are counted.
pub(crate) async fn of_workspace<Q: Queries>(db: &mut Q, workspace: &WorkspaceId, most: i64) -> Result<i64> {
    let select =
        sql("SELECT COUNT(*) AS n FROM (SELECT 1 AS one FROM flows f JOIN executions e ON e.flow_id = f.id \
         AND e.ended_at IS NULL WHERE f.workspace_id = $1 LIMIT $2) AS o");
    db.fetch_one(select.bind(workspace).bind(most)).await?.int("n")
}

/// How many events of an execution were not taken in yet.
pub(crate) async fn events<Q: Queries>(db: &mut Q, id: &ExecutionId) -> Result<i64> {
    let select = sql("SELECT COUNT(*) AS n FROM execution_events WHERE execution_id = $1");
    db.fetch_one(select.bind(id)).await?.int("n")
}
