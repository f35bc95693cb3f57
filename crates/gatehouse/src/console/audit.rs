//! The audit log: what happened, filtered by Is and Is not, read page by page from a remembered position.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use gatehouse_identity::{Visitor, require};
use gatehouse_store::audit::{self, Entry};
use gatehouse_store::decisions::{self, Reason};
use gatehouse_types::{AuditEventId, DecisionId, Email, Error, Id, Permission, Result, UserId};
use gatehouse_web::{Choice, FieldErrors, HtmlResult, Page, PageContext, Path, Query, View, When};
use serde::Deserialize;

use crate::App;
use crate::audit_query::AuditQuery;
use crate::audit_words::{category, description, event_name};

/// Where the page is.
pub(super) const PATH: &str = "/settings/audit";
/// Entries of a page.
const PAGE: i64 = 50;
/// Nobody has this id: the filter for a person who is not known finds nothing.
const NOBODY: &str = "-";

pub(super) fn routes() -> Router<App> {
    Router::new().route(PATH, get(show)).route("/settings/audit/{id}", get(details))
}

/// The form of the filters, as it is sent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Filters {
    #[serde(rename = "match")]
    matching: String,
    event: String,
    event_is: String,
    category: String,
    category_is: String,
    person: String,
    person_is: String,
    target: String,
    target_is: String,
    outcome: String,
    outcome_is: String,
    start_date: String,
    end_date: String,
    date_is: String,
    before: String,
}

/// A value for the name, or for its twin that ends in `Not`.
fn sides(value: &str, is: &str) -> (Option<String>, Option<String>) {
    let value = Some(value.to_owned()).filter(|v| !v.trim().is_empty());
    if is == "not" { (None, value) } else { (value, None) }
}

/// The id of a person who is known by an address; an id stays what it is.
async fn id_of(app: &App, text: &str) -> Result<String> {
    let Ok(email) = text.trim().parse::<Email>() else { return Ok(text.trim().to_owned()) };
    let found = app.identity().user_by_email(&mut app.store().reader(), &email).await?;
    Ok(found.map_or_else(|| NOBODY.to_owned(), |u| u.id.to_string()))
}

impl Filters {
    /// The same as the API asks it; people are known by their address here.
    async fn query(&self, app: &App) -> Result<AuditQuery> {
        let id = id_of(app, &self.person).await?;
        let target = id_of(app, &self.target).await?;
        let (event, event_not) = sides(&self.event, &self.event_is);
        let (category, category_not) = sides(&self.category, &self.category_is);
        let (actor_id, actor_id_not) = sides(&id, &self.person_is);
        let (target_id, target_id_not) = sides(&target, &self.target_is);
        let (outcome, outcome_not) = sides(&self.outcome, &self.outcome_is);
        let one = |text: &str| Some(text.to_owned());
        Ok(AuditQuery {
            matching: one(&self.matching),
            start_date: one(&self.start_date),
            end_date: one(&self.end_date),
            date_not: (self.date_is == "not").then(|| "true".to_owned()),
            event,
            event_not,
            category,
            category_not,
            actor_id,
            actor_id_not,
            target_id,
            target_id_not,
            outcome,
            outcome_not,
        })
    }

    /// The address of this view, to be gone on with.
    fn address(&self) -> String {
        let pairs = [
            ("match", &self.matching),
            ("event", &self.event),
            ("eventIs", &self.event_is),
            ("category", &self.category),
            ("categoryIs", &self.category_is),
            ("person", &self.person),
            ("personIs", &self.person_is),
            ("target", &self.target),
            ("targetIs", &self.target_is),
            ("outcome", &self.outcome),
            ("outcomeIs", &self.outcome_is),
            ("startDate", &self.start_date),
            ("endDate", &self.end_date),
            ("dateIs", &self.date_is),
        ];
        format!("{PATH}?{}", encoded(pairs.into_iter().map(|(k, v)| (k, v.as_str()))))
    }
}

fn encoded<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let filled = pairs.filter(|(_, v)| !v.is_empty());
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(filled).finish()
}

/// One row of the table.
struct Row {
    id: String,
    event: String,
    code: String,
    category: String,
    person: String,
    when: When,
    description: String,
    ip: String,
    failed: bool,
}

#[derive(askama::Template)]
#[template(path = "gatehouse/audit.html")]
struct AuditPage {
    page: Page,
    filters: Filters,
    errors: FieldErrors,
    operators: Vec<Choice>,
    outcomes: Vec<Choice>,
    matches: Vec<Choice>,
    rows: Vec<Row>,
    filtered: bool,
    /// Where the list goes on; empty at its end.
    older: String,
    /// Where it begins; empty at its beginning.
    newest: String,
    csv: String,
    jsonl: String,
}

fn choices(pairs: &[(&str, &str)]) -> Vec<Choice> {
    pairs.iter().map(|(value, label)| Choice::new(*value, *label)).collect()
}

async fn show(
    State(app): State<App>,
    Visitor(actor): Visitor,
    context: PageContext,
    Query(filters): Query<Filters>,
) -> HtmlResult<Response> {
    let workspace = require(app.store(), &actor, Permission::ReadAudit, None).await?;
    let query = filters.query(&app).await?;
    let (wanted, errors) = match query.wanted() {
        Ok(wanted) => (Some(wanted), FieldErrors::none()),
        Err(e) => (None, errors_of(&e)),
    };
    let before = filters.before.parse::<i64>().ok();
    let mut found = Vec::new();
    if let Some(wanted) = &wanted {
        let mut reader = app.store().reader();
        found = audit::before(&mut reader, workspace, wanted, before, PAGE + 1).await.map_err(Error::from)?;
    }
    let size = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let more = found.len() > size;
    found.truncate(size);
    let here = filters.address();
    let older = found.last().filter(|_| more).map(|e| format!("{here}&before={}", e.sequence));
    let export = |format: &str| {
        let pairs = encoded(query.pairs().into_iter().chain([("format", format)]));
        format!("/api/v1/audit-events/export?{pairs}")
    };
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let view = AuditPage {
        page: context.page("Audit log", "audit").under("Settings", "/settings"),
        operators: choices(&[("is", "is"), ("not", "is not")]),
        outcomes: choices(&[("", "any"), ("success", "success"), ("failure", "failure")]),
        matches: choices(&[("all", "all of these"), ("any", "any of these")]),
        rows: rows(&app, &found).await?,
        filtered: query.as_filter().is_some(),
        older: older.unwrap_or_default(),
        newest: if before.is_some() { here } else { String::new() },
        csv: export("csv"),
        jsonl: export("jsonl"),
        filters,
        errors,
    };
    Ok((status, View(view)).into_response())
}

/// The fields of the page are called a little differently from those of the API.
fn errors_of(e: &Error) -> FieldErrors {
    let mut errors = FieldErrors::none();
    let field = match e.field().unwrap_or_default() {
        "actorId" | "actorIdNot" => "person",
        other => other.strip_suffix("Not").unwrap_or(other),
    };
    errors.add(field, e.message());
    errors
}

async fn rows(app: &App, entries: &[Entry]) -> Result<Vec<Row>> {
    let mut names = BTreeMap::new();
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        rows.push(Row {
            id: entry.id.to_string(),
            event: event_name(&entry.event),
            code: entry.event.clone(),
            category: category(&entry.event),
            person: person(app, entry, &mut names).await?,
            when: When::from(entry.at),
            description: description(entry),
            ip: entry.ip.clone().unwrap_or_default(),
            failed: entry.outcome == "failure",
        });
    }
    Ok(rows)
}

/// Who did it, by name: a person, the product, or nobody known.
async fn person(app: &App, entry: &Entry, names: &mut BTreeMap<String, String>) -> Result<String> {
    let id = match (entry.actor_kind.as_str(), &entry.actor_id) {
        ("system", _) => return Ok("Gatehouse".to_owned()),
        ("setup-link", _) => return Ok("Somebody with a setup link".to_owned()),
        ("scim", _) => return Ok("The directory (SCIM)".to_owned()),
        (_, None) => return Ok("Nobody signed in".to_owned()),
        (_, Some(id)) => id,
    };
    if let Some(name) = names.get(id) {
        return Ok(name.clone());
    }
    let user = app.identity().user(&mut app.store().reader(), &UserId::from_stored(id.clone())).await?;
    let name = user.map_or_else(|| id.clone(), |u| u.display_name);
    names.insert(id.clone(), name.clone());
    Ok(name)
}

#[derive(askama::Template)]
#[template(path = "gatehouse/audit_entry.html")]
struct EntryPage {
    page: Page,
    entry: Entry,
    row: Row,
    email: String,
    details: String,
    decision: String,
    reasons: Vec<Reason>,
}

async fn details(
    State(app): State<App>,
    Visitor(actor): Visitor,
    context: PageContext,
    Path(id): Path<AuditEventId>,
) -> HtmlResult<View<EntryPage>> {
    let workspace = require(app.store(), &actor, Permission::ReadAudit, None).await?;
    let mut reader = app.store().reader();
    let entry = audit::find(&mut reader, workspace, &id).await.map_err(Error::from)?;
    let entry = entry.ok_or_else(|| Error::not_found("Audit event"))?;
    let row = rows(&app, std::slice::from_ref(&entry)).await?.pop();
    let row = row.ok_or_else(|| Error::not_found("Audit event"))?;
    let mut email = String::new();
    if let Some(actor) = &entry.actor_id {
        let user = app.identity().user(&mut reader, &UserId::from_stored(actor.clone())).await?;
        email = user.map(|u| u.email.to_string()).unwrap_or_default();
    }
    let decision = entry.details["decision"].as_str().unwrap_or_default().to_owned();
    let mut reasons = Vec::new();
    if !decision.is_empty() {
        let id = DecisionId::from_stored(decision.clone());
        let found = decisions::find(app.store(), workspace, &id).await.map_err(Error::from)?;
        reasons = found.map(|d| d.reasons).unwrap_or_default();
    }
    let page =
        context.page(row.event.clone(), "audit").under("Settings", "/settings").under("Audit log", PATH);
    let details = serde_json::to_string_pretty(&entry.details).map_err(Error::internal)?;
    Ok(View(EntryPage { page, entry, row, email, details, decision, reasons }))
}
