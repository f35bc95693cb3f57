//! What starts a flow by itself.

use std::str::FromStr;

use gatehouse_types::{Error, ExecutionId, FlowId, FlowTriggerId, Result, Timestamp, UserId, WorkspaceId};
use serde::{Deserialize, Serialize};

/// Why a trigger of somebody who has lost access stands still.
pub(crate) const IDENTITY_ENDED: &str =
    "The person in whose name it runs has no access any more. Hand it over, then switch it on.";

/// Why a trigger stands still that was handed over and not switched on since.
pub(crate) const HANDED_OVER: &str =
    "It was handed over and runs in the new name once somebody has looked at it and switches it on.";

/// Why a trigger stands still that runs in somebody's name after somebody else has changed the flow.
pub(crate) const FLOW_CHANGED: &str =
    "Somebody else has deployed a change of the flow. Look at what it does now, then switch it on.";

/// Seconds of a day.
const DAY: i64 = 86_400;
/// The least and the most minutes between two starts.
const MINUTES: std::ops::RangeInclusive<u32> = 1..=44_640;

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = FlowTriggerKind)]
pub(crate) enum Kind {
    /// A program outside calls an address with a token.
    Webhook,
    /// The clock.
    Schedule,
}

impl Kind {
    /// The word, as stored.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Schedule => "schedule",
        }
    }
}

impl FromStr for Kind {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "webhook" => Ok(Self::Webhook),
            "schedule" => Ok(Self::Schedule),
            _ => Err(Error::validation("kind", "kind must be webhook or schedule.")),
        }
    }
}

/// When a schedule starts its flow: every so many minutes, or each day at a time in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = FlowSchedule)]
pub(crate) struct Schedule {
    /// Minutes between two starts, 1 to 44640 (31 days).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) every_minutes: Option<u32>,
    /// The time of day in UTC, like `06:30`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) time_of_day: Option<String>,
    /// The days of the week for `timeOfDay`, 1 (Monday) to 7; every day when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) weekdays: Vec<u8>,
}

impl Schedule {
    /// Whether it says when.
    ///
    /// # Errors
    /// `Validation` names what is wrong.
    pub(crate) fn check(&self) -> Result<()> {
        let wrong =
            |field: &'static str, why: &'static str| Err(Error::validation(format!("schedule.{field}"), why));
        match (self.every_minutes, &self.time_of_day) {
            (Some(minutes), None) if MINUTES.contains(&minutes) && self.weekdays.is_empty() => Ok(()),
            (Some(_), None) if !self.weekdays.is_empty() => {
                wrong("weekdays", "weekdays belong to timeOfDay.")
            }
            (Some(_), None) => wrong("everyMinutes", "everyMinutes must be between 1 and 44640."),
            (None, Some(text)) if minutes_of(text).is_none() => {
                wrong("timeOfDay", "timeOfDay must be a time like 06:30.")
            }
            (None, Some(_))
                if self.weekdays.len() > 7 || self.weekdays.iter().any(|d| !(1..=7).contains(d)) =>
            {
                wrong("weekdays", "weekdays are numbers from 1 (Monday) to 7 (Sunday).")
            }
            (None, Some(_)) => Ok(()),
            _ => wrong("everyMinutes", "A schedule has either everyMinutes or timeOfDay."),
        }
    }

    /// The next time after a moment. What was missed while nothing ran is not made up for.
    pub(crate) fn after(&self, now: Timestamp) -> Timestamp {
        if let Some(minutes) = self.every_minutes {
            return now.plus_seconds(i64::from(minutes) * 60);
        }
        let minutes = self.time_of_day.as_deref().and_then(minutes_of).unwrap_or_default();
        let today = now.micros().div_euclid(DAY * 1_000_000);
        for day in today..today + 8 {
            let at = Timestamp::from_micros((day * DAY + minutes * 60) * 1_000_000);
            // 1970 began with a Thursday
            let weekday = u8::try_from((day + 3).rem_euclid(7) + 1).unwrap_or(1);
            if at > now && (self.weekdays.is_empty() || self.weekdays.contains(&weekday)) {
                return at;
            }
        }
        now.plus_seconds(DAY)
    }
}

/// The minutes of a time of day.
fn minutes_of(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    let (hours, minutes): (i64, i64) =
        (hours.parse().ok().filter(|_| two(hours))?, minutes.parse().ok().filter(|_| two(minutes))?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

/// A trigger.
#[derive(Clone, Debug)]
pub(crate) struct Trigger {
    pub(crate) id: FlowTriggerId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) flow_id: FlowId,
    pub(crate) version: i64,
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) enabled: bool,
    /// Why it was switched off by itself.
    pub(crate) stopped: Option<String>,
    /// The person in whose name it runs; `None`: the company itself.
    pub(crate) person: Option<UserId>,
    /// Who answers for it when it runs in the company's name.
    pub(crate) responsible: Option<UserId>,
    pub(crate) schedule: Option<Schedule>,
    pub(crate) next_at: Option<Timestamp>,
    pub(crate) created_by: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) last_used_at: Option<Timestamp>,
    pub(crate) last_execution: Option<ExecutionId>,
    /// Why the last start did not come about.
    pub(crate) last_error: Option<String>,
    /// How it stands with the last execution, where somebody asked.
    pub(crate) last_outcome: Option<Outcome>,
}

/// How it stands with an execution.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// The word of the interface.
    pub(crate) status: String,
    /// Why it ended so.
    pub(crate) message: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn daily(time: &str, weekdays: &[u8]) -> Schedule {
        Schedule { every_minutes: None, time_of_day: Some(time.to_owned()), weekdays: weekdays.to_vec() }
    }

    #[test]
    fn a_schedule_knows_its_next_time() {
        // a Monday
        let now = at("2026-11-30T12:00:00Z");
        let every = Schedule { every_minutes: Some(15), time_of_day: None, weekdays: Vec::new() };
        assert_eq!(every.after(now), at("2026-11-30T12:15:00Z"));
        assert_eq!(daily("12:30", &[]).after(now), at("2026-11-30T12:30:00Z"));
        assert_eq!(daily("12:00", &[]).after(now), at("2026-12-01T12:00:00Z"));
        assert_eq!(daily("06:00", &[1]).after(now), at("2026-12-07T06:00:00Z"));
        assert_eq!(daily("06:00", &[7]).after(now), at("2026-12-06T06:00:00Z"));
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for (wrong, field) in [
            (daily("25:00", &[]), "schedule.timeOfDay"),
            (daily("6:00", &[]), "schedule.timeOfDay"),
            (daily("06:00", &[8]), "schedule.weekdays"),
            (
                Schedule { every_minutes: Some(0), time_of_day: None, weekdays: Vec::new() },
                "schedule.everyMinutes",
            ),
            (
                Schedule { every_minutes: None, time_of_day: None, weekdays: Vec::new() },
                "schedule.everyMinutes",
            ),
            (Schedule { every_minutes: Some(5), time_of_day: None, weekdays: vec![1] }, "schedule.weekdays"),
        ] {
            assert_eq!(wrong.check().unwrap_err().field(), Some(field), "{wrong:?}");
        }
        assert!(daily("06:00", &[1, 7]).check().is_ok());
    }
}
