//! What requests through profiles take, in memory: without it each would read and open profile and grant anew.
//!
//! Whoever changes a profile or a grant says so in the same transaction ([`Memory::changed`]): this server forgets before
//! the commit returns, other servers over the same PostgreSQL as soon as they hear of it. A server that has not heard from
//! the database for [`STALE`] remembers nothing, and nothing is remembered for longer than [`MAX_AGE`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use gatehouse_store::{Store, Tx};
use gatehouse_types::{AuthProfileId, Id, Result};
use tokio::sync::Notify;
use zeroize::Zeroizing;

use crate::profiles::model::Usable;
use crate::{Holder, Owner};

/// The channel on which servers over one PostgreSQL hear of changes.
const CHANNEL: &str = "gatehouse_profiles";
/// How often a server asks the database whether it still hears it.
const LOOK: Duration = Duration::from_millis(500);
/// How long a server over PostgreSQL remembers without having heard from the database.
const STALE: Duration = Duration::from_secs(3);
/// How long something is remembered at most.
const MAX_AGE: Duration = Duration::from_secs(30);
/// What is remembered at most: profiles with their owners.
const MOST: usize = 50_000;
/// What the usual entry takes, in bytes: reserved at once, so that nothing of it is left behind by growing.
const USUAL: usize = 2_048;

/// Profile and owner: the numbers of their ids; 0: the workspace.
type Key = (u128, u128);

struct Entry {
    /// In seconds since this server began.
    at: u32,
    data: Zeroizing<Box<[u8]>>,
}

#[derive(Default)]
struct Table {
    entries: BTreeMap<Key, Entry>,
    /// Counts what was forgotten: what was read before is not remembered after it.
    changes: u64,
}

/// The memory. Copies are the same one.
#[derive(Clone)]
pub(crate) struct Memory(Arc<Inner>);

struct Inner {
    store: Store,
    /// Whether other servers may change something.
    is_shared: bool,
    table: RwLock<Table>,
    began: Instant,
    /// When the database was last heard, in milliseconds since `began`; 0: never.
    heard: AtomicU64,
    is_followed: AtomicBool,
    is_over: AtomicBool,
    stop: Arc<Notify>,
    /// What this server says to hear whether it hears.
    ping: String,
}

impl fmt::Debug for Memory {
    /// Shows nothing of what is remembered.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

fn number(id: &str) -> Option<u128> {
    u128::from_str_radix(id.rsplit('_').next()?, 16).ok()
}

fn key(profile: &AuthProfileId, owner: &Owner) -> Option<Key> {
    let owner = match owner {
        Owner::Service => 0,
        Owner::Person(user) => number(user.as_str())?,
    };
    Some((number(profile.as_str())?, owner))
}

impl Memory {
    pub(crate) fn new(store: Store) -> Self {
        let ping = format!("!{}", store.ids().uuid().simple());
        Self(Arc::new(Inner {
            is_shared: store.kind() == "PostgreSQL",
            store,
            table: RwLock::default(),
            began: Instant::now(),
            heard: AtomicU64::new(0),
            is_followed: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            stop: Arc::default(),
            ping,
        }))
    }

    fn now(&self) -> u64 {
        // never 0: that is "never heard"
        u64::try_from(self.0.began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
    }

    fn is_fresh(&self) -> bool {
        let heard = self.0.heard.load(Ordering::Acquire);
        let stale = u64::try_from(STALE.as_millis()).unwrap_or(u64::MAX);
        !self.0.is_shared || heard > 0 && self.now() - heard.min(self.now()) < stale
    }

    fn seconds(&self) -> u32 {
        u32::try_from(self.0.began.elapsed().as_secs()).unwrap_or(u32::MAX)
    }

    /// What is remembered of a profile with a token that counts for a while yet.
    pub(crate) fn get(&self, profile: &AuthProfileId, owner: &Owner) -> Option<Usable> {
        if !self.is_fresh() {
            return None;
        }
        let key = key(profile, owner)?;
        let table = self.0.table.read().unwrap_or_else(PoisonError::into_inner);
        let entry = table.entries.get(&key)?;
        if u64::from(self.seconds().saturating_sub(entry.at)) >= MAX_AGE.as_secs() {
            return None;
        }
        let found: Usable = serde_json::from_slice(&entry.data).ok()?;
        drop(table);
        found.is_good(self.0.store.now()).then_some(found)
    }

    /// How much was forgotten by now: taken before something is read that is to be remembered.
    pub(crate) fn mark(&self) -> u64 {
        self.0.table.read().unwrap_or_else(PoisonError::into_inner).changes
    }

    /// Remembers what was read since the mark, unless something was forgotten meanwhile.
    pub(crate) fn put(&self, mark: u64, profile: &AuthProfileId, owner: &Owner, usable: &Usable) {
        let (true, Some(key)) = (self.is_fresh(), key(profile, owner)) else { return };
        let mut data = Zeroizing::new(Vec::with_capacity(USUAL));
        if serde_json::to_writer(&mut *data, usable).is_err() {
            return;
        }
        let entry = Entry { at: self.seconds(), data: Zeroizing::new(Box::from(data.as_slice())) };
        let mut table = self.0.table.write().unwrap_or_else(PoisonError::into_inner);
        if table.changes != mark {
            return;
        }
        if table.entries.len() >= MOST {
            table.entries.clear();
        }
        table.entries.insert(key, entry);
    }

    /// Notes in the transaction that a profile, or a grant of it, is another one: all servers forget it.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn changed(&self, tx: &mut Tx, holder: &Holder) -> gatehouse_store::Result<()> {
        let Holder::Profile(id) = holder else { return Ok(()) };
        let (memory, own) = (self.clone(), id.clone());
        tx.afterwards(async move { memory.forget(own.as_str()) });
        tx.tell(CHANNEL, id.as_str()).await
    }

    fn forget(&self, profile: &str) {
        let mut table = self.0.table.write().unwrap_or_else(PoisonError::into_inner);
        table.changes += 1;
        let Some(number) = number(profile) else { return };
        let keys: Vec<Key> =
            table.entries.range((number, 0)..=(number, u128::MAX)).map(|(key, _)| *key).collect();
        for key in keys {
            table.entries.remove(&key);
        }
    }

    fn forget_all(&self) {
        let mut table = self.0.table.write().unwrap_or_else(PoisonError::into_inner);
        table.changes += 1;
        table.entries.clear();
    }

    fn hear(&self, word: &str) {
        if word == self.0.ping {
            self.0.heard.store(self.now(), Ordering::Release);
        } else if !word.starts_with('!') {
            self.forget(word);
        }
    }

    /// Hears what other servers change, until the service is gone. The first call counts; over SQLite there is nobody.
    pub(crate) fn follow(&self) {
        if self.0.is_shared && !self.0.is_followed.swap(true, Ordering::AcqRel) {
            tokio::spawn(follow(Arc::downgrade(&self.0)));
        }
    }

    /// Hears no more, and remembers nothing.
    pub(crate) fn finish(&self) {
        self.0.is_over.store(true, Ordering::Release);
        self.0.stop.notify_one();
        self.forget_all();
    }

    /// Asks whether the database is still heard.
    async fn ask(&self) -> Result<()> {
        Ok(self.0.store.say(CHANNEL, &self.0.ping).await?)
    }
}

async fn follow(weak: Weak<Inner>) {
    let mut listener = None;
    loop {
        let Some(inner) = weak.upgrade() else { return };
        let memory = Memory(inner);
        if memory.0.is_over.load(Ordering::Acquire) {
            return;
        }
        if listener.is_none() {
            listener = memory.0.store.listen(CHANNEL).await.unwrap_or(None);
            // what was read before somebody listened may have changed unheard
            memory.forget_all();
        }
        if let Err(error) = memory.ask().await {
            tracing::debug!(%error, "the database is not heard");
        }
        let stop = Arc::clone(&memory.0.stop);
        drop(memory);
        let until = tokio::time::Instant::now() + LOOK;
        tokio::select! {
            () = stop.notified() => return,
            heard = tokio::time::timeout_at(until, hear(&weak, &mut listener)) => if heard.is_ok() {
                // the connection is gone: another one is made at the next round
                listener = None;
                tokio::time::sleep_until(until).await;
            },
        }
    }
}

/// Takes in what is heard, until the connection breaks.
async fn hear(weak: &Weak<Inner>, listener: &mut Option<gatehouse_store::server::Listener>) {
    let Some(listener) = listener else { return };
    while let Ok(Some(word)) = listener.word().await {
        let Some(inner) = weak.upgrade() else { return };
        Memory(inner).hear(&word);
    }
}
