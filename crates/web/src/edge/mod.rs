//! What every request passes first and every answer last.

pub(crate) mod config;
pub(crate) mod context;
pub(crate) mod headers;
pub(crate) mod lane;
pub(crate) mod log;
pub(crate) mod negotiate;
mod origin;
pub(crate) mod present;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use gatehouse_types::{Error, Kind};
use tower_http::catch_panic::CatchPanicLayer;

use crate::json::dry_run::dry_run;
use crate::json::error::ApiError;
use config::{Edge, EdgeConfig};
use log::Seen;

/// Puts the edge around a finished router; call it once, last.
///
/// Every request gets a request id, an `Origin`, a body limit and a deadline; every answer, of whatever route, gets
/// the security headers, the one error form and a line in the access log. `?dryRun=true` is understood.
pub fn edge(router: Router, config: EdgeConfig) -> Router {
    let body_limit = config.body_limit;
    router
        .layer(from_fn(dry_run))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(DefaultBodyLimit::max(body_limit))
        .layer(from_fn_with_state(Arc::new(Edge::from(config)), handle))
}

async fn handle(State(edge): State<Arc<Edge>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let request_id = edge.ids.make();
    let seen = Seen::of(&request, request_id);
    let web = edge.web(&seen);
    let origin = origin::of(&request, seen.request_id.clone(), &edge.trusted_proxies);
    request.extensions_mut().insert(origin);
    request.extensions_mut().insert(web.clone());
    let answered = tokio::time::timeout(edge.timeout_at(&seen.path), next.run(request)).await;
    let response = answered.unwrap_or_else(|_| timed_out());
    let mut response = present::present(response, &seen, &web, edge.form_at(&seen.path));
    web.settle_cookies(&mut response);
    headers::secure(&mut response, &seen.request_id, web.public_url().is_https());
    log::record(&seen, &response, started.elapsed());
    response
}

fn timed_out() -> Response {
    ApiError(Error::new(Kind::Timeout, "This took too long and was given up. Try again.")).into_response()
}

/// tower-http wants the box itself.
#[expect(clippy::needless_pass_by_value, reason = "the signature is the layer's")]
fn panicked(payload: Box<dyn Any + Send>) -> Response {
    let words = payload.downcast_ref::<&str>().map(ToString::to_string);
    let words = words.or_else(|| payload.downcast_ref::<String>().cloned());
    ApiError(Error::internal(format!("panic: {}", words.unwrap_or_default()))).into_response()
}
