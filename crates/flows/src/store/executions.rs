use gatehouse_store::{Binding, Filter, Queries, Result, Row, Sealed, Store, Tx, sql};
use gatehouse_types::{ExecutionId, FlowId, Id, PageRequest, Secret, Timestamp, UserId, WorkspaceId};
use serde_json::Value;

use crate::model::execution::{Execution, Fallback};

/// Everything but the sealed parts.
macro_rules! columns {
    () => {
        "id, workspace_id, flow_id, flow_name, version_id, number, started_via, started_by, person_id, interactive, \
         status, percentage, message, warnings, waiting, paused, fallback, (checkpoint IS NOT NULL) AS can_retry, \
         poked, claims, created_at, started_at, ended_at"
    };
}

/// One execution of a workspace.
const FIND: &str = concat!("SELECT ", columns!(), " FROM executions WHERE workspace_id = $1 AND id = $2");

fn state_place(id: &ExecutionId) -> Binding<'_> {
    Binding { table: "executions", column: "state", row: Id::as_str(id) }
}

fn checkpoint_place(id: &ExecutionId) -> Binding<'_> {
    Binding { table: "executions", column: "checkpoint", row: Id::as_str(id) }
}

fn input_place(id: &ExecutionId) -> Binding<'_> {
    Binding { table: "executions", column: "input", row: Id::as_str(id) }
}

fn output_place(id: &ExecutionId) -> Binding<'_> {
    Binding { table: "executions", column: "output", row: Id::as_str(id) }
}

fn read(row: &Row) -> Result<Execution> {
    Ok(Execution {
        id: row.id("id")?,
        workspace_id: row.id("workspace_id")?,
        flow_id: row.id("flow_id")?,
        flow_name: row.text("flow_name")?,
        version_id: row.id("version_id")?,
        number: row.opt_int("number")?,
        via: row.text("started_via")?,
        started_by: row.text("started_by")?,
        person: row.opt_id("person_id")?,
        interactive: row.bool("interactive")?,
        status: row.text("status")?,
        percentage: row.int("percentage")?,
        message: row.opt_text("message")?,
        warnings: row.json("warnings")?,
        waiting: row.json("waiting")?,
        paused: row.opt_text("paused")?,
        fallback: row.json("fallback")?,
        can_retry: row.bool("can_retry")?,
        poked: row.int("poked")?,
        claims: row.int("claims")?,
        created_at: row.time("created_at")?,
        started_at: row.opt_time("started_at")?,
        ended_at: row.opt_time("ended_at")?,
    })
}

/// Keeps a new execution, which is due at once.
pub(crate) fn insert(tx: &mut Tx, e: &Execution, state: &str, input: &Value) -> Result<()> {
    let keyring = tx.store().keyring();
    let state = keyring.seal(state_place(&e.id), &Secret::new(state));
    let input = keyring.seal(input_place(&e.id), &Secret::new(input.to_string()));
    let insert = sql("INSERT INTO executions (id, workspace_id, flow_id, flow_name, version_id, number, started_via, \
         started_by, person_id, interactive, status, percentage, warnings, waiting, fallback, input, state, due_at, \
         poked, claims, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, '[]', '[]', '[]', $12, \
         $13, $14, 0, 0, $14)")
    .bind(&e.id)
    .bind(&e.workspace_id)
    .bind(&e.flow_id)
    .bind(e.flow_name.as_str())
    .bind(&e.version_id)
    .bind(e.number)
    .bind(e.via.as_str())
    .bind(e.started_by.as_str())
    .bind(e.person.as_ref())
    .bind(e.interactive)
    .bind(e.status.as_str())
    .bind(input.as_str())
    .bind(state.as_str())
    .bind(e.created_at);
    tx.later(insert);
    Ok(())
}

/// The sealed parts that whoever drives an execution needs.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) execution: Execution,
    pub(crate) state: Option<String>,
    pub(crate) input: Option<String>,
}

/// An execution with how far it has come.
pub(crate) async fn open<Q: Queries>(store: &Store, db: &mut Q, id: &ExecutionId) -> Result<Option<Opened>> {
    let select = sql(concat!("SELECT ", columns!(), ", state, input FROM executions WHERE id = $1"));
    let row = db.fetch_optional(select.bind(id)).await?;
    row.map(|row| opened(store, &row)).transpose()
}

/// The end of an update that gives what [`opened`] reads.
pub(crate) const RETURNING_OPENED: &str = concat!(" RETURNING ", columns!(), ", state, input");

/// An execution with how far it has come, of a row that has everything.
pub(crate) fn opened(store: &Store, row: &Row) -> Result<Opened> {
    let execution = read(row)?;
    let open = |place: Binding<'_>, text: Option<String>| -> Result<Option<String>> {
        let text =
            text.map(|text| store.keyring().open_secret(place, &Sealed::from_stored(text))).transpose()?;
        Ok(text.map(|text| text.expose().to_owned()))
    };
    Ok(Opened {
        state: open(state_place(&execution.id), row.opt_text("state")?)?,
        input: open(input_place(&execution.id), row.opt_text("input")?)?,
        execution,
    })
}

/// The state before the step that failed.
pub(crate) async fn checkpoint<Q: Queries>(
    store: &Store,
    db: &mut Q,
    id: &ExecutionId,
) -> Result<Option<String>> {
    let select = sql("SELECT checkpoint FROM executions WHERE id = $1");
    let row = db.fetch_optional(select.bind(id)).await?;
    let Some(text) = row.map(|row| row.opt_text("checkpoint")).transpose()?.flatten() else {
        return Ok(None);
    };
    let text = store.keyring().open_secret(checkpoint_place(id), &Sealed::from_stored(text))?;
    Ok(Some(text.expose().to_owned()))
}

/// What an execution gave, as it may be shown.
pub(crate) async fn output(store: &Store, id: &ExecutionId) -> Result<Option<Value>> {
    let select = sql("SELECT output FROM executions WHERE id = $1");
    let row = store.reader().fetch_optional(select.bind(id)).await?;
    let Some(text) = row.map(|row| row.opt_text("output")).transpose()?.flatten() else { return Ok(None) };
    let text = store.keyring().open_secret(output_place(id), &Sealed::from_stored(text))?;
    Ok(Some(serde_json::from_str(text.expose())?))
}

/// How a turn leaves an execution.
#[derive(Debug)]
pub(crate) struct Left<'a> {
    pub(crate) execution: &'a Execution,
    /// Who drives it; somebody else may do so by now.
    pub(crate) lease_by: &'a str,
    /// How far it has come; `None` when it is over.
    pub(crate) state: Option<&'a str>,
    /// How far it had come before the step that failed.
    pub(crate) checkpoint: Option<&'a str>,
    /// What it gave.
    pub(crate) output: Option<&'a Value>,
    /// Whether nobody drives it from now on, and when it is looked at again by itself.
    pub(crate) release: Option<Option<Timestamp>>,
}

/// Stores a turn; false when somebody else drives it by now, and nothing of the turn counts.
pub(crate) async fn save(tx: &mut Tx, left: &Left<'_>) -> Result<bool> {
    let e = left.execution;
    let keyring = tx.store().keyring();
    let seal = |place: Binding<'_>, text: &str| keyring.seal(place, &Secret::new(text)).as_str().to_owned();
    let state = left.state.map(|text| seal(state_place(&e.id), text));
    let checkpoint = left.checkpoint.map(|text| seal(checkpoint_place(&e.id), text));
    let output = left.output.map(|value| seal(output_place(&e.id), &value.to_string()));
    let now = tx.store().now();
    let update = sql("UPDATE executions SET status = $4, percentage = $5, message = $6, warnings = $7, waiting = $8, \
         paused = $9, input = NULL, state = $10, checkpoint = $11, output = $12, started_at = $13, ended_at = $14, \
         due_at = CASE WHEN $14 IS NOT NULL THEN NULL WHEN $15 AND poked > $16 THEN $17 WHEN $15 THEN $18 ELSE due_at END, \
         lease_by = CASE WHEN $15 THEN NULL ELSE lease_by END, \
         lease_until = CASE WHEN $15 THEN NULL ELSE lease_until END \
         WHERE id = $1 AND lease_by = $2 AND claims = $3")
    .bind(&e.id)
    .bind(left.lease_by)
    .bind(e.claims)
    .bind(e.status.as_str())
    .bind(e.percentage)
    .bind(e.message.clone())
    .bind(serde_json::to_string(&e.warnings)?)
    .bind(serde_json::to_string(&e.waiting)?)
    .bind(e.paused.clone())
    .bind(state)
    .bind(checkpoint)
    .bind(output)
    .bind(e.started_at)
    .bind(e.ended_at)
    .bind(left.release.is_some())
    .bind(e.poked)
    .bind(now)
    .bind(left.release.flatten());
    Ok(tx.execute(update).await? == 1)
}

/// Has whoever drives it look at an execution; it is due at once.
pub(crate) async fn poke(tx: &mut Tx, id: &ExecutionId) -> Result<()> {
    let now = tx.store().now();
    let update =
        sql("UPDATE executions SET poked = poked + 1, due_at = $2 WHERE id = $1 AND ended_at IS NULL");
    tx.execute(update.bind(id).bind(now)).await.map(drop)
}

/// How often an execution was poked and what was decided of it, if this server still drives it.
pub(crate) async fn pokes(
    store: &Store,
    e: &Execution,
    lease_by: &str,
) -> Result<Option<(i64, Vec<Fallback>)>> {
    let select =
        sql("SELECT poked, fallback FROM executions WHERE id = $1 AND lease_by = $2 AND claims = $3");
    let row = store.reader().fetch_optional(select.bind(&e.id).bind(lease_by).bind(e.claims)).await?;
    row.map(|row| Ok((row.int("poked")?, row.json("fallback")?))).transpose()
}

/// Ends an execution at once, whoever drives it; false when it is over.
pub(crate) async fn cancel(tx: &mut Tx, id: &ExecutionId) -> Result<bool> {
    let now = tx.store().now();
    let update =
        sql("UPDATE executions SET status = 'Canceled', percentage = 100, message = NULL, waiting = '[]', \
         paused = NULL, input = NULL, state = NULL, checkpoint = NULL, due_at = NULL, lease_by = NULL, \
         lease_until = NULL, ended_at = $2 WHERE id = $1 AND ended_at IS NULL");
    if tx.execute(update.bind(id).bind(now)).await? == 0 {
        return Ok(false);
    }
    let open = sql(
        "UPDATE execution_steps SET status = 'Canceled', ended_at = $2 WHERE execution_id = $1 AND ended_at IS NULL",
    );
    tx.execute(open.bind(id).bind(now)).await?;
    tx.execute(sql("DELETE FROM execution_events WHERE execution_id = $1").bind(id)).await?;
    tx.execute(sql("DELETE FROM execution_waits WHERE execution_id = $1").bind(id)).await?;
    Ok(true)
}

/// Puts an execution back to before the step that failed; it is due at once. False when somebody else did it first.
pub(crate) async fn begin_again(tx: &mut Tx, id: &ExecutionId, state: &str) -> Result<bool> {
    let state = tx.store().keyring().seal(state_place(id), &Secret::new(state));
    let now = tx.store().now();
    let update =
        sql("UPDATE executions SET status = 'Running', message = NULL, state = $2, checkpoint = NULL, \
         output = NULL, ended_at = NULL, paused = NULL, due_at = $3, poked = poked + 1 WHERE id = $1 \
         AND ended_at IS NOT NULL AND checkpoint IS NOT NULL");
    Ok(tx.execute(update.bind(id).bind(state.as_str()).bind(now)).await? == 1)
}

/// Ends the pause of an execution; it is due at once. False when it is over.
pub(crate) async fn unpause(tx: &mut Tx, id: &ExecutionId) -> Result<bool> {
    let now = tx.store().now();
    let update = sql(
        "UPDATE executions SET paused = NULL, message = NULL, due_at = $2, poked = poked + 1 WHERE id = $1 \
         AND ended_at IS NULL",
    );
    Ok(tx.execute(update.bind(id).bind(now)).await? == 1)
}

/// Keeps what it waits for from now on, until whoever drives it says it anew.
pub(crate) async fn set_waiting(tx: &mut Tx, e: &Execution) -> Result<()> {
    let update = sql("UPDATE executions SET status = $2, waiting = $3 WHERE id = $1 AND ended_at IS NULL");
    let waiting = serde_json::to_string(&e.waiting)?;
    tx.execute(update.bind(&e.id).bind(e.status.as_str()).bind(waiting)).await.map(drop)
}

/// Keeps a decision that it goes on as the connector's user.
pub(crate) async fn set_fallback(tx: &mut Tx, e: &Execution) -> Result<()> {
    let now = tx.store().now();
    let update = sql(
        "UPDATE executions SET fallback = $2, due_at = $3, poked = poked + 1 WHERE id = $1 AND ended_at IS NULL",
    );
    tx.execute(update.bind(&e.id).bind(serde_json::to_string(&e.fallback)?).bind(now)).await.map(drop)
}

/// Stops the executions of a person who has lost access, whoever drives them: what runs is not taken in any more. Their
/// ids and the names of their flows.
pub(crate) async fn pause_of(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    user: &UserId,
    why: &str,
) -> Result<Vec<(ExecutionId, String)>> {
    let update = sql(
        "UPDATE executions SET paused = $3, message = $3, status = CASE WHEN status = 'Queued' THEN status ELSE \
         'Waiting' END, due_at = NULL, lease_by = NULL, lease_until = NULL, poked = poked + 1 \
         WHERE workspace_id = $1 AND person_id = $2 AND ended_at IS NULL RETURNING id, flow_name",
    );
    let rows = tx.fetch_all(update.bind(workspace).bind(user).bind(why)).await?;
    rows.iter().map(|row| Ok((row.id("id")?, row.text("flow_name")?))).collect()
}

pub(crate) async fn find<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    id: &ExecutionId,
) -> Result<Option<Execution>> {
    db.fetch_optional(sql(FIND).bind(workspace).bind(id)).await?.as_ref().map(read).transpose()
}

/// The same, and nobody else changes it until the transaction ends.
pub(crate) async fn lock(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    id: &ExecutionId,
) -> Result<Option<Execution>> {
    let found = tx.lock_optional(FIND, sql(FIND).bind(workspace).bind(id)).await?;
    found.as_ref().map(read).transpose()
}

/// Which executions are listed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) flow: Option<FlowId>,
    pub(crate) status: Option<String>,
    pub(crate) person: Option<UserId>,
    /// Those that this person runs or started.
    pub(crate) of: Option<UserId>,
    /// Those that this program started, as `api-key:<id>`.
    pub(crate) started_by: Option<String>,
    pub(crate) since: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
}

/// One page, the latest first.
pub(crate) async fn page<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    wanted: &Wanted,
    page: PageRequest,
) -> Result<(Vec<Execution>, i64)> {
    let mut filter = Filter::new(columns!(), "executions", "workspace_id = $", workspace)
        .and_if("flow_id = $", wanted.flow.as_ref())
        .and_if("status = $", wanted.status.as_deref())
        .and_if("person_id = $", wanted.person.as_ref())
        .and_if("started_by = $", wanted.started_by.as_deref())
        .and_if("created_at >= $", wanted.since)
        .and_if("created_at < $", wanted.until);
    if let Some(user) = &wanted.of {
        // who started one for somebody else sees it too
        filter = filter.and("(person_id = $ OR started_by = 'user:' || $)", user);
    }
    let (rows, total) = filter.page(db, "created_at DESC, id DESC", page).await?;
    Ok((rows.iter().map(read).collect::<Result<_>>()?, total))
}

/// How many executions of a flow are not over.
pub(crate) async fn open_of_flow<Q: Queries>(db: &mut Q, flow: &FlowId) -> Result<i64> {
    let select = sql("SELECT COUNT(*) AS n FROM executions WHERE flow_id = $1 AND ended_at IS NULL");
    db.fetch_one(select.bind(flow)).await?.int("n")
}

/// How executions that began in a time and are over went: status and microseconds from the start to the end, the latest first.
pub(crate) async fn outcomes<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    flow: Option<&FlowId>,
    since: Timestamp,
    most: i64,
) -> Result<Vec<(String, i64)>> {
    let select = sql(
        "SELECT status, ended_at - created_at AS took FROM executions WHERE workspace_id = $1 AND \
         ($2 IS NULL OR flow_id = $2) AND created_at >= $3 AND ended_at IS NOT NULL ORDER BY created_at DESC LIMIT $4",
    );
    let rows = db.fetch_all(select.bind(workspace).bind(flow).bind(since).bind(most)).await?;
    rows.iter().map(|row| Ok((row.text("status")?, row.int("took")?))).collect()
}

/// Removes the executions of a flow, which are all over.
pub(crate) async fn delete_of_flow(tx: &mut Tx, flow: &FlowId) -> Result<()> {
    for part in [
        "DELETE FROM execution_steps WHERE execution_id IN (SELECT id FROM executions WHERE flow_id = $1)",
        "DELETE FROM execution_events WHERE execution_id IN (SELECT id FROM executions WHERE flow_id = $1)",
        "DELETE FROM execution_waits WHERE flow_id = $1",
        "DELETE FROM executions WHERE flow_id = $1",
    ] {
        tx.execute(sql(part).bind(flow)).await?;
    }
    Ok(())
}

/// Forgets executions that ended long ago.
pub(crate) async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<()> {
    for part in [
        "DELETE FROM execution_steps WHERE execution_id IN (SELECT id FROM executions WHERE ended_at < $1)",
        "DELETE FROM execution_events WHERE execution_id IN (SELECT id FROM executions WHERE ended_at < $1)",
        "DELETE FROM executions WHERE ended_at < $1",
    ] {
        tx.execute(sql(part).bind(before)).await?;
    }
    Ok(())
}
