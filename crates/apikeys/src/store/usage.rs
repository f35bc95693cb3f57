use gatehouse_store::{Condition, Queries, Result, Row, Tx, sql};
use gatehouse_types::{ApiAppId, Id, Timestamp, WorkspaceId};
use serde_json::json;

/// What a key did with a scope on a day.
#[derive(Debug)]
pub(crate) struct DayUse {
    /// The id of the key.
    pub(crate) key: String,
    pub(crate) workspace: WorkspaceId,
    pub(crate) app: ApiAppId,
    /// Empty: none was asked for, or one that the app has not.
    pub(crate) scope: String,
    /// In days since 1970.
    pub(crate) day: i64,
    pub(crate) allowed: i64,
    pub(crate) refused: i64,
    pub(crate) last_at: Timestamp,
    pub(crate) last_ip: Option<String>,
}

/// Uses that are written by one statement.
const TOGETHER: usize = 1_000;

/// Adds to what is known of the use of keys, each of them once for a scope and day. Nothing else is looked at: among a
/// million keys every one costs pages of its own.
pub(crate) async fn add(tx: &mut Tx, all: &[DayUse]) -> Result<()> {
    for some in all.chunks(TOGETHER) {
        let rows = some.iter().map(|u| {
            json!([
                u.key,
                u.scope,
                u.day,
                u.workspace.as_str(),
                u.app.as_str(),
                u.allowed,
                u.refused,
                u.last_at.micros(),
                u.last_ip
            ])
        });
        let upsert = Condition::fixed(
            "INSERT INTO api_key_usage (key_id, scope, day, workspace_id, app_id, allowed, refused, last_at, last_ip) \
             SELECT (x.value ->> 0), (x.value ->> 1), CAST((x.value ->> 2) AS BIGINT), (x.value ->> 3), (x.value ->> 4), \
             CAST((x.value ->> 5) AS BIGINT), CAST((x.value ->> 6) AS BIGINT), CAST((x.value ->> 7) AS BIGINT), \
             (x.value ->> 8) FROM ",
        )
        .then(Condition::elements(&rows.collect()))
        .sql(
            " WHERE TRUE ON CONFLICT (key_id, scope, day) DO UPDATE SET \
             allowed = api_key_usage.allowed + EXCLUDED.allowed, refused = api_key_usage.refused + EXCLUDED.refused, \
             last_at = EXCLUDED.last_at, last_ip = EXCLUDED.last_ip",
        );
        let upsert = upsert.statement(tx.store());
        tx.execute(upsert).await?;
    }
    Ok(())
}

/// What a key was allowed since a day.
pub(crate) async fn allowed_of_key<Q: Queries>(db: &mut Q, key: &str, since: i64) -> Result<i64> {
    let select = sql("SELECT CAST(COALESCE(SUM(allowed), 0) AS BIGINT) AS n FROM api_key_usage \
         WHERE key_id = $1 AND day >= $2");
    db.fetch_one(select.bind(key).bind(since)).await?.int("n")
}

/// What all keys of an app were allowed since a day.
pub(crate) async fn allowed_of_app<Q: Queries>(db: &mut Q, app: &str, since: i64) -> Result<i64> {
    let select = sql("SELECT CAST(COALESCE(SUM(allowed), 0) AS BIGINT) AS n FROM api_key_usage \
         WHERE app_id = $1 AND day >= $2");
    db.fetch_one(select.bind(app).bind(since)).await?.int("n")
}

/// Uses of one kind, summed up.
#[derive(Clone, Debug)]
pub(crate) struct Sum {
    /// A scope, or the id of a key.
    pub(crate) of: String,
    /// The name of the key, when `of` is one.
    pub(crate) name: Option<String>,
    pub(crate) allowed: i64,
    pub(crate) refused: i64,
    pub(crate) last_at: Timestamp,
}

fn sum(row: &Row, name: bool) -> Result<Sum> {
    Ok(Sum {
        of: row.text("place")?,
        name: if name { row.opt_text("name")? } else { None },
        allowed: row.int("allowed")?,
        refused: row.int("refused")?,
        last_at: row.time("last_at")?,
    })
}

/// What an app's keys did with each scope since a day.
pub(crate) async fn by_scope<Q: Queries>(db: &mut Q, app: &ApiAppId, since: i64) -> Result<Vec<Sum>> {
    let select = sql("SELECT scope AS place, CAST(SUM(allowed) AS BIGINT) AS allowed, \
         CAST(SUM(refused) AS BIGINT) AS refused, MAX(last_at) AS last_at FROM api_key_usage \
         WHERE app_id = $1 AND day >= $2 GROUP BY scope ORDER BY scope");
    db.fetch_all(select.bind(app).bind(since)).await?.iter().map(|r| sum(r, false)).collect()
}

/// What each key of an app did since a day: with one scope, or at all. The most used first, at most `most`.
pub(crate) async fn by_key<Q: Queries>(
    db: &mut Q,
    app: &ApiAppId,
    scope: Option<&str>,
    since: i64,
    most: i64,
) -> Result<Vec<Sum>> {
    let select = sql("SELECT u.key_id AS place, k.name AS name, CAST(SUM(u.allowed) AS BIGINT) AS allowed, \
         CAST(SUM(u.refused) AS BIGINT) AS refused, MAX(u.last_at) AS last_at FROM api_key_usage u \
         JOIN api_keys k ON k.id = u.key_id WHERE u.app_id = $1 AND u.day >= $2 AND k.deleted_at IS NULL \
         AND ($3 = '' OR u.scope = $3) GROUP BY u.key_id, k.name ORDER BY allowed DESC, place LIMIT $4");
    let select = select.bind(app).bind(since).bind(scope.unwrap_or_default()).bind(most);
    db.fetch_all(select).await?.iter().map(|r| sum(r, true)).collect()
}

/// What one key did since a day.
pub(crate) async fn of_key<Q: Queries>(db: &mut Q, key: &str, since: i64) -> Result<Vec<Sum>> {
    let select = sql("SELECT u.key_id AS place, k.name AS name, CAST(SUM(u.allowed) AS BIGINT) AS allowed, \
         CAST(SUM(u.refused) AS BIGINT) AS refused, MAX(u.last_at) AS last_at FROM api_key_usage u \
         JOIN api_keys k ON k.id = u.key_id WHERE u.key_id = $1 AND u.day >= $2 GROUP BY u.key_id, k.name");
    db.fetch_all(select.bind(key).bind(since)).await?.iter().map(|r| sum(r, true)).collect()
}

/// Keys of a workspace that were not used since a moment, though they are older: id, name, app, last use.
pub(crate) async fn silent<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    before: Timestamp,
    most: i64,
) -> Result<Vec<(String, String, String, Option<Timestamp>)>> {
    let select = sql("SELECT k.id, k.name, a.name AS app, \
         (SELECT MAX(u.last_at) FROM api_key_usage u WHERE u.key_id = k.id) AS last_at \
         FROM api_keys k JOIN api_apps a ON a.id = k.app_id \
         WHERE k.workspace_id = $1 AND k.deleted_at IS NULL AND k.created_at < $2 \
         AND NOT EXISTS (SELECT 1 FROM api_key_usage v WHERE v.key_id = k.id AND v.last_at >= $2) \
         ORDER BY k.created_at, k.id LIMIT $3");
    let rows = db.fetch_all(select.bind(workspace).bind(before).bind(most)).await?;
    rows.iter()
        .map(|r| Ok((r.text("id")?, r.text("name")?, r.text("app")?, r.opt_time("last_at")?)))
        .collect()
}

/// Forgets what is older than a day.
pub(crate) async fn sweep(tx: &mut Tx, before: i64) -> Result<u64> {
    tx.execute(sql("DELETE FROM api_key_usage WHERE day < $1").bind(before)).await
}
