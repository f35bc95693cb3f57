use gatehouse_store::{Binding, Queries, Result, Row, Sealed, Store, Tx, sql};
use gatehouse_types::{ExecutionId, PageRequest, Secret};
use serde_json::{Value, json};

use super::ANSWER_BYTES;
use crate::model::execution::{Execution, StepRow, Who};

/// What is always told of a step, in bytes as it is stored.
const SMALL_BYTES: i64 = 8 * 1024;

/// Steps that failed of which a retry looks at the latest, at most.
const FAILED: i64 = 100;

fn place(row: &str) -> Binding<'_> {
    Binding { table: "execution_steps", column: "shown", row }
}

fn key(id: &ExecutionId, step: &str) -> String {
    format!("{id}/{step}")
}

/// Writes a step, with the transaction's next statement: new, or with what changed. `order` is its place when it is new.
pub(crate) fn put(tx: &mut Tx, e: &Execution, order: i64, s: &StepRow) {
    let shown = (s.output.is_some() || s.error.is_some() || s.left_out).then(|| {
        let mut shown = json!({"output": s.output, "error": s.error});
        if s.left_out {
            shown["leftOut"] = true.into();
        }
        let text = shown.to_string();
        tx.store().keyring().seal(place(&key(&e.id, &s.step)), &Secret::new(text)).as_str().to_owned()
    });
    let upsert = sql("INSERT INTO execution_steps (execution_id, step, workspace_id, place, node, kind, status, attempt, \
         acting_user, effective_identity, effective_user, shown, started_at, ended_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
         ON CONFLICT (execution_id, step) DO UPDATE SET status = excluded.status, \
         attempt = CASE WHEN excluded.attempt > execution_steps.attempt THEN excluded.attempt ELSE execution_steps.attempt END, \
         acting_user = COALESCE(excluded.acting_user, execution_steps.acting_user), \
         effective_identity = COALESCE(excluded.effective_identity, execution_steps.effective_identity), \
         effective_user = CASE WHEN excluded.effective_identity IS NULL THEN execution_steps.effective_user \
         ELSE excluded.effective_user END, \
         shown = excluded.shown, ended_at = excluded.ended_at")
    .bind(&e.id)
    .bind(s.step.as_str())
    .bind(&e.workspace_id)
    .bind(order)
    .bind(s.node.as_str())
    .bind(s.kind.as_str())
    .bind(s.status.as_str())
    .bind(s.attempt)
    .bind(s.who.as_ref().and_then(|w| w.acting.as_ref()))
    .bind(s.who.as_ref().map(|w| w.identity.clone()))
    .bind(s.who.as_ref().and_then(|w| w.user.as_ref()))
    .bind(shown)
    .bind(s.started_at)
    .bind(s.ended_at);
    tx.later(upsert);
}

fn read(store: &Store, row: &Row) -> Result<StepRow> {
    let (id, step): (ExecutionId, String) = (row.id("execution_id")?, row.text("step")?);
    let text = row.opt_text("told")?;
    let left_out = text.is_none() && row.bool("is_there")?;
    let shown: Value = match text {
        None => Value::Null,
        Some(text) => {
            let text = store.keyring().open_secret(place(&key(&id, &step)), &Sealed::from_stored(text))?;
            serde_json::from_str(text.expose())?
        }
    };
    let identity = row.opt_text("effective_identity")?;
    let (acting, user) = (row.opt_id("acting_user")?, row.opt_id("effective_user")?);
    Ok(StepRow {
        node: row.text("node")?,
        kind: row.text("kind")?,
        status: row.text("status")?,
        attempt: row.int("attempt")?,
        who: identity.map(|identity| Who { acting, identity, user }),
        output: shown.get("output").filter(|v| !v.is_null()).cloned(),
        left_out: left_out || shown.get("leftOut").is_some(),
        error: shown.get("error").and_then(Value::as_str).map(str::to_owned),
        started_at: row.time("started_at")?,
        ended_at: row.opt_time("ended_at")?,
        step,
    })
}

/// A page of steps in the order in which they began. What is small is always told, of what is large as much from the
/// beginning of the page as one answer holds.
const PAGE: &str = "SELECT execution_id, step, node, kind, status, attempt, acting_user, effective_identity, effective_user, \
     started_at, ended_at, (shown IS NOT NULL) AS is_there, CASE WHEN LENGTH(shown) <= $4 OR SUM(CASE WHEN LENGTH(shown) > $4 \
     THEN LENGTH(shown) ELSE 0 END) OVER (ORDER BY started_at, place, step) <= $5 THEN shown END AS told \
     FROM (SELECT * FROM execution_steps WHERE execution_id = $1 ORDER BY started_at, place, step LIMIT $2 OFFSET $3) AS s \
     ORDER BY started_at, place, step";

async fn rows<Q: Queries>(
    store: &Store,
    db: &mut Q,
    id: &ExecutionId,
    (limit, offset): (i64, i64),
) -> Result<Vec<StepRow>> {
    let select = sql(PAGE).bind(id).bind(limit).bind(offset).bind(SMALL_BYTES).bind(ANSWER_BYTES);
    db.fetch_all(select).await?.iter().map(|row| read(store, row)).collect()
}

/// One page of the steps of an execution, in the order in which they began.
pub(crate) async fn page<Q: Queries>(
    store: &Store,
    db: &mut Q,
    id: &ExecutionId,
    page: PageRequest,
) -> Result<(Vec<StepRow>, i64)> {
    let count = sql("SELECT COUNT(*) AS n FROM execution_steps WHERE execution_id = $1");
    let total = db.fetch_one(count.bind(id)).await?.int("n")?;
    Ok((rows(store, db, id, (page.limit(), page.offset())).await?, total))
}

/// The first so many steps of an execution.
pub(crate) async fn first<Q: Queries>(
    store: &Store,
    db: &mut Q,
    id: &ExecutionId,
    most: i64,
) -> Result<Vec<StepRow>> {
    rows(store, db, id, (most, 0)).await
}

/// The steps that failed.
pub(crate) async fn failed<Q: Queries>(store: &Store, db: &mut Q, id: &ExecutionId) -> Result<Vec<StepRow>> {
    let select = sql(
        "SELECT execution_id, step, node, kind, status, attempt, acting_user, effective_identity, effective_user, \
         started_at, ended_at, (shown IS NOT NULL) AS is_there, shown AS told FROM execution_steps \
         WHERE execution_id = $1 AND status = 'Error' ORDER BY ended_at DESC, place DESC LIMIT $2",
    );
    db.fetch_all(select.bind(id).bind(FAILED)).await?.iter().map(|row| read(store, row)).collect()
}

/// How many bytes the timeline of an execution has, as it is stored.
pub(crate) async fn weight<Q: Queries>(db: &mut Q, id: &ExecutionId) -> Result<i64> {
    let select = sql(
        "SELECT CAST(COALESCE(SUM(LENGTH(shown)), 0) AS BIGINT) AS n FROM execution_steps WHERE execution_id = $1",
    );
    db.fetch_one(select.bind(id)).await?.int("n")
}
