//! Runs and logs: gathered in memory, written a few times a second in one transaction for all.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use gatehouse_sandbox::Level;
use gatehouse_store::{Error, Result, Store};
use gatehouse_types::{ScriptKeyId, Timestamp};
use tokio::sync::Mutex as AsyncMutex;

use crate::store::keys;
use crate::store::logs::{self, Line};
use crate::store::runs::{self, Run};

/// How loud a line is, in the word that is kept and shown.
pub(crate) const fn level(level: Level) -> &'static str {
    match level {
        Level::Stdout => "Stdout",
        Level::Stderr => "Stderr",
        Level::Debug => "Debug",
        Level::Info => "Info",
        Level::Warning => "Warning",
        Level::Error => "Error",
    }
}

/// Runs that wait; beyond them a call waits for their writing.
const WAITING: usize = 2_000;
/// Runs that wait at most, when the database does not take them; further ones are counted and dropped.
const RUNS: usize = 20_000;
/// Log lines that wait at most; further ones are counted and dropped.
const LINES: usize = 20_000;
/// Runs and lines that one transaction writes.
const AT_ONCE: usize = 500;
/// Transactions that one round writes at most: whoever waits for a round is not held up by who goes on writing.
const ROUND: usize = (LINES + RUNS) / AT_ONCE;

#[derive(Debug, Default)]
struct Gathered {
    runs: Vec<Run>,
    lines: Vec<Line>,
    /// The last use of each key.
    used: HashMap<ScriptKeyId, Timestamp>,
}

/// What waits to be written.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    gathered: Mutex<Gathered>,
    /// Whoever writes; one at a time, so that what comes first is written first.
    writing: AsyncMutex<()>,
}

impl Recorder {
    /// Takes a run in, with what it wrote and the key that called. True when it is time to write.
    pub(crate) fn run(&self, run: Run, lines: Vec<Line>, key: Option<ScriptKeyId>) -> bool {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = key {
            gathered.used.insert(key, run.started_at);
        }
        match gathered.runs.len() < RUNS {
            true => gathered.runs.push(run),
            false => {
                tracing::warn!(run = %run.id, "a run of a script was dropped: the database does not keep up")
            }
        }
        take(&mut gathered.lines, lines);
        gathered.runs.len() >= WAITING
    }

    /// Takes lines in that belong to no run.
    pub(crate) fn lines(&self, lines: Vec<Line>) {
        take(&mut self.gathered.lock().unwrap_or_else(PoisonError::into_inner).lines, lines);
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// When the database fails; what was not written waits on. What no database takes is dropped, so that the rest comes through.
    pub(crate) async fn write(&self, store: &Store) -> Result<()> {
        let _alone = self.writing.lock().await;
        for _ in 0..ROUND {
            let (runs, lines, used) = {
                let mut g = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
                (first(&mut g.runs), first(&mut g.lines), std::mem::take(&mut g.used))
            };
            if runs.is_empty() && lines.is_empty() && used.is_empty() {
                return Ok(());
            }
            if let Err(e) = write(store, &runs, &lines, &used).await {
                if matches!(e, Error::Nul) {
                    tracing::error!(
                        runs = runs.len(),
                        lines = lines.len(),
                        "what scripts wrote cannot be kept, and was dropped"
                    );
                    continue;
                }
                let mut g = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
                g.runs.splice(0..0, runs);
                let room = LINES.saturating_sub(g.lines.len());
                g.lines.splice(0..0, lines.into_iter().take(room));
                for (key, at) in used {
                    g.used.entry(key).or_insert(at);
                }
                return Err(e);
            }
        }
        Ok(())
    }
}

fn take(all: &mut Vec<Line>, more: Vec<Line>) {
    let room = LINES.saturating_sub(all.len());
    if more.len() > room {
        metrics_dropped(more.len() - room);
    }
    all.extend(more.into_iter().take(room));
}

fn metrics_dropped(lines: usize) {
    tracing::warn!(lines, "log lines of scripts were dropped: the database does not keep up");
}

fn first<T>(all: &mut Vec<T>) -> Vec<T> {
    let rest = all.split_off(all.len().min(AT_ONCE));
    std::mem::replace(all, rest)
}

async fn write(
    store: &Store,
    all: &[Run],
    lines: &[Line],
    used: &HashMap<ScriptKeyId, Timestamp>,
) -> Result<()> {
    let mut tx = store.begin_always().await?;
    for run in all {
        runs::insert(&mut tx, run).await?;
    }
    for line in lines {
        logs::insert(&mut tx, line).await?;
    }
    let mut used: Vec<_> = used.iter().collect();
    used.sort();
    for (key, at) in used {
        keys::used(&mut tx, key, *at).await?;
    }
    tx.commit().await
}
