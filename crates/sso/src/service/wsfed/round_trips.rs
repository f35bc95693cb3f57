//! Loops: a browser that a provider signs in and we do not, over and over.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gatehouse_types::{ConnectionId, Timestamp, digest};
use moka::sync::Cache;

/// Round trips of one browser that follow one another without a session, at most.
pub(crate) const MAX_ROUND_TRIPS: u32 = 10;
/// Within this time, in seconds.
pub(crate) const ROUND_TRIP_SECONDS: i64 = 60;
/// Browsers that are remembered at most.
const BROWSERS: u64 = 10_000;

/// The round trips of browsers, in the memory of this process: with several servers each lets that many through.
#[derive(Clone, Debug)]
pub(crate) struct RoundTrips(Cache<String, Arc<Mutex<Trips>>>);

#[derive(Clone, Copy, Debug, Default)]
struct Trips {
    count: u32,
    /// In seconds.
    since: i64,
}

impl Default for RoundTrips {
    fn default() -> Self {
        let idle = Duration::from_secs(ROUND_TRIP_SECONDS.unsigned_abs());
        Self(Cache::builder().max_capacity(BROWSERS).time_to_idle(idle).build())
    }
}

fn key(connection: &ConnectionId, browser: &str) -> String {
    digest(&format!("{connection}:{browser}"))
}

impl RoundTrips {
    /// Counts a way to the provider.
    pub(super) fn count(&self, connection: &ConnectionId, browser: &str, now: Timestamp) {
        let trips = self.0.get_with(key(connection, browser), Arc::default);
        let mut trips = trips.lock().unwrap_or_else(PoisonError::into_inner);
        if now.seconds() - trips.since >= ROUND_TRIP_SECONDS {
            *trips = Trips { count: 0, since: now.seconds() };
        }
        trips.count = trips.count.saturating_add(1);
    }

    /// Whether there were too many of late.
    pub(super) fn are_many(&self, connection: &ConnectionId, browser: &str, now: Timestamp) -> bool {
        let Some(trips) = self.0.get(&key(connection, browser)) else { return false };
        let trips = trips.lock().unwrap_or_else(PoisonError::into_inner);
        trips.count >= MAX_ROUND_TRIPS && now.seconds() - trips.since < ROUND_TRIP_SECONDS
    }

    /// Forgets them: somebody was shown a page, or is signed in, so nothing goes round by itself.
    pub(super) fn forget(&self, connection: &ConnectionId, browser: &str) {
        self.0.invalidate(&key(connection, browser));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_trips_in_a_minute_are_many_until_the_minute_is_over_or_somebody_saw_a_page() {
        let (trips, id) = (RoundTrips::default(), "con_1".parse().unwrap());
        let at = Timestamp::from_seconds;
        for second in 0..10 {
            assert!(!trips.are_many(&id, "b", at(1000 + second)));
            trips.count(&id, "b", at(1000 + second));
        }
        assert!(trips.are_many(&id, "b", at(1059)));
        assert!(
            !trips.are_many(&id, "c", at(1059)) && !trips.are_many(&"con_2".parse().unwrap(), "b", at(1059))
        );
        assert!(!trips.are_many(&id, "b", at(1060)));
        trips.forget(&id, "b");
        assert!(!trips.are_many(&id, "b", at(1059)));
    }
}
