//! Slows sign-in down, per account and per network. Failures cost; a success gives back what it took.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gatehouse_types::{Email, Error, Result, SharedClock, Timestamp};
use moka::sync::Cache;

/// Failures of one account before it slows down, and the seconds until one more is allowed.
const ACCOUNT: Rate = Rate { burst: 20, seconds_each: 30 };
/// Failures of one network (IPv4 /32, IPv6 /64) before it slows down, and the seconds until one more is allowed.
const NETWORK: Rate = Rate { burst: 200, seconds_each: 2 };
/// Accounts and networks remembered at most.
const REMEMBERED: u64 = 50_000;
/// A bucket that nobody used this long is full again anyway.
const FORGET_AFTER: Duration = Duration::from_secs(3600);

#[derive(Clone, Copy, Debug)]
struct Rate {
    burst: i64,
    seconds_each: i64,
}

/// Tokens as credit in microseconds of waiting.
#[derive(Debug)]
struct Bucket {
    credit: i64,
    at: Timestamp,
}

impl Rate {
    const fn full(self) -> i64 {
        self.burst * self.cost()
    }

    const fn cost(self) -> i64 {
        self.seconds_each * 1_000_000
    }
}

/// Counts tries at signing in.
#[derive(Clone, Debug)]
pub(crate) struct Throttle {
    clock: SharedClock,
    buckets: Cache<String, Arc<Mutex<Bucket>>>,
}

impl Throttle {
    pub(crate) fn new(clock: SharedClock) -> Self {
        let buckets = Cache::builder().max_capacity(REMEMBERED).time_to_idle(FORGET_AFTER).build();
        Self { clock, buckets }
    }

    fn keys(email: &Email, ip: Option<IpAddr>) -> [(String, Rate); 2] {
        let network = match ip {
            Some(IpAddr::V6(v6)) => format!("n:{:x}", u128::from(v6) >> 64),
            Some(IpAddr::V4(v4)) => format!("n:{v4}"),
            None => "n:-".to_owned(),
        };
        [(format!("a:{email}"), ACCOUNT), (network, NETWORK)]
    }

    fn with<T>(&self, key: String, rate: Rate, change: impl FnOnce(&mut Bucket) -> T) -> Option<T> {
        let now = self.clock.now();
        let fresh = || Arc::new(Mutex::new(Bucket { credit: rate.full(), at: now }));
        let bucket = self.buckets.get_with(key, fresh);
        let mut bucket = bucket.lock().ok()?;
        let passed = now.micros().saturating_sub(bucket.at.micros()).max(0);
        bucket.credit = bucket.credit.saturating_add(passed).min(rate.full());
        bucket.at = now;
        Some(change(&mut bucket))
    }

    /// Takes one try of the account and of the network.
    ///
    /// # Errors
    /// `RateLimited` with the seconds to wait; the same for known and unknown accounts.
    pub(crate) fn take(&self, email: &Email, ip: Option<IpAddr>) -> Result<()> {
        for (key, rate) in Self::keys(email, ip) {
            let missing = self.with(key, rate, |b| {
                let missing = rate.cost() - b.credit;
                if missing <= 0 {
                    b.credit -= rate.cost();
                }
                missing
            });
            if let Some(missing) = missing.filter(|m| *m > 0) {
                return Err(Error::rate_limited(u32::try_from(missing / 1_000_000 + 1).unwrap_or(u32::MAX)));
            }
        }
        Ok(())
    }

    /// Gives the try back after a success.
    pub(crate) fn give_back(&self, email: &Email, ip: Option<IpAddr>) {
        for (key, rate) in Self::keys(email, ip) {
            self.with(key, rate, |b| b.credit = (b.credit + rate.cost()).min(rate.full()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatehouse_types::TestClock;

    #[test]
    fn an_account_slows_down_after_its_failures_and_recovers() {
        let clock = Arc::new(TestClock::new(Timestamp::from_seconds(1_000_000)));
        let throttle = Throttle::new(clock.clone());
        let (email, other): (Email, Email) = ("a@b.de".parse().unwrap(), "c@b.de".parse().unwrap());
        let ip = Some(IpAddr::from([10, 0, 0, 1]));
        for _ in 0..ACCOUNT.burst {
            throttle.take(&email, ip).unwrap();
        }
        let wait = throttle.take(&email, ip).unwrap_err().retry_after().unwrap();
        assert!((1..=31).contains(&wait));
        throttle.take(&other, ip).unwrap();
        clock.advance(i64::from(wait));
        throttle.take(&email, ip).unwrap();
        throttle.give_back(&email, ip);
        throttle.take(&email, ip).unwrap();
        assert!(throttle.take(&email, ip).is_err());
    }

    #[test]
    fn a_network_slows_down_over_many_accounts() {
        let throttle = Throttle::new(Arc::new(TestClock::new(Timestamp::from_seconds(1_000_000))));
        let ip = Some(IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, 1]));
        let neighbour = Some(IpAddr::from([0x2001, 0xdb8, 0, 1, 9, 9, 9, 9]));
        for n in 0..NETWORK.burst {
            throttle.take(&format!("u{n}@b.de").parse().unwrap(), ip).unwrap();
        }
        assert!(throttle.take(&"x@b.de".parse().unwrap(), neighbour).is_err());
        throttle.take(&"y@b.de".parse().unwrap(), Some(IpAddr::from([10, 0, 0, 2]))).unwrap();
    }
}
