//! What bounds the use of an app or a key: networks, a rate, a quota. Counted in memory.

use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};

use gatehouse_types::Timestamp;

use super::Why;
use crate::model::limits::{Limits, day_of};
use crate::model::{Quota, Rate};

const NANOS: i64 = 1_000_000_000;

/// The limits with what was used of them.
#[derive(Debug)]
pub(crate) struct Bounds {
    limits: Limits,
    /// When the next request would be due if all came evenly (GCRA), in nanoseconds since 1970.
    next_due: AtomicI64,
    /// The first day of the quota's period, in days since 1970, and what was used in it.
    period: AtomicI64,
    used: AtomicI64,
}

impl Bounds {
    /// Limits, of whose quota `used` was used in the period that began on the day `since`.
    pub(crate) fn new(limits: Limits, since: i64, used: i64) -> Self {
        Self {
            limits,
            next_due: AtomicI64::new(0),
            period: AtomicI64::new(since),
            used: AtomicI64::new(used),
        }
    }

    /// The quota, if there is one.
    pub(crate) fn quota(&self) -> Option<Quota> {
        self.limits.quota
    }

    /// Takes over what was used of the same rate and quota.
    pub(crate) fn carry_on(&self, before: &Self) {
        if self.limits.rate == before.limits.rate {
            self.next_due.store(before.next_due.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        self.used.fetch_max(before.used.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// What was used of the quota by all servers, as the database has it.
    pub(crate) fn heard(&self, since: i64, used: i64) {
        if self.period.load(Ordering::Relaxed) == since {
            self.used.fetch_max(used, Ordering::Relaxed);
        }
    }

    pub(super) fn admits(&self, ip: Option<IpAddr>) -> bool {
        let networks = &self.limits.networks;
        networks.is_empty() || ip.is_some_and(|ip| networks.iter().any(|n| n.contains(&ip)))
    }

    /// Takes one request off the rate and the quota.
    pub(super) fn take(&self, now: Timestamp) -> Result<(), Why> {
        // what the rate refuses is not used of the quota
        if let Some(rate) = self.limits.rate {
            self.take_rate(rate, now)?;
        }
        match self.limits.quota {
            Some(quota) => self.take_quota(quota, now),
            None => Ok(()),
        }
    }

    fn take_rate(&self, rate: Rate, now: Timestamp) -> Result<(), Why> {
        let now = now.micros().saturating_mul(1_000);
        let span = rate.seconds * NANOS;
        let each = (span / rate.requests).max(1);
        let horizon = now + span;
        let step = |due: i64| Some(due.max(now) + each).filter(|next| *next <= horizon);
        match self.next_due.fetch_update(Ordering::AcqRel, Ordering::Acquire, step) {
            Ok(_) => Ok(()),
            Err(due) => {
                let wait = (due + each - horizon).max(1);
                Err(Why::Rate(u32::try_from((wait + NANOS - 1) / NANOS).unwrap_or(u32::MAX)))
            }
        }
    }

    fn take_quota(&self, quota: Quota, now: Timestamp) -> Result<(), Why> {
        let first = quota.period.first_day(day_of(now));
        if self.period.swap(first, Ordering::AcqRel) != first {
            self.used.store(0, Ordering::Release);
        }
        if self.used.fetch_add(1, Ordering::AcqRel) >= quota.requests {
            self.used.fetch_sub(1, Ordering::AcqRel);
            return Err(Why::Quota(u32::try_from(quota.period.seconds_left(now)).unwrap_or(u32::MAX)));
        }
        Ok(())
    }
}
