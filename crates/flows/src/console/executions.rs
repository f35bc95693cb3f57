//! The Flow Execution Panel: one's own executions, for administrators everybody's.

use axum::extract::State;
use gatehouse_flow::machine::Status;
use gatehouse_identity::{Visitor, require};
use gatehouse_types::{PageInfo, PageRequest, Permission, Timestamp};
use gatehouse_web::{Choice, HtmlResult, Page, PageContext, Paging, Query, Tone, View, When};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::parts::{how, status_tone, took};
use super::{EXECUTIONS, PATH};
use crate::Flows;
use crate::model::execution::Execution;
use crate::service::executions::own_person;
use crate::service::names::Names;
use crate::store::executions::Wanted;

/// What is looked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Search {
    status: String,
    flow_id: String,
    whose: String,
}

struct Row {
    path: String,
    flow: String,
    status: String,
    tone: Tone,
    note: String,
    warnings: Vec<String>,
    started: When,
    person: String,
    how: &'static str,
    took: String,
}

#[derive(askama::Template)]
#[template(path = "flows/executions.html")]
pub(super) struct ExecutionsPage {
    page: Page,
    path: &'static str,
    search: Search,
    statuses: Vec<Choice>,
    flows: Vec<Choice>,
    whose: Vec<Choice>,
    sees_all: bool,
    rows: Vec<Row>,
    pagination: PageInfo,
    base: String,
    live: bool,
}

fn row(names: &Names, now: Timestamp, e: Execution) -> Row {
    let until = e.ended_at.unwrap_or(now);
    let person = e.person.as_ref().map_or_else(|| "the company".to_owned(), |user| names.of(user));
    let waits = e.waiting.iter().filter_map(|w| w.connector_name.clone().or_else(|| w.title.clone()));
    let note = e.paused.clone().or_else(|| e.message.clone()).or_else(|| waits.into_iter().next());
    Row {
        path: format!("{EXECUTIONS}/{}", e.id),
        flow: e.flow_name,
        tone: status_tone(&e.status),
        note: note.unwrap_or_default(),
        warnings: e.warnings.into_iter().map(|w| w.message).collect(),
        started: e.created_at.into(),
        person,
        how: how(&e.via),
        took: took(e.created_at, until),
        status: e.status,
    }
}

/// The page.
pub(super) async fn show(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    context: PageContext,
    Paging(page): Paging<25>,
    Query(search): Query<Search>,
) -> HtmlResult<View<ExecutionsPage>> {
    require(&flows.0.store, &actor, Permission::UseFlows, None).await?;
    let sees_all = actor.may(Permission::ManageFlows);
    let wanted = Wanted {
        // what is none is a choice of nothing
        flow: search.flow_id.parse().ok(),
        status: Some(search.status.clone()).filter(|s| Status::ALL.iter().any(|known| known.word() == s)),
        person: own_person(&actor).filter(|_| search.whose == "mine"),
        ..Wanted::default()
    };
    let found = flows.executions(&actor, wanted, page).await?;
    let live = found.data.iter().any(|e| !e.ended());
    let people = found.data.iter().filter_map(|e| e.person.clone());
    let (names, now) = (flows.names(actor.workspace()?, people).await?, flows.0.store.now());
    let rows = found.data.into_iter().map(|execution| row(&names, now, execution)).collect();
    let query = Serializer::new(String::new())
        .append_pair("status", &search.status)
        .append_pair("flowId", &search.flow_id)
        .append_pair("whose", &search.whose)
        .finish();
    let statuses = Status::ALL.iter().map(|s| Choice::new(s.word(), s.word()));
    let all = flows.flows(&actor, crate::store::flows::Wanted::default(), PageRequest::new(1, 100)?).await?;
    let all = all.data.into_iter().map(|f| Choice::new(f.id.to_string(), f.name));
    Ok(View(ExecutionsPage {
        page: context.page("Flow executions", "flow-executions").under("Flows", PATH),
        path: EXECUTIONS,
        statuses: std::iter::once(Choice::new("", "All")).chain(statuses).collect(),
        flows: std::iter::once(Choice::new("", "All")).chain(all).collect(),
        whose: vec![Choice::new("", "Everybody's"), Choice::new("mine", "Mine")],
        sees_all,
        rows,
        pagination: found.pagination,
        base: format!("{EXECUTIONS}?{query}&"),
        search,
        live,
    }))
}
