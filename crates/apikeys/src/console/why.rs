//! Settings → Security & Control → Why and who can: a refusal by its number, what would be if, and who may do something.
//! Each question is a form that asks by its address, so that an answer can be shown to somebody else who may know.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_store::decisions::Reason;
use gatehouse_types::{Actor, Error, Kind, Result, Role};
use gatehouse_web::{Choice, FieldErrors, HtmlResult, Page, PageContext, Query, SeeOther, View};
use serde::Deserialize;

use crate::ApiKeys;
use crate::model::scope::MAX_SCOPES;
use crate::service::explain::{Able, Action, Assumed};

/// Where the questions are asked.
pub(super) const PATH: &str = "/settings/security/why";
/// Its entry in the console's menu.
const MENU_ENTRY: &str = "why";
/// Where one refusal is explained.
const DECISIONS: &str = "/settings/decisions";
/// The longest text of a question, in characters.
const MAX_TEXT: usize = 300;

/// A question as it is asked; which of the three it is stands in `ask`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Asked {
    ask: String,
    decision: String,
    who: String,
    action: String,
    object: String,
    role: String,
    scopes: String,
    what: String,
    on_what: String,
}

/// The answer to a what-if.
struct Answer {
    allowed: bool,
    words: String,
    reasons: Vec<Reason>,
}

/// Somebody who may, as a row.
struct Row {
    kind: &'static str,
    name: String,
    /// Where the app is shown; empty for a person.
    href: String,
    rule: String,
}

/// Who may do something.
struct WhoMay {
    words: String,
    total: i64,
    rows: Vec<Row>,
}

#[derive(askama::Template)]
#[template(path = "apikeys/why.html")]
struct WhyPage {
    page: Page,
    path: &'static str,
    asked: Asked,
    errors: FieldErrors,
    roles: Vec<Choice>,
    actions: Vec<String>,
    answer: Option<Answer>,
    able: Option<WhoMay>,
}

/// What came of a question.
enum Outcome {
    Nothing,
    Elsewhere(String),
    WhatIf(Answer),
    WhoCan(WhoMay),
}

/// A text of a question, without the space around it.
fn text<'a>(field: &'static str, value: &'a str) -> Result<&'a str> {
    let value = value.trim();
    match value.chars().count() {
        0 => Err(Error::validation(field, "Fill this in.")),
        n if n > MAX_TEXT => Err(Error::validation(field, "Write at most 300 characters.")),
        _ => Ok(value),
    }
}

/// The same for one that may be left out.
fn optional<'a>(field: &'static str, value: &'a str) -> Result<Option<&'a str>> {
    if value.trim().is_empty() { Ok(None) } else { text(field, value).map(Some) }
}

fn on(object: Option<&str>) -> String {
    object.map(|o| format!(" on {o}")).unwrap_or_default()
}

async fn what_if(keys: &ApiKeys, actor: &Actor, asked: &Asked) -> Result<Answer> {
    let (who, what) = (text("who", &asked.who)?, text("action", &asked.action)?);
    let (object, action) = (optional("object", &asked.object)?, Action::parse(what)?);
    let role = optional("role", &asked.role)?.map(str::parse::<Role>).transpose();
    let role = role.map_err(|e| e.on_field("role"))?;
    let scopes: Vec<_> =
        asked.scopes.split([',', ' ']).filter(|s| !s.is_empty()).map(str::to_owned).collect();
    if scopes.len() > MAX_SCOPES {
        return Err(Error::validation("scopes", "Assume at most 200 scopes."));
    }
    let is_assumed = role.is_some() || !scopes.is_empty();
    let subject = keys.subject_named(actor, who).await?;
    let found = keys.explain(actor, &subject, &action, &Assumed { role, scopes }).await?;
    let words = match (found.allowed, is_assumed) {
        (true, false) => format!("Yes: {who} may do {what}{}.", on(object)),
        (true, true) => format!("Yes: then {who} could do {what}{}.", on(object)),
        (false, false) => format!("No: {who} may not do {what}{}.", on(object)),
        (false, true) => format!("No: even then {who} could not do {what}{}.", on(object)),
    };
    Ok(Answer { allowed: found.allowed, words, reasons: found.reasons })
}

fn row(able: Able) -> Row {
    let is_app = able.kind == "api-app";
    Row {
        kind: if is_app { "API app" } else { "Person" },
        href: if is_app { format!("{}/{}", super::PATH, able.id) } else { String::new() },
        name: able.name,
        rule: able.rule,
    }
}

async fn who_can(keys: &ApiKeys, actor: &Actor, asked: &Asked) -> Result<WhoMay> {
    let what = text("what", &asked.what)?;
    let object = optional("onWhat", &asked.on_what)?;
    let action = Action::parse(what).map_err(|e| e.on_field("what"))?;
    let found = keys.who_can(actor, &action).await?;
    let words = match found.total {
        0 => format!("Nobody may do {what}{}.", on(object)),
        1 => format!("One may do {what}{}.", on(object)),
        n => format!("{n} may do {what}{}.", on(object)),
    };
    Ok(WhoMay { words, total: found.total, rows: found.named.into_iter().map(row).collect() })
}

async fn answered(keys: &ApiKeys, actor: &Actor, asked: &Asked) -> Result<Outcome> {
    Ok(match asked.ask.as_str() {
        "decision" => {
            let id = keys.decision_named(actor, text("decision", &asked.decision)?).await?;
            Outcome::Elsewhere(format!("{DECISIONS}/{id}"))
        }
        "what-if" => Outcome::WhatIf(what_if(keys, actor, asked).await?),
        "who-can" => Outcome::WhoCan(who_can(keys, actor, asked).await?),
        _ => Outcome::Nothing,
    })
}

/// What is wrong with a question, at its field. What is not here is told alike, whether it is nowhere or somebody else's.
fn told(error: &Error, ask: &str) -> FieldErrors {
    if error.kind() == Kind::Validation {
        return FieldErrors::from(error);
    }
    let mut errors = FieldErrors::none();
    match ask {
        "decision" => errors.add(
            "decision",
            "No decision of this workspace has this number. Decisions are kept for 30 days.",
        ),
        _ => errors.add("who", "Nobody here has this address or id, and no app this name."),
    }
    errors
}

/// The page, with the answer to the question in its address.
pub(super) async fn show(
    State(keys): State<ApiKeys>,
    Visitor(actor): Visitor,
    context: PageContext,
    Query(asked): Query<Asked>,
) -> HtmlResult<Response> {
    let actions = keys.actions(&actor).await?;
    let mut roles = vec![Choice::new("", "The role as it is")];
    roles.extend(Role::ALL.map(|r| Choice::new(r.as_str(), format!("As if the role were {r}"))));
    let mut page = WhyPage {
        page: context.page("Why and who can", MENU_ENTRY).under("Settings", "/settings"),
        path: PATH,
        errors: FieldErrors::none(),
        roles,
        actions,
        answer: None,
        able: None,
        asked,
    };
    let mut status = StatusCode::OK;
    match answered(&keys, &actor, &page.asked).await {
        Ok(Outcome::Nothing) => {}
        Ok(Outcome::Elsewhere(path)) => return Ok(SeeOther::to(path).into_response()),
        Ok(Outcome::WhatIf(answer)) => page.answer = Some(answer),
        Ok(Outcome::WhoCan(able)) => page.able = Some(able),
        Err(e) if matches!(e.kind(), Kind::Validation | Kind::NotFound) => {
            let is_wrong = e.kind() == Kind::Validation;
            status = if is_wrong { StatusCode::BAD_REQUEST } else { StatusCode::NOT_FOUND };
            page.errors = told(&e, &page.asked.ask);
        }
        Err(e) => return Err(e.into()),
    }
    Ok((status, View(page)).into_response())
}
