//! Answers and refusals in SCIM's own form (RFC 7644 §3.12, §8.1).

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gatehouse_types::Error;
use gatehouse_web::{Allowance, Failure};
use serde_json::Value;

use crate::refused::{Refused, shown};

/// The media type of SCIM.
const SCIM_JSON: HeaderValue = HeaderValue::from_static("application/scim+json");
/// What clients get that ask for it and not for SCIM's own.
const PLAIN_JSON: HeaderValue = HeaderValue::from_static("application/json");

const RATE_LIMIT: HeaderName = HeaderName::from_static("x-rate-limit-limit");
const RATE_REMAINING: HeaderName = HeaderName::from_static("x-rate-limit-remaining");
const RATE_RESET: HeaderName = HeaderName::from_static("x-rate-limit-reset");
const RATE_RETRY: HeaderName = HeaderName::from_static("x-rate-limit-retry-after-seconds");

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Option<Value>,
    pub(crate) headers: Vec<(HeaderName, String)>,
}

impl Answer {
    pub(crate) fn ok(body: Value) -> Self {
        Self { status: 200, body: Some(body), headers: Vec::new() }
    }

    /// An answer without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, body: None, headers: Vec::new() }
    }

    /// The same with a header.
    pub(crate) fn with(mut self, name: HeaderName, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// Whether the caller asks for plain JSON and not for SCIM's own type.
fn wants_plain(headers: &HeaderMap) -> bool {
    let accepts: Vec<_> = headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok()).collect();
    let names = |wanted: &str| accepts.iter().any(|a| a.to_ascii_lowercase().contains(wanted));
    names("application/json") && !names("application/scim+json")
}

/// The response for a caller with these headers.
pub(crate) fn response(asked: &HeaderMap, answered: Result<Answer, Refused>) -> Response {
    let media = if wants_plain(asked) { PLAIN_JSON } else { SCIM_JSON };
    let refused = match answered {
        Ok(Answer { status, body, headers }) => {
            let mut response = with_body(status, media, body.as_ref());
            for (name, value) in headers {
                if let Ok(value) = HeaderValue::from_str(&value) {
                    response.headers_mut().insert(name, value);
                }
            }
            return response;
        }
        Err(refused) => refused,
    };
    let (status, body) = refused.shown();
    let mut response = with_body(status, media, Some(&body));
    if status == 401 {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Refused::Ours(error) = refused {
        if let Some(seconds) = error.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(Failure(Arc::new(error)));
    }
    response
}

/// A failure of the edge in SCIM's form.
pub(crate) fn failure(error: &Error) -> Response {
    let (status, body) = shown(error);
    with_body(status, SCIM_JSON, Some(&body))
}

/// The allowance of the caller, in the headers that SailPoint's connector reads; a refusal says when to come again.
pub(crate) fn tell_allowance(response: &mut Response, allowance: Allowance) {
    let wait = response.headers().get(header::RETRY_AFTER).cloned();
    let wait = wait.filter(|_| response.status() == StatusCode::TOO_MANY_REQUESTS);
    let headers = response.headers_mut();
    for (name, number) in [
        (RATE_LIMIT, allowance.limit),
        (RATE_REMAINING, allowance.left),
        // seconds until the whole allowance is there again
        (RATE_RESET, allowance.full_in),
    ] {
        headers.insert(name, HeaderValue::from(number));
    }
    if let Some(wait) = wait {
        headers.insert(RATE_RETRY, wait);
    }
}

fn with_body(status: u16, media: HeaderValue, body: Option<&Value>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let Some(body) = body else { return (status, Body::empty()).into_response() };
    (status, [(header::CONTENT_TYPE, media)], body.to_string()).into_response()
}
