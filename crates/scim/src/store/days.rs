//! How much was done on each day. Days that are over are counted once and kept as a row for each token; what was done since
//! is counted when it is asked for.

use std::collections::BTreeMap;

use gatehouse_store::{Queries, Result, Row, Tx, sql};
use gatehouse_types::{ScimTokenId, Timestamp, WorkspaceId};

use crate::model::rhythm::DAY;

/// Days that are told, today with them.
pub(crate) const DAYS: i64 = 30;

/// What was done on a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) deleted: i64,
    /// Changes that were refused.
    pub(crate) refused: i64,
}

/// A day (its number since 1970, UTC) and what was done on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Day {
    pub(crate) day: i64,
    pub(crate) counts: Counts,
}

impl Counts {
    /// Adds a row of a count by operation and outcome.
    fn add(&mut self, row: &Row) -> Result<()> {
        let place = match (row.text("status")?.as_str(), row.text("operation")?.as_str()) {
            ("success", "create") => &mut self.created,
            ("success", "update") => &mut self.updated,
            ("success", _) => &mut self.deleted,
            _ => &mut self.refused,
        };
        *place += row.int("n")?;
        Ok(())
    }

    fn and(&mut self, other: Self) {
        self.created += other.created;
        self.updated += other.updated;
        self.deleted += other.deleted;
        self.refused += other.refused;
    }
}

fn beginning(day: i64) -> Timestamp {
    Timestamp::from_micros(day * DAY)
}

/// The first day of the last [`DAYS`] that was not counted yet; `None`: all were.
async fn first_uncounted<Q: Queries>(db: &mut Q, from: i64, today: i64) -> Result<Option<i64>> {
    let select = sql("SELECT day FROM scim_counted_days WHERE day >= $1 ORDER BY day");
    let rows = db.fetch_all(select.bind(from)).await?;
    let counted = rows.iter().map(|row| row.int("day")).collect::<Result<Vec<_>>>()?;
    Ok((from..=today).find(|day| !counted.contains(day)))
}

/// What was done in a workspace on each of the last [`DAYS`] days, today last.
pub(crate) async fn of<Q: Queries>(db: &mut Q, workspace: &WorkspaceId, today: i64) -> Result<Vec<Day>> {
    let from = today - DAYS + 1;
    let open = first_uncounted(db, from, today).await?.unwrap_or(today + 1);
    let mut days: BTreeMap<i64, Counts> = (from..=today).map(|day| (day, Counts::default())).collect();
    let kept = sql("SELECT d.day, d.created, d.updated, d.deleted, d.refused FROM scim_days d \
         JOIN scim_tokens t ON t.id = d.token_id WHERE d.workspace_id = $1 AND d.day >= $2 AND d.day < $3");
    for row in db.fetch_all(kept.bind(workspace).bind(from).bind(open)).await? {
        let of_day = Counts {
            created: row.int("created")?,
            updated: row.int("updated")?,
            deleted: row.int("deleted")?,
            refused: row.int("refused")?,
        };
        days.entry(row.int("day")?).or_default().and(of_day);
    }
    let since = sql("SELECT at / 86400000000 AS day, operation, status, COUNT(*) AS n FROM scim_activities \
         WHERE workspace_id = $1 AND at >= $2 GROUP BY at / 86400000000, operation, status");
    for row in db.fetch_all(since.bind(workspace).bind(beginning(open))).await? {
        days.entry(row.int("day")?).or_default().add(&row)?;
    }
    Ok(days.into_iter().map(|(day, counts)| Day { day, counts }).collect())
}

/// The days before `today` that are to be counted, the first one first.
pub(crate) async fn uncounted<Q: Queries>(db: &mut Q, today: i64) -> Result<Vec<i64>> {
    let from = today - DAYS + 1;
    let select = sql("SELECT day FROM scim_counted_days WHERE day >= $1 ORDER BY day");
    let rows = db.fetch_all(select.bind(from)).await?;
    let counted = rows.iter().map(|row| row.int("day")).collect::<Result<Vec<_>>>()?;
    Ok((from..today).filter(|day| !counted.contains(day)).collect())
}

/// What every token did on a day.
pub(crate) async fn count<Q: Queries>(
    db: &mut Q,
    day: i64,
) -> Result<BTreeMap<(WorkspaceId, ScimTokenId), Counts>> {
    let select = sql("SELECT workspace_id, token_id, operation, status, COUNT(*) AS n FROM scim_activities \
         WHERE at >= $1 AND at < $2 GROUP BY workspace_id, token_id, operation, status");
    let rows = db.fetch_all(select.bind(beginning(day)).bind(beginning(day + 1))).await?;
    let mut all: BTreeMap<_, Counts> = BTreeMap::new();
    for row in &rows {
        all.entry((row.id("workspace_id")?, row.id("token_id")?)).or_default().add(row)?;
    }
    Ok(all)
}

/// Notes a day as counted; says whether nobody else did.
pub(crate) async fn close(tx: &mut Tx, day: i64) -> Result<bool> {
    let insert = sql("INSERT INTO scim_counted_days (day) VALUES ($1) ON CONFLICT DO NOTHING");
    Ok(tx.execute(insert.bind(day)).await? == 1)
}

/// Keeps what a token did on a day.
pub(crate) fn keep(tx: &mut Tx, day: i64, workspace: &WorkspaceId, token: &ScimTokenId, counts: Counts) {
    let insert =
        sql("INSERT INTO scim_days (token_id, day, workspace_id, created, updated, deleted, refused) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING")
        .bind(token)
        .bind(day)
        .bind(workspace)
        .bind(counts.created)
        .bind(counts.updated)
        .bind(counts.deleted)
        .bind(counts.refused);
    tx.later(insert);
}

/// Forgets the days before a moment.
pub(crate) async fn sweep(tx: &mut Tx, before: i64) -> Result<()> {
    tx.execute(sql("DELETE FROM scim_days WHERE day < $1").bind(before)).await?;
    tx.execute(sql("DELETE FROM scim_counted_days WHERE day < $1").bind(before)).await.map(drop)
}
