//! What a PostgreSQL server says of itself, for `doctor`, and what other servers over it say to us.

use gatehouse_types::Timestamp;
use sqlx::postgres::PgListener;

use crate::reader::Pool;
use crate::{Queries, Result, Store, Tx, sql};

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

/// What other servers over the same PostgreSQL tell (`LISTEN`).
#[derive(Debug)]
pub struct Listener(PgListener);

impl Listener {
    /// Done at the next word, or when the connection broke and was made anew: something may have been missed then.
    ///
    /// # Errors
    /// When the database is gone.
    pub async fn next(&mut self) -> Result<()> {
        Ok(self.0.try_recv().await.map(drop)?)
    }
}

impl Listener {
    /// The next word on the channel; `None`: the connection broke, and something may have been missed.
    ///
    /// # Errors
    /// When the database is gone.
    pub async fn word(&mut self) -> Result<Option<String>> {
        Ok(self.0.try_recv().await?.map(|told| told.payload().to_owned()))
    }
}

/// What is said on a channel.
const SAY: &str = "SELECT CAST(pg_notify($1, $2) AS TEXT) AS told";

impl Tx {
    /// Says a word to every server over the same PostgreSQL that listens on the channel, once the transaction counts;
    /// SQLite has one server.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tell(&mut self, channel: &'static str, word: &str) -> Result<()> {
        if self.is_postgres() {
            self.fetch_optional(sql(SAY).bind(channel).bind(word)).await?;
        }
        Ok(())
    }
}

impl Store {
    /// Says a word on a channel to every server that listens, this one too; nobody listens on SQLite.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn say(&self, channel: &'static str, word: &str) -> Result<()> {
        if matches!(self.reader().0, Pool::Postgres(_)) {
            self.reader().fetch_optional(sql(SAY).bind(channel).bind(word)).await?;
        }
        Ok(())
    }

    /// Listens to what [`crate::Tx::notify`] says on a channel; `None` on SQLite, which has one server.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn listen(&self, channel: &'static str) -> Result<Option<Listener>> {
        let Pool::Postgres(pool) = self.reader().0 else { return Ok(None) };
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen(channel).await?;
        Ok(Some(Listener(listener)))
    }
}
