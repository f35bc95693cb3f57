//! Customers' code: projects that are uploaded, deployed and called.
//!
//! `archive/` judges uploaded files and `model/` says what scripts are; both know no database. `host/` keeps replicas in
//! the sandbox. A call's way: `api/call` → [`Scripts`] finds the key → `host/set` the replica with the fewest calls →
//! the sandbox → the record of the run.

mod api;
pub mod archive;
mod console;
pub mod dependencies;
pub mod endpoint;
mod host;
mod jobs;
pub mod model;
mod multipart;
mod places;
pub mod samples;
pub mod scaling;
mod scripts;
mod service;
mod store;

use std::time::Duration;

use axum::extract::{DefaultBodyLimit, FromRef};
use gatehouse_identity::Identity;
use gatehouse_store::jobs::Registry;
use gatehouse_web::Patience;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use host::Host;
pub use host::packages::{Programs, Source};
pub use scripts::{Dialer, OnThisMachine, Options, Scripts, on_this_machine};
pub use service::calls::Called;

/// How often is forgotten what is past its time, in seconds.
const SWEEP_SECONDS: i64 = 3_600;
/// Requests that take longer than others: calls of functions, and uploads.
pub const PATIENCE: [Patience; 4] = [
    Patience { under: "/api/public/scripts", timeout: Duration::from_secs(640) },
    Patience { under: "/api/v1/scripts", timeout: Duration::from_secs(3_600) },
    Patience { under: "/scripts/new", timeout: Duration::from_secs(3_600) },
    Patience { under: "/api/v1/files", timeout: Duration::from_secs(900) },
];
/// What an upload may be longer than its file, in bytes: the settings beside it.
const UPLOAD_MARGIN: usize = 4 * 1024 * 1024;

impl FromRef<Scripts> for Identity {
    fn from_ref(scripts: &Scripts) -> Self {
        scripts.0.identity.clone()
    }
}

/// The API: every operation is in the OpenAPI document.
pub fn api(scripts: Scripts) -> OpenApiRouter {
    let uploads = OpenApiRouter::new()
        .routes(routes!(api::scripts::list, api::scripts::import))
        .routes(routes!(api::scripts::get, api::scripts::change, api::scripts::delete))
        .routes(routes!(api::deploy::redeploy))
        .routes(routes!(api::projects::validate))
        .routes(routes!(api::files::list, api::files::upload))
        .layer(DefaultBodyLimit::max(archive_bytes() + UPLOAD_MARGIN));
    let calls = OpenApiRouter::new()
        .routes(routes!(api::call::call))
        .layer(DefaultBodyLimit::max(service::calls::MAX_ARGUMENTS));
    OpenApiRouter::new()
        .routes(routes!(api::projects::sample))
        .routes(routes!(api::deploy::deploy))
        .routes(routes!(api::deploy::undeploy))
        .routes(routes!(api::deploy::cancel))
        .routes(routes!(api::deploy::deployments))
        .routes(routes!(api::deploy::rename))
        .routes(routes!(api::projects::export))
        .routes(routes!(api::endpoint::endpoint))
        .routes(routes!(api::keys::list, api::keys::create))
        .routes(routes!(api::keys::delete))
        .routes(routes!(api::runs::runs))
        .routes(routes!(api::runs::logs))
        .routes(routes!(api::runs::statistics))
        .routes(routes!(api::runs::credits))
        .routes(routes!(api::runs::profiles))
        .routes(routes!(api::runs::runtimes))
        .routes(routes!(api::files::delete))
        .merge(uploads)
        .merge(calls)
        .with_state(scripts)
}

fn archive_bytes() -> usize {
    usize::try_from(archive::MAX_ARCHIVE_BYTES).unwrap_or(usize::MAX)
}

/// The console's pages.
pub fn console(scripts: Scripts) -> axum::Router {
    console::routes().with_state(scripts)
}

/// The background work.
pub fn jobs(scripts: &Scripts) -> Registry {
    Registry::default().every(SWEEP_SECONDS, jobs::Sweep, scripts.clone())
}
