//! One execution: what it did, as whom, and what it waits for.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use gatehouse_flow::Flow;
use gatehouse_identity::{Visitor, require};
use gatehouse_types::{Actor, ExecutionId, Permission, Result, Timestamp, UserId};
use gatehouse_web::{FieldErrors, HtmlResult, Page, PageContext, Path, Query, Tone, View, When};
use serde_json::Value;

use super::fields::{self, Entered, Input};
use super::parts::{authorize_at, how, kind_words, state_of, status_tone, took};
use super::{EXECUTIONS, PATH, path_of};
use crate::Flows;
use crate::model::execution::{Execution, Fallback, StepRow, Wait, Who};
use crate::service::executions::{Watched, no_execution, own_person};
use crate::service::names::{Names, person_of};

struct Step {
    name: String,
    kind: &'static str,
    status: String,
    /// `done`, `current`, `waiting` or `failed`.
    state: &'static str,
    started: When,
    took: String,
    attempts: String,
    acting: String,
    identity: String,
    output: String,
    /// Whether its output is too large to be shown here.
    left_out: bool,
    error: String,
    retry: String,
}

/// A connector at which somebody must authenticate.
struct Authentication {
    connector: String,
    words: String,
    /// Where the button of the person leads; empty for everybody else.
    action: String,
}

/// A form that waits to be filled in.
struct Question {
    title: String,
    step: String,
    action: String,
}

#[derive(askama::Template)]
#[template(path = "flows/execution.html")]
struct ExecutionPage {
    page: Page,
    path: String,
    /// Where the page asks how it goes.
    poll: String,
    live: bool,
    execution_id: String,
    flow: String,
    flow_path: String,
    version: String,
    status: String,
    tone: Tone,
    message: String,
    percentage: i64,
    person: String,
    how: &'static str,
    started: When,
    ended: Option<When>,
    took: String,
    warnings: Vec<String>,
    /// Decisions that it goes on as a connector's user.
    decided: Vec<String>,
    authentications: Vec<Authentication>,
    question: Option<Question>,
    inputs: Vec<Input>,
    errors: FieldErrors,
    steps: Vec<Step>,
    output: String,
    cancel: String,
    resume: String,
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// As whom the outside sees a step.
fn identity_of(names: &Names, who: &Who) -> String {
    match (who.identity.as_str(), &who.user) {
        ("user", Some(user)) => names.of(user),
        ("user", None) => "the person".to_owned(),
        ("connector", _) => "the connector's user".to_owned(),
        ("workspace", _) => "the workspace".to_owned(),
        _ => String::new(),
    }
}

/// Everybody who is named on the page of an execution.
fn people_of(e: &Execution, rows: &[StepRow]) -> Vec<UserId> {
    let who = rows.iter().filter_map(|row| row.who.as_ref());
    let acting = who.flat_map(|who| who.acting.iter().chain(&who.user).cloned());
    let decided = e.fallback.iter().filter_map(|one| person_of(Some(&one.by)));
    acting.chain(decided).chain(e.person.clone()).collect()
}

fn step(names: &Names, e: &Execution, (flow, now): (&Flow, Timestamp), row: StepRow) -> Step {
    let until = row.ended_at.unwrap_or(now);
    let who = row.who.as_ref();
    let acting = who.and_then(|who| who.acting.as_ref()).map(|user| names.of(user)).unwrap_or_default();
    let identity = who.map(|who| identity_of(names, who)).unwrap_or_default();
    let named = flow.node(&row.node).and_then(|node| node.name.clone()).unwrap_or_else(|| row.node.clone());
    // in a loop the place tells which round
    let name = if row.step == row.node { named } else { format!("{named} ({})", row.step) };
    let retry = e.status == "Error" && e.can_retry && row.status == "Error";
    Step {
        name,
        kind: kind_words(&row.kind),
        state: state_of(&row.status),
        started: row.started_at.into(),
        took: took(row.started_at, until),
        attempts: if row.attempt > 1 { format!("try {}", row.attempt) } else { String::new() },
        acting,
        identity,
        left_out: row.left_out,
        output: row.output.as_ref().map(pretty).unwrap_or_default(),
        error: row.error.unwrap_or_default(),
        retry: if retry { format!("{EXECUTIONS}/{}/retry", e.id) } else { String::new() },
        status: row.status,
    }
}

fn authentication(names: &Names, actor: &Actor, e: &Execution, wait: &Wait) -> Authentication {
    let connector = wait.connector_name.clone().or_else(|| wait.connector_id.clone()).unwrap_or_default();
    let own = e.person.is_some() && e.person == own_person(actor);
    let words = match (&e.person, own) {
        (_, true) => format!("Authenticate at {connector}: the flow goes on by itself, from the same step."),
        (Some(user), false) => format!("It waits until {} authenticates at {connector}.", names.of(user)),
        (None, false) => {
            format!("It runs for nobody who could authenticate at {connector}: an administrator decides.")
        }
    };
    let id = wait.connector_id.as_deref().unwrap_or_default();
    let action = if own { authorize_at(id) } else { String::new() };
    Authentication { connector, words, action }
}

/// The form that this person may fill in.
pub(super) fn asked<'e>(actor: &Actor, e: &'e Execution, step: Option<&str>) -> Option<&'e Wait> {
    let mine = e.person.is_none() || e.person == own_person(actor);
    let fits = |w: &&Wait| w.status == "User input" && step.is_none_or(|step| step == w.step);
    e.waiting.iter().find(fits).filter(|_| mine)
}

pub(super) async fn view(
    flows: &Flows,
    actor: &Actor,
    context: &PageContext,
    (watched, given): (Watched, &str),
    again: Option<(Entered, FieldErrors)>,
) -> Result<Response> {
    let Watched { execution: e, steps: rows, output } = watched;
    let path = format!("{EXECUTIONS}/{}", e.id);
    let engine = flows.flow_of(&e.version_id).await?;
    // the page is asked for every other second: everybody's name is looked for at once
    let names = flows.names(&e.workspace_id, people_of(&e, &rows)).await?;
    let of = (&*engine, flows.0.store.now());
    let steps = rows.into_iter().map(|row| step(&names, &e, of, row)).collect();
    let needed = e.waiting.iter().filter(|w| w.status == "Authentication needed");
    let authentications = needed.map(|wait| authentication(&names, actor, &e, wait)).collect();
    // what was filled in a moment ago may not be taken in yet
    let wait = asked(actor, &e, None).filter(|w| given.is_empty() || w.step != given);
    let fields = wait.and_then(|w| w.fields.as_ref()).map(fields::read).unwrap_or_default();
    let question = wait.map(|w| Question {
        title: w.title.clone().unwrap_or_default(),
        step: w.step.clone(),
        action: format!("{path}/input"),
    });
    let (entered, errors) =
        again.map_or((None, FieldErrors::none()), |(entered, errors)| (Some(entered), errors));
    let go_on = |one: &Fallback| {
        format!("{} let it go on as the connector's user: {}", names.by(Some(&one.by)), one.reason)
    };
    let decided = e.fallback.iter().map(go_on).collect();
    let person = e.person.as_ref().map_or_else(|| "the company".to_owned(), |user| names.of(user));
    let over = e.ended();
    let poll = if given.is_empty() { path.clone() } else { given_at(&path, given) };
    let page = context.page(format!("{} · execution", e.flow_name), "flow-executions");
    let view = ExecutionPage {
        page: page.under("Flows", PATH).under("Flow executions", EXECUTIONS),
        // a form that is being filled in is not taken away under the hand
        live: !over && question.is_none() && errors.is_empty(),
        poll,
        execution_id: e.id.to_string(),
        flow_path: path_of(&e.flow_id),
        version: e.number.map_or_else(|| "the draft".to_owned(), |n| format!("version {n}")),
        tone: status_tone(&e.status),
        message: e.paused.clone().or_else(|| e.message.clone()).unwrap_or_default(),
        percentage: e.percentage,
        person,
        how: how(&e.via),
        started: e.created_at.into(),
        ended: e.ended_at.map(When::from),
        took: e.ended_at.map(|at| took(e.created_at, at)).unwrap_or_default(),
        warnings: e.warnings.iter().map(|w| w.message.clone()).collect(),
        decided,
        authentications,
        inputs: fields::inputs(&fields, entered.as_ref(), &errors),
        question,
        errors,
        steps,
        output: output.as_ref().map(pretty).unwrap_or_default(),
        cancel: if over { String::new() } else { format!("{path}/cancel") },
        resume: if e.paused.is_some() { format!("{path}/resume") } else { String::new() },
        status: e.status,
        flow: e.flow_name,
        path,
    };
    Ok(View(view).into_response())
}

/// The page after a form was filled in: that form is not shown again while it is taken in.
pub(super) fn given_at(path: &str, step: &str) -> String {
    format!("{path}?{}", gatehouse_identity::query(&[("given", step)]))
}

/// What the address says.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Shown {
    given: String,
}

pub(super) async fn allowed(flows: &Flows, actor: &Actor, id: &str) -> Result<ExecutionId> {
    require(&flows.0.store, actor, Permission::UseFlows, None).await?;
    id.parse().map_err(|_| no_execution())
}

/// The page.
pub(super) async fn show(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    Query(shown): Query<Shown>,
    context: PageContext,
) -> HtmlResult<Response> {
    let id = allowed(&flows, &actor, &id).await?;
    let watched = flows.watch(&actor, &id).await?;
    Ok(view(&flows, &actor, &context, (watched, &shown.given), None).await?)
}
