use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use gatehouse_types::{Ids, Origin, SharedClock, SharedRandom, TRACES};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, PgPool, SqliteConnection};
use tokio::sync::Notify;
use url::Url;

use crate::engine::group_commit::Writer;
use crate::keyring::{self, KeyFile, open_keyring};
use crate::reader::Pool;
use crate::tx::Inner as TxInner;
use crate::{Error, Keyring, Queries, Reader, Result, Tx, files, migrate, numbers, sql};

/// Connections that read SQLite side by side.
const SQLITE_READERS: u32 = 4;
/// Connections to PostgreSQL.
const POSTGRES_CONNECTIONS: u32 = 16;
/// How long a request waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a transaction waits for SQLite's one writer; less than a request may take, so that it gets an answer.
const WRITER_TIMEOUT: Duration = Duration::from_secs(20);
/// A connection that was used within this time is taken to be alive; one that lay longer is asked first.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);
/// Statements that a connection keeps prepared.
const PREPARED: usize = 256;
/// How long SQLite waits for another process (the command line) that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file of ours; `None`: `gatehouse.db` in the data directory.
    Sqlite(Option<PathBuf>),
    /// A PostgreSQL server.
    Postgres(Url),
}

impl FromStr for DatabaseUrl {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return Ok(Self::Sqlite((!path.is_empty()).then(|| PathBuf::from(path))));
        }
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "postgres" | "postgresql") => Ok(Self::Postgres(url)),
            _ => Err("must be sqlite:, sqlite:/path/to/file or postgres://user@host/database".into()),
        }
    }
}

/// What a store needs to open.
#[derive(Debug)]
pub struct Options {
    /// Where the database is.
    pub database: DatabaseUrl,
    /// The directory of our files; made when it is not there.
    pub data_dir: PathBuf,
    /// The file of the master key; `None`: `master.key` in the data directory.
    pub master_key_file: Option<PathBuf>,
    /// The clock.
    pub clock: SharedClock,
    /// The randomness.
    pub random: SharedRandom,
}

/// The database with everything that belongs to it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pool: Pool,
    writer: Option<Writer>,
    keyring: Keyring,
    clock: SharedClock,
    random: SharedRandom,
    ids: Ids,
    jobs_waker: Notify,
}

/// A store that something may still hold.
pub(crate) struct WeakStore(Weak<Inner>);

impl WeakStore {
    /// The store, unless nobody else holds it any more.
    pub(crate) fn upgrade(&self) -> Option<Store> {
        self.0.upgrade().map(Store)
    }
}

impl Store {
    /// Opens the database, migrates it, and opens its keyring; makes all of them at the first start.
    ///
    /// # Errors
    /// When the database or the master key file is missing rights, readable by others, of a newer version, or the
    /// key is not the one the database was sealed with.
    pub async fn open(options: Options) -> Result<Self> {
        files::private_dir(&options.data_dir)?;
        let key_file = options.master_key_file.unwrap_or_else(|| options.data_dir.join("master.key"));

        let (pool, writer) = match &options.database {
            DatabaseUrl::Sqlite(path) => {
                let path = path.clone().unwrap_or_else(|| options.data_dir.join("gatehouse.db"));
                let (pool, writer) = open_sqlite(&path).await?;
                (Pool::Sqlite(pool), Some(writer))
            }
            DatabaseUrl::Postgres(url) => (Pool::Postgres(open_postgres(url).await?), None),
        };
        let ids = Ids::new(Arc::clone(&options.clock), Arc::clone(&options.random));
        let (clock, random) = (options.clock, options.random);
        let file = KeyFile::new(key_file);
        let keyring = match open_keyring(&pool, file.clone(), &random).await? {
            Some(keyring) => keyring,
            None => {
                let first = Keyring::first_row(&file, &ids, &clock, &random)?;
                first_key(&pool, writer.as_ref(), first).await?;
                let opened = open_keyring(&pool, file, &random).await?;
                opened.ok_or_else(|| Error::Unsealable("the keyring (it has no data key)".into()))?
            }
        };
        let store =
            Self(Arc::new(Inner { pool, writer, keyring, clock, random, ids, jobs_waker: Notify::new() }));
        keyring::complete(&store).await?;
        tokio::spawn(keyring::keep_watch(WeakStore(Arc::downgrade(&store.0))));
        Ok(store)
    }

    /// A store over a PostgreSQL database whose keyring is open already.
    pub(crate) fn over(pool: PgPool, keyring: Keyring, clock: SharedClock, random: SharedRandom) -> Self {
        let ids = Ids::new(Arc::clone(&clock), Arc::clone(&random));
        let (pool, writer, jobs_waker) = (Pool::Postgres(pool), None, Notify::new());
        Self(Arc::new(Inner { pool, writer, keyring, clock, random, ids, jobs_waker }))
    }

    /// Reads what is committed.
    pub fn reader(&self) -> Reader {
        Reader(self.0.pool.clone())
    }

    /// Begins a write transaction on behalf of a request; a trial run's rolls back at its end.
    ///
    /// # Errors
    /// When the database cannot begin one.
    pub async fn begin(&self, origin: &Origin) -> Result<Tx> {
        let span = self.span();
        let inner = begin(&self.0.pool, self.0.writer.as_ref()).await?;
        Ok(Tx::new(inner, self.clone(), origin.dry_run.clone(), span))
    }

    /// Begins a write transaction that a trial run commits too: what really happened (a refused check, a claimed job).
    ///
    /// # Errors
    /// When the database cannot begin one.
    pub async fn begin_always(&self) -> Result<Tx> {
        let span = self.span();
        let inner = begin(&self.0.pool, self.0.writer.as_ref()).await?;
        Ok(Tx::new(inner, self.clone(), None, span))
    }

    /// A write transaction in a trace, below what causes it.
    fn span(&self) -> tracing::Span {
        if tracing::Span::current().is_none() {
            return tracing::Span::none();
        }
        let system = if self.0.writer.is_some() { "sqlite" } else { "postgresql" };
        tracing::info_span!(target: TRACES, "database write", otel.kind = "client", db.system.name = system)
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<()> {
        self.reader().fetch_one(sql("SELECT COUNT(*) AS n FROM data_keys")).await.map(drop)
    }

    /// Keeps a fact for other processes of this database.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remember(&self, name: &str, value: &str) -> Result<()> {
        if self.recall(name).await?.as_deref() == Some(value) {
            return Ok(());
        }
        let mut tx = self.begin_always().await?;
        let upsert = sql("INSERT INTO server_facts (name, value) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value");
        tx.execute(upsert.bind(name).bind(value)).await?;
        tx.commit().await
    }

    /// A fact that another process kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn recall(&self, name: &str) -> Result<Option<String>> {
        let select = sql("SELECT value FROM server_facts WHERE name = $1");
        self.reader().fetch_optional(select.bind(name)).await?.map(|r| r.text("value")).transpose()
    }

    /// Which database it is, for people.
    pub fn kind(&self) -> &'static str {
        match self.0.pool {
            Pool::Sqlite(_) => "SQLite",
            Pool::Postgres(_) => "PostgreSQL",
        }
    }

    /// Whether several servers may work on the database at once; an embedded one has a single server.
    pub fn is_shared(&self) -> bool {
        matches!(self.0.pool, Pool::Postgres(_))
    }

    /// The keyring.
    pub fn keyring(&self) -> &Keyring {
        &self.0.keyring
    }

    /// The clock.
    pub fn clock(&self) -> &SharedClock {
        &self.0.clock
    }

    /// The present moment.
    pub fn now(&self) -> gatehouse_types::Timestamp {
        self.0.clock.now()
    }

    /// The randomness.
    pub fn random(&self) -> &SharedRandom {
        &self.0.random
    }

    /// The maker of ids.
    pub fn ids(&self) -> &Ids {
        &self.0.ids
    }

    /// Wakes the workers of this process.
    pub(crate) fn jobs_waker(&self) -> &Notify {
        &self.0.jobs_waker
    }

    /// Whether the connections are closed.
    pub(crate) fn is_closed(&self) -> bool {
        match &self.0.pool {
            Pool::Sqlite(pool) => pool.is_closed(),
            Pool::Postgres(pool) => pool.is_closed(),
        }
    }

    /// Closes all connections, after what is in flight.
    pub async fn close(&self) {
        match &self.0.pool {
            Pool::Sqlite(pool) => pool.close().await,
            Pool::Postgres(pool) => pool.close().await,
        }
    }
}

async fn begin(pool: &Pool, writer: Option<&Writer>) -> Result<TxInner> {
    let began = std::time::Instant::now();
    let begun = begin_now(pool, writer).await;
    numbers::waited(began.elapsed());
    begun
}

async fn begin_now(pool: &Pool, writer: Option<&Writer>) -> Result<TxInner> {
    match (pool, writer) {
        (Pool::Postgres(pool), _) => Ok(TxInner::Postgres(pool.begin().await?)),
        (Pool::Sqlite(_), Some(writer)) => Ok(TxInner::Sqlite(writer.begin().await?)),
        (Pool::Sqlite(_), None) => Err(Error::Commit("SQLite has no writer".into())),
    }
}

async fn open_sqlite(path: &Path) -> Result<(sqlx::SqlitePool, Writer)> {
    if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        files::private_dir(parent)?;
    }
    files::ensure_private(path)?;
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        files::require_private(Path::new(&name))?;
    }
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // what is answered is on the disk: NORMAL loses acknowledged writes when the power goes
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(PREPARED)
        .disable_statement_logging();
    let mut writer: SqliteConnection = options.connect().await?;
    migrate::sqlite(&mut writer).await?;
    let readers = SqlitePoolOptions::new()
        .min_connections(1)
        .max_connections(SQLITE_READERS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // a file does not go away between two uses
        .test_before_acquire(false)
        .connect_with(options.read_only(true))
        .await?;
    Ok((readers, Writer::new(writer, WRITER_TIMEOUT)))
}

async fn open_postgres(url: &Url) -> Result<PgPool> {
    let pool = postgres_pool(url).await?;
    migrate::postgres(&pool).await?;
    Ok(pool)
}

/// Connections to a PostgreSQL database, as it is.
pub(crate) async fn postgres_pool(url: &Url) -> Result<PgPool> {
    let options = sqlx::postgres::PgConnectOptions::from_url(url)?
        .statement_cache_capacity(PREPARED)
        .disable_statement_logging();
    // the pool would try for long, and then tell nothing of the cause
    let first = tokio::time::timeout(ACQUIRE_TIMEOUT, options.connect()).await;
    first.map_err(|_| Error::Database(sqlx::Error::PoolTimedOut))??.close().await?;
    let pool = sqlx::postgres::PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection, known| {
            Box::pin(async move {
                if known.idle_for > TRUSTED_IDLE {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_with(options);
    Ok(pool.await?)
}

/// Makes the first data key, unless another server does at this very moment.
async fn first_key(pool: &Pool, writer: Option<&Writer>, insert: crate::Query) -> Result<()> {
    match begin(pool, writer).await? {
        TxInner::Sqlite(mut tx) => {
            tx.execute(insert).await?;
            tx.commit().await
        }
        TxInner::Postgres(mut tx) => {
            let lock = sql("LOCK TABLE data_keys IN EXCLUSIVE MODE");
            crate::engine::postgres::execute(&mut *tx, lock).await?;
            crate::engine::postgres::execute(&mut *tx, insert).await?;
            Ok(tx.commit().await?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_url_is_one_of_two() {
        assert_eq!("sqlite:".parse(), Ok(DatabaseUrl::Sqlite(None)));
        assert_eq!("sqlite:///a/b.db".parse(), Ok(DatabaseUrl::Sqlite(Some("/a/b.db".into()))));
        assert!(matches!("postgres://u@h/d".parse(), Ok(DatabaseUrl::Postgres(_))));
        assert!("mysql://h/d".parse::<DatabaseUrl>().is_err());
    }
}
