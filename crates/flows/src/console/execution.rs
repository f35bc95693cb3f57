//! One execution: what it did, as whom, and what it waits for.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use gatehouse_flow::Flow;
use gatehouse_identity::{Visitor, require};
use gatehouse_types::{Actor, ExecutionId, Permission, Result, WorkspaceId};
use gatehouse_web::{FieldErrors, HtmlResult, Page, PageContext, Path, Query, Tone, View, When};
use serde_json::Value;

use super::fields::{self, Entered, Input};
use super::parts::{how, kind_words, state_of, status_tone, took};
use super::{EXECUTIONS, PATH, path_of};
use crate::Flows;
use crate::model::execution::{Execution, StepRow, Wait, Who};
use crate::service::executions::{Watched, no_execution, own_person};

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
async fn identity_of(flows: &Flows, workspace: &WorkspaceId, who: &Who) -> Result<String> {
    Ok(match who.identity.as_str() {
        "user" => match &who.user {
            Some(user) => flows.name_of(workspace, Some(&format!("user:{user}"))).await?,
            None => "the person".to_owned(),
        },
        "connector" => "the connector's user".to_owned(),
        "workspace" => "the workspace".to_owned(),
        _ => String::new(),
    })
}

async fn step(flows: &Flows, e: &Execution, flow: &Flow, row: StepRow) -> Result<Step> {
    let until = row.ended_at.unwrap_or_else(|| flows.0.store.now());
    let (mut acting, mut identity) = (String::new(), String::new());
    if let Some(who) = &row.who {
        if let Some(user) = &who.acting {
            acting = flows.name_of(&e.workspace_id, Some(&format!("user:{user}"))).await?;
        }
        identity = identity_of(flows, &e.workspace_id, who).await?;
    }
    let named = flow.node(&row.node).and_then(|node| node.name.clone()).unwrap_or_else(|| row.node.clone());
    // in a loop the place tells which round
    let name = if row.step == row.node { named } else { format!("{named} ({})", row.step) };
    let retry = e.status == "Error" && e.can_retry && row.status == "Error";
    Ok(Step {
        name,
        kind: kind_words(&row.kind),
        state: state_of(&row.status),
        started: row.started_at.into(),
        took: took(row.started_at, until),
        attempts: if row.attempt > 1 { format!("try {}", row.attempt) } else { String::new() },
        acting,
        identity,
        output: row.output.as_ref().map(pretty).unwrap_or_default(),
        error: row.error.unwrap_or_default(),
        retry: if retry { format!("{EXECUTIONS}/{}/retry", e.id) } else { String::new() },
        status: row.status,
    })
}

async fn authentication(flows: &Flows, actor: &Actor, e: &Execution, wait: &Wait) -> Result<Authentication> {
    let connector = wait.connector_name.clone().or_else(|| wait.connector_id.clone()).unwrap_or_default();
    let own = e.person.is_some() && e.person == own_person(actor);
    let words = match (&e.person, own) {
        (_, true) => format!("Authenticate at {connector}: the flow goes on by itself, from the same step."),
        (Some(user), false) => {
            let name = flows.name_of(&e.workspace_id, Some(&format!("user:{user}"))).await?;
            format!("It waits until {name} authenticates at {connector}.")
        }
        (None, false) => {
            format!("It runs for nobody who could authenticate at {connector}: an administrator decides.")
        }
    };
    let id = wait.connector_id.as_deref().unwrap_or_default();
    let action = if own { format!("/account/connections/{id}/authorize") } else { String::new() };
    Ok(Authentication { connector, words, action })
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
    let mut steps = Vec::with_capacity(rows.len());
    for row in rows {
        steps.push(step(flows, &e, &engine, row).await?);
    }
    let mut authentications = Vec::new();
    for wait in e.waiting.iter().filter(|w| w.status == "Authentication needed") {
        authentications.push(authentication(flows, actor, &e, wait).await?);
    }
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
    let mut decided = Vec::with_capacity(e.fallback.len());
    for one in &e.fallback {
        let by = flows.name_of(&e.workspace_id, Some(&one.by)).await?;
        decided.push(format!("{by} let it go on as the connector's user: {}", one.reason));
    }
    let person = match &e.person {
        Some(user) => flows.name_of(&e.workspace_id, Some(&format!("user:{user}"))).await?,
        None => "the company".to_owned(),
    };
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
