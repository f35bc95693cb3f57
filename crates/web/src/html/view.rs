use std::convert::Infallible;
use std::sync::Arc;

use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::{Html, IntoResponse, Response};
use gatehouse_types::Error;

use crate::edge::present::Presentable;
use crate::json::error::{ApiError, Failure, failure_headers, status_of};

/// `Result` of a page handler.
pub type HtmlResult<T> = Result<T, HtmlError>;

/// A template as an answer: a whole page, or a fragment for htmx.
#[derive(Clone, Debug)]
pub struct View<T>(pub T);

impl<T: Template> IntoResponse for View<T> {
    fn into_response(self) -> Response {
        match self.0.render() {
            Ok(text) => Html(text).into_response(),
            Err(e) => HtmlError(Error::internal(e)).into_response(),
        }
    }
}

/// A failure on its way out of a page handler. The edge shows it: a page to people, a fragment to htmx, JSON to a
/// client that prefers it.
#[derive(Debug)]
pub struct HtmlError(pub Error);

impl From<Error> for HtmlError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<ApiError> for HtmlError {
    fn from(error: ApiError) -> Self {
        Self(error.0)
    }
}

impl IntoResponse for HtmlError {
    fn into_response(self) -> Response {
        let mut response = (status_of(self.0.kind()), self.0.message().to_owned()).into_response();
        failure_headers(&self.0, &mut response);
        response.extensions_mut().insert(Failure(Arc::new(self.0)));
        response.extensions_mut().insert(Presentable);
        response
    }
}

/// Whether htmx asks for a part of a page (`HX-Request-Type: partial`); such an answer needs no frame.
#[derive(Clone, Copy, Debug)]
pub struct Partial(pub bool);

impl<S: Send + Sync> FromRequestParts<S> for Partial {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(is_partial(&parts.headers)))
    }
}

pub(crate) fn is_partial(headers: &HeaderMap) -> bool {
    headers.get("hx-request-type").is_some_and(|v| v == "partial")
}
