//! Gives every failure its one form: JSON to programs, a page to people, a fragment to htmx.

use std::sync::Arc;

use axum::http::{StatusCode, header};
use axum::response::Response;
use gatehouse_types::{Error, Kind};

use super::context::Web;
use super::log::Seen;
use crate::html::error_page;
use crate::json::error::{Failure, json_error};

/// Marks a failure whose body the edge may replace; what other renderers wrote (SCIM) stays as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Presentable;

pub(super) fn present(
    mut response: Response,
    seen: &Seen,
    web: &Web,
    form: Option<fn(&Error) -> Response>,
) -> Response {
    if let Some(error) = bare_failure(&response) {
        response.extensions_mut().insert(Failure(Arc::new(error)));
        response.extensions_mut().insert(Presentable);
    }
    if response.extensions_mut().remove::<Presentable>().is_none() {
        return response;
    }
    let Some(Failure(error)) = response.extensions().get::<Failure>().cloned() else { return response };
    let shown = match form {
        Some(show) => show(&error),
        None if seen.wants_json => json_error(error),
        None => error_page::render(&error, response.status(), seen.partial, web),
    };
    with_body_of(response, shown)
}

/// The answer with status, headers and extensions of `response`, and body and content type of `shown`.
fn with_body_of(response: Response, shown: Response) -> Response {
    let (mut parts, _) = response.into_parts();
    let (shown_parts, body) = shown.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    for (name, value) in &shown_parts.headers {
        parts.headers.insert(name, value.clone());
    }
    Response::from_parts(parts, body)
}

/// The failure meant by an answer without content: what the router itself says about paths and methods.
fn bare_failure(response: &Response) -> Option<Error> {
    let status = response.status();
    let failed = status.is_client_error() || status.is_server_error();
    if !failed || response.headers().contains_key(header::CONTENT_TYPE) {
        return None;
    }
    Some(match status {
        StatusCode::NOT_FOUND => Error::new(Kind::NotFound, "There is nothing at this address."),
        StatusCode::METHOD_NOT_ALLOWED => {
            Error::new(Kind::MethodNotAllowed, "This address exists, but it does not take this method.")
        }
        StatusCode::PAYLOAD_TOO_LARGE => crate::json::body::too_large(),
        StatusCode::SERVICE_UNAVAILABLE => {
            Error::unavailable("Not available right now. Try again in a moment.")
        }
        s if s.is_server_error() => Error::internal(format!("an answer {s} without a reason")),
        _ => Error::invalid_request("The request is not understood."),
    })
}
