use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use gatehouse_types::ScriptId;

use super::set::Set;

/// The sets of replicas on this server, by their scripts.
#[derive(Debug, Default)]
pub(crate) struct Fleet(RwLock<HashMap<ScriptId, Arc<Set>>>);

impl Fleet {
    /// The set of a script.
    pub(crate) fn get(&self, id: &ScriptId) -> Option<Arc<Set>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Puts a set into service; the one before it is given back, to be stopped.
    pub(crate) fn put(&self, set: Arc<Set>) -> Option<Arc<Set>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(set.script().clone(), set)
    }

    /// Takes a script out of service here.
    pub(crate) fn take(&self, id: &ScriptId) -> Option<Arc<Set>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(id)
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<Set>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// The memory that all replicas may use together, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        self.all().iter().map(|set| set.memory()).sum()
    }
}
