//! How executions went: runs, failures, and how long they took.

use gatehouse_identity::require;
use gatehouse_types::{Actor, Error, FlowId, Permission, Result, Timestamp};

use super::object;
use crate::Flows;
use crate::store::{days, executions};

/// Executions that are counted at most, the latest.
const COUNTED: i64 = 100_000;
/// A day, in microseconds.
const DAY: i64 = 86_400_000_000;
/// The most days to look back.
const MAX_DAYS: u32 = 90;

/// How executions of some days went.
#[derive(Clone, Debug, Default)]
pub(crate) struct Statistics {
    pub(crate) runs: usize,
    pub(crate) succeeded: usize,
    pub(crate) failed: usize,
    pub(crate) canceled: usize,
    /// Of those that succeeded or failed, 0 to 1.
    pub(crate) failure_rate: f64,
    /// Milliseconds from the start to the end, waits included.
    pub(crate) p50_ms: Option<i64>,
    pub(crate) p90_ms: Option<i64>,
    pub(crate) p99_ms: Option<i64>,
}

/// How the executions went that began on one day.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Day {
    /// Days since 1970, in UTC.
    pub(crate) day: i64,
    pub(crate) succeeded: i64,
    pub(crate) failed: i64,
    pub(crate) canceled: i64,
}

impl Statistics {
    fn of(outcomes: &[(String, i64)]) -> Self {
        let count = |word: &str| outcomes.iter().filter(|(status, _)| status == word).count();
        let (succeeded, failed) = (count("Success"), count("Error"));
        let ended = |(status, _): &&(String, i64)| status != "Canceled";
        let mut took: Vec<i64> = outcomes.iter().filter(ended).map(|(_, micros)| micros / 1000).collect();
        took.sort_unstable();
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let failure_rate = failed as f64 / (succeeded + failed).max(1) as f64;
        Self {
            runs: outcomes.len(),
            succeeded,
            failed,
            canceled: count("Canceled"),
            failure_rate,
            p50_ms: percentile(&took, 50),
            p90_ms: percentile(&took, 90),
            p99_ms: percentile(&took, 99),
        }
    }
}

/// The nearest rank: the least value that so many of a hundred do not exceed.
fn percentile(sorted: &[i64], percent: usize) -> Option<i64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

impl Flows {
    /// How executions went that began on so many days of the calendar, in UTC, today the last.
    ///
    /// # Errors
    /// `Validation`; `NotFound`; `Authorization` without the right.
    pub(crate) async fn statistics(
        &self,
        actor: &Actor,
        flow: Option<&FlowId>,
        days: u32,
    ) -> Result<Statistics> {
        let object = flow.and_then(object);
        let workspace = require(&self.0.store, actor, Permission::UseFlows, object).await?;
        if !(1..=MAX_DAYS).contains(&days) {
            return Err(Error::validation("days", "days must be between 1 and 90."));
        }
        if let Some(flow) = flow {
            self.found(workspace, flow).await?;
        }
        let since = Timestamp::from_micros(self.first_day(days) * DAY);
        let db = &mut self.0.store.reader();
        let outcomes = executions::outcomes(db, workspace, flow, since, COUNTED).await?;
        Ok(Statistics::of(&outcomes))
    }
}

impl Flows {
    /// The first of so many days, today the last: days since 1970, in UTC.
    fn first_day(&self, days: u32) -> i64 {
        self.0.store.now().micros() / DAY - i64::from(days) + 1
    }

    /// How the executions of each of so many days ended, today's last.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn runs_by_day(
        &self,
        actor: &Actor,
        flow: Option<&FlowId>,
        days: u32,
    ) -> Result<Vec<Day>> {
        let workspace = require(&self.0.store, actor, Permission::UseFlows, flow.and_then(object)).await?;
        let today = self.0.store.now().micros() / DAY;
        let first = self.first_day(days.min(MAX_DAYS));
        let since = Timestamp::from_micros(first * DAY);
        let counts = days::counts(&mut self.0.store.reader(), workspace, flow, since).await?;
        let of = |day: i64, word: &str| {
            let found = counts.iter().filter(|(d, status, _)| *d == day && status == word);
            found.map(|(_, _, n)| n).sum()
        };
        let day = |day| Day {
            day,
            succeeded: of(day, "Success"),
            failed: of(day, "Error"),
            canceled: of(day, "Canceled"),
        };
        Ok((first..=today).map(day).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let sorted: Vec<i64> = (1..=100).collect();
        assert_eq!([50, 90, 99].map(|p| percentile(&sorted, p)), [Some(50), Some(90), Some(99)]);
        assert_eq!(percentile(&[7], 99), Some(7));
        assert_eq!(percentile(&[], 90), None);
    }

    #[test]
    fn what_was_canceled_is_no_failure() {
        let outcome = |word: &str, ms: i64| (word.to_owned(), ms * 1000);
        let found =
            Statistics::of(&[outcome("Success", 10), outcome("Error", 30), outcome("Canceled", 9_000)]);
        assert_eq!((found.runs, found.failed, found.canceled), (3, 1, 1));
        assert!((found.failure_rate - 0.5).abs() < f64::EPSILON);
        assert_eq!(found.p99_ms, Some(30));
    }
}
