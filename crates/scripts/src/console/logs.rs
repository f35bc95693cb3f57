//! What a script wrote.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{PageInfo, Permission, ScriptLogId};
use gatehouse_web::{Choice, HtmlResult, Page, PageContext, Paging, Path, Query, Tab, Tone, View, When};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::csv::{file, file_name};
use super::parts::{of_page, tabs};
use super::{below, path_of};
use crate::Scripts;
use crate::store::logs::Line;

/// Where lines come from, and how grave they are.
const LEVELS: [&str; 6] = ["Stdout", "Stderr", "Debug", "Info", "Warning", "Error"];
/// The columns of the file.
const COLUMNS: [&str; 5] = ["Log ID", "Level", "Message", "Timestamp", "Run ID"];

/// What is looked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Search {
    level: String,
    /// Only lines of this run; what is none is left out.
    run: String,
}

impl Search {
    fn level(&self) -> Option<&str> {
        Some(self.level.as_str()).filter(|level| !level.is_empty())
    }
}

struct Row {
    id: String,
    level: String,
    tone: Tone,
    message: String,
    at: When,
}

fn tone(level: &str) -> Tone {
    match level {
        "Error" | "Stderr" => Tone::Bad,
        "Warning" => Tone::Warn,
        "Info" => Tone::Info,
        _ => Tone::Neutral,
    }
}

#[derive(askama::Template)]
#[template(path = "scripts/logs.html")]
struct LogsPage {
    page: Page,
    tabs: Vec<Tab>,
    path: String,
    search: Search,
    levels: Vec<Choice>,
    rows: Vec<Row>,
    pagination: PageInfo,
    base: String,
    export: String,
}

/// The page.
pub(super) async fn show(
    State(scripts): State<Scripts>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    Paging(page): Paging<50>,
    Query(search): Query<Search>,
    context: PageContext,
) -> HtmlResult<Response> {
    let (_, id) = of_page(&scripts, &actor, Permission::ReadScripts, &id).await?;
    let script = scripts.script(&actor, &id).await?.script;
    let run = search.run.parse().ok();
    let found = scripts.logs(&actor, &id, run.as_ref(), search.level(), page).await?;
    let path = path_of(&id);
    let row = |l: Line| Row {
        id: l.id.to_string(),
        tone: tone(&l.level),
        level: l.level,
        message: l.message,
        at: l.at.into(),
    };
    let query = Serializer::new(String::new())
        .append_pair("level", &search.level)
        .append_pair("run", &search.run)
        .finish();
    let levels = LEVELS.iter().map(|level| Choice::new(*level, *level));
    let view = LogsPage {
        page: below(&context, script.settings.name()),
        tabs: tabs(&actor, &id, "Logs"),
        levels: std::iter::once(Choice::new("", "All")).chain(levels).collect(),
        rows: found.data.into_iter().map(row).collect(),
        pagination: found.pagination,
        base: format!("{path}/logs?{query}&"),
        export: format!("{path}/logs.csv?{query}"),
        path: format!("{path}/logs"),
        search,
    };
    Ok(View(view).into_response())
}

fn cells(l: Line) -> Vec<String> {
    let run = l.run.map(|run| run.to_string()).unwrap_or_default();
    vec![l.id.to_string(), l.level, l.message, l.at.to_string(), run]
}

/// The same as a file, all pages of it.
pub(super) async fn export(
    State(scripts): State<Scripts>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    Query(search): Query<Search>,
) -> HtmlResult<Response> {
    let (_, id) = of_page(&scripts, &actor, Permission::ReadScripts, &id).await?;
    let name = file_name(scripts.script(&actor, &id).await?.script.settings.name(), "logs");
    let next = move |before: Option<ScriptLogId>| {
        let (scripts, actor, id, search) = (scripts.clone(), actor.clone(), id.clone(), search.clone());
        async move {
            let run = search.run.parse().ok();
            let found =
                scripts.logs_before(&actor, &id, (run.as_ref(), search.level()), before.as_ref()).await?;
            let last = found.last().map(|line| line.id.clone());
            Ok((found.into_iter().map(cells).collect(), last))
        }
    };
    Ok(file(&name, &COLUMNS, next).await?)
}
