use gatehouse_store::{Binding, Condition, Filter, Queries, Result, Row, Sealed, Store, Tx, sql};
use gatehouse_types::{
    ExecutionId, FlowId, FlowTriggerId, Id, PageRequest, Secret, Timestamp, UserId, WorkspaceId,
};
use serde_json::Value;

use crate::model::trigger::Trigger;

fn place(id: &FlowTriggerId) -> Binding<'_> {
    Binding { table: "flow_triggers", column: "input", row: Id::as_str(id) }
}

fn read(row: &Row) -> Result<Trigger> {
    let schedule = row.opt_text("schedule")?.map(|text| serde_json::from_str(&text)).transpose()?;
    Ok(Trigger {
        id: row.id("id")?,
        workspace_id: row.id("workspace_id")?,
        flow_id: row.id("flow_id")?,
        version: row.int("version")?,
        kind: row.parse("kind")?,
        name: row.text("name")?,
        enabled: row.bool("enabled")?,
        stopped: row.opt_text("stopped")?,
        person: row.opt_id("person_id")?,
        responsible: row.opt_id("responsible_id")?,
        schedule,
        next_at: row.opt_time("next_at")?,
        created_by: row.opt_text("created_by")?,
        created_at: row.time("created_at")?,
        last_used_at: row.opt_time("last_used_at")?,
        last_execution: row.opt_id("last_execution")?,
        last_error: row.opt_text("last_error")?,
        last_outcome: None,
    })
}

const fn owner_kind(t: &Trigger) -> &'static str {
    if t.person.is_some() { "person" } else { "service" }
}

/// Keeps a new one; `token` is the digest of a webhook's.
pub(crate) async fn insert(tx: &mut Tx, t: &Trigger, token: Option<&str>, input: &Value) -> Result<()> {
    let input = tx.store().keyring().seal(place(&t.id), &Secret::new(input.to_string()));
    let insert = sql(
        "INSERT INTO flow_triggers (id, workspace_id, flow_id, version, kind, name, enabled, owner_kind, \
         person_id, responsible_id, token, schedule, input, next_at, created_by, created_at) \
         VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
    )
    .bind(&t.id)
    .bind(&t.workspace_id)
    .bind(&t.flow_id)
    .bind(t.kind.as_str())
    .bind(t.name.as_str())
    .bind(t.enabled)
    .bind(owner_kind(t))
    .bind(t.person.as_ref())
    .bind(t.responsible.as_ref())
    .bind(token.map(str::to_owned))
    .bind(t.schedule.as_ref().map(serde_json::to_string).transpose()?)
    .bind(input.as_str())
    .bind(t.next_at)
    .bind(t.created_by.clone())
    .bind(t.created_at);
    tx.execute(insert).await.map(drop)
}

/// Stores what people change.
pub(crate) async fn update(tx: &mut Tx, t: &Trigger, input: Option<&Value>) -> Result<()> {
    if let Some(input) = input {
        let input = tx.store().keyring().seal(place(&t.id), &Secret::new(input.to_string()));
        let update = sql("UPDATE flow_triggers SET input = $2 WHERE id = $1");
        tx.execute(update.bind(&t.id).bind(input.as_str())).await?;
    }
    let update = sql("UPDATE flow_triggers SET version = version + 1, name = $2, enabled = $3, stopped = $4, owner_kind = $5, \
         person_id = $6, responsible_id = $7, schedule = $8, next_at = $9 WHERE id = $1")
    .bind(&t.id)
    .bind(t.name.as_str())
    .bind(t.enabled)
    .bind(t.stopped.clone())
    .bind(owner_kind(t))
    .bind(t.person.as_ref())
    .bind(t.responsible.as_ref())
    .bind(t.schedule.as_ref().map(serde_json::to_string).transpose()?)
    .bind(t.next_at);
    tx.execute(update).await.map(drop)
}

pub(crate) async fn lock(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    flow: &FlowId,
    id: &FlowTriggerId,
) -> Result<Option<Trigger>> {
    const SELECT: &str = "SELECT * FROM flow_triggers WHERE workspace_id = $1 AND flow_id = $2 AND id = $3";
    let row = tx.lock_optional(SELECT, sql(SELECT).bind(workspace).bind(flow).bind(id)).await?;
    row.as_ref().map(read).transpose()
}

pub(crate) async fn find<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    flow: &FlowId,
    id: &FlowTriggerId,
) -> Result<Option<Trigger>> {
    let select = sql("SELECT * FROM flow_triggers WHERE workspace_id = $1 AND flow_id = $2 AND id = $3");
    db.fetch_optional(select.bind(workspace).bind(flow).bind(id)).await?.as_ref().map(read).transpose()
}

/// A webhook with the digest of its token.
pub(crate) async fn webhook<Q: Queries>(db: &mut Q, id: &FlowTriggerId) -> Result<Option<(Trigger, String)>> {
    let select = sql("SELECT * FROM flow_triggers WHERE id = $1 AND token IS NOT NULL");
    let row = db.fetch_optional(select.bind(id)).await?;
    row.map(|row| Ok((read(&row)?, row.text("token")?))).transpose()
}

/// What a trigger starts its flow with.
pub(crate) async fn input(store: &Store, id: &FlowTriggerId) -> Result<Value> {
    let select = sql("SELECT input FROM flow_triggers WHERE id = $1");
    let row = store.reader().fetch_optional(select.bind(id)).await?;
    let Some(text) = row.map(|row| row.opt_text("input")).transpose()?.flatten() else {
        return Ok(Value::Null);
    };
    let text = store.keyring().open_secret(place(id), &Sealed::from_stored(text))?;
    Ok(serde_json::from_str(text.expose())?)
}

pub(crate) async fn page<Q: Queries>(
    db: &mut Q,
    flow: &FlowId,
    page: PageRequest,
) -> Result<(Vec<Trigger>, i64)> {
    let (rows, total) =
        Filter::new("*", "flow_triggers", "flow_id = $", flow).page(db, "created_at, id", page).await?;
    Ok((rows.iter().map(read).collect::<Result<_>>()?, total))
}

/// Schedules whose time has come, in turns of the workspaces: the first of each, then the second of each, …
pub(crate) async fn due(store: &Store, most: i64) -> Result<Vec<Trigger>> {
    let select = sql(
        "SELECT * FROM (SELECT t.*, ROW_NUMBER() OVER (PARTITION BY workspace_id ORDER BY next_at, id) AS turn \
         FROM flow_triggers t WHERE kind = 'schedule' AND enabled = $1 AND next_at <= $2) AS d \
         ORDER BY turn, next_at, id LIMIT $3",
    );
    let rows = store.reader().fetch_all(select.bind(true).bind(store.now()).bind(most)).await?;
    rows.iter().map(read).collect()
}

/// Takes a time of a schedule: false when another server took it.
pub(crate) async fn take(tx: &mut Tx, t: &Trigger, next: Timestamp) -> Result<bool> {
    let update = sql("UPDATE flow_triggers SET next_at = $3 WHERE id = $1 AND next_at = $2 AND enabled = $4");
    Ok(tx.execute(update.bind(&t.id).bind(t.next_at).bind(next).bind(true)).await? == 1)
}

/// Notes what came of a start.
pub(crate) async fn used(
    tx: &mut Tx,
    id: &FlowTriggerId,
    execution: Option<&ExecutionId>,
    error: Option<&str>,
) -> Result<()> {
    let now = tx.store().now();
    let update =
        sql("UPDATE flow_triggers SET last_used_at = $2, last_execution = COALESCE($3, last_execution), \
         last_error = $4 WHERE id = $1");
    tx.execute(update.bind(id).bind(now).bind(execution).bind(error.map(str::to_owned))).await.map(drop)
}

pub(crate) async fn delete(tx: &mut Tx, id: &FlowTriggerId) -> Result<()> {
    tx.execute(sql("DELETE FROM flow_triggers WHERE id = $1").bind(id)).await.map(drop)
}

/// Removes those of a flow.
pub(crate) async fn delete_of_flow(tx: &mut Tx, flow: &FlowId) -> Result<()> {
    tx.execute(sql("DELETE FROM flow_triggers WHERE flow_id = $1").bind(flow)).await.map(drop)
}

/// Stops those of a flow that run in the name of people, but not of one; how many.
pub(crate) async fn stop_of_others(
    tx: &mut Tx,
    flow: &FlowId,
    but: Option<&UserId>,
    why: &str,
) -> Result<u64> {
    let update =
        sql("UPDATE flow_triggers SET version = version + 1, enabled = $2, stopped = $3 WHERE flow_id = $1 \
         AND enabled = $4 AND person_id IS NOT NULL AND person_id <> $5");
    let but = but.map_or("", |user| user.as_str());
    tx.execute(update.bind(flow).bind(false).bind(why).bind(true).bind(but)).await
}

/// Those that run in a person's name, or that the person answers for.
pub(crate) async fn of_person(tx: &mut Tx, workspace: &WorkspaceId, user: &UserId) -> Result<Vec<Trigger>> {
    let select = sql(
        "SELECT * FROM flow_triggers WHERE workspace_id = $1 AND (person_id = $2 OR responsible_id = $2) \
         ORDER BY id",
    );
    tx.fetch_all(select.bind(workspace).bind(user)).await?.iter().map(read).collect()
}

/// Who of these people has one.
pub(crate) async fn people_among(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    people: &[UserId],
) -> Result<Vec<UserId>> {
    const HEAD: &str = "SELECT DISTINCT COALESCE(person_id, responsible_id) AS id FROM flow_triggers";
    let store = tx.store().clone();
    let of = Condition::fixed("workspace_id = ").bind(workspace).sql(" AND ");
    let of = of.then(Condition::one_of(
        "COALESCE(person_id, responsible_id)",
        people.iter().map(ToString::to_string),
    ));
    let rows = of.rows(&store, tx, HEAD, Condition::default()).await?;
    rows.iter().map(|row| row.id("id")).collect()
}
