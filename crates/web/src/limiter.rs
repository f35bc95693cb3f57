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

    /// A limiter that lets each key do something `count` times a minute, all of it at once if need be.
    pub fn per_minute(clock: SharedClock, count: u32) -> Self {
        let count = i64::from(count.max(1));
        Self { clock, each: (60 * 1_000_000 / count).max(1), burst: count, next_due: Cache::new(MAX_KEYS) }
    }

    /// Counts one attempt of `key`; `Err` with the seconds to wait when it has none left (not counted then).
    ///
    /// # Errors
    /// The whole seconds, at least 1, until the next attempt passes.
    pub fn check(&self, key: &str) -> Result<(), u32> {
        self.check_many(key, 1)
    }

    /// [`Limiter::check`] for something that counts as several; more than there can ever be counts as all there can be.
    ///
    /// # Errors
    /// As [`Limiter::check`].
    pub fn check_many(&self, key: &str, count: u32) -> Result<(), u32> {
        let now = self.clock.now().micros();
        let slot = self.next_due.get_with(remembered(key), || Arc::new(AtomicI64::new(now)));
        let (horizon, cost) = (now + self.each * self.burst, self.each * i64::from(count).min(self.burst));
        let step = |due: i64| Some(due.max(now) + cost).filter(|next| *next <= horizon);
        match slot.fetch_update(Ordering::AcqRel, Ordering::Acquire, step) {
            Ok(_) => Ok(()),
            Err(due) => Err(whole_seconds((due + cost - horizon).max(1))),
        }
    }

    /// What a key has left.
    pub fn allowance(&self, key: &str) -> Allowance {
        let now = self.clock.now().micros();
        let due = self.next_due.get(&remembered(key)).map_or(now, |slot| slot.load(Ordering::Acquire));
        let used = (due - now).max(0);
        let count = |n: i64| u32::try_from(n.max(0)).unwrap_or(u32::MAX);
        Allowance {
            limit: count(self.burst),
            // what is used in part is used
            left: count((self.each * self.burst - used) / self.each),
            full_in: if used == 0 { 0 } else { whole_seconds(used) },
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

/// What a key has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Attempts at once at most.
    pub limit: u32,
    /// Attempts that pass now.
    pub left: u32,
    /// Seconds until all of them are there again.
    pub full_in: u32,
}

fn whole_seconds(micros: i64) -> u32 {
    u32::try_from((micros + 999_999) / 1_000_000).unwrap_or(u32::MAX)
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
    fn what_is_left_of_a_minute_is_told() {
        let clock = Arc::new(TestClock::new(Timestamp::from_seconds(1_000)));
        let limiter = Limiter::per_minute(clock.clone(), 120);
        let left = |limiter: &Limiter| {
            let Allowance { limit, left, full_in } = limiter.allowance("a");
            (limit, left, full_in)
        };
        assert_eq!(left(&limiter), (120, 120, 0));
        assert_eq!(limiter.check_many("a", 100), Ok(()));
        assert_eq!(left(&limiter), (120, 20, 50));
        assert_eq!(limiter.check_many("a", 30), Err(5), "all of it or nothing");
        assert_eq!(left(&limiter), (120, 20, 50));
        clock.advance(5);
        assert_eq!(limiter.check_many("a", 30), Ok(()));
        assert_eq!(left(&limiter), (120, 0, 60));
        clock.advance(60);
        assert_eq!(limiter.check_many("a", 5_000), Ok(()));
        assert_eq!(limiter.check("a"), Err(1));
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
