//! The console's page of single sign-on. Every part of it works as a plain form.

mod attempts;
mod certificates;
mod checklist;
mod disable;
mod domains;
mod drafts;
mod form;
mod form_oidc;
mod form_wsfed;
mod keys;
mod metadata;
mod page;
mod people;
mod presets;
mod roles;
mod setup;
mod trace;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use gatehouse_web::{Page, PageContext};

use crate::Sso;
use crate::service::shares::SHARED_PATH;

/// Where the page is.
pub(crate) const PATH: &str = "/settings/security/sso";
/// Where its sign-in attempts are.
pub(crate) const ATTEMPTS_PATH: &str = "/settings/security/sso/attempts";
/// Where the provider's metadata is imported.
pub(crate) const METADATA_PATH: &str = "/settings/security/sso/metadata";
/// Where our own keys are.
pub(crate) const KEYS_PATH: &str = "/settings/security/sso/keys";
/// The largest form with a metadata document of 1 MiB in it, in bytes: each of its characters may be escaped.
const MAX_METADATA_FORM: usize = 3 * gatehouse_saml::limits::METADATA_BYTES + 64 * 1024;
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
        .route(&at("/roles"), post(roles::save))
        .route(&at("/drafts/{id}"), get(drafts::show).post(drafts::activate))
        .route(&at("/drafts/{id}/discard"), post(drafts::discard))
        .route(KEYS_PATH, get(keys::show).post(keys::make))
        .route(&at("/keys/{id}/{step}"), get(keys::ask).post(keys::go))
        .merge(metadata_routes())
        .merge(setup::routes())
        .route(ATTEMPTS_PATH, get(attempts::list))
        .route(&at("/show"), post(page::show_other))
        .route(&at("/attempts/{id}"), get(trace::show))
        .route(&at("/attempts/{id}/reveal"), post(trace::reveal))
        .route(&at("/attempts/{id}/share"), post(trace::share))
        .route(&at("/attempts/{id}/shares/{share}/revoke"), get(trace::ask_revoke).post(trace::revoke))
}

fn metadata_routes() -> Router<Sso> {
    let at = |rest: &str| format!("{METADATA_PATH}{rest}");
    Router::new()
        .route(METADATA_PATH, get(metadata::show).post(metadata::import))
        .route(&at("/preview"), post(metadata::preview))
        .layer(DefaultBodyLimit::max(MAX_METADATA_FORM))
        .route(&at("/refresh"), post(metadata::refresh))
        .route(&at("/stop"), get(metadata::ask_stop).post(metadata::stop))
}

/// What is shown to people without an account.
pub(crate) fn shared_routes() -> Router<Sso> {
    let traces = Router::new().route(&format!("{SHARED_PATH}/{{token}}"), get(trace::shared));
    traces.merge(setup::shared_routes())
}

/// A form that says everything by its address; what else it holds is left alone.
#[derive(serde::Deserialize)]
pub(crate) struct Nothing {}

/// The frame of the page.
fn frame(context: &PageContext) -> Page {
    context.page("Single Sign On", MENU_ENTRY).under("Settings", "/settings")
}
