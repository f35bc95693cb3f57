//! New keys for everything, while servers serve. Every step can be the last one of a process that is killed: the next
//! run (and every start of a server) finds out from the files and rows how far it came.
//!
//! 1. The new master key is written beside the old one (`master.key.next`) and is on the disk.
//! 2. One transaction wraps all data keys with it, makes the data key that seals from now on, and notes the rotation.
//! 3. The file takes the place of the old one, which is kept beside it under its fingerprint.
//! 4. Sealed values are re-encrypted row by row, each only if it is still what was read.
//! 5. After a pause in which every server has learned the new data key, a last look finds what was sealed in between.
//! 6. Data keys that nothing is under are retired; each workspace's audit log tells of it.

use std::path::PathBuf;
use std::time::Duration;

use gatehouse_types::{Actor, WorkspaceId};
use serde::Serialize;
use serde_json::json;

use super::scan::{self, Found, ScanReport};
use super::source::{new_id, read_rows};
use super::{Binding, Keyring, MasterKey, Ring, SEALED, SealedColumn, refused};
use crate::audit::{self, Event};
use crate::{Error, Queries, Query, Result, Row, Store, Tx, Value, sql};

/// Values re-encrypted in one transaction.
const BATCH: i64 = 100;
/// Looks at everything at most; each finds only what was sealed with an old data key during the one before.
const MAX_PASSES: usize = 5;
/// How long a retired data key is kept at least, in seconds; the next rotation forgets it.
const RETIRED_KEPT_SECONDS: i64 = 24 * 3600;

/// How to rotate.
pub struct Rotation<'a> {
    /// The pause before the last look; longer than servers take to learn a new data key.
    pub settle: Duration,
    /// Told of each stage; an error stops the rotation there.
    pub on_stage: &'a (dyn Fn(Stage) -> Result<()> + Sync),
}

impl std::fmt::Debug for Rotation<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rotation").field("settle", &self.settle).finish_non_exhaustive()
    }
}

impl Default for Rotation<'_> {
    fn default() -> Self {
        Self { settle: refused::POLL * 2 + Duration::from_secs(1), on_stage: &|_| Ok(()) }
    }
}

/// How far a rotation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The new master key is on the disk, beside the old one.
    KeyWritten,
    /// All data keys are wrapped with it.
    Wrapped,
    /// It has taken the old one's place.
    Promoted,
    /// A number of values are re-encrypted.
    Resealed(u64),
    /// Nothing is left under an old data key that could be opened.
    Settled,
    /// Old data keys are retired.
    Retired,
}

/// What a rotation did.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RotationReport {
    /// Its id, which the audit entries carry.
    pub rotation: String,
    /// Whether it took up one that was broken off.
    pub resumed: bool,
    /// The fingerprint of the old master key.
    pub from_master: String,
    /// The fingerprint of the new one.
    pub to_master: String,
    /// The data key that seals now.
    pub data_key: String,
    /// Where the old master key was kept, for backups of its time.
    pub old_key_file: PathBuf,
    /// What was re-encrypted by this run.
    pub columns: Vec<Resealed>,
    /// Data keys that nothing is under any more.
    pub retired_data_keys: Vec<String>,
    /// Values that do not open and so stay as they are.
    pub refused: Vec<String>,
}

/// Values of one column that were re-encrypted.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resealed {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// How many.
    pub values: u64,
}

/// What a rotation would do.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The fingerprint of the master key of now.
    pub master: String,
    /// The rotation that was broken off and would be resumed.
    pub resumes: Option<String>,
    /// Data keys that would be wrapped anew.
    pub data_keys: usize,
    /// Values that would be re-encrypted.
    pub values: u64,
    /// What the columns hold.
    #[serde(flatten)]
    pub scan: ScanReport,
}

/// Says what a rotation would do; changes nothing.
///
/// # Errors
/// When the database fails or the master key does not fit.
pub async fn plan(store: &Store) -> Result<Plan> {
    let scan = scan::scan(store).await?;
    let unfinished = unfinished(store).await?;
    let left = scan.columns.iter().map(|c| c.values - c.current - c.refused.min(c.values - c.current)).sum();
    let values = if unfinished.is_some() { left } else { scan.values() - scan.refused() };
    let (master, rows) = store.keyring().master().await?.ok_or_else(no_source)?;
    let resumes = unfinished.map(|u| u.id);
    Ok(Plan { master: master.fingerprint(), resumes, data_keys: rows.len(), values, scan })
}

/// Writes the next master key beside the old one and says where and which; a rotation takes it. For installations
/// whose servers run on several machines: each needs the file before the rotation begins.
///
/// # Errors
/// When the file cannot be written.
pub fn prepare(store: &Store) -> Result<(PathBuf, String)> {
    let file = store.keyring().file().ok_or_else(no_source)?;
    Ok((file.next(), file.make_next(&**store.random())?.fingerprint()))
}

fn no_source() -> Error {
    Error::Unsealable("the keyring (it has no master key file)".into())
}

/// A rotation as its row has it.
#[derive(Debug)]
struct Begun {
    id: String,
    from: String,
    to: String,
    data_key: String,
    started_at: gatehouse_types::Timestamp,
}

fn read_begun(row: &Row) -> Result<Begun> {
    Ok(Begun {
        id: row.text("id")?,
        from: row.text("from_master")?,
        to: row.text("to_master")?,
        data_key: row.text("data_key")?,
        started_at: row.time("started_at")?,
    })
}

async fn unfinished(store: &Store) -> Result<Option<Begun>> {
    let select = sql("SELECT id, from_master, to_master, data_key, started_at FROM keyring_rotations \
         WHERE finished_at IS NULL ORDER BY started_at DESC, id DESC LIMIT 1");
    store.reader().fetch_optional(select).await?.as_ref().map(read_begun).transpose()
}

/// Rotates the master key and re-encrypts every sealed value, or goes on with a rotation that was broken off.
///
/// # Errors
/// When the database or a file fails, or when another rotation got in between. Everything done so far stays good: run
/// it again.
pub async fn rotate(store: &Store, actor: &Actor, how: Rotation<'_>) -> Result<RotationReport> {
    let found = unfinished(store).await?;
    let resumed = found.is_some();
    let begun = match found {
        Some(begun) => begun,
        None => begin(store, actor, &how).await?,
    };
    (how.on_stage)(Stage::Wrapped)?;
    let file = store.keyring().file().ok_or_else(no_source)?;
    let old_key_file = file.promote(&begun.from, &begun.to)?;
    (how.on_stage)(Stage::Promoted)?;
    store.keyring().refresh().await?;
    let mut work =
        Resealing { store, how: &how, begun: &begun, done: SEALED.iter().map(|_| 0).collect(), total: 0 };
    work.all().await?;
    let done = work.done;
    (how.on_stage)(Stage::Settled)?;
    let retired_data_keys = retire(store, &begun).await?;
    (how.on_stage)(Stage::Retired)?;
    let refused = scan::scan(store).await?.refused_places();
    finish(store, actor, &begun, done.iter().sum(), refused.len()).await?;
    let columns = SEALED.iter().zip(done);
    let columns = columns.map(|(s, values)| Resealed { table: s.table, column: s.column, values }).collect();
    let Begun { id: rotation, from: from_master, to: to_master, data_key, .. } = begun;
    Ok(RotationReport {
        rotation,
        resumed,
        from_master,
        to_master,
        data_key,
        old_key_file,
        columns,
        retired_data_keys,
        refused,
    })
}

/// Steps 1 and 2.
async fn begin(store: &Store, actor: &Actor, how: &Rotation<'_>) -> Result<Begun> {
    let (old, _) = store.keyring().master().await?.ok_or_else(no_source)?;
    let file = store.keyring().file().ok_or_else(no_source)?;
    let new = file.make_next(&**store.random())?;
    (how.on_stage)(Stage::KeyWritten)?;
    let mut tx = store.begin_always().await?;
    tx.lock_table("data_keys").await?;
    let begun = wrap_anew(&mut tx, &old, &new).await?;
    let details = json!({"fromMaster": begun.from, "toMaster": begun.to, "dataKey": begun.data_key});
    let event = Event::success("keyring.rotation-started", ("rotation", &begun.id), details);
    audit::record_in(&mut tx, actor, None, event).await?;
    tx.commit().await?;
    Ok(begun)
}

async fn wrap_anew(tx: &mut Tx, old: &MasterKey, new: &MasterKey) -> Result<Begun> {
    let (now, random) = (tx.store().now(), tx.store().random().clone());
    let rows = read_rows(tx).await?;
    let ring = Ring::open(old, &rows).map_err(|_| {
        Error::File("another rotation of the master key got in between; run the command again".into())
    })?;
    for row in &rows {
        let Some(key) = ring.keys.get(&row.id) else { continue };
        let update = sql("UPDATE data_keys SET wrapped = $1, master = $2 WHERE id = $3")
            .bind(new.wrap(&row.id, key, &*random))
            .bind(new.fingerprint())
            .bind(row.id.as_str());
        tx.execute(update).await?;
    }
    let generation = rows.iter().map(|r| r.generation).max().unwrap_or(0) + 1;
    let data_key = new_id(tx.store().ids());
    let insert = sql(
        "INSERT INTO data_keys (id, wrapped, created_at, master, generation) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(data_key.as_str())
    .bind(Keyring::new_wrapped(new, &data_key, &*random))
    .bind(now)
    .bind(new.fingerprint())
    .bind(generation);
    tx.execute(insert).await?;
    let id = format!("rot_{}", tx.store().ids().uuid().simple());
    let begun = Begun { id, from: old.fingerprint(), to: new.fingerprint(), data_key, started_at: now };
    let note =
        sql("INSERT INTO keyring_rotations (id, from_master, to_master, data_key, resealed, started_at) \
         VALUES ($1, $2, $3, $4, 0, $5)")
        .bind(begun.id.as_str())
        .bind(begun.from.as_str())
        .bind(begun.to.as_str())
        .bind(begun.data_key.as_str())
        .bind(now);
    tx.execute(note).await?;
    Ok(begun)
}

/// Steps 4 and 5.
struct Resealing<'a> {
    store: &'a Store,
    how: &'a Rotation<'a>,
    begun: &'a Begun,
    /// Values done, a column of [`SEALED`].
    done: Vec<u64>,
    total: u64,
}

impl Resealing<'_> {
    async fn all(&mut self) -> Result<()> {
        for pass in 0..MAX_PASSES {
            let before = self.total;
            for (at, of) in SEALED.iter().enumerate() {
                self.column(at, of).await?;
            }
            match pass {
                0 => tokio::time::sleep(self.how.settle).await,
                _ if self.total == before => break,
                _ => {}
            }
        }
        Ok(())
    }

    async fn column(&mut self, at: usize, of: &'static SealedColumn) -> Result<()> {
        let mut after: Option<Vec<String>> = None;
        loop {
            let mut reader = self.store.reader();
            let key = Some(self.begun.data_key.as_str());
            let found = scan::next(&mut reader, of, after.as_deref(), key, BATCH).await?;
            let Some(last) = found.last() else { return Ok(()) };
            after = Some(last.key.clone());
            let count = self.batch(of, &found).await?;
            if let Some(done) = self.done.get_mut(at) {
                *done += count;
            }
            self.total += count;
            (self.how.on_stage)(Stage::Resealed(self.total))?;
        }
    }

    async fn batch(&self, of: &'static SealedColumn, found: &[Found]) -> Result<u64> {
        let ring = self.store.keyring();
        let SealedColumn { table, column, .. } = *of;
        let mut updates = Vec::new();
        for Found { key, row, sealed } in found {
            let place = Binding { table, column, row };
            // what does not open stays as it is; the report names it
            let Some(plain) = ring.open_quietly(place, sealed) else { continue };
            let anew = ring.seal_bytes(place, &plain);
            let mut values = vec![Value::from(anew.as_str()), Value::from(sealed.as_str())];
            values.extend(key.iter().map(|v| Value::from(v.as_str())));
            let text = format!("UPDATE {table} SET {column} = $1 WHERE {column} = $2 AND {}", of.key_is(3));
            updates.push(Query::assembled(text, values));
        }
        let mut tx = self.store.begin_always().await?;
        let mut count = 0;
        for update in updates {
            count += tx.execute(update).await?;
        }
        let progress = sql("UPDATE keyring_rotations SET resealed = resealed + $1 WHERE id = $2");
        tx.execute(progress.bind(i64::try_from(count).unwrap_or(i64::MAX)).bind(self.begun.id.as_str()))
            .await?;
        tx.commit().await?;
        Ok(count)
    }
}

/// Step 6: retires data keys that nothing is under, and forgets those that were retired long ago.
async fn retire(store: &Store, begun: &Begun) -> Result<Vec<String>> {
    let others = sql("SELECT id, retired_at FROM data_keys WHERE id <> $1 ORDER BY generation, id");
    let others = store.reader().fetch_all(others.bind(begun.data_key.as_str())).await?;
    let mut retired = Vec::new();
    for row in others {
        let (id, since) = (row.text("id")?, row.opt_time("retired_at")?);
        if is_used(store, &id).await? {
            continue;
        }
        let now = store.now();
        let mut tx = store.begin_always().await?;
        match since {
            None => {
                let update = sql("UPDATE data_keys SET retired_at = $1 WHERE id = $2");
                tx.execute(update.bind(now).bind(id.as_str())).await?;
                retired.push(id);
            }
            Some(at) if at.plus_seconds(RETIRED_KEPT_SECONDS) < now => {
                tx.execute(sql("DELETE FROM data_keys WHERE id = $1").bind(id.as_str())).await?;
            }
            Some(_) => {}
        }
        tx.commit().await?;
    }
    Ok(retired)
}

async fn is_used(store: &Store, id: &str) -> Result<bool> {
    let prefix = format!("{id}.");
    for SealedColumn { table, column, .. } in SEALED {
        let text =
            format!("SELECT 1 AS one FROM {table} WHERE substr({column}, 1, {}) = $1 LIMIT 1", prefix.len());
        let query = Query::assembled(text, vec![Value::from(prefix.as_str())]);
        if store.reader().fetch_optional(query).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Tells each workspace, then closes the rotation. Broken off in between, the next run tells the rest.
async fn finish(store: &Store, actor: &Actor, begun: &Begun, resealed: u64, refused: usize) -> Result<()> {
    let chains = store.reader().fetch_all(sql("SELECT chain FROM audit_heads ORDER BY chain")).await?;
    for chain in chains {
        let chain = chain.text("chain")?;
        let told =
            sql("SELECT id FROM audit_events WHERE chain = $1 AND at >= $2 AND event = 'keyring.rotated' \
             AND target_id = $3 LIMIT 1")
            .bind(chain.as_str())
            .bind(begun.started_at)
            .bind(begun.id.as_str());
        if store.reader().fetch_optional(told).await?.is_some() {
            continue;
        }
        let of_nobody = chain == audit::NO_WORKSPACE;
        let workspace = (!of_nobody).then(|| <WorkspaceId as gatehouse_types::Id>::from_stored(chain));
        let mut details = json!({"toMaster": begun.to});
        if of_nobody {
            details = json!({"fromMaster": begun.from, "toMaster": begun.to, "resealed": resealed, "refused": refused});
        }
        let mut tx = store.begin_always().await?;
        let event = Event::success("keyring.rotated", ("rotation", &begun.id), details);
        audit::record_in(&mut tx, actor, workspace.as_ref(), event).await?;
        tx.commit().await?;
    }
    let mut tx = store.begin_always().await?;
    let done = sql("UPDATE keyring_rotations SET finished_at = $1 WHERE id = $2");
    tx.execute(done.bind(store.now()).bind(begun.id.as_str())).await?;
    tx.commit().await
}
