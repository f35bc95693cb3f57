use gatehouse_store::{Queries, Result, Row, Tx, sql};
use gatehouse_types::{ScriptId, WorkspaceId};

use crate::model::Profile;

/// Microseconds of an hour.
const HOUR_MICROS: i64 = 3_600_000_000;

/// The time of replicas, by script and profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Used {
    pub(crate) script: ScriptId,
    pub(crate) profile: Profile,
    /// Milliseconds of replicas.
    pub(crate) millis: u64,
}

/// Adds time of replicas to the present hour.
pub(crate) async fn add(tx: &mut Tx, workspace: &WorkspaceId, used: &Used) -> Result<()> {
    let hour = tx.store().now().micros() / HOUR_MICROS;
    let upsert = sql("INSERT INTO script_usage (workspace_id, script_id, hour, profile, millis) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (workspace_id, script_id, hour, profile) DO UPDATE SET millis = script_usage.millis + excluded.millis")
    .bind(workspace)
    .bind(&used.script)
    .bind(hour)
    .bind(used.profile.id())
    .bind(i64::try_from(used.millis).unwrap_or(i64::MAX));
    tx.execute(upsert).await.map(drop)
}

/// Everything a workspace used, by script and profile.
pub(crate) async fn of<Q: Queries>(db: &mut Q, workspace: &WorkspaceId) -> Result<Vec<Used>> {
    let select = sql("SELECT script_id, profile, CAST(SUM(millis) AS BIGINT) AS millis FROM script_usage \
         WHERE workspace_id = $1 GROUP BY script_id, profile ORDER BY script_id, profile");
    let rows = db.fetch_all(select.bind(workspace)).await?;
    let used = |row: &Row| {
        let Some(profile) = Profile::parse(&row.text("profile")?) else { return Ok(None) };
        let millis = u64::try_from(row.int("millis")?).unwrap_or(0);
        Ok(Some(Used { script: row.id("script_id")?, profile, millis }))
    };
    rows.iter().filter_map(|row| used(row).transpose()).collect()
}
