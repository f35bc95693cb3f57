//! The console's page of single sign-on.

use axum::Router;

use crate::Sso;

pub(crate) fn routes() -> Router<Sso> {
    Router::new()
}
