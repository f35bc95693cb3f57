//! Where the entries of a directory are in the order of their ids, so that a page far from the beginning costs what the first
//! one costs.
//!
//! Blocks say how many entries there are from their first id to the next block's. Writers only add a line for what came or
//! went: they wait for nobody. What lines say is settled into the blocks now and then; at any moment, blocks and lines
//! together count exactly what is committed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gatehouse_store::{Condition, Queries, Query, Result, Row, Store, Tx, sql};
use gatehouse_types::{Id, WorkspaceId};
use moka::sync::Cache;

/// Entries of a block when it is made; one with twice as many is split.
const BLOCK: i64 = if cfg!(test) { 8 } else { 512 };
/// Lines that are settled by one transaction.
const BATCH: i64 = if cfg!(test) { 16 } else { 10_000 };
/// Blocks that one transaction makes at most.
const SPLITS: usize = 256;
/// Entries that come or go by one process until they are settled.
const SETTLED_TOGETHER: usize = 2_000;
/// Directories that a process remembers.
const REMEMBERED: u64 = 256;
/// How often it is read anew what was settled meanwhile.
const TRIES: usize = 16;
/// Lines with which a page is found well.
const UNSETTLED: i64 = 1_000;

/// Which entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Users,
    Groups,
}

impl Of {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Users => "user",
            Self::Groups => "group",
        }
    }
}

fn moved(tx: &mut Tx, of: Of, workspace: &WorkspaceId, id: &str, change: i64) {
    let insert = sql("INSERT INTO scim_moves (workspace_id, kind, entry_id, change) VALUES ($1, $2, $3, $4)");
    tx.later(insert.bind(workspace).bind(of.as_str()).bind(id).bind(change));
}

/// Notes that an entry came.
pub(crate) fn came<I: Id>(tx: &mut Tx, of: Of, workspace: &WorkspaceId, id: &I) {
    moved(tx, of, workspace, id.as_str(), 1);
}

/// Notes that an entry went.
pub(crate) fn went<I: Id>(tx: &mut Tx, of: Of, workspace: &WorkspaceId, id: &I) {
    moved(tx, of, workspace, id.as_str(), -1);
}

/// What was settled of a directory, as this process last read it.
#[derive(Debug)]
struct Settled {
    /// How often it was settled before.
    times: i64,
    /// The first ids of the blocks, each with the number of entries in the blocks before it.
    blocks: Vec<(String, i64)>,
    total: i64,
}

/// What this process remembers of directories: blocks change when they are settled, and not at each write.
#[derive(Debug)]
pub(crate) struct Places {
    settled: Cache<(WorkspaceId, &'static str), Arc<Settled>>,
    /// Entries that came or went by this process.
    moves: AtomicUsize,
}

/// Where entries are.
struct Place {
    /// An id from which on the wanted entries are.
    from: String,
    /// Entries with that id or later ones that come before the wanted.
    skip: i64,
    /// How many entries there are.
    total: i64,
    /// Lines that are not settled.
    unsettled: i64,
}

/// Which entries a page of the whole directory has, in the order of their ids.
#[derive(Debug)]
pub(crate) struct Slice {
    /// The condition on the first of them.
    pub(crate) passes: Condition,
    /// How many there are.
    pub(crate) limit: i64,
    /// How many entries the directory has.
    pub(crate) total: i64,
    /// Whether so much is not settled that the next page deserves better.
    pub(crate) is_unsettled: bool,
}

impl Places {
    pub(crate) fn new() -> Self {
        Self { settled: Cache::new(REMEMBERED), moves: AtomicUsize::new(0) }
    }

    /// Notes that an entry came or went, committed; after many, they are settled beside what goes on.
    pub(crate) fn moved(&self, store: &Store) {
        if self.moves.fetch_add(1, Ordering::Relaxed) % SETTLED_TOGETHER == SETTLED_TOGETHER - 1 {
            let store = store.clone();
            tokio::spawn(async move { told(settle_all(&store).await) });
        }
    }

    /// How many entries a directory has.
    pub(crate) async fn total<Q: Queries>(&self, db: &mut Q, of: Of, workspace: &WorkspaceId) -> Result<i64> {
        Ok(self.find(db, of, workspace, 0).await?.total)
    }

    /// The page behind `skip` entries; one that descends counts from the end, and is to be turned around.
    pub(crate) async fn slice<Q: Queries>(
        &self,
        db: &mut Q,
        of: Of,
        workspace: &WorkspaceId,
        (skip, limit): (i64, i64),
        descends: bool,
    ) -> Result<Slice> {
        let (skip, limit) = if descends {
            let end = (self.total(db, of, workspace).await? - skip).max(0);
            let begin = (end - limit).max(0);
            (begin, end - begin)
        } else {
            (skip, limit)
        };
        let place = self.find(db, of, workspace, skip).await?;
        let from = match of {
            Of::Users => "e.id >= (SELECT x.id FROM scim_users x WHERE x.workspace_id = ",
            Of::Groups => "e.id >= (SELECT x.id FROM scim_groups x WHERE x.workspace_id = ",
        };
        let is_far = skip < place.total && place.skip > 2 * BLOCK.max(place.unsettled);
        let is_unsettled = is_far || place.unsettled > UNSETTLED;
        // alone, so that nothing else is read of those that are passed over
        let passes = Condition::fixed(from).bind(workspace).sql(" AND x.id >= ").bind(place.from);
        let passes = passes.sql(" ORDER BY x.id LIMIT 1 OFFSET ").bind(place.skip).sql(")");
        Ok(Slice { passes, limit, total: place.total, is_unsettled })
    }

    /// Where the entries begin that `skip` others come before.
    async fn find<Q: Queries>(
        &self,
        db: &mut Q,
        of: Of,
        workspace: &WorkspaceId,
        skip: i64,
    ) -> Result<Place> {
        let (settled, lines) = self.both(db, of, workspace).await?;
        let mut place = Place {
            from: String::new(),
            skip,
            total: settled.total + lines.iter().map(|(_, change)| change).sum::<i64>(),
            unsettled: i64::try_from(lines.len()).unwrap_or(i64::MAX),
        };
        let (mut lines, mut moved) = (lines.iter().peekable(), 0);
        for (first, before) in &settled.blocks {
            while let Some((_, change)) = lines.next_if(|(id, _)| id < first) {
                moved += change;
            }
            if before + moved <= skip {
                (place.from, place.skip) = (first.clone(), skip - before - moved);
            }
        }
        Ok(place)
    }

    /// What is settled and what is not, of one moment: blocks of the same settling as the lines.
    async fn both<Q: Queries>(
        &self,
        db: &mut Q,
        of: Of,
        workspace: &WorkspaceId,
    ) -> Result<(Arc<Settled>, Vec<(String, i64)>)> {
        let key = (workspace.clone(), of.as_str());
        let mut known = self.settled.get(&key);
        for _ in 0..TRIES {
            let (times, lines) = unsettled_lines(db, of, workspace).await?;
            match known {
                Some(known) if known.times == times => return Ok((known, lines)),
                _ => {
                    let read = Arc::new(settled_blocks(db, of, workspace).await?);
                    self.settled.insert(key.clone(), Arc::clone(&read));
                    if read.times == times {
                        return Ok((read, lines));
                    }
                    known = Some(read);
                }
            }
        }
        Err(gatehouse_store::Error::File("a directory is settled faster than it is read".into()))
    }
}

/// How often the directory was settled (0 without any block), and its lines by id.
async fn unsettled_lines<Q: Queries>(
    db: &mut Q,
    of: Of,
    workspace: &WorkspaceId,
) -> Result<(i64, Vec<(String, i64)>)> {
    // one statement, hence of one moment
    let select = sql(
        "SELECT '' AS id, settled AS n FROM scim_blocks WHERE workspace_id = $1 AND kind = $2 AND first_id = '' \
         UNION ALL SELECT entry_id, change FROM scim_moves WHERE workspace_id = $1 AND kind = $2",
    );
    let rows = db.fetch_all(select.bind(workspace).bind(of.as_str())).await?;
    let mut lines: Vec<(String, i64)> =
        rows.iter().map(|r| Ok((r.text("id")?, r.int("n")?))).collect::<Result<_>>()?;
    lines.sort();
    let times = match lines.first() {
        Some((id, times)) if id.is_empty() => {
            let times = *times;
            lines.remove(0);
            times
        }
        _ => 0,
    };
    Ok((times, lines))
}

async fn settled_blocks<Q: Queries>(db: &mut Q, of: Of, workspace: &WorkspaceId) -> Result<Settled> {
    let select =
        sql("SELECT first_id, entries, settled FROM scim_blocks WHERE workspace_id = $1 AND kind = $2");
    let rows = db.fetch_all(select.bind(workspace).bind(of.as_str())).await?;
    let mut times = 0;
    let mut blocks = Vec::with_capacity(rows.len());
    for row in rows {
        let first = row.text("first_id")?;
        if first.is_empty() {
            times = row.int("settled")?;
        }
        blocks.push((first, row.int("entries")?));
    }
    blocks.sort();
    let mut total = 0;
    for (_, entries) in &mut blocks {
        total += std::mem::replace(entries, total);
    }
    Ok(Settled { times, blocks, total })
}

/// Directories with lines that are not settled, or with blocks that are too large.
async fn unsettled<Q: Queries>(db: &mut Q) -> Result<Vec<(WorkspaceId, Of)>> {
    let select =
        sql("SELECT workspace_id, kind FROM scim_moves UNION SELECT workspace_id, kind FROM scim_blocks \
         WHERE entries > $1");
    let rows = db.fetch_all(select.bind(2 * BLOCK)).await?;
    let read = |r: &Row| {
        Ok((r.id("workspace_id")?, if r.text("kind")? == "group" { Of::Groups } else { Of::Users }))
    };
    rows.iter().map(read).collect()
}

/// Settles some of what came and went; says whether more may be left.
async fn settle(tx: &mut Tx, of: Of, workspace: &WorkspaceId) -> Result<bool> {
    let kept = |query: Query| query.bind(workspace).bind(of.as_str());
    let first = sql(
        "INSERT INTO scim_blocks (workspace_id, kind, first_id, entries, settled) VALUES ($1, $2, '', 0, 0) \
         ON CONFLICT DO NOTHING",
    );
    tx.execute(kept(first)).await?;
    // one settles at a time: whoever comes second waits here
    const HOLD: &str =
        "SELECT entries FROM scim_blocks WHERE workspace_id = $1 AND kind = $2 AND first_id = ''";
    tx.lock_optional(HOLD, kept(sql(HOLD))).await?;
    let select = sql("SELECT first_id, entries FROM scim_blocks WHERE workspace_id = $1 AND kind = $2");
    let rows = tx.fetch_all(kept(select)).await?;
    let before: BTreeMap<String, i64> =
        rows.iter().map(|r| Ok((r.text("first_id")?, r.int("entries")?))).collect::<Result<_>>()?;
    let delete = sql(
        "DELETE FROM scim_moves WHERE workspace_id = $1 AND kind = $2 AND entry_id IN (SELECT m.entry_id \
         FROM scim_moves m WHERE m.workspace_id = $1 AND m.kind = $2 ORDER BY m.entry_id LIMIT $3) RETURNING entry_id, change",
    );
    let lines = tx.fetch_all(kept(delete).bind(BATCH)).await?;
    let mut blocks = before.clone();
    for line in &lines {
        let id = line.text("entry_id")?;
        if let Some((_, entries)) = blocks.range_mut(..=id).next_back() {
            *entries += line.int("change")?;
        }
    }
    let splits = split(tx, of, workspace, &mut blocks).await?;
    joined(&mut blocks);
    write(tx, of, workspace, &before, &blocks);
    Ok(i64::try_from(lines.len()).is_ok_and(|n| n >= BATCH) || splits >= SPLITS)
}

/// Splits blocks that have grown; says how many times.
async fn split(
    tx: &mut Tx,
    of: Of,
    workspace: &WorkspaceId,
    blocks: &mut BTreeMap<String, i64>,
) -> Result<usize> {
    let mut splits = 0;
    while splits < SPLITS {
        let Some((first, entries)) = blocks.iter().find(|(_, n)| **n > 2 * BLOCK) else { break };
        let (first, entries) = (first.clone(), *entries);
        // what is settled of the part is what is there without what is not settled: of one moment, by one statement
        let text = match of {
            Of::Users => MIDDLE_OF_USERS,
            Of::Groups => MIDDLE_OF_GROUPS,
        };
        let query = sql(text).bind(workspace).bind(of.as_str()).bind(first.as_str()).bind(BLOCK);
        let Some(row) = tx.fetch_optional(query).await? else { break };
        let (middle, settled) = (row.text("id")?, row.int("settled")?);
        let is_inside = blocks.range(first.clone()..).nth(1).is_none_or(|(next, _)| middle < *next);
        if !is_inside || settled <= 0 || settled >= entries {
            break;
        }
        blocks.insert(first, settled);
        blocks.insert(middle, entries - settled);
        splits += 1;
    }
    Ok(splits)
}

macro_rules! middle {
    ($table:literal) => {
        concat!(
            "SELECT m.id, CAST((SELECT COUNT(*) FROM ",
            $table,
            " e WHERE e.workspace_id = $1 AND e.id >= $3 AND e.id < m.id) \
             - COALESCE((SELECT SUM(l.change) FROM scim_moves l WHERE l.workspace_id = $1 AND l.kind = $2 \
             AND l.entry_id >= $3 AND l.entry_id < m.id), 0) AS BIGINT) AS settled \
             FROM (SELECT id FROM ",
            $table,
            " WHERE workspace_id = $1 AND id >= $3 ORDER BY id LIMIT 1 OFFSET $4) m"
        )
    };
}

const MIDDLE_OF_USERS: &str = middle!("scim_users");
const MIDDLE_OF_GROUPS: &str = middle!("scim_groups");

/// Joins blocks of which little is left with the one before.
fn joined(blocks: &mut BTreeMap<String, i64>) {
    let all = std::mem::take(blocks);
    for (first, entries) in all {
        match blocks.last_entry() {
            Some(mut last) if *last.get() + entries <= BLOCK => *last.get_mut() += entries,
            _ => drop(blocks.insert(first, entries)),
        }
    }
}

/// Writes what differs; the first block says that it was settled once more.
fn write(
    tx: &mut Tx,
    of: Of,
    workspace: &WorkspaceId,
    before: &BTreeMap<String, i64>,
    after: &BTreeMap<String, i64>,
) {
    if before == after {
        return;
    }
    let kept = |query: Query, first: &str| query.bind(workspace).bind(of.as_str()).bind(first);
    for first in before.keys().filter(|first| !after.contains_key(*first)) {
        let delete = sql("DELETE FROM scim_blocks WHERE workspace_id = $1 AND kind = $2 AND first_id = $3");
        tx.later(kept(delete, first));
    }
    for (first, entries) in after {
        if !first.is_empty() && before.get(first) == Some(entries) {
            continue;
        }
        let upsert = sql(
            "INSERT INTO scim_blocks (workspace_id, kind, first_id, entries, settled) VALUES ($1, $2, $3, $4, 1) \
             ON CONFLICT (workspace_id, kind, first_id) DO UPDATE SET entries = excluded.entries, \
             settled = scim_blocks.settled + 1",
        );
        tx.later(kept(upsert, first).bind(*entries));
    }
}

/// Settles some of what came and went, in a transaction of its own; says whether more may be left.
async fn settle_some(store: &Store, of: Of, workspace: &WorkspaceId) -> Result<bool> {
    let mut tx = store.begin_always().await?;
    let is_more = settle(&mut tx, of, workspace).await?;
    tx.commit().await?;
    Ok(is_more)
}

/// Settles some of what came and went, beside the answer to whoever met it.
pub(crate) fn settle_later(store: &Store, of: Of, workspace: &WorkspaceId) {
    let (store, workspace) = (store.clone(), workspace.clone());
    tokio::spawn(async move { told(settle_some(&store, of, &workspace).await.map(drop)) });
}

/// Nobody waits for what is settled beside: the next one does it.
fn told(settled: Result<()>) {
    if let Err(error) = settled {
        tracing::warn!(%error, "the places of a directory's entries were not settled");
    }
}

/// Settles all that came and went, everywhere.
pub(crate) async fn settle_all(store: &Store) -> Result<()> {
    for (workspace, of) in unsettled(&mut store.reader()).await? {
        while settle_some(store, of, &workspace).await? {}
    }
    Ok(())
}

#[cfg(test)]
mod tests;
