use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use gatehouse_types::ScriptId;

use super::set::Set;

/// The sets of replicas on this server.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    /// Those in service, by their scripts.
    serving: RwLock<HashMap<ScriptId, Arc<Set>>>,
    /// All that use memory: also those that come up, and those that end their calls.
    admitted: Mutex<Vec<Weak<Set>>>,
}

/// There is not enough memory for one more set, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full {
    /// What all others may use.
    pub(crate) used: u64,
    /// What it asks for.
    pub(crate) wanted: u64,
}

impl Fleet {
    /// The set of a script.
    pub(crate) fn get(&self, id: &ScriptId) -> Option<Arc<Set>> {
        self.serving.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Puts a set into service; the one before it is given back, to be stopped.
    pub(crate) fn put(&self, set: Arc<Set>) -> Option<Arc<Set>> {
        self.serving.write().unwrap_or_else(PoisonError::into_inner).insert(set.script().clone(), set)
    }

    /// Takes a script out of service here.
    pub(crate) fn take(&self, id: &ScriptId) -> Option<Arc<Set>> {
        self.serving.write().unwrap_or_else(PoisonError::into_inner).remove(id)
    }

    /// All that are in service.
    pub(crate) fn all(&self) -> Vec<Arc<Set>> {
        self.serving.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn admitted(&self) -> MutexGuard<'_, Vec<Weak<Set>>> {
        self.admitted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a set before it launches anything, where `most` bytes hold all of them together; it counts until it is gone.
    ///
    /// # Errors
    /// When they do not.
    pub(crate) fn admit(&self, set: &Arc<Set>, most: u64) -> Result<(), Full> {
        let mut all = self.admitted();
        let (used, wanted) = (memory(&mut all), set.memory());
        if used.saturating_add(wanted) > most {
            return Err(Full { used, wanted });
        }
        all.push(Arc::downgrade(set));
        Ok(())
    }

    /// Decides for each how many replicas there should be, within `most` bytes of memory for all.
    pub(crate) fn scale(&self, most: u64) {
        let serving = self.all();
        // nobody is admitted meanwhile
        let mut all = self.admitted();
        let mut room = most.saturating_sub(memory(&mut all));
        for set in serving {
            set.scale(&mut room);
        }
    }
}

/// What they may use together, in bytes; those that are gone are forgotten.
fn memory(all: &mut Vec<Weak<Set>>) -> u64 {
    let mut sum = 0_u64;
    all.retain(|set| {
        set.upgrade().is_some_and(|set| {
            sum = sum.saturating_add(set.memory());
            true
        })
    });
    sum
}
