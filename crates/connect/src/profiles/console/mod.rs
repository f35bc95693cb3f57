//! Integrations → Authorization Profiles. Every part works as a plain form.

mod authorize;
mod edit;
mod form;
mod grants;
mod list;

use axum::Router;
use axum::routing::{get, post};
use gatehouse_types::AuthProfileId;
use gatehouse_web::{Page, PageContext};

use super::service::PAGES as PATH;
use crate::Connect;

/// The entry in the console's menu.
const MENU_ENTRY: &str = "auth-profiles";
/// What the pages are called.
const TITLE: &str = "Authorization Profiles";

pub(crate) fn routes() -> Router<Connect> {
    let at = |rest: &str| format!("{PATH}{rest}");
    Router::new()
        .route(PATH, get(list::show))
        .route(&at("/new"), get(edit::begin).post(edit::make))
        .route(&at("/new/fields"), post(edit::fields))
        .route(&at("/{id}"), get(edit::show).post(edit::save))
        .route(&at("/{id}/test"), post(list::test))
        .route(&at("/{id}/delete"), get(list::ask_delete).post(list::delete))
        .route(&at("/{id}/authorize"), get(authorize::show).post(authorize::go))
        .route(&at("/{id}/grants/{grant_id}/disconnect"), get(grants::ask).post(grants::disconnect))
}

/// A form that says everything by its address; what else it holds is left alone.
#[derive(serde::Deserialize)]
struct Nothing {}

/// The frame of the pages.
fn frame(context: &PageContext) -> Page {
    context.page(TITLE, MENU_ENTRY).under("Integrations", PATH)
}

/// The frame of a page below the list.
fn below(context: &PageContext, title: &str) -> Page {
    let mut page = frame(context).under(TITLE, PATH);
    title.clone_into(&mut page.title);
    page
}

fn path_of(id: &AuthProfileId) -> String {
    format!("{PATH}/{id}")
}
