//! When a server looks for what is due: at once while it has nothing to do, and for several at a time while it has much.

use std::time::Duration;

use tokio::time::Instant;

/// How often is looked for what is due, beside being woken.
const LOOK: Duration = Duration::from_secs(1);
/// How long a claim waits for more to be claimed with it, while something is driven.
const GATHER: Duration = Duration::from_millis(4);
/// A claim waits no longer once this part of what is driven has ended since the last.
const PART: usize = 4;

/// What speaks for a claim.
#[derive(Debug)]
pub(super) struct Pace {
    last: Option<Instant>,
    /// Executions that came to rest since.
    ended: usize,
    /// Whether something is due, or may be.
    asked: bool,
    /// Whether the time for a look without any reason has come.
    now: bool,
}

impl Default for Pace {
    fn default() -> Self {
        Self { last: None, ended: 0, asked: true, now: true }
    }
}

impl Pace {
    /// So many places became free.
    pub(super) fn ended(&mut self, count: usize) {
        self.ended += count;
    }

    /// Somebody made something due.
    pub(super) fn woken(&mut self) {
        self.asked = true;
    }

    /// It has rested as long as it may.
    pub(super) fn looked(&mut self) {
        self.now = true;
    }

    /// So many were claimed of those that were wanted.
    pub(super) fn claimed(&mut self, count: usize, wanted: usize) {
        *self =
            Self { last: Some(Instant::now()), ended: 0, asked: count > 0 && count == wanted, now: false };
    }

    /// Whether it is time to claim.
    pub(super) fn is_time(&self, running: usize) -> bool {
        let has_gathered = self.last.is_none_or(|last| last.elapsed() >= GATHER);
        let is_idle = running == 0;
        let is_part = self.ended > 0 && self.ended * PART >= running;
        self.now || (self.has_reason() && (is_idle || is_part || has_gathered))
    }

    /// How long it may rest.
    pub(super) fn rest(&self, running: usize) -> Duration {
        match self.last {
            Some(last) if self.has_reason() && running > 0 => GATHER.saturating_sub(last.elapsed()),
            _ => LOOK,
        }
    }

    fn has_reason(&self) -> bool {
        self.asked || self.ended > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One that has claimed so much, and whose time to gather does not end.
    fn after(count: usize, wanted: usize) -> Pace {
        let mut pace = Pace::default();
        assert!(pace.is_time(0), "the first look is at once");
        pace.claimed(count, wanted);
        pace.last = Some(Instant::now() + LOOK * 60);
        pace
    }

    #[test]
    fn a_server_with_nothing_to_do_looks_when_it_is_woken() {
        let mut pace = after(0, 64);
        assert!(!pace.is_time(0));
        assert_eq!(pace.rest(0), LOOK);
        pace.woken();
        assert!(pace.is_time(0));
        let mut pace = after(0, 64);
        pace.looked();
        assert!(pace.is_time(5), "it looks from time to time in any case");
    }

    #[test]
    fn a_server_with_much_to_do_takes_several_at_a_time() {
        let mut pace = after(20, 44);
        pace.woken();
        pace.ended(4);
        assert!(!pace.is_time(20));
        assert_eq!(pace.rest(20), GATHER);
        pace.ended(1);
        assert!(pace.is_time(20), "a quarter of the places is free");
        let mut pace = after(20, 44);
        pace.ended(1);
        pace.last = Instant::now().checked_sub(GATHER);
        assert!(pace.is_time(20), "it does not gather for ever");
        assert!(after(64, 64).is_time(0), "where all that was wanted was there, there may be more");
    }
}
