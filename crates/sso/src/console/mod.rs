//! The console's page of single sign-on. Every part of it works as a plain form.

mod attempts;
mod certificates;
mod checklist;
mod disable;
mod domains;
mod form;
mod page;
mod people;
mod presets;
mod trace;

use axum::Router;
use axum::routing::{get, post};
use gatehouse_web::{Page, PageContext};

use crate::Sso;
use crate::service::shares::SHARED_PATH;

/// Where the page is.
pub(crate) const PATH: &str = "/settings/security/sso";
/// Where its sign-in attempts are.
pub(crate) const ATTEMPTS_PATH: &str = "/settings/security/sso/attempts";
/// Its entry in the console's menu.
const MENU_ENTRY: &str = "sso";

pub(crate) fn routes() -> Router<Sso> {
    let at = |rest: &str| format!("{PATH}{rest}");
    Router::new()
        .route(PATH, get(page::show).post(page::save))
        .route(&at("/fields"), post(page::fields))
        .route(&at("/disable"), get(disable::show).post(disable::disable))
        .route(&at("/certificates/{fingerprint}/remove"), get(certificates::ask).post(certificates::remove))
        .route(&at("/domains"), post(domains::add))
        .route(&at("/domains/{id}/verify"), post(domains::verify))
        .route(&at("/domains/{id}/primary"), post(domains::set_primary))
        .route(&at("/domains/{id}/federated"), post(domains::set_federated))
        .route(&at("/domains/{id}/remove"), get(domains::ask).post(domains::remove))
        .route(&at("/excluded"), post(people::save))
        .route(ATTEMPTS_PATH, get(attempts::list))
        .route(&at("/attempts/{id}"), get(trace::show))
        .route(&at("/attempts/{id}/reveal"), post(trace::reveal))
        .route(&at("/attempts/{id}/share"), post(trace::share))
        .route(&at("/attempts/{id}/shares/{share}/revoke"), get(trace::ask_revoke).post(trace::revoke))
}

/// What is shown to people without an account.
pub(crate) fn shared_routes() -> Router<Sso> {
    Router::new().route(&format!("{SHARED_PATH}/{{token}}"), get(trace::shared))
}

/// A form that says everything by its address; what else it holds is left alone.
#[derive(serde::Deserialize)]
struct Nothing {}

/// The frame of the page.
fn frame(context: &PageContext) -> Page {
    context.page("Single Sign On", MENU_ENTRY).under("Settings", "/settings")
}
