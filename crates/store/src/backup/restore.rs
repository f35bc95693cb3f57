use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use gatehouse_types::{Actor, Ids, Origin};
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Executor};

use super::connection::Alone;
use super::format::{Header, Table, refuse};
use super::read::{Sink, Source, Walked};
use super::tables::{self, quoted};
use super::verify::{self, Chains};
use super::write::sync_parent;
use super::{Ended, Made, Restored};
use crate::audit::{self, Event};
use crate::keyring::{KeyFile, ScanReport, Wrapped, scan_in};
use crate::open::{self, DatabaseUrl, Options};
use crate::tx::Inner as TxInner;
use crate::{Error, Keyring, Queries, Query, Result, Store, Tx, Value, files, migrate, sql};

/// Values that are bound to one statement at most; SQLite allows 32,766, PostgreSQL 65,535.
const BATCH_VALUES: usize = 2_000;
/// How often, and how long in between, it is tried to be alone with the new file.
const CLOSE_TRIES: u32 = 200;
const CLOSE_PAUSE: Duration = Duration::from_millis(50);
/// Data keys at most; they are held in memory.
const MAX_DATA_KEYS: usize = 100_000;

/// Restores a backup into a database that holds nothing yet. The file is read twice: once to be judged, with nothing
/// touched, and once to be loaded, under a name or in a transaction that nobody else sees before all of it is proved.
/// `then` is the last work before it counts: it ends what must not come to life again, and says how much that was.
///
/// # Errors
/// When the file is cut, changed, of a newer version or sealed under another master key; when the target is not
/// empty; when what was loaded does not hold together. The target is as it was then.
pub async fn restore(
    options: Options,
    path: &Path,
    then: impl AsyncFnOnce(&mut Tx) -> Result<Ended>,
) -> Result<Restored> {
    let key_file = options.master_key_file.clone().unwrap_or_else(|| options.data_dir.join("master.key"));
    let mut source = Source::open(path)?;
    let mut judge = Judge::default();
    let walked = source.walk(&mut judge).await?;
    let keyring = Keyring::of_rows(&KeyFile::new(key_file), &judge.keys, Arc::clone(&options.random))?;
    prove(&keyring, &walked)?;
    match options.database.clone() {
        DatabaseUrl::Sqlite(file) => {
            let target = file.unwrap_or_else(|| options.data_dir.join("gatehouse.db"));
            into_sqlite(&mut source, &walked, options, &target, then).await
        }
        DatabaseUrl::Postgres(url) => {
            let pool = open::postgres_pool(&url).await?;
            let restored = into_postgres(&mut source, &walked, options, keyring, &pool, then).await;
            pool.close().await;
            restored
        }
    }
}

/// The last line's proof: the file comes from somebody who has the master key.
fn prove(keyring: &Keyring, walked: &Walked) -> Result<()> {
    let said = unhex(&walked.mac).unwrap_or_default();
    match keyring.proof_key(&walked.key) {
        Some(key) if hmac::verify(&key, &walked.all, &said).is_ok() => Ok(()),
        _ => Err(refuse("it was changed by somebody who does not have the master key")),
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|p| u8::from_str_radix(std::str::from_utf8(p).ok()?, 16).ok()).collect()
}

/// The first reading: collects the data keys, keeps nothing else.
#[derive(Default)]
struct Judge {
    keys: Vec<Wrapped>,
}

impl Sink for Judge {
    async fn begin(&mut self, header: &Header) -> Result<()> {
        let known = migrate::newest();
        if header.schema > known {
            return Err(refuse(format!(
                "it is of schema {}, and this version of Gatehouse knows {known} and older",
                header.schema
            )));
        }
        if header.schema < 1 { Err(refuse("it is of no schema")) } else { Ok(()) }
    }

    async fn row(&mut self, table: &Table, row: Vec<Value>) -> Result<()> {
        if table.name != "data_keys" {
            return Ok(());
        }
        let cell = |name: &str| {
            let at = table.columns.iter().position(|c| c.name == name)?;
            if let Some(Value::Text(Some(text))) = row.get(at) { Some(text.clone()) } else { None }
        };
        let (Some(id), Some(wrapped)) = (cell("id"), cell("wrapped")) else {
            return Err(refuse("a data key cannot be read"));
        };
        let generation = table.columns.iter().position(|c| c.name == "generation").and_then(|at| row.get(at));
        let generation = if let Some(Value::Int(Some(n))) = generation { *n } else { 1 };
        self.keys.push(Wrapped { id, wrapped, generation });
        if self.keys.len() > MAX_DATA_KEYS { Err(refuse("it holds too many data keys")) } else { Ok(()) }
    }

    async fn end_of(&mut self, _: &Table) -> Result<()> {
        Ok(())
    }
}

/// The second reading: into the tables, some rows at a time.
struct Loader<'a> {
    db: &'a mut Alone,
    waiting: Vec<Value>,
}

impl Sink for Loader<'_> {
    async fn begin(&mut self, header: &Header) -> Result<()> {
        let postgres = self.db.is_postgres();
        let mut here = tables::all(self.db, postgres).await?;
        let mut there = header.tables.clone();
        for table in here.iter_mut().chain(&mut there) {
            table.columns.sort_by(|a, b| a.name.cmp(&b.name));
        }
        here.sort_by(|a, b| a.name.cmp(&b.name));
        there.sort_by(|a, b| a.name.cmp(&b.name));
        if here != there {
            return Err(refuse(format!("its tables are not those of schema {}", header.schema)));
        }
        // what a migration put in by itself is in the backup too
        for table in &here {
            let name = quoted(&table.name);
            let any = Query::assembled(format!("SELECT 1 AS one FROM {name} LIMIT 1"), Vec::new());
            if self.db.fetch_optional(any).await?.is_some() {
                self.db.run(format!("DELETE FROM {name}")).await?;
            }
        }
        Ok(())
    }

    async fn row(&mut self, table: &Table, row: Vec<Value>) -> Result<()> {
        self.waiting.extend(row);
        if self.waiting.len() + table.columns.len() > BATCH_VALUES { self.flush(table).await } else { Ok(()) }
    }

    async fn end_of(&mut self, table: &Table) -> Result<()> {
        self.flush(table).await
    }
}

impl Loader<'_> {
    async fn flush(&mut self, table: &Table) -> Result<()> {
        let width = table.columns.len();
        if self.waiting.is_empty() {
            return Ok(());
        }
        let row = |at: usize| {
            let cells: Vec<_> = (1..=width).map(|n| format!("${}", at * width + n)).collect();
            format!("({})", cells.join(", "))
        };
        let rows: Vec<_> = (0..self.waiting.len() / width).map(row).collect();
        let text = format!(
            "INSERT INTO {} ({}) VALUES {}",
            quoted(&table.name),
            table.column_list(),
            rows.join(", ")
        );
        self.db.execute(Query::assembled(text, std::mem::take(&mut self.waiting))).await.map(drop)
    }
}

/// Loads everything and compares what came with what the first reading saw.
async fn load(source: &mut Source, judged: &Walked, db: &mut Alone) -> Result<()> {
    let walked = source.walk(&mut Loader { db, waiting: Vec::new() }).await?;
    if walked.all != judged.all {
        return Err(refuse("it was changed while it was read"));
    }
    Ok(())
}

async fn into_sqlite(
    source: &mut Source,
    judged: &Walked,
    options: Options,
    target: &Path,
    then: impl AsyncFnOnce(&mut Tx) -> Result<Ended>,
) -> Result<Restored> {
    if let Some(parent) = target.parent().filter(|p| !p.as_os_str().is_empty()) {
        files::private_dir(parent)?;
    }
    for suffix in ["", "-wal"] {
        let file = with_suffix(target, suffix);
        if fs::metadata(&file).is_ok_and(|m| m.len() > 0) {
            return Err(Error::File(format!(
                "{} holds a database already; move it away first, a restore never replaces one",
                file.display()
            )));
        }
    }
    let draft = Draft::beside(target)?;
    load_sqlite(source, judged, &draft.path).await?;
    let schema = migrate::newest();
    // the usual opening migrates to the present schema and opens every data key
    let opened = Options { database: DatabaseUrl::Sqlite(Some(draft.path.clone())), ..options };
    let store = Store::open(opened).await?;
    let chains = verify::chains(&mut store.reader()).await?;
    let sealed = scan_in(&mut store.reader(), store.keyring()).await?;
    let mut tx = store.begin_always().await?;
    let ended = then(&mut tx).await?;
    note(&mut tx, judged, ended).await?;
    tx.commit().await?;
    store.close().await;
    drop(store);
    draft.keep(target).await?;
    Ok(told(judged, schema, chains, &sealed, ended))
}

async fn load_sqlite(source: &mut Source, judged: &Walked, path: &Path) -> Result<()> {
    // nothing here lasts before the rename, so it may be quick; foreign keys are looked at once everything is in
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Memory)
        .synchronous(SqliteSynchronous::Off)
        .foreign_keys(false)
        .disable_statement_logging();
    let mut connection = options.connect().await?;
    migrate::sqlite_to(&mut connection, judged.header.schema).await?;
    let mut db = Alone::Sqlite(Box::new(connection));
    db.run("BEGIN IMMEDIATE").await?;
    load(source, judged, &mut db).await?;
    db.run("COMMIT").await?;
    if let Some(odd) =
        db.fetch_optional(sql("SELECT \"table\" AS t FROM pragma_foreign_key_check LIMIT 1")).await?
    {
        return Err(refuse(format!("a row of the table {} refers to one that is not there", odd.text("t")?)));
    }
    if let Alone::Sqlite(connection) = db {
        connection.close().await?;
    }
    Ok(())
}

async fn into_postgres(
    source: &mut Source,
    judged: &Walked,
    options: Options,
    keyring: Keyring,
    pool: &sqlx::PgPool,
    then: impl AsyncFnOnce(&mut Tx) -> Result<Ended>,
) -> Result<Restored> {
    let mut db = Alone::Postgres(pool.begin().await?);
    if let Some(table) = tables::all(&mut db, true).await?.first() {
        return Err(Error::File(format!(
            "the database holds tables already ({}, …); make an empty one, a restore never replaces anything",
            table.name
        )));
    }
    migrate_within(&mut db, Some(judged.header.schema)).await?;
    let foreign_keys = db.fetch_all(sql(FOREIGN_KEYS)).await?;
    for key in &foreign_keys {
        let (table, name) = (key.text("t")?, quoted(&key.text("c")?));
        db.run(format!("ALTER TABLE {table} DROP CONSTRAINT {name}")).await?;
    }
    load(source, judged, &mut db).await?;
    // making the constraints anew compares every row
    for key in &foreign_keys {
        let (table, name) = (key.text("t")?, quoted(&key.text("c")?));
        let add = db.run(format!("ALTER TABLE {table} ADD CONSTRAINT {name} {}", key.text("d")?)).await;
        add.map_err(|_| refuse(format!("a row of the table {table} refers to one that is not there")))?;
    }
    migrate_within(&mut db, None).await?;
    let chains = verify::chains(&mut db).await?;
    let sealed = scan_in(&mut db, &keyring).await?;
    let mut ended = Ended::default();
    if let Alone::Postgres(tx) = db {
        let store = Store::over(pool.clone(), keyring, options.clock, options.random);
        let mut tx = Tx::new(TxInner::Postgres(tx), store, None, tracing::Span::none());
        ended = then(&mut tx).await?;
        note(&mut tx, judged, ended).await?;
        tx.commit().await?;
    }
    Ok(told(judged, migrate::newest(), chains, &sealed, ended))
}

const FOREIGN_KEYS: &str = "SELECT conrelid::regclass::text AS t, conname::text AS c, pg_get_constraintdef(oid) AS d \
     FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace ORDER BY conname";

async fn migrate_within(db: &mut Alone, schema: Option<i64>) -> Result<()> {
    match db {
        Alone::Postgres(tx) => migrate::postgres_to(tx, schema).await,
        Alone::Sqlite(_) => Ok(()),
    }
}

/// The entry in the chain of what belongs to no workspace.
async fn note(tx: &mut Tx, judged: &Walked, ended: Ended) -> Result<()> {
    let ids: Ids = tx.store().ids().clone();
    let machine = Actor::system(Origin::machine(ids.make()), None);
    let Walked { header, made, .. } = judged;
    let details = json!({"createdAt": header.created_at, "from": header.from, "schema": header.schema, "rows": made.rows,
        "sessionsEnded": ended.sessions, "grantsEnded": ended.grants});
    audit::record_in(tx, &machine, None, Event::success("system.restored", ("backup", &made.sha256), details))
        .await
}

fn told(judged: &Walked, schema: i64, chains: Chains, sealed: &ScanReport, ended: Ended) -> Restored {
    let Walked { header, made, .. } = judged;
    let backup: Made = made.clone();
    let (created_at, from) = (header.created_at, header.from.clone());
    Restored {
        backup,
        created_at,
        from,
        schema,
        chains: chains.chains,
        entries: chains.entries,
        sealed: sealed.values(),
        refused: sealed.refused(),
        refused_places: sealed.refused_places(),
        ended,
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The database under another name until it is whole; one restore at a time.
struct Draft {
    path: PathBuf,
    file: File,
}

impl Draft {
    fn beside(target: &Path) -> Result<Self> {
        let path = with_suffix(target, ".restoring");
        files::ensure_private(&path)?;
        let failed = |e: std::io::Error| Error::File(format!("cannot write {}: {e}", path.display()));
        let file = File::options().read(true).write(true).open(&path).map_err(failed)?;
        files::require_no_link(&path, &file)?;
        files::require_private(&path)?;
        file.try_lock()
            .map_err(|_| Error::File(format!("another restore is at work on {}", path.display())))?;
        // what a restore that was killed left
        file.set_len(0).map_err(failed)?;
        let draft = Self { path, file };
        draft.remove_companions();
        Ok(draft)
    }

    fn remove_companions(&self) {
        for suffix in ["-wal", "-shm", "-journal"] {
            let _ = fs::remove_file(with_suffix(&self.path, suffix));
        }
    }

    async fn keep(self, target: &Path) -> Result<()> {
        // everything into the one file, which then stands alone
        let options = SqliteConnectOptions::new().filename(&self.path).disable_statement_logging();
        let mut tries = 0;
        loop {
            let mut connection = options.connect().await?;
            match connection.execute("PRAGMA journal_mode = DELETE").await {
                Ok(_) => break connection.close().await?,
                // the connections before are closed by threads of their own, in their time
                Err(_) if tries < CLOSE_TRIES => tries += 1,
                Err(e) => return Err(e.into()),
            }
            connection.close().await?;
            tokio::time::sleep(CLOSE_PAUSE).await;
        }
        let keep = || {
            self.file.sync_all()?;
            let _ = fs::metadata(target).is_ok_and(|m| m.len() == 0) && fs::remove_file(target).is_ok();
            // a link appears whole, and never in place of another database
            fs::hard_link(&self.path, target)?;
            fs::remove_file(&self.path)?;
            sync_parent(target)
        };
        keep().map_err(|e| Error::File(format!("cannot put {} into its place: {e}", target.display())))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        self.remove_companions();
        let _ = fs::remove_file(&self.path);
    }
}
