//! Requests through profiles.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use gatehouse_identity::Caller;
use gatehouse_types::{AuthProfileId, OutboundCallId};
use gatehouse_web::{ApiResult, ErrorBody, Json, Path, Query};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::authorize::OwnerIn;
use super::test::RequestOutline;
use crate::Connect;
use crate::call::Called;
use crate::call::handed::{self, handed_on};
use crate::profiles::service::draft::Outline;
use crate::profiles::service::request::Wanted;

/// A request to send through a profile.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = ProfileRequestIn)]
pub(crate) struct RequestIn {
    /// GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS.
    method: String,
    /// A whole https address, at a host where the profile's tokens may go.
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// A text goes out as it is, everything else as JSON. GET and HEAD carry none.
    body: Option<Value>,
    /// As the workspace (`service`) or as oneself (`person`).
    #[serde(rename = "as")]
    as_whom: Option<OwnerIn>,
}

/// What came back.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ProfileRequestOut)]
pub(crate) struct RequestOut {
    /// The answer's status; `null` in a trial run, which sends nothing.
    status: Option<u16>,
    headers: BTreeMap<String, String>,
    /// The answer's body, as text or in base64.
    body: String,
    /// `text` or `base64`.
    body_encoding: &'static str,
    /// The size of the body.
    bytes: usize,
    /// Whether a first token was refused, and this is the answer to the second.
    retried: bool,
    duration_ms: i64,
    /// The entry in `GET /api/v1/outbound-calls`.
    #[schema(value_type = Option<String>)]
    call_id: Option<OutboundCallId>,
    /// Which of the grant's tokens was sent.
    credential_version: Option<i64>,
    /// What was sent, with its secrets masked.
    request: RequestOutline,
}

impl RequestOut {
    fn of(called: Option<Called>, outline: Outline) -> Self {
        let request = RequestOutline {
            method: outline.method,
            url: outline.url,
            headers: outline.headers.into_iter().collect(),
            body: outline.body.map(Value::String),
        };
        let Some(Called { id, response, retried, version, duration_ms }) = called else {
            let (headers, body) = (BTreeMap::new(), String::new());
            return Self {
                status: None,
                headers,
                body,
                body_encoding: "text",
                bytes: 0,
                retried: false,
                duration_ms: 0,
                call_id: None,
                credential_version: None,
                request,
            };
        };
        let mut headers: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in &response.headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            let all = headers.entry(name.to_string()).or_default();
            if !all.is_empty() {
                all.push_str(", ");
            }
            all.push_str(&value);
        }
        let bytes = response.body.len();
        let (body, body_encoding) = match String::from_utf8(response.body) {
            Ok(text) => (text, "text"),
            Err(e) => (BASE64_STANDARD.encode(e.as_bytes()), "base64"),
        };
        Self {
            status: Some(response.status.as_u16()),
            headers,
            body,
            body_encoding,
            bytes,
            retried,
            duration_ms,
            call_id: Some(id),
            credential_version: Some(version),
            request,
        }
    }
}

/// How the answer comes.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct HowIn {
    /// `true`: the answer's body as it is, piece by piece, up to 1 GiB in 10 minutes; else in JSON, up to 2 MiB in 20 seconds.
    #[serde(default)]
    stream: bool,
}

/// Send one request through a profile: token and fields are put in, and what comes back is the answer, whatever its status.
/// A token that is refused is replaced once. Members send only as themselves, to the hosts that the profile names. With
/// `?stream=true` the answer's own body comes piece by piece: status and call are in the headers `Gatehouse-Status`,
/// `Gatehouse-Call-Id`, `Gatehouse-Credential-Version` and `Gatehouse-Retried`.
#[utoipa::path(post, operation_id = "requestThroughAuthProfile", path = "/api/v1/auth-profiles/{id}/request", tag = "Authorization profiles", params(("id" = String, Path), HowIn), request_body = RequestIn, responses(
    (status = 200, content((RequestOut = "application/json"), (String = "*/*"))),
    (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, description = "Without the right, or to a host where the profile's tokens may not go", body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, description = "It must be authorized first", body = ErrorBody),
    (status = 429, description = "Too many in a minute", body = ErrorBody),
    (status = 503, description = "The provider or the outside is not reached", body = ErrorBody),
))]
pub(crate) async fn request(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Path(id): Path<AuthProfileId>,
    Query(how): Query<HowIn>,
    headers: HeaderMap,
    Json(input): Json<RequestIn>,
) -> ApiResult<Response> {
    let wanted = Wanted {
        method: input.method,
        url: input.url,
        headers: input.headers.into_iter().collect(),
        body: input.body,
        as_workspace: input.as_whom.map(OwnerIn::is_service),
    };
    // a trial sends nothing, and so there is nothing to hand on
    if how.stream && actor.origin.dry_run.is_none() {
        handed::not_kept(&headers)?;
        return Ok(handed_on(connect.stream_profile_request(&actor, &id, &wanted).await?));
    }
    let (called, outline) = connect.profile_request(&actor, &id, &wanted).await?;
    Ok(Json(RequestOut::of(called, outline)).into_response())
}
