//! What happens in a workspace, told to the company's own programs: signed webhooks (Standard Webhooks 1.0).
//!
//! The audit log is the source: a webhook reads its workspace's chain from a position on, so nothing that was recorded is
//! left out, whatever feature it came from. [`jobs::Deliver`] collects what is new, sends what is due and tries again.

mod api;
mod console;
mod events;
mod jobs;
mod model;
mod service;
mod signature;
mod store;
mod under_way;

use axum::extract::FromRef;
use gatehouse_identity::Identity;
use gatehouse_store::jobs::Registry;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use events::Events;
pub use service::belongings::EventsBelongings;

/// How long after its end the delivery of events begins again, in seconds.
const DELIVER_SECONDS: i64 = 2;
/// How often old deliveries are forgotten, in seconds.
const SWEEP_SECONDS: i64 = 3_600;

impl FromRef<Events> for Identity {
    fn from_ref(events: &Events) -> Self {
        events.0.identity.clone()
    }
}

/// The API: every operation is in the OpenAPI document.
pub fn api(events: Events) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(api::webhooks::list, api::webhooks::create))
        .routes(routes!(api::webhooks::get, api::webhooks::update, api::webhooks::delete))
        .routes(routes!(api::webhooks::test))
        .routes(routes!(api::webhooks::rotate))
        .routes(routes!(api::deliveries::list))
        .routes(routes!(api::deliveries::get))
        .routes(routes!(api::deliveries::redeliver))
        .with_state(events)
}

/// The console's pages.
pub fn console(events: Events) -> axum::Router {
    console::routes().with_state(events)
}

/// The background work.
pub fn jobs(events: &Events) -> Registry {
    Registry::default()
        .every(DELIVER_SECONDS, jobs::Deliver, events.clone())
        .every(SWEEP_SECONDS, jobs::Sweep, events.clone())
        // programs of others answer when they like
        .apart::<jobs::Deliver>()
}
