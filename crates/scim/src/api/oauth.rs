//! `POST /scim/oauth/token`: client credentials (RFC 6749 §4.4), for providers that take nothing else.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gatehouse_types::{Error, Kind, Secret};
use gatehouse_web::RequestOrigin;
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::Scim;
use crate::service::access_token::{ACCESS_SECONDS, no_client};

/// The largest request, in bytes.
const MAX_REQUEST: usize = 8 * 1024;

pub(crate) fn routes() -> Router<Scim> {
    Router::new()
        .route("/scim/oauth/token", post(token))
        .layer(axum::extract::DefaultBodyLimit::max(MAX_REQUEST))
}

/// What a request holds.
#[derive(Default)]
struct Asked {
    grant_type: String,
    client: Option<(String, Secret)>,
}

/// The client of `Authorization: Basic …`, whose parts are form-encoded (RFC 6749 §2.3.1).
fn basic(headers: &HeaderMap) -> Option<(String, Secret)> {
    let (scheme, value) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let text = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(value.trim()).ok())??;
    let text = Secret::new(String::from_utf8(text).ok()?);
    let (id, secret) = text.expose().split_once(':')?;
    let decoded = |part: &str| form_urlencoded::parse(part.as_bytes()).next().map(|(k, _)| k.into_owned());
    Some((decoded(id)?, Secret::new(decoded(secret)?)))
}

fn asked(headers: &HeaderMap, body: &[u8]) -> Asked {
    let mut asked = Asked { client: basic(headers), ..Asked::default() };
    let (mut id, mut secret) = (None, None);
    for (name, value) in form_urlencoded::parse(body) {
        match &*name {
            "grant_type" => asked.grant_type = value.into_owned(),
            "client_id" => id = Some(value.into_owned()),
            "client_secret" => secret = Some(Secret::new(value.into_owned())),
            _ => {}
        }
    }
    asked.client = asked.client.or_else(|| id.zip(secret));
    asked
}

/// A refusal in the form of RFC 6749 §5.2.
fn refused(status: StatusCode, code: &'static str, said: &str) -> Response {
    let body = json!({"error": code, "error_description": said});
    let mut response = answer(status, &body);
    if status == StatusCode::UNAUTHORIZED {
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"scim\""));
    }
    response
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let plain = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
        (header::PRAGMA, "no-cache"),
    ];
    (status, plain, body.to_string()).into_response()
}

fn failed(error: &Error) -> Response {
    let said = match error.decision() {
        Some(decision) => format!("{} (decision {decision})", error.message()),
        None => error.message().to_owned(),
    };
    match error.kind() {
        Kind::Authentication => refused(StatusCode::UNAUTHORIZED, "invalid_client", &said),
        kind => refused(gatehouse_web::status_of(kind), "server_error", &said),
    }
}

async fn token(
    State(scim): State<Scim>,
    RequestOrigin(origin): RequestOrigin,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> Response {
    let asked = asked(&headers, &body);
    if asked.grant_type != "client_credentials" {
        let code = if asked.grant_type.is_empty() { "invalid_request" } else { "unsupported_grant_type" };
        return refused(
            StatusCode::BAD_REQUEST,
            code,
            "The grant_type must be client_credentials, in a form.",
        );
    }
    let Some((id, secret)) = asked.client else { return failed(&no_client()) };
    match scim.access_token(origin, &id, secret.expose()).await {
        Err(error) => failed(&error),
        Ok(made) => answer(
            StatusCode::OK,
            &json!({
                "access_token": made.value.expose(), "token_type": "Bearer", "expires_in": ACCESS_SECONDS,
                "scope": made.scopes.to_string(),
            }),
        ),
    }
}
