use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use gatehouse_types::{Error, SharedClock, digest};
use moka::sync::Cache;

/// How many keys a limiter remembers; beyond it the least used are forgotten.
const MAX_KEYS: u64 = 100_000;
/// Keys longer than this are remembered by their digest.
const MAX_KEY_LEN: usize = 96;

/// Lets each key do something `burst` times at once and then once every `seconds_each` (GCRA, a leaky bucket that
/// remembers one number a key). In memory, of this process; time comes from the injected clock.
#[derive(Clone)]
pub struct Limiter {
    clock: SharedClock,
    each: i64,
    burst: i64,
    next_due: Cache<String, Arc<AtomicI64>>,
}

impl Limiter {
    /// A limiter with its own memory.
    pub fn new(clock: SharedClock, burst: u32, seconds_each: u32) -> Self {
        let each = i64::from(seconds_each.max(1)) * 1_000_000;
        Self { clock, each, burst: i64::from(burst.max(1)), next_due: Cache::new(MAX_KEYS) }
    }

    /// Counts one attempt of `key`; `Err` with the seconds to wait when it has none left (not counted then).
    ///
    /// # Errors
    /// The whole seconds, at least 1, until the next attempt passes.
    pub fn check(&self, key: &str) -> Result<(), u32> {
        let now = self.clock.now().micros();
        let slot = self.next_due.get_with(remembered(key), || Arc::new(AtomicI64::new(now)));
        let horizon = now + self.each * self.burst;
        let step = |due: i64| Some(due.max(now) + self.each).filter(|next| *next <= horizon);
        match slot.fetch_update(Ordering::AcqRel, Ordering::Acquire, step) {
            Ok(_) => Ok(()),
            Err(due) => {
                let wait = (due + self.each - horizon).max(1);
                Err(u32::try_from((wait + 999_999) / 1_000_000).unwrap_or(u32::MAX))
            }
        }
    }

    /// [`Limiter::check`] as a failure to hand to the caller (429 with `Retry-After`).
    ///
    /// # Errors
    /// `RateLimited`.
    pub fn require(&self, key: &str) -> Result<(), Error> {
        self.check(key).map_err(Error::rate_limited)
    }

    /// Takes one counted attempt of `key` back: it was no failure. What others did under the key still counts.
    pub fn give_back(&self, key: &str) {
        if let Some(slot) = self.next_due.get(&remembered(key)) {
            slot.fetch_sub(self.each, Ordering::AcqRel);
        }
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter")
            .field("each", &self.each)
            .field("burst", &self.burst)
            .finish_non_exhaustive()
    }
}

fn remembered(key: &str) -> String {
    if key.len() > MAX_KEY_LEN { digest(key) } else { key.to_owned() }
}

#[cfg(test)]
mod tests {
    use gatehouse_types::{TestClock, Timestamp};

    use super::*;

    #[test]
    fn a_key_has_its_burst_and_then_its_rate() {
        let clock = Arc::new(TestClock::new(Timestamp::from_seconds(1_000)));
        let limiter = Limiter::new(clock.clone(), 3, 10);
        assert_eq!((0..3).map(|_| limiter.check("a")).collect::<Vec<_>>(), [Ok(()); 3]);
        assert_eq!(limiter.check("a"), Err(10));
        assert_eq!(limiter.check("b"), Ok(()), "keys do not share");
        clock.advance(4);
        assert_eq!(limiter.check("a"), Err(6));
        clock.advance(6);
        assert_eq!(limiter.check("a"), Ok(()));
        assert_eq!(limiter.check("a"), Err(10));
        limiter.give_back("a");
        assert_eq!(limiter.check("a"), Ok(()));
    }

    #[test]
    fn long_keys_are_told_apart_and_kept_short() {
        let limiter = Limiter::new(Arc::new(TestClock::new(Timestamp::from_seconds(1))), 1, 60);
        let long = "k".repeat(5_000);
        assert_eq!(limiter.check(&long), Ok(()));
        assert!(limiter.check(&long).is_err());
        assert_eq!(limiter.check(&format!("{long}2")), Ok(()));
        assert_eq!(remembered(&long).len(), 64);
    }
}
