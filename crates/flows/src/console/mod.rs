//! The console's pages.

use axum::Router;

use crate::Flows;

/// The routes.
pub(crate) fn routes() -> Router<Flows> {
    Router::new()
}
