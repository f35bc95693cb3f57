//! How this server's memory of keys follows the database: read once, then change by change.
//!
//! Whoever changes something here takes the change in before the call returns; other servers over the same PostgreSQL
//! hear of it at once, and look for themselves every [`LOOK`]. One that has not heard for [`STALE`] answers no more.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use gatehouse_store::{Queries, Tx};
use gatehouse_types::{ApiAppId, Error, Id, Result, UserId};
use tokio::sync::{Mutex, Notify};

use crate::apikeys::{ApiKeys, Inner};
use crate::gate::{Bounds, GateApp, KeyEntry, KeyState, Owner};
use crate::model::key::gives_keys;
use crate::model::limits::{Limits, day_of};
use crate::store::changes::{self, Change};
use crate::store::gate::{self, StoredApp, StoredKey};
use crate::store::usage;

/// How often a server looks for changes that nobody told it of.
const LOOK: Duration = Duration::from_millis(500);
/// How long a server over PostgreSQL answers for keys without having heard from the database.
const STALE: Duration = Duration::from_secs(5);
/// How often what was counted is written.
const WRITE: Duration = Duration::from_secs(1);
/// Keys that are read at once, at the start.
const PAGE: i64 = 2_000;
/// Changes that are taken in at once.
const CHANGES: i64 = 1_000;

/// Where this server is.
#[derive(Debug)]
pub(crate) struct Feed {
    /// The number of the last change that was taken in; who reads or applies changes holds it.
    turn: Mutex<i64>,
    is_loaded: AtomicBool,
    began: Instant,
    /// When the database last answered, in milliseconds since `began`.
    heard: AtomicI64,
    is_followed: AtomicBool,
    is_over: AtomicBool,
    /// Wakes who follows, to end.
    stop: Arc<Notify>,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            turn: Mutex::new(0),
            is_loaded: AtomicBool::new(false),
            began: Instant::now(),
            heard: AtomicI64::new(0),
            is_followed: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            stop: Arc::default(),
        }
    }
}

impl Feed {
    fn now(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    fn hear(&self) {
        self.heard.store(self.now(), Ordering::Release);
    }

    /// Whether all keys are in memory.
    pub(crate) fn is_loaded(&self) -> bool {
        self.is_loaded.load(Ordering::Acquire)
    }

    /// Whether what is in memory is recent enough to answer by it.
    fn is_fresh(&self) -> bool {
        let stale = i64::try_from(STALE.as_millis()).unwrap_or(i64::MAX);
        self.now() - self.heard.load(Ordering::Acquire) < stale
    }
}

impl ApiKeys {
    /// Reads all keys, and follows what changes from then on, until the service is gone. The first call counts.
    pub fn follow(&self) {
        if !self.0.feed.is_followed.swap(true, Ordering::AcqRel) {
            tokio::spawn(follow(Arc::downgrade(&self.0)));
        }
    }

    /// Follows no more, and writes what was counted; for the end, before the store is closed.
    pub async fn finish(&self) {
        self.0.feed.is_over.store(true, Ordering::Release);
        self.0.feed.stop.notify_one();
        // whoever is in the middle of a look finishes it
        drop(self.0.feed.turn.lock().await);
        if let Err(e) = self.write_usage().await {
            tracing::warn!(error = %e, "the last uses of API keys were not written");
        }
    }

    /// Whether this server may answer for keys: over SQLite always, since nobody else changes anything there.
    ///
    /// # Errors
    /// `Unavailable` when the database was not heard from for too long.
    pub(crate) fn answers(&self) -> Result<()> {
        let alone = self.0.store.kind() != "PostgreSQL" || !self.0.feed.is_followed.load(Ordering::Acquire);
        match alone || self.0.feed.is_fresh() {
            true => Ok(()),
            false => Err(Error::unavailable(
                "Keys cannot be judged at the moment: the database is not heard from. Try again.",
            )),
        }
    }

    /// Whether all keys are in memory, and recent enough to be judged by it.
    pub(crate) fn is_at_hand(&self) -> bool {
        self.0.feed.is_loaded() && self.answers().is_ok()
    }

    /// Notes changes in the transaction; this server takes them in before its commit returns.
    pub(crate) async fn changed(&self, tx: &mut Tx, all: &[Change]) -> Result<()> {
        changes::note(tx, all).await?;
        let keys = self.clone();
        tx.afterwards(async move {
            if let Err(e) = keys.catch_up().await {
                tracing::warn!(error = %e, "changes of API keys were not taken in at once");
            }
        });
        Ok(())
    }

    /// Takes in what changed.
    pub(crate) async fn catch_up(&self) -> Result<()> {
        let feed = &self.0.feed;
        let mut turn = feed.turn.lock().await;
        let mut db = self.0.store.reader();
        loop {
            let (last, oldest) = changes::ends(&mut db).await?;
            if *turn < last && *turn + 1 < oldest && feed.is_loaded() {
                // what lies between was forgotten: everything is read again
                tracing::info!("API keys are read again");
                self.read_all(&mut db).await?;
                *turn = last;
                continue;
            }
            let some = changes::since(&mut db, *turn, CHANGES).await?;
            feed.hear();
            let Some((number, _)) = some.last() else { return Ok(()) };
            let number = *number;
            for (_, change) in some {
                self.take_in(&mut db, change).await?;
            }
            *turn = number;
        }
    }

    async fn take_in<Q: Queries>(&self, db: &mut Q, change: Change) -> Result<()> {
        match change {
            Change::App(id) => {
                if let Some(app) = gate::find_app(db, &id).await? {
                    self.put_app(db, app).await?;
                }
            }
            Change::Key(digest) => match gate::find_key(db, &digest).await? {
                Some(key) => self.put_keys(db, vec![key]).await?,
                None => {
                    if let Some(digest) = crate::model::secret::from_stored(&digest) {
                        self.0.gate.write().remove_key(&digest);
                    }
                }
            },
        }
        Ok(())
    }

    /// Looks a key up in the database, while not all are in memory. Says whether there is one.
    pub(crate) async fn look_up(&self, digest: &crate::model::KeyDigest) -> Result<bool> {
        let _turn = self.0.feed.turn.lock().await;
        let mut db = self.0.store.reader();
        match gate::find_key(&mut db, &crate::model::secret::stored(digest)).await? {
            Some(key) => self.put_keys(&mut db, vec![key]).await.map(|()| true),
            None => Ok(false),
        }
    }

    async fn bounds<Q: Queries>(
        &self,
        db: &mut Q,
        limits: Limits,
        key: Option<&str>,
        app: &str,
    ) -> Result<Option<Arc<Bounds>>> {
        if limits.is_none() {
            return Ok(None);
        }
        let (mut since, mut used) = (0, 0);
        if let Some(quota) = limits.quota {
            since = quota.period.first_day(day_of(self.0.store.now()));
            used = match key {
                Some(key) => usage::allowed_of_key(db, key, since).await?,
                None => usage::allowed_of_app(db, app, since).await?,
            };
        }
        Ok(Some(Arc::new(Bounds::new(limits, since, used))))
    }

    async fn put_app<Q: Queries>(&self, db: &mut Q, app: StoredApp) -> Result<()> {
        let bounds = self.bounds(db, app.limits, None, app.id.as_str()).await?;
        let mut table = self.0.gate.write();
        let before = table.app(&app.id).and_then(|a| a.bounds.clone());
        if let (Some(bounds), Some(before)) = (&bounds, before) {
            bounds.carry_on(&before);
        }
        let scopes = app.scopes.iter().map(|s| table.scope(s)).collect();
        table.put_app(GateApp::new(app.id, app.workspace, scopes, app.is_active, bounds));
        Ok(())
    }

    /// Puts keys in; those of people open nothing while the person's role gives no keys.
    async fn put_keys<Q: Queries>(&self, db: &mut Q, keys: Vec<StoredKey>) -> Result<()> {
        let people: BTreeSet<_> = keys.iter().filter_map(person).collect();
        let roles = match people.is_empty() {
            true => HashMap::new(),
            false => self.0.identity.roles_of(db, &people).await?,
        };
        for mut key in keys {
            if let Some(person) = person(&key)
                && matches!(key.state, KeyState::Live | KeyState::Yielding)
                && !gives_keys(roles.get(&(key.workspace.clone(), person)).copied())
            {
                key.state = KeyState::Demoted;
            }
            self.put_key(db, key).await?;
        }
        Ok(())
    }

    async fn put_key<Q: Queries>(&self, db: &mut Q, key: StoredKey) -> Result<()> {
        let bounds = self.bounds(db, key.limits, Some(&key.id_text), key.app.as_str()).await?;
        let app: ApiAppId = key.app.clone();
        let is_known = self.0.gate.read().app(&app).is_some();
        if !is_known && let Some(stored) = gate::find_app(db, app.as_str()).await? {
            self.put_app(db, stored).await?;
        }
        let mut table = self.0.gate.write();
        if let (Some(bounds), Some(before)) = (&bounds, table.bounds_of(&key.digest)) {
            bounds.carry_on(before);
        }
        table.put_key(KeyEntry {
            digest: key.digest,
            id: key.id,
            app: key.app,
            owner: key.owner,
            expires_at: key.expires_at,
            state: key.state,
            bounds,
        });
        Ok(())
    }

    /// Reads everything, under the turn.
    async fn read_all<Q: Queries>(&self, db: &mut Q) -> Result<()> {
        let mut after = String::new();
        while let Some(next) = self.read_apps(db, &after).await? {
            after = next;
        }
        after.clear();
        while let Some(next) = self.read_keys(db, &after).await? {
            after = next;
        }
        Ok(())
    }

    async fn read_apps<Q: Queries>(&self, db: &mut Q, after: &str) -> Result<Option<String>> {
        let apps = gate::apps_after(db, after, PAGE).await?;
        let last = apps.last().map(|a| a.id.to_string());
        for app in apps {
            self.put_app(db, app).await?;
        }
        Ok(last)
    }

    async fn read_keys<Q: Queries>(&self, db: &mut Q, after: &str) -> Result<Option<String>> {
        let keys = gate::keys_after(db, after, PAGE).await?;
        let last = keys.last().map(|k| k.id_text.clone());
        self.put_keys(db, keys).await?;
        self.0.feed.hear();
        Ok(last)
    }

    /// The first reading: page by page, so that changes come in between. What a page says of a key is as old as the
    /// page; a change that came later is taken in after it, since both hold the turn.
    async fn load(&self) -> Result<()> {
        let mut db = self.0.store.reader();
        {
            let mut turn = self.0.feed.turn.lock().await;
            *turn = changes::ends(&mut db).await?.0;
        }
        let mut after = String::new();
        loop {
            let _turn = self.0.feed.turn.lock().await;
            let Some(next) = self.read_apps(&mut db, &after).await? else { break };
            after = next;
        }
        after.clear();
        loop {
            let _turn = self.0.feed.turn.lock().await;
            let Some(next) = self.read_keys(&mut db, &after).await? else { break };
            after = next;
        }
        self.0.feed.is_loaded.store(true, Ordering::Release);
        let keys = self.0.gate.read().len();
        tracing::debug!(keys, "API keys are in memory");
        self.catch_up().await
    }
}

/// The person whose own a key is.
fn person(key: &StoredKey) -> Option<UserId> {
    match &key.owner {
        Owner::Person(id) => Some(UserId::from_stored(id.to_string())),
        Owner::Service => None,
    }
}

/// One round of something that must not end the following.
async fn once(what: &'static str, done: impl Future<Output = Result<()>>) {
    if let Err(e) = done.await {
        tracing::warn!(error = %e, "{what} failed");
    }
}

async fn follow(weak: Weak<Inner>) {
    let mut listener = None;
    let mut wrote = Instant::now();
    loop {
        let Some(inner) = weak.upgrade() else { return };
        let keys = ApiKeys(inner);
        if keys.0.feed.is_over.load(Ordering::Acquire) {
            return;
        }
        if listener.is_none() {
            listener = keys.0.store.listen(changes::CHANNEL).await.unwrap_or(None);
        }
        if !keys.0.feed.is_loaded() {
            once("reading API keys", keys.load()).await;
        }
        once("looking for changes of API keys", keys.catch_up()).await;
        if wrote.elapsed() >= WRITE {
            once("writing the uses of API keys", keys.write_usage()).await;
            wrote = Instant::now();
        }
        let stop = Arc::clone(&keys.0.feed.stop);
        drop(keys);
        let told = async {
            match &mut listener {
                Some(l) => l.next().await.is_ok(),
                None => std::future::pending().await,
            }
        };
        let heard = tokio::select! {
            () = stop.notified() => return,
            heard = tokio::time::timeout(LOOK, told) => heard,
        };
        match heard {
            Ok(true) | Err(_) => {}
            // the connection is gone: another one is made at the next round
            Ok(false) => {
                listener = None;
                tokio::time::sleep(LOOK).await;
            }
        }
    }
}
