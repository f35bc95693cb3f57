//! How many calls of one workspace and of one person are out at once: a service that hangs must not take everybody's
//! sockets, nor one person those of a workspace.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use gatehouse_types::{Error, Result, UserId, WorkspaceId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// From so many on, those that nobody holds are forgotten.
const SWEPT: usize = 1_000;

/// How many may be out at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Most {
    /// Of a workspace.
    pub(crate) workspace: usize,
    /// Of each of its people: nobody takes all places of the others.
    pub(crate) person: usize,
}

/// Places for calls, by workspace and by person; in memory, of this process.
#[derive(Debug)]
pub(crate) struct Slots {
    most: Most,
    patience: Duration,
    taken: Mutex<HashMap<String, Weak<Semaphore>>>,
}

/// A place, kept until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _of_workspace: OwnedSemaphorePermit,
    _of_person: Option<OwnedSemaphorePermit>,
}

impl Slots {
    /// So many places; a call waits so long until another one is done.
    pub(crate) fn new(most: Most, patience: Duration) -> Self {
        Self { most, patience, taken: Mutex::default() }
    }

    /// A place for a call of a workspace, which counts for the person who caused it as well. The wait for both ends with
    /// the patience, and at a moment of the caller's.
    ///
    /// # Errors
    /// `Unavailable` when none becomes free for a while.
    pub(crate) async fn take(
        &self,
        workspace: &WorkspaceId,
        person: Option<&UserId>,
        until: Instant,
    ) -> Result<Place> {
        let until = until.min(Instant::now() + self.patience);
        // one's own first: who waits for it keeps no place of the workspace's
        let of_person = match person {
            None => None,
            Some(user) => {
                let places = self.of(format!("{workspace} {user}"), self.most.person);
                let why = "Too many calls of yours are out at once. Try again when some of them are done.";
                Some(free(places, until, why).await?)
            }
        };
        let places = self.of(workspace.to_string(), self.most.workspace);
        let why = "Too many calls of this workspace are out at once. Try again when some of them are done.";
        Ok(Place { _of_workspace: free(places, until, why).await?, _of_person: of_person })
    }

    fn of(&self, whose: String, most: usize) -> Arc<Semaphore> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = taken.get(&whose).and_then(Weak::upgrade) {
            return places;
        }
        if taken.len() >= SWEPT {
            taken.retain(|_, places| places.strong_count() > 0);
        }
        let places = Arc::new(Semaphore::new(most));
        taken.insert(whose, Arc::downgrade(&places));
        places
    }
}

async fn free(places: Arc<Semaphore>, until: Instant, why: &'static str) -> Result<OwnedSemaphorePermit> {
    match tokio::time::timeout_at(until, places.acquire_owned()).await {
        Ok(permit) => permit.map_err(Error::internal),
        Err(_) => Err(Error::unavailable(why)),
    }
}

#[cfg(test)]
mod tests {
    use gatehouse_types::Id;

    use super::*;

    fn ids() -> (WorkspaceId, WorkspaceId, UserId, UserId) {
        let (a, b) = (WorkspaceId::from_stored("a".to_owned()), WorkspaceId::from_stored("b".to_owned()));
        (a, b, UserId::from_stored("ada".to_owned()), UserId::from_stored("mo".to_owned()))
    }

    fn slots(workspace: usize, person: usize) -> Slots {
        Slots::new(Most { workspace, person }, Duration::from_millis(10))
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[tokio::test]
    async fn a_workspace_waits_for_its_own_calls_alone() {
        let (slots, (a, b, ..)) = (slots(2, 2), ids());
        let first = slots.take(&a, None, soon()).await.unwrap();
        let _second = slots.take(&a, None, soon()).await.unwrap();
        assert!(slots.take(&b, None, soon()).await.is_ok());
        assert!(slots.take(&a, None, soon()).await.is_err());
        drop(first);
        assert!(slots.take(&a, None, soon()).await.is_ok());
    }

    #[tokio::test]
    async fn nobody_takes_all_places_of_the_others() {
        let (slots, (a, b, ada, mo)) = (slots(3, 2), ids());
        let _first = slots.take(&a, Some(&ada), soon()).await.unwrap();
        let second = slots.take(&a, Some(&ada), soon()).await.unwrap();
        let refused = slots.take(&a, Some(&ada), soon()).await.unwrap_err();
        assert!(refused.message().contains("of yours"), "{refused}");
        let _third = slots.take(&a, Some(&mo), soon()).await.unwrap();
        assert!(slots.take(&b, Some(&ada), soon()).await.is_ok(), "another workspace's are others");
        let full = slots.take(&a, Some(&mo), soon()).await.unwrap_err();
        assert!(full.message().contains("of this workspace"), "{full}");
        drop(second);
        assert!(slots.take(&a, Some(&ada), soon()).await.is_ok());
    }

    #[tokio::test]
    async fn the_wait_ends_with_the_callers_time() {
        let most = Most { workspace: 1, person: 1 };
        let (slots, (a, ..)) = (Slots::new(most, Duration::from_secs(60)), ids());
        let _only = slots.take(&a, None, soon()).await.unwrap();
        let began = Instant::now();
        assert!(slots.take(&a, None, began + Duration::from_millis(50)).await.is_err());
        assert!(began.elapsed() < Duration::from_secs(30));
    }
}
