//! Flows that people build, deploy and run: definitions with versions, and executions that run as somebody.
//!
//! What a definition means is said by the crate `flow`, which knows no database and no network. Here it is kept, deployed,
//! and driven.

mod api;
mod console;
mod drive;
mod flows;
mod jobs;
mod model;
mod service;
mod store;

use std::sync::Arc;

use axum::extract::FromRef;
use gatehouse_apikeys::ApiKeys;
use gatehouse_connect::UserAuthenticated;
use gatehouse_identity::Identity;
use gatehouse_store::Tx;
use gatehouse_store::jobs::Registry;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use drive::Driver;
pub use flows::Flows;
pub use service::belongings::FlowBelongings;
pub use service::used::FlowUses;

/// How often is forgotten what is past its time, in seconds.
const SWEEP_SECONDS: i64 = 3_600;
/// How often is looked for schedules whose time has come, in seconds.
const SCHEDULE_SECONDS: i64 = 10;

impl FromRef<Flows> for Identity {
    fn from_ref(flows: &Flows) -> Self {
        flows.0.identity.clone()
    }
}

impl FromRef<Flows> for ApiKeys {
    fn from_ref(flows: &Flows) -> Self {
        flows.0.keys.clone()
    }
}

/// The API: every operation is in the OpenAPI document.
pub fn api(flows: Flows) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(api::schema::schema))
        .routes(routes!(api::build::validate))
        .routes(routes!(api::build::curl))
        .routes(routes!(api::waiting::try_request))
        .routes(routes!(api::package::import))
        .routes(routes!(api::executions::start))
        .routes(routes!(api::executions::list))
        .routes(routes!(api::executions::get))
        .routes(routes!(api::executions::progress))
        .routes(routes!(api::executions::steps))
        .routes(routes!(api::executions::input))
        .routes(routes!(api::executions::resume))
        .routes(routes!(api::executions::retry))
        .routes(routes!(api::executions::cancel))
        .routes(routes!(api::executions::run))
        .routes(routes!(api::triggers::list, api::triggers::create))
        .routes(routes!(api::triggers::get, api::triggers::update, api::triggers::delete))
        .routes(routes!(api::triggers::fire))
        .routes(routes!(api::waiting::queue))
        .routes(routes!(api::waiting::mine))
        .routes(routes!(api::waiting::fallback))
        .routes(routes!(api::waiting::statistics))
        .routes(routes!(api::flows::list, api::flows::create))
        .routes(routes!(api::flows::get, api::flows::update, api::flows::delete))
        .routes(routes!(api::versions::list))
        .routes(routes!(api::versions::get))
        .routes(routes!(api::deploy::deploy))
        .routes(routes!(api::deploy::undeploy))
        .routes(routes!(api::deploy::status))
        .routes(routes!(api::package::export))
        .merge(api::public::routes())
        .with_state(flows)
}

/// The console's pages.
pub fn console(flows: Flows) -> axum::Router {
    console::routes().with_state(flows)
}

/// The background work.
pub fn jobs(flows: &Flows) -> Registry {
    Registry::default()
        .with::<jobs::deploy::Deploy>(flows.clone())
        .with::<UserAuthenticated>(Arc::new(jobs::wake::Waker(flows.clone())))
        .every(SCHEDULE_SECONDS, jobs::schedules::Schedules, flows.clone())
        .every(SWEEP_SECONDS, jobs::sweep::Sweep, flows.clone())
}

/// What ends when a database comes back from a backup: whose turn it was.
///
/// # Errors
/// When the database fails.
pub async fn after_restore(tx: &mut Tx) -> gatehouse_store::Result<()> {
    store::claims::forget_all(tx).await
}
