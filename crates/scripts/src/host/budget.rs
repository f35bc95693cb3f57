//! How much a script may log: so much at once, and so much a second after that.

use std::time::Instant;

/// Log lines that the replicas of a script may write at once; a line counts one for each kilobyte that it begins.
const BURST: f64 = 5_000.0;
/// Lines that come back a second.
const RATE: f64 = 200.0;
/// Bytes of a line that count as one.
const KILOBYTE: usize = 1024;

/// What is left of a script's log lines.
#[derive(Debug)]
pub(crate) struct Budget {
    left: f64,
    at: Instant,
    /// Lines that were dropped since that was last told.
    dropped: u64,
}

impl Budget {
    pub(crate) fn new(now: Instant) -> Self {
        Self { left: BURST, at: now, dropped: 0 }
    }

    /// Counts a line of so many bytes; false when it is one too many.
    pub(crate) fn takes(&mut self, bytes: usize, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + since * RATE).min(BURST);
        self.at = now;
        #[expect(clippy::cast_precision_loss, reason = "lines are short")]
        let cost = (1 + bytes / KILOBYTE) as f64;
        let fits = cost <= self.left;
        match fits {
            true => self.left -= cost,
            false => self.dropped += 1,
        }
        fits
    }

    /// What to say of lines that were dropped, once; `None` when none were, or while there is hardly room again.
    pub(crate) fn note(&mut self) -> Option<String> {
        if self.dropped == 0 || self.left < 1.0 {
            return None;
        }
        self.left -= 1.0;
        let dropped = std::mem::take(&mut self.dropped);
        Some(format!(
            "{dropped} log lines before this one were dropped: a script may log {RATE} lines a second, {BURST} at once."
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_flood_is_cut_and_told_of_once() {
        let start = Instant::now();
        let mut budget = Budget::new(start);
        let taken = (0..20_000).filter(|_| budget.takes(10, start)).count();
        assert_eq!(taken, 5_000);
        assert_eq!(budget.note(), None, "there is no room for it yet");
        let later = start + Duration::from_secs(1);
        assert!(budget.takes(10, later));
        assert!(budget.note().unwrap().starts_with("15000 log lines"));
        assert_eq!(budget.note(), None);
        assert_eq!((0..1_000).filter(|_| budget.takes(10, later)).count(), 198);
    }

    #[test]
    fn long_lines_count_for_several() {
        let now = Instant::now();
        let mut budget = Budget::new(now);
        assert_eq!((0..1_000).filter(|_| budget.takes(16 * 1024, now)).count(), 294);
    }
}
