//! The list of sign-in attempts, with its filters.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{DecisionId, Error, PageInfo, Timestamp};
use gatehouse_web::{
    Choice, FieldErrors, HtmlResult, Page, PageContext, Paging, Query, SeeOther, Tone, View, When,
};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::{ATTEMPTS_PATH, frame};
use crate::Sso;
use crate::api::attempts::ListIn;
use crate::model::{Attempt, Flow};
use crate::store::attempts::Wanted;

/// One attempt in the list.
pub(super) struct AttemptRow {
    href: String,
    at: When,
    outcome: &'static str,
    tone: Tone,
    who: String,
    reason: String,
    began: &'static str,
}

pub(super) const fn outcome(success: bool, flow: Flow) -> (&'static str, Tone) {
    match (success, flow) {
        (false, _) => ("Refused", Tone::Bad),
        (true, Flow::Logout) => ("Done", Tone::Good),
        (true, _) => ("Signed in", Tone::Good),
    }
}

pub(super) const fn began(flow: Flow) -> &'static str {
    match flow {
        Flow::SpInitiated => "Here",
        Flow::IdpInitiated => "At the provider",
        Flow::Logout => "Logout at the provider",
    }
}

impl From<Attempt> for AttemptRow {
    fn from(a: Attempt) -> Self {
        let (words, tone) = outcome(a.success, a.flow);
        Self {
            href: format!("{ATTEMPTS_PATH}/{}", a.id),
            at: a.at.into(),
            outcome: words,
            tone,
            who: a.email.or(a.subject).unwrap_or_default(),
            reason: a.reason.unwrap_or_default(),
            began: began(a.flow),
        }
    }
}

/// What the filters hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Filters {
    search: String,
    outcome: String,
    reason: String,
    flow: String,
    start_date: String,
    end_date: String,
    live: String,
}

impl Filters {
    fn pairs(&self) -> [(&'static str, &str); 6] {
        [
            ("search", self.search.trim()),
            ("outcome", self.outcome.trim()),
            ("reason", self.reason.trim()),
            ("flow", self.flow.trim()),
            ("startDate", self.start_date.trim()),
            ("endDate", self.end_date.trim()),
        ]
    }

    fn any(&self) -> bool {
        self.pairs().iter().any(|(_, value)| !value.is_empty())
    }

    /// The address of this list, with `?` or `&` at its end.
    fn address(&self, live: bool) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in self.pairs().into_iter().filter(|(_, v)| !v.is_empty()) {
            query.append_pair(name, value);
        }
        if live {
            query.append_pair("live", "1");
        }
        match query.finish() {
            q if q.is_empty() => format!("{ATTEMPTS_PATH}?"),
            q => format!("{ATTEMPTS_PATH}?{q}&"),
        }
    }

    fn wanted(&self) -> gatehouse_types::Result<Wanted> {
        let given = |text: &str| Some(text.to_owned());
        Wanted::try_from(ListIn {
            outcome: given(&self.outcome),
            reason: given(&self.reason),
            search: given(&self.search),
            start_date: given(&self.start_date),
            end_date: given(&self.end_date),
            flow: given(&self.flow),
        })
    }
}

#[derive(askama::Template)]
#[template(path = "sso/attempts.html")]
pub(super) struct AttemptsPage {
    page: Page,
    filters: Filters,
    errors: FieldErrors,
    outcomes: Vec<Choice>,
    flows: Vec<Choice>,
    rows: Vec<AttemptRow>,
    pagination: PageInfo,
    /// The address for the pager.
    base: String,
    /// The address that follows the list, or stops following it.
    other: String,
    live: bool,
    filtered: bool,
    updated: When,
}

fn choices(all: &[(&str, &str)]) -> Vec<Choice> {
    all.iter().map(|(value, label)| Choice::new(*value, *label)).collect()
}

/// The list. The number of a decision leads straight to its attempt.
pub(super) async fn list(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    context: PageContext,
    Paging(paging): Paging<50>,
    Query(filters): Query<Filters>,
) -> HtmlResult<Response> {
    if let Ok(decision) = filters.search.trim().parse::<DecisionId>()
        && let Some(attempt) = sso.attempt_of_decision(&actor, &decision).await?
    {
        return Ok(SeeOther::to(format!("{ATTEMPTS_PATH}/{attempt}")).into_response());
    }
    let (wanted, errors) = match filters.wanted() {
        Ok(wanted) => (wanted, FieldErrors::default()),
        Err(e) => (Wanted::default(), beside(&e)),
    };
    let found = sso.attempts(&actor, None, &wanted, paging).await?;
    let live = !filters.live.is_empty();
    let shown = AttemptsPage {
        page: frame(&context).under("Single Sign On", super::PATH),
        outcomes: choices(&[("", "All"), ("failure", "Refused"), ("success", "Accepted")]),
        flows: choices(&[
            ("", "Anywhere"),
            ("sp-initiated", "Here"),
            ("idp-initiated", "At the provider"),
            ("logout", "Logout"),
        ]),
        base: filters.address(live),
        other: filters.address(!live),
        live,
        filtered: filters.any(),
        updated: now(&sso).into(),
        pagination: found.pagination,
        rows: found.data.into_iter().map(Into::into).collect(),
        errors,
        filters,
    };
    let mut shown = shown;
    "Sign-in attempts".clone_into(&mut shown.page.title);
    Ok(View(shown).into_response())
}

/// What is wrong with a filter, beside its field.
fn beside(error: &Error) -> FieldErrors {
    let mut errors = FieldErrors::default();
    errors.add(error.field().unwrap_or_default(), error.message().to_owned());
    errors
}

fn now(sso: &Sso) -> Timestamp {
    sso.0.store.now()
}
