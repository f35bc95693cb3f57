//! Who drives which execution: leases, fair between workspaces, bounded per flow and workspace.

use std::collections::HashMap;

use gatehouse_store::{Condition, Queries, Result, Store, Tx, sql};
use gatehouse_types::{ExecutionId, Id, Timestamp};

use super::executions::{self, Opened};
use crate::model::execution::Execution;

/// Executions of one flow that are driven at once, on all servers together.
pub(crate) const PER_FLOW: i64 = 20;
/// Executions of one workspace that are driven at once, on all servers together.
pub(crate) const PER_WORKSPACE: i64 = 50;
/// How long nobody else takes an execution, in seconds; renewed while it is driven.
pub(crate) const LEASE_SECONDS: i64 = 20;
/// After how many seconds is tried again what could not be driven.
const AGAIN_SECONDS: i64 = 60;
/// Flows whose due executions are looked at for one claim.
const FLOWS_LOOKED_AT: usize = 64;

/// A flow that has something due, and since when; a lease may be on it.
struct DueFlow {
    flow: String,
    workspace: String,
    since: i64,
}

#[derive(Clone)]
struct Due {
    id: String,
    workspace: String,
    flow: String,
    /// Its place among the due executions of its flow.
    turn: usize,
    since: i64,
}

/// How many executions are driven.
#[derive(Default)]
struct Driven {
    of_flow: HashMap<String, i64>,
    of_workspace: HashMap<String, i64>,
}

impl Driven {
    fn of_flow(&self, flow: &str) -> i64 {
        self.of_flow.get(flow).copied().unwrap_or_default()
    }

    fn of_workspace(&self, workspace: &str) -> i64 {
        self.of_workspace.get(workspace).copied().unwrap_or_default()
    }

    fn has_room(&self, workspace: &str, flow: &str) -> bool {
        self.of_flow(flow) < PER_FLOW && self.of_workspace(workspace) < PER_WORKSPACE
    }

    fn add(&mut self, workspace: &str, flow: &str, n: i64) {
        *self.of_flow.entry(flow.to_owned()).or_default() += n;
        *self.of_workspace.entry(workspace.to_owned()).or_default() += n;
    }
}

/// Takes as many due executions as are wanted, those of workspaces first of which the fewest are driven. Each comes with
/// what is needed to drive it, or why it does not open.
pub(crate) async fn claim(
    store: &Store,
    me: &str,
    wanted: usize,
) -> Result<Vec<(ExecutionId, Result<Opened>)>> {
    let now = store.now();
    let any = sql(
        "SELECT id FROM executions WHERE due_at <= $1 AND ended_at IS NULL AND (lease_until IS NULL OR lease_until < $1) \
         LIMIT 1",
    );
    if wanted == 0 || store.reader().fetch_optional(any.bind(now)).await?.is_none() {
        return Ok(Vec::new());
    }
    let mut tx = store.begin_always().await?;
    // who loses a claim has not begun anything: it is claimed again
    tx.may_be_lost().await?;
    // one server chooses at a time, so that the bounds hold for all of them together
    tx.lock_table("execution_turns").await?;
    let mut driven = driven(&mut tx, now).await?;
    let due = due(&mut tx, now, &driven, wanted).await?;
    let chosen = choose(due, &mut driven, wanted);
    if chosen.is_empty() {
        tx.rollback().await?;
        return Ok(Vec::new());
    }
    let update = Condition::fixed("UPDATE executions SET claims = claims + 1, lease_by = ").bind(me);
    let update = update.sql(", lease_until = ").bind(now.plus_seconds(LEASE_SECONDS)).sql(" WHERE ");
    let update = update.then(Condition::one_of("id", chosen)).sql(executions::RETURNING_OPENED);
    let rows = tx.fetch_all(update.statement(store)).await?;
    tx.commit().await?;
    rows.iter().map(|row| Ok((row.id("id")?, executions::opened(store, row)))).collect()
}

/// Chooses in turn for each workspace, and within one in turn for each flow.
fn choose(mut due: Vec<Due>, driven: &mut Driven, wanted: usize) -> Vec<String> {
    let mut chosen = Vec::new();
    while chosen.len() < wanted {
        let free = due.iter().enumerate().filter(|(_, d)| driven.has_room(&d.workspace, &d.flow));
        let next = free.min_by_key(|(n, d)| (driven.of_workspace(&d.workspace), *n)).map(|(n, _)| n);
        let Some(next) = next else { break };
        let taken = due.remove(next);
        driven.add(&taken.workspace, &taken.flow, 1);
        chosen.push(taken.id);
    }
    chosen
}

/// How many executions are driven, by flow and by workspace.
async fn driven(tx: &mut Tx, now: Timestamp) -> Result<Driven> {
    let select = sql("SELECT workspace_id, flow_id, COUNT(*) AS n FROM executions WHERE lease_until >= $1 \
         AND ended_at IS NULL GROUP BY workspace_id, flow_id");
    let mut driven = Driven::default();
    for row in tx.fetch_all(select.bind(now)).await? {
        driven.add(&row.text("workspace_id")?, &row.text("flow_id")?, row.int("n")?);
    }
    Ok(driven)
}

/// The flows that have something due and room for it, of workspaces first of which the fewest are driven. The index goes
/// from flow to flow: what else is due or waits for a time in them is not read.
async fn due_flows(tx: &mut Tx, now: Timestamp, driven: &Driven) -> Result<Vec<DueFlow>> {
    let select = sql("WITH RECURSIVE f(id) AS (\
         SELECT (SELECT flow_id FROM executions WHERE due_at IS NOT NULL ORDER BY flow_id LIMIT 1) \
         UNION ALL SELECT (SELECT e.flow_id FROM executions e WHERE e.due_at IS NOT NULL AND e.flow_id > f.id \
         ORDER BY e.flow_id LIMIT 1) FROM f WHERE f.id IS NOT NULL) \
         SELECT f.id AS flow_id, flows.workspace_id, (SELECT e.due_at FROM executions e WHERE e.flow_id = f.id \
         AND e.due_at IS NOT NULL AND e.ended_at IS NULL AND (e.lease_until IS NULL OR e.lease_until < $1) \
         ORDER BY e.due_at LIMIT 1) AS since FROM f JOIN flows ON flows.id = f.id");
    let mut found = Vec::new();
    for row in tx.fetch_all(select.bind(now)).await? {
        let since = row.opt_int("since")?.unwrap_or(i64::MAX);
        let (flow, workspace) = (row.text("flow_id")?, row.text("workspace_id")?);
        if since <= now.micros() && driven.has_room(&workspace, &flow) {
            found.push(DueFlow { flow, workspace, since });
        }
    }
    found.sort_by_key(|d| (driven.of_workspace(&d.workspace), driven.of_flow(&d.flow), d.since));
    found.truncate(FLOWS_LOOKED_AT);
    Ok(found)
}

/// What is due, in turns of the flows: the first of each, then the second of each, …
async fn due(tx: &mut Tx, now: Timestamp, driven: &Driven, wanted: usize) -> Result<Vec<Due>> {
    let store = tx.store().clone();
    let wanted = i64::try_from(wanted).unwrap_or(i64::MAX);
    let mut all = Condition::default();
    for (n, flow) in due_flows(tx, now, driven).await?.iter().enumerate() {
        let room = PER_FLOW.saturating_sub(driven.of_flow(&flow.flow)).min(wanted);
        all = if n == 0 { all } else { all.sql(" UNION ALL ") };
        let first =
            "SELECT * FROM (SELECT id, workspace_id, flow_id, due_at FROM executions WHERE flow_id = ";
        all = all.sql(first).bind(flow.flow.as_str()).sql(" AND due_at <= ").bind(now);
        all = all.sql(" AND ended_at IS NULL AND (lease_until IS NULL OR lease_until < ").bind(now);
        all = all.sql(") ORDER BY due_at, id LIMIT ").bind(room).sql(") AS d");
    }
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let mut turns: HashMap<String, usize> = HashMap::new();
    let mut found = Vec::new();
    for row in tx.fetch_all(all.statement(&store)).await? {
        let flow = row.text("flow_id")?;
        let turn = turns.entry(flow.clone()).or_default();
        *turn += 1;
        let (id, workspace, since) = (row.text("id")?, row.text("workspace_id")?, row.int("due_at")?);
        found.push(Due { id, workspace, flow, turn: *turn, since });
    }
    found.sort_by(|a, b| (a.turn, a.since, &a.id).cmp(&(b.turn, b.since, &b.id)));
    Ok(found)
}

/// Takes an execution that the transaction has just made, when no bound is reached and nothing else waits for its turn. For
/// a database with one server alone: bounds that several share are kept by [`claim`].
pub(crate) async fn take(tx: &mut Tx, me: &str, e: &Execution) -> Result<bool> {
    let now = tx.store().now();
    if !driven(tx, now).await?.has_room(e.workspace_id.as_str(), e.flow_id.as_str()) {
        return Ok(false);
    }
    let update = sql(
        "UPDATE executions SET claims = claims + 1, lease_by = $2, lease_until = $3 WHERE id = $1 AND NOT EXISTS \
         (SELECT 1 FROM executions WHERE due_at <= $4 AND id <> $1 AND (lease_until IS NULL OR lease_until < $4))",
    );
    let until = now.plus_seconds(LEASE_SECONDS);
    Ok(tx.execute(update.bind(&e.id).bind(me).bind(until).bind(now)).await? == 1)
}

/// Ends the leases of a server that is gone, where no other one can hold any.
pub(crate) async fn forget_predecessor(store: &Store) -> Result<()> {
    if store.is_shared() {
        return Ok(());
    }
    let mut tx = store.begin_always().await?;
    forget_all(&mut tx).await?;
    tx.commit().await
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

/// Gives back what could not be driven; it is tried again later, by any server.
pub(crate) async fn put_off(store: &Store, me: &str, id: &ExecutionId) -> Result<()> {
    let mut tx = store.begin_always().await?;
    let update = sql("UPDATE executions SET lease_by = NULL, lease_until = NULL, due_at = $3 WHERE id = $1 \
         AND lease_by = $2 AND ended_at IS NULL");
    tx.execute(update.bind(id).bind(me).bind(store.now().plus_seconds(AGAIN_SECONDS))).await?;
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
    let update =
        sql("UPDATE executions SET lease_by = NULL, lease_until = NULL WHERE lease_until IS NOT NULL");
    tx.execute(update).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(workspace: &str, flow: &str, count: usize) -> Vec<Due> {
        let one = |turn| Due {
            id: format!("{flow}{turn}"),
            workspace: workspace.to_owned(),
            flow: flow.to_owned(),
            turn,
            since: 0,
        };
        (1..=count).map(one).collect()
    }

    #[test]
    fn workspaces_and_their_flows_take_turns() {
        let mut all = [due("w1", "a", 3), due("w1", "b", 2), due("w2", "c", 2)].concat();
        all.sort_by_key(|d| d.turn);
        let chosen = choose(all, &mut Driven::default(), 6);
        assert_eq!(chosen, ["a1", "c1", "b1", "c2", "a2", "b2"]);
    }

    #[test]
    fn no_bound_is_passed() {
        let mut driven = Driven::default();
        driven.add("w1", "a", PER_FLOW - 2);
        assert_eq!(choose(due("w1", "a", 5), &mut driven, 64), ["a1", "a2"]);
        driven.add("w1", "b", PER_WORKSPACE - PER_FLOW - 1);
        assert_eq!(choose(due("w1", "c", 5), &mut driven, 64), ["c1"]);
        assert_eq!(choose(due("w2", "d", 5), &mut driven, 64).len(), 5);
    }
}
