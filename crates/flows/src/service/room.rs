//! How many executions may be open at once: of a flow, and of a workspace.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use gatehouse_types::{Error, FlowId, Id, Result, Timestamp, WorkspaceId};

use crate::Flows;
use crate::store::open;

/// Executions of one flow that are not over, at most.
const OPEN_OF_FLOW: i64 = 150_000;
/// Executions of one workspace that are not over, at most.
const OPEN_OF_WORKSPACE: i64 = 300_000;
/// How long a count stands, in seconds; meanwhile every start of this server is added to it.
const COUNTED_SECONDS: i64 = 10;
/// Counts that are kept.
const KEPT: usize = 10_000;

#[derive(Clone, Copy, Debug)]
struct Count {
    open: i64,
    until: Timestamp,
}

/// What was counted lately, by flow and by workspace.
#[derive(Debug, Default)]
pub(crate) struct Room(Mutex<HashMap<String, Count>>);

impl Room {
    /// One more, if the count still stands: how many there are with it.
    fn one_more(&self, key: &str, now: Timestamp) -> Option<i64> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.get_mut(key).filter(|count| count.until > now)?;
        count.open += 1;
        Some(count.open)
    }

    fn counted(&self, key: &str, open: i64, now: Timestamp) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= KEPT {
            all.retain(|_, count| count.until > now);
        }
        if all.len() < KEPT {
            all.insert(key.to_owned(), Count { open, until: now.plus_seconds(COUNTED_SECONDS) });
        }
    }

    /// What was counted does not stand any more: something may have ended.
    fn forget(&self, key: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

fn full(most: i64, whose: &str) -> Error {
    let words = format!(
        "{whose} has {most} executions that are not over. Cancel those that are not wanted, or wait."
    );
    Error::conflict(words)
}

impl Flows {
    /// Sees that a flow and its workspace have room for one more execution. Counted every few seconds, so that starts stay
    /// quick; several servers may go over it by what they start meanwhile.
    ///
    /// # Errors
    /// `Conflict` when there is none.
    pub(crate) async fn room_for_one(&self, workspace: &WorkspaceId, flow: &FlowId) -> Result<()> {
        let (room, store, now) = (&self.0.room, &self.0.store, self.0.store.now());
        let key = flow.as_str();
        let open = match room.one_more(key, now) {
            Some(open) => open,
            None => {
                let open = open::of_flow(&mut store.reader(), flow, OPEN_OF_FLOW + 1).await? + 1;
                room.counted(key, open, now);
                open
            }
        };
        if open > OPEN_OF_FLOW {
            room.forget(key);
            return Err(full(OPEN_OF_FLOW, "This flow"));
        }
        let key = workspace.as_str();
        let open = match room.one_more(key, now) {
            Some(open) => open,
            None => {
                let open =
                    open::of_workspace(&mut store.reader(), workspace, OPEN_OF_WORKSPACE + 1).await? + 1;
                room.counted(key, open, now);
                open
            }
        };
        if open > OPEN_OF_WORKSPACE {
            room.forget(key);
            return Err(full(OPEN_OF_WORKSPACE, "This workspace"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_stands_for_a_while_and_grows_with_each_start() {
        let (room, now) = (Room::default(), Timestamp::from_micros(1_000_000));
        assert_eq!(room.one_more("flw_1", now), None);
        room.counted("flw_1", 7, now);
        assert_eq!((room.one_more("flw_1", now), room.one_more("flw_1", now)), (Some(8), Some(9)));
        assert_eq!(room.one_more("flw_2", now), None);
        assert_eq!(room.one_more("flw_1", now.plus_seconds(COUNTED_SECONDS)), None);
        room.forget("flw_1");
        assert_eq!(room.one_more("flw_1", now), None);
    }
}
