use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gatehouse_types::{Error, Kind};
use serde::Serialize;

use crate::edge::present::Presentable;

/// `Result` of an API handler.
pub type ApiResult<T> = Result<T, ApiError>;

/// A failure on its way out of an API handler, in the one JSON form of the product.
///
/// The private cause stays out of the body: it travels as [`Failure`] to the access log.
#[derive(Debug)]
pub struct ApiError(pub Error);

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

/// The failure behind an answer, as an extension of it: the edge logs its cause once and may show it another way.
#[derive(Clone, Debug)]
pub struct Failure(pub Arc<Error>);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        json_error(Arc::new(self.0))
    }
}

/// The JSON answer of a failure, with the headers its kind asks for.
pub(crate) fn json_error(error: Arc<Error>) -> Response {
    let body = axum::Json(ErrorBody::from(&*error));
    let mut response = (status_of(error.kind()), body).into_response();
    failure_headers(&error, &mut response);
    response.extensions_mut().insert(Failure(error));
    response.extensions_mut().insert(Presentable);
    response
}

/// `WWW-Authenticate` on 401 (RFC 9110 §11.6.1), `Retry-After` on 429 and 503 (§10.2.3).
pub(crate) fn failure_headers(error: &Error, response: &mut Response) {
    let headers = response.headers_mut();
    if error.kind() == Kind::Authentication {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    let wait = match error.kind() {
        Kind::RateLimited | Kind::Unavailable => Some(error.retry_after().unwrap_or(DEFAULT_RETRY_SECONDS)),
        _ => None,
    };
    if let Some(seconds) = wait {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
}

/// What `Retry-After` says when the failure does not know better.
const DEFAULT_RETRY_SECONDS: u32 = 5;

/// The status a kind is answered with.
pub const fn status_of(kind: Kind) -> StatusCode {
    match kind {
        Kind::Validation | Kind::InvalidRequest => StatusCode::BAD_REQUEST,
        Kind::Authentication => StatusCode::UNAUTHORIZED,
        Kind::Authorization | Kind::SsoRequired => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
        Kind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        Kind::Script => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// The `type` a kind is named with.
pub const fn type_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Validation => "validation_error",
        Kind::InvalidRequest => "invalid_request_error",
        Kind::Authentication => "authentication_error",
        Kind::Authorization => "authorization_error",
        Kind::SsoRequired => "sso_required",
        Kind::NotFound => "not_found",
        Kind::MethodNotAllowed => "method_not_allowed",
        Kind::Conflict => "conflict",
        Kind::PayloadTooLarge => "payload_too_large",
        Kind::RateLimited => "rate_limit_error",
        Kind::Internal => "internal_error",
        Kind::Unavailable => "service_unavailable",
        Kind::StorageFull => "storage_full",
        Kind::Timeout => "timeout_error",
        Kind::Script => "script_error",
    }
}

/// The body of every failure.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ErrorBody {
    /// What failed.
    pub error: ErrorObject,
}

/// What failed, and what to do next.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorObject {
    /// The kind of failure; stable, for programs.
    #[serde(rename = "type")]
    #[schema(example = "validation_error")]
    pub kind: String,
    /// What happened and what to do next; for people, may change.
    #[schema(example = "pageSize must be between 1 and 100.")]
    pub message: String,
    /// The field that breaks the rule, as a path like `samlConfig.certificates[0]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// When several fields break rules: what is wrong with each, by its path.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// The id of the recorded reason; `GET /api/v1/decisions/{id}` explains it to those who may know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// Where to go next, for instance to sign in through an identity provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_url: Option<String>,
    /// The run of a script that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// Where in the script it failed, in the words of its language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceback: Option<String>,
}

impl From<&Error> for ErrorBody {
    fn from(error: &Error) -> Self {
        Self {
            error: ErrorObject {
                kind: type_of(error.kind()).to_owned(),
                message: error.message().to_owned(),
                field: error.field().map(str::to_owned),
                fields: several(error),
                decision: error.decision().map(ToString::to_string),
                redirect_url: error.redirect_url().map(str::to_owned),
                run_id: error.call().map(|call| call.run.clone()),
                traceback: error.call().and_then(|call| call.traceback.clone()),
            },
        }
    }
}

fn several(error: &Error) -> BTreeMap<String, String> {
    let all = || error.fields().map(|(field, message)| (field.to_owned(), message.to_owned()));
    if all().count() > 1 { all().collect() } else { BTreeMap::new() }
}

#[cfg(test)]
mod tests {
    use gatehouse_types::{DecisionId, Id};

    use super::*;
    use crate::edge::testing::body_text;

    #[tokio::test]
    async fn a_failure_has_one_form_and_hides_its_cause() {
        let error = Error::internal(std::io::Error::other("password=hunter2"));
        let response = ApiError(error).into_response();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(response.extensions().get::<Failure>().is_some());
        let body = body_text(response).await;
        assert!(body.starts_with(r#"{"error":{"type":"internal_error","message":"#), "{body}");
        assert!(!body.contains("hunter2"));
    }

    #[tokio::test]
    async fn field_decision_and_redirect_appear_only_when_there_are_any() {
        let error = Error::new(Kind::SsoRequired, "Sign in through your company first.")
            .decided(DecisionId::from_stored("dec_1".into()))
            .with_redirect("/sso/con_1/start");
        let response = ApiError(error).into_response();
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert_eq!(
            body_text(response).await,
            r#"{"error":{"type":"sso_required","message":"Sign in through your company first.","decision":"dec_1","redirectUrl":"/sso/con_1/start"}}"#
        );
    }

    #[test]
    fn a_refusal_says_when_or_how_to_come_back() {
        let limited = ApiError(Error::rate_limited(17)).into_response();
        assert_eq!(limited.headers()[header::RETRY_AFTER], "17");
        let busy = ApiError(Error::unavailable("Starting up.")).into_response();
        assert_eq!(busy.headers()[header::RETRY_AFTER], "5");
        let nobody = ApiError(Error::authentication("Sign in first.")).into_response();
        assert_eq!(nobody.headers()[header::WWW_AUTHENTICATE], "Bearer");
    }
}
