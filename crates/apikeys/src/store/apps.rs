use gatehouse_store::{Filter, Queries, Result, Row, Tx, sql};
use gatehouse_types::{ApiAppId, OwnerKind, PageRequest, Timestamp, UserId, WorkspaceId};

use super::{bind_limits, limits};
use crate::model::App;
use crate::model::app::folded;

const COLUMNS: &str = "a.id, a.workspace_id, a.version, a.name, a.scopes, a.watched, a.status, a.networks, \
     a.rate_requests, a.rate_seconds, a.quota_requests, a.quota_period, a.responsible, a.created_by, a.created_at, \
     a.updated_at, u.display_name AS created_by_name, \
     (SELECT COUNT(*) FROM api_keys k WHERE k.app_id = a.id AND k.deleted_at IS NULL) AS keys, \
     (SELECT MAX(s.last_at) FROM api_key_usage s WHERE s.app_id = a.id) AS last_used_at";
const FROM: &str = "api_apps a LEFT JOIN users u ON u.id = a.created_by";

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn read(row: &Row) -> Result<App> {
    Ok(App {
        id: row.id("id")?,
        workspace_id: row.id("workspace_id")?,
        name: row.text("name")?,
        scopes: words(&row.text("scopes")?),
        watched: words(&row.text("watched")?),
        status: row.parse("status")?,
        limits: limits(row)?,
        version: row.int("version")?,
        responsible: row.opt_text("responsible")?,
        created_by: row.opt_text("created_by")?,
        created_by_name: row.opt_text("created_by_name")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        keys: row.int("keys")?,
        last_used_at: row.opt_time("last_used_at")?,
    })
}

/// The list, as a filter that more conditions can be added to.
fn list(workspace: &WorkspaceId) -> Filter {
    Filter::new(COLUMNS, FROM, "a.workspace_id = $", workspace).and_fixed("a.deleted_at IS NULL")
}

/// One page, the latest first; `name` is a part of the name.
pub(crate) async fn page<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    name: Option<&str>,
    page: PageRequest,
) -> Result<(Vec<App>, i64)> {
    let filter = list(workspace).and_contains("a.name_key LIKE $ ESCAPE '\\'", name);
    let (rows, total) = filter.page(db, "a.created_at DESC, a.id DESC", page).await?;
    Ok((rows.iter().map(read).collect::<Result<_>>()?, total))
}

pub(crate) async fn find<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    id: &ApiAppId,
) -> Result<Option<App>> {
    let one = list(workspace).and("a.id = $", id);
    let (rows, _) = one.page(db, "a.id", PageRequest::ONE).await?;
    rows.first().map(read).transpose()
}

/// Locks an app that is there until the end of the transaction.
pub(crate) async fn lock(tx: &mut Tx, workspace: &WorkspaceId, id: &ApiAppId) -> Result<bool> {
    const SELECT: &str = "SELECT id FROM api_apps WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL";
    Ok(tx.lock_optional(SELECT, sql(SELECT).bind(workspace).bind(id)).await?.is_some())
}

pub(crate) async fn insert(tx: &mut Tx, app: &App) -> Result<()> {
    let insert =
        sql("INSERT INTO api_apps (id, workspace_id, version, name, name_key, scopes, watched, status, \
         owner_kind, responsible, created_by, created_at, updated_at, networks, rate_requests, rate_seconds, \
         quota_requests, quota_period) \
         VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12, $13, $14, $15, $16)")
        .bind(&app.id)
        .bind(&app.workspace_id)
        .bind(app.name.as_str())
        .bind(folded(&app.name))
        .bind(app.scopes.join(" "))
        .bind(app.watched.join(" "))
        .bind(app.status.as_str())
        .bind(OwnerKind::Service.as_str())
        .bind(app.responsible.clone())
        .bind(app.created_by.clone())
        .bind(app.created_at);
    tx.execute(bind_limits(insert, &app.limits)).await.map(drop)
}

/// Stores what can be changed.
pub(crate) async fn update(tx: &mut Tx, app: &App) -> Result<()> {
    let now = tx.store().now();
    let update =
        sql("UPDATE api_apps SET name = $2, name_key = $3, scopes = $4, watched = $5, status = $6, \
         responsible = $7, updated_at = $8, networks = $9, rate_requests = $10, rate_seconds = $11, \
         quota_requests = $12, quota_period = $13, version = version + 1 WHERE id = $1")
        .bind(&app.id)
        .bind(app.name.as_str())
        .bind(folded(&app.name))
        .bind(app.scopes.join(" "))
        .bind(app.watched.join(" "))
        .bind(app.status.as_str())
        .bind(app.responsible.clone())
        .bind(now);
    tx.execute(bind_limits(update, &app.limits)).await.map(drop)
}

pub(crate) async fn delete(tx: &mut Tx, id: &ApiAppId) -> Result<()> {
    let now = tx.store().now();
    let update = sql("UPDATE api_apps SET deleted_at = $2, updated_at = $2 WHERE id = $1");
    tx.execute(update.bind(id).bind(now)).await.map(drop)
}

/// Forgets apps that were deleted before a moment and whose keys are forgotten.
pub(crate) async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    let delete = sql("DELETE FROM api_apps WHERE deleted_at < $1 \
         AND NOT EXISTS (SELECT 1 FROM api_keys k WHERE k.app_id = api_apps.id)");
    tx.execute(delete.bind(before)).await
}

/// The apps that a person answers for.
pub(crate) async fn answered_for(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    user: &UserId,
) -> Result<Vec<(ApiAppId, String)>> {
    let select = sql("SELECT id, name FROM api_apps WHERE workspace_id = $1 AND responsible = $2 \
         AND deleted_at IS NULL ORDER BY id");
    let rows = tx.fetch_all(select.bind(workspace).bind(user)).await?;
    rows.iter().map(|r| Ok((r.id("id")?, r.text("name")?))).collect()
}

/// Gives what a person answers for to somebody else, or to nobody in particular; says how many.
pub(crate) async fn hand_over(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    from: &UserId,
    to: Option<&UserId>,
) -> Result<u64> {
    let update = sql("UPDATE api_apps SET responsible = $3, version = version + 1 \
         WHERE workspace_id = $1 AND responsible = $2 AND deleted_at IS NULL");
    tx.execute(update.bind(workspace).bind(from).bind(to)).await
}
