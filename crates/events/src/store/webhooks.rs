use gatehouse_store::{Binding, Condition, Filter, Queries, Result, Row, Sealed, Store, Tx, sql};
use gatehouse_types::{OwnerKind, PageRequest, Secret, Timestamp, UserId, WebhookId, WorkspaceId};

use crate::model::Webhook;

const COLUMNS: &str = "id, workspace_id, version, url, description, events, status, disabled_reason, position, \
     former_until, created_by, responsible_id, created_at, last_used_at, failing_since";

fn read(row: &Row) -> Result<Webhook> {
    Ok(Webhook {
        id: row.id("id")?,
        workspace_id: row.id("workspace_id")?,
        version: row.int("version")?,
        url: row.text("url")?,
        description: row.text("description")?,
        events: row.text("events")?.split(' ').map(str::to_owned).collect(),
        status: row.parse("status")?,
        disabled_reason: row.opt_text("disabled_reason")?,
        position: row.int("position")?,
        former_until: row.opt_time("former_until")?,
        created_by: row.opt_text("created_by")?,
        responsible: row.opt_id("responsible_id")?,
        created_at: row.time("created_at")?,
        last_used_at: row.opt_time("last_used_at")?,
        failing_since: row.opt_time("failing_since")?,
    })
}

fn place(id: &WebhookId) -> Binding<'_> {
    Binding { table: "webhooks", column: "secret", row: gatehouse_types::Id::as_str(id) }
}

fn former_place(id: &WebhookId) -> Binding<'_> {
    Binding { table: "webhooks", column: "former_secret", row: gatehouse_types::Id::as_str(id) }
}

pub(crate) async fn insert(tx: &mut Tx, w: &Webhook, secret: &Secret) -> Result<()> {
    let sealed = tx.store().keyring().seal(place(&w.id), secret);
    let insert = sql(
        "INSERT INTO webhooks (id, workspace_id, owner_kind, version, url, description, events, status, \
         secret, position, created_by, created_at, responsible_id) VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(&w.id)
    .bind(&w.workspace_id)
    .bind(OwnerKind::Service.as_str())
    .bind(w.url.as_str())
    .bind(w.description.as_str())
    .bind(w.events.join(" "))
    .bind(w.status.as_str())
    .bind(sealed.as_str())
    .bind(w.position)
    .bind(w.created_by.clone())
    .bind(w.created_at)
    .bind(w.responsible.as_ref());
    tx.execute(insert).await.map(drop)
}

/// Stores what a person can change; an activation begins at `position`.
pub(crate) async fn update(tx: &mut Tx, w: &Webhook) -> Result<()> {
    let update = sql(
        "UPDATE webhooks SET url = $2, description = $3, events = $4, status = $5, disabled_reason = $6, \
         position = $7, failing_since = $8, version = version + 1 WHERE id = $1",
    )
    .bind(&w.id)
    .bind(w.url.as_str())
    .bind(w.description.as_str())
    .bind(w.events.join(" "))
    .bind(w.status.as_str())
    .bind(w.disabled_reason.clone())
    .bind(w.position)
    .bind(w.failing_since);
    tx.execute(update).await.map(drop)
}

/// Gives a new secret; the one before signs beside it for a while.
pub(crate) async fn roll(tx: &mut Tx, id: &WebhookId, secret: &Secret, until: Timestamp) -> Result<()> {
    let select = sql("SELECT secret FROM webhooks WHERE id = $1");
    let row = tx.fetch_one(select.bind(id)).await?;
    let keyring = tx.store().keyring();
    let former = keyring.open_secret(place(id), &Sealed::from_stored(row.text("secret")?))?;
    let (sealed, former) = (keyring.seal(place(id), secret), keyring.seal(former_place(id), &former));
    let update =
        sql("UPDATE webhooks SET secret = $2, former_secret = $3, former_until = $4, version = version + 1 \
         WHERE id = $1")
        .bind(id)
        .bind(sealed.as_str())
        .bind(former.as_str())
        .bind(until);
    tx.execute(update).await.map(drop)
}

/// The secrets that sign at this moment, the new one first.
pub(crate) async fn secrets(store: &Store, id: &WebhookId) -> Result<Vec<Secret>> {
    let select = sql("SELECT secret, former_secret, former_until FROM webhooks WHERE id = $1");
    let Some(row) = store.reader().fetch_optional(select.bind(id)).await? else { return Ok(Vec::new()) };
    let keyring = store.keyring();
    let mut all = vec![keyring.open_secret(place(id), &Sealed::from_stored(row.text("secret")?))?];
    if row.opt_time("former_until")?.is_some_and(|until| until > store.now())
        && let Some(former) = row.opt_text("former_secret")?
    {
        all.push(keyring.open_secret(former_place(id), &Sealed::from_stored(former))?);
    }
    Ok(all)
}

pub(crate) async fn find<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    id: &WebhookId,
) -> Result<Option<Webhook>> {
    let select = sql(
        "SELECT id, workspace_id, version, url, description, events, status, disabled_reason, position, \
         former_until, created_by, responsible_id, created_at, last_used_at, failing_since FROM webhooks \
         WHERE workspace_id = $1 AND id = $2",
    );
    db.fetch_optional(select.bind(workspace).bind(id)).await?.as_ref().map(read).transpose()
}

pub(crate) async fn page<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    page: PageRequest,
) -> Result<(Vec<Webhook>, i64)> {
    let (rows, total) = Filter::new(COLUMNS, "webhooks", "workspace_id = $", workspace)
        .page(db, "created_at DESC, id DESC", page)
        .await?;
    Ok((rows.iter().map(read).collect::<Result<_>>()?, total))
}

/// Active webhooks whose workspace's log has grown since they looked.
pub(crate) async fn behind<Q: Queries>(db: &mut Q, most: i64) -> Result<Vec<Webhook>> {
    let select = sql("SELECT w.id, w.workspace_id, w.version, w.url, w.description, w.events, w.status, \
         w.disabled_reason, w.position, w.former_until, w.created_by, w.responsible_id, w.created_at, w.last_used_at, w.failing_since \
         FROM webhooks w JOIN audit_heads h ON h.chain = w.workspace_id \
         WHERE w.status = 'active' AND h.sequence > w.position ORDER BY w.position LIMIT $1");
    db.fetch_all(select.bind(most)).await?.iter().map(read).collect()
}

/// Active webhooks of which something is due: those that answered the last time, or those that failed; without the
/// `busy` ones, whose ids stand in one text. Who waited longest comes first.
pub(crate) async fn with_due<Q: Queries>(
    db: &mut Q,
    failing: bool,
    busy: &str,
    most: i64,
    now: Timestamp,
) -> Result<Vec<WebhookId>> {
    let select =
        sql("SELECT w.id FROM webhooks w WHERE w.status = 'active' AND (w.failing_since IS NOT NULL) = $1 \
         AND $2 NOT LIKE '%' || w.id || '%' AND EXISTS (SELECT 1 FROM webhook_deliveries d \
         WHERE d.webhook_id = w.id AND d.state = 'pending' AND d.next_at <= $3) \
         ORDER BY COALESCE(w.last_used_at, 0), w.id LIMIT $4");
    let rows = db.fetch_all(select.bind(failing).bind(busy).bind(now).bind(most)).await?;
    rows.iter().map(|row| row.id("id")).collect()
}

/// Moves the position on; says whether nobody else did meanwhile.
pub(crate) async fn move_on(tx: &mut Tx, id: &WebhookId, from: i64, to: i64) -> Result<bool> {
    let update =
        sql("UPDATE webhooks SET position = $3 WHERE id = $1 AND position = $2 AND status = 'active'");
    Ok(tx.execute(update.bind(id).bind(from).bind(to)).await? == 1)
}

/// Notes how a try went.
pub(crate) async fn note(tx: &mut Tx, id: &WebhookId, good: bool) -> Result<()> {
    let now = tx.store().now();
    let update = match good {
        true => sql("UPDATE webhooks SET last_used_at = $2, failing_since = NULL WHERE id = $1"),
        false => sql(
            "UPDATE webhooks SET last_used_at = $2, failing_since = COALESCE(failing_since, $2) WHERE id = $1",
        ),
    };
    tx.execute(update.bind(id).bind(now)).await.map(drop)
}

/// Switches one off that failed for too long; says whether it was on.
pub(crate) async fn give_up(tx: &mut Tx, id: &WebhookId, why: &str) -> Result<bool> {
    let update = sql("UPDATE webhooks SET status = 'disabled', disabled_reason = $2, version = version + 1 \
         WHERE id = $1 AND status = 'active'");
    Ok(tx.execute(update.bind(id).bind(why)).await? == 1)
}

pub(crate) async fn delete(tx: &mut Tx, id: &WebhookId) -> Result<()> {
    tx.execute(sql("DELETE FROM webhook_deliveries WHERE webhook_id = $1").bind(id)).await?;
    tx.execute(sql("DELETE FROM webhooks WHERE id = $1").bind(id)).await.map(drop)
}

/// The webhooks for which a person answers, with their addresses.
pub(crate) async fn of_responsible(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    user: &UserId,
) -> Result<Vec<(WebhookId, String)>> {
    let select =
        sql("SELECT id, url FROM webhooks WHERE workspace_id = $1 AND responsible_id = $2 ORDER BY id");
    let rows = tx.fetch_all(select.bind(workspace).bind(user)).await?;
    rows.iter().map(|r| Ok((r.id("id")?, r.text("url")?))).collect()
}

/// Makes somebody else answer for them.
pub(crate) async fn set_responsible(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    from: &UserId,
    to: Option<&UserId>,
) -> Result<()> {
    let update = sql("UPDATE webhooks SET responsible_id = $3, version = version + 1 \
         WHERE workspace_id = $1 AND responsible_id = $2");
    tx.execute(update.bind(workspace).bind(from).bind(to)).await.map(drop)
}

/// Who of these people answers for a webhook.
pub(crate) async fn responsible_among(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    people: &[UserId],
) -> Result<Vec<UserId>> {
    const HEAD: &str = "SELECT DISTINCT responsible_id AS id FROM webhooks";
    let store = tx.store().clone();
    let of = Condition::fixed("workspace_id = ").bind(workspace).sql(" AND ");
    let of = of.then(Condition::one_of("responsible_id", people.iter().map(ToString::to_string)));
    let rows = of.rows(&store, tx, HEAD, Condition::default()).await?;
    rows.iter().map(|r| r.id("id")).collect()
}
