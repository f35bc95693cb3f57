//! What was counted of the use of keys, until it is written: no request waits for a write.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use gatehouse_types::Timestamp;

use super::{Asked, GateApp, Known};

/// Parts that are counted in side by side.
const SHARDS: usize = 8;

/// What a key did with a scope.
#[derive(Clone, Debug)]
pub(crate) struct Count {
    /// The key's app.
    pub(crate) app: Arc<GateApp>,
    pub(crate) allowed: i64,
    pub(crate) refused: i64,
    pub(crate) last_at: Timestamp,
    pub(crate) last_ip: Option<IpAddr>,
}

impl Count {
    fn new(app: &Arc<GateApp>, asked: Asked<'_>) -> Self {
        Self { app: Arc::clone(app), allowed: 0, refused: 0, last_at: asked.now, last_ip: asked.ip }
    }
}

/// One count, taken out.
#[derive(Clone, Debug)]
pub(crate) struct Used {
    pub(crate) key: [u8; 16],
    /// The number of the scope; 0: none, or one that the app has not.
    pub(crate) scope: u32,
    pub(crate) count: Count,
}

type Shard = Mutex<HashMap<([u8; 16], u32), Count>>;

/// The counts.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    /// Held while counts are written: who reads them afterwards waits for those that are on their way.
    pub(crate) writing: tokio::sync::Mutex<()>,
    shards: [Shard; SHARDS],
}

impl Usage {
    fn shard(&self, key: [u8; 16]) -> &Shard {
        // ids begin with the time; their end is random
        &self.shards[usize::from(key[15]) % SHARDS]
    }

    /// Counts one use.
    pub(super) fn note(&self, known: &Known, scope: u32, allowed: bool, asked: Asked<'_>) {
        let key = known.key;
        let mut shard = self.shard(key).lock().unwrap_or_else(PoisonError::into_inner);
        let count = match shard.entry((key, scope)) {
            Entry::Occupied(found) => found.into_mut(),
            Entry::Vacant(place) => place.insert(Count::new(&known.app, asked)),
        };
        if allowed {
            count.allowed += 1;
        } else {
            count.refused += 1;
        }
        count.last_at = asked.now;
        count.last_ip = asked.ip;
    }

    /// Takes all counts out, at most `most`; the rest waits.
    pub(crate) fn take(&self, most: usize) -> Vec<Used> {
        let mut all = Vec::new();
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let left = most.saturating_sub(all.len());
            if shard.len() <= left {
                all.extend(shard.drain().map(|((key, scope), count)| Used { key, scope, count }));
                shard.shrink_to(1_024);
            } else {
                let some: Vec<_> = shard.keys().take(left).copied().collect();
                for place in some {
                    if let Some(count) = shard.remove(&place) {
                        all.push(Used { key: place.0, scope: place.1, count });
                    }
                }
            }
        }
        all
    }

    /// Puts counts back that could not be written.
    pub(crate) fn put_back(&self, all: Vec<Used>) {
        for used in all {
            let mut shard = self.shard(used.key).lock().unwrap_or_else(PoisonError::into_inner);
            match shard.entry((used.key, used.scope)) {
                Entry::Occupied(mut found) => {
                    found.get_mut().allowed += used.count.allowed;
                    found.get_mut().refused += used.count.refused;
                }
                Entry::Vacant(place) => {
                    place.insert(used.count);
                }
            }
        }
    }
}
