//! What changed, in the order in which it counts. The one row of `api_feed` is held until the commit, so no number
//! appears before a smaller one.

use gatehouse_store::{Queries, Result, Tx, sql};
use gatehouse_types::Timestamp;

/// The channel on which servers over one PostgreSQL hear of changes.
pub(crate) const CHANNEL: &str = "gatehouse_api_keys";

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// An app, by its id.
    App(String),
    /// A key, by its digest.
    Key(String),
}

/// Notes changes; every server takes them in after the commit.
pub(crate) async fn note(tx: &mut Tx, changes: &[Change]) -> Result<()> {
    let now = tx.store().now();
    for change in changes {
        let next = sql("INSERT INTO api_feed (id, sequence) VALUES (1, 1) \
             ON CONFLICT (id) DO UPDATE SET sequence = api_feed.sequence + 1 RETURNING sequence");
        let sequence = tx.fetch_one(next).await?.int("sequence")?;
        let (kind, object) = match change {
            Change::App(id) => ("app", id),
            Change::Key(digest) => ("key", digest),
        };
        let insert = sql("INSERT INTO api_changes (sequence, kind, object, at) VALUES ($1, $2, $3, $4)");
        tx.execute(insert.bind(sequence).bind(kind).bind(object.as_str()).bind(now)).await?;
    }
    if !changes.is_empty() {
        tx.notify(CHANNEL).await?;
    }
    Ok(())
}

/// The number of the last change, and of the oldest that is still known.
pub(crate) async fn ends<Q: Queries>(db: &mut Q) -> Result<(i64, i64)> {
    let select = sql("SELECT COALESCE((SELECT sequence FROM api_feed WHERE id = 1), 0) AS last, \
         COALESCE((SELECT MIN(sequence) FROM api_changes), 0) AS oldest");
    let row = db.fetch_one(select).await?;
    Ok((row.int("last")?, row.int("oldest")?))
}

/// The changes behind a number, at most `most`, with their numbers.
pub(crate) async fn since<Q: Queries>(db: &mut Q, after: i64, most: i64) -> Result<Vec<(i64, Change)>> {
    let select =
        sql("SELECT sequence, kind, object FROM api_changes WHERE sequence > $1 ORDER BY sequence LIMIT $2");
    let rows = db.fetch_all(select.bind(after).bind(most)).await?;
    rows.iter()
        .map(|r| {
            let object = r.text("object")?;
            let change = if r.text("kind")? == "app" { Change::App(object) } else { Change::Key(object) };
            Ok((r.int("sequence")?, change))
        })
        .collect()
}

/// Forgets what is older.
pub(crate) async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    tx.execute(sql("DELETE FROM api_changes WHERE at < $1").bind(before)).await
}
