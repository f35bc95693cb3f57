//! Settings → Security & Control → API Scopes: apps, what they may, their keys; and beside it the page of why and who can.
//! Every part works as a plain form.

mod edit;
mod keys;
mod list;
mod why;

use axum::Router;
use axum::routing::{get, post};
use gatehouse_web::{Page, PageContext, Tab};

use crate::ApiKeys;
use crate::model::App;

/// Where the apps are listed.
pub(crate) const PATH: &str = "/settings/security/api-scopes";
/// Its entry in the console's menu.
const MENU_ENTRY: &str = "api-scopes";

pub(crate) fn routes() -> Router<ApiKeys> {
    let at = |rest: &str| format!("{PATH}{rest}");
    Router::new()
        .route(why::PATH, get(why::show))
        .route(PATH, get(list::show))
        .route(&at("/new"), get(edit::begin).post(edit::make))
        .route(&at("/scopes"), post(list::make_scope))
        .route(&at("/scopes/{id}/delete"), get(list::ask_delete_scope).post(list::delete_scope))
        .route(&at("/{id}"), get(edit::show).post(edit::save))
        .route(&at("/{id}/delete"), get(list::ask_delete).post(list::delete))
        .route(&at("/{id}/keys"), get(keys::list))
        .route(&at("/{id}/keys/new"), get(keys::begin).post(keys::make))
        .route(&at("/{id}/keys/{key}/rotate"), get(keys::ask_rotate).post(keys::rotate))
        .route(&at("/{id}/keys/{key}/switch"), post(keys::switch))
        .route(&at("/{id}/keys/{key}/delete"), get(keys::ask_delete).post(keys::delete))
}

/// A form that says everything by its address; what else it holds is left alone.
#[derive(serde::Deserialize)]
pub(crate) struct Nothing {}

/// Networks as they are typed: one a line, or with commas between.
fn networks(text: &str) -> Vec<String> {
    text.split([',', ' ', '\n', '\r']).filter(|n| !n.is_empty()).map(str::to_owned).collect()
}

/// The frame of the pages.
fn frame(context: &PageContext) -> Page {
    context.page("API Scopes", MENU_ENTRY).under("Settings", "/settings")
}

/// The frame of a page below the list.
fn below(context: &PageContext, title: &str) -> Page {
    let mut page = frame(context).under("API Scopes", PATH);
    title.clone_into(&mut page.title);
    page
}

/// The two tabs of an app.
fn tabs(app: &App, on_keys: bool) -> Vec<Tab> {
    let path = format!("{PATH}/{}", app.id);
    vec![
        Tab { label: "API Scopes".to_owned(), href: path.clone(), current: !on_keys },
        Tab { label: "API Keys".to_owned(), href: format!("{path}/keys"), current: on_keys },
    ]
}
