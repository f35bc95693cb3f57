use gatehouse_store::{Filter, Queries, Result, Row, Tx, sql};
use gatehouse_types::{PageRequest, ScriptDeploymentId, ScriptId, ScriptKeyId, Timestamp, WorkspaceId};

/// A key that calls the functions of one script, without its value.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) id: ScriptKeyId,
    pub(crate) workspace: WorkspaceId,
    pub(crate) script: ScriptId,
    pub(crate) version: i64,
    pub(crate) name: String,
    /// Its end, to tell it by.
    pub(crate) masked: String,
    pub(crate) created_by: String,
    pub(crate) created_at: Timestamp,
    pub(crate) last_used_at: Option<Timestamp>,
}

fn read(row: &Row) -> Result<Key> {
    Ok(Key {
        id: row.id("id")?,
        workspace: row.id("workspace_id")?,
        script: row.id("script_id")?,
        version: row.int("version")?,
        name: row.text("name")?,
        masked: row.text("masked")?,
        created_by: row.text("created_by")?,
        created_at: row.time("created_at")?,
        last_used_at: row.opt_time("last_used_at")?,
    })
}

pub(crate) async fn insert(tx: &mut Tx, k: &Key, digest: &str) -> Result<()> {
    let insert = sql("INSERT INTO script_keys (id, workspace_id, script_id, version, name, name_key, digest, masked, created_by, \
         created_at) VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8, $9)")
    .bind(&k.id)
    .bind(&k.workspace)
    .bind(&k.script)
    .bind(k.name.as_str())
    .bind(k.name.to_lowercase())
    .bind(digest)
    .bind(k.masked.as_str())
    .bind(k.created_by.as_str())
    .bind(k.created_at);
    tx.execute(insert).await.map(drop)
}

/// The key of a digest, with what is in service of its script.
pub(crate) async fn of_digest<Q: Queries>(
    db: &mut Q,
    digest: &str,
) -> Result<Option<(Key, Option<ScriptDeploymentId>)>> {
    let select = sql(
        "SELECT k.*, s.deployed_id FROM script_keys k JOIN scripts s ON s.id = k.script_id WHERE k.digest = $1",
    );
    let row = db.fetch_optional(select.bind(digest)).await?;
    row.map(|row| Ok((read(&row)?, row.opt_id("deployed_id")?))).transpose()
}

pub(crate) async fn find<Q: Queries>(db: &mut Q, script: &ScriptId, id: &ScriptKeyId) -> Result<Option<Key>> {
    let select = sql("SELECT * FROM script_keys WHERE script_id = $1 AND id = $2");
    db.fetch_optional(select.bind(script).bind(id)).await?.as_ref().map(read).transpose()
}

/// One page, by name.
pub(crate) async fn page<Q: Queries>(
    db: &mut Q,
    script: &ScriptId,
    search: Option<&str>,
    page: PageRequest,
) -> Result<(Vec<Key>, i64)> {
    let filter = Filter::new("*", "script_keys", "script_id = $", script)
        .and_contains("name_key LIKE $ ESCAPE '\\'", search);
    let (rows, total) = filter.page(db, "name_key, id", page).await?;
    Ok((rows.iter().map(read).collect::<Result<_>>()?, total))
}

/// How many a script has, and whether one has this name.
pub(crate) async fn count<Q: Queries>(db: &mut Q, script: &ScriptId, name: &str) -> Result<(i64, bool)> {
    let select =
        sql("SELECT COUNT(*) AS n, COALESCE(SUM(CASE WHEN name_key = $2 THEN 1 ELSE 0 END), 0) AS same \
         FROM script_keys WHERE script_id = $1");
    let row = db.fetch_one(select.bind(script).bind(name.to_lowercase())).await?;
    Ok((row.int("n")?, row.int("same")? > 0))
}

pub(crate) async fn delete(tx: &mut Tx, id: &ScriptKeyId) -> Result<()> {
    tx.execute(sql("DELETE FROM script_keys WHERE id = $1").bind(id)).await.map(drop)
}

/// Notes the last use of a key.
pub(crate) async fn used(tx: &mut Tx, id: &ScriptKeyId, at: Timestamp) -> Result<()> {
    let update = sql("UPDATE script_keys SET last_used_at = $2 WHERE id = $1");
    tx.execute(update.bind(id).bind(at)).await.map(drop)
}
