//! Setup links: where an administrator makes them, and the page that their holders see.

mod actions;
mod guides;
mod guides_other;
mod links;
mod page;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderValue;
use axum::http::header::REFERRER_POLICY;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::MAX_METADATA_FORM;
use crate::Sso;
use crate::service::setup_links::SETUP_PATH;

/// Where an administrator makes and revokes links.
pub(super) const LINKS_PATH: &str = "/settings/security/sso/setup-links";

/// What administrators see.
pub(super) fn routes() -> Router<Sso> {
    Router::new()
        .route(LINKS_PATH, get(links::show).post(links::make))
        .route(&format!("{LINKS_PATH}/{{id}}/revoke"), get(links::ask_revoke).post(links::revoke))
}

/// What whoever has a link sees.
pub(super) fn shared_routes() -> Router<Sso> {
    let at = |rest: &str| format!("{SETUP_PATH}/{{token}}{rest}");
    Router::new()
        .route(&at(""), get(page::show))
        .route(&at("/values"), post(actions::save))
        .layer(DefaultBodyLimit::max(MAX_METADATA_FORM))
        .route(&at("/domains"), post(actions::add_domain))
        .route(&at("/domains/{id}/verify"), post(actions::verify_domain))
        .route(&at("/directory"), post(actions::directory))
        .route(&at("/test"), post(actions::test))
        .route(&at("/activate"), post(actions::activate))
}

/// The address is the key: other sites and search engines learn nothing of it.
fn secret(answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    let headers = response.headers_mut();
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("strict-origin"));
    headers.insert("x-robots-tag", HeaderValue::from_static("noindex, nofollow"));
    response
}
