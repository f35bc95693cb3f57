//! The runs of a script, and how they went altogether.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{PageInfo, Permission};
use gatehouse_web::{Choice, HtmlResult, Page, PageContext, Paging, Path, Query, Tab, Tone, View, When};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::csv::{file, file_name};
use super::parts::{of_page, spoken, tabs};
use super::plot::Plots;
use super::{below, path_of};
use crate::Scripts;
use crate::store::runs::{Run, Wanted};

/// How runs end.
const STATUSES: [&str; 5] = ["Success", "Error", "Bad arguments", "Timeout", "Out of memory"];
/// The columns of the file.
const COLUMNS: [&str; 9] = [
    "Run ID",
    "Status",
    "Deployment Version",
    "Response Time (ms)",
    "Function",
    "Executed On",
    "Source Type",
    "Source",
    "Error",
];

/// What is looked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Search {
    search: String,
    status: String,
}

impl Search {
    fn wanted(&self) -> Wanted {
        let status = Some(self.status.clone()).filter(|s| !s.is_empty());
        Wanted { search: Some(self.search.clone()), status, since: None }
    }

    fn query(&self) -> String {
        Serializer::new(String::new())
            .append_pair("search", &self.search)
            .append_pair("status", &self.status)
            .finish()
    }
}

struct Row {
    id: String,
    status: String,
    tone: Tone,
    error: String,
    version: i64,
    took: String,
    function: String,
    at: When,
    source_type: String,
    source: String,
    logs: String,
}

#[derive(askama::Template)]
#[template(path = "scripts/runs.html")]
struct RunsPage {
    page: Page,
    tabs: Vec<Tab>,
    path: String,
    search: Search,
    statuses: Vec<Choice>,
    rows: Vec<Row>,
    pagination: PageInfo,
    base: String,
    export: String,
    runs: i64,
    failure_rate: String,
    p90: String,
    p99: String,
    plots: Plots,
}

/// The page.
pub(super) async fn show(
    State(scripts): State<Scripts>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    Paging(page): Paging<25>,
    Query(search): Query<Search>,
    context: PageContext,
) -> HtmlResult<Response> {
    let (_, id) = of_page(&scripts, &actor, Permission::ReadScripts, &id).await?;
    let script = scripts.script(&actor, &id).await?.script;
    let numbers = scripts.statistics(&actor, &id).await?;
    let found = scripts.runs(&actor, &id, &search.wanted(), page).await?;
    let path = path_of(&id);
    let row = |r: Run| Row {
        logs: format!("{path}/logs?run={}", r.id),
        id: r.id.to_string(),
        tone: if r.status == "Success" { Tone::Good } else { Tone::Bad },
        status: r.status,
        error: r.error.unwrap_or_default(),
        version: r.version,
        took: spoken(r.micros),
        function: r.function,
        at: r.started_at.into(),
        source_type: r.source_type,
        source: r.source,
    };
    let span = |micros: Option<i64>| micros.map_or_else(|| "–".to_owned(), spoken);
    let query = search.query();
    let statuses = STATUSES.iter().map(|s| Choice::new(*s, *s));
    let view = RunsPage {
        page: below(&context, script.settings.name()),
        tabs: tabs(&actor, &id, "Runs"),
        statuses: std::iter::once(Choice::new("", "All")).chain(statuses).collect(),
        rows: found.data.into_iter().map(row).collect(),
        pagination: found.pagination,
        base: format!("{path}/runs?{query}&"),
        export: format!("{path}/runs.csv?{query}"),
        runs: numbers.totals.runs,
        failure_rate: format!("{:.2} %", numbers.totals.failure_rate()),
        p90: span(numbers.totals.p90),
        p99: span(numbers.totals.p99),
        plots: Plots::of(scripts.0.store.now(), &numbers.days),
        path: format!("{path}/runs"),
        search,
    };
    Ok(View(view).into_response())
}

fn cells(r: Run) -> Vec<String> {
    vec![
        r.id.to_string(),
        r.status,
        r.version.to_string(),
        format!("{}.{:03}", r.micros / 1_000, r.micros % 1_000),
        r.function,
        r.started_at.to_string(),
        r.source_type,
        r.source,
        r.error.unwrap_or_default(),
    ]
}

/// The same as a file, all pages of it.
pub(super) async fn export(
    State(scripts): State<Scripts>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    Query(search): Query<Search>,
) -> HtmlResult<Response> {
    let (_, id) = of_page(&scripts, &actor, Permission::ReadScripts, &id).await?;
    let name = file_name(scripts.script(&actor, &id).await?.script.settings.name(), "runs");
    let wanted = search.wanted();
    let next = move |before: Option<gatehouse_types::ScriptRunId>| {
        let (scripts, actor, id, wanted) = (scripts.clone(), actor.clone(), id.clone(), wanted.clone());
        async move {
            let found = scripts.runs_before(&actor, &id, &wanted, before.as_ref()).await?;
            let last = found.last().map(|run| run.id.clone());
            Ok((found.into_iter().map(cells).collect(), last))
        }
    };
    Ok(file(&name, &COLUMNS, next).await?)
}
