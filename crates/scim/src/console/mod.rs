//! The console's pages of directory provisioning. Every part of them works as a plain form.

mod activities;
mod page;
mod plots;
mod roles;

use axum::Router;
use axum::routing::{get, post};
use gatehouse_web::{Page, PageContext};

use crate::Scim;

/// Where the page is.
pub(crate) const PATH: &str = "/settings/security/scim";
/// Where the activities are.
pub(crate) const ACTIVITIES_PATH: &str = "/settings/security/scim/activities";
/// Its entry in the console's menu.
const MENU_ENTRY: &str = "scim";

pub(crate) fn routes() -> Router<Scim> {
    let at = |rest: &str| format!("{PATH}{rest}");
    Router::new()
        .route(PATH, get(page::show))
        .route(&at("/tokens"), post(page::make))
        .route(&at("/tokens/{id}/revoke"), get(page::ask_revoke).post(page::revoke))
        .route(&at("/tokens/{id}/delete"), get(page::ask_delete).post(page::delete))
        .route(&at("/role-mappings"), post(roles::preview))
        .route(&at("/role-mappings/save"), post(roles::save))
        .route(ACTIVITIES_PATH, get(activities::list))
}

/// A form that says everything by its address; what else it holds is left alone.
#[derive(serde::Deserialize)]
pub(crate) struct Nothing {}

/// The frame of the pages.
fn frame(context: &PageContext) -> Page {
    context.page("Provisioning", MENU_ENTRY).under("Settings", "/settings")
}
