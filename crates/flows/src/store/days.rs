use gatehouse_store::{Queries, Result, sql};
use gatehouse_types::{FlowId, Timestamp, WorkspaceId};

/// How many executions that began on a day ended how: days since 1970, status, number.
pub(crate) async fn counts<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    flow: Option<&FlowId>,
    since: Timestamp,
) -> Result<Vec<(i64, String, i64)>> {
    let select = sql(
        "SELECT created_at / 86400000000 AS day, status, COUNT(*) AS n FROM executions WHERE workspace_id = $1 AND \
         ($2 IS NULL OR flow_id = $2) AND created_at >= $3 AND ended_at IS NOT NULL GROUP BY created_at / 86400000000, status",
    );
    let rows = db.fetch_all(select.bind(workspace).bind(flow).bind(since)).await?;
    rows.iter().map(|row| Ok((row.int("day")?, row.text("status")?, row.int("n")?))).collect()
}
