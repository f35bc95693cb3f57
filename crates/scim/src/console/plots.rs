//! Thirty days as small plots, drawn on the server, and as a table that says the same.

use gatehouse_types::Timestamp;
use gatehouse_web::When;

use crate::model::rhythm::DAY;
use crate::store::days::{Counts, Day};

/// The plot's height above its base line, in units of its picture.
const HEIGHT: i64 = 56;
/// The width of a day, in units; the bar in it is narrower by [`GAP`].
const STEP: i64 = 10;
const GAP: i64 = 3;

/// A day's bar.
pub(super) struct Bar {
    pub(super) x: i64,
    pub(super) y: i64,
    pub(super) width: i64,
    pub(super) height: i64,
}

/// One number over the days.
pub(super) struct Plot {
    /// For the ids of its parts.
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) total: i64,
    /// What the picture shows, in a sentence.
    pub(super) told: String,
    pub(super) bars: Vec<Bar>,
    /// Width and height of the picture, in units.
    pub(super) width: i64,
    pub(super) height: i64,
}

/// A row of the table.
pub(super) struct DayRow {
    pub(super) date: String,
    pub(super) counts: Counts,
}

/// A date for people: `4 Nov 2026`.
fn spoken(day: i64) -> String {
    let when = When::from(Timestamp::from_micros(day.saturating_mul(DAY))).text;
    when.split(',').next().unwrap_or_default().to_owned()
}

fn plot(days: &[Day], name: &'static str, label: &'static str, of: impl Fn(&Counts) -> i64) -> Plot {
    let numbers: Vec<_> = days.iter().map(|d| (d.day, of(&d.counts))).collect();
    let total = numbers.iter().map(|(_, n)| n).sum();
    let most = numbers.iter().copied().rev().max_by_key(|(_, n)| *n).unwrap_or_default();
    let ends = (days.first().map(|d| spoken(d.day)), days.last().map(|d| spoken(d.day)));
    let (from, until) = (ends.0.unwrap_or_default(), ends.1.unwrap_or_default());
    let told = match total {
        0 => format!("None from {from} to {until}."),
        _ => format!("{total} from {from} to {until}, at most {} on {}.", most.1, spoken(most.0)),
    };
    let bars = (0_i64..).zip(&numbers).filter(|(_, (_, n))| *n > 0).map(|(place, (_, n))| {
        let height = (n.saturating_mul(HEIGHT) / most.1.max(1)).max(1);
        Bar { x: place * STEP, y: HEIGHT - height, width: STEP - GAP, height }
    });
    let width = i64::try_from(days.len()).unwrap_or_default() * STEP - GAP;
    Plot { name, label, total, told, bars: bars.collect(), width, height: HEIGHT + 1 }
}

/// The plots of a workspace's days.
pub(super) fn plots(days: &[Day]) -> Vec<Plot> {
    vec![
        plot(days, "created", "Created", |c| c.created),
        plot(days, "updated", "Updated", |c| c.updated),
        plot(days, "deleted", "Deleted", |c| c.deleted),
        plot(days, "refused", "Refused", |c| c.refused),
    ]
}

/// The same as rows, the latest day first.
pub(super) fn rows(days: &[Day]) -> Vec<DayRow> {
    days.iter().rev().map(|d| DayRow { date: spoken(d.day), counts: d.counts }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tallest_bar_fills_the_plot_and_the_smallest_is_seen() {
        let day = |day, created| Day { day, counts: Counts { created, ..Counts::default() } };
        let plot = plot(&[day(20_000, 0), day(20_001, 100_000), day(20_002, 1)], "c", "C", |c| c.created);
        let bars: Vec<_> = plot.bars.iter().map(|b| (b.x, b.y, b.height)).collect();
        assert_eq!(bars, [(10, 0, 56), (20, 55, 1)]);
        assert_eq!(plot.told, "100001 from 4 Oct 2024 to 6 Oct 2024, at most 100000 on 5 Oct 2024.");
    }
}
