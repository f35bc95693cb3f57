//! Directory provisioning (SCIM 2.0, RFC 7643 and RFC 7644): identity providers keep the people and groups of a workspace.
//!
//! A call's way in: `api/endpoint` (any method, resource names in any case) → bearer token → an `Actor` with the token as
//! its principal → [`Scim`] → one transaction → the answer, or an error in SCIM's own form.
//! `protocol` is pure: schemas, filters, PATCH, projection, bulk, and what Entra and Okta send in their own way.

mod api;
mod console;
mod jobs;
mod model;
pub mod protocol;
mod refused;
mod scim;
mod service;
mod store;

use axum::extract::FromRef;
use gatehouse_identity::Identity;
use gatehouse_store::jobs::Registry;
use gatehouse_web::FailureForm;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use scim::{LEAST_REQUESTS_A_MINUTE, REQUESTS_A_MINUTE, Scim};
pub use service::belongings::ScimBelongings;
pub use service::restored::after_restore;
pub use service::roles::DirectoryRoles;

impl FromRef<Scim> for Identity {
    fn from_ref(scim: &Scim) -> Self {
        scim.0.identity.clone()
    }
}

/// The administration: every operation is in the OpenAPI document.
pub fn api(scim: Scim) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(api::tokens::list, api::tokens::create))
        .routes(routes!(api::tokens::get, api::tokens::delete))
        .routes(routes!(api::tokens::revoke))
        .routes(routes!(api::activities::list))
        .routes(routes!(api::activities::statistics))
        .routes(routes!(api::roles::get, api::roles::put))
        .with_state(scim)
}

/// The protocol at `/scim/v2`, which describes itself (RFC 7644 §4), and `/scim/oauth/token` (RFC 6749 §4.4).
pub fn protocol_routes(scim: Scim) -> axum::Router {
    api::endpoint::routes().merge(api::oauth::routes()).with_state(scim)
}

/// How failures of the edge are shown below `/scim/v2`.
pub const FAILURES: FailureForm = FailureForm { under: api::endpoint::BASE, show: api::answer::failure };

/// The console's pages.
pub fn console(scim: Scim) -> axum::Router {
    console::routes().with_state(scim)
}

/// The background work.
pub fn jobs(scim: &Scim) -> Registry {
    Registry::default()
        .every(jobs::SWEEP_SECONDS, jobs::Sweep, scim.0.store.clone())
        .every(jobs::LOOK_SECONDS, jobs::CountDays, scim.0.store.clone())
        .every(jobs::LOOK_SECONDS, jobs::SilenceWarnings, scim.clone())
        .every(jobs::SETTLE_SECONDS, jobs::SettleRoles, scim.clone())
        .every(jobs::SETTLE_PLACES_SECONDS, jobs::SettlePlaces, scim.0.store.clone())
}
