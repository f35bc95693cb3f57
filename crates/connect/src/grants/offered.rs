//! Callbacks that forms propose before there is a profile or connector: one is registered at the provider first, so the
//! form opened again proposes the same.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use gatehouse_types::{Timestamp, UserId};

/// How long the same callback is proposed, in seconds.
const SECONDS: i64 = 6 * 3_600;
/// Callbacks that a server remembers, at most.
const MOST: usize = 10_000;

/// What is proposed to whom for what.
#[derive(Debug, Default)]
pub(crate) struct Offered(Mutex<HashMap<(UserId, String), (String, Timestamp)>>);

impl Offered {
    /// The callback that is proposed to a person for a type; a new one the first time, after some hours, and once it is used.
    pub(crate) fn get(
        &self,
        user: &UserId,
        of: &str,
        now: Timestamp,
        fresh: impl FnOnce() -> String,
    ) -> String {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (user.clone(), of.to_owned());
        if let Some((context, at)) = all.get(&key)
            && at.plus_seconds(SECONDS) > now
        {
            return context.clone();
        }
        if all.len() >= MOST {
            all.clear();
        }
        let context = fresh();
        all.insert(key, (context.clone(), now));
        context
    }

    /// A profile or connector has it now.
    pub(crate) fn used(&self, context: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, (offered, _)| offered != context);
    }
}

#[cfg(test)]
mod tests {
    use gatehouse_types::Id;

    use super::*;

    #[test]
    fn the_same_is_proposed_for_hours_and_until_it_is_used() {
        let (offered, user) = (Offered::default(), UserId::from_stored("usr_1".to_owned()));
        let at = Timestamp::from_micros;
        let get = |of: &str, now: i64, fresh: &str| offered.get(&user, of, at(now), || fresh.to_owned());
        assert_eq!(get("crm", 0, "a"), "a");
        assert_eq!(get("crm", SECONDS * 1_000_000 - 1, "b"), "a");
        assert_eq!(get("erp", 1, "c"), "c");
        assert_eq!(get("crm", SECONDS * 1_000_000, "d"), "d");
        offered.used("c");
        assert_eq!(get("erp", 2, "e"), "e");
    }
}
