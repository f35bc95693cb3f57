use gatehouse_flow::machine::Event;
use gatehouse_store::{Binding, Condition, Queries, Result, Sealed, Store, Tx, sql};
use gatehouse_types::{ExecutionEventId, ExecutionId, Id, Secret, WorkspaceId};

fn place(id: &ExecutionEventId) -> Binding<'_> {
    Binding { table: "execution_events", column: "event", row: Id::as_str(id) }
}

/// Keeps an event for whoever drives the execution; the caller pokes.
pub(crate) async fn insert(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    execution: &ExecutionId,
    event: &Event,
) -> Result<()> {
    let id: ExecutionEventId = tx.store().ids().make();
    let text = Secret::new(serde_json::to_string(event)?);
    let sealed = tx.store().keyring().seal(place(&id), &text);
    let now = tx.store().now();
    let insert = sql("INSERT INTO execution_events (id, execution_id, workspace_id, event, created_at) \
         VALUES ($1, $2, $3, $4, $5)");
    let insert = insert.bind(&id).bind(execution).bind(workspace).bind(sealed.as_str()).bind(now);
    tx.execute(insert).await.map(drop)
}

/// What was not taken in yet, in its order.
pub(crate) async fn waiting(
    store: &Store,
    execution: &ExecutionId,
) -> Result<Vec<(ExecutionEventId, Event)>> {
    let select = sql("SELECT id, event FROM execution_events WHERE execution_id = $1 ORDER BY id");
    let rows = store.reader().fetch_all(select.bind(execution)).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let id: ExecutionEventId = row.id("id")?;
        let text = store.keyring().open_secret(place(&id), &Sealed::from_stored(row.text("event")?))?;
        found.push((id, serde_json::from_str(text.expose())?));
    }
    Ok(found)
}

/// Removes what was taken in.
pub(crate) async fn taken(tx: &mut Tx, ids: &[ExecutionEventId]) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let store = tx.store().clone();
    let of = Condition::one_of("id", ids.iter().map(ToString::to_string));
    let delete = Condition::fixed("DELETE FROM execution_events WHERE ").then(of);
    tx.execute(delete.statement(&store)).await.map(drop)
}
