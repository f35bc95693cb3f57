//! Who drives which execution: leases, fair between workspaces, bounded per flow and workspace.

use std::collections::HashMap;

use gatehouse_store::{Condition, Queries, Result, Store, Tx, sql};
use gatehouse_types::{ExecutionId, Timestamp};

/// Executions of one flow that are driven at once, on all servers together.
pub(crate) const PER_FLOW: i64 = 20;
/// Executions of one workspace that are driven at once, on all servers together.
pub(crate) const PER_WORKSPACE: i64 = 50;
/// How long nobody else takes an execution, in seconds; renewed while it is driven.
pub(crate) const LEASE_SECONDS: i64 = 60;
/// Due executions that are looked at for one claim.
const LOOKED_AT: i64 = 512;

struct Due {
    id: String,
    workspace: String,
    flow: String,
}

/// Takes as many due executions as are wanted, those of workspaces first of which the fewest are driven.
pub(crate) async fn claim(store: &Store, me: &str, wanted: usize) -> Result<Vec<ExecutionId>> {
    let now = store.now();
    let any = sql(
        "SELECT id FROM executions WHERE due_at <= $1 AND ended_at IS NULL AND (lease_until IS NULL OR lease_until < $1) \
         LIMIT 1",
    );
    if wanted == 0 || store.reader().fetch_optional(any.bind(now)).await?.is_none() {
        return Ok(Vec::new());
    }
    let mut tx = store.begin_always().await?;
    // one server chooses at a time, so that the bounds hold for all of them together
    tx.lock_table("execution_turns").await?;
    let (mut of_flow, mut of_workspace) = driven(&mut tx, now).await?;
    let mut due = due(&mut tx, now).await?;
    let mut chosen: Vec<String> = Vec::new();
    while chosen.len() < wanted {
        let count = |map: &HashMap<String, i64>, key: &str| map.get(key).copied().unwrap_or_default();
        let free = |d: &Due| {
            count(&of_flow, &d.flow) < PER_FLOW && count(&of_workspace, &d.workspace) < PER_WORKSPACE
        };
        let next = due.iter().enumerate().filter(|(_, d)| free(d));
        let next = next.min_by_key(|(n, d)| (count(&of_workspace, &d.workspace), *n)).map(|(n, _)| n);
        let Some(next) = next else { break };
        let taken = due.remove(next);
        *of_flow.entry(taken.flow).or_default() += 1;
        *of_workspace.entry(taken.workspace).or_default() += 1;
        chosen.push(taken.id);
    }
    if !chosen.is_empty() {
        let until = now.plus_seconds(LEASE_SECONDS);
        let of = Condition::one_of("id", chosen.iter().cloned());
        let update = Condition::fixed("UPDATE executions SET claims = claims + 1, lease_by = ").bind(me);
        let update = update.sql(", lease_until = ").bind(until).sql(" WHERE ").then(of);
        tx.execute(update.statement(store)).await?;
    }
    tx.commit().await?;
    Ok(chosen.into_iter().map(gatehouse_types::Id::from_stored).collect())
}

/// How many executions are driven, by flow and by workspace.
async fn driven(tx: &mut Tx, now: Timestamp) -> Result<(HashMap<String, i64>, HashMap<String, i64>)> {
    let select = sql("SELECT workspace_id, flow_id, COUNT(*) AS n FROM executions WHERE lease_until >= $1 \
         AND ended_at IS NULL GROUP BY workspace_id, flow_id");
    let (mut of_flow, mut of_workspace) = (HashMap::new(), HashMap::new());
    for row in tx.fetch_all(select.bind(now)).await? {
        let n = row.int("n")?;
        *of_flow.entry(row.text("flow_id")?).or_default() += n;
        *of_workspace.entry(row.text("workspace_id")?).or_default() += n;
    }
    Ok((of_flow, of_workspace))
}

/// What is due, in turns of the flows: the first of each, then the second of each, …
async fn due(tx: &mut Tx, now: Timestamp) -> Result<Vec<Due>> {
    let select = sql("SELECT id, workspace_id, flow_id FROM (SELECT id, workspace_id, flow_id, due_at, \
         ROW_NUMBER() OVER (PARTITION BY flow_id ORDER BY due_at, id) AS place FROM executions \
         WHERE due_at <= $1 AND ended_at IS NULL AND (lease_until IS NULL OR lease_until < $1)) AS d \
         WHERE place <= $2 ORDER BY place, due_at, id LIMIT $3");
    let rows = tx.fetch_all(select.bind(now).bind(PER_FLOW).bind(LOOKED_AT)).await?;
    rows.iter()
        .map(|row| {
            Ok(Due { id: row.text("id")?, workspace: row.text("workspace_id")?, flow: row.text("flow_id")? })
        })
        .collect()
}

/// Keeps the leases, as far as they are not over, of what a server really drives: what it could not drive, others take.
pub(crate) async fn renew(store: &Store, me: &str, driven: impl Iterator<Item = ExecutionId>) -> Result<()> {
    let ids: Vec<String> = driven.map(|id| id.to_string()).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let now = store.now();
    let mut tx = store.begin_always().await?;
    let update =
        Condition::fixed("UPDATE executions SET lease_until = ").bind(now.plus_seconds(LEASE_SECONDS));
    let update = update.sql(" WHERE lease_by = ").bind(me).sql(" AND lease_until >= ").bind(now).sql(" AND ");
    tx.execute(update.then(Condition::one_of("id", ids)).statement(store)).await?;
    tx.commit().await
}

/// Gives back what could not be driven; it is tried again, by any server, once a lease's time is over.
pub(crate) async fn put_off(store: &Store, me: &str, id: &ExecutionId) -> Result<()> {
    let mut tx = store.begin_always().await?;
    let update = sql("UPDATE executions SET lease_by = NULL, lease_until = NULL, due_at = $3 WHERE id = $1 \
         AND lease_by = $2 AND ended_at IS NULL");
    tx.execute(update.bind(id).bind(me).bind(store.now().plus_seconds(LEASE_SECONDS))).await?;
    tx.commit().await
}

/// Lets go of an execution that stands still by somebody's decision.
pub(crate) async fn let_go(tx: &mut Tx, me: &str, id: &ExecutionId) -> Result<()> {
    let update =
        sql("UPDATE executions SET lease_by = NULL, lease_until = NULL, due_at = NULL WHERE id = $1 \
         AND lease_by = $2");
    tx.execute(update.bind(id).bind(me)).await.map(drop)
}

/// Gives back what a server still holds: others take it at once.
pub(crate) async fn give_back(store: &Store, me: &str) -> Result<u64> {
    let mut tx = store.begin_always().await?;
    let update = sql("UPDATE executions SET lease_by = NULL, lease_until = NULL WHERE lease_by = $1");
    let given = tx.execute(update.bind(me)).await?;
    tx.commit().await?;
    Ok(given)
}

/// Ends every lease: nobody drives what comes back from a backup.
pub(crate) async fn forget_all(tx: &mut Tx) -> Result<()> {
    tx.execute(sql("UPDATE executions SET lease_by = NULL, lease_until = NULL")).await.map(drop)
}
