//! What to look for in the audit log: the query of the API and of the console's page.

use gatehouse_store::audit::{Condition, Field, Outcome, Wanted};
use gatehouse_types::{Error, Result, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

/// The longest value of a filter, bytes.
const MAX_VALUE: usize = 200;

/// Which entries. A name ending in `Not` is for entries that are not so.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// `all` (default): every filter must hold; `any`: one is enough.
    #[serde(rename = "match")]
    pub(crate) matching: Option<String>,
    /// At or after, RFC 3339, or a date.
    pub(crate) start_date: Option<String>,
    /// Before, RFC 3339, or a date.
    pub(crate) end_date: Option<String>,
    /// `true`: outside of the time from `startDate` to `endDate`.
    pub(crate) date_not: Option<String>,
    /// This event, exactly.
    pub(crate) event: Option<String>,
    /// Not this event.
    pub(crate) event_not: Option<String>,
    /// Events of this area: what stands before the first dot, like `sso`.
    pub(crate) category: Option<String>,
    /// Not of this area.
    pub(crate) category_not: Option<String>,
    /// By this person.
    pub(crate) actor_id: Option<String>,
    /// Not by this person.
    pub(crate) actor_id_not: Option<String>,
    /// About this thing or person, by its id. With `actorId`, the same id and `match=any`: all that somebody did or that
    /// was done to them.
    pub(crate) target_id: Option<String>,
    /// Not about it.
    pub(crate) target_id_not: Option<String>,
    /// `success` or `failure`.
    pub(crate) outcome: Option<String>,
    /// Not `success`, or not `failure`.
    pub(crate) outcome_not: Option<String>,
}

fn filled(text: Option<&String>) -> Option<&str> {
    text.map(|t| t.trim()).filter(|t| !t.is_empty())
}

fn bounded(field: &'static str, text: Option<&String>) -> Result<Option<String>> {
    match filled(text) {
        Some(t) if t.len() > MAX_VALUE => {
            Err(Error::validation(field, format!("{field} must be at most {MAX_VALUE} characters.")))
        }
        other => Ok(other.map(str::to_owned)),
    }
}

fn time(field: &'static str, text: Option<&String>) -> Result<Option<Timestamp>> {
    let parse = |t: &str| {
        Timestamp::parse(t).or_else(|| Timestamp::parse(&format!("{t}T00:00:00Z"))).ok_or_else(|| {
            Error::validation(field, format!("{field} must be an ISO 8601 time like 2026-01-15T10:00:00Z."))
        })
    };
    filled(text).map(parse).transpose()
}

fn outcome(field: &'static str, text: Option<&String>) -> Result<Option<Outcome>> {
    match filled(text).map(str::to_ascii_lowercase).as_deref() {
        None => Ok(None),
        Some("success") => Ok(Some(Outcome::Success)),
        Some("failure") => Ok(Some(Outcome::Failure)),
        Some(_) => Err(Error::validation(field, format!("{field} must be success or failure."))),
    }
}

impl AuditQuery {
    /// The names of all filters.
    pub(crate) const NAMES: [&'static str; 14] = [
        "match",
        "startDate",
        "endDate",
        "dateNot",
        "event",
        "eventNot",
        "category",
        "categoryNot",
        "actorId",
        "actorIdNot",
        "targetId",
        "targetIdNot",
        "outcome",
        "outcomeNot",
    ];

    /// The same as the store understands it.
    ///
    /// # Errors
    /// `Validation`, naming what cannot be understood.
    pub(crate) fn wanted(&self) -> Result<Wanted> {
        let any = match filled(self.matching.as_ref()) {
            None | Some("all") => false,
            Some("any") => true,
            Some(_) => return Err(Error::validation("match", "match must be all or any.")),
        };
        let outside = match filled(self.date_not.as_ref()) {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(Error::validation("dateNot", "dateNot must be true or false.")),
        };
        let is = |field: Option<Field>| field.map(Condition::is);
        let is_not = |field: Option<Field>| field.map(Condition::is_not);
        let (start, end) =
            (time("startDate", self.start_date.as_ref())?, time("endDate", self.end_date.as_ref())?);
        let times = (start.is_some() || end.is_some())
            .then_some(Condition { field: Field::Time(start, end), negated: outside });
        let wanted = Wanted { any, ..Wanted::default() }
            .and(times)
            .and(is(bounded("event", self.event.as_ref())?.map(Field::Event)))
            .and(is_not(bounded("eventNot", self.event_not.as_ref())?.map(Field::Event)))
            .and(is(bounded("category", self.category.as_ref())?.map(Field::Category)))
            .and(is_not(bounded("categoryNot", self.category_not.as_ref())?.map(Field::Category)))
            .and(is(bounded("actorId", self.actor_id.as_ref())?.map(Field::Person)))
            .and(is_not(bounded("actorIdNot", self.actor_id_not.as_ref())?.map(Field::Person)))
            .and(is(bounded("targetId", self.target_id.as_ref())?.map(Field::Target)))
            .and(is_not(bounded("targetIdNot", self.target_id_not.as_ref())?.map(Field::Target)))
            .and(is(outcome("outcome", self.outcome.as_ref())?.map(Field::Outcome)))
            .and(is_not(outcome("outcomeNot", self.outcome_not.as_ref())?.map(Field::Outcome)));
        Ok(wanted)
    }

    /// What was asked for, name by name.
    pub(crate) fn pairs(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("match", &self.matching),
            ("startDate", &self.start_date),
            ("endDate", &self.end_date),
            ("dateNot", &self.date_not),
            ("event", &self.event),
            ("eventNot", &self.event_not),
            ("category", &self.category),
            ("categoryNot", &self.category_not),
            ("actorId", &self.actor_id),
            ("actorIdNot", &self.actor_id_not),
            ("targetId", &self.target_id),
            ("targetIdNot", &self.target_id_not),
            ("outcome", &self.outcome),
            ("outcomeNot", &self.outcome_not),
        ];
        all.into_iter().filter_map(|(name, value)| filled(value.as_ref()).map(|v| (name, v))).collect()
    }

    /// The filter as the header of an export tells it; `None` when everything is wanted.
    pub(crate) fn as_filter(&self) -> Option<Json> {
        let pairs = self.pairs();
        let narrows = pairs.iter().any(|(name, _)| !matches!(*name, "match" | "dateNot"));
        narrows
            .then(|| pairs.into_iter().map(|(k, v)| (k.to_owned(), v.into())).collect::<Map<_, _>>().into())
    }
}
