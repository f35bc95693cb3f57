//! The console's pages. Every part of them works as a plain form; the editor draws where there is JavaScript.

mod decide;
mod deploy;
mod edit;
mod execution;
mod executions;
mod fields;
mod list;
mod new;
mod package;
mod parts;
mod run;
mod statistics;
mod trigger_form;
mod triggers;
mod versions;
mod waiting;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use gatehouse_flow::limits::DEFINITION_BYTES;
use gatehouse_types::{FlowId, Result};
use gatehouse_web::{Page, PageContext};

use crate::Flows;
use crate::service::not_found;

/// Where the pages are.
pub(crate) const PATH: &str = "/flows";
/// The Flow Execution Panel.
pub(crate) const EXECUTIONS: &str = "/flows/executions";
/// What waits for whom.
pub(crate) const WAITING: &str = "/flows/waiting";
/// How executions went.
const STATISTICS: &str = "/flows/statistics";
/// Their entry in the console's menu.
const MENU_ENTRY: &str = "flows";
/// What the pages are called.
const TITLE: &str = "Flows";
/// The largest form with a definition, in bytes: everything in it may be percent-encoded.
const MAX_FORM: usize = DEFINITION_BYTES * 3 + 64 * 1024;

/// The routes.
pub(crate) fn routes() -> Router<Flows> {
    let at = |rest: &str| format!("{PATH}{rest}");
    let of = |rest: &str| format!("{EXECUTIONS}{rest}");
    Router::new()
        .route(&at("/new"), get(new::show).post(new::make))
        .route(&at("/import"), get(package::show).post(package::import))
        .route(&at("/{id}"), get(edit::show).post(edit::save))
        .layer(DefaultBodyLimit::max(MAX_FORM))
        .route(PATH, get(list::show))
        .route(EXECUTIONS, get(executions::show))
        .route(&of("/{id}"), get(execution::show))
        .route(&of("/{id}/input"), post(decide::input))
        .route(&of("/{id}/cancel"), get(decide::ask_cancel).post(decide::cancel))
        .route(&of("/{id}/retry"), post(decide::retry))
        .route(&of("/{id}/resume"), post(decide::resume))
        .route(WAITING, get(waiting::show))
        .route(&format!("{WAITING}/fallback"), post(waiting::fallback))
        .route(STATISTICS, get(statistics::show))
        .route(&at("/{id}/run"), get(run::show).post(run::run))
        .route(&at("/{id}/versions"), get(versions::list))
        .route(&at("/{id}/versions/{number}"), get(versions::show))
        .route(&at("/{id}/versions/{number}/restore"), post(versions::restore))
        .route(&at("/{id}/triggers"), get(triggers::list).post(triggers::make))
        .route(&at("/{id}/triggers/new"), get(triggers::show_new))
        .route(&at("/{id}/triggers/{trigger_id}/pause"), post(triggers::pause))
        .route(&at("/{id}/triggers/{trigger_id}/resume"), post(triggers::resume))
        .route(&at("/{id}/triggers/{trigger_id}/delete"), get(triggers::ask_delete).post(triggers::delete))
        .route(&at("/{id}/deploy"), post(deploy::deploy))
        .route(&at("/{id}/undeploy"), get(deploy::ask_undeploy).post(deploy::undeploy))
        .route(&at("/{id}/delete"), get(deploy::ask_delete).post(deploy::delete))
        .route(&at("/{id}/export"), post(package::export))
}

/// A form that says everything by its address; what else it holds is left alone.
#[derive(serde::Deserialize)]
struct Nothing {}

/// The frame of the list.
fn frame(context: &PageContext) -> Page {
    context.page(TITLE, MENU_ENTRY)
}

/// The frame of a page below the list.
fn below(context: &PageContext, title: impl Into<String>) -> Page {
    let mut page = frame(context).under(TITLE, PATH);
    page.title = title.into();
    page
}

/// The page of a flow.
pub(crate) fn path_of(id: &FlowId) -> String {
    format!("{PATH}/{id}")
}

/// The id of a path; what is none is of no flow.
fn id_of(text: &str) -> Result<FlowId> {
    text.parse().map_err(|_| not_found())
}
