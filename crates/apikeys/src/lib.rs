//! What programs may call: API apps with scopes, their keys, and the gate that judges them.
//!
//! A key's way: `api/authz` (or `keys/verify`, the public API, any operation of ours) → [`ApiKeys::check`] → `gate`, which
//! answers from memory and counts. `service/feed` keeps that memory true to the database, on every server; `service/usage`
//! writes what was counted, once a second.

mod api;
mod apikeys;
mod console;
mod gate;
mod jobs;
mod model;
mod service;
mod store;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::any;
use gatehouse_identity::Identity;
use gatehouse_store::jobs::Registry;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use api::authz::HotGate;
pub use api::program::Program;
pub use apikeys::ApiKeys;
pub use model::secret::{FreshKey, KeyDigest, fresh as fresh_key, key_digest, stored as stored_digest};
pub use service::belongings::KeyBelongings;
pub use service::restored::after_restore;
pub use service::verify::Programs;

impl FromRef<ApiKeys> for Identity {
    fn from_ref(keys: &ApiKeys) -> Self {
        keys.0.identity.clone()
    }
}

/// The API: every operation is in the OpenAPI document.
pub fn api(keys: ApiKeys) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(api::scopes::list, api::scopes::create))
        .routes(routes!(api::scopes::delete))
        .routes(routes!(api::apps::list, api::apps::create))
        .routes(routes!(api::apps::get, api::apps::update, api::apps::delete))
        .routes(routes!(api::apps::usage))
        .routes(routes!(api::apps::silent))
        .routes(routes!(api::keys::list, api::keys::create))
        .routes(routes!(api::keys::get, api::keys::delete))
        .routes(routes!(api::keys::rotate))
        .routes(routes!(api::keys::disable))
        .routes(routes!(api::keys::enable))
        .routes(routes!(api::verify::verify))
        .routes(routes!(api::leaked::report))
        .routes(routes!(api::token::exchange))
        .routes(routes!(api::explain::explain))
        .routes(routes!(api::explain::who_can))
        .merge(api::public::routes())
        .with_state(keys)
}

/// Where proxies ask.
pub fn gate_routes(keys: ApiKeys) -> Router {
    Router::new().route(api::authz::PATH, any(api::authz::authz)).with_state(keys)
}

/// The console's pages.
pub fn console(keys: ApiKeys) -> Router {
    console::routes().with_state(keys)
}

/// The background work.
pub fn jobs(keys: &ApiKeys) -> Registry {
    Registry::default().every(jobs::SWEEP_SECONDS, jobs::Sweep, keys.clone())
}
