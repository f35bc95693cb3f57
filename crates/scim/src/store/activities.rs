use gatehouse_store::{Filter, Queries, Result, Row, Tx, sql};
use gatehouse_types::{PageRequest, ScimTokenId, Timestamp, WorkspaceId, digest};

use crate::model::Activity;
use crate::model::activity::WantedActivities;

/// Rows that are read at once for the digest of a token's activities.
const BATCH: i64 = 1_000;
const COLUMNS: &str = "id, token_id, at, operation, resource_type, resource_id, error, details";

fn read(row: &Row) -> Result<Activity> {
    Ok(Activity {
        id: row.id("id")?,
        token_id: row.id("token_id")?,
        at: row.time("at")?,
        operation: row.parse("operation")?,
        resource: row.parse("resource_type")?,
        resource_id: row.opt_text("resource_id")?,
        error: row.opt_text("error")?,
        details: row.json("details")?,
    })
}

/// Keeps an activity.
pub(crate) fn insert(tx: &mut Tx, workspace: &WorkspaceId, a: &Activity) {
    let insert =
        sql("INSERT INTO scim_activities (id, workspace_id, token_id, at, operation, resource_type, resource_id, status, \
         error, details) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
        .bind(&a.id)
        .bind(workspace)
        .bind(&a.token_id)
        .bind(a.at)
        .bind(a.operation.as_str())
        .bind(a.resource.as_str())
        .bind(a.resource_id.clone())
        .bind(if a.error.is_none() { "success" } else { "error" })
        .bind(a.error.clone())
        .bind(a.details.to_string());
    tx.later(insert);
}

/// One page of a workspace's activities, the latest first.
pub(crate) async fn page<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    wanted: &WantedActivities,
    page: PageRequest,
) -> Result<(Vec<Activity>, i64)> {
    let status = wanted.is_success.map(|done| if done { "success" } else { "error" });
    let (rows, total) = Filter::new(COLUMNS, "scim_activities", "workspace_id = $", workspace)
        .and_if("operation = $", wanted.operation.map(|o| o.as_str()))
        .and_if("resource_type = $", wanted.resource.map(|r| r.as_str()))
        .and_if("status = $", status)
        .and_if("at >= $", wanted.from)
        .and_if("at < $", wanted.until)
        .page(db, "at DESC, id DESC", page)
        .await?;
    Ok((rows.iter().map(read).collect::<Result<_>>()?, total))
}

/// How many activities there were since a moment: by operation, kind of resource and whether they were done.
pub(crate) async fn counts<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    since: Timestamp,
) -> Result<Vec<(String, String, bool, i64)>> {
    let select = sql("SELECT operation, resource_type, status, COUNT(*) AS n FROM scim_activities \
         WHERE workspace_id = $1 AND at > $2 GROUP BY operation, resource_type, status");
    let rows = db.fetch_all(select.bind(workspace).bind(since)).await?;
    let read = |r: &Row| {
        Ok((r.text("operation")?, r.text("resource_type")?, r.text("status")? == "success", r.int("n")?))
    };
    rows.iter().map(read).collect()
}

/// When a provider last called: the last activity, and the last use of a token.
pub(crate) async fn last_sync<Q: Queries>(db: &mut Q, workspace: &WorkspaceId) -> Result<Option<Timestamp>> {
    let select = sql("SELECT (SELECT MAX(at) FROM scim_activities WHERE workspace_id = $1) AS done, \
         (SELECT MAX(last_used_at) FROM scim_tokens WHERE workspace_id = $1) AS used");
    let row = db.fetch_one(select.bind(workspace)).await?;
    Ok(row.opt_time("done")?.max(row.opt_time("used")?))
}

/// How many tokens of a workspace open something.
pub(crate) async fn active_tokens<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    now: Timestamp,
) -> Result<i64> {
    let select = sql("SELECT COUNT(*) AS n FROM scim_tokens WHERE workspace_id = $1 AND revoked_at IS NULL \
         AND (expires_at IS NULL OR expires_at > $2)");
    db.fetch_one(select.bind(workspace).bind(now)).await?.int("n")
}

/// Removes the activities of a token; says how many there were, and a digest over them in their order.
pub(crate) async fn delete_of(tx: &mut Tx, token: &ScimTokenId) -> Result<(u64, String)> {
    let (mut hash, mut last) = (digest(""), String::new());
    loop {
        let select = sql(
            "SELECT id, token_id, at, operation, resource_type, resource_id, error, details FROM scim_activities \
             WHERE token_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        );
        let rows = tx.fetch_all(select.bind(token).bind(last.as_str()).bind(BATCH)).await?;
        for row in &rows {
            let a = read(row)?;
            let told = serde_json::json!([
                a.id,
                a.at,
                a.operation.as_str(),
                a.resource.as_str(),
                a.resource_id,
                a.error,
                a.details,
            ]);
            hash = digest(&format!("{hash}{told}"));
            last = row.text("id")?;
        }
        if rows.is_empty() {
            break;
        }
    }
    let deleted = tx.execute(sql("DELETE FROM scim_activities WHERE token_id = $1").bind(token)).await?;
    Ok((deleted, hash))
}

/// Forgets what is older than a moment.
pub(crate) async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<()> {
    tx.execute(sql("DELETE FROM scim_activities WHERE at < $1").bind(before)).await.map(drop)
}
