//! What a PostgreSQL server says of itself, for `doctor`.

use gatehouse_types::Timestamp;

use crate::reader::Pool;
use crate::{Queries, Result, Store, sql};

/// The oldest major version of PostgreSQL that this is tested with.
pub const OLDEST_POSTGRES: i64 = 15;

/// A PostgreSQL server.
#[derive(Clone, Copy, Debug)]
pub struct Postgres {
    /// Its major version.
    pub major: i64,
    /// What its clock says.
    pub clock: Timestamp,
    /// What our clock said at that moment, as exactly as the way there and back allows.
    pub ours: Timestamp,
    /// Whether a commit waits for the disk.
    pub flushes: bool,
}

/// Asks the PostgreSQL server about itself; `None` on SQLite.
///
/// # Errors
/// When the database fails.
pub async fn postgres(store: &Store) -> Result<Option<Postgres>> {
    if !matches!(store.reader().0, Pool::Postgres(_)) {
        return Ok(None);
    }
    // the first statement may have to connect; the second takes one way there and back
    store.ping().await?;
    let asked = store.now();
    let select = sql("SELECT CAST(current_setting('server_version_num') AS BIGINT) AS version, \
         CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) AS clock, \
         current_setting('synchronous_commit') AS commits, current_setting('fsync') AS fsync");
    let row = store.reader().fetch_one(select).await?;
    let half = (store.now().micros() - asked.micros()) / 2;
    Ok(Some(Postgres {
        major: row.int("version")? / 10_000,
        clock: row.time("clock")?,
        ours: Timestamp::from_micros(asked.micros() + half),
        flushes: row.text("commits")? != "off" && row.text("fsync")? == "on",
    }))
}
