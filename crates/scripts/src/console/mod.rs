//! The console's pages. All of them work as plain forms; htmx follows a deployment and judges a file in place.

mod act;
mod csv;
mod endpoint;
mod history;
mod keys;
mod list;
mod logs;
mod overview;
mod parts;
mod plot;
mod runs;
mod upload;
mod wizard;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use gatehouse_types::ScriptId;
use gatehouse_web::{Page, PageContext};

use crate::Scripts;

/// Where the pages are.
pub(crate) const PATH: &str = "/scripts";
/// The wizard that imports.
const WIZARD: &str = "/scripts/new";
/// Their entry in the console's menu.
const MENU_ENTRY: &str = "scripts";
/// What the list is called.
const TITLE: &str = "Manage Custom Scripts";
/// The largest form of the wizard without a file, in bytes: all variables, percent-encoded, and what it carries.
const MAX_FORM: usize = 8 * 1024 * 1024;

/// The routes.
pub(crate) fn routes() -> Router<Scripts> {
    let at = |rest: &str| format!("{PATH}{rest}");
    let step = |rest: &str| format!("{WIZARD}{rest}");
    let uploads = Router::new()
        .route(&step("/general"), get(wizard::back_to_start).post(wizard::general::take))
        .route(&step("/validate"), get(wizard::back_to_start).post(wizard::general::validate))
        .layer(DefaultBodyLimit::max(crate::archive_bytes() + crate::UPLOAD_MARGIN));
    let steps = Router::new()
        .route(&step("/runtime"), get(wizard::back_to_start).post(wizard::runtime::take))
        .route(&step("/resources"), get(wizard::back_to_start).post(wizard::resources::take))
        .route(&step("/resources/fields"), get(wizard::back_to_start).post(wizard::resources::fields))
        .route(&step("/review"), get(wizard::back_to_start).post(wizard::review::take))
        .route(&step("/show"), get(wizard::back_to_start).post(wizard::show))
        .layer(DefaultBodyLimit::max(MAX_FORM));
    Router::new()
        .route(PATH, get(list::show))
        .route(WIZARD, get(wizard::begin))
        .route(&step("/version"), get(wizard::general::version))
        .route(&at("/{id}"), get(overview::show))
        .route(&at("/{id}/configure"), get(wizard::configure))
        .route(&at("/{id}/deploy"), get(wizard::deploy))
        .route(&at("/{id}/undeploy"), get(act::ask_undeploy).post(act::undeploy))
        .route(&at("/{id}/cancel"), get(act::ask_cancel).post(act::cancel))
        .route(&at("/{id}/delete"), get(act::ask_delete).post(act::delete))
        .route(&at("/{id}/history"), get(history::show))
        .route(&at("/{id}/history/{number}/rename"), get(history::ask_rename).post(history::rename))
        .route(&at("/{id}/endpoint"), get(endpoint::show))
        .route(&at("/{id}/keys"), get(keys::list))
        .route(&at("/{id}/keys/new"), get(keys::begin).post(keys::make))
        .route(&at("/{id}/keys/{key}/delete"), get(keys::ask_delete).post(keys::delete))
        .route(&at("/{id}/runs"), get(runs::show))
        .route(&at("/{id}/runs.csv"), get(runs::export))
        .route(&at("/{id}/logs"), get(logs::show))
        .route(&at("/{id}/logs.csv"), get(logs::export))
        .merge(uploads)
        .merge(steps)
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
    context.page(title, MENU_ENTRY).under(TITLE, PATH)
}

/// The page of a script.
fn path_of(id: &ScriptId) -> String {
    format!("{PATH}/{id}")
}
