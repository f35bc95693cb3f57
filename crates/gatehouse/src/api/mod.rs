//! The parts of the API that belong to no single feature: audit, decisions, outbox, health, the document itself.

pub(crate) mod audit;
pub(crate) mod decisions;
pub(crate) mod health;
pub(crate) mod openapi;
pub(crate) mod outbox;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;

pub(crate) fn routes(app: App) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(audit::list))
        .routes(routes!(audit::export))
        .routes(routes!(audit::list_keys))
        .routes(routes!(decisions::get))
        .routes(routes!(outbox::list))
        .with_state(app)
}
