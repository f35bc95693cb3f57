//! Answers and refusals in SCIM's own form (RFC 7644 §3.12, §8.1).

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gatehouse_web::Failure;
use serde_json::Value;

use crate::refused::Refused;

/// The media type of SCIM.
const SCIM_JSON: HeaderValue = HeaderValue::from_static("application/scim+json");
/// What clients get that ask for it and not for SCIM's own.
const PLAIN_JSON: HeaderValue = HeaderValue::from_static("application/json");

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

fn with_body(status: u16, media: HeaderValue, body: Option<&Value>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let Some(body) = body else { return (status, Body::empty()).into_response() };
    (status, [(header::CONTENT_TYPE, media)], body.to_string()).into_response()
}
