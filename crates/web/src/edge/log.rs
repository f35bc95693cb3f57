use std::error::Error as StdError;
use std::fmt::Write;
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use gatehouse_types::{Error, Kind, RequestId};

use super::negotiate::wants_json;
use crate::html::view::is_partial;
use crate::json::error::Failure;

/// What is told about a request afterwards. Never the query string: it may carry secrets.
pub(crate) struct Seen {
    pub(crate) request_id: RequestId,
    pub(crate) path: String,
    pub(crate) wants_json: bool,
    pub(crate) partial: bool,
    method: &'static str,
    route: String,
    trace_id: Option<TraceId>,
}

/// The trace that a request belongs to (W3C Trace Context), in hex; put among its extensions, it is in its log lines.
#[derive(Clone, Debug)]
pub struct TraceId(pub String);

impl Seen {
    pub(crate) fn of(request: &Request, request_id: RequestId) -> Self {
        let route = request.extensions().get::<MatchedPath>().map_or("(none)", MatchedPath::as_str);
        Self {
            request_id,
            path: request.uri().path().to_owned(),
            wants_json: wants_json(request.uri().path(), request.headers()),
            partial: is_partial(request.headers()),
            method: known_method(request.method()),
            route: route.to_owned(),
            trace_id: request.extensions().get().cloned(),
        }
    }
}

/// The line in the access log, the numbers, and the private cause of a failure: once, here.
pub(super) fn record(seen: &Seen, response: &Response, took: Duration) {
    let Seen { request_id, method, route, .. } = seen;
    let trace_id = seen.trace_id.as_ref().map(|t| t.0.as_str());
    let status = response.status().as_u16();
    let failure = response.extensions().get::<Failure>();
    let cause = failure.map(|f| &*f.0).and_then(Error::cause).map(chain);
    let ours = failure.is_some_and(|f| f.0.kind() == Kind::Internal);
    let ms = millis(took);
    if ours {
        tracing::error!(%request_id, method, route, trace_id, cause = cause.as_deref(), "a request failed on our side");
    }
    let cause = cause.as_deref().filter(|_| !ours);
    tracing::info!(target: "gatehouse::http", method, route, status, ms, %request_id, trace_id, cause, "request");
    let labels = [("method", method.to_string()), ("route", route.clone()), ("status", status.to_string())];
    metrics::counter!("http_requests_total", &labels).increment(1);
    metrics::histogram!("http_request_seconds", &labels[..2]).record(took.as_secs_f64());
}

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

/// The line of a request that went well on a way of its own.
pub(super) fn line(
    request_id: &RequestId,
    method: &'static str,
    route: &'static str,
    status: StatusCode,
    took: Duration,
) {
    let (ms, status) = (millis(took), status.as_u16());
    tracing::info!(target: "gatehouse::http", method, route, status, ms, %request_id, "request");
}

/// The numbers of one route and status, looked up once.
#[derive(Debug)]
pub(super) struct Numbers(Vec<(&'static str, metrics::Counter, metrics::Histogram)>);

impl Numbers {
    pub(super) fn new(route: &'static str, status: StatusCode) -> Self {
        let of = |method: &'static str| {
            let labels = [
                ("method", method.to_owned()),
                ("route", route.to_owned()),
                ("status", status.as_str().to_owned()),
            ];
            let count = metrics::counter!("http_requests_total", &labels);
            (method, count, metrics::histogram!("http_request_seconds", &labels[..2]))
        };
        Self(KNOWN.into_iter().chain([OTHER]).map(of).collect())
    }

    pub(super) fn count(&self, method: &Method, took: Duration) {
        let method = known_method(method);
        if let Some((_, count, seconds)) = self.0.iter().find(|(m, ..)| *m == method) {
            count.increment(1);
            seconds.record(took.as_secs_f64());
        }
    }
}

/// A cause with its own causes.
fn chain(error: &(dyn StdError + Send + Sync)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let _ = write!(text, ": {cause}");
        next = cause.source();
    }
    text
}

const KNOWN: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
const OTHER: &str = "OTHER";

/// Invented methods share one name, so that they do not fill the metrics.
pub fn known_method(method: &Method) -> &'static str {
    KNOWN.into_iter().find(|k| *k == method.as_str()).unwrap_or(OTHER)
}
