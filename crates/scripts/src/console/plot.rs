//! The runs of the last days as two plots: how many, and how many of a hundred failed.

use gatehouse_types::Timestamp;
use gatehouse_web::When;

use crate::service::runs::STATISTIC_DAYS;

/// A day, in microseconds.
const DAY: i64 = 86_400_000_000;
/// The plots' height above their base line, in units of their picture.
const HEIGHT: i64 = 56;
/// The width of a day, in units; the bar in it is narrower by [`GAP`].
const STEP: i64 = 10;
const GAP: i64 = 3;

/// A day's bar.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) x: i64,
    pub(super) y: i64,
    pub(super) height: i64,
}

/// A day in the table beside the plots.
pub(super) struct DayRow {
    pub(super) date: String,
    pub(super) runs: i64,
    pub(super) failed: i64,
    pub(super) rate: String,
}

/// Both plots, and the same as a table.
pub(super) struct Plots {
    pub(super) width: i64,
    pub(super) height: i64,
    pub(super) bar: i64,
    pub(super) runs: Vec<Bar>,
    pub(super) rates: Vec<Bar>,
    pub(super) told: String,
    pub(super) rows: Vec<DayRow>,
}

/// A date for people: `4 Nov 2026`.
fn date(day: i64) -> String {
    let when = When::from(Timestamp::from_micros(day.saturating_mul(DAY))).text;
    when.split(',').next().unwrap_or_default().to_owned()
}

/// Hundredths of a percent that failed, as a number with two digits after the point.
fn percent(failed: i64, runs: i64) -> String {
    let hundredths = (failed.saturating_mul(10_000) + runs / 2).checked_div(runs).unwrap_or_default();
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

fn bars(days: &[(i64, i64)], most: i64) -> Vec<Bar> {
    let high = |n: i64| if n > 0 { (n.saturating_mul(HEIGHT) / most.max(1)).max(1) } else { 0 };
    let bar = |(place, n): (i64, i64)| Bar { x: place * STEP, y: HEIGHT - high(n), height: high(n) };
    (0_i64..).zip(days.iter().map(|(_, n)| *n)).map(bar).filter(|bar| bar.height > 0).collect()
}

impl Plots {
    /// Of the days with runs: start, runs, failures.
    pub(super) fn of(now: Timestamp, days: &[(Timestamp, i64, i64)]) -> Self {
        let today = now.micros() / DAY;
        let found = |day: i64| {
            days.iter().find(|(at, ..)| at.micros() / DAY == day).map_or((0, 0), |(_, n, f)| (*n, *f))
        };
        let all: Vec<(i64, i64, i64)> = (today - STATISTIC_DAYS + 1..=today)
            .map(|day| (day, found(day)))
            .map(|(day, (runs, failed))| (day, runs, failed))
            .collect();
        let runs: Vec<_> = all.iter().map(|(day, runs, _)| (*day, *runs)).collect();
        let rates: Vec<_> = all
            .iter()
            .map(|(day, runs, failed)| (*day, (failed * 100).checked_div(*runs).unwrap_or(0)))
            .collect();
        let (total, failed) = all.iter().fold((0, 0), |(n, f), (_, runs, failed)| (n + runs, f + failed));
        let told = match total {
            0 => format!("No run in the last {STATISTIC_DAYS} days."),
            _ => format!("{total} runs in the last {STATISTIC_DAYS} days, {failed} of them failed."),
        };
        let row = |(day, runs, failed): &(i64, i64, i64)| DayRow {
            date: date(*day),
            runs: *runs,
            failed: *failed,
            rate: percent(*failed, *runs),
        };
        Self {
            width: STATISTIC_DAYS * STEP - GAP,
            height: HEIGHT + 1,
            bar: STEP - GAP,
            runs: bars(&runs, runs.iter().map(|(_, n)| *n).max().unwrap_or_default()),
            rates: bars(&rates, 100),
            told,
            rows: all.iter().rev().map(row).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tallest_bar_fills_the_plot_and_a_rate_is_of_a_hundred() {
        let now = Timestamp::parse("2026-11-30T12:00:00Z").unwrap();
        let day = |text: &str| Timestamp::parse(text).unwrap();
        let days = [(day("2026-11-29T00:00:00Z"), 100, 25), (day("2026-11-30T00:00:00Z"), 1, 1)];
        let plots = Plots::of(now, &days);
        assert_eq!(plots.runs.iter().map(|b| (b.x, b.height)).collect::<Vec<_>>(), [(280, 56), (290, 1)]);
        assert_eq!(plots.rates.iter().map(|b| (b.x, b.height)).collect::<Vec<_>>(), [(280, 14), (290, 56)]);
        assert_eq!(plots.told, "101 runs in the last 30 days, 26 of them failed.");
        assert_eq!((plots.rows[1].date.as_str(), plots.rows[1].rate.as_str()), ("29 Nov 2026", "25.00 %"));
        assert_eq!((plots.rows.len(), plots.rows[5].rate.as_str()), (30, "0.00 %"));
    }
}
