use gatehouse_store::{Binding, Filter, Queries, Result, Row, Sealed, Store, Tx, sql};
use gatehouse_types::{Id, PageRequest, ScriptId, ScriptLogId, ScriptRunId, Secret, Timestamp, WorkspaceId};

/// A line that a script wrote.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) id: ScriptLogId,
    pub(crate) workspace: WorkspaceId,
    pub(crate) script: ScriptId,
    /// The call it belongs to; `None`: to the replica itself.
    pub(crate) run: Option<ScriptRunId>,
    /// `Stdout`, `Stderr`, `Debug`, `Info`, `Warning` or `Error`.
    pub(crate) level: String,
    pub(crate) message: String,
    pub(crate) at: Timestamp,
}

fn place(id: &ScriptLogId) -> Binding<'_> {
    Binding { table: "script_logs", column: "message", row: Id::as_str(id) }
}

fn read(store: &Store, row: &Row) -> Result<Line> {
    let id: ScriptLogId = row.id("id")?;
    let text = store.keyring().open_secret(place(&id), &Sealed::from_stored(row.text("message")?))?;
    Ok(Line {
        message: text.expose().to_owned(),
        id,
        workspace: row.id("workspace_id")?,
        script: row.id("script_id")?,
        run: row.opt_id("run_id")?,
        level: row.text("level")?,
        at: row.time("at")?,
    })
}

/// Stores one, unless its script is gone meanwhile.
pub(crate) async fn insert(tx: &mut Tx, l: &Line) -> Result<()> {
    let sealed = tx.store().keyring().seal(place(&l.id), &Secret::new(l.message.as_str()));
    let insert = sql("INSERT INTO script_logs (id, workspace_id, script_id, run_id, level, message, at) \
         SELECT $1, $2, id, $4, $5, $6, $7 FROM scripts WHERE id = $3")
    .bind(&l.id)
    .bind(&l.workspace)
    .bind(&l.script)
    .bind(l.run.as_ref())
    .bind(l.level.as_str())
    .bind(sealed.as_str())
    .bind(l.at);
    tx.execute(insert).await.map(drop)
}

/// One page, newest first.
pub(crate) async fn page<Q: Queries>(
    store: &Store,
    db: &mut Q,
    script: &ScriptId,
    run: Option<&ScriptRunId>,
    level: Option<&str>,
    page: PageRequest,
) -> Result<(Vec<Line>, i64)> {
    let filter = Filter::new("*", "script_logs", "script_id = $", script)
        .and_if("run_id = $", run)
        .and_if("level = $", level);
    let (rows, total) = filter.page(db, "at DESC, id DESC", page).await?;
    Ok((rows.iter().map(|row| read(store, row)).collect::<Result<_>>()?, total))
}

/// The next ones of an export, which goes from the newest to the oldest: those before `before`.
pub(crate) async fn before<Q: Queries>(
    store: &Store,
    db: &mut Q,
    script: &ScriptId,
    (run, level): (Option<&ScriptRunId>, Option<&str>),
    (before, number): (Option<&ScriptLogId>, PageRequest),
) -> Result<Vec<Line>> {
    let filter = Filter::new("*", "script_logs", "script_id = $", script)
        .and_if("run_id = $", run)
        .and_if("level = $", level)
        .and_if("id < $", before);
    let (rows, _) = filter.page(db, "id DESC", number).await?;
    rows.iter().map(|row| read(store, row)).collect()
}

/// Forgets what is older.
pub(crate) async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<()> {
    tx.execute(sql("DELETE FROM script_logs WHERE at < $1").bind(before)).await.map(drop)
}
