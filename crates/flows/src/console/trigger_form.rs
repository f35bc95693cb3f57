//! The form of a new trigger, and what was filled into it.

use gatehouse_types::{Actor, Error, Result};
use gatehouse_web::Choice;
use serde::Deserialize;
use serde_json::Value;

use crate::Flows;
use crate::model::trigger::{Kind, Schedule};
use crate::service::triggers::{Name, NewTrigger};

/// The kinds with what they are called.
pub(super) const KINDS: [(Kind, &str); 2] = [(Kind::Webhook, "Webhook"), (Kind::Schedule, "Schedule")];
/// The days of the week, Monday first.
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// What was filled in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct TriggerForm {
    pub(super) kind: String,
    pub(super) name: String,
    /// `service`, `me` or `person`.
    pub(super) run_as: String,
    /// The address of another person.
    pub(super) person: String,
    /// `every` or `daily`.
    pub(super) times: String,
    pub(super) every_minutes: String,
    pub(super) time_of_day: String,
    /// The first and the last day, like `1-5`; empty: every day.
    pub(super) days: String,
    pub(super) input: String,
}

impl TriggerForm {
    /// An empty one.
    pub(super) fn of(kind: Kind) -> Self {
        Self {
            kind: kind.as_str().to_owned(),
            times: "every".to_owned(),
            every_minutes: "60".to_owned(),
            ..Self::default()
        }
    }

    /// The trigger that it stands for.
    ///
    /// # Errors
    /// `Validation` names the field.
    pub(super) async fn read(&self, flows: &Flows, actor: &Actor) -> Result<NewTrigger> {
        let kind = self.kind.parse()?;
        let schedule = match kind {
            Kind::Schedule => Some(self.schedule()?),
            Kind::Webhook => None,
        };
        let run_as = match self.run_as.as_str() {
            "service" => Name::Service,
            "me" => Name::Person(actor.user()?.clone()),
            "person" => {
                let nobody = || Error::validation("person", "There is no member with this address.");
                let found = flows.person(actor.workspace()?, self.person.trim()).await?;
                Name::Person(found.ok_or_else(nobody)?.0)
            }
            _ => return Err(Error::validation("runAs", "Say in whose name the flow runs.")),
        };
        let text = self.input.trim();
        let input = match serde_json::from_str(text) {
            _ if text.is_empty() => Value::Null,
            Ok(value) => value,
            Err(_) => return Err(Error::validation("input", "The input must be a JSON object.")),
        };
        Ok(NewTrigger { kind, name: self.name.clone(), run_as, schedule, input })
    }

    fn schedule(&self) -> Result<Schedule> {
        let schedule = match self.times.as_str() {
            "daily" => Schedule {
                every_minutes: None,
                time_of_day: Some(self.time_of_day.trim().to_owned()),
                weekdays: weekdays(&self.days),
            },
            _ => Schedule {
                // what is no number is none that is allowed
                every_minutes: Some(self.every_minutes.trim().parse().unwrap_or(0)),
                time_of_day: None,
                weekdays: Vec::new(),
            },
        };
        // the form calls its fields without what they are in
        schedule.check().map_err(|e| {
            let field = e.field().unwrap_or_default().trim_start_matches("schedule.").to_owned();
            let message = match field.as_str() {
                "everyMinutes" => "The minutes must be a number between 1 and 44640.".to_owned(),
                "timeOfDay" => "The time must be one like 06:30.".to_owned(),
                _ => e.message().to_owned(),
            };
            Error::validation(field, message)
        })?;
        Ok(schedule)
    }
}

fn weekdays(days: &str) -> Vec<u8> {
    let (first, last) = days.split_once('-').unwrap_or((days, days));
    match (first.parse(), last.parse()) {
        (Ok(first), Ok(last)) => (first..=last).filter(|day| (1..=7).contains(day)).collect(),
        _ => Vec::new(),
    }
}

/// The days to choose from.
pub(super) fn days() -> Vec<Choice> {
    let several = [("", "Every day"), ("1-5", "Monday to Friday"), ("6-7", "Saturday and Sunday")];
    let several = several.into_iter().map(|(value, label)| Choice::new(value, label));
    let single = (1..).zip(WEEKDAYS).map(|(day, name): (u8, _)| Choice::new(day.to_string(), name));
    several.chain(single).collect()
}

/// When a schedule starts its flow, in words.
pub(super) fn when(schedule: &Schedule) -> String {
    if let Some(minutes) = schedule.every_minutes {
        return match minutes {
            1 => "Every minute".to_owned(),
            60 => "Every hour".to_owned(),
            1_440 => "Every 24 hours".to_owned(),
            minutes => format!("Every {minutes} minutes"),
        };
    }
    let time = schedule.time_of_day.as_deref().unwrap_or_default();
    let of = |day: &u8| WEEKDAYS.get(usize::from(*day).wrapping_sub(1)).copied().unwrap_or_default();
    match schedule.weekdays.as_slice() {
        [] => format!("Each day at {time} UTC"),
        [1, 2, 3, 4, 5] => format!("Monday to Friday at {time} UTC"),
        days => format!("{} at {time} UTC", days.iter().map(of).collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_spoken_and_read_back() {
        let form = TriggerForm {
            times: "daily".to_owned(),
            time_of_day: "06:30".to_owned(),
            days: "1-5".to_owned(),
            ..TriggerForm::of(Kind::Schedule)
        };
        assert_eq!(when(&form.schedule().unwrap()), "Monday to Friday at 06:30 UTC");
        let day = TriggerForm { days: "7".to_owned(), ..form.clone() };
        assert_eq!(when(&day.schedule().unwrap()), "Sunday at 06:30 UTC");
        let every = TriggerForm { days: String::new(), ..form.clone() };
        assert_eq!(when(&every.schedule().unwrap()), "Each day at 06:30 UTC");
        assert_eq!(when(&TriggerForm::of(Kind::Schedule).schedule().unwrap()), "Every hour");
        let odd = TriggerForm { time_of_day: "25:00".to_owned(), ..form };
        assert_eq!(odd.schedule().unwrap_err().field(), Some("timeOfDay"));
        let odd = TriggerForm { every_minutes: "soon".to_owned(), ..TriggerForm::of(Kind::Schedule) };
        assert_eq!(odd.schedule().unwrap_err().field(), Some("everyMinutes"));
    }
}
