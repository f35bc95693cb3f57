//! Whether values fit the parameters of an action.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::RequestError;
use crate::limits::{VALUE_DEPTH, VALUE_PROBLEMS};
use crate::model::{Action, Parameter, ParameterPlace, ParameterType};

/// A parameter and what is wrong with its value. The value itself is not repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueProblem {
    /// The key of the parameter.
    pub parameter: String,
    /// What is wrong, to be read behind the key.
    pub what: String,
}

impl fmt::Display for ValueProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.parameter, self.what)
    }
}

/// The parameters that have a value, in the order of the action.
pub(super) struct Given<'a>(Vec<(&'a Parameter, &'a Value)>);

impl<'a> Given<'a> {
    /// Judges all values and puts defaults in.
    pub(super) fn of(action: &'a Action, values: &'a Map<String, Value>) -> Result<Self, RequestError> {
        let mut problems = unknown(action, values);
        let mut given = Vec::new();
        for parameter in &action.parameters {
            let value = values.get(parameter.key.as_str()).filter(|value| !value.is_null());
            let must = parameter.required || parameter.place == ParameterPlace::Path;
            let problem = match value.or(parameter.default.as_ref()) {
                None if must => Some("must be given".to_owned()),
                None => None,
                Some(value) => {
                    given.push((parameter, value));
                    fits(parameter, value).err().map(|expected| format!("must be {expected}"))
                }
            };
            problems.extend(problem.map(|what| ValueProblem { parameter: parameter.key.to_string(), what }));
        }
        problems.truncate(VALUE_PROBLEMS);
        if problems.is_empty() { Ok(Self(given)) } else { Err(RequestError::Values(problems)) }
    }

    /// Those of a place.
    pub(super) fn at(&self, place: ParameterPlace) -> impl Iterator<Item = (&'a Parameter, &'a Value)> {
        self.0.iter().copied().filter(move |(parameter, _)| parameter.place == place)
    }

    /// A parameter that has a value.
    pub(super) fn named(&self, key: &str) -> Option<(&'a Parameter, &'a Value)> {
        self.0.iter().copied().find(|(parameter, _)| parameter.key.as_str() == key)
    }

    /// The value of a parameter.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.named(key).map(|(_, value)| value)
    }
}

/// Values that belong to no parameter.
fn unknown(action: &Action, values: &Map<String, Value>) -> Vec<ValueProblem> {
    let unknown = values
        .keys()
        .filter(|name| !action.parameters.iter().any(|parameter| parameter.key.as_str() == name.as_str()));
    let told = unknown.take(VALUE_PROBLEMS).map(|name| ValueProblem {
        parameter: name.chars().filter(|c| !c.is_control()).take(64).collect(),
        what: format!("is no parameter of the action {}", action.id),
    });
    told.collect()
}

/// Whether a value fits. The error says what is expected, to be read behind "must be".
pub(crate) fn fits(parameter: &Parameter, value: &Value) -> Result<(), Cow<'static, str>> {
    if !depth_within(value, VALUE_DEPTH) {
        return Err(format!("nested at most {VALUE_DEPTH} deep").into());
    }
    of_type(parameter.kind, value).map_err(Cow::Borrowed)?;
    if parameter.choices.is_empty() {
        return Ok(());
    }
    let fine = match (parameter.kind, value) {
        (ParameterType::Array, Value::Array(items)) => {
            items.iter().all(|item| parameter.choices.contains(item))
        }
        _ => parameter.choices.contains(value),
    };
    if fine {
        return Ok(());
    }
    let choices: Vec<String> = parameter.choices.iter().take(20).map(plain).collect();
    let more = if parameter.choices.len() > choices.len() { ", …" } else { "" };
    let which = if parameter.kind == ParameterType::Array { "a list of these" } else { "one of" };
    Err(format!("{which}: {}{more}", choices.join(", ")).into())
}

fn of_type(kind: ParameterType, value: &Value) -> Result<(), &'static str> {
    let (fine, expected) = match kind {
        ParameterType::String => (value.is_string(), "a text"),
        ParameterType::Integer => (is_whole(value), "a whole number"),
        ParameterType::Number => (value.is_number(), "a number"),
        ParameterType::Boolean => (value.is_boolean(), "true or false"),
        ParameterType::Date => (value.as_str().is_some_and(is_date), "a date like 2026-01-31"),
        ParameterType::DateTime => {
            (value.as_str().is_some_and(is_date_time), "a date and time like 2026-01-31T09:30:00Z")
        }
        ParameterType::Array => (value.is_array(), "a list"),
        ParameterType::Object => (value.is_object(), "an object"),
        ParameterType::Any => (true, ""),
        ParameterType::File => (file(value).is_some(), "a file's bytes in base64"),
    };
    if fine { Ok(()) } else { Err(expected) }
}

/// The bytes of a file: standard base64 with padding (RFC 4648 §4).
pub(super) fn file(value: &Value) -> Option<Vec<u8>> {
    STANDARD.decode(value.as_str()?).ok()
}

/// A text, number or truth value as it is written without quotes; anything else as JSON.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn is_whole(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

fn depth_within(value: &Value, left: usize) -> bool {
    match value {
        Value::Array(items) => left > 0 && items.iter().all(|item| depth_within(item, left - 1)),
        Value::Object(members) => left > 0 && members.values().all(|item| depth_within(item, left - 1)),
        _ => true,
    }
}

/// `full-date` of RFC 3339 §5.6.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return false };
    let Some(year) = digits(year, 4) else { return false };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match digits(month, 2) {
        Some(4 | 6 | 9 | 11) => 30,
        Some(2) => 28 + u32::from(leap),
        Some(1..=12) => 31,
        _ => return false,
    };
    digits(day, 2).is_some_and(|day| (1..=days).contains(&day))
}

/// `date-time` of RFC 3339 §5.6.
fn is_date_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once(['T', 't', ' ']) else { return false };
    let Some(at) = time.find(['Z', 'z', '+', '-']) else { return false };
    let (clock, zone) = time.split_at(at);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let in_zone = matches!(zone, "Z" | "z") || zone.get(1..).is_some_and(|zone| is_clock(zone, 2));
    is_date(date)
        && is_clock(clock, 3)
        && !fraction.is_empty()
        && fraction.bytes().all(|b| b.is_ascii_digit())
        && in_zone
}

/// Hours and minutes, perhaps seconds (60 is a leap second), with colons between them.
fn is_clock(text: &str, parts: usize) -> bool {
    let within = |(part, most): (&str, u32)| digits(part, 2).is_some_and(|number| number <= most);
    text.split(':').count() == parts && text.split(':').zip([23, 59, 60]).all(within)
}

fn digits(text: &str, length: usize) -> Option<u32> {
    (text.len() == length && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_those_of_rfc_3339() {
        for good in ["2026-01-31T09:30:00Z", "2024-02-29t23:59:60.25+05:30", "2026-01-31 00:00:00-00:00"] {
            assert!(is_date_time(good), "{good}");
        }
        for bad in
            ["2026-01-31", "2026-01-31T09:30Z", "2026-01-31T24:00:00Z", "2026-01-31T09:30:00", "T", "Z"]
        {
            assert!(!is_date_time(bad), "{bad}");
        }
        assert!(
            is_date("2000-02-29") && !is_date("1900-02-29") && !is_date("2026-13-01") && !is_date("+026-1-1")
        );
    }
}
