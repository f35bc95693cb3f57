//! How many calls of one workspace are out at once: a service that hangs must not take everybody's sockets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use gatehouse_types::{Error, Id, Result, WorkspaceId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Places for calls, by workspace; in memory, of this process.
#[derive(Debug)]
pub(crate) struct Slots {
    at_once: usize,
    patience: Duration,
    taken: Mutex<HashMap<String, Weak<Semaphore>>>,
}

impl Slots {
    /// So many places for each workspace; a call waits so long until another one is done.
    pub(crate) fn new(at_once: usize, patience: Duration) -> Self {
        Self { at_once, patience, taken: Mutex::default() }
    }

    /// A place, kept until it is dropped.
    ///
    /// # Errors
    /// `Unavailable` when none becomes free for a while.
    pub(crate) async fn take(&self, workspace: &WorkspaceId) -> Result<OwnedSemaphorePermit> {
        let taken = tokio::time::timeout(self.patience, self.of(workspace).acquire_owned()).await;
        match taken {
            Ok(permit) => permit.map_err(Error::internal),
            Err(_) => Err(Error::unavailable(
                "Too many calls of this workspace are out at once. Try again when some of them are done.",
            )),
        }
    }

    fn of(&self, workspace: &WorkspaceId) -> Arc<Semaphore> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = taken.get(workspace.as_str()).and_then(Weak::upgrade) {
            return places;
        }
        taken.retain(|_, places| places.strong_count() > 0);
        let places = Arc::new(Semaphore::new(self.at_once));
        taken.insert(workspace.as_str().to_owned(), Arc::downgrade(&places));
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_workspace_waits_for_its_own_calls_alone() {
        let slots = Slots::new(2, Duration::from_millis(10));
        let (a, b) = (WorkspaceId::from_stored("a".to_owned()), WorkspaceId::from_stored("b".to_owned()));
        let (first, _second) = (slots.take(&a).await.unwrap(), slots.take(&a).await.unwrap());
        assert!(slots.take(&b).await.is_ok());
        assert!(slots.take(&a).await.is_err());
        drop(first);
        assert!(slots.take(&a).await.is_ok());
    }
}
