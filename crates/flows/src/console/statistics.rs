//! How executions went: numbers, and the runs of each day as a plot.

use axum::extract::State;
use gatehouse_identity::{Visitor, require};
use gatehouse_types::{PageRequest, Permission, Timestamp};
use gatehouse_web::{Choice, HtmlResult, Page, PageContext, Query, View, When};
use serde::Deserialize;

use super::parts::spoken;
use super::{PATH, STATISTICS};
use crate::Flows;
use crate::service::statistics::Day;

/// Days that are looked at.
const DAYS: u32 = 30;
/// A day, in microseconds.
const DAY: i64 = 86_400_000_000;
/// The plot's height above its base line, in units of its picture.
const HEIGHT: i64 = 56;
/// The width of a day, in units; the bar in it is narrower by [`GAP`].
const STEP: i64 = 10;
const GAP: i64 = 3;

/// A day's bar, the failed part apart.
struct Bar {
    x: i64,
    y: i64,
    height: i64,
    failed_y: i64,
    failed_height: i64,
}

struct DayRow {
    date: String,
    succeeded: i64,
    failed: i64,
    canceled: i64,
}

/// What is looked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Search {
    flow_id: String,
}

#[derive(askama::Template)]
#[template(path = "flows/statistics.html")]
pub(super) struct StatisticsPage {
    page: Page,
    path: &'static str,
    search: Search,
    flows: Vec<Choice>,
    runs: usize,
    failure_rate: String,
    failed: usize,
    canceled: usize,
    p50: String,
    p90: String,
    p99: String,
    bars: Vec<Bar>,
    width: i64,
    height: i64,
    bar: i64,
    told: String,
    rows: Vec<DayRow>,
}

/// A date for people: `4 Nov 2026`.
fn date(day: i64) -> String {
    let when = When::from(Timestamp::from_micros(day.saturating_mul(DAY))).text;
    when.split(',').next().unwrap_or_default().to_owned()
}

fn bars(days: &[Day]) -> Vec<Bar> {
    let total = |d: &Day| d.succeeded + d.failed + d.canceled;
    let most = days.iter().map(total).max().unwrap_or_default().max(1);
    let high = |n: i64| if n > 0 { (n.saturating_mul(HEIGHT) / most).max(1) } else { 0 };
    let bar = |(place, d): (i64, &Day)| {
        let (height, failed) = (high(total(d)), high(d.failed));
        Bar { x: place * STEP, y: HEIGHT - height, height, failed_y: HEIGHT - failed, failed_height: failed }
    };
    (0_i64..).zip(days).map(bar).filter(|bar| bar.height > 0).collect()
}

fn told(days: &[Day]) -> String {
    let (all, failed) = days
        .iter()
        .fold((0, 0), |(all, failed), d| (all + d.succeeded + d.failed + d.canceled, failed + d.failed));
    let (from, until) = (days.first().map(|d| date(d.day)), days.last().map(|d| date(d.day)));
    let (from, until) = (from.unwrap_or_default(), until.unwrap_or_default());
    match all {
        0 => format!("No execution ended from {from} to {until}."),
        _ => format!("{all} executions from {from} to {until}, {failed} of them failed."),
    }
}

/// The page.
pub(super) async fn show(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    context: PageContext,
    Query(search): Query<Search>,
) -> HtmlResult<View<StatisticsPage>> {
    require(&flows.0.store, &actor, Permission::UseFlows, None).await?;
    // what is none is a choice of nothing
    let flow = search.flow_id.parse().ok();
    let numbers = flows.statistics(&actor, flow.as_ref(), DAYS).await?;
    let days = flows.runs_by_day(&actor, flow.as_ref(), DAYS).await?;
    let all = flows.flows(&actor, crate::store::flows::Wanted::default(), PageRequest::new(1, 100)?).await?;
    let all = all.data.into_iter().map(|f| Choice::new(f.id.to_string(), f.name));
    let span = |ms: Option<i64>| ms.map_or_else(|| "–".to_owned(), spoken);
    let rows = days.iter().rev().map(|d| DayRow {
        date: date(d.day),
        succeeded: d.succeeded,
        failed: d.failed,
        canceled: d.canceled,
    });
    Ok(View(StatisticsPage {
        page: context.page("Flow statistics", "flow-statistics").under("Flows", PATH),
        path: STATISTICS,
        search,
        flows: std::iter::once(Choice::new("", "All")).chain(all).collect(),
        runs: numbers.runs,
        failure_rate: format!("{:.1} %", numbers.failure_rate * 100.0),
        failed: numbers.failed,
        canceled: numbers.canceled,
        p50: span(numbers.p50_ms),
        p90: span(numbers.p90_ms),
        p99: span(numbers.p99_ms),
        width: i64::from(DAYS) * STEP - GAP,
        height: HEIGHT + 1,
        bar: STEP - GAP,
        told: told(&days),
        rows: rows.collect(),
        bars: bars(&days),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tallest_bar_fills_the_plot_and_the_failed_part_stands_in_it() {
        let day = |day, succeeded, failed| Day { day, succeeded, failed, canceled: 0 };
        let bars = bars(&[day(20_000, 0, 0), day(20_001, 75, 25), day(20_002, 1, 0)]);
        let seen: Vec<_> = bars.iter().map(|b| (b.x, b.height, b.failed_height)).collect();
        assert_eq!(seen, [(10, 56, 14), (20, 1, 0)]);
        assert_eq!(
            told(&[day(20_000, 1, 1)]),
            "2 executions from 4 Oct 2024 to 4 Oct 2024, 1 of them failed."
        );
    }
}
