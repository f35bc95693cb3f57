use gatehouse_store::{Filter, Queries, Result, Row, Tx, sql};
use gatehouse_types::{DeliveryId, PageRequest, Timestamp, WebhookId, WorkspaceId};

use crate::model::{Delivery, State};

/// How long deliveries are kept, in days.
const KEPT_DAYS: i64 = 30;
const COLUMNS: &str = "id, webhook_id, event_id, event, state, attempts, next_at, last_status, last_error, took_ms, \
     created_at, ended_at";

fn read(row: &Row) -> Result<Delivery> {
    Ok(Delivery {
        id: row.id("id")?,
        webhook_id: row.id("webhook_id")?,
        event_id: row.text("event_id")?,
        event: row.text("event")?,
        state: row.parse("state")?,
        attempts: row.int("attempts")?,
        next_at: row.opt_time("next_at")?,
        last_status: row.opt_int("last_status")?,
        last_error: row.opt_text("last_error")?,
        took_ms: row.opt_int("took_ms")?,
        created_at: row.time("created_at")?,
        ended_at: row.opt_time("ended_at")?,
    })
}

/// Puts an event on its way.
pub(crate) async fn insert(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    webhook: &WebhookId,
    event_id: &str,
    event: &str,
) -> Result<Delivery> {
    let (id, now): (DeliveryId, _) = (tx.store().ids().make(), tx.store().now());
    let insert = sql(
        "INSERT INTO webhook_deliveries (id, workspace_id, webhook_id, event_id, event, state, attempts, \
         next_at, created_at) VALUES ($1, $2, $3, $4, $5, 'pending', 0, $6, $6)",
    )
    .bind(&id)
    .bind(workspace)
    .bind(webhook)
    .bind(event_id)
    .bind(event)
    .bind(now);
    tx.execute(insert).await?;
    Ok(Delivery {
        id,
        webhook_id: webhook.clone(),
        event_id: event_id.to_owned(),
        event: event.to_owned(),
        state: State::Pending,
        attempts: 0,
        next_at: Some(now),
        last_status: None,
        last_error: None,
        took_ms: None,
        created_at: now,
        ended_at: None,
    })
}

/// The deliveries of a webhook that are due, a few of them, the longest due first.
pub(crate) async fn due<Q: Queries>(
    db: &mut Q,
    webhook: &WebhookId,
    most: i64,
    now: Timestamp,
) -> Result<Vec<(WorkspaceId, Delivery)>> {
    let select =
        sql("SELECT id, workspace_id, webhook_id, event_id, event, state, attempts, next_at, last_status, \
         last_error, took_ms, created_at, ended_at FROM webhook_deliveries \
         WHERE webhook_id = $1 AND state = 'pending' AND next_at <= $2 ORDER BY next_at, id LIMIT $3");
    let rows = db.fetch_all(select.bind(webhook).bind(now).bind(most)).await?;
    rows.iter().map(|row| Ok((row.id("workspace_id")?, read(row)?))).collect()
}

/// Takes a delivery for a while: another server leaves it alone. Says whether it was still there to be taken.
pub(crate) async fn take(tx: &mut Tx, delivery: &Delivery, until: Timestamp) -> Result<bool> {
    let take = sql(
        "UPDATE webhook_deliveries SET next_at = $3 WHERE id = $1 AND state = 'pending' AND next_at = $2",
    );
    Ok(tx.execute(take.bind(&delivery.id).bind(delivery.next_at).bind(until)).await? == 1)
}

/// Stores how a try went.
pub(crate) async fn conclude(tx: &mut Tx, d: &Delivery) -> Result<()> {
    let update =
        sql("UPDATE webhook_deliveries SET state = $2, attempts = $3, next_at = $4, last_status = $5, \
         last_error = $6, took_ms = $7, ended_at = $8 WHERE id = $1")
        .bind(&d.id)
        .bind(d.state.as_str())
        .bind(d.attempts)
        .bind(d.next_at)
        .bind(d.last_status)
        .bind(d.last_error.clone())
        .bind(d.took_ms)
        .bind(d.ended_at);
    tx.execute(update).await.map(drop)
}

pub(crate) async fn find<Q: Queries>(
    db: &mut Q,
    webhook: &WebhookId,
    id: &DeliveryId,
) -> Result<Option<Delivery>> {
    let select =
        sql("SELECT id, webhook_id, event_id, event, state, attempts, next_at, last_status, last_error, \
         took_ms, created_at, ended_at FROM webhook_deliveries WHERE webhook_id = $1 AND id = $2");
    db.fetch_optional(select.bind(webhook).bind(id)).await?.as_ref().map(read).transpose()
}

pub(crate) async fn page<Q: Queries>(
    db: &mut Q,
    webhook: &WebhookId,
    state: Option<State>,
    page: PageRequest,
) -> Result<(Vec<Delivery>, i64)> {
    let (rows, total) = Filter::new(COLUMNS, "webhook_deliveries", "webhook_id = $", webhook)
        .and_if("state = $", state.map(State::as_str))
        .page(db, "created_at DESC, id DESC", page)
        .await?;
    Ok((rows.iter().map(read).collect::<Result<_>>()?, total))
}

/// Forgets what ended long ago.
pub(crate) async fn sweep(tx: &mut Tx) -> Result<()> {
    let before = tx.store().now().plus_seconds(-KEPT_DAYS * 86_400);
    tx.execute(sql("DELETE FROM webhook_deliveries WHERE created_at < $1").bind(before)).await.map(drop)
}
