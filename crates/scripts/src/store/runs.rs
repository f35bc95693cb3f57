use gatehouse_store::{Filter, Queries, Result, Row, Tx, sql};
use gatehouse_types::{PageRequest, ScriptId, ScriptRunId, Timestamp, WorkspaceId};

/// One call of a function.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) id: ScriptRunId,
    pub(crate) workspace: WorkspaceId,
    pub(crate) script: ScriptId,
    /// The number of the deployment.
    pub(crate) version: i64,
    pub(crate) function: String,
    /// `API` or `Workflow`.
    pub(crate) source_type: String,
    /// The key by name, or the execution of a flow.
    pub(crate) source: String,
    /// `Success`, or what kind of failure.
    pub(crate) status: String,
    pub(crate) error: Option<String>,
    pub(crate) started_at: Timestamp,
    /// How long it took, in microseconds.
    pub(crate) micros: i64,
}

/// Runs in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) runs: i64,
    pub(crate) failed: i64,
    /// Ninety of a hundred were not slower than this, in microseconds; `None` without runs.
    pub(crate) p90: Option<i64>,
    /// Ninety-nine of a hundred.
    pub(crate) p99: Option<i64>,
}

impl Totals {
    /// Failures of a hundred runs.
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    pub(crate) fn failure_rate(&self) -> f64 {
        if self.runs == 0 { 0.0 } else { (self.failed as f64 * 10_000.0 / self.runs as f64).round() / 100.0 }
    }
}

fn read(row: &Row) -> Result<Run> {
    Ok(Run {
        id: row.id("id")?,
        workspace: row.id("workspace_id")?,
        script: row.id("script_id")?,
        version: row.int("version")?,
        function: row.text("function")?,
        source_type: row.text("source_type")?,
        source: row.text("source")?,
        status: row.text("status")?,
        error: row.opt_text("error")?,
        started_at: row.time("started_at")?,
        micros: row.int("micros")?,
    })
}

/// Stores one, unless its script is gone meanwhile.
pub(crate) async fn insert(tx: &mut Tx, r: &Run) -> Result<bool> {
    let insert = sql("INSERT INTO script_runs (id, workspace_id, script_id, version, function, source_type, source, status, error, \
         started_at, micros) SELECT $1, $2, id, $4, $5, $6, $7, $8, $9, $10, $11 FROM scripts WHERE id = $3")
    .bind(&r.id)
    .bind(&r.workspace)
    .bind(&r.script)
    .bind(r.version)
    .bind(r.function.as_str())
    .bind(r.source_type.as_str())
    .bind(r.source.as_str())
    .bind(r.status.as_str())
    .bind(r.error.clone())
    .bind(r.started_at)
    .bind(r.micros);
    Ok(tx.execute(insert).await? == 1)
}

/// Which runs are listed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// In the function's name or the id of the run.
    pub(crate) search: Option<String>,
    /// Only those with this end.
    pub(crate) status: Option<String>,
    /// From this moment on.
    pub(crate) since: Option<Timestamp>,
}

fn filter(script: &ScriptId, wanted: &Wanted, columns: &'static str) -> Filter {
    Filter::new(columns, "script_runs", "script_id = $", script)
        .and_contains(
            "(LOWER(function) LIKE $ ESCAPE '\\' OR id LIKE $ ESCAPE '\\')",
            wanted.search.as_deref(),
        )
        .and_if("status = $", wanted.status.clone())
        .and_if("started_at >= $", wanted.since)
}

/// One page, newest first.
pub(crate) async fn page<Q: Queries>(
    db: &mut Q,
    script: &ScriptId,
    wanted: &Wanted,
    page: PageRequest,
) -> Result<(Vec<Run>, i64)> {
    let (rows, total) = filter(script, wanted, "*").page(db, "started_at DESC, id DESC", page).await?;
    Ok((rows.iter().map(read).collect::<Result<_>>()?, total))
}

/// The next ones of an export, which goes from the newest to the oldest: those before `before`.
pub(crate) async fn before<Q: Queries>(
    db: &mut Q,
    script: &ScriptId,
    wanted: &Wanted,
    before: Option<&ScriptRunId>,
    number: PageRequest,
) -> Result<Vec<Run>> {
    let (rows, _) = filter(script, wanted, "*").and_if("id < $", before).page(db, "id DESC", number).await?;
    rows.iter().map(read).collect()
}

/// Numbers of the runs since a moment.
pub(crate) async fn totals<Q: Queries>(db: &mut Q, script: &ScriptId, since: Timestamp) -> Result<Totals> {
    let count = sql(
        "SELECT COUNT(*) AS n, COALESCE(SUM(CASE WHEN status = 'Success' THEN 0 ELSE 1 END), 0) AS failed \
         FROM script_runs WHERE script_id = $1 AND started_at >= $2",
    );
    let row = db.fetch_one(count.bind(script).bind(since)).await?;
    let (runs, failed) = (row.int("n")?, row.int("failed")?);
    let mut totals = Totals { runs, failed, ..Totals::default() };
    if runs > 0 {
        totals.p90 = at_rank(db, script, since, rank(runs, 90)).await?;
        totals.p99 = at_rank(db, script, since, rank(runs, 99)).await?;
    }
    Ok(totals)
}

/// The place of a percentile among `n` sorted values, from 0: the nearest rank.
const fn rank(n: i64, percent: i64) -> i64 {
    (n * percent + 99) / 100 - 1
}

async fn at_rank<Q: Queries>(
    db: &mut Q,
    script: &ScriptId,
    since: Timestamp,
    rank: i64,
) -> Result<Option<i64>> {
    let select = sql(
        "SELECT micros FROM script_runs WHERE script_id = $1 AND started_at >= $2 ORDER BY micros LIMIT 1 OFFSET $3",
    );
    let row = db.fetch_optional(select.bind(script).bind(since).bind(rank)).await?;
    row.map(|row| row.int("micros")).transpose()
}

/// Runs and failures of each day since a moment, oldest first: (start of the day, runs, failures).
pub(crate) async fn days<Q: Queries>(
    db: &mut Q,
    script: &ScriptId,
    since: Timestamp,
) -> Result<Vec<(Timestamp, i64, i64)>> {
    const DAY: i64 = 86_400_000_000;
    let select = sql("SELECT started_at / 86400000000 AS day, COUNT(*) AS n, \
         COALESCE(SUM(CASE WHEN status = 'Success' THEN 0 ELSE 1 END), 0) AS failed FROM script_runs \
         WHERE script_id = $1 AND started_at >= $2 GROUP BY started_at / 86400000000 ORDER BY 1");
    let rows = db.fetch_all(select.bind(script).bind(since)).await?;
    let day =
        |row: &Row| Ok((Timestamp::from_micros(row.int("day")? * DAY), row.int("n")?, row.int("failed")?));
    rows.iter().map(day).collect()
}

/// Forgets what is older.
pub(crate) async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<()> {
    tx.execute(sql("DELETE FROM script_runs WHERE started_at < $1").bind(before)).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::rank;

    #[test]
    fn a_percentile_is_the_nearest_rank() {
        assert_eq!((rank(1, 90), rank(1, 99)), (0, 0));
        assert_eq!((rank(10, 90), rank(10, 99)), (8, 9));
        assert_eq!((rank(100, 90), rank(100, 99)), (89, 98));
        assert_eq!((rank(1000, 90), rank(1000, 99)), (899, 989));
    }
}
